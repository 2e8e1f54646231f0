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

/** Dot product by fused multiply-adds in order, as BLAS accumulates one element of a product. */
function fusedDot(a: Float64Array, b: Float64Array, start: number, length: number): number {
  let sum = 0
  for (let k = 0; k < length; k++) sum = fma(a[k], b[start + k], sum)
  return sum
}

/** fusedDot of a and each of `rows` rows of b, two at once: one sum alone waits for each of its additions, and of more engines do not inline them. */
export function fusedDots(a: Float64Array, b: Float64Array, rows: number, length: number, out: Float64Array): void {
  let row = 0
  for (; row + 2 <= rows; row += 2) {
    const first = row * length
    const second = first + length
    let s0 = 0
    let s1 = 0
    for (let k = 0; k < length; k++) {
      s0 = fma(a[k], b[first + k], s0)
      s1 = fma(a[k], b[second + k], s1)
    }
    out[row] = s0
    out[row + 1] = s1
  }
  if (row < rows) out[row] = fusedDot(a, b, row * length, length)
}
