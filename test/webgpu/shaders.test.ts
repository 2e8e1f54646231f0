// The parts that shaders are made of: every function of the library compiles alone, index arithmetic is that of nested loops, kernels of real hardware
// compile, and dispatches go beyond 65535 workgroups.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder, type AttributeInput } from '../../src/graph/builder.ts'
import { load, tensor } from '../../src/index.ts'
import { collapse, broadcastStrides, strided, stridesOf } from '../../src/ops/webgpu/indexing.ts'
import { gpuKernels } from '../../src/ops/webgpu/index.ts'
import type { GpuContext, GpuFeatures } from '../../src/ops/webgpu/kernel.ts'
import { isElementwise } from '../../src/ops/webgpu/kernel.ts'
import { libraryFor, libraryNames } from '../../src/ops/webgpu/library.ts'
import { floatBelow } from '../../src/ops/webgpu/trees.ts'
import { shaderText } from '../../src/ops/webgpu/wgsl.ts'
import { gpuModel, gpuTest } from '../support/gpu.ts'
import { attributesOf } from '../ops/support.ts'

/** What the compiler says of a shader; empty when it says nothing. */
async function complaints(gpu: GPUDevice, code: string): Promise<string[]> {
  gpu.pushErrorScope('validation')
  const module = gpu.createShaderModule({ code })
  const { messages } = await module.getCompilationInfo()
  await gpu.popErrorScope()
  return messages.filter(({ type }) => type === 'error').map(({ message, lineNum }) => `line ${lineNum}: ${message}`)
}

gpuTest('every function of the library compiles with what it depends on alone', async (gpu) => {
  for (const name of libraryNames()) {
    const code = `${libraryFor(`${name}(`)}\n@compute @workgroup_size(1) fn main() {}`
    assert.deepEqual(await complaints(gpu, code), [], name)
  }
})

const REAL: GpuFeatures = { half: false, software: false, busyWorkgroups: 128, maxBindings: 8, maxBindingBytes: 2 ** 27, maxWorkgroupBytes: 16384 }
const view = (shape: readonly number[]): { dtype: 'float32'; shape: readonly number[]; size: number; data: Float32Array } => ({ dtype: 'float32', shape, size: shape.reduce((a, b) => a * b, 1), data: new Float32Array(0) })
const KERNELS: readonly (readonly [op: string, inputs: readonly (readonly number[])[], output: readonly number[], attributes?: Readonly<Record<string, AttributeInput>>])[] = [
  ['MatMul', [[256, 256], [256, 512]], [256, 512]],
  ['MatMul', [[3, 70, 33], [3, 33, 65]], [3, 70, 65]],
  ['MatMul', [[4, 64], [64, 1000]], [4, 1000]],
  ['Gemm', [[64, 128], [256, 128], [256]], [64, 256], { transB: 1, alpha: 0.5 }],
  ['Conv', [[2, 16, 20, 20], [32, 16, 3, 3], [32]], [2, 32, 20, 20], { pads: [1, 1, 1, 1] }],
  ['ConvTranspose', [[2, 16, 20, 20], [16, 8, 3, 3]], [2, 8, 41, 41], { strides: [2, 2] }],
  ['Softmax', [[64, 1000]], [64, 1000]],
  ['Softmax', [[4, 10000]], [4, 10000]],
  ['LayerNormalization', [[64, 768], [768], [768]], [64, 768]],
  ['GroupNormalization', [[2, 32, 10, 10], [32], [32]], [2, 32, 10, 10], { num_groups: 4 }],
  ['ReduceSum', [[64, 1000]], [1, 1]],
  ['ReduceLogSumExp', [[64, 1000]], [1, 1]],
  ['GlobalAveragePool', [[2, 16, 20, 20]], [2, 16, 1, 1]],
  ['Attention', [[2, 4, 33, 16], [2, 4, 40, 16], [2, 4, 40, 16]], [2, 4, 33, 16], { is_causal: 1 }],
  ['LSTM', [[5, 2, 8], [1, 64, 8], [1, 64, 16]], [5, 1, 2, 16], { hidden_size: 16 }],
  ['GRU', [[5, 2, 8], [1, 48, 8], [1, 48, 16]], [5, 1, 2, 16], { hidden_size: 16 }],
]

for (const half of [false, true]) {
  gpuTest(`kernels of real hardware compile, with float16 ${half ? 'native' : 'as float32'}`, async (gpu, t) => {
    if (half && !gpu.features.has('shader-f16')) {
      t.diagnostic('this GPU has no float16: its shaders are not compiled here')
      return
    }
    for (const [op, inputs, output, attributes = {}] of KERNELS) {
      const kernel = gpuKernels.get(op)
      assert.ok(kernel)
      const dtype = half ? 'float16' : 'float32'
      const views = inputs.map((shape) => ({ ...view(shape), dtype }) as GpuContext['inputs'][number])
      const work = kernel({ op, attributes: attributesOf(op, attributes), inputs: views, outputs: [{ ...view(output), dtype } as GpuContext['outputs'][number]], constants: inputs.map(() => undefined), features: { ...REAL, half } })
      assert.ok(typeof work !== 'string' && !isElementwise(work), `${op}: ${String(work)}`)
      for (const dispatch of work) assert.deepEqual(await complaints(gpu, shaderText(dispatch)), [], `${op} ${JSON.stringify(inputs)}`)
    }
  })
}

/** The index function as TypeScript: its text is arithmetic on u32. */
function evaluate(name: string, shape: readonly number[], strides: readonly number[], offset: number, i: number): number {
  const { text, uniforms } = strided(name, shape, strides, offset)
  const fields = new Map(uniforms.map(({ name: field, value }) => [`u.${field}`, value]))
  let [r, at] = [i, 0]
  for (const line of text.split('\n')) {
    const value = (term: string): number => fields.get(term) ?? (term === 'i' ? i : term === 'r' ? r : term === '0u' ? 0 : Number.NaN)
    const product = (terms: string): number => terms.split(' + ').map((term) => term.split(' * ').map((one) => (one.includes('%') ? value('r') % value(one.replace(/[()]/g, '').split(' % ')[1]) : value(one))).reduce((a, b) => Math.imul(a, b) >>> 0)).reduce((a, b) => (a + b) >>> 0)
    const single = /return (.*); \}$/.exec(line)
    if (single !== null) return product(single[1])
    const start = /var at = (.*);/.exec(line)
    if (start !== null) at = value(start[1])
    const added = /at \+= (.*);/.exec(line)
    if (added !== null) at = (at + product(added[1])) >>> 0
    const divided = /r \/= (.*);/.exec(line)
    if (divided !== null) r = Math.floor(r / value(divided[1]))
  }
  return at
}

