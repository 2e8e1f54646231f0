// TensorProto -> Tensor, in every encoding that ONNX allows: raw bytes, or lists of the field that the data type names.
import { MleError } from '../../error.ts'
import { bitsOf, bytesPerElement, isInteger, sizeOf, viewData, type DType, type Tensor } from '../../tensor/index.ts'
import type { TensorProto, TypeProto } from './proto.ts'
import type { ValueType } from '../../ops/types.ts'

/** TensorProto.DataType by number; complex numbers are not read. */
const DTYPES: readonly (DType | undefined)[] = [
  undefined, 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool', 'float16', 'float64', 'uint32', 'uint64', undefined, undefined, 'bfloat16',
  'float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz', 'uint4', 'int4', 'float4e2m1', 'float8e8m0', 'uint2', 'int2',
]
/** Names for messages of the data types that have no dtype here. */
const OTHER_NAMES: ReadonlyMap<number, string> = new Map([[14, 'complex64'], [15, 'complex128']])

export function onnxError(code: string, message: string): MleError {
  return new MleError(code, `ONNX model: ${message}`)
}

/** The dtype of a number; throws ONNX_DTYPE. */
export function dtypeOf(dataType: number, where: string): DType {
  const dtype = DTYPES[dataType]
  if (dtype === undefined) throw onnxError('ONNX_DTYPE', `${where} has data type ${OTHER_NAMES.get(dataType) ?? dataType}, which is not supported`)
  return dtype
}

/** External data: the file's bytes by its checked name, which is a plain file name in the model's folder. */
export type ExternalData = (name: string) => Uint8Array | undefined

export function tensorOf(proto: TensorProto, external: ExternalData | undefined): Tensor {
  const where = `tensor ${JSON.stringify(proto.name)}`
  if (proto.isSegment) throw onnxError('ONNX_SEGMENT', `${where} is one segment of a larger tensor, which is not supported; store it whole`)
  if (proto.indices !== undefined) return denseOf(proto, proto.indices, external, where)
  const dtype = dtypeOf(proto.dataType, where)
  const shape = proto.dims.map(Number)
  const size = sizeOf(shape)
  if (dtype === 'string') {
    if (proto.strings.length !== size) throw wrongCount(where, size, proto.strings.length)
    const decoder = new TextDecoder()
    return { dtype, shape, data: proto.strings.map((bytes) => decoder.decode(bytes)) }
  }
  const raw = proto.isExternal ? externalBytes(proto, external, where) : proto.raw
  const bits = bitsOf(dtype)
  const bytes = Math.ceil((size * bits) / 8)
  if (raw !== undefined && (raw.length > 0 || size === 0)) {
    if (raw.length !== bytes) throw onnxError('ONNX_TENSOR', `${where} of shape [${shape.join(', ')}] needs ${bytes} bytes, got ${raw.length}`)
    if (bits < 8) return { dtype, shape, data: unpacked(dtype, bits, size, (i) => raw[i]) }
    // A copy: the file's bytes are not aligned.
    return { dtype, shape, data: viewData(dtype, raw.slice().buffer, 0, size) }
  }
  return { dtype, shape, data: listedData(proto, dtype, size, where) }
}

/** A tensor of few bytes in the file may not become more than this in memory (CWE-409). */
const MAX_DENSE_BYTES = 2 ** 28

/** A sparse tensor with its zeros: places are numbers in row-major order, or one row of indices each. */
function denseOf(proto: TensorProto, places: TensorProto, external: ExternalData | undefined, where: string): Tensor {
  const count = Number(places.dims[0] ?? 0)
  const values = tensorOf({ ...proto, dims: [BigInt(count)], indices: undefined }, external)
  const indices = tensorOf(places, external)
  const shape = proto.dims.map(Number)
  const size = sizeOf(shape)
  const { dtype } = values
  if (dtype === 'string' || indices.dtype !== 'int64') throw onnxError('ONNX_SPARSE', `${where} has ${dtype} values at ${indices.dtype} places, expected numbers at int64 places`)
  if (size * bytesPerElement(dtype) > MAX_DENSE_BYTES) throw onnxError('ONNX_SPARSE', `${where} of shape [${shape.join(', ')}] would take more than ${MAX_DENSE_BYTES} bytes with its zeros; store it dense`)
  const rank = indices.shape.length === 2 ? indices.shape[1] : 1
  if (rank !== 1 && rank !== shape.length) throw onnxError('ONNX_SPARSE', `${where} has ${shape.length} dimensions, but its places have ${rank}`)
  const data = viewData(dtype, new ArrayBuffer(size * bytesPerElement(dtype)), 0, size)
  for (let i = 0; i < count; i++) {
    let place = 0
    for (let axis = 0; axis < rank; axis++) {
      const index = Number(indices.data[i * rank + axis])
      if (!(index >= 0 && index < (rank === 1 ? size : shape[axis]))) throw onnxError('ONNX_SPARSE', `${where} has a value at ${index}, outside its shape [${shape.join(', ')}]`)
      place = rank === 1 ? index : place * shape[axis] + index
    }
    data[place] = values.data[i] as never
  }
  return { dtype, shape, data }
}

