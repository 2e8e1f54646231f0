// Raw bytes of a chunk -> stored bytes: the smaller of filtered and not, or as they are where nothing is gained.
import { MleError } from '../../error.ts'
import { hostCompress } from '../../platform/compress.ts'
import { sha256 } from '../../platform/sha256.ts'
import { equalBytes } from '../bytes.ts'
import type { GridCell } from '../chunks.ts'
import type { StoredChunk } from '../encode-chunks.ts'
import { CODEC_BROTLI, CODEC_LZ4, CODEC_NONE, CODEC_ZSTD, FILTER_NONE, FILTER_SHUFFLE } from '../layout.ts'
import { encodeLz4Block } from './lz4-encode.ts'
import { shuffle } from './shuffle.ts'
import { decodeZstd, zstdFrameBytes } from './zstd.ts'

export type Compressor = 'lz4' | 'zstd' | 'brotli'

const CODEC_NUMBERS: ReadonlyMap<Compressor, number> = /* @__PURE__ */ new Map([['lz4', CODEC_LZ4], ['zstd', CODEC_ZSTD], ['brotli', CODEC_BROTLI]])

/**
 * Cuts and compresses decoded weights.
 *
 * @throws MleError FORMAT_CODEC_WRITE where the host cannot write the codec
 */
export function compressChunks(codec: Compressor, grid: readonly GridCell[], weights: Uint8Array): StoredChunk[] {
  return grid.map(({ offset, byteLength, elementBytes }) => {
    const raw = weights.subarray(offset, offset + byteLength)
    return { ...compressChunk(codec, raw, elementBytes), elementBytes, rawBytes: byteLength, rawSha256: sha256(raw) }
  })
}

function compressChunk(codec: Compressor, raw: Uint8Array, elementBytes: number): { codec: number; filter: number; stored: Uint8Array } {
  const number = CODEC_NUMBERS.get(codec) ?? CODEC_NONE
  let best = { codec: CODEC_NONE, filter: FILTER_NONE, stored: raw }
  for (const filter of elementBytes > 1 ? [FILTER_NONE, FILTER_SHUFFLE] : [FILTER_NONE]) {
    const stored = compress(codec, filter === FILTER_SHUFFLE ? shuffle(raw, elementBytes) : raw)
    if (stored !== undefined && stored.length < best.stored.length) best = { codec: number, filter, stored }
  }
  return best
}

function compress(codec: Compressor, raw: Uint8Array): Uint8Array | undefined {
  if (codec === 'lz4') return encodeLz4Block(raw)
  const stored = hostCompress(codec, raw)
  if (stored === undefined) {
    throw new MleError('FORMAT_CODEC_WRITE', `this runtime cannot write ${codec}, only read it; use lz4, or ${codec === 'zstd' ? 'Node 22.15 or later' : 'Node, Deno or Bun'}`, { expected: 'lz4', actual: codec })
  }
  return codec === 'zstd' ? oneFrame(stored, raw) : stored
}

/** Deno ends what it writes with an empty frame, which a chunk must not have. */
function oneFrame(stored: Uint8Array, raw: Uint8Array): Uint8Array {
  const frame = stored.subarray(0, zstdFrameBytes(stored, raw.length))
  if (frame.length < stored.length) {
    const decoded = new Uint8Array(raw.length)
    decodeZstd(frame, decoded)
    if (!equalBytes(decoded, raw)) throw new MleError('FORMAT_CODEC_WRITE', 'the zstd encoder of this runtime spreads data over several frames; use lz4 or brotli', { expected: 'lz4', actual: 'zstd' })
  }
  return frame
}
