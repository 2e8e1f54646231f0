// The gamma that 'scale' stood for. It is computed from the training data, which the file does not hold; but a support vector
// whose coefficient lies below its bound stands exactly on the margin, where the decision is +1 or -1, and one gamma does that.
import { exp, pow, tanh } from '../../math/index.ts'

export interface Machine {
  readonly kernel: 'rbf' | 'poly' | 'sigmoid'
  readonly coef0: number
  readonly degree: number
  /** [vectors, width] row-major. */
  readonly vectors: Float64Array
  readonly width: number
  /** [classes - 1, vectors], as libsvm has them: the first class of a pair is positive. */
  readonly coefficients: Float64Array
  /** One a pair of classes. */
  readonly intercepts: Float64Array
  readonly counts: Int32Array
}

/** Decision of one pair at one of its vectors: sum of coefficients times kernels, plus the intercept, must be `sign`. */
interface Condition {
  readonly terms: readonly { readonly coefficient: number; readonly base: number }[]
  readonly intercept: number
  readonly sign: number
}

const MAX_CONDITIONS = 24
const MAX_TERMS = 4000
const GRID = 49
/** The true value lies within this factor of 1 / (features x variance of the support vectors) in any real model. */
const RANGE = 16
const REFINEMENTS = 48

/** Finds gamma; undefined where no value puts the free vectors on the margin, or no vector is free. */
export function recoverGamma(machine: Machine): number | undefined {
  const conditions = freeConditions(machine)
  if (conditions.length === 0) return undefined
  const residual = (gamma: number): number => {
    let sum = 0
    for (const { terms, intercept, sign } of conditions) {
      let decision = intercept
      for (const { coefficient, base } of terms) decision += coefficient * kernelOf(machine, gamma, base)
      sum += (decision - sign) * (decision - sign)
    }
    return sum / conditions.length
  }
  const center = 1 / (machine.width * varianceOf(machine.vectors))
  if (!Number.isFinite(center) || center <= 0) return undefined
  let best = 0
  let bestResidual = Infinity
  const step = pow(RANGE * RANGE, 1 / (GRID - 1))
  const at = (i: number): number => (center / RANGE) * pow(step, i)
  for (let i = 0; i < GRID; i++) {
    const value = residual(at(i))
    if (value < bestResidual) {
      bestResidual = value
      best = i
    }
  }
  // Golden section between the neighbours of the best.
  const ratio = (Math.sqrt(5) - 1) / 2
  let low = at(best - 1)
  let high = at(best + 1)
  let a = high - ratio * (high - low)
  let b = low + ratio * (high - low)
  let atA = residual(a)
  let atB = residual(b)
  for (let i = 0; i < REFINEMENTS; i++) {
    if (atA < atB) {
      high = b
      b = a
      atB = atA
      a = high - ratio * (high - low)
      atA = residual(a)
    } else {
      low = a
      a = b
      atA = atB
      b = low + ratio * (high - low)
      atB = residual(b)
    }
  }
  const gamma = (low + high) / 2
  // libsvm stops within 0.001 of the margin.
  return residual(gamma) <= 1e-4 ? gamma : undefined
}

/** What gamma scales: a squared distance, or a product. */
function baseOf({ kernel, vectors, width }: Machine, i: number, j: number): number {
  let sum = 0
  for (let f = 0; f < width; f++) {
    const [x, y] = [vectors[i * width + f], vectors[j * width + f]]
    sum += kernel === 'rbf' ? (x - y) * (x - y) : x * y
  }
  return sum
}

function kernelOf({ kernel, coef0, degree }: Machine, gamma: number, base: number): number {
  if (kernel === 'rbf') return exp(-gamma * base)
  const inner = gamma * base + coef0
  return kernel === 'poly' ? pow(inner, degree) : tanh(inner)
}

function freeConditions(machine: Machine): Condition[] {
  const { coefficients, intercepts, counts } = machine
  const classes = counts.length
  const total = counts.reduce((sum, one) => sum + one, 0)
  const starts = Array.from(counts, (_, c) => counts.subarray(0, c).reduce((sum, one) => sum + one, 0))
  const out: Condition[] = []
  let pair = 0
  for (let a = 0; a < classes; a++) {
    for (let b = a + 1; b < classes; b++, pair++) {
      const members: { vector: number; coefficient: number; sign: number }[] = []
      for (let v = starts[a]; v < starts[a] + counts[a]; v++) members.push({ vector: v, coefficient: coefficients[(b - 1) * total + v], sign: 1 })
      for (let v = starts[b]; v < starts[b] + counts[b]; v++) members.push({ vector: v, coefficient: coefficients[a * total + v], sign: -1 })
      if (members.length > MAX_TERMS) continue
      // The bound is C times the weight of the class; a coefficient at the largest of its class may stand on it.
      const bound = (sign: number): number => Math.max(0, ...members.filter((one) => one.sign === sign).map((one) => Math.abs(one.coefficient)))
      const bounds = new Map([[1, bound(1)], [-1, bound(-1)]])
      const free = members.filter(({ coefficient, sign }) => Math.abs(coefficient) > 1e-3 * (bounds.get(sign) ?? 0) && Math.abs(coefficient) < (1 - 1e-4) * (bounds.get(sign) ?? 0))
      const used = members.filter(({ coefficient }) => coefficient !== 0)
      const limit = Math.max(2, Math.floor(MAX_CONDITIONS / intercepts.length))
      for (const { vector, sign } of free.slice(0, limit)) {
        if (out.length >= MAX_CONDITIONS) return out
        out.push({ terms: used.map((one) => ({ coefficient: one.coefficient, base: baseOf(machine, one.vector, vector) })), intercept: intercepts[pair], sign })
      }
    }
  }
  return out
}

function varianceOf(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) * (value - mean)
  return squares / values.length
}
