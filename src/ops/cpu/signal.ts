// Fourier transforms, windows and mel filters, computed in doubles and rounded once.
import { log10 } from '../../math/bases.ts'
import { pow } from '../../math/pow.ts'
import { cos } from '../../math/trig.ts'
import { fourier, type Transform } from '../fft.ts'
import { int } from '../attributes.ts'
import { REFERENCE_BYTES, type Kernel, type KernelContext, type KernelEntry, type Scratch, type View } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { dftLength, outputDatatype } from '../schemas/signal.ts'
import { castLoop } from './cast.ts'
import { integers, view } from './moving.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { widened } from './widen.ts'

const isNotDouble = (dtype: string): boolean => dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16'

/** The transform of one line: real or complex numbers `step` apart, padded with zeros; a one-sided spectrum gets its mirrored half. */
function fillLine({ re, im }: Transform, x: Numbers, at: number, step: number, count: number, parts: number, mirrored: boolean): void {
  const length = re.length
  const used = Math.min(count, mirrored ? Math.floor(length / 2) + 1 : length)
  re.fill(0)
  im.fill(0)
  for (let i = 0; i < used; i++, at += step) {
    re[i] = x[at]
    im[i] = parts === 2 ? x[at + 1] : 0
  }
  if (!mirrored) return
  for (let i = 1; i < length - i; i++) {
    re[length - i] = re[i]
    im[length - i] = -im[i]
  }
  // A real signal has no imaginary part at 0 and at half the rate.
  if (length > 0) im[0] = 0
  if (length % 2 === 0) im[length / 2] = 0
}

/** Products that count as an iteration. */
const PRODUCTS_AN_ITERATION = 4096

/** A transform whose memory and work count. */
function transformOf({ scratch }: KernelContext, length: number, inverse: boolean): Transform {
  scratch.take(6 * 8 * length)
  const transform = fourier(length, inverse)
  return { ...transform, run: () => (scratch.spend(transform.work / PRODUCTS_AN_ITERATION), transform.run()) }
}

// input [..., 1 or 2] f64 -> output [..., 1 or 2]
function makeDft(context: KernelContext): Kernel {
  const inverse = int(context.attributes, 'inverse', 0) !== 0
  const real = inverse && int(context.attributes, 'onesided', 0) !== 0
  const layout = perShape(([input, length, axisInput]) => {
    const { shape } = view(input)
    const axis = axisOf(axisInput === undefined ? -2 : integers(axisInput)[0], shape.length)
    return { axis, transform: transformOf(context, dftLength(length === undefined ? undefined : integers(length)[0], shape[axis], real), inverse) }
  }, [1, 2])
  return (inputs, outputs) => {
    const { axis, transform } = layout(inputs, outputs)
    const { shape } = view(inputs[0])
    const out = view(outputs[0]).shape
    const [x, y] = [numbers(inputs[0]), numbers(outputs[0])]
    const rank = shape.length
    const parts = shape[rank - 1]
    const count = out[axis]
    let outer = 1
    let inner = 1
    for (let i = 0; i < axis; i++) outer *= shape[i]
    for (let i = axis + 1; i < rank - 1; i++) inner *= shape[i]
    const outParts = real ? 1 : 2
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        fillLine(transform, x, (o * shape[axis] * inner + i) * parts, inner * parts, shape[axis], parts, real)
        transform.run()
        for (let k = 0, at = (o * count * inner + i) * outParts; k < count; k++, at += inner * outParts) {
          y[at] = transform.outRe[k]
          if (!real) y[at + 1] = transform.outIm[k]
        }
      }
    }
  }
}

// signal [batch, length, 1 or 2] f64, window [N] -> output [batch, frames, bins, 2]
function makeStft(context: KernelContext): Kernel {
  const layout = perShape(([signal, , window, length]) => transformOf(context, length !== undefined ? integers(length)[0] : (window?.shape[0] ?? view(signal).shape[1]), false), [3])
  return (inputs, outputs) => {
    const [signal, step, window] = inputs
    const transform = layout(inputs, outputs)
    const { shape } = view(signal)
    const [batch, length, parts = 1] = shape
    const [, frames, bins] = view(outputs[0]).shape
    const hop = integers(step)[0]
    const weights = window === undefined ? undefined : numbers(window)
    const [x, y] = [numbers(signal), numbers(outputs[0])]
    for (let b = 0, o = 0; b < batch; b++) {
      for (let frame = 0; frame < frames; frame++) {
        const count = Math.min(weights?.length ?? Infinity, length - frame * hop)
        fillLine(transform, x, (b * length + frame * hop) * parts, parts, count, parts, false)
        if (weights !== undefined) {
          for (let i = 0; i < Math.min(weights.length, transform.re.length); i++) {
            transform.re[i] *= weights[i]
            transform.im[i] *= weights[i]
          }
        }
        transform.run()
        for (let k = 0; k < bins; k++) {
          y[o++] = transform.outRe[k]
          y[o++] = transform.outIm[k]
        }
      }
    }
  }
}

