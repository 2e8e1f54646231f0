// GradientBoosting*: an initial prediction plus learning_rate times each tree, in order.
import type { ValueName } from '../../../graph/builder.ts'
import { log } from '../../../math/index.ts'
import { addTreeEnsemble, addTreeLeaves } from '../../trees.ts'
import { asFloat64, asNumber, asObject, attribute, expectNumericArray, isNdArray, type PyObject } from '../../pickle/index.ts'
import { argMax, castTo, concat, float64Constant, gatherColumns, int64Constant, matrixResult, once, squeeze, sumColumns, unsqueeze, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { choice, featureCount, isSince, numberSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { describeTree, encodeSklearnTrees, readTree, shapMethod, shapResult, treeRows, treeSummary } from './tree-structure.ts'

/** Probabilities are clipped to [eps, 1 - eps] of float32 before their logarithm is taken. */
const FLOAT32_EPS = 2 ** -23

/** Trees [stages, outputs] with leaves scaled by the learning rate, as the library multiplies before it adds. */
function stages(estimator: PyObject): { trees: PyObject[]; outputs: number } {
  const array = attribute(estimator, 'estimators_')
  if (!isNdArray(array) || array.dtype !== 'object' || array.shape.length !== 2) throw unsupported(estimator, 'estimators_ is no array of trees [stages, outputs]')
  return { trees: array.data.map((tree, i) => asObject(tree, `${estimator.name}.estimators_[${i}]`)), outputs: array.shape[1] }
}

interface Raw {
  /** [batch, outputs] */
  readonly value: ValueName
  /** apply: the leaf that each tree sends a row to, int32 [batch, trees]. */
  readonly leaves: () => ValueName
  /** Where predictions start from constants. */
  readonly explain?: () => Result
  readonly properties: NonNullable<Methods['properties']>
}

function rawPredictions(context: SklearnContext, estimator: PyObject, x: Features, loss: string): Raw {
  const { trees, outputs } = stages(estimator)
  const rate = numberSetting(estimator, 'learning_rate', 0.1)
  // X is rounded to float32 before anything reads it, the initial estimator too.
  const nFeatures = featureCount(estimator) ?? numberSetting(estimator, 'n_features_', NaN)
  const rows = treeRows(context, x, nFeatures)
  const initial = initialPrediction(context, estimator, matrixFeatures(context, castTo(context, rows, 'float64'), nFeatures, { sourceDtype: 'float32' }), outputs, loss)
  const own = trees.map((tree) => readTree(tree))
  const descriptions = own.map((tree) => describeTree(tree, tree.values.map((value) => rate * value)))
  const properties = (): [string, string][] => treeSummary(own, x)
  const targets = outputs === 1 ? undefined : trees.map((_, i) => i % outputs)
  const encoded = encodeSklearnTrees(descriptions, 1, targets)
  const leaves = (): ValueName => addTreeLeaves(context.builder, rows, encoded)
  if (initial.constant !== undefined) {
    const options = { outputs, base: initial.constant }
    return { value: addTreeEnsemble(context.builder, rows, encoded, options), leaves, explain: () => shapResult(context, rows, encoded, options, nFeatures), properties }
  }
  // An initial estimator predicts by row: its value is added to the sum of trees, which may differ from adding first in the last digits.
  return { value: context.builder.add('Add', [initial.value(), addTreeEnsemble(context.builder, rows, encoded, { outputs })]), leaves, properties }
}

interface Initial {
  readonly constant?: Float64Array
  value(): ValueName
}

function initialPrediction(context: SklearnContext, estimator: PyObject, x: Features, outputs: number, loss: string): Initial {
  const init = attribute(estimator, 'init_')
  const constant = (values: Float64Array): Initial => ({ constant: values, value: () => float64Constant(context, values, [1, outputs]) })
  if (init === 'zero' || init === null) return constant(new Float64Array(outputs))
  const inner = asObject(init, `${estimator.name}.init_`)
  const old = oldInitialValues(inner)
  if (old !== undefined) return constant(new Float64Array(outputs).map((_, k) => old[old.length === 1 ? 0 : k]))
  if (!estimator.name.includes('Classifier')) {
    const known = dummyValues(inner)
    if (known !== undefined) return constant(known)
    return { value: () => unsqueeze(context, predictedVector(context, inner, x, estimator)) }
  }
  const known = classPriors(inner)
  const isNewLink = isSince(estimator, 1, 4)
  if (known !== undefined) return constant(Float64Array.from(linkOfProbabilities(Array.from(known), outputs, loss, isNewLink)))
  return {
    value: once(() => {
      const methods = context.importEstimator(inner, x, `${estimator.name}.init_`)
      if (methods.predictProba === undefined) throw unsupported(estimator, `init=${inner.name} has no predict_proba`)
      const { builder } = context
      const clipped = builder.add('Clip', [methods.predictProba()[0].value, float64Constant(context, [FLOAT32_EPS], []), float64Constant(context, [1 - FLOAT32_EPS], [])])
      if (outputs > 1) {
        const logs = builder.add('Log', [clipped])
        if (!isNewLink) return logs
        return builder.add('Sub', [logs, withScalar(context, 'Div', sumColumns(context, logs, true), outputs)])
      }
      const p = gatherColumns(context, clipped, [1])
      const logit = builder.add('Log', [builder.add('Div', [p, builder.add('Sub', [float64Constant(context, [1], []), p])])])
      return loss === 'exponential' ? withScalar(context, 'Mul', logit, 0.5) : logit
    }),
  }
}

/** Attributes in which the initial estimators of 0.20 and earlier keep what they predict, already in raw scores. */
const OLD_INITIAL_ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['LogOddsEstimator', 'prior'],
  ['ScaledLogOddsEstimator', 'prior'],
  ['PriorProbabilityEstimator', 'priors'],
  ['MeanEstimator', 'mean'],
  ['QuantileEstimator', 'quantile'],
])

