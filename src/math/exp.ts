// Exponentials: x = k ln 2 + r with |r| <= ln 2 / 2, a polynomial for (e^r - 1 - r) / r^2, and the rounding error of
// 1 + r carried along (Tang, ACM TOMS 15, 1989, without his table). At most 0.6 ulp.
import { pow2 } from './bits.ts'

/** Adding and subtracting it rounds to an integer, ties to even, below 2^51. */
export const ROUND: number = 6755399441055744
export const INV_LN2 = 1.4426950408889634
// 42 bits, so that its products with an exponent are exact; then the rest.
export const LN2_HIGH = 0.6931471805598903
export const LN2_LOW = 5.497923018708371e-14

/** (e^r - 1 - r) / r^2 on |r| <= 0.3467; error below 2^-61 of e^r. Evaluated in pairs, which shortens the chain. */
export function expTail(r: number): number {
  const z = r * r
  return 0.5 + 0.1666666666666667 * r + z * (0.04166666666666667 + 0.00833333333332612 * r + z * (
    0.0013888888888883737 + 0.00019841269874873975 * r + z * (2.480158732558584e-5 + 2.755725533255441e-6 * r + z * (
    2.755727359479943e-7 + 2.510524515390137e-8 * r + z * 2.091470706960736e-9))))
}

/** e^(high + low) * 2^k for |high| <= 0.347 and |low| far below it. */
export function expScaled(high: number, low: number, k: number): number {
  const r = high + low
  const rest = high - r + low
  const s = 1 + r
  const y = s + (r - (s - 1) + (rest + r * r * expTail(r)))
  if (k >= -1022) return k <= 1023 ? y * pow2(k) : y * pow2(k - 1) * 2
  return y * pow2(k + 200) * 6.223015277861142e-61
}

/** e^x. */
export function exp(x: number): number {
  if (!(x <= 709.782712893384)) return x !== x ? x : Infinity
  if (x < -745.1332191019412) return 0
  const k = x * INV_LN2 + ROUND - ROUND
  return expScaled(x - k * LN2_HIGH, -k * LN2_LOW, k)
}
