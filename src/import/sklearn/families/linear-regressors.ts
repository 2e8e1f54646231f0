// Regressors whose prediction is x coef^T + intercept, and generalised linear models that put a link function after it.
import { arrayAttribute, asFloat64, isNumericNdArray, isPyObject, numberAttribute, type PyObject } from '../../pickle/index.ts'
import { affine, float64Constant, gatherColumns, sumColumns, vectorResult, withScalar } from '../emit.ts'
import { choice, numberSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter } from '../types.ts'
import { linearResult, readCoefficients, transposed } from './coefficients.ts'

const linear: EstimatorImporter = (context, estimator, x) => {
  const coefficients = readCoefficients(estimator)
  return { predict: () => linearResult(context, coefficients, x) }
}

// BayesianRidge and ARDRegression: sqrt(x sigma x^T + 1 / alpha), over the features that ARD kept.
const bayesian: EstimatorImporter = (context, estimator, x) => {
  const coefficients = readCoefficients(estimator)
  const { nFeatures } = coefficients
  return {
    predict: () => linearResult(context, coefficients, x),
    predictStd: () => {
      let values = x.numbers(nFeatures)
      // Up to 1.1 `normalize=True` kept sigma_ in the normalised space.
      if (estimator.state.get('normalize') === true && isNumericNdArray(estimator.state.get('X_offset_'))) {
        const centered = context.builder.add('Sub', [values, float64Constant(context, asFloat64(arrayAttribute(estimator, 'X_offset_')))])
        values = context.builder.add('Div', [centered, float64Constant(context, asFloat64(arrayAttribute(estimator, 'X_scale_')))])
      }
      const kept = keptByArd(estimator, nFeatures)
      if (kept !== undefined) values = gatherColumns(context, values, kept)
      const sigma = arrayAttribute(estimator, 'sigma_', 2)
      const noise = 1 / numberAttribute(estimator, 'alpha_')
      const product = context.builder.add('Mul', [affine(context, values, transposed(asFloat64(sigma), sigma.shape[0], sigma.shape[1]), sigma.shape[1]), values])
      return vectorResult(context.builder.add('Sqrt', [withScalar(context, 'Add', sumColumns(context, product, false), noise)]))
    },
  }
}

function keptByArd(estimator: PyObject, nFeatures: number): number[] | undefined {
  if (estimator.name !== 'ARDRegression') return undefined
  const lambda = asFloat64(arrayAttribute(estimator, 'lambda_'))
  const threshold = numberSetting(estimator, 'threshold_lambda', 1e4)
  const kept = Array.from({ length: nFeatures }, (_, i) => i).filter((i) => lambda[i] < threshold)
  return kept.length === nFeatures ? undefined : kept
}

// PoissonRegressor, GammaRegressor (link log) and TweedieRegressor (link by power).
const generalized: EstimatorImporter = (context, estimator, x) => {
  const isLog = hasLogLink(estimator)
  const coefficients = readCoefficients(estimator)
  return {
    predict: () => {
      const raw = linearResult(context, coefficients, x)
      return isLog ? { ...raw, value: context.builder.add('Exp', [raw.value]) } : raw
    },
  }
}

function hasLogLink(estimator: PyObject): boolean {
  if (estimator.name === 'PoissonRegressor' || estimator.name === 'GammaRegressor') return true
  // Before 1.1 a link could be an object of its own; later versions know these three names.
  const link = estimator.state.get('link')
  if (isPyObject(link)) return link.name === 'LogLink'
  const name = choice(estimator, 'link', ['auto', 'identity', 'log'], 'auto')
  return name === 'log' || (name === 'auto' && numberSetting(estimator, 'power', 0) > 0)
}

export const linearRegressors: readonly EstimatorEntry[] = [
  {
    names: [
      'LinearRegression', 'Ridge', 'RidgeCV', 'Lasso', 'LassoCV', 'ElasticNet', 'ElasticNetCV', 'MultiTaskLasso', 'MultiTaskLassoCV', 'MultiTaskElasticNet',
      'MultiTaskElasticNetCV', 'Lars', 'LarsCV', 'LassoLars', 'LassoLarsCV', 'LassoLarsIC', 'OrthogonalMatchingPursuit', 'OrthogonalMatchingPursuitCV',
      'HuberRegressor', 'TheilSenRegressor', 'QuantileRegressor', 'SGDRegressor', 'PassiveAggressiveRegressor', 'LinearSVR',
    ],
    kind: 'regressor',
    importer: linear,
  },
  { names: ['BayesianRidge', 'ARDRegression'], kind: 'regressor', importer: bayesian },
  { names: ['PoissonRegressor', 'GammaRegressor', 'TweedieRegressor'], kind: 'regressor', importer: generalized },
]
