import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { besselK } from '../../../src/math/bessel.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

test('BesselK is besselK of each element', async () => {
  const x = [0.5, 2, 7]
  const [out] = await runOp('mle.BesselK', [tensor(Float64Array.from(x), [3, 1])], { nu: 1.3 })
  assert.deepEqual([...out.data], x.map((one) => besselK(1.3, one)))
  await assert.rejects(runOp('mle.BesselK', [tensor(Float64Array.from(x), [3])], { nu: 2000 }), (error) => error instanceof MleError && error.code === 'OP_ATTRIBUTE')
})

test('L times the solution is the right side; what stands above the diagonal is not read', async () => {
  const systems = fc.record({ n: fc.integer({ min: 1, max: 6 }), rows: fc.integer({ min: 0, max: 6 }) }).chain(({ n, rows }) => fc.record({
    n: fc.constant(n),
    rows: fc.constant(rows),
    l: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: n * n, maxLength: n * n }),
    b: fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: n * rows, maxLength: n * rows }),
  }))
  await fc.assert(
    fc.asyncProperty(systems, async ({ n, rows, l, b }) => {
      const lower = l.map((one, i) => (i % (n + 1) === 0 ? one + 2 : i % n > Math.floor(i / n) ? NaN : one))
      const [out] = await runOp('mle.TriangularSolve', [tensor(Float64Array.from(b), [rows, n]), tensor(Float64Array.from(lower), [n, n])])
      for (let r = 0; r < rows; r++) {
        for (let i = 0; i < n; i++) {
          let sum = 0
          for (let j = 0; j <= i; j++) sum += lower[i * n + j] * Number(out.data[r * n + j])
          assert.ok(Math.abs(sum - b[r * n + i]) < 1e-11 * 3 ** n)
        }
      }
    }),
    { numRuns: 50 },
  )
})
