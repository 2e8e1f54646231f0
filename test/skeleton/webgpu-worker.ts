// Runs in a process of its own, whose environment names the Vulkan driver. Prints one JSON line per case for webgpu.test.ts.
import assert from 'node:assert/strict'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { operatorKeys } from '../../src/graph/plan.ts'
import { createWebgpuDevice } from '../../src/graph/webgpu-device.ts'
import { load, MleError, tensor } from '../../src/index.ts'
import { Model } from '../../src/model.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import { gpuKernels } from '../../src/ops/webgpu/index.ts'
import { requestGpuDevice } from '../../src/platform/gpu.ts'
import { body, bool, BOOL, float32 } from './graphs.ts'

const F32 = { dtype: 'float32', shape: ['batch', 4] } as const

function weights(rows: number, columns: number, seed: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => (((i * 2654435761 + seed * 40503) % 1000) - 500) / 500)
}

/** relu(x w1 + b1) -> an operator that only cpu has -> (. w2 + b2): two submissions around an island. */
function islandGraph(): Graph {
  const b = graphBuilder()
  const x = b.input('X', F32)
  const hidden = b.add('Relu', [b.add('Add', [b.add('MatMul', [x, b.constant(tensor(weights(4, 8, 1), [4, 8]))]), b.constant(tensor(weights(1, 8, 2), [8]))])])
  const island = b.add('Softmax', [hidden], { axis: -1 })
  const y = b.add('Add', [b.add('MatMul', [island, b.constant(tensor(weights(8, 3, 3), [8, 3]))]), b.constant(tensor(weights(1, 3, 4), [3]))])
  b.output('Y', y, { dtype: 'float32', shape: ['batch', 3] })
  b.output('H', hidden, { dtype: 'float32', shape: ['batch', 8] })
  return b.build()
}

/** The same on cpu and webgpu, within the bound of products in float32. */
async function agree(gpu: Model, cpu: Model, inputs: Parameters<Model['run']>[0]): Promise<void> {
  const [actual, expected] = [await gpu.run(inputs), await cpu.run(inputs)]
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(actual[name].shape, value.shape)
    const [a, e] = [actual[name].data as Float32Array, value.data as Float32Array]
    e.forEach((number, i) => assert.ok(Math.abs(a[i] - number) <= 1e-6 + 16 * 2 ** -24 * 8, `${name}[${i}]: ${a[i]} against ${number}`))
  }
}

const rows = (count: number): { X: ReturnType<typeof tensor> } => ({ X: tensor(weights(count, 4, count), [count, 4]) })
const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

