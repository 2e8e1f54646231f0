// Sampling images at computed places. Coordinates are computed in float64 and samples rounded to the dtype once.
import { MleError } from '../../error.ts'
import { float, int, ints, text } from '../attributes.ts'
import { allocateView, isView, REFERENCE_BYTES, type HostKernel, type Kernel, type KernelContext, type KernelEntry, type Value } from '../kernel.ts'
import { kernelOf } from '../schemas/conv.ts'
import { windowOf } from '../window.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { integers, view } from './moving.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { wideToNumber } from './wide.ts'
import { widened } from './widen.ts'

/** Reflects a coordinate into [low, high] as often as it takes. */
function reflect(x: number, low: number, high: number): number {
  const range = high - low
  if (range <= 0 || (x >= low && x <= high)) return x < low || x > high ? low : x
  const away = x < low ? low - x : x - high
  const folds = Math.floor(away / range)
  const rest = away - folds * range
  return (x < low) === (folds % 2 === 0) ? low + rest : high - rest
}

/** To the nearest integer, ties to even. */
export function roundEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
}

/** Keys' cubic kernel with a = -0.75. */
function cubicWeight(distance: number): number {
  const t = Math.abs(distance)
  if (t <= 1) return (1.25 * t - 2.25) * t * t + 1
  return t < 2 ? ((-0.75 * t + 3.75) * t - 6) * t + 3 : 0
}

/** Places and weights along one axis at a coordinate; a place of -1 is outside and counts as zero. */
interface AxisSample {
  count: number
  readonly places: number[]
  readonly weights: number[]
}

function sampleAxis(into: AxisSample, coordinate: number, dim: number, mode: string, padding: string, align: boolean): void {
  const low = align ? 0 : -0.5
  const high = align ? dim - 1 : dim - 0.5
  let x = align ? ((coordinate + 1) / 2) * (dim - 1) : ((coordinate + 1) * dim - 1) / 2
  if (mode === 'nearest') x = roundEven(x)
  if (!(x >= low && x <= high)) {
    // A cubic's four places are brought to the border one by one.
    if (padding === 'border' && mode !== 'cubic') x = Math.min(Math.max(x, 0), dim - 1)
    else if (padding === 'reflection') x = reflect(x, low, high)
  }
  const base = Math.floor(x)
  into.count = mode === 'nearest' ? 1 : mode === 'linear' ? 2 : 4
  const first = mode === 'cubic' ? base - 1 : base
  for (let t = 0; t < into.count; t++) {
    let place = first + t
    into.weights[t] = mode === 'nearest' ? 1 : mode === 'linear' ? (t === 0 ? 1 - (x - base) : x - base) : cubicWeight(x - place)
    if (!(place >= 0 && place < dim)) {
      if (padding === 'border') place = Math.min(Math.max(place, 0), dim - 1)
      else place = padding === 'reflection' ? Math.trunc(reflect(place, low, high)) : -1
    }
    // A coordinate that is no number has no place.
    into.places[t] = place === place ? place : -1
  }
}

// x [N, C, D, H, W], grid [N, places, 3] (columns first) -> y [N, C, places]
function makeGridSample(context: KernelContext): Kernel {
  const { attributes } = context
  const mode = text(attributes, 'mode', 'linear')
  const padding = text(attributes, 'padding_mode', 'zeros')
  const align = int(attributes, 'align_corners', 0) !== 0
  const fixed: AxisSample = { count: 1, places: [0], weights: [1] }
  const own: AxisSample[] = [0, 1, 2].map(() => ({ count: 0, places: [0, 0, 0, 0], weights: [0, 0, 0, 0] }))
  return ([xView, gridView], [yView]) => {
    const [x, grid, y] = [numbers(xView), numbers(gridView), numbers(yView)]
    const { shape } = view(xView)
    const rank = shape.length - 2
    const [rows, channels] = shape
    const [depth, height, width] = [rank > 2 ? shape[2] : 1, rank > 1 ? shape[rank] : 1, shape[rank + 1]]
    const size = depth * height * width
    const places = rows * channels === 0 ? 0 : view(yView).size / (rows * channels)
    const z = rank > 2 ? own[0] : fixed
    const h = rank > 1 ? own[1] : fixed
    const w = own[2]
    for (let n = 0; n < rows; n++) {
      for (let p = 0; p < places; p++) {
        const at = (n * places + p) * rank
        sampleAxis(w, grid[at], width, mode, padding, align)
        if (rank > 1) sampleAxis(h, grid[at + 1], height, mode, padding, align)
        if (rank > 2) sampleAxis(z, grid[at + 2], depth, mode, padding, align)
        for (let c = 0; c < channels; c++) {
          const plane = (n * channels + c) * size
          let sum = 0
          for (let i = 0; i < z.count; i++) {
            for (let j = 0; j < h.count; j++) {
              for (let k = 0; k < w.count; k++) {
                const weight = z.weights[i] * h.weights[j] * w.weights[k]
                if (weight === 0 || z.places[i] < 0 || h.places[j] < 0 || w.places[k] < 0) continue
                sum += weight * x[plane + (z.places[i] * height + h.places[j]) * width + w.places[k]]
              }
            }
          }
          y[(n * channels + c) * places + p] = sum
        }
      }
    }
  }
}

