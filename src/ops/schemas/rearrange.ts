// Moving elements between channels, blocks and space.
import { MleError } from '../../error.ts'
import { int as intOf, ints as intsOf, text as textOf } from '../attributes.ts'
import { inputShape, tensorInput } from '../rules.ts'
import { exact, summing, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type Dim, type ValueType } from '../types.ts'
import { T_ANY, T_NUMBERS, axesOf, ints, knownInts, oneOf, op, text } from './define.ts'

/** The attribute blocksize; throws OP_ATTRIBUTE below 1. */
export function blockOf({ attributes }: Pick<InferContext, 'attributes'>): number {
  const size = intOf(attributes, 'blocksize', 1)
  if (size < 1) throw new MleError('OP_ATTRIBUTE', `attribute blocksize is ${size}, expected at least 1`, { expected: 1, actual: size })
  return size
}

function times(dim: Dim, factor: number): Dim {
  return typeof dim === 'number' ? dim * factor : null
}

function over(dim: Dim, factor: number, what: string): Dim {
  if (typeof dim !== 'number') return null
  if (dim % factor !== 0) throw new MleError('OP_DIMENSION', `${dim} ${what} do not divide by ${factor}`, { expected: factor, actual: dim })
  return dim / factor
}

function inferToSpace(context: InferContext): ValueType[] {
  oneOf('mode', textOf(context.attributes, 'mode', 'DCR'), ['DCR', 'CRD'])
  const { dtype } = tensorInput(context, 0)
  const shape = inputShape(context, 0, 4)
  const b = blockOf(context)
  return [{ dtype, shape: shape && [shape[0], over(shape[1], b * b, 'channels'), times(shape[2], b), times(shape[3], b)] }]
}

function inferToDepth(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shape = inputShape(context, 0, 4)
  const b = blockOf(context)
  return [{ dtype, shape: shape && [shape[0], times(shape[1], b * b), over(shape[2], b, 'rows'), over(shape[3], b, 'columns')] }]
}

/** Axes that CenterCropPad changes, in the order of its shape input. */
export function croppedAxes(context: Pick<InferContext, 'attributes'>, rank: number): readonly number[] {
  const axes = intsOf(context.attributes, 'axes')
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis)
  axesOf(axes, rank)
  return axes.map((axis) => (axis < 0 ? axis + rank : axis))
}

function inferCenter(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  if (shape === undefined) return [{ dtype }]
  const axes = croppedAxes(context, shape.length)
  const target = knownInts(context, 1)
  if (target === undefined) return [{ dtype, shape: shape.map((dim, axis) => (axes.includes(axis) ? null : dim)) }]
  if (target.length !== axes.length || target.some((dim) => dim < 0)) throw new MleError('OP_DIMENSION', `a shape of [${target.join(', ')}] for ${axes.length} axes`, { expected: axes.length, actual: target.length })
  return [{ dtype, shape: shape.map((dim, axis) => (axes.includes(axis) ? target[axes.indexOf(axis)] : dim)) }]
}

function inferCol2Im(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shape = inputShape(context, 0, 3)
  const image = knownInts(context, 1)
  const block = knownInts(context, 2)
  const channels = shape === undefined || block === undefined ? null : over(shape[1], block.reduce((product, dim) => product * dim, 1), 'rows of columns')
  if (image !== undefined) return [{ dtype, shape: [shape?.[0] ?? null, channels, ...image] }]
  const type = context.inputs[1]
  const rank = isTensorType(type) ? type.shape?.[0] : undefined
  return [{ dtype, shape: typeof rank === 'number' ? [shape?.[0] ?? null, channels, ...new Array<Dim>(rank).fill(null)] : undefined }]
}

const first = (_context: InferContext, carries: readonly boolean[]): boolean => carries[0] && !carries.includes(true, 1)

export const rearrangeSchemas: readonly OpSchema[] = [
  /** Channels become blocks of pixels; mode says whether a channel's index begins with the place in the block (DCR) or with the output channel (CRD). */
  op('DepthToSpace', 13, 'input:T', { outputs: 'output', typeSets: T_ANY, attributes: [{ name: 'blocksize', kind: 'int', required: true }, text('mode', 'DCR')], bound: exact, infer: inferToSpace, rowWise: first }),
  /** Blocks of pixels become channels. */
  op('SpaceToDepth', 13, 'input:T', { outputs: 'output', typeSets: T_ANY, attributes: [{ name: 'blocksize', kind: 'int', required: true }], bound: exact, infer: inferToDepth, rowWise: first }),
  /** Cuts or pads with zeros on both sides to a shape, the odd element at the end. */
  op('CenterCropPad', 18, 'input_data:T shape:int32|int64', { outputs: 'output_data', typeSets: T_ANY, attributes: [ints('axes')], bound: exact, valueInputs: [1], infer: inferCenter }),
  /** Sums columns of blocks into images: what taking an image apart into blocks does, transposed. */
  op('Col2Im', 18, 'input:T image_shape:int64 block_shape:int64', {
    outputs: 'output', typeSets: T_NUMBERS, attributes: [ints('dilations'), ints('pads'), ints('strides')], bound: summing, valueInputs: [1, 2], infer: inferCol2Im, rowWise: first,
  }),
]
