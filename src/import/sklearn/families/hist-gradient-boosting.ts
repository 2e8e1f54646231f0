// HistGradientBoosting*: float64 comparisons, missing values and categories, a baseline plus trees in order.
import type { ValueName } from '../../../graph/builder.ts'
import { treeProperties, type SummarizedTree } from '../../tree-summary.ts'
import { addTreeEnsemble } from '../../trees.ts'
import { encodeTrees, type CategorySplit, type TreeDescription } from '../../../ops/trees/encode.ts'
import {
  asFloat64, asInt32, asList, asNumber, asObject, attribute, expectNumericArray, expectStruct, hasField, isNdArray, isPyObject, optionalAttribute, structField,
  type PyObject, type PyValue,
} from '../../pickle/index.ts'
import { argMax, concat, float64Constant, matrixResult, once, squeeze } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { featureCount, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { featureNamer, shapMethod, shapResult } from './tree-structure.ts'

/** Category bit sets hold 256 bits: codes are binned to a byte. */
const CATEGORY_BITS = 256

/** Raw predictions [batch, outputs]. */
function rawPredictions(context: SklearnContext, estimator: PyObject, x: Features): { value: ValueName; outputs: number; explain: () => Result; properties: NonNullable<Methods['properties']> } {
  const iterations = asList(attribute(estimator, '_predictors'), `${estimator.name}._predictors`)
  const predictors = iterations.map((one, i) => asList(one, `${estimator.name}._predictors[${i}]`))
  const outputs = Math.max(1, predictors[0]?.length ?? 1)
  const known = knownCategories(estimator)
  const descriptions = predictors.flatMap((row, i) => row.map((predictor, k) => describePredictor(asObject(predictor, `${estimator.name}._predictors[${i}][${k}]`), known)))
  const encoded = encodeTrees(descriptions, { width: 1, comparison: 'le', precision: 'float64', treeTarget: outputs > 1 ? descriptions.map((_, i) => i % outputs) : undefined })
  const baseline = baselineOf(attribute(estimator, '_baseline_prediction'), outputs, estimator)
  const options = { outputs, base: baseline, rounding: 'floor' } as const
  const features = preprocessed(context, estimator, x)
  const rows = features.numbers(features === x ? featureCount(estimator) : undefined)
  const properties = (): [string, string][] => treeProperties(descriptions, featureNamer(features))
  const explain = (): Result => {
    if (optionalAttribute(estimator, '_preprocessor') !== undefined) throw unsupported(estimator, 'contributions are not given where categories are encoded first')
    return shapResult(context, rows, encoded, options, featureCount(estimator))
  }
  return { value: addTreeEnsemble(context.builder, rows, encoded, options), outputs, explain, properties }
}

/** X as the trees read it: from 1.4 on models with categories encode and reorder columns first. */
function preprocessed(context: SklearnContext, estimator: PyObject, x: Features): Features {
  const preprocessor = optionalAttribute(estimator, '_preprocessor')
  if (preprocessor === undefined) return x
  const { transform } = context.importEstimator(preprocessor, x, `${estimator.name}._preprocessor`)
  if (transform === undefined) throw unsupported(estimator, '_preprocessor cannot transform')
  return transform()
}

function baselineOf(value: PyValue, outputs: number, estimator: PyObject): Float64Array {
  if (isNdArray(value) && value.shape.length > 0) {
    const own = asFloat64(expectNumericArray(value, '_baseline_prediction'))
    if (own.length !== outputs) throw unsupported(estimator, `_baseline_prediction has ${own.length} elements, expected ${outputs}`)
    return own
  }
  return new Float64Array(outputs).fill(asNumber(value, `${estimator.name}._baseline_prediction`))
}

/** Categories seen in training by feature; codes outside them count as missing. */
function knownCategories(estimator: PyObject): ReadonlyMap<number, ReadonlySet<number>> {
  const known = new Map<number, ReadonlySet<number>>()
  const mapper = optionalAttribute(estimator, '_bin_mapper')
  if (!isPyObject(mapper)) return known
  const flags = optionalAttribute(mapper, 'is_categorical_')
  if (!isNdArray(flags)) return known
  const isCategorical = asInt32(expectNumericArray(flags, 'is_categorical_'), 'is_categorical_')
  const thresholds = asList(attribute(mapper, 'bin_thresholds_'), 'bin_thresholds_')
  isCategorical.forEach((flag, feature) => {
    if (flag !== 0) known.set(feature, new Set(asFloat64(expectNumericArray(thresholds[feature], `bin_thresholds_[${feature}]`))))
  })
  return known
}

function describePredictor(predictor: PyObject, known: ReadonlyMap<number, ReadonlySet<number>>): TreeDescription & SummarizedTree {
  const where = 'TreePredictor.nodes'
  const nodes = expectStruct(attribute(predictor, 'nodes'), where)
  const ints = (name: string): Int32Array => asInt32(structField(nodes, name, where), `${where}.${name}`)
  const isLeaf = ints('is_leaf')
  const feature = ints('feature_idx')
  const missingLeft = ints('missing_go_to_left')
  // The field of thresholds was called `threshold` up to 0.23.
  const threshold = asFloat64(structField(nodes, hasField(nodes, 'num_threshold') ? 'num_threshold' : 'threshold', where))
  const left = ints('left').map((child, node) => (isLeaf[node] ? -1 : child))
  const categories = hasField(nodes, 'is_categorical') ? categorySplits(predictor, ints('is_categorical'), ints('bitset_idx'), feature, missingLeft, known) : undefined
  return {
    left,
    right: ints('right'),
    feature,
    threshold,
    values: asFloat64(structField(nodes, 'value', where)),
    missingRight: Array.from(missingLeft, (flag) => flag === 0),
    categories,
    cover: asFloat64(structField(nodes, 'count', where)),
    gain: hasField(nodes, 'gain') ? asFloat64(structField(nodes, 'gain', where)) : undefined,
  }
}

function categorySplits(
  predictor: PyObject,
  isCategorical: Int32Array,
  bitsetIndex: Int32Array,
  feature: Int32Array,
  missingLeft: Int32Array,
  known: ReadonlyMap<number, ReadonlySet<number>>,
): ReadonlyMap<number, CategorySplit> | undefined {
  if (!isCategorical.some((flag) => flag !== 0)) return undefined
  const bitsets = expectNumericArray(attribute(predictor, 'raw_left_cat_bitsets'), 'TreePredictor.raw_left_cat_bitsets', 2)
  const words = bitsets.data
  const perSet = bitsets.shape[1]
  const splits = new Map<number, CategorySplit>()
  isCategorical.forEach((flag, node) => {
    if (flag === 0) return
    const codes = known.get(feature[node])
    const goesLeft = missingLeft[node] !== 0
    const members: number[] = []
    for (let code = 0; code < CATEGORY_BITS; code++) {
      const isMember = ((Number(words[bitsetIndex[node] * perSet + (code >>> 5)]) >>> (code & 31)) & 1) !== 0
      // Codes that training never saw go where missing values go.
      if (isMember || (goesLeft && codes !== undefined && !codes.has(code))) members.push(code)
    }
    const unknownGoesRight = !goesLeft
    splits.set(node, { members, side: 'left', bits: CATEGORY_BITS, unknown: unknownGoesRight ? 'right' : 'left' })
  })
  return splits
}

/** The loss's inverse link: `_loss` from 1.1 on, `loss_` before, and `loss` by name. */
function lossName(estimator: PyObject): string {
  for (const key of ['_loss', 'loss_']) {
    const value = optionalAttribute(estimator, key)
    if (isPyObject(value)) return value.name
  }
  const name = estimator.state.get('loss')
  return typeof name === 'string' ? name : ''
}

const regressor: EstimatorImporter = (context, estimator, x) => {
  const parts = once(() => rawPredictions(context, estimator, x))
  return {
    predict: once((): Result => {
      const raw = squeeze(context, parts().value)
      const isLog = /poisson|gamma/i.test(lossName(estimator))
      return { value: isLog ? context.builder.add('Exp', [raw]) : raw, dtype: 'float64', shape: ['batch'] }
    }),
    extra: shapMethod(() => parts().explain()),
    properties: () => parts().properties(),
  }
}

const classifier: EstimatorImporter = (context, estimator, x) => {
  const { builder } = context
  const classes = classesOf(estimator)
  const raw = once(() => rawPredictions(context, estimator, x))
  const probabilities = once((): readonly Result[] => {
    const { value, outputs } = raw()
    if (outputs > 1) return [matrixResult(builder.add('Softmax', [value], { axis: 1 }), outputs)]
    const p = builder.add('Sigmoid', [value])
    return [matrixResult(concat(context, [builder.add('Sub', [float64Constant(context, [1], [1, 1]), p]), p]), 2)]
  })
  return {
    ...classifierMethods(context, classes, once(() => [argMax(context, probabilities()[0].value)])),
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
    decisionFunction: () => {
      const { value, outputs } = raw()
      return outputs > 1 ? matrixResult(value, outputs) : { value: squeeze(context, value), dtype: 'float64', shape: ['batch'] }
    },
    extra: shapMethod(() => raw().explain()),
    properties: () => raw().properties(),
  }
}

export const histGradientBoosting: readonly EstimatorEntry[] = [
  { names: ['HistGradientBoostingClassifier'], kind: 'classifier', importer: classifier },
  { names: ['HistGradientBoostingRegressor'], kind: 'regressor', importer: regressor },
]
