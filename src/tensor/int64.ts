// 64-bit integers as pairs of 32-bit words, low word first: BigInt arithmetic costs about 100 ns an element in JavaScriptCore.
/** The integer at `index` as the nearest Number, whatever its size. */
export function readInt64Nearest(words: Int32Array, index: number): number {
  const high = words[2 * index + 1]
  return high >= -0x200000 && high <= 0x1fffff
    ? high * 4294967296 + (words[2 * index] >>> 0)
    : Number((BigInt(high) << 32n) | BigInt(words[2 * index] >>> 0))
}

/** Stores a Number of at most 2^53 in magnitude. */
export function writeInt64(words: Int32Array, index: number, value: number): void {
  words[2 * index] = value | 0
  words[2 * index + 1] = Math.floor(value / 4294967296)
}
