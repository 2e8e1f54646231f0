// Logarithms: x = 2^k m with m in [sqrt(1/2), sqrt(2)), f = m - 1, s = f / (2 + f) and
// log(1 + f) = f - (f^2/2 - s (f^2/2 + R(s^2))), the arrangement of Ng's fdlibm. At most 0.9 ulp.
import { balancedExponentOf, pow2 } from './bits.ts'
import { LN2_HIGH, LN2_LOW } from './exp.ts'

/** (2 atanh(s) - 2 s) / s^3 as a function of z = s^2 in [0, 0.0295]. */
export function atanhTail(z: number): number {
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

/** Natural logarithm; -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return x
  return x < 2.2250738585072014e-308 ? logCore(x * 18014398509481984, -54, 0) : logCore(x, 0, 0)
}
