import { fma } from '../../math/fma.ts'
import type { Kernel, KernelEntry } from '../kernel.ts'
import { float64Of } from './nest.ts'

// a [rows, k] f64, b [k, columns] f64; out [rows, columns] f64
const fusedMatMul: Kernel = ([aView, bView], [outView]) => {
  if (aView === undefined || bView === undefined) return
  const a = float64Of(aView)
  const b = float64Of(bView)
  const out = float64Of(outView)
  const [rows, inner] = aView.shape
  const columns = bView.shape[1]
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      let sum = 0
      for (let k = 0; k < inner; k++) sum = fma(a[r * inner + k], b[k * columns + c], sum)
      out[r * columns + c] = sum
    }
  }
}

export const fusedKernels: readonly (readonly [string, KernelEntry])[] = [['mle.FusedMatMul', { make: () => fusedMatMul }]]
