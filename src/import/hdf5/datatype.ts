// Element types and how their bytes become a tensor: integers and floats of either byte order, strings, booleans.
import { allocateData, bytesPerElement, viewData, type DType, type Tensor } from '../../tensor/index.ts'
import { globalHeapObject } from './heap.ts'
import { hdf5Error, requiredAddress, take, textOf, u16, u32, u8, type Cursor, type Hdf5File } from './file.ts'

export type Datatype =
  | { readonly kind: 'number'; readonly dtype: DType; readonly bytes: number; readonly bigEndian: boolean }
  | { readonly kind: 'text'; readonly bytes: number; readonly spacePadded: boolean }
  | { readonly kind: 'heap-text'; readonly bytes: number }

const CLASS_NAMES = ['integer', 'float', 'time', 'text', 'bit field', 'opaque', 'compound', 'reference', 'enumeration', 'list of variable length', 'array']

/** Reads a datatype message; throws HDF5_DATATYPE for types that no tensor holds. */
export function readDatatype(cursor: Cursor, depth = 0): Datatype {
  const start = cursor.at
  const typeClass = u8(cursor) & 0x0f
  const flags = u8(cursor)
  take(cursor, 2)
  const bytes = u32(cursor)
  const refuse = (what: string): never => {
    throw hdf5Error('HDF5_DATATYPE', `the type at byte ${start} is ${what}, which is not read; expected integers of 1 to 8 bytes, floats of 2, 4 or 8 bytes, booleans or text`, start)
  }
  const bigEndian = (flags & 1) !== 0
  switch (typeClass) {
    case 0: {
      const offset = u16(cursor)
      const bits = u16(cursor)
      if (![1, 2, 4, 8].includes(bytes) || offset !== 0 || bits !== 8 * bytes) refuse(`an integer of ${bits} bits in ${bytes} bytes`)
      const dtype = `${(flags & 0x08) !== 0 ? '' : 'u'}int${bits}` as DType
      return { kind: 'number', dtype, bytes, bigEndian }
    }
    case 1: {
      take(cursor, 5)
      const exponentBits = u8(cursor)
      const dtype = new Map<string, DType>([['2/5', 'float16'], ['2/8', 'bfloat16'], ['4/8', 'float32'], ['8/11', 'float64']]).get(`${bytes}/${exponentBits}`)
      if (dtype === undefined || (flags & 0x40) !== 0) return refuse(`a float of ${bytes} bytes with ${exponentBits} bits of exponent`)
      return { kind: 'number', dtype, bytes, bigEndian }
    }
    case 3:
      if (bytes === 0) refuse('text of 0 bytes')
      return { kind: 'text', bytes, spacePadded: (flags & 0x0f) === 2 }
    case 8: {
      if (depth > 0) return refuse('an enumeration of enumerations')
      const base = readDatatype(cursor, depth + 1)
      // h5py writes booleans as an enumeration of FALSE and TRUE.
      return base.kind === 'number' && base.bytes === 1 ? { ...base, dtype: 'bool' } : refuse('an enumeration')
    }
    case 9:
      return (flags & 0x0f) === 1 ? { kind: 'heap-text', bytes } : refuse('a list of variable length')
    default:
      return refuse(`a ${CLASS_NAMES[typeClass] ?? `class ${typeClass}`}`)
  }
}

/** The tensor that `bytes` hold, row-major. */
export function decodeElements(file: Hdf5File, type: Datatype, shape: readonly number[], count: number, bytes: Uint8Array): Tensor {
  if (type.kind === 'number') {
    const ordered = type.bigEndian && type.bytes > 1 ? swapped(bytes, type.bytes) : bytes.slice()
    return { dtype: type.dtype, shape, data: count === 0 ? allocateData(type.dtype, 0) : viewData(type.dtype, ordered.buffer, 0, count) }
  }
  const data = Array.from({ length: count }, (_, i) => {
    const at = i * type.bytes
    if (type.kind === 'heap-text') return heapText({ file: { ...file, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), base: 0 }, at, end: at + type.bytes }, file)
    const text = textOf(bytes.subarray(at, at + type.bytes))
    return type.spacePadded ? text.trimEnd() : text
  })
  return { dtype: 'string', shape, data }
}

/** Text of variable length: its length, and where it lies in a global heap. */
function heapText(cursor: Cursor, file: Hdf5File): string {
  const length = u32(cursor)
  if (length === 0) return ''
  const address = requiredAddress(cursor, 'a text')
  const index = u32(cursor)
  const found = globalHeapObject(file, address, index)
  if (length > found.length) throw hdf5Error('HDF5_OFFSET', `a text of ${length} bytes lies in an object of ${found.length} bytes of the global heap; the file is damaged`, address)
  return textOf(found.subarray(0, length))
}

function swapped(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length)
  for (let at = 0; at < bytes.length; at += size) for (let i = 0; i < size; i++) result[at + i] = bytes[at + size - 1 - i]
  return result
}

/** Bytes of an element in memory. */
export function elementBytes(type: Datatype): number {
  return type.kind === 'number' ? bytesPerElement(type.dtype) : type.bytes
}
