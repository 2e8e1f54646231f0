// LightGBM's scikit-learn wrappers: the booster is a text model inside the pickle.
import type { ValueName } from '../../../graph/builder.ts'
import { MleError } from '../../../error.ts'
import { asLabels, asObject, attribute, describe, isPyObject, optionalAttribute, placeOf, type LabelArray, type PyObject } from '../../pickle/index.ts'
import { tableCategories } from '../../lightgbm/categories.ts'
import { flattenClasses, lowerLightgbm, type LoweredLightgbm } from '../../lightgbm/lower.ts'
import { parseLightgbm, type LgbModel } from '../../lightgbm/text.ts'
import { argMax, float64Constant, matrixResult, once, onceEach, squeeze, vectorResult } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods } from '../labels.ts'
import { unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { encodedClasses } from './members.ts'
import { shapMethod } from './tree-structure.ts'

function boosterOf(estimator: PyObject): PyObject {
  return estimator.name === 'Booster' ? estimator : asObject(attribute(estimator, '_Booster'), placeOf(estimator, '_Booster'))
}

/** The model inside a pickled Booster. */
const modelOf = /* @__PURE__ */ onceEach((booster: PyObject): LgbModel => {
  // `handle` holds the text; wrappers restored from files keep it as model_str.
  const text = optionalAttribute(booster, 'handle') ?? optionalAttribute(booster, 'model_str')
  if (typeof text !== 'string') throw new MleError('SKLEARN_VALUE', `${placeOf(booster, 'handle')} is ${describe(text)}, expected the text of a model`, { section: booster.name, offset: booster.offset })
  return parseLightgbm(new TextEncoder().encode(text))
})

interface Lowered {
  readonly model: LgbModel
  readonly parts: LoweredLightgbm
  readonly flat: (value: ValueName) => Result
  readonly extra: NonNullable<Methods['extra']>
  readonly properties: NonNullable<Methods['properties']>
}

/** predict(pred_contrib=True): the columns of one class after those of the other. */
function contributions({ builder }: SklearnContext, model: LgbModel, parts: LoweredLightgbm): Result {
  const value = parts.contributions()
  if (value === undefined) throw new MleError('SKLEARN_UNSUPPORTED', 'contributions are not defined for linear trees, nor for boosters without counts', { section: 'Booster' })
  return { value: flattenClasses(builder, value, parts.outputs * (model.featureCount + 1)), dtype: 'float64', shape: ['batch', parts.outputs * (model.featureCount + 1)] }
}

function lowered(context: SklearnContext, estimator: PyObject, x: Features): Lowered {
  const booster = boosterOf(estimator)
  const model = modelOf(booster)
  // Early stopping keeps the best round; 0 and -1 say that there was none.
  const best = booster.state.get('best_iteration')
  const parts = lowerLightgbm(context.builder, model, x.numbers(model.featureCount), typeof best === 'number' && best > 0 ? best : undefined)
  const { outputs } = parts
  const flat = (value: ValueName): Result => (outputs === 1 ? vectorResult(squeeze(context, value)) : matrixResult(value, outputs))
  const extra: Lowered['extra'] = new Map([
    ['margin', { output: 'margin', result: () => flat(parts.margin()) }],
    ['apply', { output: 'leaf', result: (): Result => ({ value: parts.leaves(), dtype: 'int32', shape: ['batch', null] }) }],
    ...shapMethod(() => contributions(context, model, parts)),
  ])
  return { model, parts, flat, extra, properties: () => parts.properties() }
}

const regressor: EstimatorImporter = (context, estimator, x): Methods => {
  const { parts, flat, extra, properties } = lowered(context, estimator, x)
  return { kind: 'regressor', predict: () => flat(parts.prediction()), extra, properties }
}

function labelsOf(estimator: PyObject, count: number): LabelArray {
  const encoder = estimator.state.get('_le')
  if (isPyObject(encoder)) return classesOf(encoder)[0]
  const classes = optionalAttribute(estimator, '_classes')
  return classes === undefined ? encodedClasses(count) : asLabels(classes, placeOf(estimator, '_classes'))
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const all = lowered(context, estimator, x)
  const { model, parts, extra, properties } = all
  const { outputs } = parts
  // A function of one's own as objective: scores are all that there is.
  if (model.objective.length === 0) return regressor(context, estimator, x)
  const labels = labelsOf(estimator, Math.max(2, outputs))
  const count = labels.values.length
  if (count !== Math.max(2, outputs)) throw unsupported(estimator, `has ${count} classes, but its booster gives ${outputs} outputs`)
  const probabilities = once(() => {
    if (outputs > 1) return matrixResult(parts.prediction(), outputs)
    return matrixResult(builder.add('Concat', [builder.add('Sub', [float64Constant(context, [1], [1, 1]), parts.prediction()]), parts.prediction()], { axis: 1 }), 2)
  })
  return {
    ...classifierMethods(context, [labels], once(() => [argMax(context, probabilities().value)])),
    predictProba: () => [probabilities()],
    extra,
    properties,
  }
}

/** Names of columns that a DataFrame gave at training; LightGBM makes up Column_0, Column_1, ... for arrays. */
function columnNames(estimator: PyObject): readonly string[] | undefined {
  const booster = estimator.name === 'Booster' ? estimator : estimator.state.get('_Booster')
  if (!isPyObject(booster)) return undefined
  const { featureNames, featureCount } = modelOf(booster)
  return featureNames.length !== featureCount || featureNames.every((name, i) => name === `Column_${i}`) ? undefined : featureNames
}

const columnCategories: EstimatorEntry['columnCategories'] = (estimator) => tableCategories(modelOf(boosterOf(estimator))).byFeature

export const lightgbmWrappers: readonly EstimatorEntry[] = [
  { names: ['LGBMClassifier'], kind: 'classifier', root: 'lightgbm', importer: classifier, columnNames, columnCategories },
  { names: ['LGBMRegressor', 'LGBMRanker', 'Booster'], kind: 'regressor', root: 'lightgbm', importer: regressor, columnNames, columnCategories },
]
