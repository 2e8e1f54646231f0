// DummyClassifier and DummyRegressor: predictions that no feature changes.
import { arrayAttribute, asFloat64, asLabels, asList, attribute, expectNumericArray, isNdArray, isNumericNdArray, isTuple, numberAttribute, placeOf, plainValue, type LabelArray, type PyObject, type PyValue } from '../../pickle/index.ts'
import { matrixResult, once, squeeze, vectorResult } from '../emit.ts'
import { classesOf, classifierMethods, labelResult, logOf } from '../labels.ts'
import { checkedCount, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result } from '../types.ts'
import { constantPosition, constantRows } from './members.ts'

/** class_prior_: one array, or a list of one per output. */
function priorsOf(estimator: PyObject): Float64Array[] {
  const value = attribute(estimator, 'class_prior_')
  const where = placeOf(estimator, 'class_prior_')
  const items: readonly PyValue[] = isNumericNdArray(value) && value.shape.length === 1 ? [value] : asList(value, where)
  return items.map((one) => asFloat64(expectNumericArray(one, where, 1)))
}

/** The constant of each output. */
function constantsOf(estimator: PyObject, outputs: number): LabelArray['values'] {
  const value = attribute(estimator, 'constant')
  const where = placeOf(estimator, 'constant')
  if (isNdArray(value) && value.shape.length > 0) {
    const flat = asLabels({ ...value, shape: [value.data.length] }, where)
    return flat.values
  }
  if (Array.isArray(value) || isTuple(value)) return asList(value, where).map((one) => plainValue(one, where))
  if (outputs !== 1) throw unsupportedSetting(estimator, 'constant', [`${outputs} labels`])
  return [plainValue(value, where)]
}

function largest(values: Float64Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i
  return best
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const classes = classesOf(estimator)
  const strategy = attribute(estimator, estimator.state.has('_strategy') ? '_strategy' : 'strategy')
  if (strategy === 'stratified' || strategy === 'uniform') throw unsupported(estimator, `strategy=${JSON.stringify(strategy)} draws labels at random; only prior, most_frequent and constant can be imported`)
  if (strategy !== 'prior' && strategy !== 'most_frequent' && strategy !== 'constant') throw unsupportedSetting(estimator, 'strategy', ['prior', 'most_frequent', 'constant'])
  const priors = priorsOf(estimator)
  const constants = strategy === 'constant' ? constantsOf(estimator, classes.length) : []
  const positions = classes.map((labels, k) => (strategy === 'constant' ? labels.values.indexOf(constants[k]) : largest(priors[k])))
  positions.forEach((position, k) => {
    if (position < 0) throw unsupported(estimator, `constant ${String(constants[k])} is not among the classes`)
  })
  const indices = once(() => positions.map((position) => constantPosition(context, x, position)))
  const probabilities = once((): readonly Result[] =>
    classes.map((labels, k) => {
      const row = strategy === 'prior' ? priors[k] : labels.values.map((_, i) => (i === positions[k] ? 1 : 0))
      return matrixResult(constantRows(context, x, row), labels.values.length)
    }),
  )
  return { ...classifierMethods(context, classes, indices), predict: () => labelResult(context, indices(), classes), predictProba: probabilities, predictLogProba: logOf(context, probabilities) }
}

const regressor: EstimatorImporter = (context, estimator, x) => {
  const constants = asFloat64(arrayAttribute(estimator, 'constant_'))
  const outputs = estimator.state.has('n_outputs_') ? checkedCount(numberAttribute(estimator, 'n_outputs_'), estimator, 'n_outputs_') : constants.length
  const row = constants.length === outputs ? constants : new Float64Array(outputs).fill(constants[0])
  const result = (values: Float64Array): Result => {
    const value = constantRows(context, x, values)
    return outputs === 1 ? vectorResult(squeeze(context, value)) : matrixResult(value, outputs)
  }
  return { predict: () => result(row), predictStd: () => result(new Float64Array(outputs)) }
}

export const dummies: readonly EstimatorEntry[] = [
  { names: ['DummyClassifier'], kind: 'classifier', importer: classifier },
  { names: ['DummyRegressor'], kind: 'regressor', importer: regressor },
]
