// Filters of chunks: deflate, shuffle, fletcher32.
import { inflate } from '../../platform/inflate.ts'
import { bytesOf, hdf5Error, take, textOf, u16, u32, u8, type Cursor } from './file.ts'

export interface Filter {
  readonly id: number
  readonly name: string
  readonly values: readonly number[]
}

const DEFLATE = 1
const SHUFFLE = 2
const FLETCHER32 = 3
const NAMES: ReadonlyMap<number, string> = new Map([[4, 'szip'], [5, 'nbit'], [6, 'scaleoffset'], [32000, 'lzf'], [32001, 'blosc'], [32004, 'lz4'], [32015, 'zstd']])
/** HDF5's own limit. */
const MAX_FILTERS = 32

/** Reads a filter pipeline; throws HDF5_FILTER for filters that are not known. */
export function readFilters(cursor: Cursor): Filter[] {
  const start = cursor.at
  const version = u8(cursor)
  const count = u8(cursor)
  if (version !== 1 && version !== 2) throw hdf5Error('HDF5_VERSION', `a list of filters has version ${version}, expected 1 or 2`, start)
  if (count > MAX_FILTERS) throw hdf5Error('HDF5_STRUCTURE', `a list has ${count} filters, expected at most ${MAX_FILTERS}`, start)
  if (version === 1) take(cursor, 6)
  return Array.from({ length: count }, () => {
    const id = u16(cursor)
    const nameBytes = version === 1 || id >= 256 ? u16(cursor) : 0
    take(cursor, 2)
    const values = u16(cursor)
    const name = textOf(bytesOf(cursor, version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes))
    const list = Array.from({ length: values }, () => u32(cursor))
    if (version === 1 && values % 2 === 1) take(cursor, 4)
    if (id !== DEFLATE && id !== SHUFFLE && id !== FLETCHER32) {
      throw hdf5Error('HDF5_FILTER', `a dataset is stored with filter ${id} (${NAMES.get(id) ?? (name === '' ? 'no name' : name)}), expected deflate, shuffle or fletcher32; save the model again without it`, start)
    }
    return { id, name, values: list }
  })
}

/** Undoes the filters of a chunk, last first; bit i of `mask` leaves filter i out. The result has at most `maxBytes`. */
export async function unfilter(stored: Uint8Array, filters: readonly Filter[], mask: number, maxBytes: number, elementBytes: number): Promise<Uint8Array> {
  let bytes = stored
  for (let i = filters.length - 1; i >= 0; i--) {
    if (((mask >>> i) & 1) !== 0) continue
    const { id, values } = filters[i]
    if (id === DEFLATE) bytes = await inflate(bytes, 'zlib', maxBytes + 4)
    else if (id === SHUFFLE) bytes = unshuffle(bytes, values[0] ?? elementBytes)
    else bytes = checked(bytes)
  }
  return bytes
}

/** Byte b of every element lies together. */
function unshuffle(bytes: Uint8Array, size: number): Uint8Array {
  if (size <= 1 || size > bytes.length) return bytes
  const count = Math.floor(bytes.length / size)
  const result = new Uint8Array(bytes.length)
  for (let b = 0; b < size; b++) for (let i = 0; i < count; i++) result[i * size + b] = bytes[b * count + i]
  result.set(bytes.subarray(count * size), count * size)
  return result
}

/** Without the sum at the end; throws HDF5_CHECKSUM where it is another. */
function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) throw hdf5Error('HDF5_CHECKSUM', `a chunk of ${bytes.length} bytes has no checksum; the file is damaged`)
  const data = bytes.subarray(0, bytes.length - 4)
  const stored = new DataView(bytes.buffer, bytes.byteOffset + data.length, 4).getUint32(0, true)
  const actual = fletcher32(data)
  if (actual !== stored) throw hdf5Error('HDF5_CHECKSUM', `a chunk has the checksum ${actual.toString(16)}, expected ${stored.toString(16)}; the file is damaged`)
  return data
}

/** Fletcher's checksum over big-endian words of 16 bits, as HDF5 computes it. */
export function fletcher32(bytes: Uint8Array): number {
  let a = 0
  let b = 0
  for (let at = 0; at < bytes.length; at += 2) {
    a = (a + bytes[at] * 256 + (at + 1 < bytes.length ? bytes[at + 1] : 0)) % 65_535
    b = (b + a) % 65_535
  }
  return b * 65_536 + a
}
