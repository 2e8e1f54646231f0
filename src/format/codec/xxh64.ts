// XXH64 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), in 32-bit halves. Zstandard frames may end with its lower half.

/** [low, high] of a 64-bit word. */
type Word = readonly [low: number, high: number]

const P1: Word = [0x85ebca87, 0x9e3779b1]
const P2: Word = [0x27d4eb4f, 0xc2b2ae3d]
const P3: Word = [0x9e3779f9, 0x165667b1]
const P4: Word = [0xc2b2ae63, 0x85ebca77]
const P5: Word = [0x165667c5, 0x27d4eb2f]

function add(a: Word, b: Word): Word {
  const low = (a[0] >>> 0) + (b[0] >>> 0)
  return [low | 0, (a[1] + b[1] + (low > 0xffffffff ? 1 : 0)) | 0]
}

function mul(a: Word, b: Word): Word {
  const a0 = a[0] & 0xffff
  const a1 = a[0] >>> 16
  const b0 = b[0] & 0xffff
  const b1 = b[0] >>> 16
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const cross = a0 * b1 + (middle & 0xffff)
  const carry = a1 * b1 + Math.floor(middle / 65536) + Math.floor(cross / 65536)
  return [Math.imul(a[0], b[0]), (carry + Math.imul(a[0], b[1]) + Math.imul(a[1], b[0])) | 0]
}

function rotate(a: Word, by: number): Word {
  if (by >= 32) return rotate([a[1], a[0]], by - 32)
  return by === 0 ? a : [(a[0] << by) | (a[1] >>> (32 - by)), (a[1] << by) | (a[0] >>> (32 - by))]
}

const xor = (a: Word, b: Word): Word => [a[0] ^ b[0], a[1] ^ b[1]]
const shifted = (a: Word, by: number): Word => (by >= 32 ? [a[1] >>> (by - 32), 0] : [(a[0] >>> by) | (a[1] << (32 - by)), a[1] >>> by])
const round = (sum: Word, lane: Word): Word => mul(rotate(add(sum, mul(lane, P2)), 31), P1)
const merge = (sum: Word, lane: Word): Word => add(mul(xor(sum, round([0, 0], lane)), P1), P4)

/** The lower 32 bits of XXH64. */
export function xxh64Low(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = (at: number): Word => [view.getInt32(at, true), view.getInt32(at + 4, true)]
  let at = 0
  let sum: Word = P5
  if (bytes.length >= 32) {
    const lanes: Word[] = [add(P1, P2), P2, [0, 0], add([~P1[0], ~P1[1]], [1, 0])]
    for (; at + 32 <= bytes.length; at += 32) for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i], word(at + 8 * i))
    sum = add(add(rotate(lanes[0], 1), rotate(lanes[1], 7)), add(rotate(lanes[2], 12), rotate(lanes[3], 18)))
    for (const lane of lanes) sum = merge(sum, lane)
  }
  sum = add(sum, [bytes.length, 0])
  for (; at + 8 <= bytes.length; at += 8) sum = add(mul(rotate(xor(sum, round([0, 0], word(at))), 27), P1), P4)
  if (at + 4 <= bytes.length) {
    sum = add(mul(rotate(xor(sum, mul([view.getInt32(at, true), 0], P1)), 23), P2), P3)
    at += 4
  }
  for (; at < bytes.length; at++) sum = mul(rotate(xor(sum, mul([bytes[at], 0], P5)), 11), P1)
  sum = mul(xor(sum, shifted(sum, 33)), P2)
  sum = mul(xor(sum, shifted(sum, 29)), P3)
  return xor(sum, shifted(sum, 32))[0] >>> 0
}
