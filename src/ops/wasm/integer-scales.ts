// Scales and ranges of quantized bytes, for products and convolutions of them.
import type { DType } from '../../tensor/dtype.ts'
import { numbers } from '../cpu/nest.ts'
import type { View, WasmHost } from '../kernel.ts'
import { isTensorType, type ValueType } from '../types.ts'

/** Sums of so many products of bytes stay within 32 bits. */
export const MAX_EXACT_DEPTH: number = Math.floor(2 ** 31 / 255 ** 2)

export const isByte = (dtype: DType | undefined): boolean => dtype === 'int8' || dtype === 'uint8'

export const isSingleFloat = (type: ValueType | undefined): boolean => isTensorType(type) && type.dtype === 'float32'

export function rangeOfBytes(dtype: DType): readonly [low: number, high: number] {
  return dtype === 'int8' ? [-128, 127] : [0, 255]
}

const f = Math.fround

/**
 * A block of factors, float64, that each call fills: a's scale times each of b's, over y's, rounded twice as cpu rounds them; each `copies` times.
 * Gives its byte offset.
 */
export function scalesOf(host: WasmHost, count: number, copies: number): (scaleA: number, scaleB: View, scaleY: number) => number {
  const length = count * copies
  const at = host.allocate((length + 4) * 8)
  let factors = new Float64Array(0)
  return (scaleA, scaleB, scaleY) => {
    if (factors.buffer !== host.memory.buffer) factors = new Float64Array(host.memory.buffer, at, length)
    const scales = numbers(scaleB)
    for (let i = 0; i < length; i++) factors[i] = f(f(scaleA * scales[scaleB.size === 1 ? 0 : Math.floor(i / copies)]) / scaleY)
    return at
  }
}
