// Convolutions of images, signals and volumes. Each output has one accumulator and takes its products in order: channels, then places of
// the window, row-major.
import { MleError } from '../../error.ts'
import { int as intOf, ints as intsOf } from '../attributes.ts'
import { tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { DType } from '../../tensor/dtype.ts'
import type { Attributes, Dim, ValueType } from '../types.ts'
import { extentOf, imageShape, outputDim, windowOf, type Window } from '../window.ts'
import { int, ints, op, text } from './define.ts'

export const CONVOLUTION: OpSchema['attributes'] = [text('auto_pad', 'NOTSET'), ints('dilations'), int('group', 1), ints('kernel_shape'), ints('pads'), ints('strides')]

/** The size of the kernel: the attribute, or the weights' spatial dimensions; they must agree. */
export function kernelOf(attributes: Attributes, weights: readonly Dim[] | undefined): (number | undefined)[] | undefined {
  const given = intsOf(attributes, 'kernel_shape')
  const own = weights?.slice(2)
  if (given !== undefined && own !== undefined && given.length !== own.length) throw new MleError('OP_ATTRIBUTE', `attribute kernel_shape has ${given.length} values, expected ${own.length}`, { expected: own.length, actual: given.length })
  if (own === undefined) return given === undefined ? undefined : [...given]
  return own.map((dim, i) => {
    const one = given === undefined ? dim : unifyDims(dim, given[i], `kernel_shape ${i} and the weights`)
    return typeof one === 'number' ? one : undefined
  })
}

function isWhole(list: readonly (number | undefined)[]): list is number[] {
  return list.every((one) => one !== undefined)
}

/** Group count, checked against the channels; throws OP_ATTRIBUTE and OP_DIMENSION. */
function groupOf({ attributes }: InferContext, channels: Dim, perGroup: Dim, weightsFirst: Dim): number {
  const group = intOf(attributes, 'group', 1)
  if (group < 1) throw new MleError('OP_ATTRIBUTE', `attribute group is ${group}, expected at least 1`, { expected: 1, actual: group })
  if (typeof perGroup === 'number') unifyDims(channels, perGroup * group, 'channels of the input and of the weights')
  for (const dim of [channels, weightsFirst]) {
    if (typeof dim === 'number' && dim % group !== 0) throw new MleError('OP_DIMENSION', `${dim} channels do not divide into ${group} groups`, { expected: group, actual: dim })
  }
  return group
}

/** Output of a convolution of X by W [M, C / group, kernel]; `index` names the weights. */
export function inferConvolution(context: InferContext, index: number, biasIndex: number | undefined, dtype: DType = tensorInput(context, 0).dtype): ValueType[] {
  const x = imageShape(context)
  const w = imageShape(context, index)
  if (x !== undefined && w !== undefined && x.length !== w.length) throw new MleError('OP_RANK', `the weights have ${w.length} dimensions, the input ${x.length}`, { expected: x.length, actual: w.length })
  if (x === undefined) return [{ dtype }]
  if (w !== undefined) groupOf(context, x[1], w[1], w[0])
  if (biasIndex !== undefined && context.inputs[biasIndex] !== undefined && w !== undefined) checkBias(context, biasIndex, w[0])
  const kernel = kernelOf(context.attributes, w)
  const spatial = x.slice(2)
  if (kernel === undefined || !isWhole(kernel)) return [{ dtype, shape: [x[0], w?.[0] ?? null, ...spatial.map(() => null)] }]
  const window = windowOf(context.attributes, kernel)
  return [{ dtype, shape: [x[0], w?.[0] ?? null, ...spatial.map((dim, axis) => outputDim(window, axis, dim))] }]
}

function checkBias(context: InferContext, index: number, channels: Dim): void {
  const { shape } = tensorInput(context, index)
  if (shape === undefined) return
  if (shape.length !== 1) throw new MleError('OP_RANK', `input ${index} has ${shape.length} dimensions, expected 1`, { expected: 1, actual: shape.length })
  unifyDims(shape[0], channels, 'bias and output channels')
}

/** What a transposed convolution leaves out before, and its output size, along an axis. */
export function transposedSize(window: Window, attributes: Attributes, axis: number, dim: number): readonly [before: number, size: number] {
  const { strides, pads, autoPad, kernel } = window
  const rank = kernel.length
  const extra = intsOf(attributes, 'output_padding')?.[axis] ?? 0
  const whole = strides[axis] * (dim - 1) + extra + extentOf(window, axis)
  const wanted = intsOf(attributes, 'output_shape')
  const size = wanted !== undefined && wanted.length > 0 ? wanted[wanted.length - rank + axis] : autoPad.startsWith('SAME') ? dim * strides[axis] : undefined
  if (size === undefined) return autoPad === 'VALID' ? [0, whole] : [pads[axis], whole - pads[axis] - pads[axis + rank]]
  const total = Math.max(0, whole - size)
  return [autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2), size]
}

