// CatBoost's scikit-learn wrappers: the pickle holds a model in the binary format, and columns stand as in the training table.
import type { ValueName } from '../../../graph/builder.ts'
import { MleError } from '../../../error.ts'
import { isExponential, marginBorder, readCatboost, varianceOf } from '../../catboost/index.ts'
import { inputWidths, lowerCatboost, type LoweredCatboost } from '../../catboost/lower.ts'
import { isClassification, type CbModel } from '../../catboost/model.ts'
import { flattenOutput } from '../../trees.ts'
import type { LabelArray, PyObject } from '../../pickle/index.ts'
import { argMax, castTo, concat, float64Constant, matrixResult, once, onceEach, squeeze, unsqueeze, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classifierMethods, logOf } from '../labels.ts'
import { embeddedFile, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { encodedClasses } from './members.ts'
import { shapMethod } from './tree-structure.ts'

/** The model inside. */
const modelOf = /* @__PURE__ */ onceEach((estimator: PyObject) => readCatboost(embeddedFile(estimator, '__model')))

/** Places in the table of features that are numbered among their kind; features that the file leaves out have none. */
function placesOf(estimator: PyObject, features: CbModel['floatFeatures'] | CbModel['catFeatures'], count: number): number[] {
  const places = new Map(features.map(({ index, flatIndex }) => [index, flatIndex]))
  return Array.from({ length: count }, (_, index) => {
    const place = places.get(index)
    if (place === undefined) throw unsupported(estimator, `its model does not say where feature ${index} stands in the table; save it with save_model and import that file`)
    return place
  })
}

interface Lowered {
  readonly model: CbModel
  readonly parts: LoweredCatboost
  readonly extra: NonNullable<Methods['extra']>
}

function lowered(context: SklearnContext, estimator: PyObject, x: Features): Lowered {
  const { builder } = context
  const model = modelOf(estimator)
  const { floats, cats } = inputWidths(model)
  if (floats + cats === 0) throw unsupported(estimator, 'its model has no features')
  const numbers = once(() => {
    const places = placesOf(estimator, model.floatFeatures, floats)
    const isWhole = cats === 0 && places.every((place, i) => place === i)
    return castTo(context, isWhole ? x.numbers(floats) : x.select(places).numbers(), 'float32')
  })
  const categories = once(() => concat(context, placesOf(estimator, model.catFeatures, cats).map((place) => x.column(place, 'string'))))
  const parts = lowerCatboost(builder, model, floats > 0 ? numbers() : undefined, cats > 0 ? categories() : undefined)
  const { outputs } = parts
  const extra: Lowered['extra'] = new Map([
    ['margin', { output: 'margin', result: () => scores(context, parts) }],
    ['apply', { output: 'leaf', result: (): Result => ({ value: parts.leaves(), dtype: 'int32', shape: ['batch', model.trees.length] }) }],
    ...shapMethod((): Result => {
      const value = parts.contributions()
      if (value === undefined) throw new MleError('SKLEARN_UNSUPPORTED', 'contributions need the weights of leaves, which the model does not hold', { section: estimator.name })
      const columns = floats + cats + 1
      return outputs === 1 ? { value: flattenOutput(builder, value), dtype: 'float64', shape: ['batch', columns] } : { value, dtype: 'float64', shape: ['batch', outputs, columns] }
    }),
  ])
  return { model, parts, extra }
}

/** Raw values, [batch] or [batch, outputs]. */
function scores(context: SklearnContext, parts: LoweredCatboost): Result {
  return parts.outputs === 1 ? vectorResult(squeeze(context, parts.margin())) : matrixResult(parts.margin(), parts.outputs)
}

function labelsOf({ classes }: CbModel, count: number): LabelArray {
  if (classes === undefined) return encodedClasses(count)
  const { type, labels } = classes
  return { dtype: labels.some((label) => typeof label === 'string') ? 'string' : type === 'Float' ? 'float64' : 'int64', values: labels }
}

const regressor: EstimatorImporter = (context, estimator, x): Methods => {
  const { model, parts, extra } = lowered(context, estimator, x)
  const predict = (): Result => {
    const raw = scores(context, parts)
    if (isExponential(model.loss)) return { ...raw, value: context.builder.add('Exp', [raw.value]) }
    return model.loss === 'RMSEWithUncertainty' && parts.outputs === 2 ? matrixResult(varianceOf(context.builder, raw.value), 2) : raw
  }
  return { kind: 'regressor', predict, extra, properties: () => parts.properties() }
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const all = lowered(context, estimator, x)
  const { model, parts, extra } = all
  const { outputs } = parts
  const properties = (): [string, string][] => parts.properties()
  const probability = once((): ValueName => builder.add('Sigmoid', [parts.margin()]))
  if (model.loss === 'MultiLogloss' || model.loss === 'MultiCrossEntropy') {
    const hits = once((): Result => ({ value: castTo(context, withScalar(context, 'Greater', parts.margin(), 0), 'int32'), dtype: 'int32', shape: ['batch', outputs], sourceDtype: 'int64' }))
    return { kind: 'classifier', predict: hits, predictProba: () => [matrixResult(probability(), outputs)], extra, properties }
  }
  const labels = labelsOf(model, Math.max(2, outputs))
  const count = labels.values.length
  if (count !== Math.max(2, outputs)) throw unsupported(estimator, `has ${count} classes, but its model gives ${outputs} outputs`)
  const probabilities = once((): readonly Result[] => {
    if (outputs > 1) return [matrixResult(model.loss === 'MultiClassOneVsAll' ? probability() : builder.add('Softmax', [parts.margin()], { axis: 1 }), outputs)]
    return [matrixResult(concat(context, [builder.add('Sub', [float64Constant(context, [1], [1, 1]), probability()]), probability()]), 2)]
  })
  const index = once(() => (outputs > 1 ? argMax(context, parts.margin()) : withScalar(context, 'Greater', squeeze(context, parts.margin()), marginBorder(model))))
  const methods = classifierMethods(context, [labels], () => [index()])
  return {
    ...methods,
    // Of several classes the library gives a column.
    predict: () => {
      const own = methods.predict()
      return outputs > 1 ? { ...own, value: unsqueeze(context, own.value), shape: ['batch', 1] } : own
    },
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
    extra,
    properties,
  }
}

/** A CatBoost of no kind predicts raw values. */
const plain: EstimatorImporter = (context, estimator, x): Methods => {
  const { parts, extra } = lowered(context, estimator, x)
  return { kind: 'regressor', predict: () => scores(context, parts), extra, properties: () => parts.properties() }
}

/** Names of columns; numbers stand for those of arrays. */
function columnNames(estimator: PyObject): readonly string[] | undefined {
  const { floatFeatures, catFeatures } = modelOf(estimator)
  const names: string[] = []
  for (const { flatIndex, name } of [...floatFeatures, ...catFeatures]) names[flatIndex] = name
  return Array.from(names).every((name, i) => name !== undefined && name !== '' && name !== String(i)) && new Set(names).size === names.length ? names : undefined
}

const wrapper: EstimatorImporter = (context, estimator, x) => (isClassification(modelOf(estimator).loss) ? classifier : regressor)(context, estimator, x)

export const catboostWrappers: readonly EstimatorEntry[] = [
  { names: ['CatBoostClassifier'], kind: 'classifier', root: 'catboost', importer: wrapper, columnNames },
  { names: ['CatBoostRegressor', 'CatBoostRanker'], kind: 'regressor', root: 'catboost', importer: regressor, columnNames },
  { names: ['CatBoost'], kind: 'regressor', root: 'catboost', importer: plain, columnNames },
]
