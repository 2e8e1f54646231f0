// Buffers of a GPU as inputs and outputs: what stays there, who frees it, and what is refused. The module is the public one, mle-runtime/webgpu.
import assert from 'node:assert/strict'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor, type Tensor } from '../../src/index.ts'
import { describeGpu, gpuLayout, imageToGpu, requestGpu, toGpu, zerosOnGpu, type GpuTensor } from '../../src/webgpu.ts'
import { rejectsCode, throwsCode } from '../support/errors.ts'
import { gpuTest } from '../support/gpu.ts'

const [COPY_SRC, COPY_DST, STORAGE, TEXTURE_BINDING, TEXTURE_COPY_DST] = [0x4, 0x8, 0x80, 0x4, 0x2]
const ROWS = ['n', 4] as const

/** Y = relu(X + X) on the GPU; Z = X - 1; with `island` Q = probit(sigmoid(Y)), which only cpu has, and R = Q + X. */
function graph(island: boolean = false): Graph {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: ROWS })
  const y = b.add('Relu', [b.add('Add', [x, x])])
  b.output('Y', y, { dtype: 'float32', shape: ROWS })
  b.output('Z', b.add('Sub', [x, b.constant(tensor(Float32Array.of(1), []))]), { dtype: 'float32', shape: ROWS })
  if (!island) return b.build()
  const q = b.add('mle.NormalQuantile', [b.add('Sigmoid', [y])])
  b.output('Q', q, { dtype: 'float32', shape: ROWS })
  b.output('R', b.add('Add', [q, x]), { dtype: 'float32', shape: ROWS })
  return b.build()
}

const X = tensor(Float32Array.of(1, -2, 3, -4, 0.5, 6, -7, 8), [2, 4])
const list = ({ data }: Tensor): number[] => Array.from(data as Float32Array)

/** Counts what goes over while `run` runs. */
async function counted(gpu: GPUDevice, run: () => Promise<unknown>): Promise<{ maps: number; writes: number; live: Set<GPUBuffer> }> {
  const counts = { maps: 0, writes: 0, live: new Set<GPUBuffer>() }
  const { createBuffer } = gpu
  const { writeBuffer } = gpu.queue
  const prototype = Object.getPrototypeOf(createBuffer.call(gpu, { size: 4, usage: COPY_DST })) as GPUBuffer
  const { mapAsync } = prototype
  prototype.mapAsync = function (...parameters) {
    counts.maps++
    return mapAsync.apply(this, parameters)
  }
  gpu.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(gpu, descriptor)
    counts.live.add(buffer)
    const destroy = buffer.destroy.bind(buffer)
    buffer.destroy = () => (counts.live.delete(buffer), destroy())
    return buffer
  }
  gpu.queue.writeBuffer = (...parameters: Parameters<GPUQueue['writeBuffer']>) => (counts.writes++, writeBuffer.apply(gpu.queue, parameters))
  try {
    await run()
  } finally {
    prototype.mapAsync = mapAsync
    Object.assign(gpu, { createBuffer })
    Object.assign(gpu.queue, { writeBuffer })
  }
  return counts
}

