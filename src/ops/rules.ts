// Shape rules that many operators share. Dimensions may be symbols or unknown; with numbers only they are exact.
import { MleError } from '../error.ts'
import type { DType } from '../tensor/dtype.ts'
import type { InferContext } from './schema.ts'
import { isTensorType, type Dim, type TensorType, type ValueType } from './types.ts'

/** Input `index` as a tensor type; throws OP_INPUT when it is missing or no tensor. */
export function tensorInput(context: InferContext, index: number): TensorType {
  const type = context.inputs[index]
  if (!isTensorType(type)) throw new MleError('OP_INPUT', `input ${index} ${type === undefined ? 'is missing' : 'is no tensor'}`)
  return type
}

/** The shape of input `index`, checked to have `rank` dimensions when given; undefined while its rank is unknown. */
export function inputShape(context: InferContext, index: number, rank?: number): readonly Dim[] | undefined {
  const { shape } = tensorInput(context, index)
  if (shape !== undefined && rank !== undefined && shape.length !== rank) {
    throw new MleError('OP_RANK', `input ${index} has ${shape.length} dimensions, expected ${rank}`, { expected: rank, actual: shape.length })
  }
  return shape
}

/** The one dimension that two dimensions must share; throws OP_DIMENSION when both are counts and differ. */
export function unifyDims(a: Dim, b: Dim, what: string): Dim {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) throw new MleError('OP_DIMENSION', `${what}: ${a} against ${b}`, { expected: a, actual: b })
  return typeof a === 'number' ? a : typeof b === 'number' ? b : (a ?? b)
}

/** Numpy broadcasting of symbolic shapes. */
export function broadcastDims(a: readonly Dim[], b: readonly Dim[]): Dim[] {
  const rank = Math.max(a.length, b.length)
  const out = new Array<Dim>(rank)
  for (let i = 1; i <= rank; i++) {
    const dimA = i <= a.length ? a[a.length - i] : 1
    const dimB = i <= b.length ? b[b.length - i] : 1
    out[rank - i] = broadcastDim(dimA, dimB)
  }
  return out
}

function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === 1) return b
  if (b === 1 || a === b) return a
  if (typeof a === 'number' && typeof b === 'number') throw new MleError('SHAPE_BROADCAST', `dimensions ${a} and ${b} do not broadcast`, { expected: a, actual: b })
  if (typeof a === 'number') return a
  return typeof b === 'number' ? b : null
}

/** Output like input `index`, with another dtype if given. */
export function like(context: InferContext, index: number = 0, dtype?: DType): ValueType[] {
  const type = tensorInput(context, index)
  return [{ dtype: dtype ?? type.dtype, shape: type.shape }]
}

/** Output of an elementwise operator over all inputs present; all must share input 0's dtype. */
export function elementwise(context: InferContext, dtype?: DType): ValueType[] {
  const first = tensorInput(context, 0)
  let shape = first.shape
  for (let i = 1; i < context.inputs.length; i++) {
    if (context.inputs[i] === undefined) continue
    const other = tensorInput(context, i)
    if (other.dtype !== first.dtype) throw new MleError('OP_DTYPE', `input ${i} is ${other.dtype}, but input 0 is ${first.dtype}`, { expected: first.dtype, actual: other.dtype })
    shape = shape === undefined || other.shape === undefined ? undefined : broadcastDims(shape, other.shape)
  }
  return [{ dtype: dtype ?? first.dtype, shape }]
}

/**
 * Row independence of elementwise operators: every input that carries rows has the output's rank, and every other one
 * broadcasts along axis 0.
 */
export function elementwiseRows(context: InferContext, carriesRows: readonly boolean[]): boolean {
  let rank = 0
  for (const type of context.inputs) if (isTensorType(type)) rank = Math.max(rank, type.shape?.length ?? Infinity)
  return context.inputs.every((type, i) => {
    if (!isTensorType(type) || type.shape === undefined) return type === undefined
    return carriesRows[i] ? type.shape.length === rank : type.shape.length < rank || type.shape[0] === 1
  })
}
