// Estimators that look at the nearest training rows.
import type { ValueName } from '../../../graph/builder.ts'
import { log } from '../../../math/index.ts'
import { arrayAttribute, asFloat64, asInt32, asLabels, numberAttribute, optionalAttribute, placeOf, type LabelArray, type PyObject } from '../../pickle/index.ts'
import { argMax, castTo, float64Constant, gatherColumns, int64Constant, matrixResult, once, scalar, squeeze, sumColumns, vectorResult, withScalar, affine } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { classesOf, classifierMethods, labelResult, logOf, lookUpLabels } from '../labels.ts'
import { booleanSetting, choice, numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { distancesTo, rowsOf } from './kernels.ts'
import { metricSettings, nearest, reducedDistances } from './neighbor-search.ts'

/** True for weights by distance. Callables are refused. */
function isByDistance(estimator: PyObject): boolean {
  const weights = estimator.state.get('weights')
  if (weights === undefined || weights === null || weights === 'uniform') return false
  if (weights === 'distance') return true
  throw unsupportedSetting(estimator, 'weights', ['uniform', 'distance'])
}

/** 1 / distance; in rows where some are infinite those count 1 and the others 0. */
function inverseDistances(context: SklearnContext, distances: ValueName): ValueName {
  const { builder } = context
  const inverse = builder.add('Reciprocal', [distances])
  const isInfinite = castTo(context, builder.add('IsInf', [inverse]), 'float64')
  const some = withScalar(context, 'Greater', builder.add('ReduceMax', [isInfinite, int64Constant(context, [1])], { keepdims: 1 }), 0)
  return builder.add('Where', [some, isInfinite, inverse])
}

/** Columns of `_y` as class positions. */
function targetClasses(estimator: PyObject, outputs: number): Int32Array[] {
  const y = arrayAttribute(estimator, '_y')
  const data = asInt32(y, placeOf(estimator, '_y'))
  if (data.length % outputs !== 0) throw unsupported(estimator, `_y has ${data.length} elements for ${outputs} outputs`)
  const rows = data.length / outputs
  return Array.from({ length: outputs }, (_, o) => Int32Array.from({ length: rows }, (_row, r) => data[r * outputs + o]))
}

/** Rows divided by their sum, rows of zeros as they are. */
function normalizedRows(context: SklearnContext, sums: ValueName): ValueName {
  const total = sumColumns(context, sums, true)
  const isZero = withScalar(context, 'Equal', total, 0)
  return context.builder.add('Div', [sums, context.builder.add('Where', [isZero, float64Constant(context, [1], [1, 1]), total])])
}

// KNeighborsClassifier: the class with most votes, the first on ties.
const nearestClassifier: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  const targets = targetClasses(estimator, classes.length)
  const byDistance = isByDistance(estimator)
  const found = once(() => nearest(context, estimator, x, numberSetting(estimator, 'n_neighbors', 5)))
  const weights = once(() => inverseDistances(context, found().distances))
  const sums = once(() =>
    targets.map((target, o) => {
      const labels = builder.constant({ dtype: 'int32', shape: [target.length], data: target }, 'target')
      return builder.add('mle.ClassSums', byDistance ? [found().indices, labels, weights()] : [found().indices, labels], { classes: classes[o].values.length })
    }),
  )
  const probabilities = once(() => sums().map((one, o) => matrixResult(normalizedRows(context, one), classes[o].values.length)))
  return {
    ...classifierMethods(context, classes, () => sums().map((one) => argMax(context, one))),
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
  }
}

/** Targets as a constant [rows, outputs], and whether predictions are vectors. */
function targetValues(context: SklearnContext, estimator: PyObject): { value: ValueName; outputs: number; isVector: boolean } {
  const y = arrayAttribute(estimator, '_y')
  const outputs = y.shape.length === 1 ? 1 : y.shape[1]
  return { value: float64Constant(context, asFloat64(y), [y.shape[0], outputs], 'target'), outputs, isVector: y.shape.length === 1 }
}

function regression(context: SklearnContext, value: ValueName, outputs: number, isVector: boolean): Result {
  return isVector ? vectorResult(squeeze(context, value)) : matrixResult(value, outputs)
}

