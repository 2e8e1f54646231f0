// Missing values from the nearest training rows.
import { int, text } from '../attributes.ts'
import { fusedDots, squaredNorm } from '../expanded.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { argPartition } from './introselect.ts'
import { float64Of } from './nest.ts'

/** Training rows with zeros for what is missing, and what their distances need. */
interface Training {
  readonly filled: Float64Array
  readonly norms: Float64Array
  /** Features that each row lacks: those of row i from starts[i] to starts[i + 1]. */
  readonly missing: Int32Array
  readonly starts: Int32Array
}

function prepare(training: Float64Array, count: number, nFeatures: number): Training {
  const filled = training.map((value) => (value === value ? value : 0))
  const norms = Float64Array.from({ length: count }, (_, i) => squaredNorm(filled, i * nFeatures, nFeatures))
  const missing: number[] = []
  const starts = new Int32Array(count + 1)
  for (let i = 0; i < count; i++) {
    for (let f = 0; f < nFeatures; f++) if (training[i * nFeatures + f] !== training[i * nFeatures + f]) missing.push(f)
    starts[i + 1] = missing.length
  }
  return { filled, norms, missing: Int32Array.from(missing), starts }
}

/** What one call scribbles on, of `count` training rows. */
interface Work {
  readonly distances: Float64Array
  /** Training rows that have a feature, their distances, and the nearest of them first. */
  readonly donors: Int32Array
  readonly ofDonors: Float64Array
  readonly order: Int32Array
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
    const work: Work = { distances: new Float64Array(count), donors: new Int32Array(count), ofDonors: new Float64Array(count), order: new Int32Array(count) }
    const row = new Float64Array(nFeatures)
    for (let start = 0; start < x.length; start += nFeatures) {
      let measured = false
      for (let f = 0; f < nFeatures; f++) {
        const value = x[start + f]
        if (value === value) {
          out[start + f] = value
          continue
        }
        if (!measured) measure(x, start, row, prepared, work.distances)
        measured = true
        out[start + f] = imputedValue(training, count, nFeatures, f, work, neighbors, byDistance)
      }
    }
  }
}

/** Distances over shared features, scaled up for those that are missing; NaN where none is shared. */
function measure(x: Float64Array, start: number, row: Float64Array, { filled, norms, missing, starts }: Training, out: Float64Array): void {
  const nFeatures = row.length
  const lacking: number[] = []
  for (let f = 0; f < nFeatures; f++) {
    const value = x[start + f]
    if (value !== value) lacking.push(f)
    row[f] = value === value ? value : 0
  }
  const norm = squaredNorm(row, 0, nFeatures)
  fusedDots(row, filled, out.length, nFeatures, out)
  for (let i = 0; i < out.length; i++) {
    const at = i * nFeatures
    // What only one of the two has; features that neither has are 0 in both.
    let onlyRow = 0
    let onlyTraining = 0
    let shared = nFeatures - lacking.length
    for (let m = starts[i]; m < starts[i + 1]; m++) {
      const f = missing[m]
      onlyRow += row[f] * row[f]
      if (x[start + f] === x[start + f]) shared--
    }
    for (let m = 0; m < lacking.length; m++) onlyTraining += filled[at + lacking[m]] * filled[at + lacking[m]]
    const square = Math.max(0, Math.max(0, -2 * out[i] + norm + norms[i]) - onlyRow - onlyTraining)
    out[i] = shared === 0 ? NaN : Math.sqrt((square / shared) * nFeatures)
  }
}

function imputedValue(training: Float64Array, count: number, nFeatures: number, f: number, { distances, donors, ofDonors, order }: Work, neighbors: number, byDistance: boolean): number {
  let found = 0
  let sum = 0
  let reachable = false
  for (let i = 0; i < count; i++) {
    const value = training[i * nFeatures + f]
    if (value !== value) continue
    donors[found] = i
    ofDonors[found++] = distances[i]
    sum += value
    if (distances[i] === distances[i]) reachable = true
  }
  if (!reachable) return sum / found
  // numpy's argpartition decides among equal distances; rows without a shared feature, whose distance is NaN, come last.
  const nearest = Math.min(neighbors, found)
  argPartition(ofDonors.subarray(0, found), order.subarray(0, found), nearest)
  let exactMatch = false
  for (let place = 0; byDistance && place < nearest; place++) if (ofDonors[order[place]] === 0) exactMatch = true
  let total = 0
  let weights = 0
  for (let place = 0; place < nearest; place++) {
    const i = donors[order[place]]
    const distance = distances[i]
    const weight = !byDistance ? 1 : exactMatch ? (distance === 0 ? 1 : 0) : distance === distance ? 1 / distance : 0
    total += weight * training[i * nFeatures + f]
    weights += weight
  }
  return total / weights
}

export const imputeKernels: readonly (readonly [string, KernelEntry])[] = [['mle.KnnImpute', { make: makeKnnImpute }]]
