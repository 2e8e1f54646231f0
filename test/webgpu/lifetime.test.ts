// The life of what a model has on a GPU: nothing is left after dispose, however a load or a run ended; loss and late errors have codes.
import assert from 'node:assert/strict'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor } from '../../src/index.ts'
import { requestGpu } from '../../src/webgpu.ts'
import { rejectsCode } from '../support/errors.ts'
import { gpuTest } from '../support/gpu.ts'

const LOADS = 200

/** relu(X W), an island, a sum: two submissions, weights, readbacks; with `wide` a constant that 32 bits do not hold. */
function network(wide: boolean = false): Graph {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: ['n', 4] })
  const h = b.add('Relu', [b.add('MatMul', [x, b.constant(tensor(Float32Array.from({ length: 16 }, (_, i) => i - 8), [4, 4]))])])
  b.output('Y', b.add('Add', [b.add('mle.NormalQuantile', [b.add('Sigmoid', [h])]), h]), { dtype: 'float32', shape: ['n', 4] })
  if (wide) b.output('big', b.add('Greater', [b.input('id', { dtype: 'int64', shape: ['m'] }), b.constant(tensor(BigInt64Array.of(2n ** 40n), [1]))]), { dtype: 'bool', shape: ['m'] })
  return b.build()
}

const X = tensor(Float32Array.of(1, 2, 3, 4), [1, 4])

interface Live {
  readonly buffers: Set<GPUBuffer>
  readonly queries: Set<GPUQuerySet>
  made: number
}

/** What exists on a GPU of what is made while `run` runs. */
async function livingAfter(gpu: GPUDevice, run: (live: Live) => Promise<void>): Promise<Live> {
  const live: Live = { buffers: new Set(), queries: new Set(), made: 0 }
  const { createBuffer, createQuerySet } = gpu
  const track = <T extends { destroy(): undefined | void }>(all: Set<T>, made: T): T => {
    live.made++
    all.add(made)
    const destroy = made.destroy.bind(made)
    made.destroy = () => {
      all.delete(made)
      destroy()
    }
    return made
  }
  gpu.createBuffer = (descriptor) => track(live.buffers as Set<never>, createBuffer.call(gpu, descriptor) as never)
  gpu.createQuerySet = (descriptor) => track(live.queries as Set<never>, createQuerySet.call(gpu, descriptor) as never)
  try {
    await run(live)
  } finally {
    Object.assign(gpu, { createBuffer, createQuerySet })
  }
  return live
}

gpuTest(`${LOADS} loads, runs and disposals leave nothing`, async (gpu) => {
  const graph = network()
  const live = await livingAfter(gpu, async ({ buffers }) => {
    for (let i = 0; i < LOADS; i++) {
      const model = await load(graph, { device: 'webgpu', gpu })
      await model.run({ X })
      if (i % 50 === 0) await model.profile({ X })
      assert.ok(buffers.size > 0)
      model.dispose()
      assert.equal(buffers.size, 0, `after load ${i}`)
    }
  })
  assert.ok(live.made > LOADS * 5)
  assert.equal(live.queries.size, 0)
})

gpuTest('shapes that are let go, refused models, failed runs and runs cut off leave nothing either', async (gpu) => {
  const live = await livingAfter(gpu, async ({ buffers }) => {
    const model = await load(network(), { device: 'webgpu', gpu })
    for (let rows = 1; rows <= 40; rows++) await model.run({ X: tensor(new Float32Array(rows * 4).fill(0.1), [rows, 4]) })
    const full = buffers.size
    for (let rows = 41; rows <= 60; rows++) await model.run({ X: tensor(new Float32Array(rows * 4).fill(0.1), [rows, 4]) })
    assert.equal(buffers.size, full, 'shapes seen long ago have given their buffers back')
    const small = gpu.createBuffer({ size: 4, usage: 8 })
    await rejectsCode('DEVICE_BUFFER_SIZE', () => model.run({ X }, { onDevice: { Y: small } }))
    small.destroy()
    model.dispose()
    // Computed on the host, because a constant is too wide.
    const wide = await load(network(true), { device: 'webgpu', gpu })
    await wide.run({ X, id: tensor(BigInt64Array.of(1n)) })
    wide.dispose()
    const cut = await load(network(), { device: 'webgpu', gpu })
    const running = cut.run({ X })
    cut.dispose()
    await rejectsCode('MODEL_DISPOSED', () => running)
    const later = await load(network(), { device: 'webgpu', gpu })
    await later.run({ X })
    const pending = later.run({ X })
    setTimeout(() => later.dispose(), 0)
    await pending.catch((error: { code?: string }) => assert.equal(error.code, 'MODEL_DISPOSED'))
    later.dispose()
  })
  assert.equal(live.buffers.size, 0)
})

gpuTest('a GPU lost while a run is under way', async () => {
  const own = await requestGpu()
  const model = await load(network(), { device: 'webgpu', gpu: own })
  await model.run({ X })
  const runs = [model.run({ X }), model.run({ X })]
  own.destroy()
  for (const run of runs) await rejectsCode('DEVICE_LOST', () => run)
  await rejectsCode('DEVICE_LOST', () => model.profile({ X }))
  model.dispose()
})

gpuTest('an error that nobody caught on the GPU of a model comes out of its next run, once', async () => {
  const model = await load(network(), { device: 'webgpu' })
  const expected = await model.run({ X })
  const { gpu } = model.device
  assert.ok(gpu !== undefined)
  // A usage that does not exist.
  gpu.createBuffer({ size: 4, usage: 0 })
  await gpu.queue.onSubmittedWorkDone()
  await new Promise((turn) => setTimeout(turn, 20))
  await rejectsCode('DEVICE_GPU', () => model.run({ X }))
  assert.deepEqual(await model.run({ X }), expected)
  model.dispose()
})
