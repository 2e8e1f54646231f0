// Products of bytes on the wasm device: activations of 8 bits, with one zero point that a run may bring, by constant weights of 8 bits.
import { numbers } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { eachPiece, nameOf } from './constants.ts'
import { wasmByteConvKernels } from './integer-conv.ts'
import { wasmQuantizeKernels } from './integer-quantize.ts'
import { blockOnce, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { isByte, isSingleFloat, MAX_EXACT_DEPTH, rangeOfBytes, scalesOf } from './integer-scales.ts'

/** A tile's edge, then four rows of a block of k as 16-bit numbers; see assembly/integer.ts. */
const SCRATCH_BYTES = 128 + 4 * (4096 + 1) * 2
/** Behind it, to whole vectors: sums of four rows. */
const SUMS_AT = Math.ceil(SCRATCH_BYTES / 64) * 64

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['MatMulInteger', { packs: [1, 3], make: (context, fallback) => makeMatMulInteger(host, context, fallback) }],
    ['QLinearMatMul', { packs: [3, 5], make: (context, fallback) => makeQLinearMatMul(host, context, fallback) }],
    ...wasmByteConvKernels(host),
    ...wasmQuantizeKernels(host),
  ]
}

/** Panels of constant bytes b [depth, columns] less their zero points, one for all or one for each column; undefined where there are others. */
function bytePanels(host: WasmHost, b: View | undefined, zero: View | undefined): number | undefined {
  if (b === undefined || !isByte(b.dtype) || b.shape.length !== 2) return undefined
  const [depth, columns] = b.shape
  if (zero !== undefined && zero.size !== 1 && zero.size !== columns) return undefined
  const zeros = Int32Array.from({ length: columns }, (_, j) => (zero === undefined ? 0 : numbers(zero)[zero.size === 1 ? 0 : j]))
  const pack = wasmFunction(host.exports, 'packBytes')
  const key = `bytes ${nameOf(host, b)} ${depth} ${columns} ${zeros.join()}`
  const zerosAt = blockOnce(host, `zeros ${key}`, columns * 4, (to) => new Int32Array(host.memory.buffer, to, columns).set(zeros))
  return blockOnce(host, key, Math.ceil(columns / 8) * Math.ceil(depth / 2) * 32, (to) =>
    eachPiece(host, b, { from: 0, units: depth, unitSize: columns, together: 2 }, (at, first, count) => {
      for (let j = 0; j < columns; j += 8) pack(at + j, columns, b.dtype === 'int8' ? 1 : 0, zerosAt + j * 4, count, Math.min(8, columns - j), to + (j * Math.ceil(depth / 2) + first * 4) * 4)
    }))
}

// A [..., depth] i8 or u8, B [depth, columns] i8 or u8 constant, zero points -> Y [..., columns] i32
function makeMatMulInteger(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [typeA] = context.inputTypes
  const [, b, , zero] = context.constants
  if (!isTensorType(typeA) || !isByte(typeA.dtype) || (context.inputTypes[3] !== undefined && zero === undefined)) return undefined
  const panels = bytePanels(host, b, zero)
  if (panels === undefined || b === undefined) return undefined
  const [depth, columns] = b.shape
  const isSignedA = typeA.dtype === 'int8' ? 1 : 0
  host.reserveScratch(SCRATCH_BYTES)
  const multiply = wasmFunction(host.exports, 'multiplyBytes')
  return (inputs, outputs) => {
    const [a, , zeroA] = inputs
    const [y] = outputs
    if (a === undefined || y === undefined || (zeroA !== undefined && zeroA.size !== 1)) fallback(inputs, outputs)
    else if (y.size > 0) multiply(y.size / columns, depth, columns, offsetOf(a), isSignedA, zeroA === undefined ? 0 : numbers(zeroA)[0], panels, offsetOf(y), host.scratchOffset)
  }
}

// a [..., depth] with one scale and zero point, b [depth, columns] constant with one or one for each column -> y [..., columns]
function makeQLinearMatMul(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [typeA, , , , , zeroType, , typeY] = context.inputTypes
  const [, , , b, , zero] = context.constants
  if (!isTensorType(typeA) || !isByte(typeA.dtype) || !isTensorType(typeY) || !isByte(typeY.dtype) || ![1, 4, 6].every((i) => isSingleFloat(context.inputTypes[i]))) return undefined
  if ((zeroType !== undefined && zero === undefined) || b === undefined || b.shape[0] > MAX_EXACT_DEPTH) return undefined
  const panels = bytePanels(host, b, zero)
  if (panels === undefined) return undefined
  const [depth, columns] = b.shape
  const isSignedA = typeA.dtype === 'int8' ? 1 : 0
  const [low, high] = rangeOfBytes(typeY.dtype)
  host.reserveScratch(SUMS_AT + 4 * columns * 4 + 64)
  const scales = scalesOf(host, columns, 1)
  const multiply = wasmFunction(host.exports, 'multiplyQuantized')
  return (inputs, outputs) => {
    const [a, scaleA, zeroA, , scaleB, , scaleY, zeroY] = inputs
    const [y] = outputs
    if (a === undefined || scaleA === undefined || scaleB === undefined || scaleY === undefined || y === undefined || scaleA.size !== 1 || (scaleB.size !== 1 && scaleB.size !== columns) || (zeroA !== undefined && zeroA.size !== 1)) {
      fallback(inputs, outputs)
      return
    }
    if (y.size === 0) return
    const factors = scales(numbers(scaleA)[0], scaleB, numbers(scaleY)[0])
    const { scratchOffset } = host
    multiply(y.size / columns, depth, columns, offsetOf(a), isSignedA, zeroA === undefined ? 0 : numbers(zeroA)[0], panels, factors, zeroY === undefined ? 0 : numbers(zeroY)[0], low, high, offsetOf(y), scratchOffset, scratchOffset + SUMS_AT)
  }
}
