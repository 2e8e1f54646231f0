// Activation functions of float32 numbers, from the functions of single.ts; every backend computes these.
import { expm1Single, expSingle, logisticSingle, normalCdfSingle } from './single.ts'
import { SQRT_2_OVER_PI } from './units.ts'

/** Rounds to infinity; its product with the smallest of a gate's values to 0. */
export const PAST_SINGLE: number = 3.5e38

/** x, finite. */
function finite(x: number): number {
  const low: number = x < -PAST_SINGLE ? -PAST_SINGLE : x
  return low > PAST_SINGLE ? PAST_SINGLE : low
}

export function geluSingle(x: number): number {
  return finite(x) * normalCdfSingle(x)
}

export function geluTanhSingle(x: number): number {
  return finite(x) * logisticSingle(2 * SQRT_2_OVER_PI * (x + 0.044715 * x * x * x))
}

/** x / (1 + e^(-alpha x)) */
export function swishSingle(x: number, alpha: number): number {
  return finite(x) * logisticSingle(alpha * x)
}

/** tanh(log(1 + e^x)) = p / (p + 2) with p = e^x (e^x + 2). */
export function mishSingle(x: number): number {
  const e = expSingle(x > 40 ? 40 : x)
  const p = e * (e + 2)
  return finite(x) * (p / (p + 2))
}

export function eluSingle(x: number, alpha: number): number {
  return x < 0 ? alpha * expm1Single(x) : x
}

/** gamma x above 0, gammaAlpha (e^x - 1) below. */
export function seluSingle(x: number, gammaAlpha: number, gamma: number): number {
  return x <= 0 ? gammaAlpha * expm1Single(x) : gamma * x
}

export function celuSingle(x: number, alpha: number): number {
  return Math.max(0, x) + Math.min(0, alpha * expm1Single(x / alpha))
}
