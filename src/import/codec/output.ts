// Output of decoders that do not know their size: one buffer that doubles up to a limit, so that back-references are plain copies.
import { MleError } from '../../error.ts'
import { codecLimitError } from '../../platform/inflate.ts'

export interface DecodeOutput {
  bytes: Uint8Array
  length: number
  readonly limit: number
  readonly codec: string
}

export function createOutput(codec: string, limit: number, expectedBytes: number): DecodeOutput {
  return { bytes: new Uint8Array(Math.min(limit, Math.max(expectedBytes, 1024))), length: 0, limit, codec }
}

/** Makes room for `extra` more bytes; throws CODEC_LIMIT past the limit. */
export function reserve(output: DecodeOutput, extra: number): void {
  const needed = output.length + extra
  if (needed <= output.bytes.length) return
  if (needed > output.limit) throw codecLimitError(output.codec, output.limit)
  const grown = new Uint8Array(Math.min(output.limit, Math.max(needed, output.bytes.length * 2)))
  grown.set(output.bytes.subarray(0, output.length))
  output.bytes = grown
}

export function finishOutput(output: DecodeOutput): Uint8Array {
  return output.bytes.subarray(0, output.length)
}

export function codecError(codec: string, offset: number, what: string): MleError {
  return new MleError('CODEC_DATA', `${codec} at byte ${offset}: ${what}`, { section: codec, offset })
}

export function checksumError(codec: string, offset: number, what: string): MleError {
  return new MleError('CODEC_CHECKSUM', `${codec} at byte ${offset}: the checksum of ${what} does not match; the file is damaged`, { section: codec, offset })
}

export function unsupportedError(codec: string, offset: number, what: string): MleError {
  return new MleError('CODEC_UNSUPPORTED', `${codec} at byte ${offset}: ${what} is not supported`, { section: codec, offset })
}