const cases: Record<string, () => Promise<void>> = {
  async 'two operators on the GPU with a cpu-only operator between them equal cpu'() {
    const graph = islandGraph()
    const [gpu, cpu] = [await load(graph, { device: 'webgpu' }), await load(graph, { device: 'cpu' })]
    // Another shape, then the first again: buffers of both live side by side.
    for (const count of [1, 5, 300, 5, 1]) await agree(gpu, cpu, rows(count))
    gpu.dispose()
  },
  async 'one submission for each side of the island, one readback each, weights uploaded once'() {
    const graph = islandGraph()
    const device = await requestGpuDevice()
    const counts = { submit: 0, writeBuffer: 0 }
    const { submit, writeBuffer } = device.queue
    device.queue.submit = (buffers) => {
      counts.submit++
      return submit.call(device.queue, buffers)
    }
    device.queue.writeBuffer = (...parameters: Parameters<typeof writeBuffer>) => {
      counts.writeBuffer++
      return writeBuffer.apply(device.queue, parameters)
    }
    const model = new Model(graph, await createWebgpuDevice(gpuKernels, 2 ** 30, device), await loadOperators(operatorKeys(graph)))
    await model.run(rows(2))
    assert.equal(counts.submit, 2)
    counts.writeBuffer = 0
    await model.run(rows(2))
    assert.equal(counts.submit, 4)
    // X before the first submission, the island's result before the second.
    assert.equal(counts.writeBuffer, 2)
    model.dispose()
    device.destroy()
  },
  async 'an empty batch'() {
    const graph = islandGraph()
    const gpu = await load(graph, { device: 'webgpu' })
    assert.deepEqual((await gpu.run({ X: tensor(new Float32Array(0), [0, 4]) })).Y.shape, [0, 3])
    gpu.dispose()
  },
  async 'concurrent runs on one model do not mix'() {
    const graph = islandGraph()
    const [gpu, cpu] = [await load(graph, { device: 'webgpu' }), await load(graph, { device: 'cpu' })]
    await Promise.all(Array.from({ length: 8 }, (_, i) => agree(gpu, cpu, rows(1 + (i % 3)))))
    gpu.dispose()
  },
  async 'only the outputs asked for are computed and read back'() {
    const graph = islandGraph()
    const [gpu, cpu] = [await load(graph, { device: 'webgpu' }), await load(graph, { device: 'cpu' })]
    const inputs = rows(3)
    assert.deepEqual(Object.keys(await gpu.run(inputs, ['H'])), ['H'])
    assert.deepEqual((await gpu.run(inputs, ['H'])).H.shape, (await cpu.run(inputs, ['H'])).H.shape)
    gpu.dispose()
  },
  async 'control flow is an island that reads values of the GPU'() {
    const b = graphBuilder()
    const h = b.add('Relu', [b.input('X', F32)])
    const cond = b.input('cond', BOOL)
    const chosen = b.add('If', [cond], {
      then_branch: body((t) => t.output('t', t.add('Add', [h, h]), { dtype: 'float32' })),
      else_branch: body((t) => t.output('e', t.add('Identity', [h]), { dtype: 'float32' })),
    })
    b.output('Y', chosen, { dtype: 'float32' })
    const gpu = await load(b.build(), { device: 'webgpu' })
    const X = float32([1, -1, 2, -2], [1, 4])
    assert.deepEqual((await gpu.run({ X, cond: bool(true) })).Y, float32([2, 0, 4, 0], [1, 4]))
    assert.deepEqual((await gpu.run({ X, cond: bool(false) })).Y, float32([1, 0, 2, 0], [1, 4]))
    gpu.dispose()
  },
  async 'a float64 graph is refused unless float32 is asked for'() {
    const b = graphBuilder()
    b.output('Y', b.add('Add', [b.input('X', { dtype: 'float64', shape: ['n'] }), b.constant(tensor([0.5]))]), { dtype: 'float64', shape: ['n'] })
    const graph = b.build()
    await assert.rejects(load(graph, { device: 'webgpu' }), hasCode('DEVICE_FLOAT64'))
    const gpu = await load(graph, { device: 'webgpu', precision: 'float32' })
    assert.deepEqual((await gpu.run({ X: Float64Array.of(1, 2) })).Y, float32([1.5, 2.5]))
    gpu.dispose()
  },
  async 'runSync and sessions are refused, and a disposed model says so'() {
    const gpu = await load(islandGraph(), { device: 'webgpu' })
    assert.throws(() => gpu.runSync(rows(1)), hasCode('DEVICE_ASYNC'))
    assert.throws(() => gpu.session(), hasCode('DEVICE_ASYNC'))
    gpu.dispose()
    await assert.rejects(gpu.run(rows(1)), hasCode('MODEL_DISPOSED'))
  },
}

async function main(): Promise<void> {
  try {
    ;(await requestGpuDevice()).destroy()
  } catch (error) {
    console.log(JSON.stringify({ adapter: error instanceof Error ? error.message : String(error) }))
    return
  }
  for (const [name, run] of Object.entries(cases)) {
    try {
      await run()
      console.log(JSON.stringify({ name }))
    } catch (error) {
      console.log(JSON.stringify({ name, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
    }
  }
}

await main()
// Dawn keeps threads alive.
process.exit(0)
