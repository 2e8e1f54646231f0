// Missing values from the nearest training rows.
import { int, text } from '../attributes.ts'
import { expandedSquare, squaredNorm } from '../expanded.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { argPartition } from './introselect.ts'
import { float64Of } from './nest.ts'

/** Training rows with zeros for what is missing, and what their distances need. */
interface Training {
  readonly filled: Float64Array
  readonly norms: Float64Array
}

function prepare(training: Float64Array, count: number, nFeatures: number): Training {
  const filled = training.map((value) => (value === value ? value : 0))
  const norms = Float64Array.from({ length: count }, (_, i) => squaredNorm(filled, i * nFeatures, nFeatures))
  return { filled, norms }
}

// x [rows, features] f64, training [n, features] f64 with NaN; out like x
function makeKnnImpute({ attributes, constants }: KernelContext): Kernel {
  const neighbors = int(attributes, 'neighbors', 1)
  const byDistance = text(attributes, 'weights', 'uniform') === 'distance'
  const known = constants[1]
  const fixed = known === undefined ? undefined : prepare(float64Of(known), known.shape[0], known.shape[1])
  return ([xView, trainingView], [outView]) => {
    const x = float64Of(xView)
    const training = float64Of(trainingView)
    const out = float64Of(outView)
    const [count, nFeatures] = (trainingView as View).shape
    const prepared = fixed ?? prepare(training, count, nFeatures)
    const distances = new Float64Array(count)
    const row = new Float64Array(nFeatures)
    for (let start = 0; start < x.length; start += nFeatures) {
      let measured = false
      for (let f = 0; f < nFeatures; f++) {
        const value = x[start + f]
        if (value === value) {
          out[start + f] = value
          continue
        }
        if (!measured) measure(x, start, row, training, prepared, distances)
        measured = true
        out[start + f] = imputedValue(training, count, nFeatures, f, distances, neighbors, byDistance)
      }
    }
  }
}

/** Distances over shared features, scaled up for those that are missing; NaN where none is shared. */
function measure(x: Float64Array, start: number, row: Float64Array, training: Float64Array, { filled, norms }: Training, out: Float64Array): void {
  const nFeatures = row.length
  for (let f = 0; f < nFeatures; f++) row[f] = x[start + f] === x[start + f] ? x[start + f] : 0
  const norm = squaredNorm(row, 0, nFeatures)
  for (let i = 0; i < out.length; i++) {
    const at = i * nFeatures
    let square = expandedSquare(row, 0, norm, filled, at, norms[i], nFeatures)
    let onlyRow = 0
    let onlyTraining = 0
    let shared = 0
    for (let f = 0; f < nFeatures; f++) {
      const inRow = x[start + f] === x[start + f]
      const inTraining = training[at + f] === training[at + f]
      if (inRow && inTraining) shared++
      if (!inTraining) onlyRow += row[f] * row[f]
      if (!inRow) onlyTraining += filled[at + f] * filled[at + f]
    }
    square = Math.max(0, square - onlyRow - onlyTraining)
    out[i] = shared === 0 ? NaN : Math.sqrt((square / shared) * nFeatures)
  }
}

function imputedValue(training: Float64Array, count: number, nFeatures: number, f: number, distances: Float64Array, neighbors: number, byDistance: boolean): number {
  const donors: number[] = []
  let sum = 0
  let reachable = false
  for (let i = 0; i < count; i++) {
    const value = training[i * nFeatures + f]
    if (value !== value) continue
    donors.push(i)
    sum += value
    if (distances[i] === distances[i]) reachable = true
  }
  if (!reachable) return sum / donors.length
  // numpy's argpartition decides among equal distances; rows without a shared feature, whose distance is NaN, come last.
  const order = new Int32Array(donors.length)
  const k = Math.min(neighbors, donors.length)
  argPartition(Float64Array.from(donors, (i) => distances[i]), order, k)
  const nearest = Array.from(order.subarray(0, k), (place) => donors[place])
  const exactMatch = byDistance && nearest.some((i) => distances[i] === 0)
  let total = 0
  let weights = 0
  for (const i of nearest) {
    const distance = distances[i]
    const weight = !byDistance ? 1 : exactMatch ? (distance === 0 ? 1 : 0) : distance === distance ? 1 / distance : 0
    total += weight * training[i * nFeatures + f]
    weights += weight
  }
  return total / weights
}

export const imputeKernels: readonly (readonly [string, KernelEntry])[] = [['mle.KnnImpute', { make: makeKnnImpute }]]
