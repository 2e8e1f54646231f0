// FixedThresholdClassifier and TunedThresholdClassifierCV: a classifier of two classes whose label follows from another threshold.
import { asDict, asNumber, attribute, isPyGlobal, isPyObject, numberAttribute, optionalAttribute, placeOf, plainValue, type LabelArray, type PyObject, type PyValue } from '../../pickle/index.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { once, withScalar } from '../emit.ts'
import { classifierMethods } from '../labels.ts'
import { choice, firstAttribute, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { columnOf, needed, numbersOf, placesIn } from './members.ts'

interface Response {
  readonly method: 'predict_proba' | 'decision_function'
  /** How sure the classifier is of the class at `positive`, ['batch']. */
  readonly value: () => ValueName
}

function responseOf(context: SklearnContext, estimator: PyObject, methods: Methods, positive: number): Response {
  const wanted = choice(estimator, 'response_method', ['auto', 'predict_proba', 'decision_function'], 'auto')
  const where = placeOf(estimator, 'estimator_')
  if (wanted !== 'decision_function' && (wanted === 'predict_proba' || methods.predictProba !== undefined)) {
    return { method: 'predict_proba', value: () => columnOf(context, numbersOf(context, needed(methods.predictProba, 'predict_proba', where)()[0]), positive) }
  }
  return {
    method: 'decision_function',
    value: () => {
      const value = numbersOf(context, needed(methods.decisionFunction, 'decision_function', where)())
      return positive === 1 ? value : context.builder.add('Neg', [value])
    },
  }
}

/** The position of a label among two classes. */
function positionOf(estimator: PyObject, label: PyValue, classes: LabelArray): number {
  const [position] = placesIn({ dtype: 'object', values: [plainValue(label, placeOf(estimator, 'pos_label'))] }, classes)
  if (position < 0) throw unsupported(estimator, 'pos_label is not among the classes')
  return position
}

/** Metrics whose pos_label is 1 where none is given; those of others is the second class. */
const POSITIVE_IS_ONE = new Set(['f1_score', 'fbeta_score', 'precision_score', 'recall_score', 'jaccard_score', 'precision_recall_fscore_support', 'average_precision_score', 'class_likelihood_ratios'])

/** Which class counts as positive: what the scorer was told, or the default of its metric. */
function tunedPositive(estimator: PyObject, classes: LabelArray): number {
  const scorer = attribute(estimator, '_curve_scorer')
  if (!isPyObject(scorer)) throw unsupported(estimator, '_curve_scorer is no scorer')
  const keywords = optionalAttribute(scorer, '_kwargs')
  const given = keywords === undefined ? undefined : asDict(keywords, placeOf(scorer, '_kwargs')).get('pos_label')
  if (given !== undefined && given !== null) return positionOf(estimator, given, classes)
  // Unless the first class is called 1, every default means the second one.
  if (Number(classes.values[0]) !== 1 || typeof classes.values[0] === 'string') return 1
  const metric = scorer.state.get('_score_func')
  if (!isPyGlobal(metric) || !metric.module.startsWith('sklearn.')) throw unsupported(estimator, 'its metric is not known, so it cannot be told which class is the positive one; pass pos_label')
  return POSITIVE_IS_ONE.has(metric.name) ? 0 : 1
}

const thresholded =
  (settings: (estimator: PyObject, classes: LabelArray) => { readonly positive: number; readonly threshold: number | 'auto' }): EstimatorImporter =>
  (context, estimator, x) => {
    // A fixed threshold may stand around an estimator that was fitted before.
    const methods = context.importEstimator(firstAttribute(estimator, ['estimator_', 'estimator']), x, placeOf(estimator, 'estimator_'))
    const { classes } = methods
    if (classes?.length !== 1 || classes[0].values.length !== 2) throw unsupported(estimator, 'needs a classifier of two classes')
    const { positive, threshold } = settings(estimator, classes[0])
    const response = responseOf(context, estimator, methods, positive)
    const limit = threshold === 'auto' ? (response.method === 'predict_proba' ? 0.5 : 0) : threshold
    const index = once(() => (positive === 1 ? withScalar(context, 'GreaterOrEqual', response.value(), limit) : withScalar(context, 'Less', response.value(), limit)))
    const { predictProba, predictLogProba, decisionFunction } = methods
    return { ...classifierMethods(context, classes, () => [index()]), predictProba, predictLogProba, decisionFunction }
  }

const fixed = thresholded((estimator, classes) => {
  const label = estimator.state.get('pos_label')
  const threshold = estimator.state.get('threshold')
  return {
    positive: label === undefined || label === null ? 1 : positionOf(estimator, label, classes),
    threshold: threshold === undefined || threshold === 'auto' ? 'auto' : asNumber(threshold, placeOf(estimator, 'threshold')),
  }
})

const tuned = thresholded((estimator, classes) => ({ positive: tunedPositive(estimator, classes), threshold: numberAttribute(estimator, 'best_threshold_') }))

export const thresholds: readonly EstimatorEntry[] = [
  { names: ['FixedThresholdClassifier'], kind: 'classifier', importer: fixed },
  { names: ['TunedThresholdClassifierCV'], kind: 'classifier', importer: tuned },
]
