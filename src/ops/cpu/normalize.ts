// Normalizations. Sums over elements are taken by interleaved partials, as reductions take them (reduce.ts).
import type { DType } from '../../tensor/dtype.ts'
import { broadcastStrides, stridesOf } from '../../tensor/shape.ts'
import { pow } from '../../math/pow.ts'
import { float, int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { meanVarianceAxes } from '../schemas/normalize.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { nestOf, numbers, perShape, walk, type Numbers } from './nest.ts'
import { addElements, addSquares, lineLoop, linesOf, partialsFor, sumBy, type Partials } from './reduce.ts'
import { widened } from './widen.ts'

type Round = (value: number) => number
type Floats = Float64Array | Float32Array

function floatsFor(dtype: DType, length: number): Floats {
  return dtype === 'float64' ? new Float64Array(length) : new Float32Array(length)
}

function roundOf(context: KernelContext): Round {
  return dtypeOf(context) === 'float64' ? (value) => value : Math.fround
}

function given(view: View | undefined): View {
  if (view === undefined) throw new TypeError('a normalization was called without an input that it needs')
  return view
}

/** Mean and variance go through memory rather than through calls, because engines box a double that a call returns. */
const MEAN = 0
const VARIANCE = 1

type MomentsOf = (x: Numbers, base: number, step: number, n: number) => void

/** Puts mean and variance of n elements of x from `base`, `step` apart, into `moments`, rounded to the dtype. */
function momentsOf(dtype: DType, moments: Floats): MomentsOf {
  const partials = partialsFor(dtype)
  const term = floatsFor(dtype, 1)
  const addAway = (p: Partials, x: Numbers, base: number, step: number, n: number): void => {
    for (let e = 0; e < n; e++) {
      term[0] = x[base + e * step] - moments[MEAN]
      term[0] *= term[0]
      p[e & 15] += term[0]
    }
  }
  return (x, base, step, n) => {
    sumBy(addElements, partials, x, base, step, n)
    moments[MEAN] = partials[0] / n
    sumBy(addAway, partials, x, base, step, n)
    moments[VARIANCE] = partials[0] / n
  }
}

/** y[i] = (x[i] - mean) factor + shift over a range, each step rounded. */
function scaleRange(y: Numbers, x: Numbers, start: number, count: number, mean: number, factor: number, shift: number, round: Round): void {
  for (let i = start; i < start + count; i++) y[i] = round(round(x[i] - mean) * factor) + shift
}

// x [N, C, ...], scale, bias, mean, variance [C] -> y alike; in training mode statistics of the batch, and running ones [C]
function makeBatchNormalization(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const round = roundOf(context)
  const epsilon = round(float(context.attributes, 'epsilon', 1e-5))
  const momentum = round(float(context.attributes, 'momentum', 0.9))
  const rest = round(1 - momentum)
  const training = int(context.attributes, 'training_mode', 0) !== 0
  const moments = floatsFor(dtype, 2)
  const measure = momentsOf(dtype, moments)
  let means: Numbers = moments
  let variances: Numbers = moments
  const lines = perShape(([x]) => {
    const { shape } = given(x)
    const channels = shape.length < 2 ? 1 : shape[1]
    return { lines: linesOf(given(x), shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))), means: floatsFor(dtype, channels), variances: floatsFor(dtype, channels) }
  })
  const loop = lineLoop(1, (data, base, step, n, c) => {
    measure(data, base, step, n)
    means[c] = moments[MEAN]
    variances[c] = moments[VARIANCE]
  })
  return (inputs, outputs) => {
    const view = given(inputs[0])
    const [x, scale, bias, y] = [numbers(view), numbers(inputs[1]), numbers(inputs[2]), numbers(outputs[0])]
    const channels = view.shape.length < 2 ? 1 : view.shape[1]
    const rows = view.shape[0]
    const size = rows * channels === 0 ? 0 : view.size / (rows * channels)
    means = numbers(inputs[3])
    variances = numbers(inputs[4])
    if (training) {
      const own = lines(inputs, outputs)
      means = own.means
      variances = own.variances
      loop(own.lines, x)
      if (outputs[1] !== undefined) blend(numbers(outputs[1]), numbers(inputs[3]), means, channels, momentum, rest, round)
      if (outputs[2] !== undefined) blend(numbers(outputs[2]), numbers(inputs[4]), variances, channels, momentum, rest, round)
    }
    for (let c = 0; c < channels; c++) {
      const factor = round(scale[c] / round(Math.sqrt(round(variances[c] + epsilon))))
      for (let n = 0; n < rows; n++) scaleRange(y, x, (n * channels + c) * size, size, means[c], factor, bias[c], round)
    }
  }
}

