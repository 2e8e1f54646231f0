// The webgpu device: partitions, transfers, buffers, fusion, measuring, and what it refuses.
import assert from 'node:assert/strict'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor, type Model } from '../../src/index.ts'
import { requestGpuDevice } from '../../src/platform/gpu.ts'
import { body, bool, BOOL, float32 } from '../skeleton/graphs.ts'
import { rejectsCode, throwsCode } from '../support/errors.ts'
import { gpuModel, gpuTest } from '../support/gpu.ts'

const F32 = { dtype: 'float32', shape: ['batch', 4] } as const

function weights(rows: number, columns: number, seed: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => (((i * 2654435761 + seed * 40503) % 1000) - 500) / 500)
}

/** relu(x w1 + b1) -> an operator that only cpu has -> (. w2 + b2): two submissions around an island. */
function islandGraph(): Graph {
  const b = graphBuilder()
  const x = b.input('X', F32)
  const hidden = b.add('Relu', [b.add('Add', [b.add('MatMul', [x, b.constant(tensor(weights(4, 8, 1), [4, 8]))]), b.constant(tensor(weights(1, 8, 2), [8]))])])
  const island = b.add('mle.NormalQuantile', [b.add('Sigmoid', [hidden])])
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
    e.forEach((number, i) => assert.ok(Math.abs(a[i] - number) <= 1e-5 * (1 + Math.abs(number)), `${name}[${i}]: ${a[i]} against ${number}`))
  }
}

const rows = (count: number): { X: ReturnType<typeof tensor> } => ({ X: tensor(weights(count, 4, count), [count, 4]) })

/** Counts calls of a GPU's methods while `run` runs. */
async function counted(gpu: GPUDevice, run: () => Promise<void>): Promise<{ buffers: number; submits: number; writes: number }> {
  const counts = { buffers: 0, submits: 0, writes: 0 }
  const { createBuffer } = gpu
  const { submit, writeBuffer } = gpu.queue
  gpu.createBuffer = (descriptor) => (counts.buffers++, createBuffer.call(gpu, descriptor))
  gpu.queue.submit = (commands) => (counts.submits++, submit.call(gpu.queue, commands))
  gpu.queue.writeBuffer = (...parameters: Parameters<GPUQueue['writeBuffer']>) => (counts.writes++, writeBuffer.apply(gpu.queue, parameters))
  try {
    await run()
  } finally {
    Object.assign(gpu, { createBuffer })
    Object.assign(gpu.queue, { submit, writeBuffer })
  }
  return counts
}

gpuTest('two partitions with an operator of cpu between them equal cpu, in several shapes side by side', async (gpu) => {
  const graph = islandGraph()
  const [model, cpu] = [await load(graph, { device: 'webgpu', gpu }), await load(graph, { device: 'cpu' })]
  for (const count of [1, 5, 300, 5, 1]) await agree(model, cpu, rows(count))
  assert.deepEqual(model.placement().map(({ place }) => place), ['device', 'host', 'device'])
  model.dispose()
})

gpuTest('runs after the first make no buffer, and submit once for each partition', async (gpu) => {
  const model = await load(islandGraph(), { device: 'webgpu', gpu })
  await model.run(rows(2))
  const counts = await counted(gpu, async () => {
    await model.run(rows(2))
    await model.run(rows(2))
  })
  // X before the first submission, the island's result before the second.
  assert.deepEqual(counts, { buffers: 0, submits: 4, writes: 4 })
  model.dispose()
})

gpuTest('disposing of a model destroys every buffer it made', async (gpu) => {
  const live = new Set<GPUBuffer>()
  const { createBuffer } = gpu
  gpu.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(gpu, descriptor)
    const destroy = buffer.destroy.bind(buffer)
    buffer.destroy = () => {
      live.delete(buffer)
      return destroy()
    }
    live.add(buffer)
    return buffer
  }
  try {
    const model = await load(islandGraph(), { device: 'webgpu', gpu })
    for (const count of [1, 2, 3]) await model.run(rows(count))
    assert.ok(live.size > 10)
    model.dispose()
    assert.equal(live.size, 0)
  } finally {
    Object.assign(gpu, { createBuffer })
  }
})

