import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { bsplineBasis, bsplineSlopes } from '../../../src/ops/bspline.ts'
import { categoryKernels } from '../../../src/ops/cpu/categories.ts'
import { fusedKernels } from '../../../src/ops/cpu/fused-matmul.ts'
import { argPartition } from '../../../src/ops/cpu/introselect.ts'
import { imputeKernels } from '../../../src/ops/cpu/knn-impute.ts'
import { preprocessKernels } from '../../../src/ops/cpu/preprocess.ts'
import { fma } from '../../../src/math/fma.ts'
import { squaredNorm } from '../../../src/ops/expanded.ts'
import { bsplineFormula, categoryFormula, fmaFormula, knnImputeFormula, powerFormula, quantileFormula } from '../../../src/ops/formula/preprocess.ts'
import type { AttributeInput } from '../../../src/graph/builder.ts'
import { runKernel } from '../support.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'

const kernels = new Map([...preprocessKernels, ...categoryKernels, ...fusedKernels, ...imputeKernels])
const run = (op: string, inputs: readonly (Tensor | undefined)[], attributes: Record<string, AttributeInput>): Tensor => runKernel(kernels, op, inputs, attributes)

const close = (a: number, b: number, tolerance: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b)) || Math.abs(a - b) <= tolerance * (1 + Math.abs(b))

function assertClose(got: Tensor, expected: readonly number[], tolerance: number): void {
  assert.equal(got.data.length, expected.length)
  expected.forEach((value, i) => assert.ok(close(Number(got.data[i]), value, tolerance), `element ${i} is ${String(got.data[i])}, expected ${value}`))
}

const hasCode = (code: string) => (error: unknown): boolean => error instanceof MleError && error.code === code
const finite = fc.double({ min: -50, max: 50, noNaN: true })

test('power transforms equal their formula and go back', () => {
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1, maxLength: 8 }), fc.double({ min: -3, max: 5, noNaN: true }), (raw, lambda) => {
      for (const form of ['box-cox', 'yeo-johnson', 'yeo-johnson-expm1']) {
        const x = form === 'box-cox' ? raw.map((value) => Math.abs(value) + 0.01) : raw
        const got = run('mle.PowerTransform', [tensor(x.map((value) => [value])), tensor([lambda])], { form })
        assertClose(got, x.map((value) => powerFormula(form, value, lambda)), 1e-9)
      }
    }),
  )
  const x = [[0.5], [3], [NaN]]
  for (const lambda of [-0.7, 0, 0.3, 2, 2.6]) {
    for (const form of ['box-cox', 'yeo-johnson']) {
      const there = run('mle.PowerTransform', [tensor(x), tensor([lambda])], { form })
      assertClose(run('mle.PowerTransform', [there, tensor([lambda])], { form: `${form}-inverse` }), [0.5, 3, NaN], 1e-12)
    }
  }
})

test('Box-Cox refuses what is not positive', () => {
  assert.throws(() => run('mle.PowerTransform', [tensor([[0]]), tensor([1])], { form: 'box-cox' }), hasCode('OP_VALUE'))
})

test('quantile maps equal their formula, repeated quantiles included', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 9 }), fc.array(finite, { minLength: 1, maxLength: 5 }), (levels, x) => {
      const quantiles = levels.toSorted((a, b) => a - b)
      const references = quantiles.map((_, i) => i / (quantiles.length - 1))
      for (const output of ['uniform', 'normal']) {
        const got = run('mle.QuantileMap', [tensor(x.map((value) => [value])), tensor(quantiles.map((value) => [value])), tensor(references)], { output })
        assertClose(got, x.map((value) => quantileFormula(value, quantiles, references, output)), 1e-9)
      }
    }),
  )
  const back = run('mle.QuantileMap', [tensor([[0], [0.25], [1], [NaN]]), tensor([[1], [3], [4]]), tensor([0, 0.5, 1])], { inverse: 1 })
  assertClose(back, [1, 2, 4, NaN], 0)
})

