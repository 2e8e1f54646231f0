// MurmurHash3, 32 bits, by Austin Appleby (public domain algorithm): the hash of hashing vectorizers.

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))

/** Signed 32-bit hash of bytes. */
export function murmur3(bytes: Uint8Array, seed: number = 0): number {
  let hash = seed
  const blocks = bytes.length - (bytes.length % 4)
  for (let i = 0; i < blocks; i += 4) {
    const block = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    hash = Math.imul(rotate(hash ^ mix(block), 13), 5) + 0xe6546b64
  }
  let tail = 0
  for (let i = bytes.length - 1; i >= blocks; i--) tail = (tail << 8) | bytes[i]
  if (bytes.length > blocks) hash ^= mix(tail)
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) | 0
}

function mix(block: number): number {
  return Math.imul(rotate(Math.imul(block, 0xcc9e2d51), 15), 0x1b873593)
}