// theta [N, rank, rank + 1], size [rank + 2] -> grid [N, ..., rank], columns first
function makeAffineGrid(context: KernelContext): Kernel {
  const align = int(context.attributes, 'align_corners', 0) !== 0
  const along = (place: number, dim: number): number => (align ? (dim === 1 ? 0 : (2 * place) / (dim - 1) - 1) : (2 * place + 1) / dim - 1)
  return ([thetaView], [gridView]) => {
    const [theta, grid] = [numbers(thetaView), numbers(gridView)]
    const { shape } = view(gridView)
    const rank = shape[shape.length - 1]
    const [rows] = shape
    const [depth, height, width] = rank === 3 ? [shape[1], shape[2], shape[3]] : [1, shape[1], shape[2]]
    for (let n = 0, o = 0; n < rows; n++) {
      for (let d = 0; d < depth; d++) {
        for (let h = 0; h < height; h++) {
          for (let w = 0; w < width; w++) {
            for (let r = 0; r < rank; r++) {
              const at = (n * rank + r) * (rank + 1)
              let sum = theta[at] * along(w, width) + theta[at + 1] * along(h, height)
              if (rank === 3) sum += theta[at + 2] * along(d, depth)
              grid[o++] = sum + theta[at + rank]
            }
          }
        }
      }
    }
  }
}

function imageOf(index: number, count: number): number {
  if (!(index >= 0 && index < count)) throw new MleError('OP_INDEX', `a region is of image ${index}, but there are ${count}`, { expected: count, actual: index })
  return index
}

/** To the nearest integer, halves away from 0, as C rounds. */
function roundAway(x: number): number {
  return x < 0 ? -Math.floor(0.5 - x) : Math.floor(x + 0.5)
}

// x [N, C, H, W], rois [R, 5] -> y [R, C, rows, columns]
function makeMaxRoiPool({ attributes }: KernelContext): Kernel {
  const scale = float(attributes, 'spatial_scale', 1)
  const [rows, columns] = ints(attributes, 'pooled_shape') ?? [1, 1]
  return ([xView, roisView], [yView]) => {
    const [x, rois, y] = [numbers(xView), numbers(roisView), numbers(yView)]
    const [images, channels, height, width] = view(xView).shape
    const clip = (value: number, dim: number): number => Math.min(Math.max(value, 0), dim)
    for (let r = 0, o = 0; r < view(roisView).shape[0]; r++) {
      const image = imageOf(rois[5 * r], images)
      const [left, top, right, bottom] = [1, 2, 3, 4].map((i) => roundAway(rois[5 * r + i] * scale))
      const [cellHeight, cellWidth] = [Math.max(bottom - top + 1, 1) / rows, Math.max(right - left + 1, 1) / columns]
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < rows; i++) {
          const [h0, h1] = [clip(Math.floor(i * cellHeight) + top, height), clip(Math.ceil((i + 1) * cellHeight) + top, height)]
          for (let j = 0; j < columns; j++) {
            const [w0, w1] = [clip(Math.floor(j * cellWidth) + left, width), clip(Math.ceil((j + 1) * cellWidth) + left, width)]
            let best = h1 > h0 && w1 > w0 ? -Infinity : 0
            for (let h = h0; h < h1; h++) for (let w = w0; w < w1; w++) best = Math.max(best, x[((image * channels + c) * height + h) * width + w])
            y[o++] = best
          }
        }
      }
    }
  }
}

