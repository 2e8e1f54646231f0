// 64-bit integers as two words, low first: Int32Array for int64, Uint32Array for uint64. Arithmetic wraps modulo 2^64; places
// are in words. Storing a number into either array keeps its low 32 bits, so one function serves both.
import type { Numbers } from './nest.ts'

/** y = a op b for one element. */
export type WideOp = (y: Numbers, o: number, a: Numbers, i: number, b: Numbers, j: number) => void

export const addWide: WideOp = (y, o, a, i, b, j) => {
  const low = (a[i] >>> 0) + (b[j] >>> 0)
  y[o + 1] = a[i + 1] + b[j + 1] + (low > 0xffffffff ? 1 : 0)
  y[o] = low
}

export const subWide: WideOp = (y, o, a, i, b, j) => {
  const low = (a[i] >>> 0) - (b[j] >>> 0)
  y[o + 1] = a[i + 1] - b[j + 1] - (low < 0 ? 1 : 0)
  y[o] = low
}

export const mulWide: WideOp = (y, o, a, i, b, j) => {
  const p = a[i] >>> 0
  const q = b[j] >>> 0
  // Products of 32 and 16 bits are exact in a double.
  const lower = p * (q & 0xffff)
  const upper = p * (q >>> 16) + Math.floor(lower / 65536)
  const carried = Math.floor(upper / 65536)
  y[o + 1] = Math.imul(a[i + 1], q) + Math.imul(p, b[j + 1]) + carried
  y[o] = Math.imul(p, q)
}

/** Negative, 0 or positive as a is below, equal to or above b; signed or not as the arrays are. */
export function compareWide(a: Numbers, i: number, b: Numbers, j: number): number {
  return a[i + 1] - b[j + 1] || (a[i] >>> 0) - (b[j] >>> 0)
}

export function copyWide(y: Numbers, o: number, x: Numbers, i: number): void {
  const low = x[i]
  y[o + 1] = x[i + 1]
  y[o] = low
}

/** The nearest double. */
export function wideToNumber(x: Numbers, i: number): number {
  const high = x[i + 1]
  const low = x[i] >>> 0
  if (high >= -0x200000 && high <= 0x1fffff) return high * 4294967296 + low
  return Number((BigInt(high) << 32n) | BigInt(low))
}

/** The integer as a double that rounds to float32 as the integer itself does: bits far below a float32's are folded into one. */
export function wideToFloat32(x: Numbers, i: number): number {
  const high = x[i + 1]
  const low = x[i] >>> 0
  if (high >= -0x200000 && high <= 0x1fffff) return high * 4294967296 + low
  return Math.fround(high * 4294967296 + ((low & 0xfffff000) >>> 0) + ((low & 0xfff) !== 0 ? 2048 : 0))
}

/** Stores an integral double; past the ends of the range it saturates. */
export function numberToWide(y: Numbers, o: number, value: number, unsigned: boolean): void {
  const top = unsigned ? 18446744073709551616 : 9223372036854775808
  if (value >= top) {
    y[o] = -1
    y[o + 1] = unsigned ? -1 : 0x7fffffff
  } else if (value < (unsigned ? 0 : -top)) {
    y[o] = 0
    y[o + 1] = unsigned ? 0 : -0x80000000
  } else {
    y[o] = value
    y[o + 1] = Math.floor(value / 4294967296)
  }
}

/** An operation on integers that doubles hold exactly, with a slow way for those they do not. */
export function viaNumbers(small: (a: number, b: number) => number, large: (a: bigint, b: bigint) => bigint): WideOp {
  return (y, o, a, i, b, j) => {
    const p = wideToNumber(a, i)
    const q = wideToNumber(b, j)
    if (Math.abs(p) <= Number.MAX_SAFE_INTEGER && Math.abs(q) <= Number.MAX_SAFE_INTEGER) {
      const value = small(p, q)
      y[o] = value
      y[o + 1] = Math.floor(value / 4294967296)
      return
    }
    const value = large(toBigInt(a, i), toBigInt(b, j))
    y[o] = Number(BigInt.asIntN(32, value))
    y[o + 1] = Number(BigInt.asIntN(32, value >> 32n))
  }
}

function toBigInt(x: Numbers, i: number): bigint {
  return (BigInt(x[i + 1]) << 32n) | BigInt(x[i] >>> 0)
}

/** Truncating division; by zero 0. The quotient of two safe integers, rounded, never crosses an integer. */
export const divWide: WideOp = /* @__PURE__ */ viaNumbers((a, b) => (b === 0 ? 0 : Math.trunc(a / b)), (a, b) => (b === 0n ? 0n : a / b))
export const maxWide: WideOp = (y, o, a, i, b, j) => (compareWide(a, i, b, j) >= 0 ? copyWide(y, o, a, i) : copyWide(y, o, b, j))
export const minWide: WideOp = (y, o, a, i, b, j) => (compareWide(a, i, b, j) <= 0 ? copyWide(y, o, a, i) : copyWide(y, o, b, j))
