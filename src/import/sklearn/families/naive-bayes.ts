// Naive Bayes: joint log likelihoods per class, then the largest or their softmax.
import type { ValueName } from '../../../graph/builder.ts'
import { exp, log } from '../../../math/index.ts'
import { arrayAttribute, asFloat64, asList, attribute, expectNumericArray, placeOf, type PyObject } from '../../pickle/index.ts'
import { affine, argMax, castTo, float64Constant, gatherColumns, matrixResult, once, squeeze, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods } from '../labels.ts'
import { unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { transposed } from './coefficients.ts'

type Likelihood = (context: SklearnContext, estimator: PyObject, x: Features, nClasses: number) => ValueName

const naiveBayes =
  (likelihood: Likelihood): EstimatorImporter =>
  (context, estimator, x): Methods => {
    const classes = classesOf(estimator)
    const nClasses = classes[0].values.length
    const joint = once(() => likelihood(context, estimator, x, nClasses))
    const logProbabilities = once(() => context.builder.add('LogSoftmax', [joint()], { axis: 1 }))
    return {
      ...classifierMethods(context, classes, () => [argMax(context, joint())]),
      predictProba: () => [matrixResult(context.builder.add('Exp', [logProbabilities()]), nClasses)],
      predictLogProba: () => [matrixResult(logProbabilities(), nClasses)],
    }
  }

// log prior - sum(log(2 pi var)) / 2 - sum((x - theta)^2 / var) / 2
const gaussian: Likelihood = (context, estimator, x, nClasses) => {
  const { builder } = context
  const theta = asFloat64(arrayAttribute(estimator, 'theta_', 2))
  const variance = asFloat64(arrayAttribute(estimator, estimator.state.has('var_') ? 'var_' : 'sigma_', 2))
  const prior = asFloat64(arrayAttribute(estimator, 'class_prior_', 1))
  const nFeatures = theta.length / nClasses
  const constant = new Float64Array(nClasses)
  for (let c = 0; c < nClasses; c++) {
    let sum = 0
    for (let f = 0; f < nFeatures; f++) sum += log(2 * Math.PI * variance[c * nFeatures + f])
    constant[c] = log(prior[c]) - 0.5 * sum
  }
  const rows = builder.add('Unsqueeze', [x.numbers(nFeatures), builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })])
  const shape = [1, nClasses, nFeatures]
  const difference = builder.add('Sub', [rows, float64Constant(context, theta, shape)])
  const scaled = builder.add('Div', [builder.add('Mul', [difference, difference]), float64Constant(context, variance, shape)])
  const sum = builder.add('ReduceSum', [scaled, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(2n) })], { keepdims: 0 })
  return builder.add('Sub', [float64Constant(context, constant, [1, nClasses]), withScalar(context, 'Mul', sum, 0.5)])
}

const logProbabilitiesOf = (estimator: PyObject): Float64Array => asFloat64(arrayAttribute(estimator, 'feature_log_prob_', 2))
const priorOf = (estimator: PyObject): Float64Array => asFloat64(arrayAttribute(estimator, 'class_log_prior_', 1))

const multinomial: Likelihood = (context, estimator, x, nClasses) => {
  const weights = logProbabilitiesOf(estimator)
  return affine(context, x.numbers(weights.length / nClasses), weights, nClasses, priorOf(estimator))
}

const complement: Likelihood = (context, estimator, x, nClasses) => {
  const weights = logProbabilitiesOf(estimator)
  return affine(context, x.numbers(weights.length / nClasses), weights, nClasses, nClasses === 1 ? priorOf(estimator) : undefined)
}

// x (log p - log(1 - p)) + sum log(1 - p) + log prior, of x above the threshold.
const bernoulli: Likelihood = (context, estimator, x, nClasses) => {
  const logP = logProbabilitiesOf(estimator)
  const nFeatures = logP.length / nClasses
  const bias = Float64Array.from(priorOf(estimator))
  const weights = new Float64Array(logP.length)
  for (let c = 0; c < nClasses; c++) {
    let sum = 0
    for (let f = 0; f < nFeatures; f++) {
      const negative = log(1 - exp(logP[c * nFeatures + f]))
      weights[c * nFeatures + f] = logP[c * nFeatures + f] - negative
      sum += negative
    }
    bias[c] += sum
  }
  let value = x.numbers(nFeatures)
  const threshold = estimator.state.get('binarize')
  if (threshold !== null) {
    if (typeof threshold !== 'number') throw unsupported(estimator, 'binarize is no number')
    value = castTo(context, withScalar(context, 'Greater', value, threshold), 'float64')
  }
  return affine(context, value, weights, nClasses, bias)
}

// One table of log probabilities per feature, looked up by category.
const categorical: Likelihood = (context, estimator, x, nClasses) => {
  const { builder } = context
  const where = placeOf(estimator, 'feature_log_prob_')
  const tables = asList(attribute(estimator, 'feature_log_prob_'), where)
  const indices = castTo(context, x.numbers(tables.length), 'int64')
  let total: ValueName | undefined
  tables.forEach((table, f) => {
    const array = expectNumericArray(table, `${where}[${f}]`, 2)
    const categories = array.shape[1]
    const byCategory = float64Constant(context, transposed(asFloat64(array), nClasses, categories), [categories, nClasses])
    const looked = builder.add('Gather', [byCategory, squeeze(context, gatherColumns(context, indices, [f]))], { axis: 0 })
    total = total === undefined ? looked : builder.add('Add', [total, looked])
  })
  if (total === undefined) throw unsupported(estimator, 'has no features')
  return builder.add('Add', [total, float64Constant(context, priorOf(estimator), [1, nClasses])])
}

export const naiveBayesClassifiers: readonly EstimatorEntry[] = [
  { names: ['GaussianNB'], kind: 'classifier', importer: naiveBayes(gaussian) },
  { names: ['MultinomialNB'], kind: 'classifier', importer: naiveBayes(multinomial) },
  { names: ['ComplementNB'], kind: 'classifier', importer: naiveBayes(complement) },
  { names: ['BernoulliNB'], kind: 'classifier', importer: naiveBayes(bernoulli) },
  { names: ['CategoricalNB'], kind: 'classifier', importer: naiveBayes(categorical) },
]
