// Naive Bayes and neighbours: arrays and settings as the estimators keep them, but for what the exporters left out.
import { float64Of, matrixShape, requireParameters, requireShape } from './arrays.ts'
import { legacyError } from './error.ts'
import { numberParameter, textParameter, type LegacyMetadata } from './metadata.ts'
import { float64Array, importRebuilt, int32Array, LABEL_NOTE, positions, type Lowered } from './rebuild.ts'
import type { LegacyTensor } from './records.ts'
import type { NdArray, PyValue } from '../pickle/index.ts'

const PRIOR_NOTE =
  'the file does not keep how frequent the classes were in training: they count as equally frequent, which moves probabilities and may move labels near a border'

/** GaussianNB: means and variances. MultinomialNB, BernoulliNB: log probabilities and log priors. */
export function lowerNaiveBayes(parameters: readonly LegacyTensor[], metadata: LegacyMetadata): Lowered {
  requireParameters('NaiveBayes', parameters, [2])
  const name = metadata.modelType
  const [first, second] = parameters
  const [classes, width] = matrixShape(first, 'the table of a naive Bayes model')
  requireShape(classes > 0 && width > 0, 'the table of a naive Bayes model is empty')
  const common: [string, PyValue][] = [['classes_', positions(classes)], ['n_features_in_', width]]
  if (second.shape.length === 2) {
    requireShape(second.shape[0] === classes && second.shape[1] === width, `means have shape [${classes}, ${width}], variances [${second.shape.join(', ')}]`)
    const given = givenPriors(textParameter(metadata, 'priors'), classes)
    const prior = given ?? new Float64Array(classes).fill(1 / classes)
    const notes = given === undefined ? [LABEL_NOTE, PRIOR_NOTE] : [LABEL_NOTE]
    const table = (tensor: LegacyTensor): NdArray => float64Array(float64Of(tensor), [classes, width])
    const fitted: [string, PyValue][] = [...common, ['theta_', table(first)], ['var_', table(second)], ['class_prior_', float64Array(prior)]]
    return importRebuilt(metadata, fitted, notes, 'GaussianNB')
  }
  requireShape(second.shape.length === 1 && second.shape[0] === classes, `${classes} classes have priors of shape [${second.shape.join(', ')}]`)
  if (name !== 'MultinomialNB' && name !== 'BernoulliNB' && name !== 'ComplementNB') {
    throw legacyError('LEGACY_LOST', `does not say whether its naive Bayes model counts (MultinomialNB) or takes yes and no (BernoulliNB): its class is ${JSON.stringify(name)}`)
  }
  return importRebuilt(metadata, [...common, ['feature_log_prob_', float64Array(float64Of(first), [classes, width])], ['class_log_prior_', float64Array(float64Of(second))]], [LABEL_NOTE])
}

/** Priors given as a setting, which were written as the text of a list. */
function givenPriors(text: string | undefined, classes: number): Float64Array | undefined {
  if (text === undefined) return undefined
  const numbers = (text.match(/[0-9.]+(e[-+]?[0-9]+)?/gi) ?? []).map(Number)
  return numbers.length === classes && numbers.every((one) => one >= 0 && one <= 1) ? Float64Array.from(numbers) : undefined
}

/** scikit-learn's 'auto' searches a tree up to this many columns. */
const MAX_TREE_COLUMNS = 15

/** KNeighborsClassifier, KNeighborsRegressor: training rows and targets. */
export function lowerNeighbors(parameters: readonly LegacyTensor[], metadata: LegacyMetadata): Lowered {
  requireParameters('Neighbors', parameters, [2])
  const name = metadata.modelType
  const isClassifier = name === 'KNeighborsClassifier'
  if (!isClassifier && name !== 'KNeighborsRegressor') {
    throw legacyError('LEGACY_LOST', `does not say what its neighbours vote for: its class is ${JSON.stringify(name)}`)
  }
  const [rowTensor, targetTensor] = parameters
  const [rows, width] = matrixShape(rowTensor, 'training rows')
  requireShape(targetTensor.shape[0] === rows && targetTensor.shape.length <= 2 && rows > 0, `${rows} training rows have targets of shape [${targetTensor.shape.join(', ')}]`)
  const metricParameters = metadata.parameters.get('metric_params') ?? null
  if (metricParameters !== null) {
    throw legacyError('LEGACY_LOST', `the parameters of the metric of ${name} are in the file only as the text ${JSON.stringify(metricParameters)}`)
  }
  const targets = float64Of(targetTensor)
  const neighbours = numberParameter(metadata, 'n_neighbors') ?? 5
  const algorithm = textParameter(metadata, 'algorithm') ?? 'auto'
  // Which search was used decides how distances are rounded; the search trees themselves are not in the file, nor needed.
  const isTree = algorithm !== 'brute' && (algorithm !== 'auto' || (width <= MAX_TREE_COLUMNS && neighbours < Math.floor(rows / 2)))
  const fitted: [string, PyValue][] = [
    ['_fit_X', float64Array(float64Of(rowTensor), [rows, width])],
    ['_fit_method', isTree ? 'kd_tree' : 'brute'],
    ['_tree', null],
    ['n_features_in_', width],
    ['metric', textParameter(metadata, 'metric') ?? 'minkowski'],
  ]
  if (!isClassifier) return importRebuilt(metadata, [...fitted, ['_y', float64Array(targets, targetTensor.shape)]], [])
  const outputs = targetTensor.shape[1] ?? 1
  const classes = Array.from({ length: outputs }, (_, o): NdArray => {
    let largest = 0
    for (let r = 0; r < rows; r++) {
      const label = targets[r * outputs + o]
      if (!Number.isInteger(label) || label < 0 || label >= Math.max(rows, 2)) {
        throw legacyError('LEGACY_SHAPE', `the class of training row ${r} is ${label}, expected a position below ${rows}`, { actual: label })
      }
      largest = Math.max(largest, label)
    }
    return positions(largest + 1)
  })
  return importRebuilt(metadata, [...fitted, ['_y', int32Array(Int32Array.from(targets), targetTensor.shape)], ['classes_', outputs === 1 ? classes[0] : classes]], [LABEL_NOTE])
}