test('spline bases equal the recurrence and sum to 1 between the knots', () => {
  const knots = [-3, -2, -1, 0, 1.5, 2, 4, 5, 6, 7.5]
  for (const degree of [0, 1, 2, 3]) {
    const columns = knots.length - degree - 1
    const xs = [0.2, 1.5, 1.9, 2].filter((x) => x >= knots[degree] && x <= knots[knots.length - degree - 1])
    const got = run('mle.BSplineBasis', [tensor(xs.map((x) => [x])), tensor([knots])], { degree, columns })
    assertClose(got, xs.flatMap((x) => bsplineFormula(knots, degree, x)), 1e-12)
    for (const x of xs) assert.ok(close(bsplineBasis(Float64Array.from(knots), degree, x, columns).reduce((a, b) => a + b), 1, 1e-12))
    // Slopes against a difference of values inside one interval.
    const h = 1e-6
    const slopes = bsplineSlopes(Float64Array.from(knots), degree, 0.7, columns)
    const above = bsplineFormula(knots, degree, 0.7 + h)
    const below = bsplineFormula(knots, degree, 0.7 - h)
    above.forEach((value, j) => assert.ok(Math.abs((value - below[j]) / (2 * h) - slopes[j]) < 1e-8))
  }
  assert.throws(() => run('mle.BSplineBasis', [tensor([[9]]), tensor([[0, 1, 2]])], { degree: 1, columns: 1, outside: 'error' }), hasCode('OP_VALUE'))
})

test('categories equal their formula', () => {
  const names = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(names, fc.array(fc.option(fc.string()), { minLength: 1 }), (categories, extra) => {
      const x = [...categories, ...extra]
      const codes = categories.map((_, i) => i * 1.5)
      const attributes = { missing: 'code', missingCode: -2, unknown: 'code', unknownCode: -1 }
      const got = run('mle.CategoryMap', [tensor(x, [x.length], 'string'), tensor(categories), tensor(codes)], attributes)
      assert.deepEqual([...got.data], categoryFormula(x, categories, codes, -2, -1))
    }),
  )
  const numbers = run('mle.CategoryMap', [tensor([[3], [NaN]]), tensor([3]), tensor([7])], { missing: 'code', missingCode: NaN })
  assert.deepEqual([...numbers.data], [7, NaN])
})

test('an unknown category is an error where it has no code', () => {
  assert.throws(() => run('mle.CategoryMap', [tensor(['c']), tensor(['a']), tensor([0])], {}), hasCode('OP_CATEGORY'))
  assert.throws(() => run('mle.CategoryMap', [tensor([NaN]), tensor([1]), tensor([0])], {}), hasCode('OP_CATEGORY'))
})

test('missing strings are found and filled', () => {
  const x = tensor(['a', null, ''])
  assert.deepEqual([...run('mle.IsMissing', [x], {}).data], [0, 1, 0])
  assert.deepEqual([...run('mle.IsMissing', [x], { token: '' }).data], [0, 1, 1])
  assert.deepEqual([...run('mle.FillMissing', [x], { fill: 'z' }).data], ['a', 'z', ''])
  assert.deepEqual([...run('mle.FillMissing', [x], { fill: 'z', token: 'a' }).data], ['z', 'z', ''])
})

test('fma rounds once', () => {
  // Products whose error would underflow are outside its promise.
  const any = fc.double({ min: -1e80, max: 1e80, noNaN: true }).map((value) => (Math.abs(value) < 1e-80 ? 1 : value))
  fc.assert(fc.property(any, any, any, (a, b, c) => assert.equal(fma(a, b, c), fmaFormula(a, b, c))))
  // The case that two roundings lose: (1 + 2^-30)^2 - 1 - 2^-29 is 2^-60.
  const near = 1 + 2 ** -30
  assert.equal(fma(near, near, -1 - 2 ** -29), 2 ** -60)
  fc.assert(fc.property(fc.double({ min: 0.5, max: 2, noNaN: true }), fc.double({ min: 0.5, max: 2, noNaN: true }), (a, b) => assert.equal(fma(a, b, -a * b), fmaFormula(a, b, -a * b))))
  const product = run('mle.FusedMatMul', [tensor([[near, 1]]), tensor([[near], [-1 - 2 ** -29]])], {})
  assert.deepEqual([...product.data], [near * near - 1 - 2 ** -29])
})

