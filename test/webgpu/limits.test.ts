// Limits of a GPU: tensors beyond one binding in windows, dispatches beyond the workgroups in parts; nothing ever bound beyond what was promised.
import assert from 'node:assert/strict'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor } from '../../src/index.ts'
import type { GpuFeatures } from '../../src/ops/webgpu/kernel.ts'
import { gpuModel, gpuTest } from '../support/gpu.ts'

const int64 = (...values: number[]): ReturnType<typeof tensor> => tensor(BigInt64Array.from(values, BigInt))
const ramp = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => ((i * 7) % 23) - 11)

interface Seen {
  windows: number
  largestBinding: number
  dispatches: number
  mostWorkgroups: number
}

/** What a GPU is asked to bind and to dispatch while `run` runs. */
async function watched(gpu: GPUDevice, run: () => Promise<void>): Promise<Seen> {
  const seen: Seen = { windows: 0, largestBinding: 0, dispatches: 0, mostWorkgroups: 0 }
  const { createBindGroup, createCommandEncoder } = gpu
  gpu.createBindGroup = (descriptor) => {
    const entries = [...descriptor.entries].map(({ resource }) => resource as GPUBufferBinding)
    for (const { buffer, offset = 0, size } of entries) {
      assert.equal(offset % 256, 0)
      if (size !== undefined && offset > 0) seen.windows++
      if ((buffer.usage & 0x80) !== 0) seen.largestBinding = Math.max(seen.largestBinding, size ?? buffer.size - offset)
    }
    return createBindGroup.call(gpu, descriptor)
  }
  gpu.createCommandEncoder = (descriptor) => {
    const encoder = createCommandEncoder.call(gpu, descriptor)
    const { beginComputePass } = encoder
    encoder.beginComputePass = (options) => {
      const pass = beginComputePass.call(encoder, options)
      const { dispatchWorkgroups } = pass
      pass.dispatchWorkgroups = (x, y = 1, z = 1) => {
        seen.dispatches++
        seen.mostWorkgroups = Math.max(seen.mostWorkgroups, x, y, z)
        return dispatchWorkgroups.call(pass, x, y, z)
      }
      return pass
    }
    return encoder
  }
  try {
    await run()
  } finally {
    Object.assign(gpu, { createBindGroup, createCommandEncoder })
  }
  return seen
}

const ROWS = 30

/** Kinds of kernels on a matrix of 30 x 16, 1,920 bytes, weights and results that are larger than a binding; with 8 bindings at most. */
const GRAPHS: Readonly<Record<string, () => Graph>> = {
  'a chain of elementwise steps with broadcasting': () => {
    const b = graphBuilder()
    const x = b.input('X', { dtype: 'float32', shape: [ROWS, 16] })
    b.output('Y', b.add('Relu', [b.add('Mul', [b.add('Add', [x, b.constant(tensor(ramp(16), [16]))]), x])]), { dtype: 'float32', shape: [ROWS, 16] })
    return b.build()
  },
  'a product with a large weight, its bias and its activation': () => {
    const b = graphBuilder()
    const x = b.input('X', { dtype: 'float32', shape: [ROWS, 16] })
    b.output('Y', b.add('Relu', [b.add('Gemm', [x, b.constant(tensor(ramp(24 * 16), [24, 16])), b.constant(tensor(ramp(24), [24]))], { transB: 1 })]), { dtype: 'float32', shape: [ROWS, 24] })
    return b.build()
  },
  'a product of matrices, dense along both': () => {
    const b = graphBuilder()
    const x = b.input('X', { dtype: 'float32', shape: [ROWS, 16] })
    b.output('Y', b.add('MatMul', [x, b.constant(tensor(ramp(16 * 24), [16, 24]))]), { dtype: 'float32', shape: [ROWS, 24] })
    return b.build()
  },
  'sums along an axis, softmax and a transpose': () => {
    const b = graphBuilder()
    const x = b.input('X', { dtype: 'float32', shape: [ROWS, 16] })
    const t = b.add('Transpose', [x], { perm: [1, 0] })
    b.output('Y', t, { dtype: 'float32', shape: [16, ROWS] })
    b.output('S', b.add('ReduceSum', [t, b.constant(int64(1))]), { dtype: 'float32', shape: [16, 1] })
    b.output('P', b.add('Softmax', [x], { axis: -1 }), { dtype: 'float32', shape: [ROWS, 16] })
    return b.build()
  },
  'rows of a large table': () => {
    const b = graphBuilder()
    const rows = b.add('ArgMax', [b.input('X', { dtype: 'float32', shape: [ROWS, 16] })], { axis: 1 })
    b.output('Y', b.add('Gather', [b.constant(tensor(ramp(16 * 24), [16, 24])), rows]), { dtype: 'float32', shape: [ROWS, 1, 24] })
    return b.build()
  },
  'a convolution': () => {
    const b = graphBuilder()
    const x = b.add('Reshape', [b.input('X', { dtype: 'float32', shape: [ROWS, 16] }), b.constant(int64(2, 3, 5, 16))])
    b.output('Y', b.add('Conv', [x, b.constant(tensor(ramp(3 * 3 * 9), [3, 3, 3, 3]))], { pads: [1, 1, 1, 1] }), { dtype: 'float32', shape: [2, 3, 5, 16] })
    return b.build()
  },
}

