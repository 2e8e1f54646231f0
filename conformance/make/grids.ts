// Tensors as formulas see them, and the results of formulas as tensors with the error that each element may have.
import { floatToBfloat, floatToHalf, bfloatToFloat, halfToFloat } from '../../src/tensor/half.ts'
import { allocateData, isFloat, isInteger, type DType } from '../../src/tensor/dtype.ts'
import type { Grid, Item } from '../../src/ops/formula/formula.ts'
import type { ErrorBound } from '../../src/ops/schema.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import type { Tolerance } from '../runner/vectors.ts'
import { nearest } from './real.ts'

/** Half an ulp of 1. */
function epsOf(dtype: DType): number {
  return dtype === 'float64' ? 2 ** -53 : dtype === 'float32' ? 2 ** -24 : dtype === 'float16' ? 2 ** -11 : 2 ** -8
}

export function gridOf({ dtype, shape, data }: Tensor): Grid {
  const read = (item: number | bigint | string | null): Item => {
    if (dtype === 'bool') return item === 1
    if (dtype === 'float16') return halfToFloat(Number(item))
    if (dtype === 'bfloat16') return bfloatToFloat(Number(item))
    return isInteger(dtype) ? BigInt(item as number | bigint) : item
  }
  return { dtype, shape, items: Array.from(data as ArrayLike<number | bigint | string | null>, read) }
}

/** A tensor of numbers, texts or truth values; floats are rounded to the dtype, integers wrap. */
export function tensorOf(dtype: DType, shape: readonly number[], items: readonly Item[]): Tensor {
  const data = allocateData(dtype, items.length)
  items.forEach((item, i) => (data[i] = stored(item, dtype) as never))
  return { dtype, shape, data }
}

function stored(item: Item, dtype: DType): number | bigint | string | null {
  if (dtype === 'string') return item === null ? null : String(item)
  if (dtype === 'bool') return item === true || item === 1 ? 1 : 0
  if (isInteger(dtype)) {
    const bits = Number(dtype.replace(/\D+/, ''))
    const whole = typeof item === 'bigint' ? item : BigInt(Number(item))
    const wrapped = dtype.startsWith('u') ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole)
    return bits === 64 ? wrapped : Number(wrapped)
  }
  // An integer goes straight to float32: by way of a double it would be rounded twice.
  const value = typeof item === 'bigint' ? (dtype === 'float32' ? nearest(item, 0, 24) : nearest(item, 0)) : Number(item)
  return dtype === 'float16' ? floatToHalf(value) : dtype === 'bfloat16' ? floatToBfloat(value) : value
}

/**
 * The result of a formula rounded to its dtype, and its tolerance: what the operator's bound allows around the unrounded
 * value, seen from the rounded one.
 */
export function expectation(grid: Grid, bound: ErrorBound, signedZeros: boolean): { readonly value: Tensor; readonly tolerance: Tolerance } {
  const { dtype, shape, items, magnitudes } = grid
  const value = tensorOf(dtype, shape, items)
  const rounded = gridOf(value).items
  const bounds = items.map((item, i) => {
    if (!isFloat(dtype) || !Number.isFinite(Number(item)) || !Number.isFinite(Number(rounded[i]))) return 0
    const allowed = bound(epsOf(dtype), Number(item), magnitudes?.[i] ?? 0)
    if (!(allowed >= 0)) throw new RangeError(`the bound of element ${i} is ${allowed}`)
    return allowed === 0 ? 0 : allowed + Math.abs(Number(item) - Number(rounded[i]))
  })
  if (bounds.some((one) => one > 0)) return { value, tolerance: { kind: 'absolute', bounds } }
  return { value, tolerance: { kind: isFloat(dtype) && signedZeros ? 'identical' : 'exact' } }
}
