// Codes of non-negative matrix factorisation.
import { MleError } from '../../error.ts'
import { log } from '../../math/log.ts'
import { pow } from '../../math/pow.ts'
import { float, int, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { float64Of } from './nest.ts'

/** What stands for a 0 that is divided by or has its logarithm taken: the step of float32 above 1. */
const SMALL = 1.1920928955078125e-7

interface Problem {
  /** [rows, n] */
  readonly x: Float64Array
  /** [k, n] */
  readonly h: Float64Array
  /** [rows, k], changed in place. */
  readonly w: Float64Array
  readonly rows: number
  readonly n: number
  readonly k: number
  readonly l1: number
  readonly l2: number
  readonly tolerance: number
  readonly maxIterations: number
}

/** H H^T [k, k]. */
function gramOf({ h, n, k }: Problem): Float64Array {
  const gram = new Float64Array(k * k)
  for (let a = 0; a < k; a++) {
    for (let b = 0; b < k; b++) {
      let sum = 0
      for (let f = 0; f < n; f++) sum += h[a * n + f] * h[b * n + f]
      gram[a * k + b] = sum
    }
  }
  return gram
}

/** X H^T [rows, k]. */
function crossOf(x: Float64Array, { h, rows, n, k }: Problem): Float64Array {
  const cross = new Float64Array(rows * k)
  for (let r = 0; r < rows; r++) {
    for (let a = 0; a < k; a++) {
      let sum = 0
      for (let f = 0; f < n; f++) sum += x[r * n + f] * h[a * n + f]
      cross[r * k + a] = sum
    }
  }
  return cross
}

function descend(problem: Problem): void {
  const { x, w, rows, k, l1, l2, tolerance, maxIterations } = problem
  w.fill(0)
  const gram = gramOf(problem)
  for (let t = 0; t < k; t++) gram[t * k + t] += l2
  const cross = crossOf(x, problem)
  for (let i = 0; i < cross.length; i++) cross[i] -= l1
  let first = 0
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    let violation = 0
    for (let t = 0; t < k; t++) {
      const slope = gram[t * k + t]
      for (let r = 0; r < rows; r++) {
        const at = r * k
        let gradient = -cross[at + t]
        for (let j = 0; j < k; j++) gradient += gram[t * k + j] * w[at + j]
        violation += Math.abs(w[at + t] === 0 ? Math.min(0, gradient) : gradient)
        if (slope !== 0) w[at + t] = Math.max(w[at + t] - gradient / slope, 0)
      }
    }
    if (iteration === 1) first = violation
    if (first === 0 || violation / first <= tolerance) return
  }
}

/** W H [rows, n] into `out`. */
function reconstruct({ h, w, rows, n, k }: Problem, out: Float64Array): void {
  out.fill(0)
  for (let r = 0; r < rows; r++) {
    for (let a = 0; a < k; a++) {
      const value = w[r * k + a]
      for (let f = 0; f < n; f++) out[r * n + f] += value * h[a * n + f]
    }
  }
}

const isWhole = (beta: number): boolean => beta === 0 || beta === 1 || beta === 2

/** sqrt(2 D_beta(X, W H)) */
function divergence(problem: Problem, beta: number, work: Float64Array): number {
  const { x, h, w, rows, n, k } = problem
  reconstruct(problem, work)
  let result = 0
  if (beta === 2) {
    for (let i = 0; i < x.length; i++) result += (x[i] - work[i]) * (x[i] - work[i])
    return Math.sqrt(result)
  }
  let powers = 0
  if (!isWhole(beta)) for (let i = 0; i < work.length; i++) powers += pow(work[i], beta)
  let total = 0
  for (let i = 0; i < x.length; i++) {
    if (!(x[i] > SMALL)) continue
    const y = work[i] === 0 ? SMALL : work[i]
    if (beta === 1) {
      result += x[i] * log(x[i] / y)
      total += x[i]
    } else if (beta === 0) result += x[i] / y - log(x[i] / y)
    else result += pow(x[i], beta) - beta * x[i] * pow(y, beta - 1)
  }
  if (beta === 1) {
    let products = 0
    for (let a = 0; a < k; a++) {
      let left = 0
      let right = 0
      for (let r = 0; r < rows; r++) left += w[r * k + a]
      for (let f = 0; f < n; f++) right += h[a * n + f]
      products += left * right
    }
    result += products - total
  } else if (beta === 0) result -= rows * n
  else result = (result + powers * (beta - 1)) / (beta * (beta - 1))
  return Math.sqrt(2 * Math.max(result, 0))
}