const X = tensor(ramp(ROWS * 16), [ROWS, 16])

async function check(gpu: GPUDevice, graph: Graph, assume: Partial<GpuFeatures>): Promise<{ seen: Seen; isWhole: boolean; reasons: readonly string[] }> {
  const { model } = await gpuModel(graph, gpu, assume)
  const expected = await (await load(graph, { device: 'cpu' })).run({ X })
  try {
    const seen = await watched(gpu, async () => {
      const actual = await model.run({ X })
      for (const [name, { data, shape }] of Object.entries(expected)) {
        assert.deepEqual(actual[name].shape, shape)
        Array.from(data as Float32Array).forEach((value, i) => assert.ok(Math.abs((actual[name].data as Float32Array)[i] - value) <= 1e-5 * (1 + Math.abs(value)), `${name}[${i}]: ${String(actual[name].data[i])} against ${value}`))
      }
    })
    const places = model.placement({ inputs: { X } })
    return { seen, isWhole: places.every(({ place }) => place === 'device'), reasons: places.flatMap(({ steps }) => steps.flatMap(({ reason }) => reason ?? [])) }
  } finally {
    model.dispose()
  }
}

for (const [name, make] of Object.entries(GRAPHS)) {
  gpuTest(`in bindings of 1,024 bytes: ${name}`, async (gpu) => {
    const { seen, isWhole, reasons } = await check(gpu, make(), { maxBindingBytes: 1100, maxBindings: 8 })
    assert.ok(isWhole, reasons.join('; '))
    assert.ok(seen.windows > 0 && seen.largestBinding <= 1100, JSON.stringify(seen))
  })

  gpuTest(`in dispatches of 2 workgroups: ${name}`, async (gpu) => {
    const { seen, isWhole } = await check(gpu, make(), { maxWorkgroups: 2 })
    assert.ok(isWhole)
    assert.ok(seen.dispatches > 1 && seen.mostWorkgroups <= 2, JSON.stringify(seen))
  })
}

gpuTest('tiles of parallel hardware, in windows and in parts', async (gpu) => {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: [ROWS, 16] })
  b.output('Y', b.add('MatMul', [x, b.constant(tensor(ramp(16 * 40), [16, 40]))]), { dtype: 'float32', shape: [ROWS, 40] })
  const { seen, isWhole } = await check(gpu, b.build(), { software: false, busyWorkgroups: 2, maxBindingBytes: 2048, maxBindings: 8, maxWorkgroups: 1 })
  assert.ok(isWhole && seen.windows > 0 && seen.dispatches > 1 && seen.mostWorkgroups === 1, JSON.stringify(seen))
})

gpuTest('without enough bindings for the windows, and beyond the largest buffer, a step runs on cpu and says so', async (gpu) => {
  const few = await check(gpu, GRAPHS['a chain of elementwise steps with broadcasting'](), { maxBindingBytes: 256, maxBindings: 8 })
  assert.match(few.reasons.join('; '), /more than 8 bindings at once/)
  const small = await check(gpu, GRAPHS['a product of matrices, dense along both'](), { maxBufferBytes: 2000 })
  assert.match(small.reasons.join('; '), /a tensor of 2880 bytes exceeds the 2000 of the GPU's buffers/)
})

gpuTest('results of many outputs are read back through several buffers where one would be too large', async (gpu) => {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: [ROWS, 16] })
  for (let i = 0; i < 4; i++) b.output(`Y${i}`, b.add('Add', [x, b.constant(tensor(Float32Array.of(i), []))]), { dtype: 'float32', shape: [ROWS, 16] })
  const { isWhole } = await check(gpu, b.build(), { maxBufferBytes: 4096 })
  assert.ok(isWhole)
})
