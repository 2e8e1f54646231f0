// Element types by their numpy names, and the typed array that holds each.

/** Element type of a tensor, by its numpy name. */
export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string'
  | NarrowDType

/** Elements of less than 16 bits other than int8 and uint8, by ONNX's names: storage of quantized weights. One byte each in memory and in files. */
export type NarrowDType = 'float8e4m3fn' | 'float8e4m3fnuz' | 'float8e5m2' | 'float8e5m2fnuz' | 'float8e8m0' | 'float4e2m1' | 'int4' | 'uint4' | 'int2' | 'uint2'

/** Typed arrays a tensor's data may be; float16 and bfloat16 are kept as their 16 raw bits, float8 and float4 as theirs in a byte, bool as 0 and 1. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array

/** Strings of a string tensor; null is a missing value and occurs in inputs only, never in a file. */
export type StringArray = (string | null)[]

type NumericArrayConstructor = {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): NumericArray
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray
}

interface DTypeEntry {
  readonly bytes: number
  readonly array: NumericArrayConstructor
  /** What kernels read: int64 and uint64 as pairs of little-endian 32-bit words, the rest as `array`. */
  readonly kernelArray: NumericArrayConstructor
}

const entry = (array: NumericArrayConstructor, kernelArray: NumericArrayConstructor = array): DTypeEntry => ({
  bytes: array.BYTES_PER_ELEMENT,
  array,
  kernelArray,
})

const NUMERIC: ReadonlyMap<string, DTypeEntry> = /* @__PURE__ */ new Map<string, DTypeEntry>([
  ['float32', /* @__PURE__ */ entry(Float32Array)],
  ['float64', /* @__PURE__ */ entry(Float64Array)],
  ['float16', /* @__PURE__ */ entry(Uint16Array)],
  ['bfloat16', /* @__PURE__ */ entry(Uint16Array)],
  ['int8', /* @__PURE__ */ entry(Int8Array)],
  ['int16', /* @__PURE__ */ entry(Int16Array)],
  ['int32', /* @__PURE__ */ entry(Int32Array)],
  ['int64', /* @__PURE__ */ entry(BigInt64Array, Int32Array)],
  ['uint8', /* @__PURE__ */ entry(Uint8Array)],
  ['uint16', /* @__PURE__ */ entry(Uint16Array)],
  ['uint32', /* @__PURE__ */ entry(Uint32Array)],
  ['uint64', /* @__PURE__ */ entry(BigUint64Array, Uint32Array)],
  ['bool', /* @__PURE__ */ entry(Uint8Array)],
  ['float8e4m3fn', /* @__PURE__ */ entry(Uint8Array)],
  ['float8e4m3fnuz', /* @__PURE__ */ entry(Uint8Array)],
  ['float8e5m2', /* @__PURE__ */ entry(Uint8Array)],
  ['float8e5m2fnuz', /* @__PURE__ */ entry(Uint8Array)],
  ['float8e8m0', /* @__PURE__ */ entry(Uint8Array)],
  ['float4e2m1', /* @__PURE__ */ entry(Uint8Array)],
  ['int4', /* @__PURE__ */ entry(Int8Array)],
  ['uint4', /* @__PURE__ */ entry(Uint8Array)],
  ['int2', /* @__PURE__ */ entry(Int8Array)],
  ['uint2', /* @__PURE__ */ entry(Uint8Array)],
])

/** True for the names of DType. */
export function isDType(name: unknown): name is DType {
  return typeof name === 'string' && (name === 'string' || NUMERIC.has(name))
}

/** Bytes per element; 0 for string, whose elements have no fixed size. */
export function bytesPerElement(dtype: DType): number {
  return NUMERIC.get(dtype)?.bytes ?? 0
}

/** The 64-bit integers, which kernels read as pairs of 32-bit words. */
export function is64BitInteger(dtype: DType): dtype is 'int64' | 'uint64' {
  return dtype === 'int64' || dtype === 'uint64'
}

export function isFloat(dtype: DType): dtype is 'float32' | 'float64' | 'float16' | 'bfloat16' {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16'
}

/** The floats of 8 and 4 bits, which have no arithmetic: they are cast, and quantized to and from. */
export function isMinifloat(dtype: DType): dtype is Exclude<NarrowDType, 'int4' | 'uint4' | 'int2' | 'uint2'> {
  return dtype.startsWith('float8') || dtype.startsWith('float4')
}

/** The ends of an integer dtype of 4 or 2 bits, whose array holds more. */
export function narrowRange(dtype: DType): readonly [low: number, high: number] | undefined {
  return dtype === 'int4' ? [-8, 7] : dtype === 'uint4' ? [0, 15] : dtype === 'int2' ? [-2, 1] : dtype === 'uint2' ? [0, 3] : undefined
}

export function isInteger(dtype: DType): boolean {
  return dtype.startsWith('int') || dtype.startsWith('uint')
}

function numericEntry(dtype: DType): DTypeEntry {
  const found = NUMERIC.get(dtype)
  if (found === undefined) throw new TypeError(`dtype ${dtype} has no typed array`)
  return found
}

/** Zeroed data of `length` elements as the API shows it: BigInt64Array for int64, string[] of '' for string. */
export function allocateData(dtype: DType, length: number): NumericArray | StringArray {
  return dtype === 'string' ? new Array<string>(length).fill('') : new (numericEntry(dtype).array)(length)
}

/** A view of `length` elements over bytes, as the API shows them. */
export function viewData(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray {
  return new (numericEntry(dtype).array)(buffer, byteOffset, length)
}

/** A view of `length` elements over bytes, as kernels read them: two 32-bit words for each 64-bit integer. */
export function viewKernelData(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray {
  return new (numericEntry(dtype).kernelArray)(buffer, byteOffset, is64BitInteger(dtype) ? length * 2 : length)
}

/** True where an array of dtype `own` may hold the raw bits, or the small values, of `dtype`. */
export function holdsBitsOf(own: DType, dtype: DType): boolean {
  if (own === 'uint16') return dtype === 'float16' || dtype === 'bfloat16'
  if (own === 'uint8') return dtype === 'bool' || dtype === 'uint4' || dtype === 'uint2' || isMinifloat(dtype)
  return own === 'int8' && (dtype === 'int4' || dtype === 'int2')
}

/** The dtype whose data is held by this typed array; Uint16Array means uint16 and Uint8Array uint8 unless said otherwise. */
export function dtypeOfArray(data: NumericArray): DType {
  // The tag, not the constructor's name: a Buffer is a Uint8Array, and so is any subclass.
  const kind = data[Symbol.toStringTag]
  const name = kind.replace(/Array$/, '').replace(/^Big/, '').toLowerCase()
  if (isDType(name)) return name
  throw new TypeError(`${kind} is not a tensor's data`)
}
