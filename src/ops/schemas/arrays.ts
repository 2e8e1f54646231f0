// Making, cutting and searching arrays: shapes as values, slices, pads, scattering, distinct elements.
import { MleError } from '../../error.ts'
import { bfloatToFloat, halfToFloat } from '../../tensor/half.ts'
import type { DType } from '../../tensor/dtype.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { int as intOf, tensorAttribute, text as textOf } from '../attributes.ts'
import { broadcastDims, inputShape, like, tensorInput, unifyDims } from '../rules.ts'
import { exact, summing, type InferContext, type OpSchema } from '../schema.ts'
import { padsOf, sliceRange, splitSizes } from '../slices.ts'
import type { Dim, TensorType, ValueType } from '../types.ts'
import { ANY, FLOATS, INTEGERS, NUMBERS, STORED, T_ANY, axisOf, countOf, int, integersOf, knownInts, oneOf, op, text } from './define.ts'
import { axisIsInner } from './reduce.ts'
import { MOVES, lengthOf, moving, reshaped, unknownDims } from './tensor.ts'

/** Indices and depths of OneHot. */
const COUNTS: readonly DType[] = ['float32', 'float64', ...INTEGERS]

const inferExpand = reshaped((shape, context) => {
  const target = knownInts(context, 1)
  if (target !== undefined) return broadcastDims(shape, target)
  const length = lengthOf(context, 1)
  return unknownDims(length === undefined ? undefined : Math.max(length, shape.length))
})

const inferTile = reshaped((shape, context) => {
  const repeats = knownInts(context, 1)
  const length = repeats?.length ?? lengthOf(context, 1)
  if (length !== undefined && length !== shape.length) throw new MleError('OP_RANK', `${length} repeats for ${shape.length} dimensions`, { expected: shape.length, actual: length })
  return shape.map((dim, i) => {
    const times = repeats?.[i]
    if (times !== undefined && times < 0) throw new MleError('OP_DIMENSION', `repeat ${i} is ${times}`, { expected: 0, actual: times })
    return times === 1 ? dim : typeof dim === 'number' && times !== undefined ? dim * times : null
  })
})

const inferPad = reshaped((shape, context) => {
  const mode = oneOf('mode', textOf(context.attributes, 'mode', 'constant'), ['constant', 'reflect', 'edge', 'wrap'])
  const given = knownInts(context, 1)
  const axes = context.inputs[3] === undefined ? undefined : knownInts(context, 3)
  if (given === undefined || (context.inputs[3] !== undefined && axes === undefined)) return unknownDims(shape.length)
  const pads = padsOf(given, axes, shape.length)
  return shape.map((dim, i) => {
    const before = pads[i]
    const after = pads[i + shape.length]
    if (before === 0 && after === 0) return dim
    if (typeof dim !== 'number') return null
    if (dim + before + after < 0) throw new MleError('OP_DIMENSION', `pads take ${-before - after} elements from dimension ${i}, which has ${dim}`, { expected: dim, actual: -before - after })
    if (mode !== 'constant' && dim === 0 && before + after > 0) throw new MleError('OP_DIMENSION', `dimension ${i} has no elements to pad with`)
    return dim + before + after
  })
})

const inferSlice = reshaped((shape, context) => {
  const starts = knownInts(context, 1)
  const ends = knownInts(context, 2)
  const axes = context.inputs[3] === undefined ? starts?.map((_, i) => i) : knownInts(context, 3)
  const steps = context.inputs[4] === undefined ? starts?.map(() => 1) : knownInts(context, 4)
  if (starts === undefined || ends === undefined || axes === undefined || steps === undefined) return unknownDims(shape.length)
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) throw new MleError('OP_DIMENSION', `${starts.length} starts, ${ends.length} ends, ${axes.length} axes and ${steps.length} steps`)
  const out: Dim[] = [...shape]
  axes.forEach((given, i) => {
    const axis = axisOf(given, shape.length)
    const dim = shape[axis]
    if (typeof dim === 'number') out[axis] = sliceRange(dim, starts[i], ends[i], steps[i]).count
    else if (starts[i] !== 0 || steps[i] !== 1 || ends[i] < 2 ** 31 - 1) out[axis] = null
  })
  return out
})

function inferSplit(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  const count = context.outputCount
  const given = context.inputs[1] === undefined ? undefined : knownInts(context, 1)
  const wanted = intOf(context.attributes, 'num_outputs', count)
  if (wanted !== count) throw new MleError('OP_ATTRIBUTE', `num_outputs is ${wanted}, but there are ${count} outputs`, { expected: count, actual: wanted })
  if (shape === undefined) return new Array<ValueType>(count).fill({ dtype })
  const axis = axisOf(intOf(context.attributes, 'axis', 0), shape.length)
  const dim = shape[axis]
  const known = context.inputs[1] === undefined || given !== undefined
  const sizes: readonly Dim[] = typeof dim === 'number' && known ? splitSizes(dim, count, given) : (given ?? new Array<Dim>(count).fill(null))
  return sizes.map((size) => ({ dtype, shape: shape.map((other, i) => (i === axis ? size : other)) }))
}