function oldInitialValues(inner: PyObject): Float64Array | undefined {
  if (inner.name === 'ZeroEstimator') return new Float64Array(1)
  const name = OLD_INITIAL_ATTRIBUTES.get(inner.name)
  if (name === undefined) return undefined
  const value = attribute(inner, name)
  return isNdArray(value) && value.shape.length > 0 ? asFloat64(expectNumericArray(value, name)) : Float64Array.of(asNumber(value, name))
}

function predictedVector(context: SklearnContext, inner: PyObject, x: Features, estimator: PyObject): ValueName {
  const methods = context.importEstimator(inner, x, `${estimator.name}.init_`)
  if (methods.predict === undefined) throw unsupported(estimator, `init=${inner.name} cannot predict`)
  const { value, shape, dtype } = methods.predict()
  const numbers = dtype === 'float64' ? value : castTo(context, value, 'float64')
  return shape.length === 2 ? squeeze(context, numbers) : numbers
}

/** constant_ of a DummyRegressor. */
function dummyValues(inner: PyObject): Float64Array | undefined {
  if (inner.name !== 'DummyRegressor') return undefined
  const value = attribute(inner, 'constant_')
  if (isNdArray(value) && value.dtype !== 'object' && value.dtype !== 'struct' && value.dtype !== 'string' && value.dtype !== 'bytes') return Float64Array.from(value.data, Number)
  throw unsupported(inner, 'constant_ is no array of numbers')
}

/** Class probabilities of a DummyClassifier whose strategy makes them the priors. */
function classPriors(inner: PyObject): Float64Array | undefined {
  if (inner.name !== 'DummyClassifier' || inner.state.get('strategy') !== 'prior') return undefined
  const value = attribute(inner, 'class_prior_')
  if (isNdArray(value) && (value.dtype === 'float64' || value.dtype === 'float32')) return Float64Array.from(value.data, Number)
  throw unsupported(inner, 'class_prior_ is no array of numbers')
}

