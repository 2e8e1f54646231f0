// Convolutions. One accumulator per output, channels and then places of the window ascending, multiply then add, each rounded to the
// dtype; the bias is added last. Tiles of four channels by four places keep sixteen accumulators in registers and change no bit. Places of a
// window are offsets into the input, which is copied with its padding first, so that no product needs a test of bounds.
import { bytesPerElement } from '../../tensor/dtype.ts'
import type { DType } from '../../tensor/dtype.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { kernelOf, transposedSize } from '../schemas/conv.ts'
import type { Attributes } from '../types.ts'
import { placeWindow, threeDims, windowOf, type Places, type Window } from '../window.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { widened } from './widen.ts'

type Floats = Float32Array | Float64Array

/** Outputs y[o] and its neighbours, the next channel `ys` further; input from base[b], products at `offsets`; weights as a panel from w[j]. */
type Tile = (x: Numbers, start: number, base: Int32Array, b: number, offsets: Int32Array, w: Numbers, j: number, y: Numbers, o: number, ys: number) => void

const f = Math.fround

// x [channels, padded]; w [depth, 4]; y [4, 4]
const tile4x4f64: Tile = (x, start, base, b, offsets, w, j, y, o, ys) => {
  const b0 = start + base[b], b1 = start + base[b + 1], b2 = start + base[b + 2], b3 = start + base[b + 3]
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0
  for (let k = 0; k < offsets.length; k++, j += 4) {
    const e = offsets[k]
    const x0 = x[b0 + e], x1 = x[b1 + e], x2 = x[b2 + e], x3 = x[b3 + e]
    let v = w[j]
    c00 += x0 * v; c01 += x1 * v; c02 += x2 * v; c03 += x3 * v
    v = w[j + 1]
    c10 += x0 * v; c11 += x1 * v; c12 += x2 * v; c13 += x3 * v
    v = w[j + 2]
    c20 += x0 * v; c21 += x1 * v; c22 += x2 * v; c23 += x3 * v
    v = w[j + 3]
    c30 += x0 * v; c31 += x1 * v; c32 += x2 * v; c33 += x3 * v
  }
  y[o] = c00; y[o + 1] = c01; y[o + 2] = c02; y[o + 3] = c03
  o += ys
  y[o] = c10; y[o + 1] = c11; y[o + 2] = c12; y[o + 3] = c13
  o += ys
  y[o] = c20; y[o + 1] = c21; y[o + 2] = c22; y[o + 3] = c23
  o += ys
  y[o] = c30; y[o + 1] = c31; y[o + 2] = c32; y[o + 3] = c33
}

const tile4x4f32: Tile = (x, start, base, b, offsets, w, j, y, o, ys) => {
  const b0 = start + base[b], b1 = start + base[b + 1], b2 = start + base[b + 2], b3 = start + base[b + 3]
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0, c10 = 0, c11 = 0, c12 = 0, c13 = 0
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0, c30 = 0, c31 = 0, c32 = 0, c33 = 0
  for (let k = 0; k < offsets.length; k++, j += 4) {
    const e = offsets[k]
    const x0 = x[b0 + e], x1 = x[b1 + e], x2 = x[b2 + e], x3 = x[b3 + e]
    let v = w[j]
    c00 = f(c00 + f(x0 * v)); c01 = f(c01 + f(x1 * v)); c02 = f(c02 + f(x2 * v)); c03 = f(c03 + f(x3 * v))
    v = w[j + 1]
    c10 = f(c10 + f(x0 * v)); c11 = f(c11 + f(x1 * v)); c12 = f(c12 + f(x2 * v)); c13 = f(c13 + f(x3 * v))
    v = w[j + 2]
    c20 = f(c20 + f(x0 * v)); c21 = f(c21 + f(x1 * v)); c22 = f(c22 + f(x2 * v)); c23 = f(c23 + f(x3 * v))
    v = w[j + 3]
    c30 = f(c30 + f(x0 * v)); c31 = f(c31 + f(x1 * v)); c32 = f(c32 + f(x2 * v)); c33 = f(c33 + f(x3 * v))
  }
  y[o] = c00; y[o + 1] = c01; y[o + 2] = c02; y[o + 3] = c03
  o += ys
  y[o] = c10; y[o + 1] = c11; y[o + 2] = c12; y[o + 3] = c13
  o += ys
  y[o] = c20; y[o + 1] = c21; y[o + 2] = c22; y[o + 3] = c23
  o += ys
  y[o] = c30; y[o + 1] = c31; y[o + 2] = c32; y[o + 3] = c33
}

