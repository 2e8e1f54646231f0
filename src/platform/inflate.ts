// Inflate through the host: zlib where the runtime has it (synchronous), else DecompressionStream. Both stop at a limit of the caller's.
import { MleError } from '../error.ts'
import { plainBytes } from '../tensor/bytes.ts'
import { hostZlib, type HostInflate } from './host.ts'

export type InflateFormat = 'zlib' | 'gzip' | 'deflate-raw'

const CHUNK_BYTES = 256 * 1024
/** Node's own cap on the option. */
const MAX_OUTPUT_OPTION = 0xffffffff

function dataError(format: InflateFormat, reason: unknown): MleError {
  return new MleError('CODEC_DATA', `${format}: the compressed data is damaged or cut short (${reason instanceof Error ? reason.message : String(reason)})`, { section: format })
}

/** The error of every decoder whose output passes its limit. */
export function codecLimitError(codec: string, maxBytes: number): MleError {
  return new MleError('CODEC_LIMIT', `${codec}: decompressed data exceeds ${maxBytes} bytes; raise the limit if you trust the file`, { section: codec, expected: maxBytes })
}

/**
 * Inflates where the host can do so synchronously; undefined where it cannot (browsers): use `inflate` there.
 *
 * @throws MleError CODEC_DATA, CODEC_LIMIT past `maxBytes`, CODEC_TRAILING for bytes after the stream
 */
export function inflateSync(bytes: Uint8Array, format: InflateFormat, maxBytes: number): Uint8Array | undefined {
  const zlib = hostZlib()
  if (zlib === undefined) return undefined
  const run: HostInflate = format === 'zlib' ? zlib.inflateSync : format === 'gzip' ? zlib.gunzipSync : zlib.inflateRawSync
  let result: ReturnType<HostInflate>
  try {
    result = run(bytes, { maxOutputLength: Math.max(1, Math.min(maxBytes, MAX_OUTPUT_OPTION)), chunkSize: CHUNK_BYTES, info: true })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw codecLimitError(format, maxBytes)
    throw dataError(format, error)
  }
  const out = result instanceof Uint8Array ? result : result.buffer
  const used = result instanceof Uint8Array ? undefined : result.engine.bytesWritten
  if (out.length > maxBytes) throw codecLimitError(format, maxBytes)
  if (used !== undefined && used !== bytes.length) {
    throw new MleError('CODEC_TRAILING', `${format}: ${bytes.length - used} bytes follow the end of the compressed data`, { section: format, offset: used })
  }
  return plainBytes(out)
}

/** Inflates on any host. A gzip file of several members is read only where zlib is. Errors as `inflateSync`. */
export async function inflate(bytes: Uint8Array, format: InflateFormat, maxBytes: number): Promise<Uint8Array> {
  return inflateSync(bytes, format, maxBytes) ?? (await inflateStream(bytes, format, maxBytes))
}

/** The DecompressionStream path of `inflate`. */
export async function inflateStream(bytes: Uint8Array, format: InflateFormat, maxBytes: number): Promise<Uint8Array> {
  const source = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream(format === 'zlib' ? 'deflate' : format))
  const reader = source.getReader()
  const chunks: Uint8Array[] = []
  let total = 0
  for (;;) {
    let next: ReadableStreamReadResult<Uint8Array>
    try {
      next = await reader.read()
    } catch (error) {
      throw dataError(format, error)
    }
    if (next.done) break
    total += next.value.length
    if (total > maxBytes) {
      await reader.cancel()
      throw codecLimitError(format, maxBytes)
    }
    chunks.push(next.value)
  }
  const out = new Uint8Array(total)
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
