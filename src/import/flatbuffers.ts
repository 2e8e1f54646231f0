// Reading FlatBuffers without generated code: tables by field number, every offset checked before it is followed.
// Layout: the "FlatBuffers internals" page of the format's documentation, https://flatbuffers.dev/internals/
import { MleError } from '../error.ts'

/** A buffer being read. */
export interface FlatBuffer {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** For messages. */
  readonly what: string
  /** Bytes that may still be read: objects may be shared, so that a small file could describe a huge structure (CWE-776). */
  budget: number
}

/** A table: where its fields are. */
export interface FlatTable {
  readonly buffer: FlatBuffer
  readonly at: number
  readonly vtable: number
  /** Fields that the vtable has. */
  readonly fields: number
}

/** A run of elements of one size. */
export interface FlatVector {
  readonly buffer: FlatBuffer
  readonly at: number
  readonly length: number
}

/** Honest files share small descriptions only, a few times each. */
const READS_PER_BYTE = 32
const FREE_READS = 1 << 20

function fail(buffer: FlatBuffer, at: number, what: string): MleError {
  return new MleError('FLATBUFFER_OFFSET', `${buffer.what}: ${what} at byte ${at} lies outside the ${buffer.bytes.length} bytes; the file is cut off or damaged`, { offset: at, expected: buffer.bytes.length })
}

function check(buffer: FlatBuffer, at: number, bytes: number, what: string): void {
  if (at < 0 || at + bytes > buffer.bytes.length) throw fail(buffer, at, what)
  if ((buffer.budget -= bytes) < 0) {
    throw new MleError('FLATBUFFER_LIMIT', `${buffer.what}: its parts are shared so often that more than ${READS_PER_BYTE} times its size would be read`, { expected: READS_PER_BYTE })
  }
}

/** The root table; throws FLATBUFFER_OFFSET. */
export function flatRoot(bytes: Uint8Array, what: string): FlatTable {
  const buffer: FlatBuffer = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), what, budget: bytes.length * READS_PER_BYTE + FREE_READS }
  check(buffer, 0, 4, 'the root offset')
  return tableAt(buffer, buffer.view.getUint32(0, true))
}

function tableAt(buffer: FlatBuffer, at: number): FlatTable {
  check(buffer, at, 4, 'a table')
  const vtable = at - buffer.view.getInt32(at, true)
  check(buffer, vtable, 4, 'a vtable')
  const bytes = buffer.view.getUint16(vtable, true)
  if (bytes < 4 || bytes % 2 !== 0) throw fail(buffer, vtable, `a vtable of ${bytes} bytes`)
  check(buffer, vtable, bytes, 'a vtable')
  return { buffer, at, vtable, fields: (bytes - 4) / 2 }
}

/** Byte offset of a field of `bytes` bytes; undefined where the table leaves it out. */
function fieldAt(table: FlatTable, field: number, bytes: number): number | undefined {
  if (field >= table.fields) return undefined
  const { buffer } = table
  const offset = buffer.view.getUint16(table.vtable + 4 + 2 * field, true)
  if (offset === 0) return undefined
  check(buffer, table.at + offset, bytes, `field ${field}`)
  return table.at + offset
}

export function flatInt32(table: FlatTable, field: number, fallback: number): number {
  const at = fieldAt(table, field, 4)
  return at === undefined ? fallback : table.buffer.view.getInt32(at, true)
}

export function flatUint8(table: FlatTable, field: number, fallback: number): number {
  const at = fieldAt(table, field, 1)
  return at === undefined ? fallback : table.buffer.view.getUint8(at)
}

export function flatFloat32(table: FlatTable, field: number, fallback: number): number {
  const at = fieldAt(table, field, 4)
  return at === undefined ? fallback : table.buffer.view.getFloat32(at, true)
}

export function flatFloat64(table: FlatTable, field: number, fallback: number): number {
  const at = fieldAt(table, field, 8)
  return at === undefined ? fallback : table.buffer.view.getFloat64(at, true)
}

/** Where the offset stored in a field leads. */
function followed(table: FlatTable, field: number): number | undefined {
  const at = fieldAt(table, field, 4)
  return at === undefined ? undefined : at + table.buffer.view.getUint32(at, true)
}

export function flatTable(table: FlatTable, field: number): FlatTable | undefined {
  const at = followed(table, field)
  return at === undefined ? undefined : tableAt(table.buffer, at)
}

/** A vector of elements of `elementBytes` bytes each; empty where the table leaves it out. */
export function flatVector(table: FlatTable, field: number, elementBytes: number): FlatVector {
  const { buffer } = table
  const at = followed(table, field)
  if (at === undefined) return { buffer, at: 0, length: 0 }
  check(buffer, at, 4, 'a vector')
  const length = buffer.view.getUint32(at, true)
  check(buffer, at + 4, length * elementBytes, `a vector of ${length} elements`)
  return { buffer, at: at + 4, length }
}

export function flatTables(table: FlatTable, field: number): FlatTable[] {
  const { buffer, at, length } = flatVector(table, field, 4)
  return Array.from({ length }, (_, i) => tableAt(buffer, at + 4 * i + buffer.view.getUint32(at + 4 * i, true)))
}

/** UTF-8 text; bytes that are none become replacement characters. */
export function flatString(table: FlatTable, field: number): string {
  return textOf(flatVector(table, field, 1))
}

export function flatStrings(table: FlatTable, field: number): string[] {
  const { buffer, at, length } = flatVector(table, field, 4)
  return Array.from({ length }, (_, i) => {
    const start = at + 4 * i + buffer.view.getUint32(at + 4 * i, true)
    check(buffer, start, 4, 'a string')
    const bytes = buffer.view.getUint32(start, true)
    check(buffer, start + 4, bytes, `a string of ${bytes} bytes`)
    return textOf({ buffer, at: start + 4, length: bytes })
  })
}

function textOf({ buffer, at, length }: FlatVector): string {
  return new TextDecoder().decode(buffer.bytes.subarray(at, at + length))
}

export function flatInt32s(table: FlatTable, field: number): Int32Array {
  const { buffer, at, length } = flatVector(table, field, 4)
  return Int32Array.from({ length }, (_, i) => buffer.view.getInt32(at + 4 * i, true))
}

export function flatFloat32s(table: FlatTable, field: number): Float32Array {
  const { buffer, at, length } = flatVector(table, field, 4)
  return Float32Array.from({ length }, (_, i) => buffer.view.getFloat32(at + 4 * i, true))
}

export function flatFloat64s(table: FlatTable, field: number): Float64Array {
  const { buffer, at, length } = flatVector(table, field, 8)
  return Float64Array.from({ length }, (_, i) => buffer.view.getFloat64(at + 8 * i, true))
}

export function flatBytes(table: FlatTable, field: number): Uint8Array {
  const { buffer, at, length } = flatVector(table, field, 1)
  return buffer.bytes.subarray(at, at + length)
}
