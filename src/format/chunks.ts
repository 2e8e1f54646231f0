// The chunk table: how the weights are cut, and the sums over each piece.
import { MleError } from '../error.ts'
import { bytesPerElement, type DType } from '../tensor/dtype.ts'
import { crc32 } from '../platform/crc32.ts'
import { sha256 } from '../platform/sha256.ts'
import { equalBytes, readU64, viewOf, writeU64 } from './bytes.ts'
import { alignUp, CHUNK_BYTES, CHUNK_ENTRY_BYTES, CODEC_NONE, FILTER_NONE } from './layout.ts'
import type { Limits } from './limits.ts'
import type { Chunk, CodecName, Container } from './types.ts'

/** A range of the decoded weights that is checked and stored as one piece. */
export interface GridCell {
  readonly offset: number
  byteLength: number
  readonly elementBytes: number
}

/** Cuts the decoded weights as docs/format.md, section 8 says: the same for every writer. */
export function chunkGrid(table: readonly { readonly dtype: DType; readonly offset: number; readonly byteLength: number }[]): GridCell[] {
  const cells: GridCell[] = []
  // The dtype whose small tensors may join the last cell.
  let open: DType | undefined
  for (const { dtype, offset, byteLength } of table) {
    if (byteLength === 0) continue
    const size = alignUp(byteLength)
    const elementBytes = dtype === 'string' ? 1 : bytesPerElement(dtype)
    if (byteLength >= CHUNK_BYTES) {
      for (let at = 0; at < size; at += CHUNK_BYTES) cells.push({ offset: offset + at, byteLength: Math.min(CHUNK_BYTES, size - at), elementBytes })
      open = undefined
      continue
    }
    const last = cells[cells.length - 1]
    if (open === dtype && last.byteLength + size <= CHUNK_BYTES) last.byteLength += size
    else cells.push({ offset, byteLength: size, elementBytes })
    open = dtype
  }
  return cells
}

const CODECS: readonly CodecName[] = ['none', 'lz4', 'zstd', 'brotli']

export function codecName(codec: number): CodecName {
  return CODECS[codec]
}

/**
 * Reads the chunk table and matches it with the grid and the weights section.
 *
 * @param fileOffset where the section starts
 * @param weightsBytes length of the weights section
 * @throws MleError FORMAT_CHUNK, FORMAT_CODEC, FORMAT_RESERVED, FORMAT_LIMIT
 */
export function decodeChunks(bytes: Uint8Array, fileOffset: number, grid: readonly GridCell[], weightsBytes: number, container: Container, limits: Limits): Chunk[] {
  if (bytes.length !== grid.length * CHUNK_ENTRY_BYTES) {
    throw new MleError('FORMAT_CHUNK', `the chunk table has ${bytes.length} bytes, the tensors need ${grid.length} chunks of ${CHUNK_ENTRY_BYTES} bytes each`, {
      section: 'chunks', offset: fileOffset, expected: grid.length * CHUNK_ENTRY_BYTES, actual: bytes.length,
    })
  }
  const view = viewOf(bytes)
  const chunks = new Array<Chunk>(grid.length)
  let storedOffset = 0
  let rawOffset = 0
  for (let i = 0; i < grid.length; i++) {
    const chunk = decodeEntry(bytes, view, i, fileOffset, storedOffset, rawOffset)
    checkEntry(chunk, grid[i], i, fileOffset, container)
    chunks[i] = chunk
    storedOffset += chunk.storedBytes
    rawOffset += chunk.rawBytes
    if (storedOffset > weightsBytes) break
  }
  if (storedOffset !== weightsBytes) {
    throw new MleError('FORMAT_CHUNK', `the chunks hold ${storedOffset} stored bytes, the weights section ${weightsBytes}`, { section: 'chunks', offset: fileOffset, expected: weightsBytes, actual: storedOffset })
  }
  if (container.compressed !== chunks.some((chunk) => chunk.codec !== CODEC_NONE)) {
    throw new MleError('FORMAT_CODEC', `the features say that chunks are ${container.compressed ? '' : 'not '}compressed, the chunk table does not`, { section: 'chunks', offset: fileOffset })
  }
  const allowed = 16777216 + limits.maxExpansion * storedOffset
  if (rawOffset !== storedOffset && rawOffset > allowed) {
    throw new MleError('FORMAT_LIMIT', `${storedOffset} stored bytes claim to hold ${rawOffset}, more than the limit of ${limits.maxExpansion} times as much`, { section: 'chunks', offset: fileOffset, expected: allowed, actual: rawOffset })
  }
  return chunks
}

