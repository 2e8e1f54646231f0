// Decompositions whose transform is an iteration of its own: non-negative factors, topics, sparse codes, embeddings.
import type { ValueName } from '../../../graph/builder.ts'
import { arrayAttribute, asFloat64, asNumber, asObject, attribute, describe, placeOf, type PyObject } from '../../pickle/index.ts'
import { affine, concat, float64Constant, int64Constant, scalar, sumColumns, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { product } from '../linear-algebra.ts'
import { booleanSetting, choice, isSince, numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'
import { transposed } from './coefficients.ts'
import { kernelProjection, rowsAttribute } from './decomposition.ts'
import type { Rows } from './kernels.ts'
import { nearest } from './neighbor-search.ts'

const LOSSES: ReadonlyMap<unknown, number> = new Map<unknown, number>([['frobenius', 2], ['kullback-leibler', 1], ['itakura-saito', 0]])

/** Penalties of |W|_1 and |W|^2. They were not scaled by the number of features before alpha_W replaced alpha. */
function penalties(estimator: PyObject, width: number): { l1: number; l2: number } {
  const ratio = numberSetting(estimator, 'l1_ratio', 0)
  const isNew = estimator.state.has('alpha_W')
  const own = isNew ? numberSetting(estimator, 'alpha_W', 0) * width : numberSetting(estimator, 'alpha', 0)
  const counts = isNew || choice(estimator, 'regularization', ['both', 'transformation', 'components'], 'both') !== 'components'
  const alpha = counts ? own : 0
  return { l1: alpha * ratio, l2: alpha * (1 - ratio) }
}

// NMF, MiniBatchNMF
const factorization: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const components = rowsAttribute(estimator, 'components_')
    const isBatched = estimator.name === 'MiniBatchNMF'
    const loss = estimator.state.get('beta_loss') ?? 'frobenius'
    const beta = LOSSES.get(loss) ?? asNumber(loss, placeOf(estimator, 'beta_loss'))
    const isDescent = !isBatched && choice(estimator, 'solver', ['cd', 'mu'], 'cd') === 'cd'
    if (isDescent && booleanSetting(estimator, 'shuffle', false)) throw unsupportedSetting(estimator, 'shuffle', ['False: a random order of coordinates is not deterministic'])
    const solver = isDescent ? 'descent' : isBatched ? 'multiply-step' : 'multiply'
    const iterations = isBatched && (estimator.state.get('transform_max_iter') ?? null) !== null ? 'transform_max_iter' : 'max_iter'
    const value = context.builder.add('mle.NmfCode', [x.numbers(components.width), float64Constant(context, components.data, [components.rows, components.width], 'components')], {
      solver, beta, ...penalties(estimator, components.width), tolerance: numberSetting(estimator, 'tol', 0.0001), maxIterations: numberSetting(estimator, iterations, 200),
      // scikit-learn adds the penalty to the sums of H in place, so that they grow with every step.
      growing: solver === 'multiply' && beta === 1 ? 1 : 0,
    })
    return matrixFeatures(context, value, components.rows)
  },
})

// LatentDirichletAllocation
const topics: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const components = rowsAttribute(estimator, 'exp_dirichlet_component_')
    const value = context.builder.add('mle.TopicCode', [x.numbers(components.width), float64Constant(context, components.data, [components.rows, components.width], 'components')], {
      prior: numberSetting(estimator, 'doc_topic_prior_', 1 / components.rows),
      tolerance: numberSetting(estimator, 'mean_change_tol', 0.001),
      maxIterations: numberSetting(estimator, 'max_doc_update_iter', 100),
    })
    return matrixFeatures(context, context.builder.add('Div', [value, sumColumns(context, value, true)]), components.rows)
  },
})

/** Codes of x over the atoms, [batch, atoms]. */
function sparseCodes(context: SklearnContext, estimator: PyObject, x: ValueName, { data, rows: k, width }: Rows): ValueName {
  const { builder } = context
  const algorithm = choice(estimator, 'transform_algorithm', ['omp', 'lasso_cd', 'lasso_lars', 'threshold'], 'omp')
  const isPositive = booleanSetting(estimator, 'positive_code', false)
  // Under that restriction the path of least angles stops short of the minimum.
  if (isPositive && (algorithm === 'omp' || algorithm === 'lasso_lars')) throw unsupportedSetting(estimator, 'positive_code', [`False with ${algorithm}`])
  const products = affine(context, x, data, k)
  const isSet = (name: string): boolean => (estimator.state.get(name) ?? null) !== null
  const alpha = isSet('transform_alpha') ? numberSetting(estimator, 'transform_alpha', 1) : isSet('alpha') ? numberSetting(estimator, 'alpha', 1) : 1
  if (algorithm === 'threshold') {
    const zero = scalar(context, 0)
    const size = builder.add('Clip', [withScalar(context, 'Sub', builder.add('Abs', [products]), alpha), zero])
    const code = builder.add('Mul', [builder.add('Sign', [products]), size])
    return isPositive ? builder.add('Clip', [code, zero]) : code
  }
  const gram = float64Constant(context, product(data, k, width, transposed(data, k, width), k), [k, k], 'gram')
  if (algorithm === 'omp') {
    const count = isSet('transform_n_nonzero_coefs') ? numberSetting(estimator, 'transform_n_nonzero_coefs', 1) : Math.min(Math.max(width / 10, 1), k)
    return builder.add('mle.SparseCode', [products, gram], { algorithm: 'omp', nonzero: Math.floor(count) })
  }
  const norms = sumColumns(context, builder.add('Mul', [x, x]), false)
  // The path of least angles ends at the minimum itself, which descent comes close to when it goes on for long enough.
  const isPath = algorithm === 'lasso_lars'
  const tolerance = isPath ? 1e-15 : isSince(estimator, 1, 8) ? 1e-8 : 0.0001
  return builder.add('mle.SparseCode', [products, gram, norms], {
    algorithm: 'lasso', alpha, positive: isPositive ? 1 : 0, tolerance, maxIterations: isPath ? 100000 : numberSetting(estimator, 'transform_max_iter', 1000),
  })
}

// DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder
const dictionary: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const atoms = rowsAttribute(estimator, estimator.name === 'SparseCoder' ? 'dictionary' : 'components_')
    const code = sparseCodes(context, estimator, x.numbers(atoms.width), atoms)
    if (!booleanSetting(estimator, 'split_sign', false)) return matrixFeatures(context, code, atoms.rows)
    const { builder } = context
    return matrixFeatures(context, concat(context, [builder.add('Relu', [code]), builder.add('Relu', [builder.add('Neg', [code])])]), 2 * atoms.rows)
  },
})

function neighborsOf(estimator: PyObject): PyObject {
  return asObject(attribute(estimator, 'nbrs_'), placeOf(estimator, 'nbrs_'))
}

// Isomap: shortest ways through the nearest training rows, projected like a precomputed kernel.
const isomap: EstimatorImporter = (context, estimator, x): { transform: () => Features } => ({
  transform: () => {
    const { builder } = context
    if (!estimator.state.has('nbrs_') || (estimator.state.get('radius') ?? null) !== null) throw unsupportedSetting(estimator, 'radius', ['None'])
    const ways = arrayAttribute(estimator, 'dist_matrix_', 2)
    const { distances, indices } = nearest(context, neighborsOf(estimator), x, numberSetting(estimator, 'n_neighbors', 5))
    const from = builder.add('Gather', [float64Constant(context, asFloat64(ways), ways.shape, 'ways'), indices], { axis: 0 })
    const whole = builder.add('Add', [from, builder.add('Unsqueeze', [distances, int64Constant(context, [2])])])
    const shortest = builder.add('ReduceMin', [whole, int64Constant(context, [1])], { keepdims: 0 })
    const kernel = withScalar(context, 'Mul', builder.add('Mul', [shortest, shortest]), -0.5)
    return kernelProjection(context, asObject(attribute(estimator, 'kernel_pca_'), placeOf(estimator, 'kernel_pca_')), kernel)
  },
})

// LocallyLinearEmbedding: places of the nearest training rows, weighted as they make up the row.
const locallyLinear: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const neighbors = neighborsOf(estimator)
    const points = rowsAttribute(neighbors, '_fit_X')
    const embedding = arrayAttribute(estimator, 'embedding_', 2)
    const { indices } = nearest(context, neighbors, x, numberSetting(estimator, 'n_neighbors', 5))
    const weights = builder.add('mle.BarycenterWeights', [x.numbers(points.width), float64Constant(context, points.data, [points.rows, points.width], 'points'), indices], {
      regularization: numberSetting(estimator, 'reg', 0.001),
    })
    const places = builder.add('Gather', [float64Constant(context, asFloat64(embedding), embedding.shape, 'embedding'), indices], { axis: 0 })
    const weighted = builder.add('Mul', [places, builder.add('Unsqueeze', [weights, int64Constant(context, [2])])])
    if (embedding.shape[0] !== points.rows) throw unsupported(estimator, `embedding_ is ${describe(embedding)} for ${points.rows} training rows`)
    return matrixFeatures(context, builder.add('ReduceSum', [weighted, int64Constant(context, [1])], { keepdims: 0 }), embedding.shape[1])
  },
})

export const codes: readonly EstimatorEntry[] = [
  { names: ['NMF', 'MiniBatchNMF'], kind: 'transformer', importer: factorization },
  { names: ['LatentDirichletAllocation'], kind: 'transformer', importer: topics },
  { names: ['DictionaryLearning', 'MiniBatchDictionaryLearning', 'SparseCoder'], kind: 'transformer', importer: dictionary },
  { names: ['Isomap'], kind: 'transformer', importer: isomap },
  { names: ['LocallyLinearEmbedding'], kind: 'transformer', importer: locallyLinear },
]