// KNeighborsRegressor: the mean of the nearest targets.
const nearestRegressor: EstimatorImporter = (context, estimator, x) => ({
  predict: () => {
    const { builder } = context
    const { value, outputs, isVector } = targetValues(context, estimator)
    const { distances, indices } = nearest(context, estimator, x, numberSetting(estimator, 'n_neighbors', 5))
    const targets = builder.add('Gather', [value, indices], { axis: 0 })
    const axis = int64Constant(context, [1])
    if (!isByDistance(estimator)) return regression(context, builder.add('ReduceMean', [targets, axis], { keepdims: 0 }), outputs, isVector)
    const weights = inverseDistances(context, distances)
    const weighted = builder.add('Mul', [targets, builder.add('Unsqueeze', [weights, int64Constant(context, [2])])])
    const top = builder.add('ReduceSum', [weighted, axis], { keepdims: 0 })
    return regression(context, builder.add('Div', [top, sumColumns(context, weights, true)]), outputs, isVector)
  },
})

/** Weights [batch, training rows] of the rows within the radius, 0 for others; and how many there are, [batch, 1]. */
function withinRadius(context: SklearnContext, estimator: PyObject, x: Features): { weights: ValueName; count: ValueName } {
  const { builder } = context
  const radius = numberSetting(estimator, 'radius', 1)
  const { value, isSquared } = reducedDistances(context, estimator, x)
  const inside = castTo(context, withScalar(context, 'LessOrEqual', value, isSquared ? radius * radius : radius), 'float64')
  const count = sumColumns(context, inside, true)
  if (!isByDistance(estimator)) return { weights: inside, count }
  const inverse = builder.add('Reciprocal', [isSquared ? builder.add('Sqrt', [value]) : value])
  const isZero = castTo(context, withScalar(context, 'Equal', value, 0), 'float64')
  const some = withScalar(context, 'Greater', builder.add('ReduceMax', [isZero, int64Constant(context, [1])], { keepdims: 1 }), 0)
  const isInside = withScalar(context, 'Greater', inside, 0)
  return { weights: builder.add('Where', [some, isZero, builder.add('Where', [isInside, inverse, scalar(context, 0)])]), count }
}

// NearestNeighbors: the neighbours themselves.
const nearestNeighbors: EstimatorImporter = (context, estimator, x) => ({
  neighbors: () => {
    const k = numberSetting(estimator, 'n_neighbors', 5)
    const { distances, indices } = nearest(context, estimator, x, k)
    return { distances: matrixResult(distances, k), indices: { value: indices, dtype: 'int32', shape: ['batch', k], sourceDtype: 'int64' } }
  },
})

// RadiusNeighborsClassifier
const radiusClassifier: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  const targets = targetClasses(estimator, classes.length)
  const outliers = outlierLabels(estimator, classes.length)
  const within = once(() => withinRadius(context, estimator, x))
  const isAlone = once(() => withScalar(context, 'Equal', within().count, 0))
  const checked = once((): ValueName => {
    if (outliers !== undefined) return within().weights
    return builder.add('mle.Require', [within().weights, builder.add('Not', [isAlone()])], { message: 'a row has no neighbour within the radius, and the model has no outlier_label' })
  })
  const values = once(() =>
    targets.map((target, o) => {
      const nClasses = classes[o].values.length
      const table = new Float64Array(target.length * nClasses)
      target.forEach((label, r) => (table[r * nClasses + label] = 1))
      const sums = builder.add('MatMul', [checked(), float64Constant(context, table, [target.length, nClasses], 'target')])
      const position = outliers === undefined ? -1 : classes[o].values.indexOf(outliers[o])
      const alone = Float64Array.from({ length: nClasses }, (_, c) => (c === position ? 1 : 0))
      return normalizedRows(context, builder.add('Where', [isAlone(), float64Constant(context, alone, [1, nClasses]), sums]))
    }),
  )
  const methods = classifierMethods(context, classes, () => values().map((one) => argMax(context, one)))
  const isForeign = outliers?.some((label, o) => !classes[o].values.includes(label)) ?? false
  const probabilities = once(() => values().map((one, o) => matrixResult(one, classes[o].values.length)))
  return {
    ...methods,
    ...(isForeign ? { predict: () => foreignLabels(context, methods.predictIndex(), isAlone(), classes, outliers ?? []) } : {}),
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
  }
}

/** Labels where rows without neighbours get one that is no class: one more entry in the list of labels. */
function foreignLabels(context: SklearnContext, indices: readonly ValueName[], isAlone: ValueName, classes: readonly LabelArray[], outliers: LabelArray['values']): Result {
  const { builder } = context
  const extended = classes.map((one, o): LabelArray => ({ dtype: one.dtype, values: [...one.values, outliers[o]] }))
  const moved = indices.map((index, o) => builder.add('Where', [squeezeFlags(context, isAlone), builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(classes[o].values.length)) }), index]))
  return moved.length === 1 ? lookUpLabels(context, moved[0], extended[0]) : labelResult(context, moved, extended)
}

