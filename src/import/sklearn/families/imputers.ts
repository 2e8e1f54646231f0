// Filling in missing values.
import type { ValueName } from '../../../graph/builder.ts'
import {
  arrayAttribute, asFloat64, asInt32, asInteger, asList, attribute, expectNumericArray, isNdArray, isPyObject, isTuple, optionalAttribute, placeOf, plainValue, type PyObject, type PyValue,
} from '../../pickle/index.ts'
import { castTo, concat, float64Constant, gatherColumns, scalar, unsqueeze, withScalar } from '../emit.ts'
import { columnFeatures, concatFeatures, matrixFeatures, type Features, type LazyColumn } from '../features.ts'
import { booleanSetting, checkedCount, choice, numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'

/** What counts as missing: NaN and null, a number, or a string. */
type Missing = { readonly kind: 'nan' } | { readonly kind: 'number'; readonly value: number } | { readonly kind: 'string'; readonly value: string }

function missingOf(estimator: PyObject): Missing {
  const value = estimator.state.get('missing_values')
  if (value === undefined || value === null || value === 'NaN') return { kind: 'nan' }
  if (isPyObject(value) && value.name === 'NAType') return { kind: 'nan' }
  const plain = plainValue(value, placeOf(estimator, 'missing_values'))
  if (typeof plain === 'string') return { kind: 'string', value: plain }
  const number = Number(plain)
  return Number.isNaN(number) ? { kind: 'nan' } : { kind: 'number', value: number }
}

/** Where numbers are missing, bool like `value`. */
function numberMask(context: SklearnContext, value: ValueName, missing: Missing): ValueName {
  return missing.kind === 'number' ? withScalar(context, 'Equal', value, missing.value) : context.builder.add('IsNaN', [value])
}

function stringMask(context: SklearnContext, value: ValueName, missing: Missing): ValueName {
  return context.builder.add('mle.IsMissing', [value], missing.kind === 'string' ? { token: missing.value } : {})
}

/** Columns 0 and 1 that say where values were missing, behind the filled ones. */
function withIndicator(context: SklearnContext, estimator: PyObject, filled: Features, maskColumn: (index: number) => ValueName): Features {
  const indicator = optionalAttribute(estimator, 'indicator_')
  if (estimator.state.get('add_indicator') !== true || !isPyObject(indicator)) return filled
  const features = asInt32(arrayAttribute(indicator, 'features_', 1), placeOf(indicator, 'features_'))
  if (features.length === 0) return filled
  const flags = concat(context, Array.from(features, maskColumn))
  return concatFeatures(context, [filled, matrixFeatures(context, castTo(context, flags, 'float64'), features.length)])
}

const simple: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    choice(estimator, 'strategy', ['mean', 'median', 'most_frequent', 'constant'], 'mean')
    const missing = missingOf(estimator)
    const statistics = attribute(estimator, 'statistics_')
    const keepsAll = estimator.state.get('strategy') === 'constant' || booleanSetting(estimator, 'keep_empty_features', false)
    if (isNdArray(statistics) && (statistics.dtype === 'object' || statistics.dtype === 'string')) return imputeColumns(context, estimator, x, statistics.data, missing, keepsAll)
    const fill = asFloat64(expectNumericArray(statistics, placeOf(estimator, 'statistics_'), 1))
    const value = x.numbers(fill.length)
    const kept = Array.from(fill, (_, i) => i).filter((i) => keepsAll || !Number.isNaN(fill[i]))
    const mask = numberMask(context, value, missing)
    const filled = matrixFeatures(context, context.builder.add('Where', [mask, float64Constant(context, fill, [1, fill.length]), value]), fill.length)
    return withIndicator(context, estimator, filled.select(kept), (index) => gatherColumns(context, mask, [index]))
  },
})

