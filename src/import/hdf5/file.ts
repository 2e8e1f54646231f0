// Reading numbers of an HDF5 file with every position checked. Layout: the "HDF5 File Format Specification Version 3.0",
// https://docs.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
import { MleError } from '../../error.ts'
import { pow2 } from '../../math/bits.ts'

/** An open file. */
export interface Hdf5File {
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Bytes of an address and of a length in this file. */
  readonly offsetBytes: number
  readonly lengthBytes: number
  /** Where addresses count from: behind a user block. */
  readonly base: number
  /** Bytes that may still be read: structures may be shared, so that a small file could describe a huge one (CWE-776). */
  budget: number
  /** Members of the groups that were read, by the groups' addresses: a group of many is looked into as often as it has members. */
  readonly groups: Map<number, ReadonlyMap<string, number>>
}

/** A position that moves through a stretch of the file. */
export interface Cursor {
  readonly file: Hdf5File
  at: number
  readonly end: number
}

/** Honest files share small structures only, a few times each. */
const READS_PER_BYTE = 64
const FREE_READS = 1 << 20

export function hdf5Error(code: string, message: string, offset?: number): MleError {
  return new MleError(code, `HDF5 file: ${message}`, { offset })
}

export function fileOf(bytes: Uint8Array, offsetBytes: number, lengthBytes: number, base: number): Hdf5File {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { bytes, view, offsetBytes, lengthBytes, base, budget: bytes.length * READS_PER_BYTE + FREE_READS, groups: new Map() }
}

/** Counts `bytes` against what may be read; throws HDF5_LIMIT. */
export function spend(file: Hdf5File, bytes: number): void {
  if ((file.budget -= bytes) < 0) throw hdf5Error('HDF5_LIMIT', `its parts are shared so often that more than ${READS_PER_BYTE} times its size would be read; the file is damaged or made to exhaust memory`)
}

/** A cursor over `length` bytes at an address of the file (all that follow where none is given); throws HDF5_OFFSET. */
export function cursorAt(file: Hdf5File, address: number, length: number = file.bytes.length - file.base - address): Cursor {
  const at = file.base + address
  if (address < 0 || length < 0 || at + length > file.bytes.length) {
    throw hdf5Error('HDF5_OFFSET', `${length} bytes at address ${address} lie outside the ${file.bytes.length} bytes of the file; it is cut off or damaged`, at)
  }
  return { file, at, end: at + length }
}

/** Moves past `bytes` bytes and returns where they begin; throws HDF5_OFFSET. */
export function take(cursor: Cursor, bytes: number): number {
  const { at, end } = cursor
  if (bytes > end - at) throw hdf5Error('HDF5_OFFSET', `${bytes} bytes at byte ${at} pass the end of their block at byte ${end}; the file is cut off or damaged`, at)
  spend(cursor.file, bytes)
  cursor.at = at + bytes
  return at
}

export function u8(cursor: Cursor): number {
  return cursor.file.bytes[take(cursor, 1)]
}

export function u16(cursor: Cursor): number {
  return cursor.file.view.getUint16(take(cursor, 2), true)
}

export function u32(cursor: Cursor): number {
  return cursor.file.view.getUint32(take(cursor, 4), true)
}

/** A little-endian unsigned integer of 1 to 8 bytes; undefined where every bit is set, which stands for "none". */
export function uintOrNone(cursor: Cursor, bytes: number): number | undefined {
  const at = take(cursor, bytes)
  let value = 0
  let ones = 0
  for (let i = bytes - 1; i >= 0; i--) {
    const byte = cursor.file.bytes[at + i]
    if (byte === 0xff) ones++
    value = value * 256 + byte
  }
  if (ones === bytes) return undefined
  if (!Number.isSafeInteger(value)) throw hdf5Error('HDF5_OFFSET', `the number at byte ${at} is ${value}, more than any file holds; the file is damaged`, at)
  return value
}

export function uint(cursor: Cursor, bytes: number): number {
  const at = cursor.at
  const value = uintOrNone(cursor, bytes)
  if (value !== undefined) return value
  // A plain number that small may well have every bit set.
  if (bytes <= 4) return pow2(8 * bytes) - 1
  throw hdf5Error('HDF5_OFFSET', `the number at byte ${at} has every bit set, expected a size; the file is damaged`, at)
}

/** An address; undefined where there is none. */
export function addressOf(cursor: Cursor): number | undefined {
  return uintOrNone(cursor, cursor.file.offsetBytes)
}

/** An address that must be there; throws HDF5_STRUCTURE. */
export function requiredAddress(cursor: Cursor, what: string): number {
  const { at } = cursor
  const address = addressOf(cursor)
  if (address === undefined) throw hdf5Error('HDF5_STRUCTURE', `the address of ${what} at byte ${at} is missing`, at)
  return address
}

export function length(cursor: Cursor): number {
  return uint(cursor, cursor.file.lengthBytes)
}

/** The next bytes as they lie in the file, not copied. */
export function bytesOf(cursor: Cursor, count: number): Uint8Array {
  const at = take(cursor, count)
  return cursor.file.bytes.subarray(at, at + count)
}

/** Moves to the next multiple of 8 from `start`. */
export function align8(cursor: Cursor, start: number): void {
  const rest = (cursor.at - start) % 8
  if (rest !== 0) take(cursor, 8 - rest)
}

/** Checks the four letters that a block begins with; throws HDF5_STRUCTURE. */
export function expectSignature(cursor: Cursor, letters: string, what: string): void {
  const at = take(cursor, 4)
  for (let i = 0; i < 4; i++) {
    if (cursor.file.bytes[at + i] !== letters.charCodeAt(i)) throw hdf5Error('HDF5_STRUCTURE', `byte ${at} does not begin ${what} (${letters}); the file is damaged`, at)
  }
}

/** UTF-8 text up to the first zero byte. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** Refuses structures deeper or longer than the file can hold: `visited` has the addresses met so far. */
export function visit(visited: Set<number>, address: number, what: string): void {
  if (visited.has(address)) throw hdf5Error('HDF5_CYCLE', `${what} at address ${address} is reached twice; the file is damaged`, address)
  visited.add(address)
}

/** Binary digits of a whole number: 1 of 0 and 1, 4 of 8. */
export function bitLength(value: number): number {
  let bits = 1
  for (let rest = Math.floor(value / 2); rest > 0; rest = Math.floor(rest / 2)) bits++
  return bits
}
