// Operators that combine the elements along axes. Sums are taken in the order that docs/numerics.md defines.
import { MleError } from '../../error.ts'
import { int as intOf } from '../attributes.ts'
import { like, tensorInput } from '../rules.ts'
import { exact, reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { DType } from '../../tensor/dtype.ts'
import type { Dim, ValueType } from '../types.ts'
import { FLOATS, T_NUMBERS, axesOf, axisOf, int, knownInts, op, unary } from './define.ts'

export const SUMMABLE: readonly DType[] = [...FLOATS, 'int32', 'int64', 'uint32', 'uint64']
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

export function reduction(name: string, version: number, more: Partial<Omit<OpSchema, 'outputs'>> = {}): OpSchema {
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

export function alongAxis(name: string, version: number, more: Partial<Omit<OpSchema, 'outputs'>> = {}): OpSchema {
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

export const reduceSchemas: readonly OpSchema[] = [
  /** Sum along axes; 0 for none. @formula y = sum x */
  reduction('ReduceSum', 13),
  /** Mean along axes; NaN for none. @formula y = sum x / n */
  reduction('ReduceMean', 18),
  /** Index of the largest element along an axis: the first of equals (the last with select_last_index); NaN is above all, as for numpy. @formula y = argmax x */
  arg('ArgMax'),
  /** Index of the smallest element along an axis: the first of equals (the last with select_last_index); NaN is below all, as for numpy. @formula y = argmin x */
  arg('ArgMin'),
  /** Exponentials along an axis over their sum. @formula y[i] = e^(x[i] - max x) / sum e^(x - max x) */
  alongAxis('Softmax', 13),
  /** Logarithm of Softmax. @formula y[i] = x[i] - max x - ln(sum e^(x - max x)) */
  alongAxis('LogSoftmax', 13),
]
