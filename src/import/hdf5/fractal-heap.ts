// Fractal heaps: where links and attributes lie when an object has many ("dense storage").
import { pow2 } from '../../math/bits.ts'
import { bitLength, bytesOf, cursorAt, expectSignature, hdf5Error, length, addressOf, take, u16, u32, u8, uint, type Cursor, type Hdf5File } from './file.ts'

export interface FractalHeap {
  readonly file: Hdf5File
  readonly idBytes: number
  readonly offsetBytes: number
  readonly lengthBytes: number
  readonly width: number
  readonly startBytes: number
  readonly maxDirectBytes: number
  readonly root: number | undefined
  /** 0 where the root is a direct block. */
  readonly rootRows: number
  readonly hasChecksums: boolean
}

/** HDF5's largest block is smaller. */
const MAX_BLOCK = 0x100_0000_0000

/** Reads the heap's header; throws HDF5_STRUCTURE, HDF5_FILTER. */
export function readFractalHeap(file: Hdf5File, address: number): FractalHeap {
  const cursor = cursorAt(file, address)
  expectSignature(cursor, 'FRHP', 'a fractal heap')
  const version = u8(cursor)
  if (version !== 0) throw hdf5Error('HDF5_VERSION', `a fractal heap has version ${version}, expected 0`, cursor.at - 1)
  const idBytes = u16(cursor)
  if (u16(cursor) !== 0) throw hdf5Error('HDF5_FILTER', `the fractal heap at address ${address} is compressed, which is not read`, address)
  const flags = u8(cursor)
  const maxManaged = u32(cursor)
  // Huge objects, free space, statistics: 10 numbers.
  take(cursor, file.lengthBytes)
  take(cursor, file.offsetBytes)
  take(cursor, file.lengthBytes)
  take(cursor, file.offsetBytes)
  take(cursor, 8 * file.lengthBytes)
  const width = u16(cursor)
  const startBytes = length(cursor)
  const maxDirectBytes = length(cursor)
  const heapBits = u16(cursor)
  take(cursor, 2)
  const root = addressOf(cursor)
  const rootRows = u16(cursor)
  const isPower = (value: number): boolean => value > 0 && value <= MAX_BLOCK && pow2(bitLength(value) - 1) === value
  if (!isPower(width) || !isPower(startBytes) || !isPower(maxDirectBytes) || maxDirectBytes < startBytes || heapBits > 64 || maxManaged < 1 || idBytes < 1) {
    throw hdf5Error('HDF5_STRUCTURE', `the fractal heap at address ${address} has blocks of ${startBytes} to ${maxDirectBytes} bytes in rows of ${width}; the file is damaged`, address)
  }
  const lengthBytes = Math.min(Math.ceil(bitLength(maxDirectBytes) / 8), Math.ceil(bitLength(maxManaged) / 8))
  return { file, idBytes, offsetBytes: Math.ceil(heapBits / 8), lengthBytes, width, startBytes, maxDirectBytes, root, rootRows, hasChecksums: (flags & 2) !== 0 }
}

/** The object that an id names, as a cursor over its bytes. */
export function fractalHeapObject(heap: FractalHeap, id: Uint8Array): Cursor {
  const { file } = heap
  const type = (id[0] >> 4) & 3
  const cursor: Cursor = { file: { ...file, bytes: id, view: new DataView(id.buffer, id.byteOffset, id.byteLength), base: 0, budget: id.length * 4 }, at: 1, end: id.length }
  if (type === 2) {
    const count = (id[0] & 0x0f) + 1
    const own = bytesOf(cursor, count)
    return { file: { ...cursor.file, bytes: own, view: new DataView(own.buffer, own.byteOffset, own.byteLength), budget: own.length * 64 }, at: 0, end: own.length }
  }
  if (type !== 0) throw hdf5Error('HDF5_STRUCTURE', 'an object of a fractal heap is stored on its own because of its size, which is not read; save the file with the default settings of h5py')
  const offset = uint(cursor, heap.offsetBytes)
  const bytes = uint(cursor, heap.lengthBytes)
  if (heap.root === undefined) throw hdf5Error('HDF5_STRUCTURE', 'an empty fractal heap is asked for an object; the file is damaged')
  return heap.rootRows === 0 ? inDirect(heap, heap.root, 0, heap.startBytes, offset, bytes) : inIndirect(heap, heap.root, 0, heap.rootRows, offset, bytes, 0)
}

function inDirect(heap: FractalHeap, address: number, blockOffset: number, blockBytes: number, offset: number, bytes: number): Cursor {
  const block = cursorAt(heap.file, address, Math.min(blockBytes, heap.file.bytes.length - heap.file.base - address))
  expectSignature(block, 'FHDB', 'a block of a fractal heap')
  return cursorAt(heap.file, address + offset - blockOffset, bytes)
}

/** Rows of an indirect block hold blocks of the start size, the start size again, then twice the size each row. */
function rowBytes(heap: FractalHeap, row: number): number {
  return row === 0 ? heap.startBytes : heap.startBytes * pow2(row - 1)
}

function inIndirect(heap: FractalHeap, address: number, blockOffset: number, rows: number, offset: number, bytes: number, depth: number): Cursor {
  const { file, width, maxDirectBytes } = heap
  if (depth > 8) throw hdf5Error('HDF5_CYCLE', 'the blocks of a fractal heap are nested too deep; the file is damaged', address)
  const cursor = cursorAt(file, address)
  expectSignature(cursor, 'FHIB', 'a block of a fractal heap')
  take(cursor, 1 + file.offsetBytes + heap.offsetBytes)
  let at = blockOffset
  for (let row = 0; row < rows; row++) {
    const size = rowBytes(heap, row)
    for (let column = 0; column < width; column++, at += size) {
      const child = addressOf(cursor)
      if (offset < at || offset >= at + size) continue
      if (child === undefined) throw hdf5Error('HDF5_STRUCTURE', `offset ${offset} of a fractal heap lies in a block that was never written; the file is damaged`, address)
      if (size <= maxDirectBytes) return inDirect(heap, child, at, size, offset, bytes)
      const childRows = bitLength(size / (heap.startBytes * width))
      return inIndirect(heap, child, at, childRows, offset, bytes, depth + 1)
    }
  }
  throw hdf5Error('HDF5_OFFSET', `offset ${offset} lies outside a fractal heap; the file is damaged`, address)
}

