import { MleError } from '../error.ts'

/** The integer at `index` as a Number; throws INT64_RANGE past 2^53. */
export function readInt64(words: Int32Array, index: number): number {
  const high = words[2 * index + 1]
  if (high < -0x200000 || high > 0x1fffff) {
    throw new MleError('INT64_RANGE', `64-bit integer at element ${index} is outside +-2^53 and cannot be an index, a size or an axis`)
  }
  return high * 4294967296 + (words[2 * index] >>> 0)
}
