// Powers and roots. pow takes log(x) to about 2^-65 in two pieces (a double-double atanh series), so that multiplying by y
// and exponentiating stay below 0.7 ulp; exact cases come out exact.
import { balancedExponentOf, copySign, exponentOf, pow2 } from './bits.ts'
import { high26, productTail, sumTail } from './exact.ts'
import { expScaled, INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from './exp.ts'

/** (atanh(s)/s - 1 - z/3) / z^2 as a function of z = s^2 in [0, 0.0295]. */
function atanhTail4(z: number): number {
  return 0.2 + z * (0.14285714285714282 + z * (0.11111111111114234 + z * (0.09090909089822495 + z * (
    0.07692307881454075 + z * (0.06666648198981917 + z * (0.05883409510814777 + z * (0.05228097555200746 + z *
    0.0538181075750563)))))))
}

/**
 * x to the power y by C99 Annex F: pow(x, 0) = pow(1, y) = 1 even for NaN, pow(-1, Infinity) = 1; unlike JavaScript's `**`.
 * y = 2, 1/2, 1 and -1 are correctly rounded.
 */
export function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1
  if (x !== x || y !== y) return NaN
  if (y === 2) return x * x
  if (y === 1) return x
  if (y === -1) return 1 / x
  const ax = Math.abs(x)
  if (Math.abs(y) === Infinity) return ax === 1 ? 1 : ax > 1 === y > 0 ? Infinity : 0
  if (y === 0.5 && x >= 0) return Math.sqrt(x) + 0
  const half = 0.5 * y
  const integer = Math.floor(y) === y
  // Every float64 from 2^53 on is even.
  const odd = integer && Math.abs(y) < 9007199254740992 && Math.floor(half) !== half
  if (ax === 0 || ax === Infinity) {
    const limit: number = (ax === 0) === y < 0 ? Infinity : 0
    return odd ? copySign(limit, x) : limit
  }
  if (x < 0 && !integer) return NaN
  const sign: number = x < 0 && odd ? -1 : 1
  if (ax === 1) return sign
  if (Math.abs(y) > 1e20) return ax > 1 === y > 0 ? Infinity : 0

  const subnormal = ax < 2.2250738585072014e-308
  const scaled = subnormal ? ax * 18014398509481984 : ax
  const e = balancedExponentOf(scaled)
  const k = subnormal ? e - 54 : e
  const m = scaled * pow2(-e)
  // s = (m - 1) / (m + 1) in two pieces
  const f = m - 1
  const g = m + 1
  const gLow = sumTail(m, 1, g)
  const s = f / g
  const sg = s * g
  const sLow = (f - sg - productTail(s, g, sg) - s * gLow) / g
  const z = s * s
  const zLow = productTail(s, s, z) + 2 * s * sLow
  // atanh(s) = s (1 + z/3 + z^2 P(z)), the bracket in two pieces
  const third = z * 0.3333333333333333
  const thirdLow = productTail(z, 0.3333333333333333, third) + z * 1.850371707708594e-17 + zLow * 0.3333333333333333 + z * z * atanhTail4(z)
  const bracket = 1 + third
  const bracketLow = third - (bracket - 1) + thirdLow
  const product = s * bracket
  const productLow = productTail(s, bracket, product) + s * bracketLow + sLow * bracket
  // log(x) = k ln 2 + 2 atanh(s)
  const head = k * LN2_HIGH
  const body = 2 * product
  const sum = head + body
  const sumLow = sumTail(head, body, sum) + 2 * productLow + k * LN2_LOW
  const logHigh = sum + sumLow
  const logLow = sum - logHigh + sumLow

  const t = y * logHigh
  if (t > 709.79) return sign * Infinity
  if (t < -745.14) return sign * 0
  const tLow = productTail(y, logHigh, t) + y * logLow
  const n = t * INV_LN2 + ROUND - ROUND
  return sign * expScaled(t - n * LN2_HIGH, tLow - n * LN2_LOW, n)
}

/** Cube root: an estimate to 9 bits, one Halley step, one corrected Newton step on 26 bits (after Kahan). At most 0.67 ulp. */
export function cbrt(x: number): number {
  if (x === 0 || x - x !== 0) return x
  const subnormal = Math.abs(x) < 2.2250738585072014e-308
  const ax = subnormal ? Math.abs(x) * 18014398509481984 : Math.abs(x)
  const q = Math.floor(exponentOf(ax) / 3)
  const m = ax * pow2(-q) * pow2(-2 * q)
  let t: number = cbrtEstimate(m)
  const cube = t * t * t
  t = high26((t * (cube + 2 * m)) / (2 * cube + m))
  const r = m / (t * t)
  return copySign((t + (t * (r - t)) / (t + t + r)) * pow2(subnormal ? q - 18 : q), x)
}

function cbrtEstimate(m: number): number {
  return 0.6084349186865862 + m * (0.48881233581505845 + m * (-0.11212010655657866 + m * (0.018251656689589422 + m * (
    -0.001596887337316374 + m * 5.655254894221102e-5))))
}

/** sqrt(x^2 + y^2) without overflow; Infinity if either is infinite, even beside NaN. */
export function hypot(x: number, y: number): number {
  const ax = Math.abs(x)
  const ay = Math.abs(y)
  if (ax === Infinity || ay === Infinity) return Infinity
  if (ax !== ax || ay !== ay) return NaN
  let a: number = ax > ay ? ax : ay
  let b: number = ax > ay ? ay : ax
  if (b === 0) return a
  let unscale: number = 1
  if (a > 1e150) {
    a *= pow2(-600)
    b *= pow2(-600)
    unscale = pow2(600)
  } else if (b < 1e-130) {
    if (a > 1e-100) return a
    a *= pow2(600)
    b *= pow2(600)
    unscale = pow2(-600)
  }
  if (a > b * 18014398509481984) return a * unscale + b * unscale
  const aa = a * a
  const bb = b * b
  const s = aa + bb
  const h = Math.sqrt(s)
  const hh = h * h
  // s - h^2 is exact; one Newton step on what the squares and their sum lost.
  const rest = s - hh - productTail(h, h, hh) + (bb - (s - aa) + (productTail(a, a, aa) + productTail(b, b, bb)))
  return (h + rest / (2 * h)) * unscale
}
