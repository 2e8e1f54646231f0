// Small dense linear algebra on constants of a model.
import { MleError } from '../../error.ts'
import { log } from '../../math/index.ts'

/** a [n, k] times b [k, m], both row-major. */
export function product(a: Float64Array, n: number, k: number, b: Float64Array, m: number): Float64Array {
  const out = new Float64Array(n * m)
  for (let i = 0; i < n; i++) {
    for (let l = 0; l < k; l++) {
      const value = a[i * k + l]
      for (let j = 0; j < m; j++) out[i * m + j] += value * b[l * m + j]
    }
  }
  return out
}

/**
 * X of A X = B by Gaussian elimination with partial pivoting: a [n, n], b [n, m] -> [n, m].
 *
 * @throws MleError SKLEARN_SINGULAR when A has no inverse
 */
export function solve(a: Float64Array, n: number, b: Float64Array, m: number): Float64Array {
  return eliminate(a, n, b, m).solution
}

/** The inverse of A [n, n] and the logarithm of the magnitude of its determinant. Throws as `solve`. */
export function invert(a: Float64Array, n: number): { inverse: Float64Array; logDeterminant: number } {
  const identity = new Float64Array(n * n)
  for (let i = 0; i < n; i++) identity[i * n + i] = 1
  const { solution, pivots } = eliminate(a, n, identity, n)
  return { inverse: solution, logDeterminant: pivots.reduce((sum, one) => sum + log(Math.abs(one)), 0) }
}

function eliminate(a: Float64Array, n: number, b: Float64Array, m: number): { solution: Float64Array; pivots: Float64Array } {
  const left = Float64Array.from(a)
  const right = Float64Array.from(b)
  const swap = (data: Float64Array, width: number, i: number, j: number): void => {
    for (let c = 0; c < width; c++) [data[i * width + c], data[j * width + c]] = [data[j * width + c], data[i * width + c]]
  }
  for (let k = 0; k < n; k++) {
    let pivot = k
    for (let i = k + 1; i < n; i++) if (Math.abs(left[i * n + k]) > Math.abs(left[pivot * n + k])) pivot = i
    if (!(Math.abs(left[pivot * n + k]) > 0)) throw new MleError('SKLEARN_SINGULAR', `a matrix of ${n} rows in the file has no inverse`)
    if (pivot !== k) {
      swap(left, n, k, pivot)
      swap(right, m, k, pivot)
    }
    for (let i = k + 1; i < n; i++) {
      const factor = left[i * n + k] / left[k * n + k]
      if (factor === 0) continue
      for (let c = k; c < n; c++) left[i * n + c] -= factor * left[k * n + c]
      for (let c = 0; c < m; c++) right[i * m + c] -= factor * right[k * m + c]
    }
  }
  for (let k = n - 1; k >= 0; k--) {
    for (let c = 0; c < m; c++) {
      let sum = right[k * m + c]
      for (let i = k + 1; i < n; i++) sum -= left[k * n + i] * right[i * m + c]
      right[k * m + c] = sum / left[k * n + k]
    }
  }
  return { solution: right, pivots: Float64Array.from({ length: n }, (_, i) => left[i * n + i]) }
}