/** y = old momentum + now (1 - momentum) */
function blend(y: Numbers, old: Numbers, now: Numbers, count: number, momentum: number, rest: number, round: Round): void {
  for (let c = 0; c < count; c++) y[c] = round(old[c] * momentum) + round(now[c] * rest)
}

// x [N, C, ...], scale, bias [C] -> y alike; statistics over the channels of a group
function groupNormalization(context: KernelContext, groupsOf: (channels: number) => number): Kernel {
  const round = roundOf(context)
  const epsilon = round(float(context.attributes, 'epsilon', 1e-5))
  const moments = floatsFor(dtypeOf(context), 2)
  const measure = momentsOf(dtypeOf(context), moments)
  return ([xView, scaleView, biasView], [yView]) => {
    const [x, scale, bias, y] = [numbers(xView), numbers(scaleView), numbers(biasView), numbers(yView)]
    const { shape, size } = given(xView)
    const [rows, channels] = shape
    const groups = groupsOf(channels)
    const each = channels / groups
    const plane = rows * channels === 0 ? 0 : size / (rows * channels)
    if (plane === 0) return
    for (let n = 0; n < rows; n++) {
      for (let g = 0; g < groups; g++) {
        const start = (n * groups + g) * each * plane
        measure(x, start, 1, each * plane)
        const inverse = round(1 / round(Math.sqrt(round(moments[VARIANCE] + epsilon))))
        for (let e = 0; e < each; e++) {
          const c = g * each + e
          scaleRange(y, x, start + e * plane, plane, moments[MEAN], round(scale[c] * inverse), bias[c], round)
        }
      }
    }
  }
}

/** Where parameters that broadcast to x have the value of each element; undefined where they repeat its trailing dimensions. */
function parameterPlaces(x: View, parameter: View | undefined): Int32Array | undefined {
  if (parameter === undefined) return undefined
  const lead = x.shape.length - parameter.shape.length
  if (parameter.shape.every((dim, i) => dim === x.shape[lead + i])) return undefined
  const places = new Int32Array(x.size)
  const nest = nestOf(x.shape, [stridesOf(x.shape), broadcastStrides(parameter.shape, x.shape)])
  walk(nest, ([to, from]) => {
    for (let e = 0; e < nest.inner; e++) places[to + e * nest.steps[0]] = from + e * nest.steps[1]
  })
  return places
}

// x [outer, n], scale and bias broadcast to x -> y alike, mean and inverse deviation [outer] f32 or bf16
function trailingNormalization(context: KernelContext, centered: boolean): Kernel {
  const round = roundOf(context)
  const epsilon = round(float(context.attributes, 'epsilon', 1e-5))
  const moments = floatsFor(dtypeOf(context), 2)
  const measure = momentsOf(dtypeOf(context), moments)
  const partials = partialsFor(dtypeOf(context))
  const places = perShape(([x, scale, bias]) => [parameterPlaces(given(x), scale), parameterPlaces(given(x), bias)])
  const axis = int(context.attributes, 'axis', -1)
  return (inputs, outputs) => {
    const view = given(inputs[0])
    const { shape } = view
    const n = shape.slice(axisOf(axis, shape.length)).reduce((count, dim) => count * dim, 1)
    const [scalePlaces, biasPlaces] = places(inputs, outputs)
    const [x, scale, y] = [numbers(view), numbers(inputs[1]), numbers(outputs[0])]
    const bias = inputs[2] && numbers(inputs[2])
    const scaleSize = given(inputs[1]).size
    const biasSize = inputs[2]?.size ?? 1
    for (let start = 0, row = 0; start < view.size; start += n, row++) {
      if (centered) measure(x, start, 1, n)
      else {
        sumBy(addSquares, partials, x, start, 1, n)
        moments[VARIANCE] = partials[0] / n
      }
      const mean = moments[MEAN]
      const inverse = round(1 / round(Math.sqrt(round(moments[VARIANCE] + epsilon))))
      for (let i = start; i < start + n; i++) {
        const scaled = round(round(round(x[i] - mean) * inverse) * scale[scalePlaces === undefined ? i % scaleSize : scalePlaces[i]])
        y[i] = bias === undefined ? scaled : scaled + bias[biasPlaces === undefined ? i % biasSize : biasPlaces[i]]
      }
      if (outputs[1] !== undefined) numbers(outputs[1])[row] = mean
      if (outputs[2] !== undefined) numbers(outputs[2])[row] = inverse
    }
  }
}

/** x^0.75 rounded to float32: where both ends of what an estimate may err by round to one number, pow does so, too. */
function threeQuarters(x: number): number {
  const root = Math.sqrt(x)
  const estimate = root * Math.sqrt(root)
  const low = Math.fround(estimate - estimate * 2 ** -50)
  return low === Math.fround(estimate + estimate * 2 ** -50) ? low : Math.fround(pow(x, 0.75))
}

