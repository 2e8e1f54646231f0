// Reductions and other operators along axes that few models need: extremes, norms, running sums, the largest few.
import { MleError } from '../../error.ts'
import { int as intOf } from '../attributes.ts'
import { like, tensorInput } from '../rules.ts'
import { exact, reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { NUMBERS, T_NUMBERS, axisOf, int, integersOf, knownInts, op } from './define.ts'
import { SUMMABLE, alongAxis, axisIsInner, reduction } from './reduce.ts'

/** A single integer input that must be known to say which axis it names. */
function inferCumSum(context: InferContext): ValueType[] {
  const rank = tensorInput(context, 0).shape?.length
  const axis = knownInts(context, 1)
  if (rank !== undefined && axis !== undefined) axisOf(axis[0], rank)
  return like(context)
}

function inferTopK(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  const k = context.values[1] === undefined ? undefined : integersOf(context.values[1])[0]
  if (shape === undefined) return [{ dtype }, { dtype: 'int64' }]
  const axis = axisOf(intOf(context.attributes, 'axis', -1), shape.length)
  const size = shape[axis]
  if (k !== undefined && (k < 0 || (typeof size === 'number' && k > size))) throw new MleError('OP_DIMENSION', `K is ${k}, but axis ${axis} has ${size} elements`, { expected: String(size), actual: k })
  const out = shape.map((dim, i) => (i === axis ? (k ?? null) : dim))
  return [{ dtype, shape: out }, { dtype: 'int64', shape: out }]
}

export const otherReduceSchemas: readonly OpSchema[] = [
  /** Largest element along axes; NaN wins, and no elements give -Infinity or the smallest integer. @formula y = max x */
  reduction('ReduceMax', 20, { typeSets: { T: [...NUMBERS, 'bool'] }, bound: exact }),
  /** Smallest element along axes; NaN wins, and no elements give Infinity or the largest integer. @formula y = min x */
  reduction('ReduceMin', 20, { typeSets: { T: [...NUMBERS, 'bool'] }, bound: exact }),
  /** Product along axes; 1 for none. @formula y = prod x */
  reduction('ReduceProd', 18),
  /** Sum of squares along axes. @formula y = sum x^2 */
  reduction('ReduceSumSquare', 18),
  /** Sum of magnitudes along axes. @formula y = sum |x| */
  reduction('ReduceL1', 18),
  /** Euclidean norm along axes. @formula y = sqrt(sum x^2) */
  reduction('ReduceL2', 18),
  /** Logarithm of the sum along axes. @formula y = ln(sum x) */
  reduction('ReduceLogSum', 18),
  /** Logarithm of the sum of exponentials along axes, without overflow. @formula y = ln(sum e^x) */
  reduction('ReduceLogSumExp', 18),
  /** Running sum along an axis, one addition after the other. @formula y[i] = x[0] + ... + x[i] */
  op('CumSum', 14, 'x:T axis:int32|int64', {
    outputs: 'y', typeSets: { T: SUMMABLE }, attributes: [int('exclusive', 0), int('reverse', 0)], bound: reducing, valueInputs: [1], infer: inferCumSum,
    rowWise: (context, carries) => carries[0] && !carries[1] && (knownInts(context, 1) ?? [0])[0] % (tensorInput(context, 0).shape?.length ?? 1) !== 0,
  }),
  /** The K largest (or smallest) elements along an axis and their indices, sorted; of equals the one with the lower index goes first, and NaN counts as largest. @formula Values = sort(X)[:K] */
  op('TopK', 24, 'X:T K:int64', {
    outputs: 'Values Indices', typeSets: T_NUMBERS, attributes: [int('axis', -1), int('largest', 1), int('sorted', 1)], bound: exact, valueInputs: [1], infer: inferTopK,
    rowWise: (context, carries) => carries[0] && !carries[1] && axisIsInner(context, -1),
  }),
  /** 1 at the first largest element along an axis, 0 elsewhere. @formula y[i] = i == argmax x */
  alongAxis('Hardmax', 13, { bound: exact }),
  /** Elements over the 1- or 2-norm along an axis; zeros where the norm is 0. @formula y = x / |x|_p */
  alongAxis('LpNormalization', 22, { attributes: [int('axis', -1), int('p', 2)] }),
]