function listedData(proto: TensorProto, dtype: DType, size: number, where: string): Tensor['data'] {
  const check = <T extends { readonly length: number }>(list: T): T => {
    if (list.length !== size) throw wrongCount(where, size, list.length)
    return list
  }
  switch (dtype) {
    case 'float32':
      return Float32Array.from(check(proto.floats))
    case 'float64':
      return Float64Array.from(check(proto.doubles))
    case 'int64':
      return BigInt64Array.from(check(proto.int64s))
    case 'uint64':
      return BigUint64Array.from(check(proto.uint64s))
    case 'uint32':
      return Uint32Array.from(check(proto.uint64s), Number)
    default: {
      const bits = bitsOf(dtype)
      if (bits < 8) {
        const count = Math.ceil((size * bits) / 8)
        if (proto.int32s.length !== count) throw wrongCount(where, count, proto.int32s.length)
        return unpacked(dtype, bits, size, (i) => Number(proto.int32s[i]))
      }
      const data = viewData(dtype, new ArrayBuffer(size * bytesPerElement(dtype)), 0, size)
      check(proto.int32s).forEach((value, i) => (data[i] = Number(value)))
      return data
    }
  }
}

/** Elements of 4 or 2 bits, several to a byte, the first in the lowest bits; those of signed integers are spread to a byte with their sign. */
function unpacked(dtype: DType, bits: number, size: number, byteAt: (index: number) => number): Tensor['data'] {
  const data = viewData(dtype, new ArrayBuffer(size), 0, size)
  const perByte = 8 / bits
  const shift = isInteger(dtype) && !dtype.startsWith('u') ? 32 - bits : 0
  for (let i = 0; i < size; i++) {
    const value = (byteAt(Math.floor(i / perByte)) >> ((i % perByte) * bits)) & ((1 << bits) - 1)
    data[i] = (value << shift) >> shift
  }
  return data
}

function wrongCount(where: string, expected: number, actual: number): MleError {
  return onnxError('ONNX_TENSOR', `${where} needs ${expected} elements, got ${actual}`)
}

function externalBytes(proto: TensorProto, external: ExternalData | undefined, where: string): Uint8Array {
  const fields = new Map(proto.external)
  const name = fields.get('location') ?? ''
  // Only a plain name: no folders, drives, URLs or parent folders (CVE-2022-25882, CVE-2024-27318).
  if (name === '' || name === '.' || name === '..' || ['/', '\\', ':', '\0'].some((one) => name.includes(one))) {
    throw onnxError('ONNX_EXTERNAL', `${where} lies in ${JSON.stringify(name)}; external data are read from the model's own folder only`)
  }
  const file = external?.(name)
  if (file === undefined) throw onnxError('ONNX_EXTERNAL', `${where} lies in the file ${JSON.stringify(name)}, which was not given`)
  const offset = Number(fields.get('offset') ?? 0)
  const length = fields.has('length') ? Number(fields.get('length')) : file.length - offset
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > file.length) {
    throw onnxError('ONNX_EXTERNAL', `${where} lies at ${offset} to ${offset + length} of ${JSON.stringify(name)}, which has ${file.length} bytes`)
  }
  return file.subarray(offset, offset + length)
}

/** The type of a value; undefined where the file does not say. */
export function typeOf(proto: TypeProto | undefined, where: string): ValueType | undefined {
  if (proto === undefined || proto.kind === 'other') return undefined
  if (proto.kind === 'tensor') return proto.dataType === 0 ? undefined : { dtype: dtypeOf(proto.dataType, where), shape: proto.shape }
  if (proto.kind === 'map') {
    const value = typeOf(proto.value, where)
    return value === undefined ? undefined : { map: { key: dtypeOf(proto.key, where), value } }
  }
  const element = typeOf(proto.element, where)
  if (element === undefined) return undefined
  return proto.kind === 'sequence' ? { sequence: element } : { optional: element }
}
