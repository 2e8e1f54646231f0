// Classifiers that decide by x coef^T + intercept: > 0 for two classes, the largest for more.
import type { ValueName } from '../../../graph/builder.ts'
import { isPyObject, optionalAttribute, type PyObject } from '../../pickle/index.ts'
import { castTo, concat, float64Constant, matrixResult, once, squeeze, sumColumns, unsqueeze, vectorResult, withScalar } from '../emit.ts'
import { classesOf, classifierMethods, indexFromDecision, logOf } from '../labels.ts'
import { choice, isSince } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { decisionResult, linearMatrix, linearResult, readCoefficients } from './coefficients.ts'

const linear: EstimatorImporter = (context, estimator, x) => {
  const coefficients = readCoefficients(estimator)
  const decision = once(() => decisionResult(context, coefficients, x))
  return { ...classifierMethods(context, classesOf(estimator), () => [indexFromDecision(context, decision())]), decisionFunction: decision }
}

/** [1 - p, p] from p ['batch']. */
export function twoColumns(context: SklearnContext, p: ValueName): ValueName {
  const column = unsqueeze(context, p)
  return concat(context, [context.builder.add('Sub', [float64Constant(context, [1], [1, 1]), column]), column])
}

/** One sigmoid per class, divided by their sum: how one-versus-rest decisions become probabilities. */
export function oneVersusRestProbabilities(context: SklearnContext, decision: Result, classes: number): Result {
  const p = context.builder.add('Sigmoid', [decision.value])
  if (decision.shape.length === 1) return matrixResult(twoColumns(context, p), 2)
  return matrixResult(context.builder.add('Div', [p, sumColumns(context, p, true)]), classes)
}

// LogisticRegression, LogisticRegressionCV: sigmoids or a softmax, by settings whose defaults changed between versions.
const logistic: EstimatorImporter = (context, estimator, x) => {
  const base = linear(context, estimator, x)
  const nClasses = base.classes?.[0].values.length ?? 0
  const probabilities = once((): readonly Result[] => {
    const decision = (base.decisionFunction as () => Result)()
    if (isOneVersusRest(estimator, nClasses)) return [oneVersusRestProbabilities(context, decision, nClasses)]
    if (decision.shape.length > 1) return [matrixResult(context.builder.add('Softmax', [decision.value], { axis: 1 }), nClasses)]
    // A multinomial model of two classes keeps one row: its scores are [-d, d].
    const column = unsqueeze(context, decision.value)
    const scores = concat(context, [context.builder.add('Neg', [column]), column])
    return [matrixResult(context.builder.add('Softmax', [scores], { axis: 1 }), 2)]
  })
  return { ...base, predictProba: probabilities, predictLogProba: logOf(context, probabilities) }
}

function isOneVersusRest(estimator: PyObject, nClasses: number): boolean {
  const multiClass = choice(estimator, 'multi_class', ['auto', 'ovr', 'multinomial', 'warn', 'deprecated'], 'auto')
  if (multiClass === 'ovr' || multiClass === 'warn') return true
  if (multiClass === 'multinomial') return false
  const solver = estimator.state.get('solver')
  // newton-cholesky fitted one model per class until 1.6.
  return nClasses <= 2 || solver === 'liblinear' || (solver === 'newton-cholesky' && !isSince(estimator, 1, 6, true))
}

// SGDClassifier: probabilities for two of its losses.
const sgd: EstimatorImporter = (context, estimator, x) => {
  const base = linear(context, estimator, x)
  const nClasses = base.classes?.[0].values.length ?? 0
  const loss = estimator.state.get('loss')
  if (loss !== 'log_loss' && loss !== 'log' && loss !== 'modified_huber') return base
  const probabilities = once((): readonly Result[] => {
    const decision = (base.decisionFunction as () => Result)()
    return [loss === 'modified_huber' ? modifiedHuber(context, decision, nClasses) : oneVersusRestProbabilities(context, decision, nClasses)]
  })
  return { ...base, predictProba: probabilities, predictLogProba: logOf(context, probabilities) }
}