// Statistics of an object array: each column holds strings or numbers, as its statistic does.
function imputeColumns(context: SklearnContext, estimator: PyObject, x: Features, statistics: readonly PyValue[], missing: Missing, keepsAll: boolean): Features {
  const { builder } = context
  const fills = statistics.map((one, i) => plainValue(one, `${placeOf(estimator, 'statistics_')}[${i}]`))
  const isString = (i: number): boolean => typeof fills[i] === 'string'
  const columns = fills.flatMap((fill, i): LazyColumn[] => {
    if (fill === null || (typeof fill === 'number' && Number.isNaN(fill))) {
      if (!keepsAll) return []
      throw unsupported(estimator, `column ${i} is filled with a missing value`)
    }
    if (typeof fill === 'string') {
      return [{ kind: 'string', value: () => builder.add('mle.FillMissing', [x.column(i, 'string')], { fill, ...(missing.kind === 'string' ? { token: missing.value } : {}) }) }]
    }
    return [{
      kind: 'number',
      value: () => {
        const value = x.column(i, 'number')
        return builder.add('Where', [numberMask(context, value, missing), float64Constant(context, [Number(fill)], [1, 1]), value])
      },
    }]
  })
  return withIndicator(context, estimator, columnFeatures(context, columns), (i) => (isString(i) ? stringMask(context, x.column(i, 'string'), missing) : numberMask(context, x.column(i, 'number'), missing)))
}

const indicator: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const missing = missingOf(estimator)
    const width = checkedCount(numberSetting(estimator, '_n_features', numberSetting(estimator, 'n_features_in_', x.width ?? 0)), estimator, '_n_features')
    const isAll = choice(estimator, 'features', ['missing-only', 'all'], 'missing-only') === 'all'
    const features = isAll ? Array.from({ length: width }, (_, i) => i) : Array.from(asInt32(arrayAttribute(estimator, 'features_', 1), placeOf(estimator, 'features_')))
    if (features.length === 0) throw unsupported(estimator, 'indicates no feature at all')
    const hasStrings = missing.kind === 'string' || features.some((i) => x.kindOf(i) === 'string')
    const mask = hasStrings
      ? concat(context, features.map((i) => (x.kindOf(i) === 'number' ? numberMask(context, x.column(i, 'number'), missing) : stringMask(context, x.column(i, 'string'), missing))))
      : numberMask(context, (x.width === width || x.width === undefined ? matrixFeatures(context, x.numbers(width), width) : x).select(features).numbers(), missing)
    const checked = isAll || hasStrings || !booleanSetting(estimator, 'error_on_new', true) ? mask : withoutNewMissing(context, x, width, features, missing, mask)
    return matrixFeatures(context, castTo(context, checked, 'float64'), features.length, { sourceDtype: 'bool' })
  },
})

/** `mask` where the columns that had no missing value at fit have none now either; else an error. */
function withoutNewMissing(context: SklearnContext, x: Features, width: number, features: readonly number[], missing: Missing, mask: ValueName): ValueName {
  const others = Array.from({ length: width }, (_, i) => i).filter((i) => !features.includes(i))
  if (others.length === 0) return mask
  const isNew = numberMask(context, x.select(others).numbers(), missing)
  return context.builder.add('mle.Require', [mask, context.builder.add('Not', [isNew])], { message: 'a feature without missing values at fit has some now, and error_on_new=True' })
}

/** X with missing values as NaN, whatever stood for them. */
function withNaN(context: SklearnContext, value: ValueName, missing: Missing): ValueName {
  if (missing.kind !== 'number') return value
  return context.builder.add('Where', [numberMask(context, value, missing), float64Constant(context, [NaN], [1, 1]), value])
}

