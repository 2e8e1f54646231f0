// Functions of float32 numbers, in float64 arithmetic with an error below 2^-35 of the result: rounded to float32 it is the
// nearest number but for about one argument in 2^13, and then its neighbour. Half the operations of the functions for float64, no
// branches that lanes of a vector would have to take apart, and the same operations in every lane.
import { copySign, pow2 } from './bits.ts'
import { INV_LN2, ROUND } from './exp.ts'

export const LN2 = 0.6931471805599453

/** (e^r - 1 - r) / r^2 on |r| <= 0.3466: the Taylor polynomial, error 2^-37 of e^r. */
function tail(r: number): number {
  const z = r * r
  return 0.5 + 0.16666666666666666 * r + z * (0.041666666666666664 + 0.008333333333333333 * r + z * (
    0.001388888888888889 + 0.0001984126984126984 * r + z * (2.48015873015873e-5 + 2.7557319223985893e-6 * r)))
}

/** e^x; past the ends of float32 some number past the ends, which rounds to infinity or to 0. */
export function expSingle(x: number): number {
  const low: number = x < -150 ? -150 : x
  const v: number = low > 129 ? 129 : low
  const k = v * INV_LN2 + ROUND - ROUND
  const r = v - k * LN2
  // NaN has no power of two to be looked up.
  return x !== x ? x : (1 + (r + r * r * tail(r))) * pow2(k)
}

/** 1 / (1 + e^-x). */
export function logisticSingle(x: number): number {
  return 1 / (1 + expSingle(-x))
}

/** p / (p + 2) with p = e^2|x| - 1. */
export function tanhSingle(x: number): number {
  const ax: number = Math.abs(x)
  const v: number = ax > 10 ? 20 : 2 * ax
  const k = v * INV_LN2 + ROUND - ROUND
  const r = v - k * LN2
  if (x !== x) return x
  const n = pow2(k)
  const p = n * (r + r * r * tail(r)) + (n - 1)
  const t = p / (p + 2)
  return copySign(t, x)
}

/** x P(x^2) / Q(x^2), fitted on |x| <= 4 with a largest relative error of 8.5e-12; 1 - erf(4) is 1.5e-8. */
export function erfSingle(x: number): number {
  const low: number = x < -4 ? -4 : x
  const v: number = low > 4 ? 4 : low
  const z = v * v
  const w = z * z
  const p = 1.1283791670866146 + 0.20029368935474656 * z + w * (0.05810991077611172 + 0.004959662753170086 * z + w * (
    0.0005128523253980615 + 2.176735925943697e-5 * z + w * (7.524064792001112e-7 + 3.0046409785837724e-9 * z)))
  const q = 1 + 0.5108389934210548 * z + w * (0.121778235655981 + 0.01771374401034683 * z + w * (
    0.0017144870459945235 + 0.0001114499333209345 * z + w * (4.515379694543968e-6 + 7.328175383808296e-8 * z)))
  return v * p / q
}
