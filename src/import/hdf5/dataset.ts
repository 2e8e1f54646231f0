// Datasets: where their bytes lie, whole or in chunks.
import type { Tensor } from '../../tensor/index.ts'
import { chunksOf, type Chunk } from './chunks.ts'
import { elementCount, readDataspace } from './dataspace.ts'
import { decodeElements, readDatatype, type Datatype } from './datatype.ts'
import { addressOf, bytesOf, cursorAt, hdf5Error, length, take, u16, u32, u8, type Cursor } from './file.ts'
import { readFilters, unfilter, type Filter } from './filters.ts'
import { MESSAGE, messageOf, type Hdf5Object } from './header.ts'

/** Deflate stores at least one byte for this many; unwritten chunks are rarer than that in any real file. */
const MAX_RATIO = 1100
const FREE_BYTES = 1 << 20

export function isDataset(object: Hdf5Object): boolean {
  return object.messages.some((message) => message.type === MESSAGE.layout)
}

function required(object: Hdf5Object, type: number, what: string): Cursor {
  const found = messageOf(object, type)
  if (found === undefined) throw hdf5Error('HDF5_STRUCTURE', `the dataset at address ${object.address} has no ${what}; the file is damaged`, object.address)
  return found
}

/** The whole dataset as a tensor. Throws HDF5_DATATYPE, HDF5_LAYOUT, HDF5_FILTER, HDF5_CHECKSUM, HDF5_OFFSET, HDF5_LIMIT, CODEC_*. */
export async function readDataset(object: Hdf5Object): Promise<Tensor> {
  const { file } = object
  const type = readDatatype(required(object, MESSAGE.datatype, 'type'))
  const shape = readDataspace(required(object, MESSAGE.dataspace, 'shape')) ?? [0]
  const count = elementCount(shape, Math.ceil((file.bytes.length * MAX_RATIO + FREE_BYTES) / type.bytes), object.address)
  const layout = required(object, MESSAGE.layout, 'layout')
  const bytes = await layoutBytes(object, layout, type, shape, count * type.bytes)
  return decodeElements(file, type, shape, count, bytes)
}

async function layoutBytes(object: Hdf5Object, layout: Cursor, type: Datatype, shape: readonly number[], bytes: number): Promise<Uint8Array> {
  const { file } = object
  const start = layout.at
  const version = u8(layout)
  if (version < 1 || version > 4) throw hdf5Error('HDF5_VERSION', `a layout has version ${version}, expected 1 to 4`, start)
  if (version < 3) return oldLayoutBytes(object, layout, type, shape, bytes)
  const kind = u8(layout)
  if (kind === 0) {
    const size = u16(layout)
    return wanted(bytesOf(layout, size), bytes, object)
  }
  if (kind === 1) {
    const address = addressOf(layout)
    return contiguous(object, address, length(layout), bytes)
  }
  if (kind !== 2) throw hdf5Error('HDF5_LAYOUT', `the dataset at address ${object.address} is ${kind === 3 ? 'virtual: its numbers lie in other files' : `of layout ${kind}`}, which is not read`, start)
  const filters = filtersOf(object)
  return assemble(object, chunksOf(file, layout, version, type.bytes, shape, filters.length > 0), filters, type, shape, bytes)
}

/** Versions 1 and 2, which HDF5 wrote before 1.6.3. */
function oldLayoutBytes(object: Hdf5Object, layout: Cursor, type: Datatype, shape: readonly number[], bytes: number): Uint8Array | Promise<Uint8Array> {
  const rank = u8(layout)
  const kind = u8(layout)
  take(layout, 5)
  const address = kind === 0 ? undefined : addressOf(layout)
  const dims = Array.from({ length: rank }, () => u32(layout))
  if (kind === 0) return wanted(bytesOf(layout, u32(layout)), bytes, object)
  if (kind === 1) return contiguous(object, address, bytes, bytes)
  if (kind !== 2) throw hdf5Error('HDF5_LAYOUT', `the dataset at address ${object.address} is of layout ${kind}, which is not read`, layout.at)
  const filters = filtersOf(object)
  return assemble(object, chunksOf(object.file, { tree: address, dims: dims.slice(0, -1) }, 1, type.bytes, shape, false), filters, type, shape, bytes)
}

