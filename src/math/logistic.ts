import { exp } from './exp.ts'

/** 1 / (1 + e^-x), as scipy.special.expit; e^x where e^-x would overflow. */
export function logistic(x: number): number {
  return x < -709 ? exp(x) : 1 / (1 + exp(-x))
}
