// The power transforms of scikit-learn's PowerTransformer, and their inverses.
import { exp } from './exp.ts'
import { expm1 } from './expm1.ts'
import { log } from './log.ts'
import { log1p } from './log1p.ts'
import { pow } from './pow.ts'

const EPSILON: number = 2.220446049250313e-16
/** Powers of e below it are finite. */
const LOG_MAX: number = 709.78

export function yeoJohnson(x: number, lambda: number): number {
  if (x >= 0) return Math.abs(lambda) < EPSILON ? log1p(x) : (pow(x + 1, lambda) - 1) / lambda
  return Math.abs(lambda - 2) > EPSILON ? -(pow(1 - x, 2 - lambda) - 1) / (2 - lambda) : -log1p(-x)
}

/** The same as newer versions compute it. */
export function yeoJohnsonExpm1(x: number, lambda: number): number {
  if (x >= 0) return Math.abs(lambda) < EPSILON ? log1p(x) : expm1(lambda * log1p(x)) / lambda
  return Math.abs(lambda - 2) > EPSILON ? -expm1((2 - lambda) * log1p(-x)) / (2 - lambda) : -log1p(-x)
}

/** Of positive x. */
export function boxCox(x: number, lambda: number): number {
  if (Math.abs(lambda) < 1e-19) return log(x)
  const exponent = lambda * log(x)
  if (exponent < LOG_MAX) return expm1(exponent) / lambda
  const large = exp(exponent - log(Math.abs(lambda)))
  return (lambda < 0 ? -large : large) - 1 / lambda
}

export function boxCoxInverse(x: number, lambda: number): number {
  return lambda === 0 ? exp(x) : pow(x * lambda + 1, 1 / lambda)
}

export function yeoJohnsonInverse(x: number, lambda: number): number {
  if (x >= 0) return Math.abs(lambda) < EPSILON ? exp(x) - 1 : pow(x * lambda + 1, 1 / lambda) - 1
  return Math.abs(lambda - 2) > EPSILON ? 1 - pow(-(2 - lambda) * x + 1, 1 / (2 - lambda)) : 1 - exp(-x)
}
