// Distances to the training rows, and the nearest of them, as scikit-learn's neighbours search.
import type { ValueName } from '../../../graph/builder.ts'
import {
  asDict, asFloat64, asInt32, asNumber, describe, expectNumericArray, expectStruct, isNdArray, isPyObject, isTuple, optionalAttribute, placeOf, structField, attribute, type PyObject, type PyValue,
} from '../../pickle/index.ts'
import { castTo, float64Constant, int64Constant } from '../emit.ts'
import type { Features } from '../features.ts'
import { isSince, unsupported } from '../params.ts'
import type { SklearnContext } from '../types.ts'
import { denseAttribute } from './coefficients.ts'
import { distancesTo, rowsOf, type Rows } from './kernels.ts'

/** A metric of mle.PairwiseDistance. */
export interface MetricSettings {
  readonly metric: string
  readonly p: number
  readonly parameters: Float64Array | undefined
}

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['l2', 'euclidean'], ['l1', 'manhattan'], ['cityblock', 'manhattan'], ['infinity', 'chebyshev'], ['p', 'minkowski'],
])
const KNOWN: readonly string[] = [
  'euclidean', 'sqeuclidean', 'manhattan', 'chebyshev', 'minkowski', 'seuclidean', 'mahalanobis', 'canberra', 'braycurtis', 'hamming', 'cosine', 'correlation', 'haversine',
  'matching', 'jaccard', 'dice', 'kulsinski', 'rogerstanimoto', 'russellrao', 'sokalmichener', 'sokalsneath',
]

/** A metric of scikit-learn by name and parameters. Throws SKLEARN_UNSUPPORTED for callables and names that are not known. */
export function metricSettings(estimator: PyObject, name: PyValue | undefined, parameters: PyValue | undefined, fallbackP: PyValue | undefined): MetricSettings {
  const metric = typeof name === 'string' ? (ALIASES.get(name) ?? name) : undefined
  if (metric === undefined || !KNOWN.includes(metric)) throw unsupported(estimator, `metric=${describe(name)} is not supported; known are ${KNOWN.join(', ')}`)
  const where = `${estimator.name}.metric_params`
  const dict = parameters === null || parameters === undefined ? new Map<PyValue, PyValue>() : asDict(parameters, where)
  const array = (key: string): Float64Array | undefined => {
    const value = dict.get(key)
    return value === undefined || value === null ? undefined : asFloat64(expectNumericArray(value, `${where}[${JSON.stringify(key)}]`))
  }
  const p = asNumber(dict.get('p') ?? fallbackP ?? 2, `${where}['p']`)
  if (metric === 'minkowski') {
    const weights = array('w')
    if (weights === undefined) {
      if (p === 1) return { metric: 'manhattan', p, parameters: undefined }
      if (p === 2) return { metric: 'euclidean', p, parameters: undefined }
      if (p === Infinity) return { metric: 'chebyshev', p, parameters: undefined }
    }
    return { metric, p, parameters: weights }
  }
  if (dict.get('w') !== undefined && dict.get('w') !== null) throw unsupported(estimator, `metric_params 'w' is not supported with metric ${metric}`)
  if (metric === 'seuclidean') return { metric, p: 2, parameters: required(estimator, array('V'), 'V') }
  if (metric === 'mahalanobis') {
    const inverse = array('VI')
    if (inverse === undefined && array('V') !== undefined) throw unsupported(estimator, "metric 'mahalanobis' with V is not supported; give VI, its inverse")
    return { metric, p: 2, parameters: required(estimator, inverse, 'VI') }
  }
  return { metric, p: 2, parameters: undefined }
}

function required(estimator: PyObject, value: Float64Array | undefined, name: string): Float64Array {
  if (value === undefined) throw unsupported(estimator, `metric_params has no ${name}`)
  return value
}

/** What a fitted neighbours estimator searches. */
export interface Search {
  readonly settings: MetricSettings
  readonly points: Rows
  readonly method: 'brute' | 'kd_tree' | 'ball_tree'
  readonly form: 'direct' | 'expanded'
}

/** 'precomputed' where X itself holds distances to the training rows. */
export function searchOf(estimator: PyObject): Search | 'precomputed' {
  const name = optionalAttribute(estimator, 'effective_metric_') ?? optionalAttribute(estimator, 'metric')
  if (name === 'precomputed') return 'precomputed'
  const settings = metricSettings(estimator, name, optionalAttribute(estimator, 'effective_metric_params_'), optionalAttribute(estimator, 'p'))
  const array = denseAttribute(estimator, '_fit_X')
  const stored = estimator.state.get('_fit_method')
  const method = stored === 'kd_tree' || stored === 'ball_tree' ? stored : 'brute'
  const isEuclidean = settings.metric === 'euclidean' || settings.metric === 'sqeuclidean'
  // Brute force multiplies matrices for (squared) Euclidean distances; scipy's cdist computed sqeuclidean before 1.1.
  const isExpanded = method === 'brute' && isEuclidean && (settings.metric === 'euclidean' || isSince(estimator, 1, 1, true))
  // cdist divides by |x + y|, DistanceMetric by |x| + |y|.
  const metric = settings.metric === 'braycurtis' && method === 'brute' && !isSince(estimator, 1, 1, true) ? 'braycurtis-sums' : settings.metric
  return { settings: { ...settings, metric }, points: rowsOf(array, asFloat64(array)), method, form: isExpanded ? 'expanded' : 'direct' }
}

