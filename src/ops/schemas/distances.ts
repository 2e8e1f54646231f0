// Distances from rows of data to rows of a model, and the nearest of those.
import { MleError } from '../../error.ts'
import { float, int, text } from '../attributes.ts'
import { METRICS } from '../distances.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type AttributeSchema, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'
import { oneOf } from './define.ts'

const onlyFirstCarriesRows = (_context: InferContext, carriesRows: readonly boolean[]): boolean => carriesRows.every((carries, i) => carries === (i === 0))

const METRIC_ATTRIBUTES: readonly AttributeSchema[] = [
  { name: 'metric', kind: 'string', default: 'euclidean' },
  { name: 'form', kind: 'string', default: 'direct' },
  { name: 'p', kind: 'float', default: 2 },
]

function checkMetric(context: InferContext): { rows: Dim; points: Dim; features: Dim } {
  const metric = oneOf('metric', text(context.attributes, 'metric', 'euclidean'), METRICS)
  const form = oneOf('form', text(context.attributes, 'form', 'direct'), ['direct', 'expanded'])
  if (form === 'expanded' && metric !== 'euclidean' && metric !== 'sqeuclidean') throw new MleError('OP_ATTRIBUTE', `metric ${metric} has no expanded form`, { actual: metric })
  const p = float(context.attributes, 'p', 2)
  if (!(p > 0)) throw new MleError('OP_ATTRIBUTE', `attribute p is ${p}, expected a positive number`, { actual: p })
  const x = inputShape(context, 0, 2)
  const y = inputShape(context, 1, 2)
  const features = x !== undefined && y !== undefined ? unifyDims(x[1], y[1], 'features') : (y?.[1] ?? null)
  return { rows: x?.[0] ?? null, points: y?.[0] ?? null, features }
}

/**
 * Distances between the rows of X [rows, features] and of Y [points, features] -> D [rows, points]. `form` 'expanded' (euclidean, sqeuclidean) computes
 * |x|^2 - 2 x y + |y|^2, below 0 as 0. parameters: weights [features] of minkowski, variances [features] of seuclidean, or the inverse
 * covariance [features, features] of mahalanobis.
 *
 * @formula d[r, j] = metric(x[r], y[j]); euclidean: sqrt(sum of (x - y)^2), minkowski: (sum of w |x - y|^p)^(1 / p)
 */
