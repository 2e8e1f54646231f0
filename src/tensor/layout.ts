// Array bytes as other programs write them (big endian, column-major, unaligned) -> our layout (little endian, row-major, aligned).
import { bytesPerElement, viewData, type DType, type NumericArray } from './dtype.ts'
import { sizeOf } from './shape.ts'

/** The little-endian elements held by `bytes`: a view where alignment allows, else a copy. `bytes` is whole elements. */
export function viewNumeric(dtype: Exclude<DType, 'string'>, bytes: Uint8Array, bigEndian = false): NumericArray {
  const elementBytes = bytesPerElement(dtype)
  const count = bytes.length / elementBytes
  if (bigEndian && elementBytes > 1) return viewData(dtype, swapBytes(bytes, elementBytes).buffer, 0, count)
  if (bytes.byteOffset % elementBytes === 0) return viewData(dtype, bytes.buffer, bytes.byteOffset, count)
  // Not slice(): on a Buffer of Node that is another view of the same memory.
  return viewData(dtype, new Uint8Array(bytes).buffer, 0, count)
}

/** A copy with the bytes of each group of `unitBytes` in reverse order. */
export function swapBytes(bytes: Uint8Array, unitBytes: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length)
  for (let start = 0; start < bytes.length; start += unitBytes) {
    for (let byte = 0; byte < unitBytes; byte++) out[start + byte] = bytes[start + unitBytes - 1 - byte]
  }
  return out
}

/**
 * Elements of an array whose axes lie in memory with the given strides, gathered in row-major order into `out`.
 *
 * source [elements]; shape, strides per axis in elements; out [product of shape]
 */
export function gatherStrided<T>(source: ArrayLike<T>, shape: readonly number[], strides: readonly number[], out: { [index: number]: T }): void {
  const size = sizeOf(shape)
  const rank = shape.length
  if (size === 0) return
  if (rank === 0) {
    out[0] = source[0]
    return
  }
  const index = new Array<number>(rank).fill(0)
  const inner = shape[rank - 1]
  const step = strides[rank - 1]
  let start = 0
  for (let written = 0; written < size; ) {
    for (let i = 0, from = start; i < inner; i++, from += step) out[written++] = source[from]
    for (let axis = rank - 2; axis >= 0; axis--) {
      start += strides[axis]
      if (++index[axis] < shape[axis]) break
      start -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
}

/** Column-major strides in elements: the first axis is contiguous. */
export function fortranStrides(shape: readonly number[]): number[] {
  let stride = 1
  return shape.map((dim) => {
    const own = stride
    stride *= dim
    return own
  })
}

/** True when row-major and column-major order are the same: at most one axis is longer than 1, or there are no elements. */
export function isOrderless(shape: readonly number[]): boolean {
  return shape.filter((dim) => dim !== 1).length <= 1 || shape.includes(0)
}

/** A copy of column-major data in row-major order; the data itself where both are the same. */
export function fortranToC(data: NumericArray, dtype: Exclude<DType, 'string'>, shape: readonly number[]): NumericArray {
  return isOrderless(shape) ? data : stridedToC(data, dtype, shape, fortranStrides(shape))
}

/** A row-major copy of data whose axes have the given strides in elements. */
export function stridedToC(data: NumericArray, dtype: Exclude<DType, 'string'>, shape: readonly number[], strides: readonly number[]): NumericArray {
  const out = viewData(dtype, new ArrayBuffer(data.byteLength), 0, data.length)
  // 64-bit elements move as bit patterns: typed arrays of one class on both sides never convert.
  if (data instanceof BigInt64Array && out instanceof BigInt64Array) gatherStrided(data, shape, strides, out)
  else if (data instanceof BigUint64Array && out instanceof BigUint64Array) gatherStrided(data, shape, strides, out)
  else if (!(data instanceof BigInt64Array) && !(data instanceof BigUint64Array) && !(out instanceof BigInt64Array) && !(out instanceof BigUint64Array)) {
    gatherStrided(data, shape, strides, out)
  }
  return out
}

/** For each row-major position the position in memory that holds its element. */
export function stridedOrder(shape: readonly number[], strides: readonly number[]): Float64Array {
  const order = new Float64Array(sizeOf(shape))
  const size = shape.reduce((last, dim, axis) => last + (dim - 1) * strides[axis], 1)
  const positions = new Float64Array(order.length === 0 ? 0 : size)
  for (let i = 0; i < positions.length; i++) positions[i] = i
  gatherStrided(positions, shape, strides, order)
  return order
}

/** A row-major copy of records of `itemBytes` whose axes have the given strides in records. */
export function stridedBytesToC(bytes: Uint8Array, shape: readonly number[], strides: readonly number[], itemBytes: number): Uint8Array {
  const order = stridedOrder(shape, strides)
  const out = new Uint8Array(bytes.length)
  for (let i = 0; i < order.length; i++) out.set(bytes.subarray(order[i] * itemBytes, (order[i] + 1) * itemBytes), i * itemBytes)
  return out
}