// x [channels, padded]; w [depth, 4]; y [4, 1]
const tile4x1f64: Tile = (x, start, base, b, offsets, w, j, y, o, ys) => {
  const b0 = start + base[b]
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (let k = 0; k < offsets.length; k++, j += 4) {
    const v = x[b0 + offsets[k]]
    c0 += v * w[j]; c1 += v * w[j + 1]; c2 += v * w[j + 2]; c3 += v * w[j + 3]
  }
  y[o] = c0; y[o + ys] = c1; y[o + 2 * ys] = c2; y[o + 3 * ys] = c3
}

const tile4x1f32: Tile = (x, start, base, b, offsets, w, j, y, o, ys) => {
  const b0 = start + base[b]
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (let k = 0; k < offsets.length; k++, j += 4) {
    const v = x[b0 + offsets[k]]
    c0 = f(c0 + f(v * w[j])); c1 = f(c1 + f(v * w[j + 1])); c2 = f(c2 + f(v * w[j + 2])); c3 = f(c3 + f(v * w[j + 3]))
  }
  y[o] = c0; y[o + ys] = c1; y[o + 2 * ys] = c2; y[o + 3 * ys] = c3
}

// x [channels, padded]; w [depth]; y [1, 4]
const tile1x4f64: Tile = (x, start, base, b, offsets, w, j, y, o) => {
  const b0 = start + base[b], b1 = start + base[b + 1], b2 = start + base[b + 2], b3 = start + base[b + 3]
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (let k = 0; k < offsets.length; k++, j++) {
    const e = offsets[k]
    const v = w[j]
    c0 += x[b0 + e] * v; c1 += x[b1 + e] * v; c2 += x[b2 + e] * v; c3 += x[b3 + e] * v
  }
  y[o] = c0; y[o + 1] = c1; y[o + 2] = c2; y[o + 3] = c3
}

const tile1x4f32: Tile = (x, start, base, b, offsets, w, j, y, o) => {
  const b0 = start + base[b], b1 = start + base[b + 1], b2 = start + base[b + 2], b3 = start + base[b + 3]
  let c0 = 0, c1 = 0, c2 = 0, c3 = 0
  for (let k = 0; k < offsets.length; k++, j++) {
    const e = offsets[k]
    const v = w[j]
    c0 = f(c0 + f(x[b0 + e] * v)); c1 = f(c1 + f(x[b1 + e] * v)); c2 = f(c2 + f(x[b2 + e] * v)); c3 = f(c3 + f(x[b3 + e] * v))
  }
  y[o] = c0; y[o + 1] = c1; y[o + 2] = c2; y[o + 3] = c3
}

// x [channels, padded]; w [depth]; y [1, 1]
const tile1x1f64: Tile = (x, start, base, b, offsets, w, j, y, o) => {
  const b0 = start + base[b]
  let c = 0
  for (let k = 0; k < offsets.length; k++, j++) c += x[b0 + offsets[k]] * w[j]
  y[o] = c
}

const tile1x1f32: Tile = (x, start, base, b, offsets, w, j, y, o) => {
  const b0 = start + base[b]
  let c = 0
  for (let k = 0; k < offsets.length; k++, j++) c = f(c + f(x[b0 + offsets[k]] * w[j]))
  y[o] = c
}

type Tiles = readonly [Tile, Tile, Tile, Tile]

