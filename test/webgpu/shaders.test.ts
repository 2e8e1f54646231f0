// The parts that shaders are made of: every function of the library compiles alone, index arithmetic is that of nested loops, and
// dispatches go beyond 65535 workgroups. Kernels of parallel hardware are in hardware.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder } from '../../src/graph/builder.ts'
import { load, tensor } from '../../src/index.ts'
import { collapse, broadcastStrides, strided, stridesOf } from '../../src/ops/webgpu/indexing.ts'
import { libraryFor, libraryNames } from '../../src/ops/webgpu/library.ts'
import { floor32 } from '../../src/ops/trees/neighbours.ts'
import { gpuTest } from '../support/gpu.ts'

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
      const below = floor32(t)
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
