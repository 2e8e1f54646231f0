import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { METRICS } from '../../../src/ops/distances.ts'
import { distanceFormula } from '../../../src/ops/formula/distances.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const FEATURES = 5
const row = fc.array(fc.double({ min: 0.1, max: 9, noNaN: true }), { minLength: FEATURES, maxLength: FEATURES })
const bits = fc.array(fc.constantFrom(0, 1), { minLength: FEATURES, maxLength: FEATURES }).filter((one) => one.includes(1))
const BOOLEAN = ['matching', 'jaccard', 'dice', 'kulsinski', 'rogerstanimoto', 'russellrao', 'sokalmichener', 'sokalsneath', 'hamming']

const matrix = (rows: readonly (readonly number[])[]): ReturnType<typeof tensor> => tensor(Float64Array.from(rows.flat()), [rows.length, FEATURES])

for (const metric of METRICS.filter((name) => name !== 'haversine')) {
  test(`${metric} equals the formula`, async () => {
    const rows = fc.array(BOOLEAN.includes(metric) ? bits : row, { minLength: 1, maxLength: 6 })
    // A positive definite matrix: the identity plus a matrix of ones.
    const parameters = metric === 'seuclidean' || metric === 'minkowski' ? [1, 2, 3, 4, 5] : metric === 'mahalanobis' ? Array.from({ length: 25 }, (_, i) => (i % 6 === 0 ? 2 : 1)) : undefined
    await fc.assert(
      fc.asyncProperty(rows, rows, async (x, y) => {
        const inputs = [matrix(x), matrix(y), ...(parameters === undefined ? [] : [tensor(Float64Array.from(parameters), [parameters.length])])]
        const [out] = await runOp('mle.PairwiseDistance', inputs, { metric, p: 3 })
        const want = x.flatMap((a) => y.map((b) => distanceFormula(metric, a, b, 3, parameters)))
        want.forEach((value, i) => {
          if (!Number.isFinite(value)) return
          const bound = metric === 'correlation' || metric === 'cosine' ? 1e-6 : 1e-10
          assert.ok(Math.abs(Number(out.data[i]) - value) <= bound * (1 + value), `element ${i}: ${String(out.data[i])}, expected ${value}`)
        })
      }),
      { numRuns: 25 },
    )
  })
}

test('the expanded form equals the direct one on whole numbers, where neither rounds', async () => {
  const whole = fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: FEATURES, maxLength: FEATURES }), { minLength: 1, maxLength: 9 })
  await fc.assert(
    fc.asyncProperty(whole, whole, async (x, y) => {
      for (const metric of ['euclidean', 'sqeuclidean']) {
        const [direct] = await runOp('mle.PairwiseDistance', [matrix(x), matrix(y)], { metric })
        const [expanded] = await runOp('mle.PairwiseDistance', [matrix(x), matrix(y)], { metric, form: 'expanded' })
        assert.deepEqual(expanded.data, direct.data)
      }
    }),
    { numRuns: 40 },
  )
})

test('metrics, forms and parameters that are not known are errors', async () => {
  const x = matrix([[1, 2, 3, 4, 5]])
  const wrong: [string, Record<string, string | number>][] = [['metric', { metric: 'taxi' }], ['form', { form: 'folded' }], ['expanded', { metric: 'manhattan', form: 'expanded' }], ['p', { metric: 'minkowski', p: 0 }], ['variances', { metric: 'seuclidean' }]]
  for (const [name, attributes] of wrong) {
    await assert.rejects(runOp('mle.PairwiseDistance', [x, x], attributes), (error) => error instanceof MleError && error.code === 'OP_ATTRIBUTE', name)
  }
})

test('haversine is the angle between places on a sphere', async () => {
  const place = (latitude: number, longitude: number): ReturnType<typeof tensor> => tensor(Float64Array.of(latitude, longitude), [1, 2])
  const quarter = 1.5707963267948966
  const [out] = await runOp('mle.PairwiseDistance', [place(0, 0), place(quarter, 0)], { metric: 'haversine' })
  assert.ok(Math.abs(Number(out.data[0]) - quarter) < 1e-15)
})
