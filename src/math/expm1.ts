// e^x - 1, on the series of exp.ts.
import { pow2 } from './bits.ts'
import { exp, expTail, INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from './exp.ts'

/** e^x - 1 without cancellation. */
export function expm1(x: number): number {
  if (!(x <= 40)) return exp(x) // the 1 is far below an ulp
  if (x < -40) return -1
  if (Math.abs(x) < 5e-17) return x
  const k = x * INV_LN2 + ROUND - ROUND
  const high = x - k * LN2_HIGH
  const low = -k * LN2_LOW
  const r = high + low
  const n = pow2(k)
  // From 2^30 on the 1 joins the small terms: n - 1 may not be exact.
  const late: number = k > 30 ? 1 : 0
  const head = n - 1 + late
  const body = n * r
  const s = head + body
  return s + (body - (s - head) + (n * (high - r + low + r * r * expTail(r)) - late))
}