/** One multiplicative step of W. `cross` is X H^T and `gram` H H^T for beta 2. */
function multiply(problem: Problem, beta: number, gamma: number, work: Float64Array, cross: Float64Array, gram: Float64Array): void {
  const { x, h, w, rows, n, k, l1, l2 } = problem
  let numerator = cross
  let denominator: Float64Array
  if (beta === 2) {
    denominator = new Float64Array(rows * k)
    for (let r = 0; r < rows; r++) for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) denominator[r * k + a] += w[r * k + b] * gram[b * k + a]
  } else {
    reconstruct(problem, work)
    const ratio = new Float64Array(work.length)
    for (let i = 0; i < work.length; i++) {
      const y = work[i] === 0 && beta < 2 ? SMALL : work[i]
      ratio[i] = beta === 1 ? x[i] / y : beta === 0 ? x[i] / (y * y) : x[i] * pow(y, beta - 2)
    }
    numerator = crossOf(ratio, problem)
    if (beta === 1) {
      denominator = new Float64Array(rows * k)
      for (let a = 0; a < k; a++) {
        let sum = 0
        for (let f = 0; f < n; f++) sum += h[a * n + f]
        for (let r = 0; r < rows; r++) denominator[r * k + a] = sum
      }
    } else {
      for (let i = 0; i < work.length; i++) work[i] = pow(work[i] === 0 && beta < 1 ? SMALL : work[i], beta - 1)
      denominator = crossOf(work, problem)
    }
  }
  for (let i = 0; i < w.length; i++) {
    let bottom = denominator[i] + (l1 > 0 ? l1 : 0)
    if (l2 > 0) bottom += l2 * w[i]
    const factor = numerator[i] / (bottom === 0 ? SMALL : bottom)
    w[i] *= gamma === 1 ? factor : pow(factor, gamma)
  }
}

function multiplyUntilDone(problem: Problem, beta: number, perStep: boolean, isGrowing: boolean): void {
  const { x, w, k, tolerance, maxIterations } = problem
  let sum = 0
  for (let i = 0; i < x.length; i++) sum += x[i]
  w.fill(Math.sqrt(sum / x.length / k))
  const gamma = beta < 1 ? 1 / (2 - beta) : beta > 2 ? 1 / (beta - 1) : 1
  const work = new Float64Array(x.length)
  const cross = beta === 2 ? crossOf(x, problem) : new Float64Array(0)
  const gram = beta === 2 ? gramOf(problem) : new Float64Array(0)
  const first = perStep ? 0 : divergence(problem, beta, work)
  let previous = first
  const before = perStep ? Float64Array.from(w) : new Float64Array(0)
  for (let iteration = 1; iteration <= maxIterations; iteration++) {
    multiply(isGrowing ? { ...problem, l1: problem.l1 * iteration } : problem, beta, gamma, work, cross, gram)
    if (perStep) {
      let change = 0
      let size = 0
      for (let i = 0; i < w.length; i++) {
        change += (w[i] - before[i]) * (w[i] - before[i])
        size += w[i] * w[i]
      }
      if (tolerance > 0 && Math.sqrt(change) / Math.sqrt(size) <= tolerance) return
      before.set(w)
      continue
    }
    if (beta < 1) for (let i = 0; i < w.length; i++) if (w[i] < 2.220446049250313e-16) w[i] = 0
    if (tolerance > 0 && iteration % 10 === 0) {
      const error = divergence(problem, beta, work)
      if ((previous - error) / first < tolerance) return
      previous = error
    }
  }
}

// x [rows, n] f64, components [k, n] f64; out [rows, k] f64
function makeNmfCode({ attributes }: KernelContext): Kernel {
  const solver = text(attributes, 'solver', 'descent')
  const beta = float(attributes, 'beta', 2)
  const l1 = float(attributes, 'l1', 0)
  const l2 = float(attributes, 'l2', 0)
  const isGrowing = int(attributes, 'growing', 0) !== 0
  const tolerance = float(attributes, 'tolerance', 0)
  const maxIterations = int(attributes, 'maxIterations', 0)
  return ([xView, componentView], [outView]) => {
    const x = float64Of(xView)
    const [rows, n] = (xView as View).shape
    const k = (componentView as View).shape[0]
    for (let i = 0; i < x.length; i++) if (!(x[i] >= 0)) throw new MleError('OP_VALUE', `non-negative factorisation takes no negative values, got ${x[i]}`, { expected: 'at least 0', actual: x[i] })
    if (rows === 0) return
    const problem: Problem = { x, h: float64Of(componentView), w: float64Of(outView), rows, n, k, l1, l2, tolerance, maxIterations }
    if (solver === 'descent') descend(problem)
    else multiplyUntilDone(problem, beta, solver === 'multiply-step', isGrowing)
  }
}

export const nmfKernels: readonly (readonly [string, KernelEntry])[] = [['mle.NmfCode', { make: makeNmfCode }]]
