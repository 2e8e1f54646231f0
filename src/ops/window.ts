// Windows that slide over spatial dimensions, as convolutions and pools place them.
import { MleError } from '../error.ts'
import { int, ints, text } from './attributes.ts'
import { inputShape } from './rules.ts'
import type { InferContext } from './schema.ts'
import type { Attributes, Dim } from './types.ts'

/** A window over one or more spatial dimensions. */
export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  /** Before each dimension, then after each; only where autoPad is NOTSET. */
  readonly pads: readonly number[]
  readonly autoPad: string
  readonly ceil: boolean
}

/** Spatial dimensions that operators with windows take. */
const MAX_SPATIAL = 3

function listOf(attributes: Attributes, name: string, length: number, fallback: number, least: number): readonly number[] {
  const list = ints(attributes, name)
  if (list === undefined || list.length === 0) return new Array<number>(length).fill(fallback)
  if (list.length !== length) throw new MleError('OP_ATTRIBUTE', `attribute ${name} has ${list.length} values, expected ${length}`, { expected: length, actual: list.length })
  const wrong = list.find((value) => value < least)
  if (wrong !== undefined) throw new MleError('OP_ATTRIBUTE', `attribute ${name} has ${wrong}, expected at least ${least}`, { expected: least, actual: wrong })
  return list
}

/** The window that attributes describe, for a kernel of the given size. Throws OP_ATTRIBUTE. */
export function windowOf(attributes: Attributes, kernel: readonly number[]): Window {
  const rank = kernel.length
  const autoPad = text(attributes, 'auto_pad', 'NOTSET')
  if (!['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'].includes(autoPad)) throw new MleError('OP_ATTRIBUTE', `attribute auto_pad is ${JSON.stringify(autoPad)}, expected NOTSET, SAME_UPPER, SAME_LOWER or VALID`, { actual: autoPad })
  return {
    kernel,
    strides: listOf(attributes, 'strides', rank, 1, 1),
    dilations: listOf(attributes, 'dilations', rank, 1, 1),
    pads: listOf(attributes, 'pads', 2 * rank, 0, 0),
    autoPad,
    ceil: int(attributes, 'ceil_mode', 0) !== 0,
  }
}

/** The window of a pool, whose kernel_shape is required. */
export function poolWindow(attributes: Attributes): Window {
  const kernel = ints(attributes, 'kernel_shape') ?? []
  return windowOf(attributes, listOf(attributes, 'kernel_shape', kernel.length, 1, 1))
}

/** Input elements that the window spans along an axis. */
export function extentOf({ kernel, dilations }: Window, axis: number): number {
  return (kernel[axis] - 1) * dilations[axis] + 1
}

/** Padding before and after a dimension of `dim` elements. */
export function padsOf(window: Window, axis: number, dim: number): readonly [before: number, after: number] {
  const { pads, strides, kernel, autoPad } = window
  if (autoPad === 'NOTSET') return [pads[axis], pads[axis + kernel.length]]
  if (autoPad === 'VALID') return [0, 0]
  const total = Math.max(0, (Math.ceil(dim / strides[axis]) - 1) * strides[axis] + extentOf(window, axis) - dim)
  const less = Math.floor(total / 2)
  return autoPad === 'SAME_UPPER' ? [less, total - less] : [total - less, less]
}

/** Places of the window along a dimension; throws OP_DIMENSION where it does not fit once. */
export function placesOf(window: Window, axis: number, dim: number): number {
  const stride = window.strides[axis]
  if (window.autoPad.startsWith('SAME')) return Math.ceil(dim / stride)
  const [before, after] = padsOf(window, axis, dim)
  const free = dim + before + after - extentOf(window, axis)
  if (free < 0) throw new MleError('OP_DIMENSION', `a window of ${extentOf(window, axis)} elements does not fit into spatial dimension ${axis} of ${dim + before + after} with its padding`, { expected: extentOf(window, axis), actual: dim + before + after })
  if (!window.ceil || window.autoPad === 'VALID') return Math.floor(free / stride) + 1
  const places = Math.ceil(free / stride) + 1
  // A window that would begin in the padding after the data is left out.
  return (places - 1) * stride >= dim + before ? places - 1 : places
}

/** `placesOf` for a dimension that may be a symbol. */
export function outputDim(window: Window, axis: number, dim: Dim): Dim {
  if (typeof dim === 'number') return placesOf(window, axis, dim)
  const { autoPad, strides, pads, kernel } = window
  if (strides[axis] !== 1) return null
  const padded = autoPad === 'VALID' ? 0 : pads[axis] + pads[axis + kernel.length]
  return autoPad.startsWith('SAME') || padded === extentOf(window, axis) - 1 ? dim : null
}

/** The shape [batch, channels, 1 to 3 spatial dimensions] of input `index`; throws OP_RANK. */
export function imageShape(context: InferContext, index: number = 0): readonly Dim[] | undefined {
  const shape = inputShape(context, index)
  if (shape !== undefined && (shape.length < 3 || shape.length > 2 + MAX_SPATIAL)) {
    throw new MleError('OP_RANK', `input ${index} has ${shape.length} dimensions, expected a batch, channels and 1 to ${MAX_SPATIAL} spatial dimensions`, { actual: shape.length })
  }
  return shape
}

/** A window as kernels use it: always three spatial dimensions, missing ones in front of length 1. */
export interface Places {
  readonly input: readonly number[]
  readonly output: readonly number[]
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/** Brings spatial dimensions to three. */
export function threeDims(values: readonly number[], fill: number): number[] {
  return [...new Array<number>(MAX_SPATIAL - values.length).fill(fill), ...values]
}

/** The window over concrete spatial dimensions. */
export function placeWindow(window: Window, dims: readonly number[], output: readonly number[]): Places {
  const pads = dims.map((dim, axis) => padsOf(window, axis, dim))
  return {
    input: threeDims(dims, 1),
    output: threeDims(output, 1),
    kernel: threeDims(window.kernel, 1),
    strides: threeDims(window.strides, 1),
    dilations: threeDims(window.dilations, 1),
    before: threeDims(pads.map(([before]) => before), 0),
    after: threeDims(pads.map(([, after]) => after), 0),
  }
}
