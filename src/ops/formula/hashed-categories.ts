// The definitions of mle.CategoryHash and mle.CtrValues, in BigInt: what every backend must equal.

const MASK = (1n << 64n) - 1n
const K0 = 0xc3a5c85c97cb3127n
const K1 = 0xb492b66fbe98f273n
const K2 = 0x9ae16a3b2f90404fn
const K3 = 0xc949d7c7509e6557n
const PAIR = 0x9ddfea08eb382d69n

const wrap = (x: bigint): bigint => x & MASK
const turn = (x: bigint, by: number): bigint => (by === 0 ? x : wrap((x >> BigInt(by)) | (x << BigInt(64 - by))))
const shift = (x: bigint): bigint => x ^ (x >> 47n)

function pair(u: bigint, v: bigint): bigint {
  const a = shift(wrap((u ^ v) * PAIR))
  return wrap(shift(wrap((v ^ a) * PAIR)) * PAIR)
}

/** CityHash64 version 1.0 of bytes. */
export function cityHash64Formula(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const u64 = (at: number): bigint => view.getBigUint64(at, true)
  const u32 = (at: number): bigint => BigInt(view.getUint32(at, true))
  const n = bytes.length
  const size = BigInt(n)
  if (n === 0) return K2
  if (n < 4) {
    const y = BigInt(bytes[0]) + (BigInt(bytes[n >> 1]) << 8n)
    const z = size + (BigInt(bytes[n - 1]) << 2n)
    return wrap(shift(wrap((y * K2) ^ (z * K3))) * K2)
  }
  if (n <= 8) return pair(size + (u32(0) << 3n), u32(n - 4))
  if (n <= 16) return pair(u64(0), turn(wrap(u64(n - 8) + size), n)) ^ u64(n - 8)
  if (n <= 32) {
    const a = wrap(u64(0) * K1)
    const b = u64(8)
    const c = wrap(u64(n - 8) * K2)
    const d = wrap(u64(n - 16) * K0)
    return pair(wrap(turn(wrap(a - b), 43) + turn(c, 30) + d), wrap(a + turn(b ^ K3, 20) - c + size))
  }
  if (n <= 64) {
    const part = (first: bigint, at: number, z: bigint): [bigint, bigint] => {
      let a = first
      const b = turn(wrap(a + z), 52)
      let c = turn(a, 37)
      a = wrap(a + u64(at))
      c = wrap(c + turn(a, 7))
      a = wrap(a + u64(at + 8))
      return [wrap(a + z), wrap(b + turn(a, 31) + c)]
    }
    const [v0, v1] = part(wrap(u64(0) + (size + u64(n - 16)) * K0), 8, u64(24))
    const [w0, w1] = part(wrap(u64(16) + u64(n - 32)), n - 24, u64(n - 8))
    const r = shift(wrap((v0 + w1) * K2 + (w0 + v1) * K0))
    return wrap(shift(wrap(r * K0 + v1)) * K2)
  }
  const weak = (at: number, seedA: bigint, seedB: bigint): [bigint, bigint] => {
    let a = wrap(seedA + u64(at))
    const start = a
    let b = turn(wrap(seedB + a + u64(at + 24)), 21)
    a = wrap(a + u64(at + 8) + u64(at + 16))
    b = wrap(b + turn(a, 44))
    return [wrap(a + u64(at + 24)), wrap(b + start)]
  }
  let x = u64(0)
  let y = u64(n - 16) ^ K1
  let z = u64(n - 56) ^ K0
  let v = weak(n - 64, size, y)
  let w = weak(n - 32, wrap(size * K1), K0)
  z = wrap(z + shift(v[1]) * K1)
  x = wrap(turn(wrap(z + x), 39) * K1)
  y = wrap(turn(y, 33) * K1)
  for (let at = 0; at < Math.floor((n - 1) / 64) * 64; at += 64) {
    x = wrap(turn(wrap(x + y + v[0] + u64(at + 16)), 37) * K1) ^ w[1]
    y = wrap(turn(wrap(y + v[1] + u64(at + 48)), 42) * K1) ^ v[0]
    z = turn(z ^ w[0], 33)
    v = weak(at, wrap(v[1] * K1), wrap(x + w[0]))
    w = weak(at + 32, wrap(z + w[1]), y)
    ;[x, z] = [z, x]
  }
  return pair(wrap(pair(v[0], w[0]) + shift(y) * K1 + z), wrap(pair(v[1], w[1]) + x))
}

/** int32 hashes of strings. */
export function categoryHashFormula(texts: readonly string[]): number[] {
  return texts.map((text) => Number(BigInt.asIntN(32, cityHash64Formula(new TextEncoder().encode(text)))))
}

/** One table: the elements of its combination, and its keys. */
export interface FormulaTable {
  readonly elements: readonly (readonly [kind: number, feature: number, value: number])[]
  readonly keys: readonly bigint[]
}

/** y [columns] of one row. `values` has one entry for each key of the column's table and a last one. */
export function ctrValuesFormula(hashes: readonly number[], x: readonly number[], tables: readonly FormulaTable[], columns: readonly number[], values: readonly (readonly number[])[]): number[] {
  const multiplier = 0x4906ba494954cb65n
  return columns.map((table, c) => {
    const { elements, keys } = tables[table]
    const hash = elements.reduce((sum, [kind, feature, value]) => {
      const element =
        kind === 0 ? BigInt(hashes[feature])
        : kind === 3 ? BigInt(hashes[feature] === value)
        : BigInt(x[feature] > value || (kind === 2 && Number.isNaN(x[feature])))
      return wrap(multiplier * (sum + multiplier * element))
    }, 0n)
    const place = keys.indexOf(hash)
    return values[c][place < 0 ? keys.length : place]
  })
}
