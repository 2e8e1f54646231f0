// Combinations that models use, computed as scipy.special does, so that importers keep their library's digits.
import { exp } from './exp.ts'
import { log } from './log.ts'
import { log1p } from './log1p.ts'

/** log(logistic(x)), as scipy.special.log_expit. */
export function logExpit(x: number): number {
  return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x))
}

/** log(1 + e^x) without overflow, numpy's logaddexp(0, x). */
export function softplus(x: number): number {
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
}

/** x log(y), and 0 where x = 0 and y is no NaN. */
export function xlogy(x: number, y: number): number {
  return x === 0 && y === y ? 0 : x * log(y)
}