test('nearest rows fill missing values as the formula says', () => {
  const cell = fc.option(fc.double({ min: -9, max: 9, noNaN: true }), { nil: NaN, freq: 3 })
  const row = fc.array(cell, { minLength: 3, maxLength: 3 })
  fc.assert(
    fc.property(fc.array(row, { minLength: 4, maxLength: 9 }), row, fc.constantFrom('uniform', 'distance'), (training, x, weights) => {
      fc.pre([0, 1, 2].every((f) => training.some((one) => !Number.isNaN(one[f]))))
      const got = run('mle.KnnImpute', [tensor([x]), tensor(training)], { neighbors: 2, weights })
      const expected = knnImputeFormula(x, training, 2, weights === 'distance')
      fc.pre(expected !== undefined)
      assertClose(got, expected, 1e-6)
    }),
  )
})

/** Row x of mle.KnnImpute as scikit-learn computes it, every distance by fused multiply-adds. */
function imputedRow(x: readonly number[], training: readonly (readonly number[])[], neighbors: number, byDistance: boolean): number[] {
  const filledOf = (row: readonly number[]): Float64Array => Float64Array.from(row, (value) => (Number.isNaN(value) ? 0 : value))
  const own = filledOf(x)
  const distances = training.map((row) => {
    const filled = filledOf(row)
    const product = filled.reduce((sum, value, f) => fma(own[f], value, sum), 0)
    let square = Math.max(0, -2 * product + squaredNorm(own, 0, x.length) + squaredNorm(filled, 0, x.length))
    const onlyOf = (has: Float64Array, lacks: readonly number[]): number => has.reduce((sum, value, f) => (Number.isNaN(lacks[f]) ? sum + value * value : sum), 0)
    square = Math.max(0, square - onlyOf(own, row) - onlyOf(filled, x))
    const shared = row.filter((value, f) => !Number.isNaN(value + x[f])).length
    return shared === 0 ? NaN : Math.sqrt((square / shared) * x.length)
  })
  return x.map((value, f) => {
    if (!Number.isNaN(value)) return value
    const donors = training.flatMap((row, i) => (Number.isNaN(row[f]) ? [] : [i]))
    const sumOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0)
    if (donors.every((i) => Number.isNaN(distances[i]))) return sumOf(donors.map((i) => training[i][f])) / donors.length
    const order = new Int32Array(donors.length)
    argPartition(Float64Array.from(donors, (i) => distances[i]), order, Math.min(neighbors, donors.length))
    const nearest = Array.from(order.subarray(0, neighbors), (place) => donors[place])
    const isMatch = nearest.some((i) => distances[i] === 0)
    const weights = nearest.map((i) => (!byDistance ? 1 : isMatch ? Number(distances[i] === 0) : Number.isNaN(distances[i]) ? 0 : 1 / distances[i]))
    return sumOf(nearest.map((i, place) => weights[place] * training[i][f])) / sumOf(weights)
  })
}

test('missing values from neighbours have the bits of exact distances where many are equal, nearly so, huge or tiny', () => {
  const units = fc.constantFrom(1, 0.1, 1e155, 1e-160, 1e-170, 0)
  const cell = fc.option(fc.integer({ min: -3, max: 3 }), { nil: NaN, freq: 4 })
  fc.assert(
    fc.property(units, fc.constantFrom(0, 0, 1e6), fc.integer({ min: 1, max: 9 }).chain((n) => fc.array(fc.array(cell, { minLength: n, maxLength: n }), { minLength: 2, maxLength: 40 })), fc.nat(8), fc.constantFrom('uniform', 'distance'), (unit, offset, cells, k, weights) => {
      const [x, first, ...rest] = cells.map((row) => row.map((value) => offset + unit * value))
      const training = [first.map((value) => (Number.isNaN(value) ? unit : value)), ...rest]
      const got = run('mle.KnnImpute', [tensor([x]), tensor(training)], { neighbors: k + 1, weights })
      assert.deepEqual(Array.from(got.data as Float64Array), imputedRow(x, training, k + 1, weights === 'distance'))
    }),
    { numRuns: 400 },
  )
})
