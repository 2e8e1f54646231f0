// CalibratedClassifierCV: scores of each fold's classifier turned into probabilities, one calibrator per class, then averaged.
import type { ValueName } from '../../../graph/builder.ts'
import { asList, asObject, numberAttribute, placeOf, type LabelArray, type PyObject, type PyValue } from '../../pickle/index.ts'
import { argMax, concat, float64Constant, gatherColumns, matrixResult, once, sumColumns, unsqueeze, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods } from '../labels.ts'
import { firstAttribute, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { isotonicValues } from './isotonic.ts'
import { memberList, numbersOf, placesIn, sumOf } from './members.ts'

/** The classifier's scores, one column per calibrator: decisions where it has them, else probabilities, of two classes the second. */
function scoresOf(context: SklearnContext, pair: PyObject, methods: Methods, nClasses: number): ValueName {
  if (methods.decisionFunction !== undefined) {
    const decision = methods.decisionFunction()
    const value = numbersOf(context, decision)
    return decision.shape.length === 1 ? unsqueeze(context, value) : value
  }
  if (methods.predictProba === undefined) throw unsupported(pair, 'calibrates an estimator that has neither decision_function nor predict_proba')
  const value = numbersOf(context, methods.predictProba()[0])
  return nClasses === 2 ? gatherColumns(context, value, [1]) : value
}

/** One calibrator's probabilities from a column of scores [batch, 1]. */
function calibrated(context: SklearnContext, calibrator: PyObject, scores: ValueName): ValueName {
  if (calibrator.name === 'IsotonicRegression') return isotonicValues(context, calibrator, scores)
  if (calibrator.name !== '_SigmoidCalibration') throw unsupported(calibrator, 'is no calibrator that is known; known are sigmoid and isotonic')
  // 1 / (1 + exp(a s + b))
  const line = withScalar(context, 'Add', withScalar(context, 'Mul', scores, numberAttribute(calibrator, 'a_')), numberAttribute(calibrator, 'b_'))
  return context.builder.add('Sigmoid', [context.builder.add('Neg', [line])])
}

/** Probabilities [batch, classes] of one classifier with its calibrators. */
function pairProbabilities(context: SklearnContext, value: PyValue, x: Features, classes: LabelArray, where: string): ValueName {
  const { builder } = context
  const pair = asObject(value, where)
  const nClasses = classes.values.length
  // `estimator` since 1.2; calibrators_ until 0.23.
  const methods = context.importEstimator(firstAttribute(pair, ['estimator', 'base_estimator']), x, placeOf(pair, 'estimator'))
  const calibrators = asList(firstAttribute(pair, ['calibrators', 'calibrators_']), placeOf(pair, 'calibrators')).map((one) => asObject(one, placeOf(pair, 'calibrators')))
  const own = methods.classes?.[0]
  if (own === undefined || calibrators.length === 0) throw unsupported(pair, 'calibrates an estimator without classes')
  const scores = scoresOf(context, pair, methods, nClasses)
  const places = placesIn(own, classes)
  const columns = new Map<number, ValueName>()
  calibrators.forEach((calibrator, i) => {
    const column = calibrators.length === 1 && nClasses === 2 ? scores : gatherColumns(context, scores, [i])
    const probability = calibrated(context, calibrator, column)
    // The one calibrator of two classes is that of the second.
    columns.set(nClasses === 2 ? places[i] + 1 : places[i], probability)
  })
  if (nClasses === 2) {
    const second = columns.get(1)
    if (second === undefined) throw unsupported(pair, 'has no calibrator of the second class')
    return atMostOne(context, concat(context, [builder.add('Sub', [float64Constant(context, [1], [1, 1]), second]), second]))
  }
  const first = [...columns.values()][0]
  const zero = withScalar(context, 'Mul', builder.add('Abs', [first]), 0)
  const all = concat(context, classes.values.map((_, k) => columns.get(k) ?? zero))
  // Uniform where every calibrator gives 0.
  const sum = sumColumns(context, all, true)
  const isZero = withScalar(context, 'Equal', sum, 0)
  const normalized = builder.add('Div', [all, builder.add('Where', [isZero, float64Constant(context, [1], [1, 1]), sum])])
  return atMostOne(context, builder.add('Where', [isZero, float64Constant(context, [1 / nClasses], [1, 1]), normalized]))
}

// What exceeds 1 by rounding only becomes 1.
function atMostOne(context: SklearnContext, probabilities: ValueName): ValueName {
  const { builder } = context
  const isSlight = builder.add('And', [withScalar(context, 'Greater', probabilities, 1), withScalar(context, 'LessOrEqual', probabilities, 1 + 1e-5)])
  return builder.add('Where', [isSlight, float64Constant(context, [1], [1, 1]), probabilities])
}

const calibratedClassifier: EstimatorImporter = (context, estimator, x): Methods => {
  const classes = classesOf(estimator)
  const probabilities = once(() => {
    const pairs = memberList(estimator, 'calibrated_classifiers_')
    const each = pairs.map((pair, i) => pairProbabilities(context, pair, x, classes[0], `${placeOf(estimator, 'calibrated_classifiers_')}[${i}]`))
    return [matrixResult(withScalar(context, 'Div', sumOf(context, each), pairs.length), classes[0].values.length)]
  })
  return { ...classifierMethods(context, classes, () => [argMax(context, probabilities()[0].value)]), predictProba: probabilities }
}

export const calibration: readonly EstimatorEntry[] = [{ names: ['CalibratedClassifierCV'], kind: 'classifier', importer: calibratedClassifier }]
