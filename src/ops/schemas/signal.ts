// Signals: Fourier transforms, windows, mel filters. A last dimension of 1 holds real numbers, one of 2 real and imaginary parts.
import { MleError } from '../../error.ts'
import { isDType, type DType } from '../../tensor/dtype.ts'
import { int as intOf, text as textOf } from '../attributes.ts'
import { inputShape, tensorInput } from '../rules.ts'
import { reducing, ulps, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'
import { NUMBERS, axisOf, int, knownInts, op } from './define.ts'

const COUNT = 'int32|int64'

/** The one integer of an input; undefined while it is unknown. */
function knownInt(context: InferContext, index: number): number | undefined {
  return knownInts(context, index)?.[0]
}

function checkComplex(dim: Dim): void {
  if (typeof dim === 'number' && dim !== 1 && dim !== 2) throw new MleError('OP_DIMENSION', `the last dimension is ${dim}, expected 1 (real) or 2 (complex)`, { expected: 2, actual: dim })
}

/** Length of the transform along an axis of `dim` elements: as given, or the axis, or what a one-sided spectrum stands for. */
export function dftLength(given: number | undefined, dim: number, isInverseReal: boolean): number {
  const length = given ?? (isInverseReal ? 2 * (dim - 1) : dim)
  if (!(length >= 0) || !Number.isSafeInteger(length)) throw new MleError('OP_DIMENSION', `a Fourier transform of ${length} elements`, { expected: 0, actual: length })
  return length
}

function inferDft(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shape = inputShape(context, 0)
  if (shape === undefined) return [{ dtype }]
  if (shape.length < 3) throw new MleError('OP_RANK', `input 0 has ${shape.length} dimensions, expected 3 or more`, { expected: 3, actual: shape.length })
  checkComplex(shape[shape.length - 1])
  const inverse = intOf(context.attributes, 'inverse', 0) !== 0
  const onesided = intOf(context.attributes, 'onesided', 0) !== 0
  const given = context.inputs[2] === undefined ? -2 : knownInt(context, 2)
  const last: Dim = inverse && onesided ? 1 : 2
  if (given === undefined) return [{ dtype, shape: [...shape.slice(0, -1).map(() => null), last] }]
  const axis = axisOf(given, shape.length)
  if (axis === shape.length - 1) throw new MleError('OP_AXIS', 'the last axis holds real and imaginary parts', { actual: given })
  const dim = shape[axis]
  const length = context.inputs[1] === undefined ? undefined : (knownInt(context, 1) ?? null)
  const whole = length === null || (length === undefined && typeof dim !== 'number') ? null : dftLength(length, Number(dim), inverse && onesided)
  const out = whole === null ? null : onesided && !inverse ? Math.floor(whole / 2) + 1 : whole
  return [{ dtype, shape: shape.map((own, i) => (i === axis ? out : i === shape.length - 1 ? last : own)) }]
}

function inferStft(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const signal = inputShape(context, 0)
  if (signal !== undefined && signal.length !== 2 && signal.length !== 3) throw new MleError('OP_RANK', `input 0 has ${signal.length} dimensions, expected 2 or 3`, { expected: 3, actual: signal.length })
  if (signal?.length === 3) checkComplex(signal[2])
  const window = context.inputs[2] === undefined ? undefined : (inputShape(context, 2, 1)?.[0] ?? null)
  const size: Dim = signal?.[1] ?? null
  const frame = context.inputs[3] !== undefined ? (knownInt(context, 3) ?? null) : window !== undefined ? window : size
  const step = knownInt(context, 1)
  if (step !== undefined && step < 1) throw new MleError('OP_DIMENSION', `frame_step is ${step}, expected 1 or more`, { expected: 1, actual: step })
  const bins: Dim = typeof frame !== 'number' ? null : intOf(context.attributes, 'onesided', 1) !== 0 ? Math.floor(frame / 2) + 1 : frame
  const frames: Dim = typeof frame === 'number' && typeof size === 'number' && step !== undefined ? Math.max(0, Math.floor((size - frame) / step) + 1) : null
  return [{ dtype, shape: [signal?.[0] ?? null, frames, bins, 2] }]
}

/** The dtype that output_datatype names, float32 by default. */
export function outputDatatype({ attributes }: Pick<InferContext, 'attributes'>): DType {
  const value = textOf(attributes, 'output_datatype', 'float32')
  if (!isDType(value) || !NUMBERS.includes(value)) throw new MleError('OP_ATTRIBUTE', `attribute output_datatype is ${JSON.stringify(value)}, which is no dtype of numbers`, { actual: value })
  return value
}

function countOf(context: InferContext, index: number): Dim {
  const count = knownInt(context, index)
  if (count !== undefined && count < 0) throw new MleError('OP_DIMENSION', `input ${index} is ${count}, expected 0 or more`, { expected: 0, actual: count })
  return count ?? null
}

const DATATYPE: OpSchema['attributes'][number] = { name: 'output_datatype', kind: 'string' }
const window = (name: string): OpSchema =>
  op(name, 17, `size:${COUNT}`, {
    outputs: 'output', attributes: [DATATYPE, int('periodic', 1)], bound: (eps, reference) => ulps(4)(eps, reference, 0) + 4 * eps, valueInputs: [0],
    infer: (context) => [{ dtype: outputDatatype(context), shape: [countOf(context, 0)] }],
  })

export const signalSchemas: readonly OpSchema[] = [
  /** Discrete Fourier transform along an axis, padded with zeros or cut to dft_length; the first half of the spectrum where onesided, from which the inverse makes real numbers. @formula output[k] = sum over n of input[n] e^(-2 pi i n k / N) */
  op('DFT', 20, `input:T dft_length:${COUNT}? axis:int64?`, {
    outputs: 'output', bound: reducing, valueInputs: [1, 2], attributes: [int('inverse', 0), int('onesided', 0)], infer: inferDft,
  }),
  /** Fourier transforms of frames of a signal, frame_step apart, weighted by a window. @formula output[b, f, k] = sum over n of window[n] signal[b, f frame_step + n] e^(-2 pi i n k / N) */
  op('STFT', 17, `signal:T frame_step:${COUNT} window:T? frame_length:${COUNT}?`, {
    outputs: 'output', bound: reducing, valueInputs: [1, 3], attributes: [int('onesided', 1)], infer: inferStft,
  }),
  /** Triangular filters, evenly spaced in mel, as a matrix that turns a spectrum into mel bins. */
  op('MelWeightMatrix', 17, `num_mel_bins:${COUNT} dft_length:${COUNT} sample_rate:${COUNT} lower_edge_hertz:T upper_edge_hertz:T`, {
    outputs: 'output', bound: ulps(2), valueInputs: [0, 1], attributes: [DATATYPE],
    infer: (context) => {
      const length = countOf(context, 1)
      return [{ dtype: outputDatatype(context), shape: [typeof length === 'number' ? Math.floor(length / 2) + 1 : null, countOf(context, 0)] }]
    },
  }),
  /** Hann's window; a symmetric one where periodic is 0. @formula output[n] = 1/2 - 1/2 cos(2 pi n / N) */
  window('HannWindow'),
  /** Hamming's window; a symmetric one where periodic is 0. @formula output[n] = 25/46 - 21/46 cos(2 pi n / N) */
  window('HammingWindow'),
  /** Blackman's window; a symmetric one where periodic is 0. @formula output[n] = 0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N) */
  window('BlackmanWindow'),
]
