// CityHash64 as first published (version 1.0), which CatBoost hashes category texts with. Later versions give other numbers.
// The constants and steps are those of the reference: Geoff Pike, Jyrki Alakuijala, CityHash, 2011.
import { multiply64 } from './words64.ts'

interface Word {
  readonly low: number
  readonly high: number
}

const product = /* @__PURE__ */ new Uint32Array(2)
const K0: Word = { low: 0x97cb3127, high: 0xc3a5c85c }
const K1: Word = { low: 0xbe98f273, high: 0xb492b66f }
const K2: Word = { low: 0x2f90404f, high: 0x9ae16a3b }
const K3: Word = { low: 0x509e6557, high: 0xc949d7c7 }
const PAIR: Word = { low: 0xeb382d69, high: 0x9ddfea08 }

function add(a: Word, b: Word): Word {
  const low = a.low + b.low
  return { low: low >>> 0, high: (a.high + b.high + (low > 0xffffffff ? 1 : 0)) >>> 0 }
}

function subtract(a: Word, b: Word): Word {
  return { low: (a.low - b.low) >>> 0, high: (a.high - b.high - (a.low < b.low ? 1 : 0)) >>> 0 }
}

function multiply(a: Word, b: Word): Word {
  multiply64(product, a.low, a.high, b.low, b.high)
  return { low: product[0], high: product[1] }
}

function xor(a: Word, b: Word): Word {
  return { low: (a.low ^ b.low) >>> 0, high: (a.high ^ b.high) >>> 0 }
}

/** Bitwise rotation to the right by 0 to 63. */
function rotate(a: Word, by: number): Word {
  const { low, high } = by >= 32 ? { low: a.high, high: a.low } : a
  const rest = by & 31
  if (rest === 0) return { low, high }
  return { low: ((low >>> rest) | (high << (32 - rest))) >>> 0, high: ((high >>> rest) | (low << (32 - rest))) >>> 0 }
}

/** a ^ (a >> 47) */
function mix(a: Word): Word {
  return { low: (a.low ^ (a.high >>> 15)) >>> 0, high: a.high }
}

function small(value: number): Word {
  return { low: value, high: 0 }
}

/** Two words into one, after Murmur. */
function pairHash(u: Word, v: Word): Word {
  const a = mix(multiply(xor(u, v), PAIR))
  const b = mix(multiply(xor(v, a), PAIR))
  return multiply(b, PAIR)
}

function weak(w: Word, x: Word, y: Word, z: Word, seedA: Word, seedB: Word): readonly [Word, Word] {
  const first = add(seedA, w)
  const turned = rotate(add(add(seedB, first), z), 21)
  const sum = add(add(first, x), y)
  return [add(sum, z), add(add(turned, rotate(sum, 44)), first)]
}

/** The hash of the first `length` bytes as low and high word. */
export function cityHash64(bytes: Uint8Array, length: number): Word {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const at = (offset: number): Word => ({ low: view.getUint32(offset, true), high: view.getUint32(offset + 4, true) })
  const size = small(length)
  if (length === 0) return K2
  if (length < 4) {
    const y = bytes[0] + bytes[length >>> 1] * 256
    const z = length + bytes[length - 1] * 4
    return multiply(mix(xor(multiply(small(y), K2), multiply(small(z), K3))), K2)
  }
  if (length <= 8) {
    const first = view.getUint32(0, true)
    const shifted = { low: (first << 3) >>> 0, high: first >>> 29 }
    return pairHash(add(size, shifted), small(view.getUint32(length - 4, true)))
  }
  if (length <= 16) {
    const last = at(length - 8)
    return xor(pairHash(at(0), rotate(add(last, size), length)), last)
  }
  if (length <= 32) {
    const a = multiply(at(0), K1)
    const b = at(8)
    const c = multiply(at(length - 8), K2)
    const d = multiply(at(length - 16), K0)
    return pairHash(add(add(rotate(subtract(a, b), 43), rotate(c, 30)), d), add(subtract(add(a, rotate(xor(b, K3), 20)), c), size))
  }
  if (length <= 64) return hash64(at, length)
  return hashLong(at, length)
}

/** 33 to 64 bytes. */
function hash64(at: (offset: number) => Word, length: number): Word {
  const half = (seed: Word, second: Word, third: Word, z: Word): readonly [Word, Word] => {
    const b = rotate(add(seed, z), 52)
    const a1 = add(seed, second)
    const a2 = add(a1, third)
    const c = add(rotate(seed, 37), rotate(a1, 7))
    return [add(a2, z), add(add(b, rotate(a2, 31)), c)]
  }
  const head = add(at(0), multiply(add(small(length), at(length - 16)), K0))
  const [v0, v1] = half(head, at(8), at(16), at(24))
  const [w0, w1] = half(add(at(16), at(length - 32)), at(length - 24), at(length - 16), at(length - 8))
  const r = mix(add(multiply(add(v0, w1), K2), multiply(add(w0, v1), K0)))
  return multiply(mix(add(multiply(r, K0), v1)), K2)
}

/** More than 64 bytes: 56 bytes of state over blocks of 64. */
function hashLong(at: (offset: number) => Word, length: number): Word {
  const block = (offset: number, a: Word, b: Word): readonly [Word, Word] => weak(at(offset), at(offset + 8), at(offset + 16), at(offset + 24), a, b)
  const size = small(length)
  let x = at(0)
  let y = xor(at(length - 16), K1)
  let z = xor(at(length - 56), K0)
  let v = block(length - 64, size, y)
  let w = block(length - 32, multiply(size, K1), K0)
  z = add(z, multiply(mix(v[1]), K1))
  x = multiply(rotate(add(z, x), 39), K1)
  y = multiply(rotate(y, 33), K1)
  const end = length - 1 - ((length - 1) % 64)
  for (let s = 0; s < end; s += 64) {
    x = xor(multiply(rotate(add(add(add(x, y), v[0]), at(s + 16)), 37), K1), w[1])
    y = xor(multiply(rotate(add(add(y, v[1]), at(s + 48)), 42), K1), v[0])
    z = rotate(xor(z, w[0]), 33)
    v = block(s, multiply(v[1], K1), add(x, w[0]))
    w = block(s + 32, add(z, w[1]), y)
    const swapped = x
    x = z
    z = swapped
  }
  return pairHash(add(add(pairHash(v[0], w[0]), multiply(mix(y), K1)), z), add(pairHash(v[1], w[1]), x))
}