function squeezeFlags(context: SklearnContext, flags: ValueName): ValueName {
  return context.builder.add('Squeeze', [flags, int64Constant(context, [1])])
}

function outlierLabels(estimator: PyObject, outputs: number): LabelArray['values'] | undefined {
  const value = optionalAttribute(estimator, 'outlier_label_')
  if (value === undefined) return undefined
  const labels = asLabels(value, placeOf(estimator, 'outlier_label_')).values
  if (labels.length !== outputs) throw unsupported(estimator, `outlier_label_ has ${labels.length} labels for ${outputs} outputs`)
  return labels
}

// RadiusNeighborsRegressor: NaN where no row is near.
const radiusRegressor: EstimatorImporter = (context, estimator, x) => ({
  predict: () => {
    const { builder } = context
    const { value, outputs, isVector } = targetValues(context, estimator)
    const { weights } = withinRadius(context, estimator, x)
    return regression(context, builder.add('Div', [builder.add('MatMul', [weights, value]), sumColumns(context, weights, true)]), outputs, isVector)
  },
})

// KNeighborsTransformer, RadiusNeighborsTransformer: the graph of neighbours as a dense matrix.
const nearestGraph: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const isDistance = choice(estimator, 'mode', ['distance', 'connectivity'], 'distance') === 'distance'
    const { distances, indices, points } = nearest(context, estimator, x, numberSetting(estimator, 'n_neighbors', 5) + (isDistance ? 1 : 0))
    const labels = context.builder.constant({ dtype: 'int32', shape: [points], data: Int32Array.from({ length: points }, (_, i) => i) }, 'positions')
    return matrixFeatures(context, context.builder.add('mle.ClassSums', isDistance ? [indices, labels, distances] : [indices, labels], { classes: points }), points)
  },
})

const radiusGraph: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const isDistance = choice(estimator, 'mode', ['distance', 'connectivity'], 'distance') === 'distance'
    const radius = numberSetting(estimator, 'radius', 1)
    const { value, isSquared, points } = reducedDistances(context, estimator, x)
    const inside = withScalar(context, 'LessOrEqual', value, isSquared ? radius * radius : radius)
    const distance = isSquared ? builder.add('Sqrt', [value]) : value
    const graph = isDistance ? builder.add('Where', [inside, distance, scalar(context, 0)]) : castTo(context, inside, 'float64')
    return matrixFeatures(context, graph, points)
  },
})

// NearestCentroid
const centroids: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  const nClasses = classes[0].values.length
  const array = arrayAttribute(estimator, 'centroids_', 2)
  const rows = rowsOf(array, asFloat64(array))
  const { metric, p, parameters } = metricSettings(estimator, estimator.state.get('metric') ?? 'euclidean', undefined, undefined)
  const isEuclidean = metric === 'euclidean'
  const closest = once(() => builder.add('ArgMin', [distancesTo(context, x.numbers(rows.width), rows, isEuclidean ? 'sqeuclidean' : metric, { form: isEuclidean ? 'expanded' : 'direct', p, parameters })], { axis: 1, keepdims: 0 }))
  const priorArray = optionalAttribute(estimator, 'class_prior_')
  const deviations = optionalAttribute(estimator, 'within_class_std_dev_')
  if (priorArray === undefined || deviations === undefined || !isEuclidean) return classifierMethods(context, classes, () => [closest()])
  // Since 1.6: a discriminant with the classes' priors and the deviations within classes.
  const priors = asFloat64(arrayAttribute(estimator, 'class_prior_', 1))
  const scales = asFloat64(arrayAttribute(estimator, 'within_class_std_dev_', 1)).map((one) => one || 1)
  const scores = once(() => {
    const scaled = builder.add('Div', [x.numbers(rows.width), float64Constant(context, scales, [1, scales.length])])
    const squares = distancesTo(context, scaled, { ...rows, data: rows.data.map((one, i) => one / scales[i % rows.width]) }, 'sqeuclidean', { form: 'expanded' })
    return builder.add('Sub', [float64Constant(context, priors.map((one) => 2 * log(one)), [1, nClasses]), squares])
  })
  const isUniform = priors.every((one) => Math.abs(one - 1 / nClasses) <= 1e-8 + 1e-5 / nClasses)
  const probabilities = once(() => [matrixResult(builder.add('Softmax', [scores()], { axis: 1 }), nClasses)])
  return {
    ...classifierMethods(context, classes, () => [isUniform ? closest() : argMax(context, scores())]),
    decisionFunction: () => {
      if (nClasses !== 2) return matrixResult(scores(), nClasses)
      return vectorResult(squeeze(context, builder.add('Sub', [gatherColumns(context, scores(), [1]), gatherColumns(context, scores(), [0])])))
    },
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
  }
}

