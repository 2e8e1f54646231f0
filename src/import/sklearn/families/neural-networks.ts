// Multi-layer perceptrons.
import type { ValueName } from '../../../graph/builder.ts'
import { asFloat64, asList, attribute, expectNumericArray, isPyObject, placeOf, type PyObject } from '../../pickle/index.ts'
import { affine, argMax, castTo, matrixResult, once, squeeze, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { choice, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { transposed } from './coefficients.ts'
import { twoColumns } from './linear-classifiers.ts'

const ACTIVATIONS = ['identity', 'logistic', 'tanh', 'relu', 'softmax', 'exp'] as const

function activate(context: SklearnContext, value: ValueName, activation: (typeof ACTIVATIONS)[number]): ValueName {
  switch (activation) {
    case 'identity': return value
    case 'logistic': return context.builder.add('Sigmoid', [value])
    case 'tanh': return context.builder.add('Tanh', [value])
    case 'relu': return context.builder.add('Relu', [value])
    case 'exp': return context.builder.add('Exp', [value])
    case 'softmax': return context.builder.add('Softmax', [value], { axis: 1 })
  }
}

/** Activations of the last layer, [batch, outputs]. */
function forward(context: SklearnContext, estimator: PyObject, x: Features): { value: ValueName; outputs: number } {
  const list = (name: string, rank: number): { data: Float64Array; shape: readonly number[] }[] =>
    asList(attribute(estimator, name), placeOf(estimator, name)).map((item, i) => {
      const array = expectNumericArray(item, `${placeOf(estimator, name)}[${i}]`, rank)
      return { data: asFloat64(array), shape: array.shape }
    })
  const weights = list('coefs_', 2)
  const biases = list('intercepts_', 1)
  if (weights.length === 0 || biases.length !== weights.length) throw unsupported(estimator, 'coefs_ and intercepts_ do not fit together')
  const hidden = choice(estimator, 'activation', ACTIVATIONS, 'relu')
  const last = choice(estimator, 'out_activation_', ACTIVATIONS)
  let value = x.numbers(weights[0].shape[0])
  weights.forEach(({ data, shape: [inputs, outputs] }, i) => {
    value = activate(context, affine(context, value, transposed(data, inputs, outputs), outputs, biases[i].data), i === weights.length - 1 ? last : hidden)
  })
  return { value, outputs: weights[weights.length - 1].shape[1] }
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const layers = once(() => forward(context, estimator, x))
  const binarizer = attribute(estimator, '_label_binarizer')
  const type = isPyObject(binarizer) ? binarizer.state.get('y_type_') : undefined
  if (typeof type === 'string' && type.startsWith('multilabel')) {
    const probabilities = once(() => [matrixResult(layers().value, layers().outputs)])
    return {
      kind: 'classifier',
      predict: () => ({ value: castTo(context, withScalar(context, 'Greater', layers().value, 0.5), 'int32'), dtype: 'int32', shape: ['batch', layers().outputs], sourceDtype: 'int64' }),
      predictProba: probabilities,
      predictLogProba: logOf(context, probabilities),
    }
  }
  const classes = classesOf(isPyObject(binarizer) && !estimator.state.has('classes_') ? binarizer : estimator)
  const isOne = once(() => layers().outputs === 1)
  const probabilities = once(() => [isOne() ? matrixResult(twoColumns(context, squeeze(context, layers().value)), 2) : matrixResult(layers().value, layers().outputs)])
  return {
    ...classifierMethods(context, classes, () => [isOne() ? withScalar(context, 'Greater', squeeze(context, layers().value), 0.5) : argMax(context, layers().value)]),
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
  }
}

const regressor: EstimatorImporter = (context, estimator, x) => ({
  predict: () => {
    const { value, outputs } = forward(context, estimator, x)
    return outputs === 1 ? vectorResult(squeeze(context, value)) : matrixResult(value, outputs)
  },
})

export const neuralNetworks: readonly EstimatorEntry[] = [
  { names: ['MLPClassifier'], kind: 'classifier', importer: classifier },
  { names: ['MLPRegressor'], kind: 'regressor', importer: regressor },
]
