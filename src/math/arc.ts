// Inverse circular functions: odd polynomials near 0, sqrt((1 - x) / 2) near 1, four breakpoints for atan (as in fdlibm).
import { copySign, pow2 } from './bits.ts'
import { high26, productTail, sumTail } from './exact.ts'

const HALF_PI = 1.5707963267948966
const HALF_PI_LOW = 6.123233995736766e-17

/** asin(s) = s (1 + z A(z)), z = s^2 <= 1/4. */
function asinTail(z: number): number {
  return 0.16666666666666669 + z * (0.07499999999998433 + z * (0.04464285714635543 + z * (0.030381944138531247 + z * (
    0.02237217294214989 + z * (0.017352392720869973 + z * (0.013971212973552933 + z * (0.011479177415184906 + z * (
    0.01032281435018578 + z * (0.005457506718640358 + z * (0.01740087944269402 + z * (-0.014851887071247204 + z *
    0.028757851367421566)))))))))))
}

/** atan(t) = t (1 + z B(z)), z = t^2 <= (7/16)^2. */
function atanTail(z: number): number {
  return -0.3333333333333333 + z * (0.19999999999999404 + z * (-0.14285714285565465 + z * (0.111111110965279 + z * (
    -0.09090908350382436 + z * (0.07692285419714515 + z * (-0.06666239748865294 + z * (0.05876924062763387 + z * (
    -0.05216532007308444 + z * (0.044916556747777434 + z * (-0.033114228762660534 + z * 0.014759380407779155))))))))))
}

/** Arc sine; NaN outside [-1, 1]. */
export function asin(x: number): number {
  const ax = Math.abs(x)
  if (ax < 0.5) {
    if (ax < 7.45e-9) return x
    const z = x * x
    return x + x * z * asinTail(z)
  }
  if (!(ax <= 1)) return NaN
  // pi/2 - 2 asin(sqrt(w)), the root in two pieces
  const w = 0.5 * (1 - ax)
  const root = Math.sqrt(w)
  const high = high26(root)
  const low = root === 0 ? 0 : (w - high * high) / (root + high)
  const t = HALF_PI - 2 * high
  const rest = sumTail(HALF_PI, -2 * high, t) + (HALF_PI_LOW - 2 * (low + root * w * asinTail(w)))
  return copySign(t + rest, x)
}

/** Arc cosine; NaN outside [-1, 1]. */
export function acos(x: number): number {
  const ax = Math.abs(x)
  if (ax < 0.5) {
    const z = x * x
    const t = HALF_PI - x
    return t + (sumTail(HALF_PI, -x, t) + (HALF_PI_LOW - x * z * asinTail(z)))
  }
  if (!(ax <= 1)) return NaN
  const w = 0.5 * (1 - ax)
  const root = Math.sqrt(w)
  const high = high26(root)
  const low = root === 0 ? 0 : (w - high * high) / (root + high)
  const rest = low + root * w * asinTail(w)
  if (x > 0) return 2 * (high + rest)
  const t = 2 * HALF_PI - 2 * high
  return t + (sumTail(2 * HALF_PI, -2 * high, t) + 2 * (HALF_PI_LOW - rest))
}

/** atan(x + low) for x >= 0; with sign = -1, pi less that. */
function atanCore(x: number, low: number, sign: number): number {
  const correction = low === 0 ? 0 : low / (1 + x * x)
  let base: number = 0
  let baseLow: number = 0
  let t: number = x
  if (x >= 0.4375) {
    if (x < 0.6875) {
      base = 0.4636476090008061
      baseLow = 2.2698777452961687e-17
      t = (2 * x - 1) / (2 + x)
    } else if (x < 1.1875) {
      base = 0.7853981633974483
      baseLow = 3.061616997868383e-17
      t = (x - 1) / (x + 1)
    } else if (x < 2.4375) {
      base = 0.982793723247329
      baseLow = 1.3903311031230998e-17
      t = (x - 1.5) / (1 + 1.5 * x)
    } else {
      base = HALF_PI
      baseLow = HALF_PI_LOW
      t = -1 / x
    }
  }
  const z = t * t
  const rest = baseLow + (t * z * atanTail(z) + correction)
  if (sign > 0) return base + (t + rest)
  const head = 2 * HALF_PI - base
  return head - (t + (rest - (sumTail(2 * HALF_PI, -base, head) + 2 * HALF_PI_LOW)))
}

/** Arc tangent. */
export function atan(x: number): number {
  const ax = Math.abs(x)
  if (ax < 7.45e-9 || x !== x) return x
  return copySign(ax > 1e17 ? HALF_PI : atanCore(ax, 0, 1), x)
}

/** The angle of the point (x, y) in [-pi, pi]; signed zeros and infinities as in C99 F.9.1.4. */
export function atan2(y: number, x: number): number {
  if (x !== x || y !== y) return NaN
  const negative = copySign(1, x) < 0
  if (y === 0) return negative ? copySign(2 * HALF_PI, y) : y
  let ax: number = Math.abs(x)
  let ay: number = Math.abs(y)
  if (ay === Infinity) return copySign(ax === Infinity ? (negative ? 3 * 0.7853981633974483 : 0.7853981633974483) : HALF_PI, y)
  if (ax === Infinity) return copySign(negative ? 2 * HALF_PI : 0, y)
  if (ax === 0) return copySign(HALF_PI, y)
  const ratio = ay / ax
  if (ratio > 1e18) return copySign(HALF_PI, y)
  if (ratio < 1e-18) return copySign(negative ? 2 * HALF_PI : ratio, y)
  if (ax > 1e200 || ay > 1e200) {
    ax *= pow2(-300)
    ay *= pow2(-300)
  } else if (ax < 1e-200 || ay < 1e-200) {
    ax *= pow2(300)
    ay *= pow2(300)
  }
  const q = ay / ax
  const p = q * ax
  return copySign(atanCore(q, (ay - p - productTail(q, ax, p)) / ax, negative ? -1 : 1), y)
}
