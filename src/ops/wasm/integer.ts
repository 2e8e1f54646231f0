// Products of bytes on the wasm device: activations of 8 bits, with one zero point that a run may bring, by constant weights of 8 bits.
import { numbers } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { blockOnce, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** A tile's edge, then four rows of a block of k as 16-bit numbers; see assembly/integer.ts. */
const SCRATCH_BYTES = 128 + 4 * (4096 + 1) * 2

/** Kernels over a host's memory, by operator key. */
export function wasmIntegerKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [['MatMulInteger', { make: (context, fallback) => makeMatMulInteger(host, context, fallback) }]]
}

const isByte = (dtype: string | undefined): boolean => dtype === 'int8' || dtype === 'uint8'

// A [..., depth] i8 or u8, B [depth, columns] i8 or u8 constant, zero points -> Y [..., columns] i32
function makeMatMulInteger(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [typeA] = context.inputTypes
  const [, b, , zero] = context.constants
  const hasZero = context.inputTypes[3] !== undefined
  if (!isTensorType(typeA) || !isByte(typeA.dtype) || b === undefined || !isByte(b.dtype) || b.shape.length !== 2 || (hasZero && zero === undefined)) return undefined
  const [depth, columns] = b.shape
  const zeros = new Int32Array(columns)
  if (zero !== undefined && zero.size !== 1 && zero.size !== columns) return undefined
  for (let j = 0; j < columns; j++) zeros[j] = zero === undefined ? 0 : numbers(zero)[zero.size === 1 ? 0 : j]
  const from = offsetOf(b)
  const isSignedA = typeA.dtype === 'int8' ? 1 : 0
  host.reserveScratch(SCRATCH_BYTES)
  const pack = wasmFunction(host.exports, 'packBytes')
  const multiply = wasmFunction(host.exports, 'multiplyBytes')
  const key = `bytes ${from} ${depth} ${columns} ${zeros.join()}`
  const zerosAt = blockOnce(host, `zeros ${key}`, columns * 4, (to) => new Int32Array(host.memory.buffer, to, columns).set(zeros))
  const panels = blockOnce(host, key, Math.ceil(columns / 8) * Math.ceil(depth / 2) * 32, (to) => pack(from, b.dtype === 'int8' ? 1 : 0, zerosAt, depth, columns, to))
  return (inputs, outputs) => {
    const [a, , zeroA] = inputs
    const [y] = outputs
    if (a === undefined || y === undefined || (zeroA !== undefined && zeroA.size !== 1)) fallback(inputs, outputs)
    else if (y.size > 0) multiply(y.size / columns, depth, columns, offsetOf(a), isSignedA, zeroA === undefined ? 0 : numbers(zeroA)[0], panels, offsetOf(y), host.scratchOffset)
  }
}
