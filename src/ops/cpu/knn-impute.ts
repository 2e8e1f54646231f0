// Missing values from the nearest training rows. Distances are those of BLAS, whose fused multiply-adds take 17 ns each here. Which rows are nearest,
// estimates by plain products tell; only rows that are closer to each other than estimates err have their exact distances computed.
import { int, text } from '../attributes.ts'
import { fusedDot, squaredNorm } from '../expanded.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { argPartition, type Near } from './introselect.ts'
import { float64Of } from './nest.ts'

/** Training rows that have a feature. */
export interface Donors {
  readonly rows: Int32Array
  readonly sum: number
}

/** Training rows with zeros for what is missing, and what their distances need. */
export interface Training {
  readonly count: number
  readonly nFeatures: number
  readonly filled: Float64Array
  readonly norms: Float64Array
  readonly largestNorm: number
  /** Features that each row lacks: those of row i from starts[i] to starts[i + 1]. */
  readonly missing: Int32Array
  readonly starts: Int32Array
  readonly donors: readonly Donors[]
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
  const donors = Array.from({ length: nFeatures }, (_, f): Donors => {
    const rows: number[] = []
    let sum = 0
    for (let i = 0; i < count; i++) {
      const value = training[i * nFeatures + f]
      if (value !== value) continue
      rows.push(i)
      sum += value
    }
    return { rows: Int32Array.from(rows), sum }
  })
  return { count, nFeatures, filled, norms, largestNorm: norms.reduce((most, norm) => Math.max(most, norm), 0), missing: Int32Array.from(missing), starts, donors }
}

/** Larger squares than this are not estimated: sums of them may overflow. */
const LARGEST_SQUARE = 1e300
/** Far above what products lose that underflow. */
const UNDERFLOW = 1e-290

/** One row at a time and its distances to all training rows. */
interface Work {
  /** The row, zeros for what it lacks. */
  readonly row: Float64Array
  /** Features that it has, and those that it lacks. */
  readonly has: Uint8Array
  readonly lacking: Int32Array
  nLacking: number
  norm: number
  /** Squares of distances, or estimates of them; NaN where no feature is shared. */
  readonly squares: Float64Array
  readonly hasDistance: Uint8Array
  readonly distances: Float64Array
  /** How much two estimates differ at the most where the distances may be in another order. */
  within: number
  /** Squares of the distances of training rows that have a feature, and the nearest of them first. */
  readonly ofDonors: Float64Array
  readonly order: Int32Array
}

function workOf({ count, nFeatures }: Training): Work {
  const floats = (length: number): Float64Array => new Float64Array(length)
  return {
    row: floats(nFeatures), has: new Uint8Array(nFeatures), lacking: new Int32Array(nFeatures), nLacking: 0, norm: 0, squares: floats(count), hasDistance: new Uint8Array(count), distances: floats(count), within: 0,
    ofDonors: floats(count), order: new Int32Array(count),
  }
}

/** What a choice came to. */
export const NO_DONOR = 0
export const TOO_CLOSE = 1
export const CHOSEN = 2

/** Faster estimates and choices of a device, for a training set that is constant. */
export interface Estimator {
  /** Estimates distances to all training rows from the row that starts at element `start` of x, the square of whose length is `norm`. */
  readonly measure: (x: View, start: number, norm: number) => void
  /** Chooses the k nearest rows that have feature f among the row measured last; see NO_DONOR, TOO_CLOSE and CHOSEN. */
  readonly choose: (f: number, k: number, within: number) => number
  /** Places of the chosen among the feature's donors. */
  readonly order: () => Int32Array
}

// x [rows, features] f64, training [n, features] f64 with NaN; out like x
export function makeKnnImpute({ attributes, constants }: KernelContext, estimatorOf?: (training: Training) => Estimator): Kernel {
  const neighbors = int(attributes, 'neighbors', 1)
  const byDistance = text(attributes, 'weights', 'uniform') === 'distance'
  const known = constants[1]
  const fixed = known === undefined ? undefined : prepare(float64Of(known), known.shape[0], known.shape[1])
  const fixedWork = fixed && workOf(fixed)
  const estimator = fixed && estimatorOf?.(fixed)
  return ([xView, trainingView], [outView]) => {
    const x = float64Of(xView)
    const out = float64Of(outView)
    const [count, nFeatures] = (trainingView as View).shape
    const training = fixed ?? prepare(float64Of(trainingView), count, nFeatures)
    const work = fixedWork ?? workOf(training)
    for (let start = 0; start < x.length; start += nFeatures) {
      let isRead = false
      let isMeasured = false
      for (let f = 0; f < nFeatures; f++) {
        const value = x[start + f]
        if (value === value) {
          out[start + f] = value
          continue
        }
        if (!isRead) {
          read(x, start, training, work)
          if (estimator !== undefined && work.within >= 0) estimator.measure(xView as View, start, work.norm)
          isRead = true
        }
        const { rows, sum } = training.donors[f]
        const nearest = Math.min(neighbors, rows.length)
        let choice = estimator !== undefined && work.within >= 0 ? estimator.choose(f, nearest, work.within) : TOO_CLOSE
        let order = choice === CHOSEN && estimator !== undefined ? estimator.order() : work.order
        if (choice === TOO_CLOSE) {
          if (!isMeasured) measure(training, work)
          isMeasured = true
          choice = choose(rows, nearest, training, work)
          order = work.order
        }
        out[start + f] = choice === NO_DONOR ? sum / rows.length : weightedMean(training, f, work, order, nearest, byDistance)
      }
    }
  }
}

