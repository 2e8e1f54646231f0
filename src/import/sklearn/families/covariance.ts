// Covariance estimators: squared Mahalanobis distances, and outliers by them.
import type { ValueName } from '../../../graph/builder.ts'
import { arrayAttribute, asFloat64, numberAttribute, type PyObject } from '../../pickle/index.ts'
import { affine, float64Constant, once, sumColumns, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { inlierLabels } from './neighbors.ts'

/** (x - location) precision (x - location), [batch]. */
function squaredMahalanobis(context: SklearnContext, estimator: PyObject, x: Features): ValueName {
  const location = asFloat64(arrayAttribute(estimator, 'location_', 1))
  const width = location.length
  const precision = asFloat64(arrayAttribute(estimator, 'precision_', 2))
  const centred = context.builder.add('Sub', [x.numbers(width), float64Constant(context, location, [1, width])])
  // A precision matrix is symmetric, so it is its own transpose.
  return sumColumns(context, context.builder.add('Mul', [affine(context, centred, precision, width), centred]), false)
}

const distances: EstimatorImporter = (context, estimator, x): Methods => ({
  extra: new Map([['mahalanobis', { output: 'mahalanobis', result: () => vectorResult(squaredMahalanobis(context, estimator, x)) }]]),
})

const envelope: EstimatorImporter = (context, estimator, x): Methods => {
  const scores = once(() => context.builder.add('Neg', [squaredMahalanobis(context, estimator, x)]))
  const decision = once(() => withScalar(context, 'Sub', scores(), numberAttribute(estimator, 'offset_')))
  return { ...distances(context, estimator, x), predict: () => inlierLabels(context, decision()), decisionFunction: () => vectorResult(decision()), scoreSamples: () => vectorResult(scores()) }
}

export const covariances: readonly EstimatorEntry[] = [
  { names: ['EllipticEnvelope'], kind: 'outlier', importer: envelope },
  { names: ['EmpiricalCovariance', 'ShrunkCovariance', 'LedoitWolf', 'OAS', 'MinCovDet', 'GraphicalLasso', 'GraphicalLassoCV'], kind: 'transformer', importer: distances },
]