/** Distances [batch, training rows] under a metric of the same order: for Euclidean ones their squares. */
export function reducedDistances(context: SklearnContext, estimator: PyObject, x: Features): { value: ValueName; isSquared: boolean; points: number } {
  const search = searchOf(estimator)
  if (search === 'precomputed') return { value: x.numbers(), isSquared: false, points: x.width ?? 0 }
  const { settings, points, form } = search
  const isSquared = settings.metric === 'euclidean'
  const { p, parameters } = settings
  const value = distancesTo(context, x.numbers(points.width), points, isSquared ? 'sqeuclidean' : settings.metric, { form, p, parameters })
  return { value, isSquared, points: points.rows }
}

/** Distances float64 and positions int32, both [batch, k], nearest first. */
export function nearest(context: SklearnContext, estimator: PyObject, x: Features, k: number): { distances: ValueName; indices: ValueName; points: number } {
  const { builder } = context
  const search = searchOf(estimator)
  if (search === 'precomputed') {
    const [distances, indices] = builder.addMany('TopK', [x.numbers(), int64Constant(context, [k])], 2, { axis: 1, largest: 0, sorted: 1 })
    return { distances, indices: castTo(context, indices, 'int32'), points: x.width ?? 0 }
  }
  const { settings, points, method, form } = search
  const inputs = [x.numbers(points.width), float64Constant(context, points.data, [points.rows, points.width], 'points')]
  const { metric, p, parameters } = settings
  inputs.push(parameters === undefined ? '' : float64Constant(context, parameters, [parameters.length], 'parameters'))
  const tree = method === 'brute' ? undefined : treeInputs(context, estimator, method)
  if (tree !== undefined) inputs.push(...tree)
  while (inputs.at(-1) === '') inputs.pop()
  const ties = tree === undefined && isPartitioned(estimator, metric) ? 'partition' : 'earlier'
  const [distances, indices] = builder.addMany('mle.NearestNeighbors', inputs, 2, { metric, form, p, k, search: tree === undefined ? 'brute' : method, ties })
  return { distances, indices, points: points.rows }
}

/** Metrics of scikit-learn's own brute-force search, which is there from 1.1 on, for float64, from 1.2 on for float32. */
const OWN_SEARCH: ReadonlySet<string> = new Set(['braycurtis', 'canberra', 'chebyshev', 'euclidean', 'haversine', 'manhattan', 'minkowski', 'seuclidean', 'sqeuclidean'])

/** True where brute force takes numpy's argpartition of all distances. Integers and booleans keep their dtype in `_fit_X`. */
function isPartitioned(estimator: PyObject, metric: string): boolean {
  if (!isSince(estimator, 1, 1, true) || !OWN_SEARCH.has(metric)) return true
  const points = attribute(estimator, '_fit_X')
  const dtype = isNdArray(points) ? points.dtype : 'float64'
  return dtype !== 'float64' && !(dtype === 'float32' && isSince(estimator, 1, 2, true))
}

/** order, nodes, bounds and radii of the KDTree or BallTree in `_tree`; undefined where the file has none that can be read. */
function treeInputs(context: SklearnContext, estimator: PyObject, method: 'kd_tree' | 'ball_tree'): ValueName[] | undefined {
  const tree = treeState(estimator, '_tree')
  if (tree === undefined) return undefined
  const where = placeOf(estimator, '_tree')
  const records = expectStruct(tree[2], where)
  const starts = asInt32(structField(records, 'idx_start', where), where)
  const ends = asInt32(structField(records, 'idx_end', where), where)
  const leaves = asInt32(structField(records, 'is_leaf', where), where)
  const nodes = new Int32Array(3 * starts.length)
  for (let i = 0; i < starts.length; i++) nodes.set([starts[i], ends[i], leaves[i] === 0 ? 0 : 1], 3 * i)
  const order = asInt32(expectNumericArray(tree[1], where, 1), where)
  const bounds = expectNumericArray(tree[3], where, 3)
  const { builder } = context
  const inputs = [
    builder.constant({ dtype: 'int32', shape: [order.length], data: order }, 'order'),
    builder.constant({ dtype: 'int32', shape: [starts.length, 3], data: nodes }, 'nodes'),
    float64Constant(context, asFloat64(bounds), bounds.shape, 'bounds'),
  ]
  if (method === 'ball_tree') inputs.push(float64Constant(context, asFloat64(structField(records, 'radius', where)), [starts.length], 'radii'))
  return inputs
}

/** The tuple that a KDTree or BallTree pickles: data, order, nodes, bounds, settings and counters, metric, sample weights. */
export function treeState(estimator: PyObject, name: string): readonly PyValue[] | undefined {
  const tree = attribute(estimator, name)
  return isPyObject(tree) && isTuple(tree.rawState) && tree.rawState.items.length >= 12 ? tree.rawState.items : undefined
}