function inferGatherElements(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  const indices = inputShape(context, 1, shape?.length)
  if (shape !== undefined) axisOf(intOf(context.attributes, 'axis', 0), shape.length)
  return [{ dtype, shape: indices }]
}

function inferScatterElements(context: InferContext): ValueType[] {
  oneOf('reduction', textOf(context.attributes, 'reduction', 'none'), ['none', 'add', 'mul', 'max', 'min'])
  const { shape } = tensorInput(context, 0)
  const indices = inputShape(context, 1, shape?.length)
  const updates = inputShape(context, 2, shape?.length)
  if (shape !== undefined) axisOf(intOf(context.attributes, 'axis', 0), shape.length)
  if (indices !== undefined && updates !== undefined) indices.forEach((dim, i) => unifyDims(dim, updates[i], `dimension ${i} of the updates`))
  return like(context)
}

const shapeRange = (shape: readonly Dim[], { attributes }: InferContext): readonly Dim[] => {
  const end = attributes.get('end')?.value
  return shape.slice(intOf(attributes, 'start', 0), typeof end === 'number' ? end : undefined)
}

function int64s(values: readonly number[], shape: readonly number[]): Tensor {
  return { dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) }
}

/** The shape of a tensor as a value, once it is all counts. */
function shapeValue(context: InferContext): Tensor | undefined {
  const { shape } = tensorInput(context, 0)
  if (shape === undefined) return undefined
  const dims = shapeRange(shape, context)
  return countOf(dims) === undefined ? undefined : int64s(dims.map(Number), [dims.length])
}

/** The shape that an input holds as a value. */
function shapeFromValue(context: InferContext, index: number): Dim[] | undefined {
  const dims = knownInts(context, index)
  dims?.forEach((dim, i) => {
    if (dim < 0) throw new MleError('OP_DIMENSION', `dimension ${i} of the shape is ${dim}`, { expected: 0, actual: dim })
  })
  return dims ?? unknownDims(lengthOf(context, index))
}

/** The one number that a tensor holds. */
function numberOf({ dtype, data }: Tensor): number {
  const value = Number(data[0])
  return dtype === 'float16' ? halfToFloat(value) : dtype === 'bfloat16' ? bfloatToFloat(value) : value
}

function inferRange(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const [start, limit, delta] = [0, 1, 2].map((index) => {
    // Models in use give vectors of one element too.
    const shape = inputShape(context, index)
    if (shape !== undefined && shape.length > 0 && (countOf(shape) ?? 1) !== 1) inputShape(context, index, 0)
    const tensor = context.values[index]
    return tensor === undefined ? undefined : numberOf(tensor)
  })
  if (start === undefined || limit === undefined || delta === undefined) return [{ dtype, shape: [null] }]
  const count = Math.max(0, Math.ceil((limit - start) / delta))
  if (!Number.isSafeInteger(count)) throw new MleError('OP_DIMENSION', `a range from ${start} to ${limit} by ${delta} has no countable length`)
  return [{ dtype, shape: [count] }]
}

/** Where the new dimension of a OneHot goes. */
export function oneHotAxis(axis: number, rank: number): number {
  return axisOf(axis, rank + 1)
}

function inferOneHot(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 2)
  const indices = inputShape(context, 0)
  const depth = context.values[1] === undefined ? null : integersOf(context.values[1])[0]
  if (depth !== null && depth < 0) throw new MleError('OP_DIMENSION', `depth is ${depth}`, { expected: 0, actual: depth })
  if (indices === undefined) return [{ dtype }]
  const axis = oneHotAxis(intOf(context.attributes, 'axis', -1), indices.length)
  return [{ dtype, shape: [...indices.slice(0, axis), depth, ...indices.slice(axis)] }]
}

function inferCompress(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  inputShape(context, 1, 1)
  if (!context.attributes.has('axis')) return [{ dtype, shape: [null] }]
  if (shape === undefined) return [{ dtype }]
  const axis = axisOf(intOf(context.attributes, 'axis', 0), shape.length)
  return [{ dtype, shape: shape.map((dim, i) => (i === axis ? null : dim)) }]
}

function inferUnique(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  const indices: TensorType = { dtype: 'int64', shape: [null] }
  if (!context.attributes.has('axis')) return [{ dtype, shape: [null] }, indices, indices, indices]
  const axis = shape === undefined ? 0 : axisOf(intOf(context.attributes, 'axis', 0), shape.length)
  return [{ dtype, shape: shape?.map((dim, i) => (i === axis ? null : dim)) }, indices, indices, indices]
}

