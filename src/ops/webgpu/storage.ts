// How tensors lie in GPU buffers. WGSL has no 64-bit and no 8-bit storage, so those widen or narrow when they cross over.
import { bytesPerElement, type DType } from '../../tensor/dtype.ts'
import { floatToHalf, halfToFloat } from '../../tensor/half.ts'
import type { View } from '../kernel.ts'

/** Type of one element in expressions of WGSL. */
export type Scalar = 'f32' | 'i32' | 'u32' | 'bool'

/** Type of one element in a storage buffer. */
export type Element = 'f32' | 'f16' | 'i32' | 'u32'

export interface Storage {
  readonly element: Element
  readonly scalar: Scalar
  /** Bytes of an element on the device. */
  readonly bytes: number
  /** float16 on devices without it: kept as float32, rounded at every store. */
  readonly rounded?: boolean
}

const WORD = 4
const STORAGES: ReadonlyMap<DType, Storage> = /* @__PURE__ */ new Map<DType, Storage>([
  ['float32', { element: 'f32', scalar: 'f32', bytes: WORD }],
  ['float16', { element: 'f32', scalar: 'f32', bytes: WORD, rounded: true }],
  ['int8', { element: 'i32', scalar: 'i32', bytes: WORD }],
  ['int16', { element: 'i32', scalar: 'i32', bytes: WORD }],
  ['int32', { element: 'i32', scalar: 'i32', bytes: WORD }],
  ['int64', { element: 'i32', scalar: 'i32', bytes: WORD }],
  ['uint8', { element: 'u32', scalar: 'u32', bytes: WORD }],
  ['uint16', { element: 'u32', scalar: 'u32', bytes: WORD }],
  ['uint32', { element: 'u32', scalar: 'u32', bytes: WORD }],
  ['uint64', { element: 'u32', scalar: 'u32', bytes: WORD }],
  ['bool', { element: 'u32', scalar: 'bool', bytes: WORD }],
])
const HALF: Storage = { element: 'f16', scalar: 'f32', bytes: 2 }

/** Undefined for dtypes that a GPU cannot hold: float64, bfloat16, string. */
export function storageOf(dtype: DType, hasHalf: boolean): Storage | undefined {
  return dtype === 'float16' && hasHalf ? HALF : STORAGES.get(dtype)
}

/** Buffers are copied in whole words, and none may be empty. */
export function bufferBytes(size: number, storage: Storage): number {
  return Math.max(WORD, Math.ceil((size * storage.bytes) / WORD) * WORD)
}

/** True where host and device agree in every byte, so that no conversion is needed. */
function isPlain({ dtype }: View, storage: Storage): boolean {
  return storage.bytes === bytesPerElement(dtype) && storage.rounded !== true
}

/**
 * The bytes of a host view as the device holds them; a view of the same memory where they are equal and whole words.
 *
 * @returns undefined for a 64-bit integer that 32 bits do not hold
 */
export function packForDevice(view: View, storage: Storage): Uint8Array<ArrayBuffer> | undefined {
  const { data, dtype, size } = view
  if (Array.isArray(data)) return undefined
  const total = bufferBytes(size, storage)
  if (isPlain(view, storage)) {
    if (data.byteLength === total && data.buffer instanceof ArrayBuffer) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const bytes = new Uint8Array(total)
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return bytes
  }
  const numbers = data as unknown as Readonly<Record<number, number>>
  if (dtype === 'float16') {
    const wide = new Float32Array(total / WORD)
    for (let i = 0; i < size; i++) wide[i] = halfToFloat(numbers[i])
    return new Uint8Array(wide.buffer)
  }
  const words = new Int32Array(total / WORD)
  if (dtype === 'int64' || dtype === 'uint64') {
    for (let i = 0; i < size; i++) {
      const low = numbers[2 * i]
      if (numbers[2 * i + 1] !== (dtype === 'int64' && low < 0 ? -1 : 0)) return undefined
      words[i] = low
    }
  } else for (let i = 0; i < size; i++) words[i] = numbers[i]
  return new Uint8Array(words.buffer)
}

/** Writes what came from the device into the host view's memory. */
export function unpackFromDevice(bytes: Uint8Array, view: View, storage: Storage): void {
  const { data, dtype, size } = view
  if (Array.isArray(data)) return
  if (isPlain(view, storage)) {
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(bytes.subarray(0, data.byteLength))
    return
  }
  const target = data as unknown as Record<number, number>
  if (dtype === 'float16') {
    const wide = new Float32Array(bytes.buffer, bytes.byteOffset, size)
    for (let i = 0; i < size; i++) target[i] = floatToHalf(wide[i])
    return
  }
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, size)
  if (dtype === 'int64' || dtype === 'uint64') {
    for (let i = 0; i < size; i++) {
      target[2 * i] = words[i]
      target[2 * i + 1] = dtype === 'int64' && words[i] < 0 ? -1 : 0
    }
  } else for (let i = 0; i < size; i++) target[i] = words[i]
}
