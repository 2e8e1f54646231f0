// Distances between two rows, as scikit-learn's DistanceMetric and scipy's cdist define them.
import { MleError } from '../error.ts'
import { asin } from '../math/arc.ts'
import { pow } from '../math/pow.ts'
import { cos, sin } from '../math/trig.ts'

/** A distance of the n features that start at x[i] and y[j]. */
export type RowDistance = (x: Float64Array, i: number, y: Float64Array, j: number, n: number) => number

/** A metric through a cheaper value of the same order, such as the square of the Euclidean distance. */
export interface Metric {
  readonly reduced: RowDistance
  readonly toDistance: (reduced: number) => number
  readonly toReduced: (distance: number) => number
}

const same = (value: number): number => value
const square = (value: number): number => value * value
const plain = (reduced: RowDistance): Metric => ({ reduced, toDistance: same, toReduced: same })
const squared = (reduced: RowDistance): Metric => ({ reduced, toDistance: Math.sqrt, toReduced: square })

/** Sum of squares of the differences, features ascending. */
export const squaredEuclidean: RowDistance = (x, i, y, j, n) => {
  let sum = 0
  for (let f = 0; f < n; f++) {
    const d = x[i + f] - y[j + f]
    sum += d * d
  }
  return sum
}

const manhattan: RowDistance = (x, i, y, j, n) => {
  let sum = 0
  for (let f = 0; f < n; f++) sum += Math.abs(x[i + f] - y[j + f])
  return sum
}

const chebyshev: RowDistance = (x, i, y, j, n) => {
  let largest = 0
  for (let f = 0; f < n; f++) {
    const d = Math.abs(x[i + f] - y[j + f])
    if (d > largest || d !== d) largest = d
  }
  return largest
}

const canberra: RowDistance = (x, i, y, j, n) => {
  let sum = 0
  for (let f = 0; f < n; f++) {
    const bottom = Math.abs(x[i + f]) + Math.abs(y[j + f])
    if (bottom !== 0) sum += Math.abs(x[i + f] - y[j + f]) / bottom
  }
  return sum
}

const brayCurtis: RowDistance = (x, i, y, j, n) => {
  let top = 0
  let bottom = 0
  for (let f = 0; f < n; f++) {
    top += Math.abs(x[i + f] - y[j + f])
    bottom += Math.abs(x[i + f]) + Math.abs(y[j + f])
  }
  return bottom === 0 ? 0 : top / bottom
}

const brayCurtisOfSums: RowDistance = (x, i, y, j, n) => {
  let top = 0
  let bottom = 0
  for (let f = 0; f < n; f++) {
    top += Math.abs(x[i + f] - y[j + f])
    bottom += Math.abs(x[i + f] + y[j + f])
  }
  return top / bottom
}

const chiSquared: RowDistance = (x, i, y, j, n) => {
  let sum = 0
  for (let f = 0; f < n; f++) {
    const d = x[i + f] - y[j + f]
    const bottom = x[i + f] + y[j + f]
    if (bottom !== 0) sum += (d * d) / bottom
  }
  return sum
}

const hamming: RowDistance = (x, i, y, j, n) => {
  let different = 0
  for (let f = 0; f < n; f++) if (x[i + f] !== y[j + f]) different++
  return different / n
}

const cosine: RowDistance = (x, i, y, j, n) => {
  let product = 0
  let xx = 0
  let yy = 0
  for (let f = 0; f < n; f++) {
    xx += x[i + f] * x[i + f]
    yy += y[j + f] * y[j + f]
  }
  // A row of zeros is left as it is, so that its distance to everything is 1.
  const xLength = Math.sqrt(xx) || 1
  const yLength = Math.sqrt(yy) || 1
  for (let f = 0; f < n; f++) product += (x[i + f] / xLength) * (y[j + f] / yLength)
  return Math.min(Math.max(1 - product, 0), 2)
}

const correlation: RowDistance = (x, i, y, j, n) => {
  let xMean = 0
  let yMean = 0
  for (let f = 0; f < n; f++) {
    xMean += x[i + f]
    yMean += y[j + f]
  }
  xMean /= n
  yMean /= n
  let product = 0
  let xx = 0
  let yy = 0
  for (let f = 0; f < n; f++) {
    const a = x[i + f] - xMean
    const b = y[j + f] - yMean
    product += a * b
    xx += a * a
    yy += b * b
  }
  const r = product / (Math.sqrt(xx) * Math.sqrt(yy))
  return 1 - (Math.abs(r) > 1 ? Math.sign(r) : r)
}

