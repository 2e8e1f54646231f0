import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { interpolateFormula, weightedMedianFormula } from '../../../src/ops/formula/combine.ts'
import { schemaOf } from '../../../src/ops/registry.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true })

async function interpolate(x: readonly number[], knots: readonly number[], values: readonly number[], outside?: string): Promise<number[]> {
  const [y] = await runOp('mle.Interpolate', [tensor(Float64Array.from(x)), tensor(Float64Array.from(knots)), tensor(Float64Array.from(values))], outside === undefined ? {} : { outside })
  return Array.from(y.data, Number)
}

test('interpolated values equal the formula within the schema bound', async () => {
  const points = fc.uniqueArray(number, { minLength: 1, maxLength: 12, comparator: 'IsStrictlyEqual' }).map((knots) => [...knots].sort((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(points, fc.array(number, { minLength: 12, maxLength: 12 }), fc.array(number, { minLength: 1 }), async (knots, raw, x) => {
      const values = raw.slice(0, knots.length)
      // Between subnormal knots the slope leaves the range of doubles, for numpy too: the formula says nothing there.
      fc.pre(knots.every((knot, i) => i === 0 || knot - knots[i - 1] > 1e-290))
      // Knots themselves are asked for as well.
      const at = [...x, ...knots]
      const got = await interpolate(at, knots, values, 'nan')
      const { bound } = schemaOf('mle.Interpolate')
      at.forEach((one, i) => {
        const want = interpolateFormula(one, knots, values)
        if (want === undefined) assert.ok(Number.isNaN(got[i]), `${one} lies outside`)
        else assert.ok(Math.abs(got[i] - want.value) <= bound(2 ** -53, want.value, want.magnitude), `${one}: ${got[i]}, expected ${want.value}`)
      })
    }),
    { numRuns: 60 },
  )
})

test('beyond the knots: nearest value, NaN or an error', async () => {
  assert.deepEqual(await interpolate([-1, 0, 0.25, 1, 9, NaN], [0, 1], [10, 20]), [10, 10, 12.5, 20, 20, NaN])
  assert.deepEqual(await interpolate([-1, 1, 9], [0, 1], [10, 20], 'nan'), [NaN, 20, NaN])
  await assert.rejects(interpolate([0.5, 1.5], [0, 1], [10, 20], 'error'), (error) => error instanceof MleError && error.code === 'OP_VALUE')
  await assert.rejects(interpolate([0.5], [0, 1], [10, 20], 'wrap'), (error) => error instanceof MleError && error.code === 'OP_ATTRIBUTE')
  await assert.rejects(interpolate([0.5], [0, 1], [10]), (error) => error instanceof MleError && error.code === 'OP_DIMENSION')
})

test('infinite knots and values give what numpy gives', async () => {
  assert.deepEqual(await interpolate([-5, 0.5, 5], [-Infinity, 0, 1, Infinity], [1, 2, 2, 3]), [2, 2, 2])
  assert.deepEqual(await interpolate([0.5], [0, 1], [Infinity, Infinity]), [Infinity])
})

test('weighted medians equal the formula', async () => {
  const shape = fc.tuple(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 40 }))
  await fc.assert(
    fc.asyncProperty(
      shape.chain(([rows, n]) => fc.tuple(fc.array(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: n, maxLength: n }), { minLength: rows, maxLength: rows }), fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { minLength: n, maxLength: n }))),
      async ([rows, weights]) => {
        const [y] = await runOp('mle.WeightedMedian', [tensor(Float64Array.from(rows.flat()), [rows.length, weights.length]), tensor(Float64Array.from(weights))])
        assert.deepEqual(Array.from(y.data, Number), rows.map((row) => weightedMedianFormula(row, weights)))
      },
    ),
    { numRuns: 60 },
  )
})

test('NaN is the largest of a row', async () => {
  const x = tensor(Float64Array.of(NaN, 1, 2, NaN, NaN, 3), [2, 3])
  const [y] = await runOp('mle.WeightedMedian', [x, tensor(Float64Array.of(1, 1, 1))])
  assert.deepEqual([...y.data], [2, NaN])
})
