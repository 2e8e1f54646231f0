// Determinants by elimination with partial pivoting, in doubles.
import type { Kernel, KernelEntry } from '../kernel.ts'
import { view } from './moving.ts'
import { numbers, perShape } from './nest.ts'
import { widened } from './widen.ts'

// X [..., n, n] f64 -> Y [...]
function makeDet(): Kernel {
  const memory = perShape(([x]) => new Float64Array(view(x).shape.slice(-2).reduce((product, dim) => product * dim, 1)))
  return (inputs, outputs) => {
    const a = memory(inputs, outputs)
    const { shape } = view(inputs[0])
    const n = shape[shape.length - 1]
    const [x, y] = [numbers(inputs[0]), numbers(outputs[0])]
    for (let matrix = 0; matrix < view(outputs[0]).size; matrix++) {
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
