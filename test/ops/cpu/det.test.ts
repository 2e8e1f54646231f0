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

test('larger matrices, by elimination, agree with small ones by expansion', async () => {
  const entries = Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 6 : Math.sin(i * i)))
  const small = tensor(Float64Array.from(entries), [8, 8])
  const bordered = tensor(Float64Array.from({ length: 81 }, (_, i) => (i % 9 < 8 && i < 72 ? entries[Math.floor(i / 9) * 8 + (i % 9)] : i === 80 ? 1 : 0)), [9, 9])
  const [[a], [b]] = [await runOp('Det', [small]), await runOp('Det', [bordered])]
  const [expanded, eliminated] = [Number(a.data[0]), Number(b.data[0])]
  assert.ok(Math.abs(expanded) > 1e5 && Math.abs(eliminated - expanded) <= 1e-13 * Math.abs(expanded), `${eliminated} is not ${expanded}`)
})
