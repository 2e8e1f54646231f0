// e^x and the logistic function of float32 numbers: the part of single.ts that nearly every model needs.
import { pow2 } from './bits.ts'
import { INV_LN2, ROUND } from './exp.ts'

export const LN2 = 0.6931471805599453
/** The exponent of the largest power that is taken: float64 holds e^708 and e^-708, which round to infinity and 0. */
export const LARGEST_POWER: number = 708

/** (e^r - 1 - r) / r^2 on |r| <= 0.3466: the Taylor polynomial, error 2^-37 of e^r. */
export function tail(r: number): number {
  const z = r * r
  return 0.5 + 0.16666666666666666 * r + z * (0.041666666666666664 + 0.008333333333333333 * r + z * (
    0.001388888888888889 + 0.0001984126984126984 * r + z * (2.48015873015873e-5 + 2.7557319223985893e-6 * r)))
}

/** x within the powers that are taken. */
export function within(x: number): number {
  const low: number = x < -LARGEST_POWER ? -LARGEST_POWER : x
  return low > LARGEST_POWER ? LARGEST_POWER : low
}

/** e^x; past the ends of float32 some number past the ends, which rounds to infinity or to 0. */
export function expSingle(x: number): number {
  const v = within(x)
  const k = v * INV_LN2 + ROUND - ROUND
  const r = v - k * LN2
  // NaN has no power of two to be looked up.
  return x !== x ? x : (1 + (r + r * r * tail(r))) * pow2(k)
}

/** 1 / (1 + e^-x). */
export function logisticSingle(x: number): number {
  return 1 / (1 + expSingle(-x))
}
