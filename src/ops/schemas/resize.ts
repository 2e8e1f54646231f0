// Resizing and sampling of images.
import { MleError } from '../../error.ts'
import { text as textOf } from '../attributes.ts'
import { tensorInput } from '../rules.ts'
import { resizedAxes, resizedExtent } from '../resize.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'
import { ANY, FLOATS, float, int, ints, knownInts, oneOf, op, text } from './define.ts'

const TRANSFORMS = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'tf_half_pixel_for_nn', 'tf_crop_and_resize']
const NEAREST = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']

/** An optional input that may also be given as an empty tensor: whether it is there; undefined while that is not known. */
function isGiven({ inputs, values }: InferContext, index: number): boolean | undefined {
  const type = inputs[index]
  if (type === undefined) return false
  if (values[index] !== undefined) return values[index].data.length > 0
  const dim = 'dtype' in type ? type.shape?.[0] : undefined
  return typeof dim === 'number' ? dim > 0 : undefined
}

function inferResize(context: InferContext): ValueType[] {
  const { attributes } = context
  oneOf('mode', textOf(attributes, 'mode', 'nearest'), ['nearest', 'linear', 'cubic'])
  oneOf('coordinate_transformation_mode', textOf(attributes, 'coordinate_transformation_mode', 'half_pixel'), TRANSFORMS)
  oneOf('nearest_mode', textOf(attributes, 'nearest_mode', 'round_prefer_floor'), NEAREST)
  oneOf('keep_aspect_ratio_policy', textOf(attributes, 'keep_aspect_ratio_policy', 'stretch'), ['stretch', 'not_larger', 'not_smaller'])
  const { dtype, shape } = tensorInput(context, 0)
  if (textOf(attributes, 'mode', 'nearest') !== 'nearest' && (dtype === 'string' || dtype === 'bool')) throw new MleError('OP_DTYPE', `Resize cannot interpolate ${dtype}`, { actual: dtype })
  const [byScale, bySize] = [isGiven(context, 2), isGiven(context, 3)]
  if (byScale === bySize && byScale !== undefined) throw new MleError('OP_INPUT', `Resize has ${byScale ? 'both' : 'neither'} scales and sizes, expected one of them`)
  if (shape === undefined) return [{ dtype }]
  const axes = resizedAxes(attributes, shape.length)
  const scales = byScale === true && context.values[2] !== undefined ? Array.from(context.values[2].data, Number) : undefined
  const sizes = bySize === true ? knownInts(context, 3) : undefined
  const isWhole = axes.every((axis) => typeof shape[axis] === 'number')
  if ((scales === undefined && sizes === undefined) || (!isWhole && sizes !== undefined && textOf(attributes, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch')) {
    return [{ dtype, shape: shape.map((dim, axis) => (axes.includes(axis) ? null : dim)) }]
  }
  const extent = resizedExtent(attributes, shape.map((dim) => (typeof dim === 'number' ? dim : 1)), scales, sizes)
  return [{ dtype, shape: shape.map((dim, axis): Dim => (typeof dim === 'number' ? extent.sizes[axis] : !axes.includes(axis) || scales?.[axes.indexOf(axis)] === 1 ? dim : (sizes?.[axes.indexOf(axis)] ?? null))) }]
}

/** Rows stay apart where axis 0 is not resized. */
function resizeRows(context: InferContext, carries: readonly boolean[]): boolean {
  const rank = tensorInput(context, 0).shape?.length
  if (rank === undefined || !carries[0] || carries.includes(true, 1) || textOf(context.attributes, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize') return false
  const at = resizedAxes(context.attributes, rank).indexOf(0)
  return at < 0 || Number(context.values[2]?.data[at]) === 1
}

export const resizeSchemas: readonly OpSchema[] = [
  /** Resizing along axes by scales or to sizes: nearest element, linear or cubic interpolation, one axis after the other; also with an antialiasing filter. The coordinate tf_half_pixel_for_nn of opset 11 is kept. @see Keys 1981, Cubic convolution interpolation */
  op('Resize', 19, 'X:T roi:R? scales:float32? sizes:int64?', {
    typeSets: { T: ANY, R: FLOATS }, bound: reducing, valueInputs: [2, 3], infer: inferResize, rowWise: resizeRows,
    attributes: [
      int('antialias', 0), ints('axes'), text('coordinate_transformation_mode', 'half_pixel'), float('cubic_coeff_a', -0.75), int('exclude_outside', 0), float('extrapolation_value', 0),
      text('keep_aspect_ratio_policy', 'stretch'), text('mode', 'nearest'), text('nearest_mode', 'round_prefer_floor'),
    ],
  }),
]
