// Activation functions of networks; every backend computes these.
import { erfc } from './erf.ts'
import { exp } from './exp.ts'
import { expm1 } from './expm1.ts'
import { logistic } from './logistic.ts'

const SQRT_HALF = 0.7071067811865476
export const SQRT_2_OVER_PI = 0.7978845608028654

/** x Phi(x); erfc keeps the digits of the lower tail. */
export function gelu(x: number): number {
  return x === -Infinity ? -0 : 0.5 * x * erfc(-x * SQRT_HALF)
}

export function geluTanh(x: number): number {
  return x === -Infinity ? -0 : x * logistic(2 * SQRT_2_OVER_PI * (x + 0.044715 * x * x * x))
}

/** tanh(log(1 + e^x)) = p / (p + 2) with p = e^x (e^x + 2). */
export function mish(x: number): number {
  const e = exp(x > 40 ? 40 : x)
  const p = e * (e + 2)
  return x === -Infinity ? -0 : x * (p / (p + 2))
}

/** x / (1 + e^(-alpha x)) */
export function swish(x: number, alpha: number): number {
  const gate = logistic(alpha * x)
  return gate === 0 ? 0 : x * gate
}

export function hardSigmoid(x: number, alpha: number, beta: number): number {
  return Math.max(0, Math.min(1, alpha * x + beta))
}

export function hardSwish(x: number): number {
  return x === -Infinity ? -0 : x * Math.max(0, Math.min(1, x / 6 + 0.5))
}

export function elu(x: number, alpha: number): number {
  return x < 0 ? alpha * expm1(x) : x
}

/** gamma x above 0, gammaAlpha (e^x - 1) below. */
export function selu(x: number, gammaAlpha: number, gamma: number): number {
  return x <= 0 ? gammaAlpha * expm1(x) : gamma * x
}

export function celu(x: number, alpha: number): number {
  return Math.max(0, x) + Math.min(0, alpha * expm1(x / alpha))
}

export function thresholdedRelu(x: number, alpha: number): number {
  return x <= alpha ? 0 : x
}
