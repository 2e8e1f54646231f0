// Clusterers: the nearest centre, walks down trees of centres, or the labels that fitting gave.
import type { ValueName } from '../../../graph/builder.ts'
import { arrayAttribute, asFloat64, asInt32, asInteger, describe, isPyGlobal, isPyObject, optionalAttribute, attribute, placeOf, type PyObject, type PyValue } from '../../pickle/index.ts'
import { concat, float64Constant, gatherColumns, maxColumns, once, squeeze, int64Constant } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { denseAttribute } from './coefficients.ts'
import { distancesTo, rowsOf, type Rows } from './kernels.ts'

function labelsOf(context: SklearnContext, labels: Int32Array): ValueName {
  return context.builder.constant({ dtype: 'int32', shape: [labels.length], data: labels }, 'labels')
}

/** int32 [batch]; scikit-learn's int64 where `isWide`. */
function clusterResult(value: ValueName, isWide: boolean): Result {
  return isWide ? { value, dtype: 'int32', shape: ['batch'], sourceDtype: 'int64' } : { value, dtype: 'int32', shape: ['batch'] }
}

/** |c|^2 - 2 x c, which has the order of distances: [batch, centres]. */
function partialDistances(context: SklearnContext, x: Features, centres: Rows): ValueName {
  const norms = new Float64Array(centres.rows)
  for (let i = 0; i < centres.data.length; i++) norms[Math.floor(i / centres.width)] += centres.data[i] * centres.data[i]
  const inputs = [x.numbers(centres.width), float64Constant(context, centres.data, [centres.rows, centres.width], 'centres'), float64Constant(context, norms)]
  return context.builder.add('Gemm', inputs, { alpha: -2, transB: 1 })
}

/** The position of the smallest column as int32. */
function argMin(context: SklearnContext, value: ValueName): ValueName {
  const { builder } = context
  return builder.add('Cast', [builder.add('ArgMin', [value], { axis: 1, keepdims: 0 })], { to: 'int32' })
}

function centresOf(estimator: PyObject, name: string): Rows {
  const array = denseAttribute(estimator, name)
  return rowsOf(array, asFloat64(array))
}

function centreDistances(context: SklearnContext, x: Features, centres: Rows): Features {
  return matrixFeatures(context, distancesTo(context, x.numbers(centres.width), centres, 'euclidean', { form: 'expanded' }), centres.rows)
}

// KMeans, MiniBatchKMeans
const kMeans: EstimatorImporter = (context, estimator, x): Methods => ({
  predict: () => clusterResult(argMin(context, partialDistances(context, x, centresOf(estimator, 'cluster_centers_'))), false),
  transform: () => centreDistances(context, x, centresOf(estimator, 'cluster_centers_')),
})

// MeanShift, AffinityPropagation
const nearestCentre: EstimatorImporter = (context, estimator, x): Methods => ({
  predict: () => {
    const centres = centresOf(estimator, 'cluster_centers_')
    if (centres.rows === 0) throw unsupported(estimator, 'has no cluster centres: it did not converge')
    return clusterResult(argMin(context, partialDistances(context, x, centres)), true)
  },
})

// Birch: the label of the nearest subcluster.
const birch: EstimatorImporter = (context, estimator, x): Methods => ({
  predict: () => {
    const nearest = argMin(context, partialDistances(context, x, centresOf(estimator, 'subcluster_centers_')))
    const labels = asInt32(arrayAttribute(estimator, 'subcluster_labels_', 1), placeOf(estimator, 'subcluster_labels_'))
    return clusterResult(context.builder.add('Gather', [labelsOf(context, labels), nearest], { axis: 0 }), true)
  },
  transform: () => centreDistances(context, x, centresOf(estimator, 'subcluster_centers_')),
})

/** A tree of splits is walked by recursion. */
const MAX_SPLITS = 4096

