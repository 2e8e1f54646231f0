// log(sum(exp(x))) over a strided range, outside the Wasm subset because it takes an array.
import { exp } from './exp.ts'
import { log } from './log.ts'

/**
 * log of the sum of exponentials of `length` elements from `offset` on, `stride` apart, as scipy.special.logsumexp 1.10:
 * the largest finite element is subtracted first; -Infinity for an empty range or one of -Infinity only.
 * Terms are added one after another in the order of the range.
 */
export function logsumexp(x: Float64Array, offset: number, length: number, stride: number): number {
  let max = -Infinity
  for (let i = 0, at = offset; i < length; i++, at += stride) {
    const value = x[at]
    if (value !== value) return NaN
    if (value > max) max = value
  }
  if (max - max !== 0) return max
  let sum = 0
  for (let i = 0, at = offset; i < length; i++, at += stride) sum += exp(x[at] - max)
  return log(sum) + max
}
