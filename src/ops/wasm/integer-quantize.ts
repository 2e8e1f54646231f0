// Float32 numbers to bytes and back on the wasm device.
import { int } from '../attributes.ts'
import { numbers } from '../cpu/nest.ts'
import { roundEven } from '../../math/round-even.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { isTensorType } from '../types.ts'
import { isByte, isSingleFloat, rangeOfBytes } from './integer-scales.ts'
import { offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Kernels over a host's memory, by operator key. */
export function wasmQuantizeKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['QuantizeLinear', { make: (context, fallback) => makeQuantize(host, context, fallback) }],
    ['DequantizeLinear', { make: (context, fallback) => makeDequantize(host, context, fallback) }],
    ['DynamicQuantizeLinear', { make: (context, fallback) => makeDynamicQuantize(host, context, fallback) }],
  ]
}

/** Elements behind each other that share a scale; undefined where scales are of another kind than one, or one for each place of an axis. */
function sharedBy(context: KernelContext, x: View, scale: View, zero: View | undefined): number | undefined {
  if (zero !== undefined && zero.size !== scale.size && zero.size !== 1) return undefined
  if (scale.size === 1) return x.size
  const axis = axisOf(int(context.attributes, 'axis', 1), x.shape.length)
  if (int(context.attributes, 'block_size', 0) !== 0 || scale.size !== x.shape[axis]) return undefined
  let inner = 1
  for (let i = axis + 1; i < x.shape.length; i++) inner *= x.shape[i]
  // A call for each few elements would take longer than cpu's loop.
  return inner < 16 ? undefined : inner
}

const at = (view: View | undefined, i: number): number => (view === undefined ? 0 : numbers(view)[view.size === 1 ? 0 : i])

/** Calls `run` for each stretch of `count` elements from element `i` on that share a scale and a zero point; `x` and `y` are byte offsets of whole tensors. */
function inStretches(context: KernelContext, fallback: Kernel, run: (x: number, y: number, i: number, count: number, scale: number, zero: number) => void): Kernel {
  return (inputs, outputs) => {
    const [x, scale, zero] = inputs
    const [y] = outputs
    const count = x === undefined || scale === undefined ? undefined : sharedBy(context, x, scale, zero)
    if (x === undefined || y === undefined || scale === undefined || count === undefined) {
      fallback(inputs, outputs)
      return
    }
    for (let i = 0, place = 0; i < x.size; i += count, place = (place + 1) % scale.size) run(offsetOf(x), offsetOf(y), i, count, at(scale, place), at(zero, place))
  }
}

// x [any] f32, y_scale [] or [places] f32, y_zero_point alike -> y like x, bytes
function makeQuantize(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [type] = context.outputTypes
  if (!isSingleFloat(context.inputTypes[0]) || !isSingleFloat(context.inputTypes[1]) || !isTensorType(type) || !isByte(type.dtype) || context.attributes.has('precision')) return undefined
  const quantize = wasmFunction(host.exports, 'quantizeFloats')
  const [low, high] = rangeOfBytes(type.dtype)
  return inStretches(context, fallback, (x, y, i, count, scale, zero) => quantize(x + i * 4, count, scale, zero, low, high, y + i))
}

// x [any] bytes, x_scale [] or [places] f32, x_zero_point alike -> y like x, f32
function makeDequantize(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [type] = context.inputTypes
  if (!isTensorType(type) || !isByte(type.dtype) || !isSingleFloat(context.inputTypes[1]) || !isSingleFloat(context.outputTypes[0])) return undefined
  const floats = wasmFunction(host.exports, 'floatsOfBytes')
  const isSigned = type.dtype === 'int8' ? 1 : 0
  return inStretches(context, fallback, (x, y, i, count, scale, zero) => floats(x + i, count, isSigned, zero, scale, y + i * 4))
}

const f = Math.fround

// x [any] f32 -> y like x u8, y_scale [], y_zero_point []
function makeDynamicQuantize(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  if (!isSingleFloat(context.inputTypes[0])) return undefined
  host.reserveScratch(64)
  const rangeOf = wasmFunction(host.exports, 'rangeOfFloats')
  const quantize = wasmFunction(host.exports, 'quantizeFloats')
  let floats = new Float32Array(0)
  return (inputs, outputs) => {
    const [x] = inputs
    const [y, scaleOut, zeroOut] = outputs
    if (x === undefined || y === undefined) {
      fallback(inputs, outputs)
      return
    }
    if (floats.buffer !== host.memory.buffer) floats = new Float32Array(host.memory.buffer)
    const { scratchOffset } = host
    rangeOf(offsetOf(x), x.size, scratchOffset)
    const low = floats[scratchOffset / 4]
    const high = floats[scratchOffset / 4 + 1]
    const scale = low === high ? 1 : f(f(high - low) / 255)
    const zero = roundEven(Math.min(Math.max(f(0 - f(low / scale)), 0), 255))
    if (scaleOut !== undefined) numbers(scaleOut)[0] = scale
    if (zeroOut !== undefined) numbers(zeroOut)[0] = zero
    quantize(offsetOf(x), x.size, scale, zero, 0, 255, offsetOf(y))
  }
}