gpuTest('a tensor goes to the GPU and comes back, in every dtype that one holds', async (gpu) => {
  const tensors: Tensor[] = [
    X, tensor(Int32Array.of(-1, 2)), tensor(Int8Array.of(-5, 7, 9)), tensor(Uint8Array.of(200, 3)), { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
    { dtype: 'float16', shape: [3], data: Uint16Array.of(0x3c00, 0xbc00, 0x7bff) }, tensor(BigInt64Array.of(-3n, 7n)), tensor(new Float32Array(0), [0, 4]),
  ]
  for (const given of tensors) {
    const there = toGpu(gpu, given)
    assert.deepEqual([there.dtype, there.shape], [given.dtype, given.shape])
    assert.ok(there.gpuBuffer.size >= given.data.length * (gpuLayout(gpu, given.dtype)?.bytesPerElement ?? Infinity))
    assert.deepEqual(await there.read(), given)
    there.dispose()
  }
  assert.deepEqual(list(await zerosOnGpu(gpu, 'float32', [3]).read()), [0, 0, 0])
  assert.equal(gpuLayout(gpu, 'float64'), undefined)
  throwsCode('DEVICE_BUFFER_DTYPE', () => toGpu(gpu, tensor(Float64Array.of(1))))
  throwsCode('DEVICE_INT64', () => toGpu(gpu, tensor(BigInt64Array.of(2n ** 40n))))
  throwsCode('DEVICE_BUFFER_HOST', () => toGpu(gpu, X).data)
})

gpuTest('an output that stays is the input of the next run: nothing is read back or written', async (gpu) => {
  const [first, second] = [await load(graph(), { device: 'webgpu', gpu }), await load(graph(), { device: 'webgpu', gpu })]
  const chain = async (): Promise<GpuTensor> => {
    const { Y } = await first.run({ X: toGpu(gpu, X) }, { outputs: ['Y'], onDevice: true })
    const { Y: again } = await second.run({ X: Y }, { outputs: ['Y'], onDevice: ['Y'] })
    Y.dispose()
    return again
  }
  await chain()
  const x = toGpu(gpu, X)
  let result: GpuTensor | undefined
  const counts = await counted(gpu, async () => {
    const { Y } = await first.run({ X: x }, { outputs: ['Y'], onDevice: true })
    result = (await second.run({ X: Y }, { outputs: ['Y'], onDevice: ['Y'] })).Y
    Y.dispose()
  })
  assert.deepEqual([counts.maps, counts.writes, counts.live.size], [0, 0, 1])
  first.dispose()
  second.dispose()
  // An output outlives the model that made it.
  assert.ok(result !== undefined)
  assert.deepEqual(list(await result.read()), [4, 0, 12, 0, 2, 24, 0, 32])
  result.dispose()
})

gpuTest('outputs are written into buffers of the caller, run after run, and others are read back', async (gpu) => {
  const model = await load(graph(), { device: 'webgpu', gpu })
  const mine = gpu.createBuffer({ size: 64, usage: COPY_SRC | COPY_DST | STORAGE })
  await model.run({ X }, { onDevice: { Y: mine } })
  const counts = await counted(gpu, async () => {
    const { Y, Z } = await model.run({ X }, { onDevice: { Y: mine } })
    assert.equal(Y.gpuBuffer, mine)
    assert.deepEqual(list(Z), [0, -3, 2, -5, -0.5, 5, -8, 7])
    Y.dispose()
    // The caller's buffer is the caller's to destroy.
    assert.deepEqual(list(await Y.read()), [2, 0, 6, 0, 1, 12, 0, 16])
  })
  // One for Z, one for read, whose buffer is gone again.
  assert.deepEqual([counts.maps, counts.live.size], [2, 0])
  model.dispose()
  mine.destroy()
})

gpuTest('a state goes round in one buffer, through islands as well', async (gpu) => {
  for (const island of [false, true]) {
    const [model, cpu] = [await load(graph(island), { device: 'webgpu', gpu }), await load(graph(island), { device: 'cpu' })]
    const name = island ? 'R' : 'Z'
    const start = tensor(Float32Array.of(0.1, -0.2, 0.3, -0.4, 0.5, 0.6, -0.7, 0.8), [2, 4])
    const state = toGpu(gpu, start)
    let expected: Tensor = start
    for (let turn = 0; turn < 3; turn++) {
      await model.run({ X: state }, { outputs: island ? ['Y', 'R'] : ['Z'], onDevice: { [name]: state.gpuBuffer } })
      expected = (await cpu.run({ X: expected }))[name]
    }
    list(await state.read()).forEach((value, i) => assert.ok(Math.abs(value - list(expected)[i]) <= 1e-4 * (1 + Math.abs(value)), `${value} against ${list(expected)[i]}`))
    model.dispose()
    state.dispose()
  }
})

gpuTest('inputs on the GPU reach islands, and outputs of islands and inputs handed on can stay', async (gpu) => {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: ROWS })
  b.output('Q', b.add('mle.NormalQuantile', [x]), { dtype: 'float32', shape: ROWS })
  b.output('same', b.add('Identity', [x]), { dtype: 'float32', shape: ROWS })
  const model = await load(b.build(), { device: 'webgpu', gpu })
  const P = tensor(Float32Array.of(0.5, 0.1, 0.9, 0.25), [1, 4])
  const expected = await model.run({ X: P })
  const input = toGpu(gpu, P)
  assert.deepEqual(await model.run({ X: input }), expected)
  const { Q, same } = await model.run({ X: input }, { onDevice: true })
  assert.notEqual(same.gpuBuffer, input.gpuBuffer)
  assert.deepEqual([await Q.read(), await same.read()], [expected.Q, expected.same])
  model.dispose()
})