function tilesOf(dtype: DType): Tiles {
  return dtype === 'float64' ? [tile4x4f64, tile4x1f64, tile1x4f64, tile1x1f64] : [tile4x4f32, tile4x1f32, tile1x4f32, tile1x1f32]
}

/** All of a convolution that shapes decide. */
export interface ConvLayout {
  readonly batch: number
  readonly groups: number
  /** Channels of the input and of the output in a group. */
  readonly channels: number
  readonly features: number
  readonly planeSize: number
  readonly places: number
  readonly window: Places
  /** Dimensions of a plane with its padding, where there is any. */
  readonly padded: readonly number[] | undefined
  /** Start of the window of each output place in a plane, and of each product in the planes of a group. */
  readonly base: Int32Array
  readonly offsets: Int32Array
}

/** Layout of a convolution of x [N, C, ...] by w [M, C / groups, ...] into y. */
export function convLayout(attributes: Attributes, x: View, w: View, y: View): ConvLayout {
  const kernel = kernelOf(attributes, w.shape)?.map(Number) ?? []
  const window = placeWindow(windowOf(attributes, kernel), x.shape.slice(2), y.shape.slice(2))
  const { input, output, strides, dilations, before, after } = window
  const isPadded = [...before, ...after].some((pad) => pad > 0)
  const plane = isPadded ? output.map((dim, i) => (dim - 1) * strides[i] + (window.kernel[i] - 1) * dilations[i] + 1) : input
  const [, height, width] = plane
  const groups = int(attributes, 'group', 1)
  const channels = w.shape[1]
  const places = output[0] * output[1] * output[2]
  const base = new Int32Array(places)
  let at = 0
  for (let d = 0; d < output[0]; d++) {
    for (let h = 0; h < output[1]; h++) {
      for (let v = 0; v < output[2]; v++) base[at++] = (d * strides[0] * height + h * strides[1]) * width + v * strides[2]
    }
  }
  const [kd, kh, kw] = window.kernel
  const offsets = new Int32Array(channels * kd * kh * kw)
  const planeSize = plane[0] * height * width
  at = 0
  for (let c = 0; c < channels; c++) {
    for (let d = 0; d < kd; d++) {
      for (let h = 0; h < kh; h++) {
        for (let v = 0; v < kw; v++) offsets[at++] = c * planeSize + (d * dilations[0] * height + h * dilations[1]) * width + v * dilations[2]
      }
    }
  }
  return { batch: x.shape[0], groups, channels, features: groups === 0 ? 0 : w.shape[0] / groups, planeSize, places, window, padded: isPadded ? plane : undefined, base, offsets }
}

// x [planes, D, H, W] from `start` -> p [planes, padded D, H, W], `fill` around it; places that no window reaches are left out
export function padPlanes(p: Numbers, x: Numbers, start: number, planes: number, { input, before }: Places, [depth, height, width]: readonly number[], fill: number): void {
  const [dims, rows, columns] = input
  const length = planes * depth * height * width
  for (let i = 0; i < length; i++) p[i] = fill
  const used = Math.min(columns, width - before[2])
  for (let plane = 0; plane < planes; plane++) {
    for (let d = 0; d < dims && d + before[0] < depth; d++) {
      for (let h = 0; h < rows && h + before[1] < height; h++) {
        const from = start + ((plane * dims + d) * rows + h) * columns
        const to = ((plane * depth + d + before[0]) * height + h + before[1]) * width + before[2]
        for (let v = 0; v < used; v++) p[to + v] = x[from + v]
      }
    }
  }
}

// w [groups, features, depth] -> panels [groups][features / 4][depth, 4], then single features [depth]
function packWeights(p: Floats, w: Numbers, groups: number, features: number, depth: number): void {
  let j = 0
  for (let group = 0; group < groups; group++) {
    const start = group * features * depth
    let m = 0
    for (; m + 4 <= features; m += 4) {
      const i = start + m * depth
      for (let k = 0; k < depth; k++) for (let e = 0; e < 4; e++) p[j++] = w[i + e * depth + k]
    }
    for (; m < features; m++) for (let k = 0; k < depth; k++) p[j++] = w[start + m * depth + k]
  }
}

