// Codes of rows, one at a time: topics, sparse codes, barycentres.
import { MleError } from '../../error.ts'
import { exp } from '../../math/exp.ts'
import { digamma } from '../../math/gamma.ts'
import { log } from '../../math/log.ts'
import { float, int, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { float64Of } from './nest.ts'

/** psi(x) by the first terms of its asymptotic series from 6 on, as scikit-learn's topic models compute it (error 3e-9). */
function shortDigamma(x: number): number {
  if (x <= 1e-6) return -0.5772156649015329 - 1 / x
  let result = 0
  for (; x < 6; x++) result -= 1 / x
  const r = 1 / x
  const z = r * r
  return result + log(x) - 0.5 * r - z * (1 / 12 - z * (1 / 120 - z * (1 / 252)))
}

// x [rows, words] f64, components [topics, words] f64; out [rows, topics] f64
function makeTopicCode({ attributes }: KernelContext): Kernel {
  const prior = float(attributes, 'prior', 1)
  const tolerance = float(attributes, 'tolerance', 0.001)
  const maxIterations = int(attributes, 'maxIterations', 100)
  return ([xView, componentView], [outView]) => {
    const x = float64Of(xView)
    const b = float64Of(componentView)
    const out = float64Of(outView)
    const [rows, words] = (xView as View).shape
    const k = (componentView as View).shape[0]
    const weight = new Float64Array(k)
    const next = new Float64Array(k)
    const start = exp(digamma(1) - digamma(k))
    for (let r = 0; r < rows; r++) {
      const at = r * k
      out.fill(1, at, at + k)
      weight.fill(start)
      for (let w = 0; w < words; w++) if (!(x[r * words + w] >= 0)) throw new MleError('OP_VALUE', `topics are of counts, got ${x[r * words + w]}`, { expected: 'at least 0', actual: x[r * words + w] })
      for (let iteration = 0; iteration < maxIterations; iteration++) {
        next.fill(0)
        for (let w = 0; w < words; w++) {
          const count = x[r * words + w]
          if (count === 0) continue
          let norm = 0
          for (let t = 0; t < k; t++) norm += weight[t] * b[t * words + w]
          const share = count / (norm + 2.220446049250313e-16)
          for (let t = 0; t < k; t++) next[t] += share * b[t * words + w]
        }
        let total = 0
        for (let t = 0; t < k; t++) {
          next[t] = next[t] * weight[t] + prior
          total += next[t]
        }
        const psiTotal = shortDigamma(total)
        let change = 0
        for (let t = 0; t < k; t++) {
          weight[t] = exp(shortDigamma(next[t]) - psiTotal)
          change += Math.abs(out[at + t] - next[t])
          out[at + t] = next[t]
        }
        if (change / k < tolerance) break
      }
    }
  }
}

const EPSILON = 2.220446049250313e-16

/** Solves L L^T y = b for the first n rows of lower [size, size]; y replaces b. */
function solveCholesky(lower: Float64Array, size: number, n: number, y: Float64Array): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) y[i] -= lower[i * size + j] * y[j]
    y[i] /= lower[i * size + i]
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let j = i + 1; j < n; j++) y[i] -= lower[j * size + i] * y[j]
    y[i] /= lower[i * size + i]
  }
}

/** Orthogonal matching pursuit of one row. products [k] at `at`, gram [k, k]; out [k] at `at`. */
function pursue(products: Float64Array, at: number, gram: Float64Array, k: number, count: number, out: Float64Array): void {
  const chosen: number[] = []
  const isChosen = new Uint8Array(k)
  const lower = new Float64Array(count * count)
  const residual = products.slice(at, at + k)
  let code = new Float64Array(0)
  while (chosen.length < count) {
    const n = chosen.length
    let best = 0
    for (let a = 1; a < k; a++) if (Math.abs(residual[a]) > Math.abs(residual[best])) best = a
    if (isChosen[best] === 1 || residual[best] * residual[best] < EPSILON) break
    let square = gram[best * k + best]
    for (let i = 0; i < n; i++) {
      let sum = gram[best * k + chosen[i]]
      for (let j = 0; j < i; j++) sum -= lower[i * count + j] * lower[n * count + j]
      lower[n * count + i] = sum / lower[i * count + i]
      square -= lower[n * count + i] * lower[n * count + i]
    }
    if (n > 0 && square <= EPSILON) break
    lower[n * count + n] = Math.sqrt(square)
    chosen.push(best)
    isChosen[best] = 1
    code = Float64Array.from(chosen, (a) => products[at + a])
    solveCholesky(lower, count, n + 1, code)
    for (let a = 0; a < k; a++) {
      residual[a] = products[at + a]
      for (let i = 0; i <= n; i++) residual[a] -= gram[a * k + chosen[i]] * code[i]
    }
  }
  out.fill(0, at, at + k)
  chosen.forEach((a, i) => (out[at + a] = code[i]))
}

interface Lasso {
  readonly alpha: number
  readonly isPositive: boolean
  readonly tolerance: number
  readonly maxIterations: number
}

