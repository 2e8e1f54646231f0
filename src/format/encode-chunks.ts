// Chunks and their table, written.
import { MleError } from '../error.ts'
import { crc32 } from '../platform/crc32.ts'
import { sha256 } from '../platform/sha256.ts'
import { viewOf, writeU64 } from './bytes.ts'
import { decodeEntry, type GridCell } from './chunks.ts'
import { CHUNK_ENTRY_BYTES, CODEC_NONE, FILTER_NONE } from './layout.ts'

/** A chunk as a writer makes it. */
export interface StoredChunk {
  readonly codec: number
  readonly filter: number
  readonly elementBytes: number
  readonly rawBytes: number
  readonly stored: Uint8Array
  /** All zero when encrypted. */
  readonly rawSha256: Uint8Array
}

/** The chunk table of these chunks. */
export function encodeChunkTable(chunks: readonly StoredChunk[]): Uint8Array {
  const bytes = new Uint8Array(chunks.length * CHUNK_ENTRY_BYTES)
  const view = viewOf(bytes)
  chunks.forEach(({ codec, filter, elementBytes, rawBytes, stored, rawSha256 }, i) => {
    const at = i * CHUNK_ENTRY_BYTES
    bytes.set([codec, filter, elementBytes], at)
    view.setUint32(at + 4, crc32(stored), true)
    writeU64(view, at + 8, stored.length)
    writeU64(view, at + 16, rawBytes)
    bytes.set(codec === CODEC_NONE && stored.length === rawBytes ? rawSha256 : sha256(stored), at + 32)
    bytes.set(rawSha256, at + 64)
  })
  return bytes
}

/**
 * The chunks of a weights section by its table alone, for who copies them and does not look inside.
 *
 * @throws MleError FORMAT_CHUNK, FORMAT_RESERVED, FORMAT_LIMIT
 */
export function cutChunks(table: Uint8Array, weights: Uint8Array): StoredChunk[] {
  const view = viewOf(table)
  const chunks: StoredChunk[] = []
  let at = 0
  for (let i = 0; (i + 1) * CHUNK_ENTRY_BYTES <= table.length; i++) {
    const { codec, filter, elementBytes, rawBytes, storedBytes, rawSha256 } = decodeEntry(table, view, i, 0, at, 0)
    chunks.push({ codec, filter, elementBytes, rawBytes, stored: weights.subarray(at, at + storedBytes), rawSha256 })
    at += storedBytes
    if (at > weights.length) break
  }
  if (at !== weights.length || chunks.length * CHUNK_ENTRY_BYTES !== table.length) {
    throw new MleError('FORMAT_CHUNK', `the chunks hold ${at} stored bytes, the weights section ${weights.length}`, { section: 'chunks', expected: weights.length, actual: at })
  }
  return chunks
}

/** Uncompressed weights cut into chunks: views. */
export function plainChunks(grid: readonly GridCell[], weights: Uint8Array): StoredChunk[] {
  return grid.map(({ offset, byteLength, elementBytes }) => {
    const stored = weights.subarray(offset, offset + byteLength)
    return { codec: CODEC_NONE, filter: FILTER_NONE, elementBytes, rawBytes: byteLength, stored, rawSha256: sha256(stored) }
  })
}
