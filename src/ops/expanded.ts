// What squared Euclidean distances as |a|^2 - 2 a b + |b|^2 are made of, in the arithmetic of numpy and BLAS. Training libraries compute them so, and where
// data lie on a grid the rounding of that form decides which of two equally distant rows is the nearer one.
import { fma } from '../math/fma.ts'

/** Sum of squares of `length` numbers from `start`: two lanes, blocks of eight from their end, as numpy's einsum adds them. */
export function squaredNorm(data: Float64Array, start: number, length: number): number {
  let even = 0
  let odd = 0
  let i = 0
  for (; i + 8 <= length; i += 8) {
    for (let pair = 6; pair >= 0; pair -= 2) {
      even += data[start + i + pair] * data[start + i + pair]
      odd += data[start + i + pair + 1] * data[start + i + pair + 1]
    }
  }
  for (; i < length; i += 2) {
    even += data[start + i] * data[start + i]
    if (i + 1 < length) odd += data[start + i + 1] * data[start + i + 1]
  }
  return even + odd
}

/** Dot product of `length` numbers from `a` and `b` on by fused multiply-adds in order, as BLAS accumulates one element of a product. */
export function fusedDot(x: Float64Array, a: number, y: Float64Array, b: number, length: number): number {
  let sum = 0
  for (let k = 0; k < length; k++) sum = fma(x[a + k], y[b + k], sum)
  return sum
}