// (clip(d, -1, 1) + 1) / 2, normalised over classes; uniform where every class got 0.
function modifiedHuber(context: SklearnContext, decision: Result, nClasses: number): Result {
  const { builder } = context
  const clipped = builder.add('Clip', [decision.value, float64Constant(context, [-1], []), float64Constant(context, [1], [])])
  const p = withScalar(context, 'Div', withScalar(context, 'Add', clipped, 1), 2)
  if (decision.shape.length === 1) return matrixResult(twoColumns(context, p), 2)
  const sum = sumColumns(context, p, true)
  const allZero = withScalar(context, 'Equal', sum, 0)
  const top = builder.add('Where', [allZero, float64Constant(context, [1], [1, 1]), p])
  const bottom = builder.add('Where', [allZero, float64Constant(context, [nClasses], [1, 1]), sum])
  return matrixResult(builder.add('Div', [top, bottom]), nClasses)
}

// RidgeClassifier, RidgeClassifierCV: also several yes-or-no labels at once, each decided by its own sign.
const ridge: EstimatorImporter = (context, estimator, x): Methods => {
  const binarizer = optionalAttribute(estimator, '_label_binarizer')
  const type = isPyObject(binarizer) ? binarizer.state.get('y_type_') : undefined
  const isMultilabel = typeof type === 'string' && type.startsWith('multilabel')
  const coefficients = readCoefficients(estimator)
  if (isMultilabel) {
    const decision = once(() => linearResult(context, coefficients, x))
    return {
      kind: 'classifier',
      decisionFunction: decision,
      predict: () => {
        const { value, shape } = decision()
        return { value: castTo(context, withScalar(context, 'Greater', value, 0), 'int32'), dtype: 'int32', shape, sourceDtype: 'int64' }
      },
    }
  }
  const classes = estimator.state.has('classes_') ? classesOf(estimator) : isPyObject(binarizer) ? classesOf(binarizer) : classesOf(estimator)
  const decision = once(() => decisionResult(context, coefficients, x))
  return { ...classifierMethods(context, classes, () => [indexFromDecision(context, decision())]), decisionFunction: decision }
}

// SGDOneClassSVM: x coef^T - offset, inlier where >= 0.
const oneClass: EstimatorImporter = (context, estimator, x): Methods => {
  const coefficients = readCoefficients(estimator, { intercept: 'offset_' })
  const bias = coefficients.bias?.map((one) => -one)
  const decision = once(() => vectorResult(squeeze(context, linearMatrix(context, { ...coefficients, bias }, x))))
  return {
    predict: () => {
      const inlier = withScalar(context, 'GreaterOrEqual', decision().value, 0)
      const value = context.builder.add('Where', [inlier, int32Scalar(context, 1), int32Scalar(context, -1)])
      return { value, dtype: 'int32', shape: ['batch'] }
    },
    decisionFunction: decision,
    scoreSamples: () => vectorResult(squeeze(context, linearMatrix(context, { ...coefficients, bias: undefined }, x))),
  }
}

function int32Scalar(context: SklearnContext, value: number): ValueName {
  return context.builder.constant({ dtype: 'int32', shape: [], data: Int32Array.of(value) })
}

export const linearClassifiers: readonly EstimatorEntry[] = [
  { names: ['LinearSVC', 'Perceptron', 'PassiveAggressiveClassifier'], kind: 'classifier', importer: linear },
  { names: ['LogisticRegression', 'LogisticRegressionCV'], kind: 'classifier', importer: logistic },
  { names: ['SGDClassifier'], kind: 'classifier', importer: sgd },
  { names: ['RidgeClassifier', 'RidgeClassifierCV'], kind: 'classifier', importer: ridge },
  { names: ['SGDOneClassSVM'], kind: 'outlier', importer: oneClass },
]