function convolveGroup([tile4x4, tile4x1, tile1x4, tile1x1]: Tiles, x: Numbers, start: number, w: Numbers, j: number, y: Numbers, o: number, { features, places, base, offsets }: ConvLayout): void {
  const depth = offsets.length
  let m = 0
  for (; m + 4 <= features; m += 4, j += 4 * depth) {
    const row = o + m * places
    let b = 0
    for (; b + 4 <= places; b += 4) tile4x4(x, start, base, b, offsets, w, j, y, row + b, places)
    for (; b < places; b++) tile4x1(x, start, base, b, offsets, w, j, y, row + b, places)
  }
  for (; m < features; m++, j += depth) {
    const row = o + m * places
    let b = 0
    for (; b + 4 <= places; b += 4) tile1x4(x, start, base, b, offsets, w, j, y, row + b, places)
    for (; b < places; b++) tile1x1(x, start, base, b, offsets, w, j, y, row + b, places)
  }
}

// y [batch, features, places] += bias [features]
function addBias(y: Numbers, bias: Numbers, batch: number, features: number, places: number): void {
  for (let n = 0, o = 0; n < batch; n++) {
    for (let m = 0; m < features; m++) {
      const b = bias[m]
      for (const end = o + places; o < end; o++) y[o] += b
    }
  }
}

// x [N, C, ...], w [M, C / groups, ...], bias [M] -> y [N, M, ...]
export function makeConv(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const tiles = tilesOf(dtype)
  const allocate = (length: number): Floats => (dtype === 'float64' ? new Float64Array(length) : new Float32Array(length))
  const isConstant = context.constants[1] !== undefined
  let kept: Floats | undefined
  const layouts = perShape(([x, w], [y]) => {
    if (x === undefined || w === undefined || y === undefined) throw new TypeError('Conv was called without an input that it needs')
    return { layout: convLayout(context.attributes, x, w, y), packed: isConstant ? (kept ??= keptFrom(w)) : allocate(w.size) }
  })
  const pack = (w: View, groups: number, into: Floats = allocate(w.size)): Floats => {
    packWeights(into, numbers(w), groups, w.shape[0] / groups, w.shape[0] === 0 ? 0 : w.size / w.shape[0])
    return into
  }
  const keptFrom = (w: View): Floats => {
    context.scratch.keep(w.size * bytesPerElement(dtype))
    return pack(w, int(context.attributes, 'group', 1))
  }
  return (inputs, outputs) => {
    const { layout, packed } = layouts(inputs, outputs)
    const { batch, groups, channels, features, places, planeSize, padded, window, offsets } = layout
    const [x, y] = [numbers(inputs[0]), numbers(outputs[0])]
    if (places === 0 || batch === 0) return
    if (!isConstant && inputs[1] !== undefined) pack(inputs[1], groups, packed)
    const length = channels * planeSize
    const scratch: Numbers = padded === undefined ? x : dtype === 'float64' ? context.scratch.float64(length) : context.scratch.float32(length)
    const inputSize = channels * window.input[0] * window.input[1] * window.input[2]
    for (let n = 0; n < batch; n++) {
      for (let group = 0; group < groups; group++) {
        const start = (n * groups + group) * inputSize
        if (padded !== undefined) padPlanes(scratch, x, start, channels, window, padded, 0)
        convolveGroup(tiles, scratch, padded === undefined ? start : 0, packed, group * features * offsets.length, y, (n * groups + group) * features * places, layout)
      }
    }
    if (inputs[2] !== undefined) addBias(y, numbers(inputs[2]), batch, groups * features, places)
  }
}

interface Scatter extends Omit<Places, 'after'> {
  readonly window: Window
}