// x [N, C, ...] -> y alike; squares of up to `size` channels around each
function makeLrn(context: KernelContext): Kernel {
  const { attributes } = context
  const round = roundOf(context)
  const size = int(attributes, 'size', 1)
  const alpha = round(round(float(attributes, 'alpha', 1e-4)) / size)
  const beta = round(float(attributes, 'beta', 0.75))
  const bias = round(float(attributes, 'bias', 1))
  const below = Math.floor((size - 1) / 2)
  const above = Math.ceil((size - 1) / 2)
  const isQuick = beta === 0.75 && dtypeOf(context) !== 'float64'
  return ([xView], [yView]) => {
    const { shape, size: total } = given(xView)
    const [x, y] = [numbers(xView), numbers(yView)]
    const [rows, channels] = shape
    const plane = rows * channels === 0 ? 0 : total / (rows * channels)
    for (let n = 0; n < rows; n++) {
      for (let c = 0; c < channels; c++) {
        const low = Math.max(0, c - below)
        const high = Math.min(channels - 1, c + above)
        const start = (n * channels + c) * plane
        // Sums stand in the output meanwhile, which rounds them.
        for (let at = start; at < start + plane; at++) y[at] = 0
        for (let k = low; k <= high; k++) {
          const shift = (k - c) * plane
          for (let at = start; at < start + plane; at++) y[at] += round(x[at + shift] * x[at + shift])
        }
        for (let at = start; at < start + plane; at++) {
          const base = round(bias + round(alpha * y[at]))
          y[at] = x[at] / (isQuick ? threeQuarters(base) : round(pow(base, beta)))
        }
      }
    }
  }
}

// x [any] -> y alike; statistics over `axes`
function makeMeanVariance(context: KernelContext): Kernel {
  const round = roundOf(context)
  const moments = floatsFor(dtypeOf(context), 2)
  const measure = momentsOf(dtypeOf(context), moments)
  const tiny = round(1e-9)
  const layout = perShape(([x]) => {
    const view = given(x)
    const axes = meanVarianceAxes(context, view.shape.length)
    const strides = stridesOf(view.shape)
    const inner = view.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis))
    const outer = view.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
    const nest = (own: readonly number[]): ReturnType<typeof nestOf> => nestOf(own.map((axis) => view.shape[axis]), [own.map((axis) => strides[axis])])
    return { lines: linesOf(view, axes), outer: placesOf(nest(outer)), inner: placesOf(nest(inner)) }
  })
  let y: Numbers
  let x: Numbers
  let places: { readonly outer: Int32Array; readonly inner: Int32Array }
  const loop = lineLoop(1, (data, base, step, n, row) => {
    measure(data, base, step, n)
    const mean = moments[MEAN]
    const spread = round(round(Math.sqrt(moments[VARIANCE])) + tiny)
    const { outer, inner } = places
    for (let e = 0; e < inner.length; e++) {
      const at = outer[row] + inner[e]
      y[at] = round(x[at] - mean) / spread
    }
  })
  return (inputs, outputs) => {
    const own = layout(inputs, outputs)
    places = own
    y = numbers(outputs[0])
    x = numbers(inputs[0])
    loop(own.lines, x)
  }
}

/** All places of a nest of one operand, in order. */
function placesOf(nest: ReturnType<typeof nestOf>): Int32Array {
  const places = new Int32Array(nest.rows * nest.inner)
  let count = 0
  walk(nest, ([at]) => {
    for (let e = 0; e < nest.inner; e++) places[count++] = at + e * nest.steps[0]
  })
  return places
}

const layer = (centered: boolean): KernelEntry => ({ make: widened((context) => trailingNormalization(context, centered), isHalf) })

export const normalizeKernels: readonly (readonly [string, KernelEntry])[] = [
  ['BatchNormalization', { make: /* @__PURE__ */ widened(makeBatchNormalization, isHalf) }],
  ['InstanceNormalization', { make: /* @__PURE__ */ widened((context) => groupNormalization(context, (channels) => channels), isHalf) }],
  ['LayerNormalization', /* @__PURE__ */ layer(true)],
  ['RMSNormalization', /* @__PURE__ */ layer(false)],
  ['GroupNormalization', { make: /* @__PURE__ */ widened((context) => groupNormalization(context, () => int(context.attributes, 'num_groups', 1)), isHalf) }],
  ['LRN', { make: /* @__PURE__ */ widened(makeLrn, isHalf) }],
  ['MeanVarianceNormalization', { make: /* @__PURE__ */ widened(makeMeanVariance, isHalf) }],
]
