import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { schemaOf } from '../../../src/ops/registry.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

/** By expansion along the first row; the second number is the sum of the magnitudes of all products. */
function expansion(m: readonly (readonly number[])[]): readonly [value: number, magnitude: number] {
  if (m.length === 0) return [1, 1]
  let [value, magnitude] = [0, 0]
  m[0].forEach((head, column) => {
    const [inner, size] = expansion(m.slice(1).map((row) => row.filter((_, i) => i !== column)))
    value += (column % 2 === 0 ? 1 : -1) * head * inner
    magnitude += Math.abs(head) * size
  })
  return [value, magnitude]
}

test('determinants of stacks of matrices', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 5 }), fc.constantFrom('float32', 'float64'), fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: 50, maxLength: 50 }), async (n, dtype, values) => {
    const rounded = values.map((value) => (dtype === 'float32' ? Math.fround(value) : value))
    const [y] = await runOp('Det', [tensor(rounded.slice(0, 2 * n * n), [2, n, n], dtype === 'float32' ? 'float32' : 'float64')])
    assert.deepEqual(y.shape, [2])
    for (let k = 0; k < 2; k++) {
      const rows = Array.from({ length: n }, (_, i) => rounded.slice(k * n * n + i * n, k * n * n + (i + 1) * n))
      const [value, magnitude] = expansion(rows)
      assert.ok(Math.abs(Number(y.data[k]) - value) <= schemaOf('Det').bound(dtype === 'float32' ? 2 ** -24 : 2 ** -53, value, magnitude), `${y.data[k]} is not ${value}`)
    }
  }), { numRuns: 60 })
})

test('what is no square is refused', async () => {
  await assert.rejects(runOp('Det', [tensor(new Float32Array(6), [2, 3])]), { code: 'OP_DIMENSION' })
  await assert.rejects(runOp('Det', [tensor(new Float32Array(3), [3])]), { code: 'OP_RANK' })
})

test('matrices of more than eight rows, by elimination, keep within the bound of Hadamard to what blocks of them expand to', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 5, max: 8 }), fc.integer({ min: 5, max: 8 }), fc.array(fc.oneof(fc.constant(0), fc.double({ min: -4, max: 4, noNaN: true })), { minLength: 128, maxLength: 128 }), async (m, n, values) => {
    const size = m + n
    const block = (at: number, width: number): number[] => Array.from({ length: width * width }, (_, i) => values[at + i])
    const [first, second] = [block(0, m), block(64, n)]
    // Rows of the two blocks take turns, so that elimination has rows to exchange.
    const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => (a * 7) % size - (b * 7) % size)
    const entry = (i: number, j: number): number => (i < m && j < m ? first[i * m + j] : i >= m && j >= m ? second[(i - m) * n + j - m] : 0)
    const whole = order.flatMap((i) => order.map((j) => entry(i, j)))
    const [[a], [b], [y]] = [await runOp('Det', [tensor(Float64Array.from(first), [m, m])]), await runOp('Det', [tensor(Float64Array.from(second), [n, n])]), await runOp('Det', [tensor(Float64Array.from(whole), [size, size])])]
    const expected = Number(a.data[0]) * Number(b.data[0])
    let hadamard = size
    for (let i = 0; i < size; i++) hadamard *= Math.hypot(...whole.slice(i * size, (i + 1) * size))
    assert.ok(Math.abs(Number(y.data[0]) - expected) <= schemaOf('Det').bound(2 ** -53, expected, hadamard), `${y.data[0]} is not ${expected}`)
  }), { numRuns: 60 })
})

test('the determinant of a large matrix that is known', async () => {
  const entries = Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 6 : Math.sin(i * i)))
  const small = tensor(Float64Array.from(entries), [8, 8])
  const bordered = tensor(Float64Array.from({ length: 81 }, (_, i) => (i % 9 < 8 && i < 72 ? entries[Math.floor(i / 9) * 8 + (i % 9)] : i === 80 ? 1 : 0)), [9, 9])
  const [[a], [b]] = [await runOp('Det', [small]), await runOp('Det', [bordered])]
  const [expanded, eliminated] = [Number(a.data[0]), Number(b.data[0])]
  assert.ok(Math.abs(expanded) > 1e5 && Math.abs(eliminated - expanded) <= 1e-13 * Math.abs(expanded), `${eliminated} is not ${expanded}`)
})
