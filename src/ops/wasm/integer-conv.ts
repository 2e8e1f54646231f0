// Convolutions of bytes on the wasm device: weights as pairs of 16-bit numbers, windows packed like panels; see assembly/integer.ts.
import { int } from '../attributes.ts'
import { numbers, perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { kernelOf } from '../schemas/conv.ts'
import { isTensorType } from '../types.ts'
import { placeWindow, windowOf, type Places } from '../window.ts'
import { nameOf } from './constants.ts'
import { isByte, isSingleFloat, MAX_EXACT_DEPTH, rangeOfBytes, scalesOf } from './integer-scales.ts'
import { blockOnce, offsetOf, wordsOf, writePlaces } from './memory.ts'
import { wasmFunction } from './module.ts'

/** The window, then what assembly/integer.ts asks for: places of a panel, packed panels, sums. */
const SHAPE_BYTES = 128
const SUMS_BYTES = 262144
const SCRATCH_BYTES = SHAPE_BYTES + 128 + 131072 + SUMS_BYTES + 64
const MAX_FEATURES = SUMS_BYTES / 32
/** Taps that fit into a packed panel. */
const MAX_TAPS = 131072 / 32

/** Kernels over a host's memory, by operator key. */
export function wasmByteConvKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['ConvInteger', { packs: [1, 3], make: (context, fallback) => makeConvInteger(host, context, fallback) }],
    ['QLinearConv', { packs: [3, 5], make: (context, fallback) => makeQLinearConv(host, context, fallback) }],
  ]
}

interface Layout {
  readonly window: Places
  readonly plane: number
  readonly places: number
}

interface ByteConv {
  readonly groups: number
  readonly channels: number
  readonly features: number
  /** Byte offset of the packed weights, and bytes of those of a group. */
  readonly weights: number
  readonly groupBytes: number
  readonly layout: (inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[]) => Layout
}

/** undefined where the weights are no constant bytes, or have zero points of another kind than one, or one for each feature. */
function prepare(host: WasmHost, context: KernelContext, wAt: number, zeroAt: number): ByteConv | undefined {
  const w = context.constants[wAt]
  const zero = context.constants[zeroAt]
  if (w === undefined || !isByte(w.dtype) || w.size === 0 || (context.inputTypes[zeroAt] !== undefined && zero === undefined)) return undefined
  const [all, channels] = w.shape
  const groups = int(context.attributes, 'group', 1)
  const features = all / groups
  const taps = w.size / (all * channels)
  if (features > MAX_FEATURES || taps > MAX_TAPS || channels * taps > MAX_EXACT_DEPTH || (zero !== undefined && zero.size !== 1 && zero.size !== all)) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const pairs = Math.ceil(channels / 2)
  const rowLength = pairs * taps * 2
  const zeros = zero === undefined ? [0] : Array.from(numbers(zero))
  const weights = blockOnce(host, `byte windows ${nameOf(host, w)} ${w.shape.join()} ${zeros.join()}`, all * rowLength * 2, (to) => {
    const packed = new Int16Array(host.memory.buffer, to, all * rowLength)
    const values = numbers(w)
    for (let m = 0, i = 0; m < all; m++) {
      const less = zeros[zeros.length === 1 ? 0 : m]
      for (let c = 0; c < channels; c++) for (let t = 0; t < taps; t++) packed[m * rowLength + ((c >> 1) * taps + t) * 2 + (c & 1)] = values[i++] - less
    }
  })
  const layout = perShape((inputs, [y]): Layout => {
    const x = inputs[0]
    if (x === undefined || y === undefined) throw new TypeError('a convolution was called without an input that it needs')
    const kernel = kernelOf(context.attributes, w.shape)?.map(Number) ?? []
    const window = placeWindow(windowOf(context.attributes, kernel), x.shape.slice(2), y.shape.slice(2))
    const product = (dims: readonly number[]): number => dims.reduce((size, dim) => size * dim, 1)
    const [plane, places] = [product(window.input), product(window.output)]
    const isPlain = [0, 1, 2].every((axis) => window.kernel[axis] === 1 && window.strides[axis] === 1 && window.before[axis] === 0 && window.after[axis] === 0)
    // One tap without padding: every place of the input in order, as one row.
    return { window: isPlain ? { ...window, input: [1, 1, plane], output: [1, 1, places] } : window, plane, places }
  })
  return { groups, channels, features, weights, groupBytes: features * rowLength * 2, layout }
}

