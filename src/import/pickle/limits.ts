// What one pickle may cost. Each limit is far above real models and each can be lowered or raised by the caller.
import { MleError } from '../../error.ts'

export interface PickleLimits {
  /** Opcodes executed: each makes at most one value, of about 50 bytes (CWE-770). A vocabulary of a million words takes 8 million. */
  readonly opcodes: number
  /** Elements of one array that does not hold numbers, or of an empty shape's other axes: they cost memory that the file need not hold. */
  readonly elements: number
  /** Memo entries: protocols 0 and 1 choose their own numbers, which must not size a table (CWE-789). */
  readonly memo: number
  /** Nesting of the finished value. Python's own pickler recurses and gives up at about 1,000. */
  readonly depth: number
  /** Object arrays that hold a pickle that holds an object array... (joblib); real files have one level. */
  readonly nested: number
  /** UTF-8 bytes of one str: an engine's longest string is about 512 MB, XGBoost keeps models in bytes instead. */
  readonly stringBytes: number
  /** Bytes of one int: bit generators need 16, and long decimal ints take quadratic time to parse. */
  readonly integerBytes: number
  /** Bytes of one array after reading. */
  readonly arrayBytes: number
  /** Dimensions of an array: numpy allows 32, version 2 of it 64. */
  readonly rank: number
  /** Fields of a structured dtype, nested ones included; a tree node has 8 to 12. */
  readonly fields: number
  /**
   * Bytes copied or expanded from the stream, as a multiple of its size, over a floor of 1 MiB. Each array's bytes stand in the stream
   * once; one bytes object shared by a thousand arrays is an attack. Strings of numpy count as 16 bytes more than they occupy.
   */
  readonly copyRatio: number
  /** Bytes after decompression. */
  readonly decompressedBytes: number
  /** Decompressed over compressed bytes, once past 16 MiB: forests reach 10, an array of zeros 1,000. */
  readonly decompressionRatio: number
}

export const DEFAULT_PICKLE_LIMITS: PickleLimits = {
  opcodes: 32_000_000,
  elements: 32_000_000,
  memo: 16_000_000,
  depth: 1_000,
  nested: 4,
  stringBytes: 256 * 1024 * 1024,
  integerBytes: 512,
  arrayBytes: 4 * 1024 * 1024 * 1024,
  rank: 64,
  fields: 1_000,
  copyRatio: 16,
  decompressedBytes: 4 * 1024 * 1024 * 1024,
  decompressionRatio: 1_500,
}

/** The error every limit throws: PICKLE_LIMIT, naming the limit so that a caller can raise it. */
export function limitError(limits: PickleLimits, name: keyof PickleLimits, what: string, actual: number, offset?: number): MleError {
  return new MleError('PICKLE_LIMIT', `pickle${offset === undefined ? '' : ` at byte ${offset}`}: ${what} ${actual} exceeds the limit of ${limits[name]}; raise limits.${name} if you trust the file`, {
    offset,
    expected: limits[name],
    actual,
  })
}