// The mean of the k nearest training rows that have a value, by distance over the features that both rows have.
const nearest: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const missing = missingOf(estimator)
    choice(estimator, 'metric', ['nan_euclidean'], 'nan_euclidean')
    const weights = choice(estimator, 'weights', ['uniform', 'distance'], 'uniform')
    const fit = arrayAttribute(estimator, '_fit_X', 2)
    const [, nFeatures] = fit.shape
    const fitMask = asInt32(arrayAttribute(estimator, '_mask_fit_X', 2), placeOf(estimator, '_mask_fit_X'))
    const training = Float64Array.from(asFloat64(fit), (value, i) => (fitMask[i] !== 0 ? NaN : value))
    const valid = asInt32(arrayAttribute(estimator, '_valid_mask', 1), placeOf(estimator, '_valid_mask'))
    const value = withNaN(context, x.numbers(nFeatures), missing)
    const imputed = builder.add('mle.KnnImpute', [value, float64Constant(context, training, [fit.shape[0], nFeatures], 'training')], { neighbors: numberSetting(estimator, 'n_neighbors', 5), weights })
    let filled = matrixFeatures(context, imputed, nFeatures)
    if (booleanSetting(estimator, 'keep_empty_features', false)) {
      const keep = builder.constant({ dtype: 'bool', shape: [1, nFeatures], data: Uint8Array.from(valid, (one) => (one === 0 ? 0 : 1)) })
      filled = matrixFeatures(context, builder.add('Where', [keep, imputed, scalar(context, 0)]), nFeatures)
    } else {
      filled = filled.select(Array.from(valid, (one, i) => (one === 0 ? -1 : i)).filter((i) => i >= 0))
    }
    const mask = builder.add('IsNaN', [value])
    return withIndicator(context, estimator, filled, (i) => gatherColumns(context, mask, [i]))
  },
})

// Each feature in turn is predicted from the others, as often and in the order that was fitted.
const iterative: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    if (booleanSetting(estimator, 'sample_posterior', false)) throw unsupportedSetting(estimator, 'sample_posterior', ['False: drawing from a posterior is not deterministic'])
    const missing = missingOf(estimator)
    const initial = attribute(estimator, 'initial_imputer_')
    if (!isPyObject(initial)) throw unsupported(estimator, 'has no initial_imputer_')
    const statistics = asFloat64(arrayAttribute(initial, 'statistics_', 1))
    const input = x.numbers(statistics.length)
    const start = context.importEstimator(initial, matrixFeatures(context, input, statistics.length), placeOf(estimator, 'initial_imputer_')).transform?.()
    if (start === undefined) throw unsupported(estimator, 'initial_imputer_ does not transform')
    const keepsEmpty = booleanSetting(estimator, 'keep_empty_features', false)
    const columns = Array.from(statistics, (_, i) => i).filter((i) => keepsEmpty || !Number.isNaN(statistics[i]))
    const isMissing = numberMask(context, input, missing)
    const masks = columns.map((i) => gatherColumns(context, isMissing, [i]))
    const current = columns.map((_, i) => start.column(i, 'number'))
    // No rounds: what the first imputer fills in stays.
    const steps = numberSetting(estimator, 'n_iter_', 0) === 0 ? [] : asList(attribute(estimator, 'imputation_sequence_'), placeOf(estimator, 'imputation_sequence_'))
    const bound = (name: string): Float64Array => (steps.length === 0 ? new Float64Array(0) : asFloat64(arrayAttribute(estimator, name, 1)))
    const mins = bound('_min_value')
    const maxs = bound('_max_value')
    steps.forEach((step, s) => {
      const where = `${placeOf(estimator, 'imputation_sequence_')}[${s}]`
      const [featureValue, neighborValue, inner] = isPyObject(step) ? step.args : isTuple(step) ? step.items : asList(step, where)
      const feature = asInteger(featureValue, where)
      const neighbors = asInt32(expectNumericArray(neighborValue, where, 1), where)
      const rest = matrixFeatures(context, concat(context, Array.from(neighbors, (i) => current[i])), neighbors.length)
      const predicted = context.importEstimator(inner, rest, where).predict?.()
      if (predicted === undefined) throw unsupported(estimator, `${where} does not predict`)
      const column = predicted.shape.length === 1 ? unsqueeze(context, predicted.value) : predicted.value
      const clipped = builder.add('Clip', [column, scalar(context, mins[feature]), scalar(context, maxs[feature])])
      current[feature] = builder.add('Where', [masks[feature], clipped, current[feature]])
    })
    const filled = matrixFeatures(context, concat(context, current), current.length)
    return withIndicator(context, estimator, filled, (i) => gatherColumns(context, isMissing, [i]))
  },
})

export const imputers: readonly EstimatorEntry[] = [
  { names: ['SimpleImputer'], kind: 'transformer', importer: simple },
  { names: ['MissingIndicator'], kind: 'transformer', importer: indicator },
  { names: ['KNNImputer'], kind: 'transformer', importer: nearest },
  { names: ['IterativeImputer'], kind: 'transformer', importer: iterative },
]