gpuTest('an input may begin inside a buffer', async (gpu) => {
  const model = await load(graph(), { device: 'webgpu', gpu })
  const whole = toGpu(gpu, X)
  assert.deepEqual(list((await model.run({ X: { dtype: 'float32', shape: [1, 4], gpuBuffer: whole.gpuBuffer, byteOffset: 16 } }, ['Z'])).Z), [-0.5, 5, -8, 7])
  await rejectsCode('DEVICE_BUFFER_SIZE', () => model.run({ X: { dtype: 'float32', shape: [1, 4], gpuBuffer: whole.gpuBuffer, byteOffset: 2 } }))
  await rejectsCode('DEVICE_BUFFER_SIZE', () => model.run({ X: { dtype: 'float32', shape: [2, 4], gpuBuffer: whole.gpuBuffer, byteOffset: 16 } }))
  model.dispose()
})

gpuTest('integers beyond 32 bits are computed on the host with buffers on the GPU beside them', async (gpu) => {
  const b = graphBuilder()
  const [ids, x] = [b.input('ids', { dtype: 'int64', shape: ['n'] }), b.input('X', { dtype: 'float32', shape: ['n'] })]
  b.output('big', b.add('Greater', [ids, b.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(7n) })]), { dtype: 'bool', shape: ['n'] })
  b.output('Y', b.add('Neg', [x]), { dtype: 'float32', shape: ['n'] })
  const model = await load(b.build(), { device: 'webgpu', gpu })
  const there = toGpu(gpu, tensor(Float32Array.of(1, 2)))
  const { big, Y } = await model.run({ ids: tensor(BigInt64Array.of(2n ** 40n, 1n)), X: there }, { onDevice: ['Y'] })
  assert.deepEqual([...big.data], [1, 0])
  assert.deepEqual(list(await Y.read()), [-1, -2])
  model.dispose()
})

gpuTest('buffers that do not fit are refused by codes', async (gpu) => {
  const model = await load(graph(), { device: 'webgpu', gpu })
  const input = (gpuBuffer: GPUBuffer): { X: { dtype: 'float32'; shape: number[]; gpuBuffer: GPUBuffer } } => ({ X: { dtype: 'float32', shape: [2, 4], gpuBuffer } })
  const small = gpu.createBuffer({ size: 16, usage: COPY_SRC | COPY_DST })
  const useless = gpu.createBuffer({ size: 64, usage: STORAGE })
  const mapped = gpu.createBuffer({ size: 64, usage: COPY_SRC | COPY_DST, mappedAtCreation: true })
  const gone = gpu.createBuffer({ size: 64, usage: COPY_SRC | COPY_DST })
  gone.destroy()
  await rejectsCode('DEVICE_BUFFER_SIZE', () => model.run(input(small)))
  await rejectsCode('DEVICE_BUFFER_SIZE', () => model.run({ X }, { onDevice: { Y: small } }))
  await rejectsCode('DEVICE_BUFFER_USAGE', () => model.run(input(useless)))
  await rejectsCode('DEVICE_BUFFER_USAGE', () => model.run({ X }, { onDevice: { Y: useless } }))
  await rejectsCode('DEVICE_BUFFER_USAGE', () => model.run(input(mapped)))
  await rejectsCode('DEVICE_BUFFER_DESTROYED', () => model.run(input(gone)))
  await rejectsCode('DEVICE_BUFFER_DESTROYED', () => model.run({ X }, { onDevice: { Y: gone } }))
  await rejectsCode('DEVICE_BUFFER_OUTPUT', () => model.run({ X }, { onDevice: ['V'] }))
  await rejectsCode('INPUT_DTYPE', () => model.run({ X: toGpu(gpu, tensor(new Int32Array(8), [2, 4])) }))
  await rejectsCode('INPUT_SHAPE', () => model.run({ X: toGpu(gpu, tensor(new Float32Array(6), [2, 3])) }))
  const other = await requestGpu()
  const foreign = other.createBuffer({ size: 64, usage: COPY_SRC | COPY_DST })
  await rejectsCode('DEVICE_BUFFER_FOREIGN', () => model.run(input(foreign)))
  await rejectsCode('DEVICE_BUFFER_FOREIGN', () => model.run({ X }, { onDevice: { Y: foreign } }))
  other.destroy()
  // None of them has harmed the model.
  assert.deepEqual(list((await model.run({ X }, ['Z'])).Z), [0, -3, 2, -5, -0.5, 5, -8, 7])
  model.dispose()
})

