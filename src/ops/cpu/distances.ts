// Distances from rows to points.
import { float, text } from '../attributes.ts'
import { metricOf } from '../distances.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { float64Of } from './nest.ts'
import { widened } from './widen.ts'

// x [n] at i, y [points, n]; out [points] at `at`. Four points at once: one row's features stay in registers, each sum keeps its order.
function squaredRow(x: Float64Array, i: number, y: Float64Array, points: number, n: number, out: Float64Array, at: number): void {
  let j = 0
  for (; j + 4 <= points; j += 4) {
    const j0 = j * n, j1 = j0 + n, j2 = j1 + n, j3 = j2 + n
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0
    for (let f = 0; f < n; f++) {
      const a = x[i + f]
      const d0 = a - y[j0 + f], d1 = a - y[j1 + f], d2 = a - y[j2 + f], d3 = a - y[j3 + f]
      s0 += d0 * d0; s1 += d1 * d1; s2 += d2 * d2; s3 += d3 * d3
    }
    out[at + j] = s0; out[at + j + 1] = s1; out[at + j + 2] = s2; out[at + j + 3] = s3
  }
  for (; j < points; j++) {
    let sum = 0
    for (let f = 0, k = j * n; f < n; f++, k++) sum += (x[i + f] - y[k]) * (x[i + f] - y[k])
    out[at + j] = sum
  }
}

/** |v|^2 of each row. values [rows, n]; out [rows] */
export function squaredNorms(values: Float64Array, rows: number, n: number, out: Float64Array): void {
  for (let r = 0, at = 0; r < rows; r++) {
    let sum = 0
    for (let f = 0; f < n; f++, at++) sum += values[at] * values[at]
    out[r] = sum
  }
}

/** |x|^2 - 2 x y + |y|^2, at least 0. x [n] at i, y [points, n], norms [points]; out [points] at `at` */
export function expandedRow(x: Float64Array, i: number, y: Float64Array, norms: Float64Array, points: number, n: number, out: Float64Array, at: number): void {
  let xx = 0
  for (let f = 0; f < n; f++) xx += x[i + f] * x[i + f]
  let j = 0
  for (; j + 4 <= points; j += 4) {
    const j0 = j * n, j1 = j0 + n, j2 = j1 + n, j3 = j2 + n
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0
    for (let f = 0; f < n; f++) {
      const a = x[i + f]
      s0 += a * y[j0 + f]; s1 += a * y[j1 + f]; s2 += a * y[j2 + f]; s3 += a * y[j3 + f]
    }
    out[at + j] = Math.max(0, -2 * s0 + xx + norms[j])
    out[at + j + 1] = Math.max(0, -2 * s1 + xx + norms[j + 1])
    out[at + j + 2] = Math.max(0, -2 * s2 + xx + norms[j + 2])
    out[at + j + 3] = Math.max(0, -2 * s3 + xx + norms[j + 3])
  }
  for (; j < points; j++) {
    let sum = 0
    for (let f = 0, k = j * n; f < n; f++, k++) sum += x[i + f] * y[k]
    out[at + j] = Math.max(0, -2 * sum + xx + norms[j])
  }
}

// x [rows, n] f64, y [points, n] f64, parameters f64; out [rows, points] f64
function makePairwiseDistance({ attributes, scratch }: KernelContext): Kernel {
  const name = text(attributes, 'metric', 'euclidean')
  const isExpanded = text(attributes, 'form', 'direct') === 'expanded'
  const p = float(attributes, 'p', 2)
  const isEuclidean = name === 'euclidean'
  return ([xView, yView, parameterView], [outView]) => {
    const x = float64Of(xView)
    const y = float64Of(yView)
    const out = float64Of(outView)
    const [rows, n] = (xView as View).shape
    const points = (yView as View).shape[0]
    if (isEuclidean || name === 'sqeuclidean') {
      const norms = scratch.float64(isExpanded ? points : 0)
      if (isExpanded) squaredNorms(y, points, n, norms)
      for (let r = 0; r < rows; r++) {
        if (isExpanded) expandedRow(x, r * n, y, norms, points, n, out, r * points)
        else squaredRow(x, r * n, y, points, n, out, r * points)
      }
      if (isEuclidean) for (let i = 0; i < out.length; i++) out[i] = Math.sqrt(out[i])
      return
    }
    const { reduced, toDistance } = metricOf(name, p, parameterView === undefined ? undefined : float64Of(parameterView), n)
    for (let r = 0, at = 0; r < rows; r++) for (let j = 0; j < points; j++, at++) out[at] = toDistance(reduced(x, r * n, y, j * n, n))
  }
}

export const distanceKernels: readonly (readonly [string, KernelEntry])[] = [['mle.PairwiseDistance', { make: widened(makePairwiseDistance, (dtype) => dtype === 'float32', 'float64') }]]