/** Takes a row of x, and says how near estimates of its distances may be. */
function read(x: Float64Array, start: number, { nFeatures, largestNorm }: Training, work: Work): void {
  const { row, has, lacking } = work
  work.nLacking = 0
  for (let f = 0; f < nFeatures; f++) {
    const value = x[start + f]
    has[f] = value === value ? 1 : 0
    if (value !== value) lacking[work.nLacking++] = f
    row[f] = value === value ? value : 0
  }
  work.norm = squaredNorm(row, 0, nFeatures)
  work.hasDistance.fill(0)
  // Either sum of products errs by less than n u times the sum of the norms, u = 2^-53; what follows is rounded a dozen times, and scaled by n at the most.
  const largest = work.norm + largestNorm
  work.within = largest <= LARGEST_SQUARE ? (8 * nFeatures + 64) * 1.1102230246251565e-16 * nFeatures * largest + UNDERFLOW : -1
}

/** Squares of distances over shared features, scaled up for those that are missing: estimates, unless numbers are huge. */
function measure(training: Training, work: Work): void {
  const { count, nFeatures, filled } = training
  const { row, squares, within } = work
  if (within < 0) {
    for (let i = 0; i < count; i++) squares[i] = distanceOf(training, work, i)
    return
  }
  let i = 0
  for (; i + 4 <= count; i += 4) {
    const i0 = i * nFeatures, i1 = i0 + nFeatures, i2 = i1 + nFeatures, i3 = i2 + nFeatures
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0
    for (let f = 0; f < nFeatures; f++) {
      const a = row[f]
      s0 += a * filled[i0 + f]; s1 += a * filled[i1 + f]; s2 += a * filled[i2 + f]; s3 += a * filled[i3 + f]
    }
    squares[i] = s0; squares[i + 1] = s1; squares[i + 2] = s2; squares[i + 3] = s3
  }
  for (; i < count; i++) {
    let sum = 0
    for (let f = 0; f < nFeatures; f++) sum += row[f] * filled[i * nFeatures + f]
    squares[i] = sum
  }
  for (i = 0; i < count; i++) squares[i] = squareOf(training, work, i, squares[i])
}

/** The square of a distance from the product of both rows; NaN where they share no feature. */
function squareOf({ nFeatures, filled, norms, missing, starts }: Training, { row, has, lacking, nLacking, norm }: Work, i: number, product: number): number {
  // What only one of the two has; features that neither has are 0 in both.
  let onlyRow = 0
  let onlyTraining = 0
  let shared = nFeatures - nLacking
  const end = starts[i + 1]
  for (let m = starts[i]; m < end; m++) {
    const f = missing[m]
    onlyRow += row[f] * row[f]
    shared -= has[f]
  }
  for (let m = 0; m < nLacking; m++) {
    const value = filled[i * nFeatures + lacking[m]]
    onlyTraining += value * value
  }
  const square = Math.max(0, Math.max(0, -2 * product + norm + norms[i]) - onlyRow - onlyTraining)
  return shared === 0 ? NaN : (square / shared) * nFeatures
}

function distanceOf(training: Training, work: Work, i: number): number {
  const { nFeatures, filled } = training
  const { hasDistance, distances, row } = work
  if (hasDistance[i] === 0) {
    hasDistance[i] = 1
    distances[i] = Math.sqrt(squareOf(training, work, i, fusedDot(row, 0, filled, i * nFeatures, nFeatures)))
  }
  return distances[i]
}

/** Puts the nearest of the training rows in `rows` first in the order. */
function choose(rows: Int32Array, nearest: number, training: Training, work: Work): number {
  const { squares, ofDonors, order, within } = work
  const found = rows.length
  let reachable = false
  for (let i = 0; i < found; i++) {
    const square = squares[rows[i]]
    ofDonors[i] = square
    if (square === square) reachable = true
  }
  if (!reachable) return NO_DONOR
  const near: Near = { within, isLess: (a, b) => distanceOf(training, work, rows[a]) < distanceOf(training, work, rows[b]) }
  // numpy's argpartition decides among equal distances; rows without a shared feature, whose distance is NaN, come last.
  argPartition(ofDonors.subarray(0, found), order.subarray(0, found), nearest, near)
  return CHOSEN
}

function weightedMean(training: Training, f: number, work: Work, order: Int32Array, nearest: number, byDistance: boolean): number {
  const { nFeatures, filled, donors } = training
  const { rows } = donors[f]
  let exactMatch = false
  for (let place = 0; byDistance && place < nearest; place++) if (distanceOf(training, work, rows[order[place]]) === 0) exactMatch = true
  let total = 0
  let weights = 0
  for (let place = 0; place < nearest; place++) {
    const i = rows[order[place]]
    const distance = byDistance ? distanceOf(training, work, i) : 0
    const weight = !byDistance ? 1 : exactMatch ? (distance === 0 ? 1 : 0) : distance === distance ? 1 / distance : 0
    total += weight * filled[i * nFeatures + f]
    weights += weight
  }
  return total / weights
}

export const imputeKernels: readonly (readonly [string, KernelEntry])[] = [['mle.KnnImpute', { make: (context) => makeKnnImpute(context) }]]