// x [N, C, ...] i8 or u8, w [M, C / groups, ...] constant, zero points -> y [N, M, ...] i32
function makeConvInteger(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [type] = context.inputTypes
  if (!isTensorType(type) || !isByte(type.dtype)) return undefined
  const conv = prepare(host, context, 1, 3)
  if (conv === undefined) return undefined
  const run = runnerOf(host, conv, type.dtype === 'int8' ? 1 : 0)
  return (inputs, outputs) => {
    const zero = inputs[2]
    if (zero !== undefined && zero.size !== 1) fallback(inputs, outputs)
    else run(inputs, outputs, zero === undefined ? 0 : numbers(zero)[0], 4, 0, 0, 0, 0, 0)
  }
}

// x [N, C, ...], w [M, C / groups, ...] constant, each with scales and zero points; y_scale, y_zero_point, B [M] i32 -> y [N, M, ...]
function makeQLinearConv(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const typeX = context.inputTypes[0]
  const typeY = context.inputTypes[7]
  if (!isTensorType(typeX) || !isByte(typeX.dtype) || !isTensorType(typeY) || !isByte(typeY.dtype) || ![1, 4, 6].every((i) => isSingleFloat(context.inputTypes[i]))) return undefined
  const conv = prepare(host, context, 3, 5)
  if (conv === undefined) return undefined
  const all = conv.features * conv.groups
  const [low, high] = rangeOfBytes(typeY.dtype)
  const run = runnerOf(host, conv, typeX.dtype === 'int8' ? 1 : 0)
  const scales = scalesOf(host, all, 2)
  return (inputs, outputs) => {
    const [x, scaleX, zeroX, , scaleW, , scaleY, zeroY, bias] = inputs
    if (x === undefined || scaleX === undefined || scaleW === undefined || scaleY === undefined || scaleX.size !== 1 || (scaleW.size !== 1 && scaleW.size !== all) || (zeroX !== undefined && zeroX.size !== 1)) {
      fallback(inputs, outputs)
      return
    }
    const factors = scales(numbers(scaleX)[0], scaleW, numbers(scaleY)[0])
    run(inputs, outputs, zeroX === undefined ? 0 : numbers(zeroX)[0], 1, factors, bias === undefined ? 0 : offsetOf(bias), zeroY === undefined ? 0 : numbers(zeroY)[0], low, high)
  }
}

type Run = (inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[], zero: number, yBytes: number, factors: number, bias: number, zeroY: number, low: number, high: number) => void

function runnerOf(host: WasmHost, { groups, channels, features, weights, groupBytes, layout }: ByteConv, isSigned: number): Run {
  const conv = wasmFunction(host.exports, 'convBytes')
  const words = wordsOf(host)
  return (inputs, outputs, zero, yBytes, factors, bias, zeroY, low, high) => {
    const [x] = inputs
    const [y] = outputs
    if (x === undefined || y === undefined || y.size === 0) return
    const { window, plane, places } = layout(inputs, outputs)
    const { scratchOffset } = host
    writePlaces(words(), scratchOffset / 4, window)
    for (let n = 0, slice = 0; n < x.shape[0]; n++) {
      for (let group = 0; group < groups; group++, slice++) {
        conv(
          scratchOffset, offsetOf(x) + slice * channels * plane, isSigned, zero, channels, weights + group * groupBytes, features, offsetOf(y) + slice * features * places * yBytes,
          factors === 0 ? 0 : factors + group * features * 16, bias === 0 ? 0 : bias + group * features * 4, zeroY, low, high, scratchOffset + SHAPE_BYTES,
        )
      }
    }
  }
}
