import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { digamma, exp } from '../../../src/math/index.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const number = fc.double({ min: -2, max: 2, noNaN: true })
const matrix = (rows: readonly (readonly number[])[]): Tensor => tensor(Float64Array.from(rows.flat()), [rows.length, rows[0].length])
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, one, i) => sum + one * b[i], 0)

test('topics are a fixed point of the formula', async () => {
  const b = [[0.5, 0.2, 0.1], [0.1, 0.3, 0.9]]
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.nat(6), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 4 }), async (counts) => {
      const [out] = await runOp('mle.TopicCode', [matrix(counts), matrix(b)], { prior: 0.4, tolerance: 1e-12, maxIterations: 5000 })
      counts.forEach((row, r) => {
        const g = [Number(out.data[2 * r]), Number(out.data[2 * r + 1])]
        const weight = g.map((one) => exp(digamma(one) - digamma(g[0] + g[1])))
        const want = weight.map((one, t) => 0.4 + one * row.reduce((sum, x, w) => sum + (x * b[t][w]) / (weight[0] * b[0][w] + weight[1] * b[1][w]), 0))
        want.forEach((one, t) => assert.ok(Math.abs(one - g[t]) < 1e-5, `${g[t]}, expected ${one}`))
      })
    }),
    { numRuns: 30 },
  )
  await assert.rejects(runOp('mle.TopicCode', [matrix([[1, -1, 0]]), matrix(b)], { prior: 1 }), (error) => error instanceof MleError && error.code === 'OP_VALUE')
})

const dictionaries = fc.record({ atoms: fc.array(fc.array(number, { minLength: 5, maxLength: 5 }), { minLength: 3, maxLength: 3 }), x: fc.array(number, { minLength: 5, maxLength: 5 }) }).filter(({ atoms }) => atoms.every((one) => dot(one, one) > 0.1))

test('pursuit leaves a residual that is orthogonal to the atoms it chose', async () => {
  await fc.assert(
    fc.asyncProperty(dictionaries, fc.integer({ min: 1, max: 2 }), async ({ atoms, x }, nonzero) => {
      const gram = matrix(atoms.map((a) => atoms.map((b) => dot(a, b))))
      const [out] = await runOp('mle.SparseCode', [matrix([atoms.map((a) => dot(a, x))]), gram], { algorithm: 'omp', nonzero })
      const code = Array.from(out.data, Number)
      assert.ok(code.filter((one) => one !== 0).length <= nonzero)
      const rest = x.map((one, f) => one - code.reduce((sum, c, a) => sum + c * atoms[a][f], 0))
      // Atoms that almost depend on each other leave a larger residual.
      code.forEach((one, a) => assert.ok(one === 0 || Math.abs(dot(rest, atoms[a])) < 1e-5, `product ${dot(rest, atoms[a])}`))
    }),
    { numRuns: 60 },
  )
})

test('lasso meets the conditions of the minimum', async () => {
  await fc.assert(
    fc.asyncProperty(dictionaries, fc.double({ min: 0.05, max: 2, noNaN: true }), fc.boolean(), async ({ atoms, x }, alpha, positive) => {
      const gram = matrix(atoms.map((a) => atoms.map((b) => dot(a, b))))
      const [out] = await runOp('mle.SparseCode', [matrix([atoms.map((a) => dot(a, x))]), gram, tensor(Float64Array.of(dot(x, x)), [1])], { algorithm: 'lasso', alpha, positive: positive ? 1 : 0, tolerance: 1e-13, maxIterations: 20000 })
      const code = Array.from(out.data, Number)
      const rest = x.map((one, f) => one - code.reduce((sum, c, a) => sum + c * atoms[a][f], 0))
      code.forEach((one, a) => {
        const slope = dot(rest, atoms[a])
        if (positive) assert.ok(one >= 0 && slope < alpha + 1e-4 && (one === 0 || slope > alpha - 1e-4))
        else assert.ok(one === 0 ? Math.abs(slope) < alpha + 1e-4 : Math.abs(slope - Math.sign(one) * alpha) < 1e-4)
      })
    }),
    { numRuns: 60 },
  )
})

test('attributes of sparse codes are checked', async () => {
  const x = matrix([[1, 2]])
  const gram = matrix([[1, 0], [0, 1]])
  const wrong: Record<string, string | number>[] = [{ algorithm: 'guess' }, { algorithm: 'omp', nonzero: 0 }, { algorithm: 'omp', nonzero: 3 }, { algorithm: 'omp', maxIterations: -1 }]
  for (const attributes of wrong) {
    await assert.rejects(runOp('mle.SparseCode', [x, gram], attributes), (error) => error instanceof MleError && error.code === 'OP_ATTRIBUTE')
  }
})

test('barycentre weights add up to 1 and make up a row inside its points', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(number, { minLength: 2, maxLength: 2 }), { minLength: 3, maxLength: 3 }), fc.tuple(fc.nat(9), fc.nat(9), fc.integer({ min: 1, max: 9 })), async (points, shares) => {
      const area = (points[1][0] - points[0][0]) * (points[2][1] - points[0][1]) - (points[2][0] - points[0][0]) * (points[1][1] - points[0][1])
      if (Math.abs(area) < 0.5) return
      const total = shares[0] + shares[1] + shares[2]
      const x = [0, 1].map((f) => points.reduce((sum, point, i) => sum + (point[f] * shares[i]) / total, 0))
      const [out] = await runOp('mle.BarycenterWeights', [matrix([x]), matrix(points), tensor(Int32Array.of(0, 1, 2), [1, 3])], { regularization: 1e-9 })
      shares.forEach((share, i) => assert.ok(Math.abs(Number(out.data[i]) - share / total) < 1e-4))
    }),
    { numRuns: 60 },
  )
  await assert.rejects(runOp('mle.BarycenterWeights', [matrix([[0, 0]]), matrix([[1, 1]]), tensor(Int32Array.of(1), [1, 1])]), (error) => error instanceof MleError && error.code === 'OP_INDEX')
})
