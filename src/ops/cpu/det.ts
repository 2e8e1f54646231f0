// Determinants in doubles: of small matrices by expansion, which keeps to the sum of its terms' sizes whatever entries are zero, of larger ones by elimination.
import type { Kernel, KernelEntry } from '../kernel.ts'
import { view } from './moving.ts'
import { numbers, perShape } from './nest.ts'
import { widened } from './widen.ts'

/** Expansion takes n 2^n products. */
const MAX_EXPANDED = 8

/** Laplace's expansion: `minors[columns]` is the determinant of as many first rows as `columns` has bits. */
function expanded(x: ArrayLike<number>, start: number, n: number, minors: Float64Array): number {
  minors[0] = 1
  for (let columns = 1; columns < 1 << n; columns++) {
    let row = -1
    for (let bits = columns; bits !== 0; bits &= bits - 1) row++
    let sum = 0
    // From the last column on, signs alternate beginning with plus.
    for (let column = n - 1, sign = 1; column >= 0; column--) {
      if ((columns & (1 << column)) === 0) continue
      sum += sign * x[start + row * n + column] * minors[columns ^ (1 << column)]
      sign = -sign
    }
    minors[columns] = sum
  }
  return minors[(1 << n) - 1]
}

// X [..., n, n] f64 -> Y [...]
function makeDet(): Kernel {
  const memory = perShape(([x]) => {
    const n = view(x).shape.at(-1) ?? 0
    return new Float64Array(n <= MAX_EXPANDED ? 1 << n : n * n)
  })
  return (inputs, outputs) => {
    const a = memory(inputs, outputs)
    const { shape } = view(inputs[0])
    const n = shape[shape.length - 1]
    const [x, y] = [numbers(inputs[0]), numbers(outputs[0])]
    for (let matrix = 0; matrix < view(outputs[0]).size; matrix++) {
      if (n <= MAX_EXPANDED) {
        y[matrix] = expanded(x, matrix * n * n, n, a)
        continue
      }
      for (let i = 0; i < n * n; i++) a[i] = x[matrix * n * n + i]
      let product = 1
      for (let k = 0; k < n && product !== 0; k++) {
        let pivot = k
        for (let row = k + 1; row < n; row++) if (Math.abs(a[row * n + k]) > Math.abs(a[pivot * n + k])) pivot = row
        if (pivot !== k) {
          product = -product
          for (let column = k; column < n; column++) {
            const value = a[k * n + column]
            a[k * n + column] = a[pivot * n + column]
            a[pivot * n + column] = value
          }
        }
        const head = a[k * n + k]
        product *= head
        for (let row = k + 1; row < n; row++) {
          const factor = a[row * n + k] / head
          for (let column = k + 1; column < n; column++) a[row * n + column] -= factor * a[k * n + column]
        }
      }
      y[matrix] = product
    }
  }
}

export const detKernels: readonly (readonly [string, KernelEntry])[] = [['Det', { make: /* @__PURE__ */ widened(makeDet, (dtype) => dtype !== 'float64', 'float64') }]]