/** Coordinate descent of one row. products [k] at `at`, gram [k, k], norm = squared length of the row; out [k] at `at`. */
function descend(products: Float64Array, at: number, gram: Float64Array, k: number, norm: number, { alpha, isPositive, tolerance, maxIterations }: Lasso, out: Float64Array): void {
  out.fill(0, at, at + k)
  const fitted = new Float64Array(k)
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    let largest = 0
    let largestStep = 0
    for (let a = 0; a < k; a++) {
      const slope = gram[a * k + a]
      if (slope === 0) continue
      const before = out[at + a]
      if (before !== 0) for (let b = 0; b < k; b++) fitted[b] -= before * gram[a * k + b]
      const gradient = products[at + a] - fitted[a]
      const after = isPositive && gradient < 0 ? 0 : (Math.sign(gradient) * Math.max(Math.abs(gradient) - alpha, 0)) / slope
      out[at + a] = after
      if (after !== 0) for (let b = 0; b < k; b++) fitted[b] += after * gram[a * k + b]
      largestStep = Math.max(largestStep, Math.abs(after - before))
      largest = Math.max(largest, Math.abs(after))
    }
    if (largest !== 0 && largestStep / largest >= tolerance && iteration < maxIterations - 1) continue
    let dual = 0
    let length = 0
    let explained = 0
    let product = 0
    for (let a = 0; a < k; a++) {
      const rest = products[at + a] - fitted[a]
      dual = Math.max(dual, isPositive ? rest : Math.abs(rest))
      length += Math.abs(out[at + a])
      explained += out[at + a] * fitted[a]
      product += out[at + a] * products[at + a]
    }
    const residual = norm + explained - 2 * product
    const scale = dual > alpha ? alpha / dual : 1
    const gap = (dual > alpha ? 0.5 * (residual + residual * scale * scale) : residual) + alpha * length - scale * (norm - product)
    if (gap < tolerance * norm) return
  }
}

// x [rows, k] f64, gram [k, k] f64, norms [rows] f64; out [rows, k] f64
function makeSparseCode({ attributes }: KernelContext): Kernel {
  const isPursuit = text(attributes, 'algorithm', 'omp') === 'omp'
  const nonzero = int(attributes, 'nonzero', 1)
  const lasso: Lasso = {
    alpha: float(attributes, 'alpha', 1),
    isPositive: int(attributes, 'positive', 0) !== 0,
    tolerance: float(attributes, 'tolerance', 0.0001),
    maxIterations: int(attributes, 'maxIterations', 1000),
  }
  return ([xView, gramView, normView], [outView]) => {
    const x = float64Of(xView)
    const gram = float64Of(gramView)
    const out = float64Of(outView)
    const [rows, k] = (xView as View).shape
    const norms = isPursuit ? undefined : float64Of(normView)
    for (let r = 0; r < rows; r++) {
      if (norms === undefined) pursue(x, r * k, gram, k, nonzero, out)
      else descend(x, r * k, gram, k, norms[r], lasso, out)
    }
  }
}

// x [rows, n] f64, y [points, n] f64, index [rows, k] i32; out [rows, k] f64
function makeBarycenterWeights({ attributes }: KernelContext): Kernel {
  const regularization = float(attributes, 'regularization', 0.001)
  return ([xView, yView, indexView], [outView]) => {
    const x = float64Of(xView)
    const y = float64Of(yView)
    const out = float64Of(outView)
    const index = (indexView as View).data as Int32Array
    const [rows, k] = (indexView as View).shape
    const [points, n] = (yView as View).shape
    const lower = new Float64Array(k * k)
    const offsets = new Float64Array(k * n)
    const weights = new Float64Array(k)
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < k; i++) {
        const point = index[r * k + i]
        if (!(point >= 0 && point < points)) throw new MleError('OP_INDEX', `point ${point} is outside [0, ${points})`, { expected: points, actual: point })
        for (let f = 0; f < n; f++) offsets[i * n + f] = y[point * n + f] - x[r * n + f]
      }
      let trace = 0
      for (let i = 0; i < k; i++) {
        for (let j = 0; j <= i; j++) {
          let sum = 0
          for (let f = 0; f < n; f++) sum += offsets[i * n + f] * offsets[j * n + f]
          lower[i * k + j] = sum
        }
        trace += lower[i * k + i]
      }
      const ridge = trace > 0 ? regularization * trace : regularization
      for (let i = 0; i < k; i++) {
        lower[i * k + i] += ridge
        for (let j = 0; j <= i; j++) {
          let sum = lower[i * k + j]
          for (let l = 0; l < j; l++) sum -= lower[i * k + l] * lower[j * k + l]
          lower[i * k + j] = i === j ? Math.sqrt(sum) : sum / lower[j * k + j]
        }
      }
      weights.fill(1)
      solveCholesky(lower, k, k, weights)
      let sum = 0
      for (let i = 0; i < k; i++) sum += weights[i]
      for (let i = 0; i < k; i++) out[r * k + i] = weights[i] / sum
    }
  }
}

export const codeKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.TopicCode', { make: makeTopicCode }],
  ['mle.SparseCode', { make: makeSparseCode }],
  ['mle.BarycenterWeights', { make: makeBarycenterWeights }],
]
