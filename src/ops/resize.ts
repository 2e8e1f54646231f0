// Where Resize takes its elements from: sizes, coordinates and weights along one axis.
import { MleError } from '../error.ts'
import { int, ints, text } from './attributes.ts'
import type { Attributes } from './types.ts'

/** Output size and scale of each axis of the input. */
export interface Extent {
  readonly sizes: readonly number[]
  readonly scales: readonly number[]
}

/** The axes that scales, sizes and regions of interest are about. */
export function resizedAxes(attributes: Attributes, rank: number): number[] {
  return (ints(attributes, 'axes') ?? Array.from({ length: rank }, (_, axis) => axis)).map((axis) => {
    const normal = axis < 0 ? axis + rank : axis
    if (!(normal >= 0 && normal < rank)) throw new MleError('OP_AXIS', `axis ${axis} is outside a tensor of ${rank} dimensions`, { expected: rank, actual: axis })
    return normal
  })
}

/**
 * Sizes and scales for an input of `shape`, from scales or from sizes, one for each of the axes.
 *
 * @throws MleError OP_DIMENSION where their number or values make no sense
 */
export function resizedExtent(attributes: Attributes, shape: readonly number[], scales: readonly number[] | undefined, sizes: readonly number[] | undefined): Extent {
  const axes = resizedAxes(attributes, shape.length)
  const list = scales ?? sizes ?? []
  if (list.length !== axes.length) throw new MleError('OP_DIMENSION', `${list.length} ${scales === undefined ? 'sizes' : 'scales'} for ${axes.length} axes`, { expected: axes.length, actual: list.length })
  const wrong = list.find((value) => !(value >= 0 && value < 2 ** 31))
  if (wrong !== undefined) throw new MleError('OP_DIMENSION', `a ${scales === undefined ? 'size' : 'scale'} is ${wrong}`, { actual: wrong })
  const out = [...shape]
  const factors = shape.map(() => 1)
  if (scales !== undefined) {
    axes.forEach((axis, i) => {
      factors[axis] = scales[i]
      out[axis] = Math.floor(shape[axis] * scales[i])
    })
    return { sizes: out, scales: factors }
  }
  const policy = text(attributes, 'keep_aspect_ratio_policy', 'stretch')
  const ratios = axes.map((axis, i) => list[i] / shape[axis])
  const common = policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : undefined
  axes.forEach((axis, i) => {
    factors[axis] = common ?? ratios[i]
    out[axis] = common === undefined ? list[i] : Math.floor(shape[axis] * common + 0.5)
  })
  return { sizes: out, scales: factors }
}

/** For each output place along an axis: `taps` places of the input and their weights. */
export interface Taps {
  readonly taps: number
  readonly places: Int32Array
  readonly weights: Float64Array
  /** Output places beyond the input, which get the extrapolation value; none in most modes. */
  readonly outside: Uint8Array | undefined
}

export interface AxisOptions {
  readonly mode: string
  readonly transform: string
  readonly nearest: string
  readonly cubicA: number
  readonly excludeOutside: boolean
  readonly antialias: boolean
  readonly roi: readonly [start: number, end: number]
}

/** What the attributes say about all axes. */
export function axisOptions(attributes: Attributes, cubicA: number): Omit<AxisOptions, 'roi'> {
  return {
    mode: text(attributes, 'mode', 'nearest'),
    transform: text(attributes, 'coordinate_transformation_mode', 'half_pixel'),
    nearest: text(attributes, 'nearest_mode', 'round_prefer_floor'),
    cubicA,
    excludeOutside: int(attributes, 'exclude_outside', 0) !== 0,
    antialias: int(attributes, 'antialias', 0) !== 0,
  }
}

/**
 * The input coordinate of output place `x`, by the mode of the attribute coordinate_transformation_mode. Nearest pixels and regions are told in float32, as
 * onnxruntime does: what lies between two pixels, or on an edge, falls on the same side.
 */
function coordinate(x: number, dim: number, size: number, scale: number, { transform, mode, roi: [start, end] }: AxisOptions): number {
  const round = mode === 'nearest' || transform === 'tf_crop_and_resize' ? Math.fround : (value: number): number => value
  const factor = round(scale)
  const width = round(factor * dim)
  const half = (): number => round(round((x + 0.5) / factor) - 0.5)
  switch (transform) {
    case 'align_corners':
      return width === 1 ? 0 : round((x * (dim - 1)) / (width - 1))
    case 'asymmetric':
      return round(x / factor)
    case 'tf_half_pixel_for_nn':
      return round((x + 0.5) / factor)
    case 'tf_crop_and_resize':
      if (size === 1) return round(0.5 * round(start + end) * (dim - 1))
      return round(round(start * (dim - 1)) + round(round(round(x * round(end - start)) * (dim - 1)) / (size - 1)))
    case 'pytorch_half_pixel':
      return size === 1 ? 0 : half()
    case 'half_pixel_symmetric':
      return round(round((dim / 2) * round(1 - round(size / width))) + half())
    default:
      return half()
  }
}

function nearestPlace(x: number, mode: string): number {
  if (mode === 'floor') return Math.floor(x)
  if (mode === 'ceil') return Math.ceil(x)
  return mode === 'round_prefer_ceil' ? Math.floor(x + 0.5) : Math.ceil(x - 0.5)
}

/** Keys' cubic kernel. */
function cubic(x: number, a: number): number {
  const t = Math.abs(x)
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0
}

/** Places and weights along an axis of `dim` elements that becomes `size`. */
export function axisTaps(dim: number, size: number, scale: number, options: AxisOptions): Taps {
  const { mode, transform, cubicA, antialias } = options
  const reach = mode === 'cubic' ? 2 : 1
  // A shrinking filter is as wide as the pixels that it averages.
  const shrink = antialias && scale < 1 ? scale : 1
  const first = mode === 'nearest' ? 0 : Math.floor(-reach / shrink) + 1
  const count = mode === 'nearest' ? 1 : 2 - 2 * first
  const places = new Int32Array(size * count)
  const weights = new Float64Array(places.length)
  const crops = transform === 'tf_crop_and_resize'
  const outside = crops ? new Uint8Array(size) : undefined
  for (let o = 0; o < size; o++) {
    const x = coordinate(o, dim, size, scale, options)
    if (outside !== undefined && !(x >= 0 && x <= dim - 1)) outside[o] = 1
    if (mode === 'nearest') {
      places[o] = clamp(nearestPlace(x, options.nearest), dim)
      weights[o] = 1
      continue
    }
    // A whole coordinate is the right end of its interval.
    const base = Number.isInteger(x) ? x - 1 : Math.floor(x)
    let sum = 0
    for (let t = 0; t < count; t++) {
      const place = base + first + t
      const distance = (place - x) * shrink
      const weight = mode === 'cubic' ? cubic(distance, cubicA) : Math.max(0, 1 - Math.abs(distance))
      const counts = !options.excludeOutside || (place >= 0 && place < dim)
      places[o * count + t] = clamp(place, dim)
      weights[o * count + t] = counts ? weight : 0
      sum += weights[o * count + t]
    }
    if (options.excludeOutside || shrink < 1) for (let t = 0; t < count; t++) weights[o * count + t] /= sum
  }
  return { taps: count, places, weights, outside }
}

function clamp(place: number, dim: number): number {
  return Math.min(Math.max(place, 0), dim - 1)
}
