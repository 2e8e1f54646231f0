// Logarithms: x = 2^k m with m in [sqrt(1/2), sqrt(2)), f = m - 1, s = f / (2 + f) and
// log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))), the arrangement of Ng's fdlibm. At most 0.9 ulp.
import { balancedExponentOf, pow2 } from './bits.ts'
import { high26 } from './exact.ts'
import { LN2_HIGH, LN2_LOW } from './exp.ts'

/** (2 atanh(s) - 2 s) / s^3 as a function of z = s^2 in [0, 0.0295]. */
function atanhTail(z: number): number {
  const w = z * z
  return 0.666666666666667 + 0.3999999999989889 * z + w * (0.28571428626253836 + 0.22222211089379496 * z + w * (
    0.1818289243253687 + 0.15331611722055008 * z + w * 0.14617807153417325))
}

/** log(x) + k ln 2 + correction for a positive normal x; correction is far below log(x), or x is far from 1. */
export function logCore(x: number, k: number, correction: number): number {
  const e = balancedExponentOf(x)
  const n = k + e
  const f = x * pow2(-e) - 1
  const s = f / (2 + f)
  const z = s * s
  const half = 0.5 * f * f
  const head = n * LN2_HIGH
  const t = head + f
  return t + (f - (t - head) - (half - (s * (half + z * atanhTail(z)) + (n * LN2_LOW + correction))))
}

/** log(1 + x + low) for x > -1, where |low| is at most about an ulp of x; keeps relative accuracy near x = 0. */
export function log1pCore(x: number, low: number): number {
  if (x > -0.29 && x < 0.41) {
    const s = x / (2 + x)
    const z = s * s
    const half = 0.5 * x * x
    return x - (half - (s * (half + z * atanhTail(z)) + low / (1 + x)))
  }
  const u = 1 + x
  const rest = x >= 1 ? 1 - (u - x) : x - (u - 1)
  return logCore(u, 0, (rest + low) / u)
}

/** Natural logarithm; -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return x
  return x < 2.2250738585072014e-308 ? logCore(x * 18014398509481984, -54, 0) : logCore(x, 0, 0)
}

/** log(1 + x) without cancellation. */
export function log1p(x: number): number {
  if (!(x > -1)) return x === -1 ? -Infinity : NaN
  if (Math.abs(x) < 5e-17) return x
  return x === Infinity ? x : log1pCore(x, 0)
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