gpuTest('a product with its bias, its activation and the steps behind it is one dispatch', async (gpu) => {
  const b = graphBuilder()
  const x = b.input('X', F32)
  const product = b.add('MatMul', [x, b.constant(tensor(weights(4, 8, 1), [4, 8]))])
  const biased = b.add('Add', [product, b.constant(tensor(weights(1, 8, 2), [8]))])
  const y = b.add('Mul', [biased, b.add('Sigmoid', [biased])])
  b.output('Y', b.add('Clip', [y, b.constant(tensor(Float32Array.of(-1), []))]), { dtype: 'float32', shape: ['batch', 8] })
  const graph = b.build()
  const [model, cpu] = [await load(graph, { device: 'webgpu', gpu }), await load(graph, { device: 'cpu' })]
  await agree(model, cpu, rows(3))
  const [partition, ...others] = model.placement()
  assert.deepEqual([partition.dispatches, partition.steps.length, others.length], [1, 5, 0])
  model.dispose()
})

gpuTest('a value inside a fused chain that is asked for is stored as well', async (gpu) => {
  const b = graphBuilder()
  const x = b.input('X', F32)
  const h = b.add('Exp', [x])
  b.output('H', h, F32)
  b.output('Y', b.add('Add', [b.add('Abs', [b.add('Neg', [h])]), x]), F32)
  const graph = b.build()
  const [model, cpu] = [await load(graph, { device: 'webgpu', gpu }), await load(graph, { device: 'cpu' })]
  await agree(model, cpu, rows(3))
  assert.equal(model.placement()[0].dispatches, 1)
  model.dispose()
})

gpuTest('values that have died leave their buffers to later ones', async (gpu) => {
  const b = graphBuilder()
  let h = b.input('X', { dtype: 'float32', shape: [64, 64] })
  const w = b.constant(tensor(weights(64, 64, 1), [64, 64]))
  for (let i = 0; i < 12; i++) h = b.add('Softmax', [b.add('MatMul', [h, w])], { axis: -1 })
  b.output('Y', h, { dtype: 'float32', shape: [64, 64] })
  const model = await load(b.build(), { device: 'webgpu', gpu })
  const counts = await counted(gpu, async () => void (await model.run({ X: tensor(weights(64, 64, 2), [64, 64]) })))
  // Two to go back and forth between, input and output, weights, uniforms, readback: not 24.
  assert.ok(counts.buffers <= 7, `${counts.buffers} buffers`)
  model.dispose()
})

gpuTest('an empty batch, and concurrent runs', async (gpu) => {
  const graph = islandGraph()
  const [model, cpu] = [await load(graph, { device: 'webgpu', gpu }), await load(graph, { device: 'cpu' })]
  assert.deepEqual((await model.run({ X: tensor(new Float32Array(0), [0, 4]) })).Y.shape, [0, 3])
  await Promise.all(Array.from({ length: 8 }, (_, i) => agree(model, cpu, rows(1 + (i % 3)))))
  model.dispose()
})

gpuTest('only the outputs asked for are computed and read back', async (gpu) => {
  const model = await load(islandGraph(), { device: 'webgpu', gpu })
  const counts = await counted(gpu, async () => assert.deepEqual(Object.keys(await model.run(rows(3), ['H'])), ['H']))
  assert.equal(counts.submits, 1)
  model.dispose()
})

gpuTest('control flow is an island that reads values of the GPU', async (gpu) => {
  const b = graphBuilder()
  const h = b.add('Relu', [b.input('X', F32)])
  const cond = b.input('cond', BOOL)
  const chosen = b.add('If', [cond], {
    then_branch: body((t) => t.output('t', t.add('Add', [h, h]), { dtype: 'float32' })),
    else_branch: body((t) => t.output('e', t.add('Identity', [h]), { dtype: 'float32' })),
  })
  b.output('Y', chosen, { dtype: 'float32' })
  const model = await load(b.build(), { device: 'webgpu', gpu })
  const X = float32([1, -1, 2, -2], [1, 4])
  assert.deepEqual((await model.run({ X, cond: bool(true) })).Y, float32([2, 0, 4, 0], [1, 4]))
  assert.deepEqual((await model.run({ X, cond: bool(false) })).Y, float32([1, 0, 2, 0], [1, 4]))
  model.dispose()
})

