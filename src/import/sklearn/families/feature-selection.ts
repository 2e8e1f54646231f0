// Feature selectors: each is a mask over columns, which some versions compute anew from what they stored.
import { MleError } from '../../../error.ts'
import { arrayAttribute, asFloat64, asInt32, asInteger, asNumber, attribute, isNumericNdArray, isPyObject, optionalAttribute, placeOf, type PyObject } from '../../pickle/index.ts'
import type { Features } from '../features.ts'
import { choice, firstAttribute, numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter } from '../types.ts'
import { withKind } from './compose.ts'
import { importances } from './importances.ts'

type Mask = (estimator: PyObject) => readonly boolean[]

function selected(x: Features, estimator: PyObject, mask: readonly boolean[]): Features {
  const kept = mask.flatMap((keep, i) => (keep ? [i] : []))
  if (kept.length === 0) throw unsupported(estimator, 'selects no feature at all')
  if (x.width !== undefined && x.width !== mask.length) throw new MleError('SKLEARN_SHAPE', `${estimator.name} was fitted on ${mask.length} features and is given ${x.width}`, { expected: mask.length, actual: x.width })
  // The input learns its width here where nothing before told it.
  if (x.width === undefined) x.numbers(mask.length)
  return x.select(kept)
}

const selector =
  (mask: Mask): EstimatorImporter =>
  (_context, estimator, x) => ({ transform: () => selected(x, estimator, mask(estimator)) })

const supportMask: Mask = (estimator) => Array.from(asInt32(arrayAttribute(estimator, 'support_', 1), placeOf(estimator, 'support_')), (one) => one !== 0)

const varianceMask: Mask = (estimator) => {
  const threshold = numberSetting(estimator, 'threshold', 0)
  return Array.from(asFloat64(arrayAttribute(estimator, 'variances_', 1)), (one) => one > threshold)
}

/** Scores with NaN below everything else. */
function cleanScores(estimator: PyObject): number[] {
  return Array.from(asFloat64(arrayAttribute(estimator, 'scores_', 1)), (one) => (Number.isNaN(one) ? -Number.MAX_VALUE : one))
}

// The k last in a stable ascending sort.
function kBest(estimator: PyObject, k: unknown): readonly boolean[] {
  const scores = cleanScores(estimator)
  if (k === 'all') return scores.map(() => true)
  const count = asInteger(typeof k === 'number' ? k : attribute(estimator, 'k'), placeOf(estimator, 'k'))
  const order = scores.map((_, i) => i).sort((a, b) => scores[a] - scores[b] || a - b)
  const kept = new Set(count === 0 ? [] : order.slice(-count))
  return scores.map((_, i) => kept.has(i))
}

// Above the percentile; among scores equal to it the first ones, as far as the count allows.
function percentileBest(estimator: PyObject, percentile: number): readonly boolean[] {
  const scores = cleanScores(estimator)
  if (percentile === 100) return scores.map(() => true)
  if (percentile === 0) return scores.map(() => false)
  const threshold = linearPercentile(scores, 100 - percentile)
  const room = Math.trunc((scores.length * percentile) / 100) - scores.filter((score) => score > threshold).length
  // A negative end counts from the back, in numpy as here.
  const ties = new Set(scores.flatMap((score, i) => (score === threshold ? [i] : [])).slice(0, room))
  return scores.map((score, i) => score > threshold || ties.has(i))
}

/** numpy's percentile with linear interpolation. */
function linearPercentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (percent / 100) * (sorted.length - 1)
  const low = Math.floor(position)
  const high = Math.min(low + 1, sorted.length - 1)
  const fraction = position - low
  const step = sorted[high] - sorted[low]
  return fraction >= 0.5 ? sorted[high] - step * (1 - fraction) : sorted[low] + step * fraction
}

const pValues = (estimator: PyObject): Float64Array => asFloat64(arrayAttribute(estimator, 'pvalues_', 1))

const falsePositiveRate = (estimator: PyObject, alpha: number): readonly boolean[] => Array.from(pValues(estimator), (p) => p < alpha)

const familyWise = (estimator: PyObject, alpha: number): readonly boolean[] => {
  const values = pValues(estimator)
  return Array.from(values, (p) => p < alpha / values.length)
}

// Benjamini-Hochberg: up to the largest p that lies below its share of alpha.
function falseDiscoveryRate(estimator: PyObject, alpha: number): readonly boolean[] {
  const values = pValues(estimator)
  const sorted = Float64Array.from(values).sort()
  const passing = sorted.filter((p, i) => p <= (alpha / values.length) * (i + 1))
  const largest = passing.at(-1)
  return Array.from(values, (p) => largest !== undefined && p <= largest)
}

const alphaOf = (estimator: PyObject): number => numberSetting(estimator, 'alpha', 0.05)

