// XGBoost's scikit-learn wrappers: the booster is a model file of its own inside the pickle.
import type { ValueName } from '../../../graph/builder.ts'
import { MleError } from '../../../error.ts'
import { asObject, attribute, isPyObject, placeOf, type LabelArray, type PyObject } from '../../pickle/index.ts'
import { flattenOutput } from '../../trees.ts'
import { readXgboost, xgboostProperties } from '../../xgboost/index.ts'
import { lowerBooster, type LoweredBooster } from '../../xgboost/lower.ts'
import type { XgbModel } from '../../xgboost/model.ts'
import { argMax, castTo, once, onceEach, squeeze } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods } from '../labels.ts'
import { embeddedFile, numberSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { encodedClasses } from './members.ts'
import { shapMethod, treeRows } from './tree-structure.ts'

/** What some versions put before a model: this text, the length of the model as i64, the model, its settings. */
const SERIALIZATION_HEADER = 'CONFIG-offset:'

/** The model inside a pickled Booster. */
const modelOf = /* @__PURE__ */ onceEach((booster: PyObject) => readXgboost(withoutHeader(embeddedFile(booster, 'handle'))))

function withoutHeader(bytes: Uint8Array): Uint8Array {
  const start = SERIALIZATION_HEADER.length
  const found = bytes.length >= start + 8 && new TextDecoder('latin1').decode(bytes.subarray(0, start)) === SERIALIZATION_HEADER
  if (!found) return bytes
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset + start, 8).getBigUint64(0, true))
  return bytes.subarray(start + 8, Math.min(bytes.length, start + 8 + length))
}

function boosterOf(estimator: PyObject): PyObject {
  return estimator.name === 'Booster' ? estimator : asObject(attribute(estimator, '_Booster'), placeOf(estimator, '_Booster'))
}

/** Boosting rounds that the wrappers predict with: up to the best one where training kept it. */
function roundsOf(estimator: PyObject, booster: PyObject, model: XgbModel): number | undefined {
  for (const value of [booster.state.get('best_iteration'), estimator.state.get('best_iteration'), model.attributes.get('best_iteration')]) {
    const best = value === undefined || value === null ? NaN : Number(value)
    if (Number.isSafeInteger(best) && best >= 0) return best + 1
  }
  return undefined
}

/** Rows in float32, the number that stands for a missing value made NaN. */
function rowsOf(context: SklearnContext, estimator: PyObject, x: Features, model: XgbModel): ValueName {
  const { builder } = context
  const rows = treeRows(context, x, model.featureCount)
  const missing = estimator.state.get('missing')
  if (missing === undefined || missing === null) return rows
  const value = numberSetting(estimator, 'missing', NaN)
  if (Number.isNaN(value)) return rows
  const scalar = (number: number): ValueName => builder.constant({ dtype: 'float32', shape: [], data: Float32Array.of(number) })
  return builder.add('Where', [builder.add('Equal', [rows, scalar(value)]), scalar(NaN), rows])
}

interface Lowered {
  readonly model: XgbModel
  readonly parts: LoweredBooster
  /** Numbers [batch, outputs], one output as [batch]. */
  readonly flat: (value: ValueName) => Result
}

function lowered(context: SklearnContext, estimator: PyObject, x: Features): Lowered {
  const booster = boosterOf(estimator)
  const model = modelOf(booster)
  const rounds = booster === estimator ? undefined : roundsOf(estimator, booster, model)
  const parts = lowerBooster(context.builder, model, rowsOf(context, estimator, x, model), rounds)
  const { outputs } = parts
  const flat = (value: ValueName): Result => (outputs === 1 ? { value: squeeze(context, value), dtype: 'float32', shape: ['batch'] } : { value, dtype: 'float32', shape: ['batch', outputs] })
  return { model, parts, flat }
}

/** Raw scores, the leaf of each tree as apply() numbers them, and what pred_contribs gives. */
function extras({ builder }: SklearnContext, { model, parts, flat }: Lowered): NonNullable<Methods['extra']> {
  const margin = { output: 'margin', result: (): Result => flat(parts.margin()) }
  const columns = model.featureCount + 1
  const contributions = (): Result => {
    const value = parts.contributions()
    if (value === undefined) throw new MleError('SKLEARN_UNSUPPORTED', 'the booster has no covers (sum_hessian), which contributions are computed from', { section: 'Booster' })
    return parts.outputs === 1 ? { value: flattenOutput(builder, value), dtype: 'float64', shape: ['batch', columns] } : { value, dtype: 'float64', shape: ['batch', parts.outputs, columns] }
  }
  const explained = shapMethod(contributions)
  if (model.linearWeights !== undefined) return new Map([['margin', margin], ...explained])
  const leaf = (): Result => ({ value: parts.leaves() ?? '', dtype: 'int32', shape: ['batch', null], sourceDtype: 'float32' })
  return new Map([['margin', margin], ['apply', { output: 'leaf', result: leaf }], ...explained])
}

