// Convolutions of rows.
import type { Kernel, KernelEntry, View } from '../kernel.ts'
import { float64Of } from './nest.ts'

// a, b [rows, n] f64; out [rows, n] f64
function makeCircularConvolution(): Kernel {
  return ([aView, bView], [outView]) => {
    const a = float64Of(aView)
    const b = float64Of(bView)
    const out = float64Of(outView).fill(0)
    const [rows, n] = (aView as View).shape
    for (let r = 0, at = 0; r < rows; r++, at += n) {
      for (let i = 0; i < n; i++) {
        const value = a[at + i]
        for (let j = 0, k = i; j < n; j++, k = k + 1 === n ? 0 : k + 1) out[at + k] += value * b[at + j]
      }
    }
  }
}

export const convolutionKernels: readonly (readonly [string, KernelEntry])[] = [['mle.CircularConvolution', { make: makeCircularConvolution }]]
