// Pickle files as they lie on disk: bare, or inside one of the six compressions that joblib writes.
import { MleError } from '../../error.ts'
import { inflate, type InflateFormat } from '../../platform/inflate.ts'
import { DEFAULT_PICKLE_LIMITS, type PickleLimits } from './limits.ts'
import { readPickle } from './machine.ts'
import type { PickleOptions } from './options.ts'
import type { PyValue } from './values.ts'

export type PickleContainer = 'pickle' | 'zlib' | 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'lz4'

const SIGNATURES: readonly (readonly [PickleContainer, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  // Properties of every preset and the low byte of every dictionary size; as a pickle it would be an empty list and an unknown opcode.
  ['lzma', [0x5d, 0x00]],
]

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, i) => bytes[i] === byte)
}

/** The compression that the first bytes announce; undefined for a bare pickle or something else. */
function compressionOf(bytes: Uint8Array): Exclude<PickleContainer, 'pickle'> | undefined {
  for (const [name, signature] of SIGNATURES) if (startsWith(bytes, signature) && name !== 'pickle') return name
  // zlib: method 8, window of at most 32 KiB, and a check that makes the two bytes a multiple of 31.
  if (bytes.length >= 2 && bytes[0] % 16 === 8 && bytes[0] <= 0x78 && (bytes[0] * 256 + bytes[1]) % 31 === 0) return 'zlib'
  return undefined
}

/** Opcodes that a pickle of protocol 0 or 1, which has no signature, can begin with. */
const FIRST_OPCODES = '()]}cNIJKMLFGSTUVX'

/** What a file's first bytes look like; undefined when they cannot begin a pickle or a compression that joblib writes. A guess, not a check. */
export function sniffPickle(bytes: Uint8Array): PickleContainer | undefined {
  const compression = compressionOf(bytes)
  if (compression !== undefined) return compression
  if (bytes[0] === 0x80) return bytes[1] <= 5 ? 'pickle' : undefined
  return bytes.length > 1 && bytes.at(-1) === 0x2e && FIRST_OPCODES.includes(String.fromCharCode(bytes[0])) ? 'pickle' : undefined
}

const RATIO_FLOOR_BYTES = 16 * 1024 * 1024

/**
 * The pickle stream inside a file: the bytes themselves when they are not compressed.
 *
 * @throws MleError CODEC_DATA, CODEC_CHECKSUM, CODEC_UNSUPPORTED, CODEC_TRAILING, CODEC_LIMIT; PICKLE_CONTAINER for a zip, PICKLE_JOBLIB_OLD
 */
export async function decompressPickle(bytes: Uint8Array, limits: Partial<PickleLimits> = {}): Promise<Uint8Array> {
  const { decompressedBytes, decompressionRatio } = { ...DEFAULT_PICKLE_LIMITS, ...limits }
  const maxBytes = Math.min(decompressedBytes, Math.max(RATIO_FLOOR_BYTES, bytes.length * decompressionRatio))
  const compression = compressionOf(bytes)
  switch (compression) {
    case 'zlib':
    case 'gzip':
      return inflate(bytes, compression satisfies InflateFormat, maxBytes)
    case 'bzip2':
      return (await import('../codec/bzip2.ts')).decodeBzip2(bytes, maxBytes)
    case 'lzma':
      return (await import('../codec/lzma.ts')).decodeLzmaFile(bytes, maxBytes)
    case 'xz':
      return (await import('../codec/xz.ts')).decodeXz(bytes, maxBytes)
    case 'lz4':
      return (await import('../codec/lz4-frame.ts')).decodeLz4Frames(bytes, maxBytes)
    case undefined:
      if (startsWith(bytes, [0x5a, 0x46, 0x30, 0x78])) {
        throw new MleError('PICKLE_JOBLIB_OLD', 'the file was compressed by joblib before 0.10, which kept arrays in separate files; load it with joblib and dump it again', { offset: 0 })
      }
      if (startsWith(bytes, [0x50, 0x4b, 3, 4])) {
        throw new MleError('PICKLE_CONTAINER', 'the file is a zip archive (PyTorch, npz, skops), not a pickle', { offset: 0, expected: 'pickle or joblib', actual: 'zip' })
      }
      return bytes
  }
}

/**
 * Reads a .pkl or .joblib file: a pickle of protocol 0 to 5, bare or compressed with zlib, gzip, bzip2, lzma, xz or lz4. The format is told by
 * the first bytes and never guessed again: a file that fails is not tried as another.
 *
 * @throws MleError as `readPickle` and `decompressPickle`
 * @example const model = await readJoblib(bytes, { allow: allowPackages('sklearn') })
 */
export async function readJoblib(bytes: Uint8Array, options: PickleOptions = {}): Promise<PyValue> {
  return readPickle(await decompressPickle(bytes, options.limits), options)
}
