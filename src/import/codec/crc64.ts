// CRC-64 of xz (ECMA-182, reflected) in 32-bit halves: BigInt would be a hundred times slower.

const POLYNOMIAL_LOW = 0xd7870f42
const POLYNOMIAL_HIGH = 0xc96c5795

let tables: { readonly low: Int32Array; readonly high: Int32Array } | undefined

function makeTables(): { low: Int32Array; high: Int32Array } {
  const low = new Int32Array(256)
  const high = new Int32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let l = byte
    let h = 0
    for (let bit = 0; bit < 8; bit++) {
      const carry = l & 1
      l = (l >>> 1) | (h << 31)
      h >>>= 1
      if (carry === 1) {
        l ^= POLYNOMIAL_LOW
        h ^= POLYNOMIAL_HIGH
      }
    }
    low[byte] = l
    high[byte] = h
  }
  return { low, high }
}

/** The CRC-64 of bytes as [low, high] unsigned words. */
export function crc64(bytes: Uint8Array): [number, number] {
  const { low, high } = (tables ??= makeTables())
  let l = -1
  let h = -1
  for (let i = 0; i < bytes.length; i++) {
    const index = (l ^ bytes[i]) & 255
    l = ((l >>> 8) | (h << 24)) ^ low[index]
    h = (h >>> 8) ^ high[index]
  }
  return [~l >>> 0, ~h >>> 0]
}