const haversine: RowDistance = (x, i, y, j) => {
  const a = sin(0.5 * (x[i] - y[j]))
  const b = sin(0.5 * (x[i + 1] - y[j + 1]))
  return a * a + cos(x[i]) * cos(y[j]) * b * b
}

function minkowski(p: number, weights: Float64Array | undefined): Metric {
  const reduced: RowDistance = (x, i, y, j, n) => {
    let sum = 0
    for (let f = 0; f < n; f++) {
      const d = pow(Math.abs(x[i + f] - y[j + f]), p)
      sum += weights === undefined ? d : weights[f] * d
    }
    return sum
  }
  return { reduced, toDistance: (value) => pow(value, 1 / p), toReduced: (value) => pow(value, p) }
}

function standardized(variances: Float64Array): RowDistance {
  return (x, i, y, j, n) => {
    let sum = 0
    for (let f = 0; f < n; f++) {
      const d = x[i + f] - y[j + f]
      sum += (d * d) / variances[f]
    }
    return sum
  }
}

function mahalanobis(inverse: Float64Array): RowDistance {
  return (x, i, y, j, n) => {
    let sum = 0
    for (let f = 0; f < n; f++) {
      let inner = 0
      for (let g = 0; g < n; g++) inner += inverse[f * n + g] * (x[i + g] - y[j + g])
      sum += inner * (x[i + f] - y[j + f])
    }
    return sum
  }
}

/** Distances of yes-or-no features from how often both are true, just one is, and out of how many. */
function boolean(of: (both: number, different: number, n: number) => number): Metric {
  return plain((x, i, y, j, n) => {
    let both = 0
    let different = 0
    for (let f = 0; f < n; f++) {
      const a = x[i + f] !== 0
      const b = y[j + f] !== 0
      if (a && b) both++
      else if (a !== b) different++
    }
    return of(both, different, n)
  })
}

/** Metrics that need no parameter. */
const SIMPLE: ReadonlyMap<string, Metric> = /* @__PURE__ */ new Map<string, Metric>([
  ['euclidean', squared(squaredEuclidean)],
  ['sqeuclidean', plain(squaredEuclidean)],
  ['manhattan', plain(manhattan)],
  ['chebyshev', plain(chebyshev)],
  ['canberra', plain(canberra)],
  ['braycurtis', plain(brayCurtis)],
  ['braycurtis-sums', plain(brayCurtisOfSums)],
  ['chi2', plain(chiSquared)],
  ['hamming', plain(hamming)],
  ['cosine', plain(cosine)],
  ['correlation', plain(correlation)],
  ['haversine', { reduced: haversine, toDistance: (value) => 2 * asin(Math.sqrt(value)), toReduced: (value) => square(sin(0.5 * value)) }],
  ['matching', boolean((_both, different, n) => different / n)],
  ['jaccard', boolean((both, different) => (both + different === 0 ? 0 : different / (both + different)))],
  ['dice', boolean((both, different) => different / (2 * both + different))],
  ['kulsinski', boolean((both, different, n) => (different + n - both) / (different + n))],
  ['rogerstanimoto', boolean((_both, different, n) => (2 * different) / (n + different))],
  ['russellrao', boolean((both, _different, n) => (n - both) / n)],
  ['sokalmichener', boolean((_both, different, n) => (2 * different) / (n + different))],
  ['sokalsneath', boolean((both, different) => different / (0.5 * both + different))],
])

/** Every metric's name; those of the second list read `parameters`. */
export const METRICS: readonly string[] = [...SIMPLE.keys(), 'minkowski', 'seuclidean', 'mahalanobis']

/**
 * A metric by name. `parameters` holds weights [features] for minkowski (or nothing), variances [features] for seuclidean, and the
 * inverse covariance [features, features] for mahalanobis.
 *
 * @throws MleError OP_ATTRIBUTE for an unknown name, or parameters of the wrong length
 */
export function metricOf(name: string, p: number, parameters: Float64Array | undefined, nFeatures: number): Metric {
  const simple = SIMPLE.get(name)
  if (simple !== undefined) return simple
  const count = name === 'mahalanobis' ? nFeatures * nFeatures : nFeatures
  const isNeeded = name !== 'minkowski'
  if (METRICS.includes(name) && (parameters === undefined ? !isNeeded : parameters.length === count)) {
    if (name === 'minkowski') return minkowski(p, parameters)
    if (parameters !== undefined) return squared(name === 'seuclidean' ? standardized(parameters) : mahalanobis(parameters))
  }
  throw new MleError('OP_ATTRIBUTE', `metric ${JSON.stringify(name)} with ${parameters?.length ?? 'no'} parameters for ${nFeatures} features is not known; known are ${METRICS.join(', ')}`, { actual: name })
}
