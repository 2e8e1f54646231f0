// The chunk table: how the weights are cut, and the sums over each piece.
import { MleError } from '../error.ts'
import { bytesPerElement, type DType } from '../tensor/dtype.ts'
import { crc32 } from '../platform/crc32.ts'
import type { Hash } from '../platform/sha256.ts'
import { equalBytes, firstNonZero, readU64, viewOf } from './bytes.ts'
import { alignUp, CHUNK_BYTES, CHUNK_ENTRY_BYTES, CODEC_NONE, FILTER_NONE, TAG_BYTES } from './layout.ts'
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
 * @param sealed the weights are encrypted
 * @throws MleError FORMAT_CHUNK, FORMAT_CODEC, FORMAT_RESERVED, FORMAT_LIMIT
 */
export function decodeChunks(bytes: Uint8Array, fileOffset: number, grid: readonly GridCell[], weightsBytes: number, container: Container, limits: Limits, sealed: boolean = false): Chunk[] {
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
    checkEntry(chunk, grid[i], i, fileOffset, container, sealed)
    chunks[i] = chunk
    storedOffset += chunk.storedBytes
    rawOffset += chunk.rawBytes
    if (storedOffset > weightsBytes) break
  }
  if (storedOffset !== weightsBytes) {
    throw new MleError('FORMAT_CHUNK', `the chunks hold ${storedOffset} stored bytes, the weights section ${weightsBytes}`, { section: 'chunks', offset: fileOffset, expected: weightsBytes, actual: storedOffset })
  }
  if (container.compressed && storedPlain(chunks)) {
    throw new MleError('FORMAT_CODEC', 'the features say that the file is compressed, but no chunk is', { section: 'chunks', offset: fileOffset })
  }
  const allowed = 16777216 + limits.maxExpansion * storedOffset
  if (rawOffset !== storedOffset && rawOffset > allowed) {
    throw new MleError('FORMAT_LIMIT', `${storedOffset} stored bytes claim to hold ${rawOffset}, more than the limit of ${limits.maxExpansion} times as much`, { section: 'chunks', offset: fileOffset, expected: allowed, actual: rawOffset })
  }
  return chunks
}

export function decodeEntry(bytes: Uint8Array, view: DataView, index: number, fileOffset: number, storedOffset: number, rawOffset: number): Chunk {
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

function checkEntry(chunk: Chunk, cell: GridCell, index: number, fileOffset: number, container: Container, sealed: boolean): void {
  const offset = fileOffset + index * CHUNK_ENTRY_BYTES
  const { codec, filter, elementBytes, rawBytes } = chunk
  if (codec >= CODECS.length || filter > 1 || (filter !== FILTER_NONE && (codec === CODEC_NONE || elementBytes === 1))) {
    throw new MleError('FORMAT_CODEC', `chunk ${index} has codec ${codec} and filter ${filter}, of which this reader does not know one, or which may not stand together`, { section: 'chunks', offset, actual: codec })
  }
  if (codec !== CODEC_NONE && !container.compressed) {
    throw new MleError('FORMAT_CODEC', `chunk ${index} has codec ${codecName(codec)}, but the features do not say that the file is compressed`, { section: 'chunks', offset, actual: codec })
  }
  if (rawBytes !== cell.byteLength || elementBytes !== cell.elementBytes) {
    throw new MleError('FORMAT_CHUNK', `chunk ${index} holds ${rawBytes} bytes of ${elementBytes}-byte elements, the tensors need ${cell.byteLength} of ${cell.elementBytes}`, {
      section: 'chunks', offset, expected: cell.byteLength, actual: rawBytes,
    })
  }
  const payload = chunk.storedBytes - (sealed ? TAG_BYTES : 0)
  if (codec === CODEC_NONE ? payload !== rawBytes : payload >= rawBytes || payload < 1) {
    throw new MleError('FORMAT_CHUNK', `chunk ${index} stores ${payload} bytes for ${rawBytes}: without a codec as many are needed, with one fewer`, { section: 'chunks', offset, expected: rawBytes, actual: payload })
  }
  if (sealed && firstNonZero(chunk.rawSha256, 0, 32) >= 0) {
    throw new MleError('FORMAT_RESERVED', `chunk ${index} is encrypted, but tells the hash of its content`, { section: 'chunks', offset: offset + 64, expected: 0 })
  }
}

/** True when the stored weights are the decoded ones. */
export function storedPlain(chunks: readonly { readonly codec: number }[]): boolean {
  return chunks.every(({ codec }) => codec === CODEC_NONE)
}

/** Checks the sums of the stored bytes of all chunks, which stand one after the other. `weightsOffset` is where they start in the file, for messages. */
export function checkChunks(chunks: readonly Chunk[], stored: Uint8Array, weightsOffset: number, hash: Hash | undefined): void {
  for (let i = 0; i < chunks.length; i++) {
    const { storedOffset, storedBytes } = chunks[i]
    checkChunk(chunks[i], i, stored.subarray(storedOffset, storedOffset + storedBytes), weightsOffset, hash)
  }
}

/** Checks the sums of the stored bytes of one chunk. */
export function checkChunk(chunk: Chunk, index: number, bytes: Uint8Array, weightsOffset: number, hash: Hash | undefined): void {
  const actual = crc32(bytes)
  const offset = weightsOffset + chunk.storedOffset
  if (actual !== chunk.crc32) {
    throw new MleError('FORMAT_CRC32', `weights: chunk ${index} is damaged: its CRC-32 is ${actual}, the chunk table says ${chunk.crc32}`, { section: 'weights', offset, expected: chunk.crc32, actual })
  }
  if (hash === undefined) return
  const sum = hash(bytes)
  // Where nothing was compressed or encrypted, the second hash is over the same bytes.
  const plain = chunk.codec === CODEC_NONE && bytes.length === chunk.rawBytes
  if (!equalBytes(sum, chunk.sha256) || (plain && !equalBytes(sum, chunk.rawSha256))) throw wrongHash(index, offset)
}

/** The error for bytes of a chunk that are not those of its hash. */
export function wrongHash(index: number, offset: number): MleError {
  return new MleError('FORMAT_SHA256', `weights: chunk ${index} does not have the SHA-256 that the chunk table says`, { section: 'weights', offset })
}
