// Hyperbolic functions and their inverses, from e^x and log(1 + x) in two pieces: below 1 ulp.
import { copySign, pow2 } from './bits.ts'
import { productTail, sumTail } from './exact.ts'
import { expScaled, expTail, INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from './exp.ts'
import { logCore } from './log.ts'
import { log1pCore } from './log1p.ts'

/** sinh(x) = x (1 + z H(z)), z = x^2 <= 1. */
function sinhTail(z: number): number {
  return 0.16666666666666666 + z * (0.008333333333333333 + z * (0.0001984126984126984 + z * (
    2.7557319223985825e-6 + z * (2.505210838547607e-8 + z * (1.605904382690051e-10 + z * (7.647165414593481e-13 + z * (
    2.8112909646770106e-15 + z * 8.309171941866942e-18)))))))
}

/** (e^x + sign e^-x) / 2 for x >= 0, without cancellation where sign = 1 or x >= 1. */
function halfSum(x: number, sign: number): number {
  if (x > 710.5) return Infinity // past 710.4758 the scaling below overflows by itself
  const k = x * INV_LN2 + ROUND - ROUND
  const high = x - k * LN2_HIGH
  const low = -k * LN2_LOW
  if (x > 22) return expScaled(high, low, k - 1) // e^-x is below half an ulp
  const r = high + low
  const s = 1 + r
  const rest = r - (s - 1) + (high - r + low + r * r * expTail(r))
  const n = pow2(k - 1)
  return n * s + (n * rest + (sign * 0.25) / (n * (s + rest)))
}

export function sinh(x: number): number {
  const ax = Math.abs(x)
  if (ax < 1) {
    if (ax < 1e-8) return x
    const z = x * x
    return x + x * z * sinhTail(z)
  }
  return x !== x ? x : copySign(halfSum(ax, -1), x)
}

export function cosh(x: number): number {
  return x !== x ? x : halfSum(Math.abs(x), 1)
}

/** tanh(x) = p / (p + 2) with p = e^2x - 1 in two pieces and the quotient's remainder added back. */
export function tanh(x: number): number {
  const ax = Math.abs(x)
  if (!(ax < 19.1)) return x !== x ? x : x > 0 ? 1 : -1
  if (ax < 1e-8) return x
  const v = 2 * ax
  const k = v * INV_LN2 + ROUND - ROUND
  const high = v - k * LN2_HIGH
  const low = -k * LN2_LOW
  const r = high + low
  const n = pow2(k)
  const head = n - 1
  const body = n * r
  const s = head + body
  const sLow = body - (s - head) + n * (high - r + low + r * r * expTail(r))
  const p = s + sLow
  const pLow = s - p + sLow
  const d = 2 + p
  const inverse = 1 / d
  const q = p * inverse
  const product = q * d
  const t = q + (p - product - productTail(q, d, product) + (pLow - q * (sumTail(2, p, d) + pLow))) * inverse
  return x < 0 ? -t : t
}

export function asinh(x: number): number {
  const ax = Math.abs(x)
  if (ax < 1e-8 || x - x !== 0) return x
  if (ax > 268435456) return copySign(logCore(ax, 1, 0), x)
  // log1p(x + x^2 / (1 + sqrt(1 + x^2)))
  const z = ax * ax
  const zLow = productTail(ax, ax, z)
  const u = 1 + z
  const root = Math.sqrt(u)
  const square = root * root
  const rootLow = (u - square - productTail(root, root, square) + (sumTail(1, z, u) + zLow)) / (2 * root)
  const d = 1 + root
  const q = z / d
  const p = q * d
  const qLow = (z - p - productTail(q, d, p) + zLow - q * (sumTail(1, root, d) + rootLow)) / d
  const w = ax + q
  return copySign(log1pCore(w, sumTail(ax, q, w) + qLow), x)
}

/** Inverse hyperbolic cosine; NaN below 1. */
export function acosh(x: number): number {
  if (!(x >= 1)) return NaN
  if (x > 268435456) return x === Infinity ? x : logCore(x, 1, 0)
  if (x === 1) return 0
  // log1p(t + sqrt(2 t + t^2)), t = x - 1 exact
  const t = x - 1
  const z = t * t
  const u = 2 * t + z
  const root = Math.sqrt(u)
  const square = root * root
  const rootLow = (u - square - productTail(root, root, square) + (sumTail(2 * t, z, u) + productTail(t, t, z))) / (2 * root)
  const w = t + root
  return log1pCore(w, sumTail(t, root, w) + rootLow)
}

/** Inverse hyperbolic tangent; infinite at +-1, NaN beyond. */
export function atanh(x: number): number {
  const ax = Math.abs(x)
  if (!(ax < 1)) return ax === 1 ? copySign(Infinity, x) : NaN
  if (ax < 1e-8) return x
  // log1p(2 x / (1 - x)) / 2
  const d = 1 - ax
  const dLow = sumTail(1, -ax, d)
  const a = 2 * ax
  const q = a / d
  const p = q * d
  return copySign(0.5 * log1pCore(q, (a - p - productTail(q, d, p) - q * dLow) / d), x)
}