/** Weights and places of a bilinear sample. */
interface Bilinear {
  readonly weights: Float64Array
  readonly places: Int32Array
}

/** Samples of RoiAlign: up to one pixel outside the edge pixel counts in full, farther away nothing does. */
function alignedSample(into: Bilinear, top: number, left: number, height: number, width: number): void {
  const { weights, places } = into
  weights.fill(0)
  places.fill(0)
  if (!(top >= -1 && top <= height && left >= -1 && left <= width)) return
  const h = Math.min(Math.max(top, 0), height - 1)
  const w = Math.min(Math.max(left, 0), width - 1)
  const [h0, w0] = [Math.floor(h), Math.floor(w)]
  const [h1, w1] = [Math.min(h0 + 1, height - 1), Math.min(w0 + 1, width - 1)]
  const [dh, dw] = [h - h0, w - w0]
  weights[0] = (1 - dh) * (1 - dw)
  weights[1] = (1 - dh) * dw
  weights[2] = dh * (1 - dw)
  weights[3] = dh * dw
  places[0] = h0 * width + w0
  places[1] = h0 * width + w1
  places[2] = h1 * width + w0
  places[3] = h1 * width + w1
}

/** Samples in the time of an iteration, about. */
const SAMPLES_AN_ITERATION = 4096

// x [N, C, H, W], rois [R, 4], images [R] int64 -> y [R, C, rows, columns]
function makeRoiAlign({ attributes, scratch }: KernelContext): Kernel {
  const scale = float(attributes, 'spatial_scale', 1)
  const rows = int(attributes, 'output_height', 1)
  const columns = int(attributes, 'output_width', 1)
  const ratio = int(attributes, 'sampling_ratio', 0)
  const half = text(attributes, 'coordinate_transformation_mode', 'half_pixel') === 'half_pixel'
  const takesMax = text(attributes, 'mode', 'avg') === 'max'
  const sample: Bilinear = { weights: new Float64Array(4), places: new Int32Array(4) }
  return ([xView, roisView, imagesView], [yView]) => {
    const [x, rois, y, images] = [numbers(xView), numbers(roisView), numbers(yView), numbers(imagesView)]
    const [count, channels, height, width] = view(xView).shape
    const { weights, places } = sample
    for (let r = 0; r < view(roisView).shape[0]; r++) {
      const image = imageOf(wideToNumber(images, 2 * r), count)
      const shift = half ? 0.5 : 0
      const left = rois[4 * r] * scale - shift
      const top = rois[4 * r + 1] * scale - shift
      // Without half pixels, a region is at least one pixel wide.
      const roiWidth = Math.max(rois[4 * r + 2] * scale - shift - left, half ? -Infinity : 1)
      const roiHeight = Math.max(rois[4 * r + 3] * scale - shift - top, half ? -Infinity : 1)
      const [cellHeight, cellWidth] = [roiHeight / rows, roiWidth / columns]
      const down = ratio > 0 ? ratio : Math.ceil(cellHeight)
      const across = ratio > 0 ? ratio : Math.ceil(cellWidth)
      scratch.spend((Math.max(0, down) * Math.max(0, across) * rows * columns * channels) / SAMPLES_AN_ITERATION)
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          for (let c = 0; c < channels; c++) {
            const plane = (image * channels + c) * height * width
            let sum = takesMax && down > 0 && across > 0 ? -Infinity : 0
            for (let a = 0; a < down; a++) {
              for (let b = 0; b < across; b++) {
                alignedSample(sample, top + i * cellHeight + ((a + 0.5) * cellHeight) / down, left + j * cellWidth + ((b + 0.5) * cellWidth) / across, height, width)
                for (let k = 0, value = 0; k < 4; k++) {
                  value = weights[k] * x[plane + places[k]]
                  sum = takesMax ? Math.max(sum, value) : sum + value
                }
              }
            }
            y[((r * channels + c) * rows + i) * columns + j] = takesMax ? sum : sum / Math.max(1, down * across)
          }
        }
      }
    }
  }
}

