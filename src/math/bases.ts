// Powers of 2, and logarithms to the bases 2 and 10, on the series of exp.ts and log.ts.
import { balancedExponentOf, pow2 } from './bits.ts'
import { high26 } from './exact.ts'
import { expScaled, ROUND } from './exp.ts'
import { atanhTail } from './log.ts'

/** 2^x; exact for integers. */
export function exp2(x: number): number {
  if (!(x < 1024)) return x !== x ? x : Infinity
  if (x < -1075) return 0
  const k = x + ROUND - ROUND
  const r = x - k
  const high = high26(r)
  // 27 bits of ln 2 times 26 bits of r is exact.
  const product = high * 0.6931471824645996
  return expScaled(product, (r - high) * 0.6931471824645996 - r * 1.904654299957768e-9, k)
}

/** Base 2 logarithm; exact for powers of two. */
export function log2(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return x
  return scaledLog(x, 1, 0, 1.4426950216293335, 1.9259629911266175e-8)
}

/** Base 10 logarithm; exact for powers of ten. */
export function log10(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return x
  return scaledLog(x, 0.30102999565860955, 5.371644767466998e-12, 0.4342944622039795, 1.9699272335463627e-8)
}

/** k * (stepHigh + stepLow) + log(m) * (scaleHigh + scaleLow), with log(m) in two pieces; scaleHigh has 24 bits. */
function scaledLog(x: number, stepHigh: number, stepLow: number, scaleHigh: number, scaleLow: number): number {
  const subnormal = x < 2.2250738585072014e-308
  const y = subnormal ? x * 18014398509481984 : x
  const e = balancedExponentOf(y)
  const k = subnormal ? e - 54 : e
  const f = y * pow2(-e) - 1
  const s = f / (2 + f)
  const z = s * s
  const half = 0.5 * f * f
  const high = high26(f - half)
  const low = f - high - half + s * (half + z * atanhTail(z))
  const head = k * stepHigh
  const body = high * scaleHigh
  const t = head + body
  return t + (head - t + body + (k * stepLow + ((low + high) * scaleLow + low * scaleHigh)))
}