// BisectingKMeans: down a tree, each time to the nearer of two centres.
const bisecting: EstimatorImporter = (context, estimator, x): Methods => ({
  predict: () => {
    const { builder } = context
    const where = placeOf(estimator, '_bisecting_tree')
    const mean = optionalAttribute(estimator, '_X_mean') === undefined ? undefined : asFloat64(arrayAttribute(estimator, '_X_mean', 1))
    const children = (node: PyObject): [PyObject, PyObject] | undefined => {
      const left = node.state.get('left')
      const right = node.state.get('right')
      return isPyObject(left) && isPyObject(right) ? [left, right] : undefined
    }
    const centre = (node: PyObject): Float64Array => {
      const own = asFloat64(arrayAttribute(node, 'center', 1))
      return mean === undefined ? own : own.map((one, f) => one + mean[f])
    }
    // All pairs of centres are compared at once; then labels are chosen from the leaves up.
    const centres: Float64Array[] = []
    const splits = centresOf(estimator, 'cluster_centers_').rows - 1
    if (splits > MAX_SPLITS) throw unsupported(estimator, `has more than ${MAX_SPLITS} splits`)
    const number = (node: PyObject): void => {
      const pair = children(node)
      if (pair === undefined) return
      if (centres.length >= 2 * splits) throw unsupported(estimator, `its tree has more splits than the ${splits} that make its clusters`)
      centres.push(centre(pair[0]), centre(pair[1]))
      for (const child of pair) number(child)
    }
    const root = attribute(estimator, '_bisecting_tree')
    if (!isPyObject(root)) throw unsupported(estimator, `${where} is ${describe(root)}`)
    number(root)
    const width = centres[0]?.length ?? arrayAttribute(estimator, 'cluster_centers_', 2).shape[1]
    const data = new Float64Array(centres.length * width)
    centres.forEach((one, i) => data.set(one.subarray(0, width), i * width))
    const distances = once(() => partialDistances(context, x, { data, rows: centres.length, width }))
    let next = 0
    const labelOf = (node: PyObject): ValueName => {
      const pair = children(node)
      if (pair === undefined) {
        return builder.constant({ dtype: 'int32', shape: [1], data: Int32Array.of(asInteger(attribute(node, 'label'), `${where}.label`)) })
      }
      const at = next
      next += 2
      const goesLeft = builder.add('LessOrEqual', [squeeze(context, gatherColumns(context, distances(), [at])), squeeze(context, gatherColumns(context, distances(), [at + 1]))])
      const left = labelOf(pair[0])
      return builder.add('Where', [goesLeft, left, labelOf(pair[1])])
    }
    if (centres.length > 0) return clusterResult(labelOf(root), false)
    // One cluster: every row's label is 0, computed from the row so that there is one per row.
    return clusterResult(argMin(context, partialDistances(context, x, centresOf(estimator, 'cluster_centers_'))), false)
  },
  transform: () => centreDistances(context, x, centresOf(estimator, 'cluster_centers_')),
})

// DBSCAN, OPTICS, HDBSCAN, AgglomerativeClustering, SpectralClustering: labels of the training data only.
const fitted: EstimatorImporter = (context, estimator, x): Methods => ({
  fitPredict: () => {
    // The input is declared as for other models, though nothing is computed from it.
    x.numbers()
    const labels = asInt32(arrayAttribute(estimator, 'labels_', 1), placeOf(estimator, 'labels_'))
    return { value: labelsOf(context, labels), dtype: 'int32', shape: [labels.length], sourceDtype: 'int64' }
  },
})

function poolingName(estimator: PyObject, value: PyValue | undefined): 'mean' | 'sum' | 'max' | 'min' {
  const name = isPyGlobal(value) && value.module.startsWith('numpy') ? value.name : undefined
  if (name === undefined && value === undefined) return 'mean'
  if (name === 'mean' || name === 'sum' || name === 'max' || name === 'min') return name
  if (name === 'amax') return 'max'
  if (name === 'amin') return 'min'
  throw unsupported(estimator, `pooling_func=${describe(value)} is not supported; known are numpy's mean, sum, max and min`)
}

// FeatureAgglomeration: features of one cluster are pooled.
const agglomeration: EstimatorImporter = (context, estimator, x): Methods => ({
  transform: () => {
    const { builder } = context
    const labels = asInt32(arrayAttribute(estimator, 'labels_', 1), placeOf(estimator, 'labels_'))
    const count = labels.reduce((most, one) => Math.max(most, one + 1), 0)
    const pooling = poolingName(estimator, estimator.state.get('pooling_func'))
    const groups = Array.from({ length: count }, (_, c) => Array.from(labels, (_one, f) => f).filter((f) => labels[f] === c))
    const input = x.numbers(labels.length)
    if (pooling === 'max' || pooling === 'min') {
      const columns = groups.map((group) => {
        const part = gatherColumns(context, input, group)
        return pooling === 'max' ? maxColumns(context, part, true) : builder.add('ReduceMin', [part, int64Constant(context, [1])], { keepdims: 1 })
      })
      return matrixFeatures(context, concat(context, columns), count)
    }
    const membership = new Float64Array(labels.length * count)
    labels.forEach((label, f) => (membership[f * count + label] = 1))
    const sums = builder.add('MatMul', [input, float64Constant(context, membership, [labels.length, count], 'membership')])
    const sizes = Float64Array.from(groups, (group) => group.length)
    return matrixFeatures(context, pooling === 'sum' ? sums : builder.add('Div', [sums, float64Constant(context, sizes, [1, count])]), count)
  },
})

export const clusters: readonly EstimatorEntry[] = [
  { names: ['KMeans', 'MiniBatchKMeans'], kind: 'clusterer', importer: kMeans },
  { names: ['BisectingKMeans'], kind: 'clusterer', importer: bisecting },
  { names: ['MeanShift', 'AffinityPropagation'], kind: 'clusterer', importer: nearestCentre },
  { names: ['Birch'], kind: 'clusterer', importer: birch },
  { names: ['DBSCAN', 'OPTICS', 'HDBSCAN', 'AgglomerativeClustering', 'SpectralClustering'], kind: 'clusterer', importer: fitted },
  { names: ['FeatureAgglomeration'], kind: 'transformer', importer: agglomeration },
]