gpuTest('a model on the host refuses tensors on a GPU', async (gpu) => {
  const cpu = await load(graph(), { device: 'cpu' })
  await rejectsCode('DEVICE_BUFFER_HOST', () => cpu.run({ X: toGpu(gpu, X) }))
  await rejectsCode('DEVICE_BUFFER_HOST', () => cpu.run({ X }, { onDevice: true }))
})

gpuTest('a picture becomes an input: channels first, normalized, resized between centres of pixels', async (gpu) => {
  const pixels = Uint8Array.from({ length: 4 * 4 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 53) % 256))
  const texture = gpu.createTexture({ size: [4, 4], format: 'rgba8unorm', usage: TEXTURE_BINDING | TEXTURE_COPY_DST })
  gpu.queue.writeTexture({ texture }, pixels, { bytesPerRow: 16 }, [4, 4])
  const [mean, std] = [[0.4, 0.5, 0.6], [0.2, 0.25, 0.3]]
  const whole = imageToGpu(gpu, texture, { mean, std })
  assert.deepEqual(whole.shape, [1, 3, 4, 4])
  const close = (actual: Tensor, expected: readonly number[]): void => list(actual).forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5, `${i}: ${value} against ${expected[i]}`))
  const at = (y: number, x: number, c: number): number => pixels[(y * 4 + x) * 4 + c] / 255
  close(await whole.read(), Array.from({ length: 48 }, (_, i) => (at(Math.floor(i / 4) % 4, i % 4, Math.floor(i / 16)) - mean[Math.floor(i / 16)]) / std[Math.floor(i / 16)]))
  // Half the size: each pixel is the mean of four.
  const half = imageToGpu(gpu, texture, { width: 2, height: 2, layout: 'nhwc' })
  assert.deepEqual(half.shape, [1, 2, 2, 3])
  const quarter = (y: number, x: number, c: number): number => (at(2 * y, 2 * x, c) + at(2 * y + 1, 2 * x, c) + at(2 * y, 2 * x + 1, c) + at(2 * y + 1, 2 * x + 1, c)) / 4
  close(await half.read(), Array.from({ length: 12 }, (_, i) => quarter(Math.floor(i / 6), Math.floor(i / 3) % 2, i % 3)))
  assert.equal(imageToGpu(gpu, texture, { width: 2, height: 2, layout: 'nhwc', into: half }).gpuBuffer, half.gpuBuffer)
  throwsCode('DEVICE_IMAGE', () => imageToGpu(gpu, texture, { width: 0 }))
  throwsCode('DEVICE_IMAGE', () => imageToGpu(gpu, texture, { std: [1, 0, 1] }))
  throwsCode('DEVICE_BUFFER_SIZE', () => imageToGpu(gpu, texture, { into: half }))
  texture.destroy()
})

gpuTest('a report of the GPU, and a request that it cannot meet', async (gpu) => {
  const report = describeGpu(gpu)
  assert.ok(report.maxBindings >= 8 && report.maxBindingBytes >= 2 ** 27 && report.maxTensorBytes >= 2 ** 28 && report.maxWorkgroups >= 65535)
  assert.equal(report.timestamps, gpu.features.has('timestamp-query'))
  await rejectsCode('DEVICE_UNAVAILABLE', () => requestGpu({ requiredLimits: { maxStorageBuffersPerShaderStage: 1000 } }))
  const own = await load(graph(), { device: 'webgpu', gpu: { powerPreference: 'low-power' } })
  assert.deepEqual(list((await own.run({ X }, ['Z'])).Z), [0, -3, 2, -5, -0.5, 5, -8, 7])
  own.dispose()
})