function univariate(estimator: PyObject): readonly boolean[] {
  const mode = choice(estimator, 'mode', ['percentile', 'k_best', 'fpr', 'fdr', 'fwe'], 'percentile')
  const param = attribute(estimator, 'param')
  if (mode === 'k_best') return kBest(estimator, param === 'all' ? 'all' : asNumber(param, placeOf(estimator, 'param')))
  const number = asNumber(param, placeOf(estimator, 'param'))
  if (mode === 'percentile') return percentileBest(estimator, number)
  return mode === 'fpr' ? falsePositiveRate(estimator, number) : mode === 'fdr' ? falseDiscoveryRate(estimator, number) : familyWise(estimator, number)
}

// RFE and RFECV transform, and predict with the estimator fitted on what they kept.
const elimination: EstimatorImporter = (context, estimator, x) => {
  const part = (): Features => selected(x, estimator, supportMask(estimator))
  const inner = withKind(context, attribute(estimator, 'estimator_'), part(), placeOf(estimator, 'estimator_'))
  return { ...inner, transform: part, scoreSamples: undefined, predictStd: undefined, fitPredict: undefined, extra: undefined }
}

// SelectFromModel: importance of each feature at or above a threshold, at most max_features of them.
function fromModel(estimator: PyObject): readonly boolean[] {
  const inner = firstAttribute(estimator, ['estimator_', 'estimator'])
  if (!isPyObject(inner)) throw unsupportedSetting(estimator, 'estimator')
  const scores = importances(estimator, inner)
  const threshold = thresholdOf(estimator, inner, scores)
  const max = optionalAttribute(estimator, 'max_features') === undefined ? undefined : (optionalAttribute(estimator, 'max_features_') ?? optionalAttribute(estimator, 'max_features'))
  let candidates = scores.map(() => true)
  if (max !== undefined) {
    if (typeof max !== 'number' && !isNumericNdArray(max)) throw unsupportedSetting(estimator, 'max_features')
    const kept = new Set(scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b).slice(0, asInteger(max, placeOf(estimator, 'max_features'))))
    candidates = scores.map((_, i) => kept.has(i))
  }
  return scores.map((score, i) => candidates[i] && score >= threshold)
}

function thresholdOf(estimator: PyObject, inner: PyObject, scores: readonly number[]): number {
  const value = optionalAttribute(estimator, 'threshold')
  if (value === undefined) return inner.state.get('penalty') === 'l1' || inner.name.includes('Lasso') || isPureL1(inner) ? 1e-5 : mean(scores)
  if (typeof value !== 'string') return asNumber(value, placeOf(estimator, 'threshold'))
  const [, factor, name] = /^(?:\s*([-+.\deE]+)\s*\*)?\s*(median|mean)\s*$/.exec(value) ?? []
  if (name === undefined) throw unsupportedSetting(estimator, 'threshold', ['a number', 'mean', 'median', 'a multiple of these'])
  return (factor === undefined ? 1 : Number(factor)) * (name === 'mean' ? mean(scores) : linearPercentile(scores, 50))
}

// Elastic nets that are all L1.
function isPureL1(inner: PyObject): boolean {
  const isOne = (name: string): boolean => {
    const value = inner.state.get(name)
    return typeof value === 'number' && Math.abs(value - 1) <= 1e-8 + 1e-5
  }
  return inner.name.includes('ElasticNet') && (isOne('l1_ratio_') || isOne('l1_ratio'))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0) / values.length
}

export const featureSelection: readonly EstimatorEntry[] = [
  { names: ['VarianceThreshold'], kind: 'transformer', importer: selector(varianceMask) },
  { names: ['SelectKBest'], kind: 'transformer', importer: selector((estimator) => kBest(estimator, estimator.state.get('k'))) },
  { names: ['SelectPercentile'], kind: 'transformer', importer: selector((estimator) => percentileBest(estimator, numberSetting(estimator, 'percentile', 10))) },
  { names: ['SelectFpr'], kind: 'transformer', importer: selector((estimator) => falsePositiveRate(estimator, alphaOf(estimator))) },
  { names: ['SelectFdr'], kind: 'transformer', importer: selector((estimator) => falseDiscoveryRate(estimator, alphaOf(estimator))) },
  { names: ['SelectFwe'], kind: 'transformer', importer: selector((estimator) => familyWise(estimator, alphaOf(estimator))) },
  { names: ['GenericUnivariateSelect'], kind: 'transformer', importer: selector(univariate) },
  { names: ['SequentialFeatureSelector'], kind: 'transformer', importer: selector(supportMask) },
  { names: ['SelectFromModel'], kind: 'transformer', importer: selector(fromModel) },
  { names: ['RFE', 'RFECV'], kind: 'transformer', importer: elimination },
]