// x [N, C, H, W], w [M, C / groups, kh, kw], offset [N, 2 K offset groups, H', W'], bias [M], mask [N, K offset groups, H', W'] -> y [N, M, H', W']
function makeDeformConv(context: KernelContext): Kernel {
  const { attributes } = context
  const groups = int(attributes, 'group', 1)
  const offsetGroups = int(attributes, 'offset_group', 1)
  const isDouble = dtypeOf(context) === 'float64'
  const round = isDouble ? (value: number): number => value : Math.fround
  const plan = perShape(([x, w], [y]) => {
    const [kh, kw] = kernelOf(attributes, view(w).shape)?.map(Number) ?? [1, 1]
    const length = view(x).shape[1] * kh * kw * view(y).shape[2] * view(y).shape[3]
    return { window: windowOf(attributes, [kh, kw]), columns: isDouble ? new Float64Array(length) : new Float32Array(length) }
  })
  return (inputs, outputs) => {
    const { window, columns } = plan(inputs, outputs)
    const [x, w, offset, y] = [numbers(inputs[0]), numbers(inputs[1]), numbers(inputs[2]), numbers(outputs[0])]
    const [bias, mask] = [inputs[3] && numbers(inputs[3]), inputs[4] && numbers(inputs[4])]
    const [rows, channels, height, width] = view(inputs[0]).shape
    const [, features, outHeight, outWidth] = view(outputs[0]).shape
    const { kernel: [kh, kw], strides, dilations, pads } = window
    const taps = kh * kw
    const places = outHeight * outWidth
    const depth = (channels / groups) * taps
    for (let n = 0; n < rows; n++) {
      for (let c = 0; c < channels; c++) {
        const set = n * offsetGroups + Math.floor(c / (channels / offsetGroups))
        for (let k = 0; k < taps; k++) {
          const rowStart = Math.floor(k / kw) * dilations[0] - pads[0]
          const columnStart = (k % kw) * dilations[1] - pads[1]
          for (let p = 0; p < places; p++) {
            const top = Math.floor(p / outWidth) * strides[0] + rowStart + offset[((set * taps + k) * 2) * places + p]
            const left = (p % outWidth) * strides[1] + columnStart + offset[((set * taps + k) * 2 + 1) * places + p]
            const value = bilinear(x, (n * channels + c) * height * width, top, left, height, width)
            columns[(c * taps + k) * places + p] = mask === undefined ? value : value * mask[(set * taps + k) * places + p]
          }
        }
      }
      for (let m = 0; m < features; m++) {
        const out = (n * features + m) * places
        const start = Math.floor(m / (features / groups)) * depth
        for (let p = 0; p < places; p++) y[out + p] = 0
        for (let k = 0; k < depth; k++) {
          const weight = w[m * depth + k]
          const from = (start + k) * places
          for (let p = 0; p < places; p++) y[out + p] += round(columns[from + p] * weight)
        }
        if (bias !== undefined) for (let p = 0; p < places; p++) y[out + p] += bias[m]
      }
    }
  }
}

/** Bilinear sample of a plane, zeros outside. */
function bilinear(x: Numbers, plane: number, top: number, left: number, height: number, width: number): number {
  if (!(top > -1 && top < height && left > -1 && left < width)) return 0
  const [h0, w0] = [Math.floor(top), Math.floor(left)]
  const [dh, dw] = [top - h0, left - w0]
  let sum = 0
  for (let i = 0; i < 2; i++) {
    for (let j = 0; j < 2; j++) {
      const weight = (i === 0 ? 1 - dh : dh) * (j === 0 ? 1 - dw : dw)
      const [h, w] = [h0 + i, w0 + j]
      if (weight !== 0 && h >= 0 && h < height && w >= 0 && w < width) sum += weight * x[plane + h * width + w]
    }
  }
  return sum
}

