// SHA-256 (FIPS 180-4), synchronous: the host's crypto where it has one, else plain TypeScript. WebCrypto is not used: it is
// asynchronous, missing on plain http, and its first use costs milliseconds.
import { hostCrypto } from './host.ts'

/** The hash of some bytes, one part after the other. */
export type Hash = (...parts: readonly Uint8Array[]) => Uint8Array

/** The 32-byte SHA-256 of `parts`, one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = parts.length === 1 ? parts[0] : concat(parts)
  const host = hostCrypto()
  return host === undefined ? sha256Portable(bytes) : new Uint8Array(host.createHash('sha256').update(bytes).digest())
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.byteLength
  }
  return out
}

let constants: { readonly k: Int32Array; readonly initial: Uint32Array } | undefined

/** First 32 bits of the fractional parts of the cube (k) and square (initial) roots of the first primes, by exact integer roots. */
function makeConstants(): { k: Int32Array; initial: Uint32Array } {
  const k = new Int32Array(64)
  const initial = new Uint32Array(8)
  let found = 0
  for (let n = 2; found < 64; n++) {
    let prime = true
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false
    if (!prime) continue
    if (found < 8) initial[found] = Number(integerRoot(BigInt(n) << 64n, 2n) & 0xffffffffn)
    k[found++] = Number(BigInt.asIntN(32, integerRoot(BigInt(n) << 96n, 3n)))
  }
  return { k, initial }
}

/** The largest r with r^degree <= value. */
function integerRoot(value: bigint, degree: bigint): bigint {
  let low = 0n
  let high = 1n << 40n
  while (high - low > 1n) {
    const middle = (low + high) >> 1n
    if (middle ** degree <= value) low = middle
    else high = middle
  }
  return low
}

/** The SHA-256 of bytes that come in parts. */
export interface Sha256Stream {
  update(bytes: Uint8Array): void
  digest(): Uint8Array
}

export function sha256Stream(): Sha256Stream {
  const hash = hostCrypto()?.createHash('sha256')
  return hash === undefined ? portableStream() : { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) }
}

/** The portable version: used where the host has no synchronous hash, and to test against it. */
export function sha256Portable(bytes: Uint8Array): Uint8Array {
  const stream = portableStream()
  stream.update(bytes)
  return stream.digest()
}

export function portableStream(): Sha256Stream {
  const { k, initial } = (constants ??= makeConstants())
  const state = initial.slice()
  const w = new Int32Array(64)
  const block = new Uint8Array(64)
  let held = 0
  let total = 0
  const update = (bytes: Uint8Array): void => {
    total += bytes.length
    let at = 0
    if (held > 0) {
      at = Math.min(64 - held, bytes.length)
      block.set(bytes.subarray(0, at), held)
      held += at
      if (held < 64) return
      compress(state, w, k, block, 0)
    }
    for (; at + 64 <= bytes.length; at += 64) compress(state, w, k, bytes, at)
    block.set(bytes.subarray(at))
    held = bytes.length - at
  }
  return {
    update,
    digest() {
      const tail = new Uint8Array(held < 56 ? 64 - held : 128 - held)
      tail[0] = 0x80
      const view = new DataView(tail.buffer)
      // The length counts bits in 64 bits; total * 8 may pass 2^32 but stays exact.
      view.setUint32(tail.length - 8, Math.floor(total / 0x20000000))
      view.setUint32(tail.length - 4, (total % 0x20000000) * 8)
      update(tail)
      const out = new Uint8Array(32)
      const outView = new DataView(out.buffer)
      for (let i = 0; i < 8; i++) outView.setUint32(i * 4, state[i])
      return out
    },
  }
}

function compress(state: Uint32Array, w: Int32Array, k: Int32Array, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 16; i++, at += 4) w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]
    const y = w[i - 2]
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
  }
  // By index: destructuring would run the iterator of the typed array for every block.
  let a = state[0] | 0
  let b = state[1] | 0
  let c = state[2] | 0
  let d = state[3] | 0
  let e = state[4] | 0
  let f = state[5] | 0
  let g = state[6] | 0
  let h = state[7] | 0
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] += a
  state[1] += b
  state[2] += c
  state[3] += d
  state[4] += e
  state[5] += f
  state[6] += g
  state[7] += h
}

/** Lower-case hexadecimal digits of `bytes`. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
