// Bessel functions and triangular systems.
import { besselK } from '../../math/bessel.ts'
import { float } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { float64Of } from './nest.ts'

// x of any shape f64; out like x
function makeBesselK({ attributes }: KernelContext): Kernel {
  const nu = float(attributes, 'nu', 0)
  return ([xView], [outView]) => {
    const x = float64Of(xView)
    const out = float64Of(outView)
    for (let i = 0; i < x.length; i++) out[i] = besselK(nu, x[i])
  }
}

// b [rows, n] f64, l [n, n] f64; out [rows, n] f64
function makeTriangularSolve(): Kernel {
  return ([bView, lView], [outView]) => {
    const b = float64Of(bView)
    const l = float64Of(lView)
    const out = float64Of(outView)
    const [rows, n] = (bView as View).shape
    // Four rows share each read of L.
    let r = 0
    for (; r + 4 <= rows; r += 4) {
      const r0 = r * n, r1 = r0 + n, r2 = r1 + n, r3 = r2 + n
      for (let i = 0, at = 0; i < n; i++, at += n) {
        let s0 = b[r0 + i], s1 = b[r1 + i], s2 = b[r2 + i], s3 = b[r3 + i]
        for (let j = 0; j < i; j++) {
          const value = l[at + j]
          s0 -= value * out[r0 + j]; s1 -= value * out[r1 + j]; s2 -= value * out[r2 + j]; s3 -= value * out[r3 + j]
        }
        const pivot = l[at + i]
        out[r0 + i] = s0 / pivot; out[r1 + i] = s1 / pivot; out[r2 + i] = s2 / pivot; out[r3 + i] = s3 / pivot
      }
    }
    for (; r < rows; r++) {
      for (let i = 0, at = 0, first = r * n; i < n; i++, at += n) {
        let sum = b[first + i]
        for (let j = 0; j < i; j++) sum -= l[at + j] * out[first + j]
        out[first + i] = sum / l[at + i]
      }
    }
  }
}

export const gaussianProcessKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.BesselK', { make: makeBesselK }],
  ['mle.TriangularSolve', { make: makeTriangularSolve }],
]
