// 64-bit unsigned arithmetic in pairs of 32-bit words: BigInt costs 100 ns an operation in some engines.

/** Low 64 bits of a product, into out[0] (low) and out[1] (high). */
export function multiply64(out: Uint32Array, aLow: number, aHigh: number, bLow: number, bHigh: number): void {
  const a0 = aLow & 0xffff
  const a1 = aLow >>> 16
  const b0 = bLow & 0xffff
  const b1 = bLow >>> 16
  const low = a0 * b0
  // Below 2^34, and so exact.
  const middle = a0 * b1 + a1 * b0 + (low - (low % 65536)) / 65536
  const carry = (middle - (middle % 65536)) / 65536
  out[0] = ((middle & 0xffff) << 16) | (low & 0xffff)
  out[1] = a1 * b1 + carry + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)
}

const MULTIPLIER_LOW = 0x4954cb65
const MULTIPLIER_HIGH = 0x4906ba49

/** CatBoost's hash of a sequence, one step: m * (hash + m * value) mod 2^64; `hash` [2] is low and high word, in place. */
export function mixHash(hash: Uint32Array, valueLow: number, valueHigh: number): void {
  const low = hash[0]
  const high = hash[1]
  multiply64(hash, valueLow, valueHigh, MULTIPLIER_LOW, MULTIPLIER_HIGH)
  const sum = low + hash[0]
  multiply64(hash, sum >>> 0, (high + hash[1] + (sum > 0xffffffff ? 1 : 0)) >>> 0, MULTIPLIER_LOW, MULTIPLIER_HIGH)
}
