// Where the chunks of a dataset lie: B-trees of version 1, and the indexes that layout version 4 knows.
import { pow2 } from '../../math/bits.ts'
import { walkTree1, walkTree2 } from './btree.ts'
import { addressOf, cursorAt, expectSignature, hdf5Error, length, requiredAddress, take, u32, u8, uint, type Cursor, type Hdf5File } from './file.ts'

export interface Chunk {
  readonly address: number
  readonly bytes: number
  /** Bit i set: filter i was left out. */
  readonly mask: number
  /** Elements along each axis, and the place of the first one. */
  readonly dims: readonly number[]
  readonly offsets: readonly number[]
}

/** Where an old layout message keeps its chunks. */
interface OldLayout {
  readonly tree: number | undefined
  readonly dims: readonly number[]
}

/** The chunks of a layout message, read up to its class. Throws HDF5_LAYOUT for indexes that are not known. */
export function chunksOf(file: Hdf5File, layout: Cursor | OldLayout, version: number, elementBytes: number, shape: readonly number[], hasFilters: boolean): Chunk[] {
  if ('tree' in layout) return treeChunks(file, layout.tree, layout.dims, shape)
  if (version === 3) {
    const rank = u8(layout) - 1
    const tree = addressOf(layout)
    return treeChunks(file, tree, Array.from({ length: Math.max(0, rank) }, () => u32(layout)), shape)
  }
  const flags = u8(layout)
  const rank = u8(layout) - 1
  const dimBytes = u8(layout)
  if (dimBytes < 1 || dimBytes > 8) throw hdf5Error('HDF5_STRUCTURE', `sizes of chunks have ${dimBytes} bytes, expected 1 to 8`, layout.at)
  const dims = Array.from({ length: Math.max(0, rank) }, () => uint(layout, dimBytes))
  checkDims(dims, shape, layout.at)
  take(layout, dimBytes)
  const chunkBytes = dims.reduce((product, dim) => product * dim, elementBytes)
  const index = u8(layout)
  const perAxis = shape.map((dim, axis) => Math.ceil(dim / dims[axis]))
  const place = (number: number): number[] => {
    const offsets: number[] = []
    for (let axis = shape.length - 1, rest = number; axis >= 0; rest = Math.floor(rest / perAxis[axis]), axis--) offsets.unshift((rest % perAxis[axis]) * dims[axis])
    return offsets
  }
  const total = perAxis.reduce((product, count) => product * count, 1)
  switch (index) {
    case 1: {
      const isFiltered = (flags & 2) !== 0
      const bytes = isFiltered ? length(layout) : chunkBytes
      const mask = isFiltered ? u32(layout) : 0
      const address = addressOf(layout)
      return address === undefined ? [] : [{ address, bytes, mask, dims, offsets: shape.map(() => 0) }]
    }
    case 2: {
      const address = addressOf(layout)
      if (address === undefined) return []
      cursorAt(file, address, total * chunkBytes)
      return Array.from({ length: total }, (_, i) => ({ address: address + i * chunkBytes, bytes: chunkBytes, mask: 0, dims, offsets: place(i) }))
    }
    case 3:
      take(layout, 1)
      return fixedArray(file, addressOf(layout), chunkBytes, dims, place, total, hasFilters)
    case 5:
      take(layout, 6)
      return tree2Chunks(file, addressOf(layout), chunkBytes, dims)
    default:
      throw hdf5Error('HDF5_LAYOUT', `chunks are listed in an index of kind ${index}${index === 4 ? ' (extensible array)' : ''}, which is not read; save the file with the default settings of h5py`, layout.at)
  }
}

function checkDims(dims: readonly number[], shape: readonly number[], at: number): void {
  if (dims.length !== shape.length || dims.includes(0)) throw hdf5Error('HDF5_STRUCTURE', `chunks of [${dims.join(', ')}] do not fit a shape of [${shape.join(', ')}]; the file is damaged`, at)
}

function treeChunks(file: Hdf5File, tree: number | undefined, dims: readonly number[], shape: readonly number[]): Chunk[] {
  checkDims(dims, shape, tree ?? 0)
  const chunks: Chunk[] = []
  if (tree === undefined) return chunks
  walkTree1(file, tree, 1, 8 + 8 * (dims.length + 1), (key, address) => {
    const bytes = u32(key)
    const mask = u32(key)
    chunks.push({ address, bytes, mask, dims, offsets: dims.map(() => uint(key, 8)) })
  })
  return chunks
}

function fixedArray(file: Hdf5File, address: number | undefined, chunkBytes: number, dims: readonly number[], place: (i: number) => number[], total: number, hasFilters: boolean): Chunk[] {
  if (address === undefined) return []
  const head = cursorAt(file, address)
  expectSignature(head, 'FAHD', 'an array of chunks')
  take(head, 2)
  const entryBytes = u8(head)
  const pageBits = u8(head)
  const entries = length(head)
  const block = addressOf(head)
  if (block === undefined) return []
  if (entries < total) throw hdf5Error('HDF5_STRUCTURE', `an array of chunks has ${entries} entries, expected ${total}; the file is damaged`, address)
  const cursor = cursorAt(file, block)
  expectSignature(cursor, 'FADB', 'an array of chunks')
  take(cursor, 2 + file.offsetBytes)
  if (pageBits > 32) throw hdf5Error('HDF5_STRUCTURE', `pages of an array of chunks have 2^${pageBits} entries; the file is damaged`, address)
  const pageEntries = pow2(pageBits)
  const isPaged = entries > pageEntries
  if (isPaged) {
    // Which pages were written, then a checksum; each page ends with one of its own.
    take(cursor, Math.ceil(Math.ceil(entries / pageEntries) / 8) + 4)
  }
  const sizeBytes = entryBytes - file.offsetBytes - 4
  const chunks: Chunk[] = []
  for (let i = 0; i < total; i++) {
    if (isPaged && i > 0 && i % pageEntries === 0) take(cursor, 4)
    const at = addressOf(cursor)
    const bytes = hasFilters ? uint(cursor, sizeBytes) : chunkBytes
    const mask = hasFilters ? u32(cursor) : 0
    if (at !== undefined) chunks.push({ address: at, bytes, mask, dims, offsets: place(i) })
  }
  return chunks
}

function tree2Chunks(file: Hdf5File, address: number | undefined, chunkBytes: number, dims: readonly number[]): Chunk[] {
  const chunks: Chunk[] = []
  if (address === undefined) return chunks
  const filtered = file.bytes[cursorAt(file, address + 5, 1).at] === 11
  walkTree2(file, address, (record) => {
    const at = requiredAddress(record, 'a chunk')
    const sizeBytes = record.end - record.at - 4 - 8 * dims.length
    const bytes = filtered ? uint(record, sizeBytes) : chunkBytes
    const mask = filtered ? u32(record) : 0
    chunks.push({ address: at, bytes, mask, dims, offsets: dims.map((dim) => uint(record, 8) * dim) })
  })
  return chunks
}
