// Stored bytes of a chunk -> its raw bytes: each codec by the host where it can, else by the decoders of this folder, which load when
// they are needed. Both take the same streams: exactly the stored bytes, exactly the raw bytes, windows within the limits.
import { MleError } from '../../error.ts'
import { hostDecompress } from '../../platform/compress.ts'
import { CODEC_LZ4, CODEC_NONE, CODEC_ZSTD, FILTER_SHUFFLE } from '../layout.ts'
import { unshuffle } from './shuffle.ts'

/** How a chunk was made from its raw bytes. */
export interface Coding {
  readonly codec: number
  readonly filter: number
  readonly elementBytes: number
}

/**
 * Decodes one chunk.
 *
 * @param payload its stored bytes, checked and decrypted
 * @param out raw bytes, filled exactly
 * @param place chunk and offset, for messages
 * @throws MleError FORMAT_DECODE
 */
export async function decodeChunk({ codec, filter, elementBytes }: Coding, payload: Uint8Array, out: Uint8Array, place: { readonly index: number; readonly offset: number }): Promise<void> {
  if (codec === CODEC_NONE) return out.set(payload)
  const target = filter === FILTER_SHUFFLE ? new Uint8Array(out.length) : out
  try {
    if (codec === CODEC_LZ4) (await import('./lz4-block.ts')).fillFromLz4Block(payload, target)
    else if (codec === CODEC_ZSTD) await fromZstd(payload, target)
    else await fromBrotli(payload, target)
  } catch (error) {
    throw decodeError(error, place)
  }
  if (target !== out) unshuffle(target, elementBytes, out)
}

function decodeError(error: unknown, { index, offset }: { readonly index: number; readonly offset: number }): MleError {
  return new MleError('FORMAT_DECODE', `weights: chunk ${index} cannot be decoded: ${error instanceof Error ? error.message : String(error)}`, { section: 'weights', offset })
}

async function fromZstd(payload: Uint8Array, out: Uint8Array): Promise<void> {
  const { checkZstdFrame, decodeZstd } = await import('./zstd.ts')
  // The host would take several frames, frames to skip and larger windows.
  checkZstdFrame(payload, out.length)
  const found = hostDecompress('zstd', payload, out.length)
  if (found === undefined) decodeZstd(payload, out)
  else out.set(found)
}

async function fromBrotli(payload: Uint8Array, out: Uint8Array): Promise<void> {
  const found = hostDecompress('brotli', payload, out.length)
  if (found !== undefined) return out.set(found)
  const { decodeBrotli, NeedsDictionary } = await import('./brotli.ts')
  try {
    decodeBrotli(payload, out)
  } catch (error) {
    if (!(error instanceof NeedsDictionary)) throw error
    // Weights seldom refer to words, so that their 60 kB load on demand.
    decodeBrotli(payload, out, await (await import('./brotli-dictionary.ts')).brotliDictionary())
  }
}