function filtersOf(object: Hdf5Object): Filter[] {
  const message = messageOf(object, MESSAGE.filters)
  return message === undefined ? [] : readFilters(message)
}

function wanted(found: Uint8Array, bytes: number, object: Hdf5Object): Uint8Array {
  if (found.length < bytes) throw hdf5Error('HDF5_OFFSET', `the dataset at address ${object.address} needs ${bytes} bytes, ${found.length} are stored; the file is damaged`, object.address)
  return found.subarray(0, bytes)
}

function contiguous(object: Hdf5Object, address: number | undefined, stored: number, bytes: number): Uint8Array {
  // Never written: the fill value, which Keras leaves at zero.
  if (address === undefined) return new Uint8Array(limited(bytes, object))
  if (stored < bytes) throw hdf5Error('HDF5_OFFSET', `the dataset at address ${object.address} needs ${bytes} bytes, ${stored} are stored; the file is damaged`, object.address)
  return bytesOf(cursorAt(object.file, address, bytes), bytes)
}

function limited(bytes: number, object: Hdf5Object): number {
  if (bytes > object.file.bytes.length * MAX_RATIO + FREE_BYTES) throw hdf5Error('HDF5_LIMIT', `the dataset at address ${object.address} has ${bytes} bytes, more than the file can hold`, object.address)
  return bytes
}

async function assemble(object: Hdf5Object, chunks: readonly Chunk[], filters: readonly Filter[], type: Datatype, shape: readonly number[], bytes: number): Promise<Uint8Array> {
  const { file } = object
  const result = new Uint8Array(limited(bytes, object))
  for (const chunk of chunks) {
    const chunkBytes = chunk.dims.reduce((product, dim) => product * dim, type.bytes)
    if (chunkBytes > file.bytes.length * MAX_RATIO + FREE_BYTES) throw hdf5Error('HDF5_LIMIT', `a chunk of [${chunk.dims.join(', ')}] has more elements than the file can hold; it is damaged`, chunk.address)
    const stored = bytesOf(cursorAt(file, chunk.address, chunk.bytes), chunk.bytes)
    const raw = filters.length === 0 ? stored : await unfilter(stored, filters, chunk.mask, chunkBytes, type.bytes)
    if (raw.length < chunkBytes) throw hdf5Error('HDF5_OFFSET', `a chunk has ${raw.length} bytes, expected ${chunkBytes}; the file is damaged`, chunk.address)
    copyChunk(raw, chunk, result, shape, type.bytes)
  }
  return result
}

// chunk [c0, c1, ...] row-major -> its place in result [s0, s1, ...]; what passes an edge is left out
function copyChunk(raw: Uint8Array, { dims, offsets }: Chunk, result: Uint8Array, shape: readonly number[], elementBytes: number): void {
  const rank = shape.length
  if (rank === 0) {
    result.set(raw.subarray(0, elementBytes))
    return
  }
  const counts = dims.map((dim, axis) => Math.min(dim, shape[axis] - offsets[axis]))
  if (counts.some((count) => count <= 0)) return
  const last = rank - 1
  const index = new Array<number>(rank).fill(0)
  const rowBytes = counts[last] * elementBytes
  for (;;) {
    let from = 0
    let to = 0
    for (let axis = 0; axis < rank; axis++) {
      from = from * dims[axis] + index[axis]
      to = to * shape[axis] + offsets[axis] + index[axis]
    }
    result.set(raw.subarray(from * elementBytes, from * elementBytes + rowBytes), to * elementBytes)
    let axis = last - 1
    while (axis >= 0 && ++index[axis] === counts[axis]) index[axis--] = 0
    if (axis < 0) return
  }
}
