import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { invert, product, solve } from '../../../src/import/sklearn/linear-algebra.ts'

const matrices = fc.integer({ min: 1, max: 6 }).chain((n) => fc.record({ n: fc.constant(n), a: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: n * n, maxLength: n * n }) }))

/** Rows that outweigh their other elements make a matrix that has an inverse. */
function dominant(n: number, a: readonly number[]): Float64Array {
  return Float64Array.from(a, (one, i) => (i % (n + 1) === 0 ? n + 1 + one : one))
}

test('a solution times its matrix is the right side', () => {
  fc.assert(
    fc.property(matrices, ({ n, a }) => {
      const matrix = dominant(n, a)
      const right = Float64Array.from({ length: 2 * n }, (_, i) => i - n)
      product(matrix, n, n, solve(matrix, n, right, 2), 2).forEach((one, i) => assert.ok(Math.abs(one - right[i]) < 1e-12 * n))
    }),
  )
})

test('rows are exchanged where a pivot is 0', () => {
  assert.deepEqual([...solve(Float64Array.of(0, 1, 1, 0), 2, Float64Array.of(3, 4), 1)], [4, 3])
})

test('an inverse times its matrix is 1, and determinants are as they should be', () => {
  const { inverse, logDeterminant } = invert(Float64Array.of(2, 1, 1, 3), 2)
  assert.deepEqual([...product(inverse, 2, 2, Float64Array.of(2, 1, 1, 3), 2)].map((one) => Math.round(one * 1e12) / 1e12 + 0), [1, 0, 0, 1])
  assert.ok(Math.abs(logDeterminant - 1.6094379124341003) < 1e-15)
})

test('a matrix without inverse is an error', () => {
  for (const matrix of [[0], [1, 2, 2, 4], [Number.NaN]]) {
    assert.throws(() => solve(Float64Array.from(matrix), Math.sqrt(matrix.length), new Float64Array(Math.sqrt(matrix.length)), 1), (error) => error instanceof MleError && error.code === 'SKLEARN_SINGULAR')
  }
})