function scatterLayout(attributes: Attributes, x: View, w: View, y: View): Scatter {
  const kernel = kernelOf(attributes, w.shape)?.map(Number) ?? []
  const window = windowOf(attributes, kernel)
  const before = x.shape.slice(2).map((dim, axis) => transposedSize(window, attributes, axis, dim)[0])
  return {
    window,
    input: threeDims(x.shape.slice(2), 1),
    output: threeDims(y.shape.slice(2), 1),
    kernel: threeDims(kernel, 1),
    strides: threeDims(window.strides, 1),
    dilations: threeDims(window.dilations, 1),
    before: threeDims(before, 0),
  }
}

/** First and past-the-end input place that lands inside the output: 0 <= i stride + shift < size. */
function inside(count: number, stride: number, shift: number, size: number): readonly [number, number] {
  return [Math.max(0, Math.ceil(-shift / stride)), Math.min(count, Math.ceil((size - shift) / stride))]
}

// x [N, C, ...], w [C, M / groups, ...], bias [M] -> y [N, M, ...]; each output takes its products channel by channel, then in the window's order
function makeConvTranspose(context: KernelContext): Kernel {
  const groups = int(context.attributes, 'group', 1)
  const layouts = perShape(([x, w], [y]) => {
    if (x === undefined || w === undefined || y === undefined) throw new TypeError('ConvTranspose was called without an input that it needs')
    return scatterLayout(context.attributes, x, w, y)
  })
  const round = dtypeOf(context) === 'float64' ? (value: number): number => value : Math.fround
  return (inputs, outputs) => {
    const [xView, wView, bias] = inputs
    const [yView] = outputs
    if (xView === undefined || wView === undefined || yView === undefined) return
    const { input, output, kernel, strides, dilations, before } = layouts(inputs, outputs)
    const [x, w, y] = [numbers(xView), numbers(wView), numbers(yView)]
    const [batch, inChannels] = xView.shape
    const features = wView.shape[1]
    const channels = inChannels / groups
    const [depth, height, width] = input
    const [outDepth, outHeight, outWidth] = output
    const planeSize = depth * height * width
    const outSize = outDepth * outHeight * outWidth
    const step = strides[2]
    for (let o = 0; o < yView.size; o++) y[o] = 0
    for (let n = 0; n < batch; n++) {
      for (let g = 0; g < groups; g++) {
        for (let m = 0; m < features; m++) {
          const plane = ((n * groups + g) * features + m) * outSize
          for (let c = 0; c < channels; c++) {
            const from = ((n * groups + g) * channels + c) * planeSize
            let j = ((g * channels + c) * features + m) * kernel[0] * kernel[1] * kernel[2]
            for (let kd = 0; kd < kernel[0]; kd++) {
              const shiftD = kd * dilations[0] - before[0]
              const [d0, d1] = inside(depth, strides[0], shiftD, outDepth)
              for (let kh = 0; kh < kernel[1]; kh++) {
                const shiftH = kh * dilations[1] - before[1]
                const [h0, h1] = inside(height, strides[1], shiftH, outHeight)
                for (let kw = 0; kw < kernel[2]; kw++, j++) {
                  const shiftW = kw * dilations[2] - before[2]
                  const [w0, w1] = inside(width, step, shiftW, outWidth)
                  const weight = w[j]
                  for (let d = d0; d < d1; d++) {
                    for (let h = h0; h < h1; h++) {
                      const row = from + (d * height + h) * width
                      let o = plane + ((d * strides[0] + shiftD) * outHeight + h * strides[1] + shiftH) * outWidth + w0 * step + shiftW
                      for (let v = w0; v < w1; v++, o += step) y[o] += round(x[row + v] * weight)
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
    if (bias !== undefined) addBias(y, numbers(bias), batch, groups * features, outSize)
  }
}

export const convKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Conv', { make: /* @__PURE__ */ widened(makeConv, isHalf) }],
  ['ConvTranspose', { make: /* @__PURE__ */ widened(makeConvTranspose, isHalf) }],
]
