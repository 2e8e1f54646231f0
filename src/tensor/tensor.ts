// The public tensor: plain data, no methods.
import { MleError } from '../error.ts'
import { allocateData, dtypeOfArray, holdsBitsOf, narrowRange, is64BitInteger, isDType, isInteger, isMinifloat, type DType, type NumericArray, type StringArray } from './dtype.ts'
import { floatToBfloat, floatToHalf } from './half.ts'
import { minifloatBits } from './minifloat.ts'
import { sizeOf } from './shape.ts'

/** A dense row-major array. `data` has one element per element of `shape`; float16 and bfloat16 hold raw bits. */
export interface Tensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: NumericArray | StringArray
}

/** Nested arrays of numbers, bigints, booleans or strings; null is a missing value (NaN, or a missing string). Innermost arrays may be typed. */
export type Nested = number | bigint | boolean | string | null | NumericArray | readonly Nested[]

export function isTensor(value: unknown): value is Tensor {
  return (
    typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value && 'data' in value &&
    isDType(value.dtype) && Array.isArray(value.shape)
  )
}

export function isNumericArray(value: unknown): value is NumericArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView)
}

/** One row of nested arrays: a plain or a typed array. */
export function isRow(value: unknown): value is readonly unknown[] | NumericArray {
  return Array.isArray(value) || isNumericArray(value)
}

/**
 * Makes a tensor from a typed array (not copied) or nested arrays.
 *
 * @param data typed array, string[], or nested arrays of numbers, booleans, bigints or strings
 * @param shape defaults to the nesting, or [length] for a flat array
 * @param dtype defaults to the array's own, or that of the first innermost one; for nested values bool, int64 (bigint), string or float64
 * @throws MleError TENSOR_SIZE when the data does not fill the shape, TENSOR_RAGGED when rows differ in length,
 *   TENSOR_VALUE for an element that the dtype cannot hold
 * @example tensor([[1, 2], [3, 4]])            // float64 [2, 2]
 * @example tensor(new Float32Array(6), [2, 3]) // float32 [2, 3]
 */
export function tensor(data: NumericArray | Nested, shape?: readonly number[], dtype?: DType): Tensor {
  if (isNumericArray(data)) {
    const own = dtypeOfArray(data)
    // A Float16Array, where the engine has one, holds the same bits.
    if (own === 'float16') return tensor(new Uint16Array(data.buffer, data.byteOffset, data.length), shape ?? [data.length], 'float16')
    const type = dtype ?? own
    if (type !== own) {
      if (!holdsBitsOf(own, type)) return tensorFromFlat(Array.from(data as ArrayLike<number | bigint>), shape ?? [data.length], type)
    }
    return checkedTensor(type, shape ?? [data.length], data)
  }
  const nestedShape: number[] = []
  let innermost: DType | undefined
  for (let level: Nested = data; isRow(level); level = level[0] as Nested) {
    nestedShape.push(level.length)
    if (isNumericArray(level)) innermost = dtypeOfArray(level)
    if (level.length === 0) break
  }
  const flat: (number | bigint | boolean | string | null)[] = []
  flatten(data, nestedShape, 0, flat)
  return tensorFromFlat(flat, shape ?? nestedShape, dtype ?? innermost ?? inferDType(flat))
}

function checkedTensor(dtype: DType, shape: readonly number[], data: NumericArray | StringArray): Tensor {
  const size = sizeOf(shape)
  if (data.length !== size) {
    throw new MleError('TENSOR_SIZE', `tensor of shape [${shape.join(', ')}] needs ${size} elements, got ${data.length}`, { expected: size, actual: data.length })
  }
  return { dtype, shape, data }
}

function flatten(value: Nested, shape: readonly number[], depth: number, out: (number | bigint | boolean | string | null)[]): void {
  if (!isRow(value)) {
    if (depth !== shape.length) throw new MleError('TENSOR_RAGGED', `nested array has a single value at depth ${depth}, where its first row has an array`)
    if (value === undefined || (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol') {
      throw new MleError('TENSOR_VALUE', `element ${out.length} is ${typeof value}, expected a number, bigint, boolean, string or null`)
    }
    out.push(value as number | bigint | boolean | string | null)
    return
  }
  if (depth >= shape.length || value.length !== shape[depth]) {
    throw new MleError('TENSOR_RAGGED', `nested array has rows of different length at depth ${depth}: ${value.length} against ${shape[depth] ?? 'a single value'}`)
  }
  for (const item of value) flatten(item, shape, depth + 1, out)
}

function inferDType(flat: readonly (number | bigint | boolean | string | null)[]): DType {
  const first = flat.find((value) => value !== null)
  if (typeof first === 'string') return 'string'
  if (typeof first === 'bigint') return 'int64'
  // A number among booleans, or a missing value, needs more than two states.
  return flat.length > 0 && flat.every((value) => typeof value === 'boolean') ? 'bool' : 'float64'
}

function tensorFromFlat(flat: readonly (number | bigint | boolean | string | null)[], shape: readonly number[], dtype: DType): Tensor {
  const data = allocateData(dtype, flat.length)
  const whole = isInteger(dtype)
  const narrow = isMinifloat(dtype) ? minifloatBits(dtype) : undefined
  const range = whole ? narrowRange(dtype) : undefined
  for (let i = 0; i < flat.length; i++) {
    const value = convertElement(flat[i], dtype, i)
    data[i] = narrow === undefined ? value : (narrow(value) as never)
    // Typed arrays wrap and truncate silently.
    if (whole && (data[i] !== value || (range !== undefined && (value < range[0] || value > range[1])))) throw new MleError('TENSOR_VALUE', `element ${i} is ${String(flat[i])}, which is no exact ${dtype}`)
  }
  return checkedTensor(dtype, shape, data)
}

function convertElement(value: number | bigint | boolean | string | null, dtype: DType, index: number): never {
  // The callers store into an array chosen by the same dtype, which TypeScript cannot see: hence `never`.
  let out: unknown
  if (dtype === 'string') out = value === null || typeof value === 'string' ? value : String(value)
  else if (typeof value === 'string') throw new MleError('TENSOR_VALUE', `element ${index} is the string ${JSON.stringify(value)}, expected ${dtype}`)
  else if (value === null) {
    if (dtype !== 'float32' && dtype !== 'float64') throw new MleError('TENSOR_VALUE', `element ${index} is null, but ${dtype} has no missing value`)
    out = NaN
  } else if (is64BitInteger(dtype)) {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new MleError('TENSOR_VALUE', `element ${index} is ${value}, which is no exact ${dtype}`)
    out = BigInt(value)
  } else if (dtype === 'bool') out = Number(value) === 0 ? 0 : 1 // NaN is true, as in numpy
  else out = dtype === 'float16' ? floatToHalf(Number(value)) : dtype === 'bfloat16' ? floatToBfloat(Number(value)) : Number(value)
  return out as never
}