const regressor: EstimatorImporter = (context, estimator, x): Methods => {
  const all = lowered(context, estimator, x)
  const isArgMax = all.model.objective === 'multi:softmax'
  return {
    predict: () => (isArgMax ? { value: all.parts.prediction(), dtype: 'float32', shape: ['batch'] } : all.flat(all.parts.prediction())),
    extra: extras(context, all),
    properties: () => xgboostProperties(all.model),
  }
}

/** Labels: those of the encoder that versions up to 1.5 kept, else classes_, which since 2.0 is only a count. */
function labelsOf(estimator: PyObject, model: XgbModel): LabelArray {
  const encoder = estimator.state.get('_le')
  if (isPyObject(encoder)) return classesOf(encoder)[0]
  if (estimator.state.has('classes_')) return classesOf(estimator)[0]
  return encodedClasses(numberSetting(estimator, 'n_classes_', Math.max(2, model.classCount)))
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const all = lowered(context, estimator, x)
  const { model, parts } = all
  const { outputs } = parts
  const labels = labelsOf(estimator, model)
  const float = (value: number): ValueName => builder.constant({ dtype: 'float32', shape: [], data: Float32Array.of(value) })
  const extra = extras(context, all)
  const properties = (): [string, string][] => xgboostProperties(model)
  const count = labels.values.length

  if (model.classCount > 1) {
    if (count !== outputs) throw unsupported(estimator, `has ${count} classes, but its booster gives ${outputs} probabilities`)
    // multi:softmax predicts the position itself, and probabilities come from the margins all the same.
    const isArgMax = model.objective === 'multi:softmax'
    const probabilities = once((): Result => ({ value: isArgMax ? builder.add('Softmax', [parts.margin()], { axis: 1 }) : parts.prediction(), dtype: 'float32', shape: ['batch', outputs] }))
    return {
      ...classifierMethods(context, [labels], once(() => [isArgMax ? castTo(context, parts.prediction(), 'int64') : argMax(context, parts.prediction())])),
      predictProba: () => [probabilities()],
      extra,
      properties,
    }
  }
  if (outputs > 1) {
    // Several labels at once: each has a probability of its own.
    const hits = once((): Result => ({ value: castTo(context, builder.add('Greater', [parts.prediction(), float(0.5)]), 'int32'), dtype: 'int32', shape: ['batch', outputs], sourceDtype: 'float64' }))
    return { kind: 'classifier', predict: hits, predictProba: () => [all.flat(parts.prediction())], extra, properties }
  }
  const probabilities = once((): Result => {
    const value = builder.add('Concat', [builder.add('Sub', [float(1), parts.prediction()]), parts.prediction()], { axis: 1 })
    return { value, dtype: 'float32', shape: ['batch', 2] }
  })
  return {
    ...classifierMethods(context, [labels], once(() => [squeeze(context, builder.add('Greater', [parts.prediction(), float(0.5)]))])),
    predictProba: () => [probabilities()],
    extra,
    properties,
  }
}

/** Names of columns that a DataFrame gave at training. */
function columnNames(estimator: PyObject): readonly string[] | undefined {
  const booster = estimator.name === 'Booster' ? estimator : estimator.state.get('_Booster')
  if (!isPyObject(booster)) return undefined
  const { featureNames, featureCount } = modelOf(booster)
  return featureNames.length === featureCount && featureCount > 0 ? featureNames : undefined
}

const columnCategories: EstimatorEntry['columnCategories'] = (estimator) => modelOf(boosterOf(estimator)).categories

export const xgboostWrappers: readonly EstimatorEntry[] = [
  { names: ['XGBClassifier', 'XGBRFClassifier'], kind: 'classifier', root: 'xgboost', importer: classifier, columnNames, columnCategories },
  { names: ['XGBRegressor', 'XGBRFRegressor', 'XGBRanker', 'Booster'], kind: 'regressor', root: 'xgboost', importer: regressor, columnNames, columnCategories },
]