/** Corners of box i in ascending order, and its area. */
function setCorners(corners: Float64Array, boxes: Numbers, from: number, i: number, centered: boolean): void {
  const at = 4 * (from + i)
  const [a, b, c, d] = [boxes[at], boxes[at + 1], boxes[at + 2], boxes[at + 3]]
  // Centers are given as x, y, width, height; corners as y1, x1, y2, x2.
  corners[5 * i] = centered ? b - d / 2 : Math.min(a, c)
  corners[5 * i + 1] = centered ? a - c / 2 : Math.min(b, d)
  corners[5 * i + 2] = centered ? b + d / 2 : Math.max(a, c)
  corners[5 * i + 3] = centered ? a + c / 2 : Math.max(b, d)
  corners[5 * i + 4] = (corners[5 * i + 2] - corners[5 * i]) * (corners[5 * i + 3] - corners[5 * i + 1])
}

/** Whether two boxes, at their places among the corners, have more than a share in common. */
function overlap(corners: Float64Array, p: number, q: number, share: number): boolean {
  const common = Math.max(0, Math.min(corners[p + 2], corners[q + 2]) - Math.max(corners[p], corners[q])) * Math.max(0, Math.min(corners[p + 3], corners[q + 3]) - Math.max(corners[p + 1], corners[q + 1]))
  const union = corners[p + 4] + corners[q + 4] - common
  return (union > 0 ? common / union : 0) > share
}

function optionalNumber(value: Value | undefined, fallback: number): number {
  if (!isView(value) || value.size === 0) return fallback
  return value.dtype === 'int64' ? integers(value)[0] : numbers(value)[0]
}

/** Of lists, for each box: its place, twice. */
const BOX_OBJECTS = 32
/** Pairs of boxes that count as an iteration: far more than detectors compare, whose limit would else be that of loops. */
const COMPARED_AN_ITERATION = 2048

// boxes [N, B, 4], scores [N, classes, B] -> indices [selected, 3] int64, best scores first within a class
function makeNonMaxSuppression({ attributes, scratch }: KernelContext): HostKernel {
  const centered = int(attributes, 'center_point_box', 0) !== 0
  return ([boxesValue, scoresValue, most, share, least]) => {
    if (!isView(boxesValue) || !isView(scoresValue)) throw new TypeError('NonMaxSuppression was called without boxes and scores')
    const limit = optionalNumber(most, 0)
    const iou = optionalNumber(share, 0)
    const threshold = optionalNumber(least, -Infinity)
    const [boxes, scores] = [numbers(boxesValue), numbers(scoresValue)]
    const [images, classes, count] = scoresValue.shape
    const found: number[] = []
    scratch.take(count * 40, count * BOX_OBJECTS)
    const corners = new Float64Array(5 * count)
    for (let n = 0; n < images; n++) {
      for (let i = 0; i < count; i++) setCorners(corners, boxes, n * count, i, centered)
      for (let c = 0; c < classes; c++) {
        const row = (n * classes + c) * count
        const order = Array.from({ length: count }, (_, i) => i).filter((i) => scores[row + i] > threshold).sort((i, j) => scores[row + j] - scores[row + i] || i - j)
        const kept: number[] = []
        for (const i of order) {
          if (kept.length >= limit) break
          scratch.spend(kept.length / COMPARED_AN_ITERATION)
          let isNew = true
          for (let k = 0; isNew && k < kept.length; k++) isNew = !overlap(corners, 5 * i, 5 * kept[k], iou)
          if (isNew) kept.push(i)
        }
        for (const i of kept) found.push(n, c, i)
        scratch.take(0, found.length * REFERENCE_BYTES)
      }
    }
    const out = allocateView('int64', [found.length / 3, 3], scratch)
    const data = numbers(out)
    found.forEach((value, i) => (data[2 * i] = value))
    return [out]
  }
}

export const sampleKernels: readonly (readonly [string, KernelEntry])[] = [
  ['GridSample', { make: /* @__PURE__ */ widened(makeGridSample, isHalf) }],
  ['AffineGrid', { make: /* @__PURE__ */ widened(makeAffineGrid, isHalf) }],
  ['MaxRoiPool', { make: /* @__PURE__ */ widened(makeMaxRoiPool, isHalf) }],
  ['RoiAlign', { make: /* @__PURE__ */ widened(makeRoiAlign, isHalf) }],
  ['DeformConv', { make: /* @__PURE__ */ widened(makeDeformConv, isHalf) }],
  ['NonMaxSuppression', { makeHost: makeNonMaxSuppression }],
]