test('index functions give the offsets of nested loops, backward strides and broadcasts included', () =>
  fc.assert(
    fc.property(fc.array(fc.record({ dim: fc.integer({ min: 1, max: 4 }), stride: fc.integer({ min: -9, max: 9 }) }), { maxLength: 8 }), fc.integer({ min: 0, max: 50 }), (axes, offset) => {
      const shape = axes.map(({ dim }) => dim)
      const strides = axes.map(({ stride }) => stride)
      const own = stridesOf(shape)
      const size = shape.reduce((a, b) => a * b, 1)
      for (let i = 0; i < size; i += Math.max(1, Math.floor(size / 40))) {
        const expected = shape.reduce((sum, dim, axis) => sum + (Math.floor(i / own[axis]) % dim) * strides[axis], offset) >>> 0
        assert.equal(evaluate('at', shape, strides, offset, i), expected)
      }
    }),
  ))

test('axes that lie side by side are merged', () => {
  assert.deepEqual(collapse([2, 3, 4], stridesOf([2, 3, 4])), { shape: [24], strides: [1] })
  assert.deepEqual(collapse([2, 3, 4], broadcastStrides([4], [2, 3, 4])), { shape: [6, 4], strides: [0, 1] })
})

test('thresholds round down, so that float32 inputs decide as before', () =>
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (t) => {
      const below = floatBelow(t)
      assert.ok(below <= t && Object.is(Math.fround(below), below))
      for (const x of [below, Math.fround(t), 0, -0, Infinity, -Infinity, Math.fround(t * (1 + 2 ** -23)), Math.fround(t * (1 - 2 ** -23))]) assert.equal(x > below, x > t, `${x} against ${t}`)
    }),
  ))

gpuTest('more than 65535 workgroups', async (gpu) => {
  const size = 65535 * 64 + 100
  const b = graphBuilder()
  b.output('Y', b.add('Neg', [b.input('X', { dtype: 'float32', shape: [size] })]), { dtype: 'float32', shape: [size] })
  const model = await load(b.build(), { device: 'webgpu', gpu })
  const x = Float32Array.from({ length: size }, (_, i) => i)
  const { Y } = await model.run({ X: tensor(x, [size]) })
  for (const i of [1, 63, 64, 65535 * 64 - 1, 65535 * 64, size - 1]) assert.equal(Y.data[i], -i)
  model.dispose()
})

gpuTest('tiles of every size give what cpu gives', async (gpu) => {
  const whole = (rows: number, columns: number, seed: number): ReturnType<typeof tensor> => tensor(Float32Array.from({ length: rows * columns }, (_, i) => ((i * 7 + seed * 13) % 5) - 2), [rows, columns])
  for (const [m, k, n] of [[130, 9, 132], [66, 17, 40], [5, 40, 100]]) {
    const b = graphBuilder()
    b.output('Y', b.add('MatMul', [b.input('X', { dtype: 'float32', shape: [m, k] }), b.constant(whole(k, n, 2))]), { dtype: 'float32', shape: [m, n] })
    const graph = b.build()
    const { model } = await gpuModel(graph, gpu, { software: false, busyWorkgroups: 1 })
    const inputs = { X: whole(m, k, 1) }
    assert.deepEqual((await model.run(inputs)).Y.data, (await (await load(graph, { device: 'wasm' })).run(inputs)).Y.data, `${m} x ${k} x ${n}`)
    model.dispose()
  }
})