function decodeEntry(bytes: Uint8Array, view: DataView, index: number, fileOffset: number, storedOffset: number, rawOffset: number): Chunk {
  const at = index * CHUNK_ENTRY_BYTES
  const reserved = bytes[at + 3] !== 0 || view.getUint32(at + 24, true) !== 0 || view.getUint32(at + 28, true) !== 0
  if (reserved) throw new MleError('FORMAT_RESERVED', `chunk ${index}: a reserved byte is not 0`, { section: 'chunks', offset: fileOffset + at, expected: 0 })
  return {
    codec: bytes[at],
    filter: bytes[at + 1],
    elementBytes: bytes[at + 2],
    crc32: view.getUint32(at + 4, true),
    storedOffset,
    storedBytes: readU64(view, at + 8, fileOffset, 'chunks'),
    rawOffset,
    rawBytes: readU64(view, at + 16, fileOffset, 'chunks'),
    sha256: bytes.subarray(at + 32, at + 64),
    rawSha256: bytes.subarray(at + 64, at + 96),
  }
}

function checkEntry(chunk: Chunk, cell: GridCell, index: number, fileOffset: number, container: Container): void {
  const offset = fileOffset + index * CHUNK_ENTRY_BYTES
  if (chunk.codec >= CODECS.length || chunk.filter > 1) {
    throw new MleError('FORMAT_CODEC', `chunk ${index} has codec ${chunk.codec} and filter ${chunk.filter}, of which this reader does not know one`, { section: 'chunks', offset, actual: chunk.codec })
  }
  if (chunk.rawBytes !== cell.byteLength || chunk.elementBytes !== cell.elementBytes) {
    throw new MleError('FORMAT_CHUNK', `chunk ${index} holds ${chunk.rawBytes} bytes of ${chunk.elementBytes}-byte elements, the tensors need ${cell.byteLength} of ${cell.elementBytes}`, {
      section: 'chunks', offset, expected: cell.byteLength, actual: chunk.rawBytes,
    })
  }
  if (chunk.codec === CODEC_NONE && !container.encrypted && chunk.storedBytes !== chunk.rawBytes) {
    throw new MleError('FORMAT_CHUNK', `chunk ${index} is not compressed, but stores ${chunk.storedBytes} bytes for ${chunk.rawBytes}`, { section: 'chunks', offset, expected: chunk.rawBytes, actual: chunk.storedBytes })
  }
}

/** Refuses what the format allows and this version cannot decode. */
export function requireUncompressed(chunks: readonly Chunk[], fileOffset: number): void {
  for (let i = 0; i < chunks.length; i++) {
    const { codec, filter } = chunks[i]
    if (codec === CODEC_NONE && filter === FILTER_NONE) continue
    throw new MleError('FORMAT_CODEC', `chunk ${i} has codec ${codecName(codec)} and filter ${filter}, which this version of mle-runtime does not read; write the file with codec none`, {
      section: 'chunks', offset: fileOffset + i * CHUNK_ENTRY_BYTES, expected: CODEC_NONE, actual: codec,
    })
  }
}

/** Checks the sums of the stored bytes. `weightsOffset` is where they start in the file, for messages. */
export function checkChunks(chunks: readonly Chunk[], stored: Uint8Array, weightsOffset: number, hashes: boolean): void {
  for (let i = 0; i < chunks.length; i++) {
    const chunk = chunks[i]
    const bytes = stored.subarray(chunk.storedOffset, chunk.storedOffset + chunk.storedBytes)
    const actual = crc32(bytes)
    const offset = weightsOffset + chunk.storedOffset
    if (actual !== chunk.crc32) {
      throw new MleError('FORMAT_CRC32', `weights: chunk ${i} is damaged: its CRC-32 is ${actual}, the chunk table says ${chunk.crc32}`, { section: 'weights', offset, expected: chunk.crc32, actual })
    }
    if (!hashes) continue
    const hash = sha256(bytes)
    if (!equalBytes(hash, chunk.sha256) || (chunk.codec === CODEC_NONE && chunk.filter === FILTER_NONE && !equalBytes(hash, chunk.rawSha256))) {
      throw new MleError('FORMAT_SHA256', `weights: chunk ${i} does not have the SHA-256 that the chunk table says`, { section: 'weights', offset })
    }
  }
}

/** The chunk table of uncompressed weights. */
export function encodeChunks(grid: readonly GridCell[], weights: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(grid.length * CHUNK_ENTRY_BYTES)
  const view = viewOf(bytes)
  grid.forEach((cell, i) => {
    const at = i * CHUNK_ENTRY_BYTES
    const raw = weights.subarray(cell.offset, cell.offset + cell.byteLength)
    const hash = sha256(raw)
    bytes[at + 2] = cell.elementBytes
    view.setUint32(at + 4, crc32(raw), true)
    writeU64(view, at + 8, cell.byteLength)
    writeU64(view, at + 16, cell.byteLength)
    bytes.set(hash, at + 32)
    bytes.set(hash, at + 64)
  })
  return bytes
}
