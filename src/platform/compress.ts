// The host's own compressors and decompressors for brotli and zstd, where it has them. They report how much of their input they used,
// or they are not used: data after the end must not pass.
import { hostZlib, type HostInflate } from './host.ts'

export type HostCodec = 'zstd' | 'brotli'

/**
 * Decompresses by the host.
 *
 * @param rawBytes how many bytes there must be
 * @returns undefined where the host has no such decompressor
 * @throws Error of the host for damaged data; RangeError for another length of input or output
 */
export function hostDecompress(codec: HostCodec, bytes: Uint8Array, rawBytes: number): Uint8Array | undefined {
  const zlib = hostZlib()
  const run: HostInflate | undefined = codec === 'zstd' ? zlib?.zstdDecompressSync : zlib?.brotliDecompressSync
  if (run === undefined) return undefined
  const result = run(bytes, { maxOutputLength: Math.max(1, rawBytes), chunkSize: 262144, info: true })
  if (result instanceof Uint8Array || result.engine.bytesWritten === undefined) return undefined
  if (result.engine.bytesWritten !== bytes.length) throw new RangeError(`${bytes.length - result.engine.bytesWritten} bytes after the end`)
  if (result.buffer.length !== rawBytes) throw new RangeError(`${result.buffer.length} bytes, expected ${rawBytes}`)
  return result.buffer
}

// Levels beyond these cost many times more for a few percent of weights.
const ZSTD_LEVEL = 15
const BROTLI_QUALITY = 9

/** Compresses by the host; undefined where it cannot. */
export function hostCompress(codec: HostCodec, bytes: Uint8Array): Uint8Array | undefined {
  const zlib = hostZlib()
  const constants = zlib?.constants ?? {}
  if (codec === 'zstd') return zlib?.zstdCompressSync?.(bytes, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } })
  return zlib?.brotliCompressSync?.(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } })
}