/** 1 where the score is at least 0, else -1; int32 [batch]. */
export function inlierLabels(context: SklearnContext, score: ValueName): Result {
  const { builder } = context
  const label = (value: number): ValueName => builder.constant({ dtype: 'int32', shape: [], data: Int32Array.of(value) })
  return { value: builder.add('Where', [withScalar(context, 'Less', score, 0), label(-1), label(1)]), dtype: 'int32', shape: ['batch'], sourceDtype: 'int64' }
}

// LocalOutlierFactor: the density of a row against that of its neighbours.
const outlierFactor: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const offset = numberAttribute(estimator, 'offset_')
  if (!booleanSetting(estimator, 'novelty', false)) {
    return {
      fitPredict: () => {
        x.numbers()
        const factors = asFloat64(arrayAttribute(estimator, 'negative_outlier_factor_', 1))
        const data = Int32Array.from(factors, (one) => (one < offset ? -1 : 1))
        return { value: builder.constant({ dtype: 'int32', shape: [data.length], data }, 'labels'), dtype: 'int32', shape: [data.length], sourceDtype: 'int64' }
      },
    }
  }
  const scores = once((): ValueName => {
    const k = numberSetting(estimator, 'n_neighbors_', numberSetting(estimator, 'n_neighbors', 20))
    const { distances, indices, points } = nearest(context, estimator, x, k)
    const reach = asFloat64(arrayAttribute(estimator, '_distances_fit_X_', 2))
    const farthest = Float64Array.from({ length: points }, (_, i) => reach[i * k + k - 1])
    const density = asFloat64(arrayAttribute(estimator, '_lrd', 1))
    const own = builder.add('Gather', [float64Constant(context, farthest), indices], { axis: 0 })
    const reachable = builder.add('Where', [builder.add('Greater', [distances, own]), distances, own])
    const mean = builder.add('ReduceMean', [reachable, int64Constant(context, [1])], { keepdims: 1 })
    const lrd = builder.add('Reciprocal', [withScalar(context, 'Add', mean, 1e-10)])
    const ratios = builder.add('Div', [builder.add('Gather', [float64Constant(context, density), indices], { axis: 0 }), lrd])
    return builder.add('Neg', [builder.add('ReduceMean', [ratios, int64Constant(context, [1])], { keepdims: 0 })])
  })
  const decision = once(() => withScalar(context, 'Sub', scores(), offset))
  return { predict: () => inlierLabels(context, decision()), decisionFunction: () => vectorResult(decision()), scoreSamples: () => vectorResult(scores()) }
}

// NeighborhoodComponentsAnalysis
const components: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { shape, ...array } = arrayAttribute(estimator, 'components_', 2)
    return matrixFeatures(context, affine(context, x.numbers(shape[1]), asFloat64({ ...array, shape }), shape[0]), shape[0])
  },
})

export const neighbors: readonly EstimatorEntry[] = [
  { names: ['KNeighborsClassifier'], kind: 'classifier', importer: nearestClassifier },
  { names: ['KNeighborsRegressor'], kind: 'regressor', importer: nearestRegressor },
  { names: ['NearestNeighbors'], kind: 'transformer', importer: nearestNeighbors },
  { names: ['RadiusNeighborsClassifier'], kind: 'classifier', importer: radiusClassifier },
  { names: ['RadiusNeighborsRegressor'], kind: 'regressor', importer: radiusRegressor },
  { names: ['KNeighborsTransformer'], kind: 'transformer', importer: nearestGraph },
  { names: ['RadiusNeighborsTransformer'], kind: 'transformer', importer: radiusGraph },
  { names: ['NearestCentroid'], kind: 'classifier', importer: centroids },
  { names: ['LocalOutlierFactor'], kind: 'outlier', importer: outlierFactor },
  { names: ['NeighborhoodComponentsAnalysis'], kind: 'transformer', importer: components },
]
