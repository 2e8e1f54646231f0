// Functions of float32 numbers, in float64 arithmetic with an error below 2^-34 of the result: rounded to float32 it is the
// nearest number but for about one argument in 2^13, and then its neighbour. Half the operations of the functions for float64, no
// branches that lanes of a vector would have to take apart, and the same operations in every lane.
import { copySign, pow2 } from './bits.ts'
import { INV_LN2, ROUND } from './exp.ts'
import { expSingle, LN2, tail, within } from './single-exp.ts'

export { expSingle, LARGEST_POWER, LN2, logisticSingle } from './single-exp.ts'

export const SQRT_HALF = 0.7071067811865476
/** Its square is below LARGEST_POWER. */
export const LARGEST_TAIL: number = 26.6

/** e^x - 1 for |x| <= LARGEST_POWER. */
function growth(x: number): number {
  const k = x * INV_LN2 + ROUND - ROUND
  const r = x - k * LN2
  const n = pow2(k)
  return n * (r + r * r * tail(r)) + (n - 1)
}

/** e^x - 1 without cancellation. */
export function expm1Single(x: number): number {
  return x !== x ? x : copySign(growth(within(x)), x)
}

/** p / (p + 2) with p = e^2|x| - 1. */
export function tanhSingle(x: number): number {
  const ax: number = Math.abs(x)
  const v: number = ax > 10 ? 20 : 2 * ax
  if (x !== x) return x
  const p = growth(v)
  return copySign(p / (p + 2), x)
}

/** log(1 + e^x): the larger of x and 0, and log(1 + y) = 2 atanh(y / (2 + y)) of y = e^-|x|. */
export function softplusSingle(x: number): number {
  const y = expSingle(-Math.abs(x))
  const s = y / (2 + y)
  const z = s * s
  const w = z * z
  const t = 0.6666666666709848 + 0.3999999961956039 * z + w * (0.28571483063336206 + 0.222193104506863 * z + w * (
    0.1825532801895845 + 0.14445878007941576 * z + w * 0.19066500229620378))
  const top: number = x > 0 ? x : 0
  return top + s * (2 + z * t)
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

/** The normal distribution function: e^(-u^2) P(u) / Q(u) on the side of small values, fitted on 0 <= u <= 10.5 with a largest relative error of 1.2e-12. */
export function normalCdfSingle(x: number): number {
  const u = Math.abs(x) * SQRT_HALF
  const v: number = u > LARGEST_TAIL ? LARGEST_TAIL : u
  const z = v * v
  const p = 0.500000000000582 + 0.8088523620546823 * v + z * (0.6428504500770302 + 0.3075054742799853 * v + z * (
    0.09242187234664052 + 0.016585825617934445 * v + z * 0.0014126874846910197))
  const q = 1 + 2.746083891405659 * v + z * (3.3843247486661454 + 2.439981438335635 * v + z * (
    1.1194920951659397 + 0.33012992834752247 * v + z * (0.058795259141782165 + 0.005007846084076736 * v)))
  const h = p / q * expSingle(-z)
  return x < 0 ? h : 1 - h
}