const pairwiseDistance: OpSchema = {
  name: 'PairwiseDistance',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: 'T' },
    { name: 'Y', type: 'T' },
    { name: 'parameters', type: 'T', optional: true },
  ],
  outputs: [{ name: 'D' }],
  attributes: METRIC_ATTRIBUTES,
  typeSets: { T: ['float64', 'float32'] },
  infer(context): ValueType[] {
    const { rows, points } = checkMetric(context)
    return [{ dtype: tensorInput(context, 0).dtype, shape: [rows, points] }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: reducing,
}

/**
 * The k nearest of the points Y [points, features] for each row of X [rows, features], nearest first: distances [rows, k] and indices int32 [rows, k].
 * Metrics as for PairwiseDistance. `search` says in which order points are met, which decides between equal distances: 'brute' in their own order,
 * 'kd_tree' and 'ball_tree' as a search through scikit-learn's trees meets them (order [points], nodes [nodes, 3] = start, end, leaf?, bounds: of
 * kd_tree [2, nodes, features] lowest and highest, of ball_tree [1, nodes, features] centres with radii [nodes]). Of several farthest ones a max-heap
 * of k decides which leaves; `ties` 'earlier' keeps it when a point as far comes, 'later' replaces it. With 'partition', for 'brute' only, they are the
 * first k places of numpy's argpartition (its introselect), which scikit-learn takes for integers and for metrics without a search of their own.
 *
 * @formula indices[r] = the k points of smallest metric(x[r], y[j])
 */
const nearestNeighbors: OpSchema = {
  name: 'NearestNeighbors',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'Y', type: ['float64'] },
    { name: 'parameters', type: ['float64'], optional: true },
    { name: 'order', type: ['int32'], optional: true },
    { name: 'nodes', type: ['int32'], optional: true },
    { name: 'bounds', type: ['float64'], optional: true },
    { name: 'radii', type: ['float64'], optional: true },
  ],
  outputs: [{ name: 'distances' }, { name: 'indices' }],
  attributes: [
    ...METRIC_ATTRIBUTES,
    { name: 'k', kind: 'int', required: true },
    { name: 'search', kind: 'string', default: 'brute' },
    { name: 'ties', kind: 'string', default: 'earlier' },
  ],
  infer(context): ValueType[] {
    const { rows, points, features } = checkMetric(context)
    const search = oneOf('search', text(context.attributes, 'search', 'brute'), ['brute', 'kd_tree', 'ball_tree'])
    oneOf('ties', text(context.attributes, 'ties', 'earlier'), search === 'brute' ? ['earlier', 'later', 'partition'] : ['earlier', 'later'])
    const k = int(context.attributes, 'k', 0)
    if (k < 1 || (typeof points === 'number' && k > points)) throw new MleError('OP_ATTRIBUTE', `attribute k is ${k}, expected 1 to ${points}`, { actual: k })
    if (search !== 'brute') {
      unifyDims(inputShape(context, 3, 1)?.[0] ?? null, points, 'points of order')
      const nodes = inputShape(context, 4, 2)
      const bounds = inputShape(context, 5, 3)
      if (nodes !== undefined) unifyDims(nodes[1], 3, 'columns of nodes')
      if (bounds !== undefined) {
        unifyDims(bounds[0], search === 'kd_tree' ? 2 : 1, 'first dimension of bounds')
        if (nodes !== undefined) unifyDims(bounds[1], nodes[0], 'nodes of bounds')
        unifyDims(bounds[2], features, 'features of bounds')
      }
      if (search === 'ball_tree') unifyDims(inputShape(context, 6, 1)?.[0] ?? null, nodes?.[0] ?? null, 'nodes of radii')
    }
    return [
      { dtype: 'float64', shape: [rows, k] },
      { dtype: 'int32', shape: [rows, k] },
    ]
  },
  rowWise: onlyFirstCarriesRows,
  bound: reducing,
}

/**
 * Sums of weights by class: index int32 [rows, k] of points, labels int32 [points] in [0, classes), weights [rows, k] (1 when absent) -> S [rows, classes].
 * A class's weights are added in their order over all k places, those of others as 0, in numpy's order: 8 partial sums from 8 places on.
 *
 * @formula s[r, c] = sum over i of weights[r, i] where labels[index[r, i]] = c
 */
const classSums: OpSchema = {
  name: 'ClassSums',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'index', type: ['int32'] },
    { name: 'labels', type: ['int32'] },
    { name: 'weights', type: ['float64'], optional: true },
  ],
  outputs: [{ name: 'S' }],
  attributes: [{ name: 'classes', kind: 'int', required: true }],
  infer(context): ValueType[] {
    const index = inputShape(context, 0, 2)
    inputShape(context, 1, 1)
    if (context.inputs[2] !== undefined) {
      const weights = inputShape(context, 2, 2)
      if (index !== undefined && weights !== undefined) index.forEach((dim, i) => unifyDims(dim, weights[i], 'weights'))
    }
    const classes = int(context.attributes, 'classes', 0)
    if (classes < 1) throw new MleError('OP_ATTRIBUTE', `attribute classes is ${classes}, expected at least 1`, { actual: classes })
    return [{ dtype: 'float64', shape: [index?.[0] ?? null, classes] }]
  },
  rowWise: (context, carriesRows) => carriesRows[0] && !carriesRows[1] && (context.inputs[2] === undefined || carriesRows[2]),
  bound: reducing,
}

export const distanceSchemas: readonly OpSchema[] = [pairwiseDistance, nearestNeighbors, classSums]
