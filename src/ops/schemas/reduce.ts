// Operators that combine the elements along axes. Sums are taken in the order that docs/numerics.md defines.
import { MleError } from '../../error.ts'
import { int as intOf } from '../attributes.ts'
import { like, tensorInput } from '../rules.ts'
import { exact, reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { DType } from '../../tensor/dtype.ts'
import type { Dim, ValueType } from '../types.ts'
import { FLOATS, NUMBERS, T_NUMBERS, axesOf, axisOf, int, integersOf, knownInts, op, unary } from './define.ts'

const SUMMABLE: readonly DType[] = [...FLOATS, 'int32', 'int64', 'uint32', 'uint64']
const INT64_LIST = 'axes:int64?'
const KEEP = [int('keepdims', 1), int('noop_with_empty_axes', 0)]

/** The axes to reduce, all by default; undefined while they depend on data or the rank is unknown. */
export function reducedAxes(context: InferContext): number[] | undefined {
  const rank = tensorInput(context, 0).shape?.length
  const given = context.inputs[1] === undefined ? [] : knownInts(context, 1)
  if (given === undefined || rank === undefined) return undefined
  if (given.length > 0) return axesOf(given, rank)
  return intOf(context.attributes, 'noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, axis) => axis)
}

/** The shape without the reduced axes, or with 1 there. */
export function reducedShape(shape: readonly Dim[], axes: readonly number[], keep: boolean): Dim[] {
  return keep ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) : shape.filter((_, axis) => !axes.includes(axis))
}

function inferReduce(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  const axes = reducedAxes(context)
  const keep = intOf(context.attributes, 'keepdims', 1) !== 0
  if (shape === undefined) return [{ dtype }]
  if (axes === undefined) return [keep ? { dtype, shape: shape.map(() => null) } : { dtype }]
  return [{ dtype, shape: reducedShape(shape, axes, keep) }]
}

function reduceRows(context: InferContext, carries: readonly boolean[]): boolean {
  const axes = reducedAxes(context)
  return carries[0] && !carries[1] && axes !== undefined && !axes.includes(0)
}

function reduction(name: string, version: number, more: Partial<Omit<OpSchema, 'outputs'>> = {}): OpSchema {
  return op(name, version, `data:T ${INT64_LIST}`, {
    outputs: 'reduced', typeSets: { T: SUMMABLE }, attributes: KEEP, infer: inferReduce, rowWise: reduceRows, valueInputs: [1], bound: reducing, ...more,
  })
}

function arg(name: string): OpSchema {
  return op(name, 13, 'data:T', {
    outputs: 'reduced', typeSets: T_NUMBERS, attributes: [int('axis', 0), int('keepdims', 1), int('select_last_index', 0)], bound: exact,
    infer(context) {
      const { shape } = tensorInput(context, 0)
      if (shape === undefined) return [{ dtype: 'int64' }]
      const axis = axisOf(intOf(context.attributes, 'axis', 0), shape.length)
      if (shape[axis] === 0 && !shape.some((dim, i) => i !== axis && dim === 0)) throw new MleError('OP_EMPTY', `axis ${axis} has no elements, so no index to give`)
      return [{ dtype: 'int64', shape: reducedShape(shape, [axis], intOf(context.attributes, 'keepdims', 1) !== 0) }]
    },
    rowWise: (context, carries) => carries[0] && axisIsInner(context, 0),
  })
}

/** True if the axis attribute does not name axis 0. */
export function axisIsInner(context: InferContext, fallback: number): boolean {
  const rank = tensorInput(context, 0).shape?.length
  return rank !== undefined && axisOf(intOf(context.attributes, 'axis', fallback), rank) !== 0
}

function alongAxis(name: string, version: number, more: Partial<Omit<OpSchema, 'outputs'>> = {}): OpSchema {
  return unary(name, version, {
    attributes: [int('axis', -1)], bound: reducing, inPlace: false,
    infer(context) {
      const { shape } = tensorInput(context, 0)
      if (shape !== undefined) axisOf(intOf(context.attributes, 'axis', -1), shape.length)
      return like(context)
    },
    rowWise: (context, carries) => carries[0] && axisIsInner(context, -1),
    ...more,
  })
}

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

export const reduceSchemas: readonly OpSchema[] = [
  /** Sum along axes; 0 for none. @formula y = sum x */
  reduction('ReduceSum', 13),
  /** Mean along axes; NaN for none. @formula y = sum x / n */
  reduction('ReduceMean', 18),
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
  /** Index of the largest element along an axis: the first of equals (the last with select_last_index); NaN is above all, as for numpy. @formula y = argmax x */
  arg('ArgMax'),
  /** Index of the smallest element along an axis: the first of equals (the last with select_last_index); NaN is below all, as for numpy. @formula y = argmin x */
  arg('ArgMin'),
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
  /** Exponentials along an axis over their sum. @formula y[i] = e^(x[i] - max x) / sum e^(x - max x) */
  alongAxis('Softmax', 13),
  /** Logarithm of Softmax. @formula y[i] = x[i] - max x - ln(sum e^(x - max x)) */
  alongAxis('LogSoftmax', 13),
  /** 1 at the first largest element along an axis, 0 elsewhere. @formula y[i] = i == argmax x */
  alongAxis('Hardmax', 13, { bound: exact }),
  /** Elements over the 1- or 2-norm along an axis; zeros where the norm is 0. @formula y = x / |x|_p */
  alongAxis('LpNormalization', 22, { attributes: [int('axis', -1), int('p', 2)] }),
]