gpuTest('profile measures every dispatch and every stay on the host', async (gpu) => {
  const model = await load(islandGraph(), { device: 'webgpu', gpu })
  await model.run(rows(2))
  const times = await model.profile(rows(2))
  assert.deepEqual(times.map(({ place, steps }) => [place, steps.length]), [['device', 4], ['host', 1], ['device', 2]])
  for (const { ms } of times) assert.ok(ms >= 0)
  const cpu = await load(islandGraph(), { device: 'cpu' })
  await rejectsCode('DEVICE_PROFILE', () => cpu.profile(rows(2)))
  model.dispose()
})

gpuTest('an int64 input beyond 32 bits is computed on the host', async (gpu) => {
  const b = graphBuilder()
  const id = b.input('id', { dtype: 'int64', shape: ['n'] })
  b.output('isLarge', b.add('Greater', [id, b.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(7n) })]), { dtype: 'bool', shape: ['n'] })
  const model = await load(b.build(), { device: 'webgpu', gpu })
  assert.deepEqual([...(await model.run({ id: { dtype: 'int64', shape: [3], data: BigInt64Array.of(1n, 2n ** 40n, 8n) } })).isLarge.data], [0, 1, 1])
  assert.deepEqual([...(await model.run({ id: { dtype: 'int64', shape: [3], data: BigInt64Array.of(1n, -3n, 8n) } })).isLarge.data], [0, 0, 1])
  // There is nothing to measure then.
  await rejectsCode('DEVICE_INT64', () => model.profile({ id: { dtype: 'int64', shape: [1], data: BigInt64Array.of(2n ** 40n) } }))
  model.dispose()
})

gpuTest('float16 tensors are kept, computed in float32 and rounded', async (gpu) => {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float16', shape: [3] })
  b.output('Y', b.add('Add', [x, x]), { dtype: 'float16', shape: [3] })
  const model = await load(b.build(), { device: 'webgpu', gpu })
  assert.deepEqual((await model.run({ X: { dtype: 'float16', shape: [3], data: Uint16Array.of(0x3c00, 0x0001, 0x7bff) } })).Y.data, Uint16Array.of(0x4000, 0x0002, 0x7c00))
  model.dispose()
})

gpuTest('a float64 graph is refused unless float32 is asked for', async (gpu) => {
  const b = graphBuilder()
  b.output('Y', b.add('Add', [b.input('X', { dtype: 'float64', shape: ['n'] }), b.constant(tensor([0.5]))]), { dtype: 'float64', shape: ['n'] })
  const graph = b.build()
  await rejectsCode('DEVICE_FLOAT64', () => load(graph, { device: 'webgpu', gpu }))
  const model = await load(graph, { device: 'webgpu', gpu, precision: 'float32' })
  assert.deepEqual((await model.run({ X: Float64Array.of(1, 2) })).Y, float32([1.5, 2.5]))
  model.dispose()
})

gpuTest('runSync and sessions are refused, and a disposed model says so', async (gpu) => {
  const model = await load(islandGraph(), { device: 'webgpu', gpu })
  throwsCode('DEVICE_ASYNC', () => model.runSync(rows(1)))
  throwsCode('DEVICE_ASYNC', () => model.session())
  model.dispose()
  await rejectsCode('MODEL_DISPOSED', () => model.run(rows(1)))
})

gpuTest('a lost GPU is an error of its own, and the model can be loaded again', async (gpu) => {
  const own = await requestGpuDevice()
  const model = await load(islandGraph(), { device: 'webgpu', gpu: own })
  await model.run(rows(1))
  own.destroy()
  await own.lost
  await rejectsCode('DEVICE_LOST', () => model.run(rows(1)))
  model.dispose()
  const again = await load(islandGraph(), { device: 'webgpu', gpu })
  await again.run(rows(1))
  again.dispose()
})

gpuTest('kernels of real hardware, with tiles and shared memory, give the same', async (gpu) => {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: [70, 36] })
  const h = b.add('Relu', [b.add('Gemm', [x, b.constant(tensor(weights(40, 36, 1), [40, 36])), b.constant(tensor(weights(1, 40, 2), [40]))], { transB: 1 })])
  b.output('Y', b.add('Softmax', [h], { axis: -1 }), { dtype: 'float32', shape: [70, 40] })
  const graph = b.build()
  const { model } = await gpuModel(graph, gpu, { software: false })
  await agree(model, await load(graph, { device: 'cpu' }), { X: tensor(weights(70, 36, 3), [70, 36]) })
  model.dispose()
})
