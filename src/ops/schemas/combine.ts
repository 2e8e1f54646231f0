// What ensembles and calibrators need beyond tensor operators: lines through points, weighted medians.
import { MleError } from '../../error.ts'
import { text as textOf } from '../attributes.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { exact, type OpSchema } from '../schema.ts'
import { op, oneOf, text } from './define.ts'

const F64 = { typeSets: { T: ['float64'] } } as const satisfies Partial<OpSchema>

export const combineSchemas: readonly OpSchema[] = [
  /**
   * Values on straight lines between points, X of any shape, knots [n] ascending and values [n] -> Y like X. A knot gives its own value and NaN stays NaN;
   * beyond the knots `outside` says: 'clip' the value of the nearest, 'nan', or 'error'.
   *
   * @formula y = values[j] + (values[j + 1] - values[j]) / (knots[j + 1] - knots[j]) (x - knots[j]) where knots[j] <= x < knots[j + 1]
   */
  op('Interpolate', 1, 'X:T knots:T values:T', {
    ...F64,
    domain: 'mle',
    attributes: [text('outside', 'clip')],
    infer(context) {
      oneOf('outside', textOf(context.attributes, 'outside', 'clip'), ['clip', 'nan', 'error'])
      const knots = inputShape(context, 1, 1)
      const values = inputShape(context, 2, 1)
      if (knots?.[0] === 0) throw new MleError('OP_DIMENSION', 'knots are empty, expected at least one')
      if (knots !== undefined && values !== undefined) unifyDims(knots[0], values[0], 'values')
      return [{ dtype: 'float64', shape: tensorInput(context, 0).shape }]
    },
    rowWise: (_context, carries) => carries[0] && !carries[1] && !carries[2],
    // A slope, a product and a sum, whose terms may cancel.
    bound: (eps, reference, magnitude) => 16 * eps * Math.max(Math.abs(reference), magnitude) + Number.MIN_VALUE,
  }),
  /**
   * The weighted median of each row, X [rows, n] and weights [n] -> Y [rows]: the first element in ascending order at which the weights so far reach
   * half of all. NaN counts as the largest.
   *
   * @formula y = x[o[j]] for the least j with w[o[0]] + ... + w[o[j]] >= (w[o[0]] + ... + w[o[n - 1]]) / 2, o a stable ascending order
   */
  op('WeightedMedian', 1, 'X:T weights:T', {
    ...F64,
    domain: 'mle',
    infer(context) {
      const x = inputShape(context, 0, 2)
      const weights = inputShape(context, 1, 1)
      if (weights?.[0] === 0) throw new MleError('OP_DIMENSION', 'weights are empty, expected at least one')
      if (x !== undefined && weights !== undefined) unifyDims(x[1], weights[0], 'weights')
      return [{ dtype: 'float64', shape: x && [x[0]] }]
    },
    rowWise: (_context, carries) => carries[0] && !carries[1],
    bound: exact,
  }),
]