/** log(p) by class, log-odds of the second class for one output; centred from 1.4 on, whose link is symmetric. */
function linkOfProbabilities(p: readonly number[], outputs: number, loss: string, isCentred: boolean): number[] {
  const clip = (value: number): number => Math.min(Math.max(value, FLOAT32_EPS), 1 - FLOAT32_EPS)
  if (outputs === 1) {
    const odds = clip(p[1])
    return [log(odds / (1 - odds)) * (loss === 'exponential' ? 0.5 : 1)]
  }
  const logs = p.map((value) => log(clip(value)))
  const mean = isCentred ? logs.reduce((sum, value) => sum + value, 0) / logs.length : 0
  return logs.map((value) => value - mean)
}

const classifier: EstimatorImporter = (context, estimator, x) => {
  const { builder } = context
  const loss = choice(estimator, 'loss', ['log_loss', 'deviance', 'exponential'], 'log_loss')
  const { outputs } = stages(estimator)
  const classes = classesOf(estimator)
  const parts = once(() => rawPredictions(context, estimator, x, loss))
  const raw = (): ValueName => parts().value
  const probabilities = once((): readonly Result[] => {
    if (outputs > 1) return [matrixResult(builder.add('Softmax', [raw()], { axis: 1 }), outputs)]
    const p = builder.add('Sigmoid', [loss === 'exponential' ? withScalar(context, 'Mul', raw(), 2) : raw()])
    return [matrixResult(concat(context, [builder.add('Sub', [float64Constant(context, [1], [1, 1]), p]), p]), 2)]
  })
  const index = once((): ValueName => {
    // From 1.4 on labels follow from the raw score, which matters where both classes are equally likely.
    if (isSince(estimator, 1, 4)) return outputs > 1 ? argMax(context, raw()) : withScalar(context, 'GreaterOrEqual', squeeze(context, raw()), 0)
    return argMax(context, probabilities()[0].value)
  })
  return {
    ...classifierMethods(context, classes, () => [index()]),
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
    decisionFunction: () => (outputs > 1 ? matrixResult(raw(), outputs) : { value: squeeze(context, raw()), dtype: 'float64', shape: ['batch'] }),
    extra: new Map([...leafMethod(() => byStage(context, parts().leaves(), stages(estimator))), ...shapMethod(() => explanation(estimator, parts()))]),
    properties: () => parts().properties(),
  }
}

/** apply of classifiers: [batch, stages, outputs]. */
function byStage(context: SklearnContext, leaves: ValueName, { trees, outputs }: ReturnType<typeof stages>): Result {
  const count = trees.length / outputs
  return { value: context.builder.add('Reshape', [leaves, int64Constant(context, [0, count, outputs])]), dtype: 'int32', shape: ['batch', count, outputs], sourceDtype: 'float64' }
}

function leafMethod(result: () => Result): NonNullable<Methods['extra']> {
  return new Map([['apply', { output: 'leaf', result }]])
}

function explanation(estimator: PyObject, { explain }: { readonly explain?: () => Result }): Result {
  if (explain === undefined) throw unsupported(estimator, 'its initial estimator depends on the features, so that trees alone do not explain it')
  return explain()
}

const regressor: EstimatorImporter = (context, estimator, x) => {
  const parts = once(() => rawPredictions(context, estimator, x, 'regression'))
  return {
    predict: () => ({ value: squeeze(context, parts().value), dtype: 'float64', shape: ['batch'] }),
    extra: new Map([
      ...leafMethod(() => ({ value: parts().leaves(), dtype: 'int32', shape: ['batch', stages(estimator).trees.length], sourceDtype: 'float64' })),
      ...shapMethod(() => explanation(estimator, parts())),
    ]),
    properties: () => parts().properties(),
  }
}

export const gradientBoosting: readonly EstimatorEntry[] = [
  { names: ['GradientBoostingClassifier'], kind: 'classifier', importer: classifier },
  { names: ['GradientBoostingRegressor'], kind: 'regressor', importer: regressor },
]