export const arraySchemas: readonly OpSchema[] = [
  /** Parts of a tensor along an axis: of the lengths given, or equal ones, the last one shorter. */
  op('Split', 18, 'input:T split:int64?', {
    ...MOVES, outputs: 'outputs*', infer: inferSplit, valueInputs: [1], attributes: [int('axis', 0), int('num_outputs')],
    rowWise: (context, carries) => carries[0] && !carries[1] && axisIsInner(context, 0),
  }),
  /** A regular selection of indices along axes, as Python's start:end:step. */
  op('Slice', 13, 'data:T starts:int32|int64 ends:int32|int64 axes:int32|int64? steps:int32|int64?', { ...moving(inferSlice), outputs: 'output', valueInputs: [1, 2, 3, 4] }),
  /** Elements of the data at indices along an axis, one for each element of the indices. @formula y[i, j] = data[i, indices[i, j]] */
  op('GatherElements', 13, 'data:T indices:int32|int64', {
    ...MOVES, outputs: 'output', infer: inferGatherElements, attributes: [int('axis', 0)],
    rowWise: (context, carries) => carries[0] && carries[1] && axisIsInner(context, 0),
  }),
  /** The data with updates written, or combined, at indices along an axis. @formula y[i, indices[i, j]] = updates[i, j] */
  op('ScatterElements', 18, 'data:T indices:int32|int64 updates:T', {
    ...MOVES, typeSets: T_ANY, outputs: 'output', infer: inferScatterElements, attributes: [int('axis', 0), text('reduction', 'none')], bound: summing,
    rowWise: (context, carries) => carries[0] && carries[1] && carries[2] && axisIsInner(context, 0),
  }),
  /** Broadcasting to a shape, in both directions. */
  op('Expand', 13, 'input:T shape:int64', { ...moving(inferExpand), outputs: 'output', valueInputs: [1] }),
  /** Copies of a tensor beside one another along each axis. */
  op('Tile', 13, 'input:T repeats:int64', { ...moving(inferTile), outputs: 'output', valueInputs: [1] }),
  /** Elements added before and after each dimension, or removed where pads are negative. */
  op('Pad', 25, 'data:T pads:int64 constant_value:T? axes:int32|int64?', { ...moving(inferPad), outputs: 'output', valueInputs: [1, 3], attributes: [text('mode', 'constant')] }),
  /** The dimensions of a tensor, from `start` to `end`. */
  op('Shape', 25, 'data:A', {
    outputs: 'shape', typeSets: { A: STORED }, bound: exact, attributes: [int('start', 0), int('end')], valueFromTypes: shapeValue,
    infer(context) {
      const { shape } = tensorInput(context, 0)
      return [{ dtype: 'int64', shape: [shape === undefined ? null : shapeRange(shape, context).length] }]
    },
  }),
  /** The number of elements. */
  op('Size', 25, 'data:A', {
    outputs: 'size', typeSets: { A: STORED }, bound: exact, infer: () => [{ dtype: 'int64', shape: [] }],
    valueFromTypes(context) {
      const count = countOf(tensorInput(context, 0).shape ?? [null])
      return count === undefined ? undefined : int64s([count], [])
    },
  }),
  /** One value everywhere: float32 0 unless given. */
  op('ConstantOfShape', 25, 'input:int64', {
    outputs: 'output', bound: exact, valueInputs: [0], attributes: [{ name: 'value', kind: 'tensor' }],
    infer: (context) => [{ dtype: tensorAttribute(context.attributes, 'value')?.dtype ?? 'float32', shape: shapeFromValue(context, 0) }],
  }),
  /** Numbers from start, before limit, by delta. @formula y[i] = start + i delta */
  op('Range', 27, 'start:T limit:T delta:T', { outputs: 'output', typeSets: { T: [...FLOATS, 'int16', 'int32', 'int64'] }, infer: inferRange, valueInputs: [0, 1, 2] }),
  /** A new axis that holds values[1] at the index and values[0] elsewhere; negative indices count from the end, others outside select nothing. @formula y[i, j] = values[indices[i] == j] */
  op('OneHot', 11, 'indices:I depth:D values:T', {
    outputs: 'output', typeSets: { I: COUNTS, D: COUNTS, T: ANY }, bound: exact, infer: inferOneHot, valueInputs: [1], attributes: [int('axis', -1)],
    rowWise: (context, carries) => carries[0] && !carries[1] && !carries[2] && oneHotAxis(intOf(context.attributes, 'axis', -1), inputShape(context, 0)?.length ?? 0) !== 0,
  }),
  /** Indices of the elements that are not zero, in row-major order: one row for each dimension. */
  op('NonZero', 13, 'X:T', {
    typeSets: { T: [...NUMBERS, 'bool'] }, bound: exact,
    infer: (context) => [{ dtype: 'int64', shape: [tensorInput(context, 0).shape?.length ?? null, null] }],
  }),
  /** Slices along an axis, or elements of the flattened input, where the condition holds. */
  op('Compress', 11, 'input:T condition:bool', { ...MOVES, outputs: 'output', attributes: [int('axis')], infer: inferCompress }),
  /** Distinct elements, or slices along an axis, sorted or in order of appearance, with first indices, inverse and counts. */
  op('Unique', 11, 'X:T', { ...MOVES, typeSets: T_ANY, outputs: 'Y indices? inverse_indices? counts?', attributes: [int('axis'), int('sorted', 1)], infer: inferUnique }),
]
