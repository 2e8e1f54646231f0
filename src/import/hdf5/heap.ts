// Heaps: names of links (local heap), texts of variable length (global heap).
import { bytesOf, cursorAt, expectSignature, hdf5Error, length, requiredAddress, take, textOf, u16, u8, type Hdf5File } from './file.ts'

/** A function from an offset to the text there. */
export function localHeap(file: Hdf5File, address: number): (offset: number) => string {
  const cursor = cursorAt(file, address)
  expectSignature(cursor, 'HEAP', 'a local heap')
  take(cursor, 4)
  const bytes = length(cursor)
  // The head of the free list; 1 in an empty heap.
  take(cursor, file.lengthBytes)
  const data = requiredAddress(cursor, 'the data of a local heap')
  return (offset) => {
    if (offset >= bytes) throw hdf5Error('HDF5_OFFSET', `a name at offset ${offset} lies outside a local heap of ${bytes} bytes; the file is damaged`, address)
    const rest = cursorAt(file, data + offset, bytes - offset)
    let end = rest.at
    while (end < rest.end && file.bytes[end] !== 0) end++
    return textOf(bytesOf(rest, end - rest.at))
  }
}

const OBJECT_HEADER = 8

/** The bytes of object `index` of the global heap collection at an address; throws HDF5_STRUCTURE where it has none. */
export function globalHeapObject(file: Hdf5File, address: number, index: number): Uint8Array {
  const head = cursorAt(file, address)
  expectSignature(head, 'GCOL', 'a global heap')
  const version = u8(head)
  if (version !== 1) throw hdf5Error('HDF5_VERSION', `a global heap has version ${version}, expected 1`, head.at - 1)
  take(head, 3)
  const size = length(head)
  const cursor = cursorAt(file, address, size)
  take(cursor, head.at - cursor.at)
  while (cursor.end - cursor.at >= OBJECT_HEADER + file.lengthBytes) {
    const own = u16(cursor)
    take(cursor, 6)
    const bytes = length(cursor)
    // Object 0 is the free space at the end.
    if (own === 0) break
    if (own === index) return bytesOf(cursor, bytes)
    // Stepping over costs the reader nothing: only headers are counted against the budget.
    const next = cursor.at + Math.ceil(bytes / 8) * 8
    if (next > cursor.end) break
    cursor.at = next
  }
  throw hdf5Error('HDF5_STRUCTURE', `the global heap at address ${address} has no object ${index}; the file is damaged`, address)
}