/** A kernel that makes numbers in doubles and stores them in the dtype that output_datatype names. */
function madeAs(make: (inputs: readonly (View | undefined)[], y: Float64Array, scratch: Scratch) => void): KernelEntry {
  return {
    make(context) {
      const store = castLoop('float64', outputDatatype(context))
      return (inputs, outputs) => {
        const { size } = view(outputs[0])
        const y = context.scratch.float64(size).subarray(0, size)
        make(inputs, y, context.scratch)
        store(numbers(outputs[0]), y, y.length)
      }
    },
  }
}

// size [] -> output [size], constant plus cosines of multiples of the angle
function windowEntry(weights: readonly number[]): KernelEntry {
  return {
    make(context) {
      const store = castLoop('float64', outputDatatype(context))
      const periodic = int(context.attributes, 'periodic', 1) !== 0
      const memory = perShape((_inputs, [output]) => {
        context.scratch.take(8 * view(output).size)
        const y = new Float64Array(view(output).size)
        const turn = (2 * Math.PI) / (periodic ? y.length : y.length - 1)
        for (let n = 0; n < y.length; n++) y[n] = weights.reduce((sum, weight, k) => sum + (k === 0 || n === 0 ? weight : weight * cos(k * n * turn)), 0)
        return y
      })
      return (inputs, outputs) => {
        const y = memory(inputs, outputs)
        store(numbers(outputs[0]), y, y.length)
      }
    },
  }
}

const mel = (hertz: number): number => 2595 * log10(1 + hertz / 700)

// num_mel_bins, dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz [] -> output [bins, mel bins]
const melWeightMatrix: KernelEntry = /* @__PURE__ */ madeAs((inputs, y, scratch) => {
  const [count, length, rate] = inputs.slice(0, 3).map((input) => integers(input)[0])
  const [low, high] = inputs.slice(3).map((input) => {
    const edge = new Float64Array(1)
    castLoop(view(input).dtype, 'float64')(edge, numbers(input), 1)
    return mel(edge[0])
  })
  const bins = Math.floor(length / 2) + 1
  scratch.take(0, count * REFERENCE_BYTES)
  const step = (high - low) / (count + 2)
  const edges = Array.from({ length: count + 2 }, (_, i) => Math.floor(((length + 1) * (700 * (pow(10, (i * step + low) / 2595) - 1))) / rate))
  const set = (bin: number, i: number, value: number): void => {
    if (bin >= 0 && bin < bins) y[bin * count + i] = value
  }
  y.fill(0)
  for (let i = 0; i < count; i++) {
    const [left, centre, right] = [edges[i], edges[i + 1], edges[i + 2]]
    if (centre === left) set(centre, i, 1)
    else for (let j = Math.max(0, left); j <= Math.min(centre, bins); j++) set(j, i, (j - left) / (centre - left))
    for (let j = Math.max(0, centre); j < Math.min(right, bins); j++) set(j, i, (right - j) / (right - centre))
  }
})

export const signalKernels: readonly (readonly [string, KernelEntry])[] = [
  ['DFT', { make: /* @__PURE__ */ widened(makeDft, isNotDouble, 'float64') }],
  ['STFT', { make: /* @__PURE__ */ widened(makeStft, isNotDouble, 'float64') }],
  ['MelWeightMatrix', melWeightMatrix],
  ['HannWindow', /* @__PURE__ */ windowEntry([0.5, -0.5])],
  ['HammingWindow', /* @__PURE__ */ windowEntry([25 / 46, -21 / 46])],
  ['BlackmanWindow', /* @__PURE__ */ windowEntry([0.42, -0.5, 0.08])],
]