function inferTransposed(context: InferContext): ValueType[] {
  const { attributes } = context
  const { dtype } = tensorInput(context, 0)
  const x = imageShape(context)
  const w = imageShape(context, 1)
  if (x !== undefined && w !== undefined && x.length !== w.length) throw new MleError('OP_RANK', `the weights have ${w.length} dimensions, the input ${x.length}`, { expected: x.length, actual: w.length })
  if (x === undefined) return [{ dtype }]
  const group = intOf(attributes, 'group', 1)
  if (w !== undefined) {
    unifyDims(x[1], w[0], 'channels of the input and of the weights')
    groupOf(context, x[1], null, null)
  }
  const channels: Dim = typeof w?.[1] === 'number' ? w[1] * group : null
  if (context.inputs[2] !== undefined && typeof channels === 'number') checkBias(context, 2, channels)
  const kernel = kernelOf(attributes, w)
  const spatial = x.slice(2)
  if (kernel === undefined || !isWhole(kernel)) return [{ dtype, shape: [x[0], channels, ...spatial.map(() => null)] }]
  const window = windowOf(attributes, kernel)
  for (const name of ['output_padding', 'output_shape']) {
    const list = intsOf(attributes, name)
    if (list !== undefined && list.length > 0 && list.length < kernel.length) throw new MleError('OP_ATTRIBUTE', `attribute ${name} has ${list.length} values, expected ${kernel.length}`, { expected: kernel.length, actual: list.length })
  }
  return [{
    dtype,
    shape: [x[0], channels, ...spatial.map((dim, axis): Dim => {
      if (typeof dim !== 'number') return null
      const [, size] = transposedSize(window, attributes, axis, dim)
      if (size < 0) throw new MleError('OP_DIMENSION', `spatial dimension ${axis} of the output would have ${size} elements`, { expected: 0, actual: size })
      return size
    })],
  }]
}

/** Row-wise as long as only the input carries rows. */
export function onlyFirst(_context: InferContext, carries: readonly boolean[]): boolean {
  return carries[0] && !carries.includes(true, 1)
}

export const convSchemas: readonly OpSchema[] = [
  /** Convolution (cross-correlation) over 1 to 3 spatial dimensions of X [N, C, ...] by W [M, C / group, ...]; places outside count as zeros. @formula Y[n, m, o] = B[m] + sum over c, k of X[n, c, o stride + k dilation - pad] W[m, c, k] */
  op('Conv', 22, 'X:T W:T B:T?', { attributes: CONVOLUTION, bound: reducing, infer: (context) => inferConvolution(context, 1, 2), rowWise: onlyFirst }),
  /** Transposed convolution of X [N, C, ...] by W [C, M / group, ...]: what Conv's gradient does. @formula Y[n, m, i stride + k dilation - pad] = B[m] + sum over c, i, k of X[n, c, i] W[c, m, k] */
  op('ConvTranspose', 22, 'X:T W:T B:T?', {
    attributes: [...CONVOLUTION, ints('output_padding'), ints('output_shape')], bound: reducing, infer: inferTransposed, rowWise: onlyFirst,
  }),
]
