// Products with weights of 16 or 8 bits on the wasm device, which stay in them: a block at a time is widened; see assembly/weights.ts.
import { int } from '../attributes.ts'
import { numbers } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { nameOf, packMatrix } from './constants.ts'
import { blockOnce, numbersAt, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { PRODUCT_SCRATCH_BYTES } from './panels.ts'

/** Dtypes of weights as the assembly numbers them. */
const KINDS: readonly string[] = ['float16', 'bfloat16', 'int8', 'uint8']

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [['mle.WeightMatMul', { packs: [1, 2, 3], make: (context, fallback) => makeWeightMatMul(host, context, fallback) }]]
}

// A [..., depth] f32, W [depth, columns] or transposed, of 16 or 8 bits and constant -> Y [..., columns] f32
function makeWeightMatMul(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [, w, scale, zero] = context.constants
  const [, , scaleType, zeroType] = context.inputTypes
  const kind = KINDS.indexOf(w?.dtype ?? '')
  // Scales are for bytes.
  if (w === undefined || kind < 0 || (kind < 2 && (scaleType !== undefined || zeroType !== undefined)) || (scaleType !== undefined && scale === undefined) || (zeroType !== undefined && zero === undefined)) return undefined
  if (w.dtype === 'float16' && !isFinite(w)) return undefined
  const isTransposed = int(context.attributes, 'transB', 0) !== 0
  const [depth, columns] = isTransposed ? [w.shape[1], w.shape[0]] : w.shape
  const bytes = kind < 2 ? 2 : 1
  const whole = Math.ceil(columns / 8) * 8
  const scaleOf = Float32Array.from({ length: whole }, (_, j) => (scale === undefined || j >= columns ? 1 : numbers(scale)[scale.size === 1 ? 0 : j]))
  const zeroOf = Int32Array.from({ length: whole }, (_, j) => (zero === undefined || j >= columns ? 0 : numbers(zero)[zero.size === 1 ? 0 : j]))
  host.reserveScratch(PRODUCT_SCRATCH_BYTES)
  const pack = wasmFunction(host.exports, 'packWeights')
  const multiply = wasmFunction(host.exports, 'multiplyWeights')
  const key = `weights ${nameOf(host, w)} ${depth} ${columns} ${isTransposed ? 1 : 0}`
  const panels = blockOnce(host, key, whole * depth * bytes, (to) =>
    packMatrix(host, { constant: w, from: 0, depth, columns, isTransposed }, 8, to, (at, rowStep, columnStep, some, width, panelsAt) => pack(at, rowStep, columnStep, some, width, bytes, panelsAt)))
  const scales = kind < 2 ? 0 : host.allocate(whole * 4)
  const zeros = kind < 2 ? 0 : host.allocate(whole * 4)
  if (kind >= 2) {
    const [scaleTo, zeroTo] = [numbersAt(host, 'float32', scales, whole), numbersAt(host, 'int32', zeros, whole)]
    for (let j = 0; j < whole; j++) {
      scaleTo[j] = scaleOf[j]
      zeroTo[j] = zeroOf[j]
    }
  }
  return (inputs, outputs) => {
    const [a] = inputs
    const [y] = outputs
    if (a === undefined || y === undefined) fallback(inputs, outputs)
    else if (y.size > 0) multiply(y.size / columns, depth, columns, offsetOf(a), panels, kind, scales, zeros, offsetOf(y), host.scratchOffset)
  }
}

/** No infinity and no NaN among float16. */
function isFinite(w: View): boolean {
  const bits = numbers(w)
  for (let i = 0; i < w.size; i++) if ((bits[i] & 0x7c00) === 0x7c00) return false
  return true
}
