// Encoders of categories: one-hot, ordinal, by target mean, and of labels.
import type { ValueName } from '../../../graph/builder.ts'
import {
  asFloat64, asInteger, asLabels, asList, asNumber, attribute, expectNumericArray, isNumericNdArray, optionalAttribute, placeOf, type LabelArray, type PyObject, type PyValue,
} from '../../pickle/index.ts'
import { castTo, concat, float64Constant, gatherColumns, unsqueeze, withScalar } from '../emit.ts'
import { matrixFeatures, type ColumnKind, type Features } from '../features.ts'
import { choice, dtypeSetting, numberSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'

/** Categories of one column: known values with their positions, and the position of the missing one. */
export interface CategoryList {
  readonly kind: ColumnKind
  readonly size: number
  readonly values: readonly (string | number)[]
  readonly positions: readonly number[]
  readonly missing: number | undefined
}

export function categoryList(estimator: PyObject, labels: LabelArray, where: string): CategoryList {
  const values: (string | number)[] = []
  const positions: number[] = []
  let missing: number | undefined
  labels.values.forEach((value, i) => {
    // NaN stands behind None where a column had both; files of rows know one missing value only.
    if (value === null || (typeof value === 'number' && Number.isNaN(value))) missing = i
    else {
      values.push(typeof value === 'string' ? value : Number(value))
      positions.push(i)
    }
  })
  const isString = values.some((value) => typeof value === 'string')
  if (isString && values.some((value) => typeof value !== 'string')) throw unsupported(estimator, `${where} mixes strings and numbers in one column`)
  return { kind: isString || (values.length === 0 && labels.dtype !== 'float64') ? 'string' : 'number', size: labels.values.length, values, positions, missing }
}

function categoriesOf(estimator: PyObject): CategoryList[] {
  const where = placeOf(estimator, 'categories_')
  return asList(attribute(estimator, 'categories_'), where).map((one, i) => categoryList(estimator, asLabels(one, `${where}[${i}]`), `${where}[${i}]`))
}

export interface Codes {
  /** Code by position in the list of categories. */
  readonly of: (position: number) => number
  /** Code of categories that were not there at fit; undefined: an error. */
  readonly unknown: number | undefined
}

/** Codes of one column or vector of values. */
export function encode(context: SklearnContext, value: ValueName, list: CategoryList, codes: Codes): ValueName {
  const { builder } = context
  const size = list.values.length
  const categories =
    list.kind === 'string'
      ? builder.constant({ dtype: 'string', shape: [size], data: list.values.map(String) }, 'categories')
      : float64Constant(context, list.values.map(Number), [size], 'categories')
  const table = float64Constant(context, list.positions.map(codes.of), [size], 'codes')
  return builder.add('mle.CategoryMap', [value, categories, table], {
    ...(list.missing === undefined ? {} : { missing: 'code', missingCode: codes.of(list.missing) }),
    ...(codes.unknown === undefined ? {} : { unknown: 'code', unknownCode: codes.unknown }),
  })
}

/** Per column: category position -> group after rare categories were put together, or undefined. */
function groupings(estimator: PyObject, columns: number): (Int32Array | undefined)[] {
  const value = optionalAttribute(estimator, '_default_to_infrequent_mappings')
  if (value === undefined || estimator.state.get('_infrequent_enabled') === false) return new Array<undefined>(columns).fill(undefined)
  const where = placeOf(estimator, '_default_to_infrequent_mappings')
  return asList(value, where).map((one) => (one === null ? undefined : Int32Array.from(asFloat64(expectNumericArray(one, where, 1)))))
}

/** Dropped group of each column, or undefined. */
function droppedOf(estimator: PyObject, columns: number): (number | undefined)[] {
  const value = optionalAttribute(estimator, '_drop_idx_after_grouping') ?? optionalAttribute(estimator, 'drop_idx_')
  if (value === undefined) return new Array<undefined>(columns).fill(undefined)
  const where = placeOf(estimator, 'drop_idx_')
  const items: readonly PyValue[] = isNumericNdArray(value) ? Array.from(value.data, Number) : asList(value, where)
  return items.map((one) => (one === null ? undefined : asInteger(one, where)))
}

const oneHot: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const lists = categoriesOf(estimator)
    const groups = groupings(estimator, lists.length)
    const dropped = droppedOf(estimator, lists.length)
    const unknownMode = choice(estimator, 'handle_unknown', ['error', 'ignore', 'infrequent_if_exist', 'warn'], 'error')
    const featureOf: number[] = []
    const codeOf: number[] = []
    const codes = lists.map((list, f) => {
      const group = groups[f]
      const drop = dropped[f]
      const nGroups = group === undefined ? list.size : Math.max(...group) + 1
      const column = (position: number): number => {
        const own = group === undefined ? position : group[position]
        return own === drop ? -1 : drop !== undefined && own > drop ? own - 1 : own
      }
      const rare = group === undefined ? undefined : column(group.indexOf(nGroups - 1))
      const unknown = unknownMode === 'error' ? undefined : unknownMode === 'ignore' ? -1 : (rare ?? -1)
      for (let c = 0; c < nGroups - (drop === undefined ? 0 : 1); c++) {
        featureOf.push(f)
        codeOf.push(c)
      }
      return encode(context, x.column(f, list.kind), list, { of: column, unknown })
    })
    if (codeOf.length === 0) throw unsupported(estimator, 'encodes no column at all')
    return matrixFeatures(context, oneHotColumns(context, concat(context, codes), featureOf, codeOf), codeOf.length, { sourceDtype: encodedDtype(estimator) })
  },
})

/** Columns [batch, n]: 1 where column featureOf[i] of `codes` is codeOf[i], else 0. */
export function oneHotColumns(context: SklearnContext, codes: ValueName, featureOf: readonly number[], codeOf: readonly number[]): ValueName {
  const spread = gatherColumns(context, codes, featureOf)
  return castTo(context, context.builder.add('Equal', [spread, float64Constant(context, codeOf, [1, codeOf.length])]), 'float64')
}

const ordinal: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const lists = categoriesOf(estimator)
    const groups = groupings(estimator, lists.length)
    const usesUnknown = choice(estimator, 'handle_unknown', ['error', 'use_encoded_value'], 'error') === 'use_encoded_value'
    const unknown = usesUnknown ? numberSetting(estimator, 'unknown_value', NaN) : undefined
    const missing = optionalAttribute(estimator, 'encoded_missing_value')
    const missingCode = missing === undefined ? NaN : asNumber(missing, placeOf(estimator, 'encoded_missing_value'))
    const nan = nanPositions(estimator)
    const columns = lists.map((list, f) => {
      const of = (position: number): number => (nan.has(`${f} ${position}`) ? missingCode : (groups[f]?.[position] ?? position))
      return encode(context, x.column(f, list.kind), list, { of, unknown })
    })
    return matrixFeatures(context, concat(context, columns), columns.length, { sourceDtype: encodedDtype(estimator) })
  },
})

/** `dtype` of an encoder where it is not float64. */
function encodedDtype(estimator: PyObject): string | undefined {
  const name = dtypeSetting(estimator, 'dtype')
  return name === 'bool_' ? 'bool' : name === 'int' ? 'int64' : name === 'float' || name === 'float64' ? undefined : name
}

/** Categories that are NaN, which have a code of their own; None is a category like any other. Keys 'column position'. */
function nanPositions(estimator: PyObject): Set<string> {
  const out = new Set<string>()
  const where = placeOf(estimator, 'categories_')
  asList(attribute(estimator, 'categories_'), where).forEach((one, f) => {
    asLabels(one, where).values.forEach((value, i) => {
      if (typeof value === 'number' && Number.isNaN(value)) out.add(`${f} ${i}`)
    })
  })
  return out
}

// TargetEncoder: the mean of the target per category; several classes stand side by side for each column.
const target: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const lists = categoriesOf(estimator)
    const where = placeOf(estimator, 'encodings_')
    const encodings = asList(attribute(estimator, 'encodings_'), where).map((one) => asFloat64(expectNumericArray(one, where, 1)))
    const mean = attribute(estimator, 'target_mean_')
    const means = isNumericNdArray(mean) && mean.shape.length === 1 ? asFloat64(mean) : Float64Array.of(asNumber(mean, placeOf(estimator, 'target_mean_')))
    const perColumn = encodings.length / lists.length
    const columns = encodings.map((encoding, e) => {
      const f = Math.floor(e / perColumn)
      return encode(context, x.column(f, lists[f].kind), lists[f], { of: (position) => encoding[position], unknown: means[e % means.length] })
    })
    return matrixFeatures(context, concat(context, columns), columns.length)
  },
})

/** Codes of a one-dimensional list of labels. */
function labelCodes(context: SklearnContext, estimator: PyObject, x: Features, unknown: number | undefined): { codes: ValueName; size: number } {
  const list = categoryList(estimator, asLabels(attribute(estimator, 'classes_'), placeOf(estimator, 'classes_')), placeOf(estimator, 'classes_'))
  const value = list.kind === 'string' ? x.text() : x.vector()
  return { codes: encode(context, value, list, { of: (position) => position, unknown }), size: list.size }
}

const transformMethod = (result: () => Result): Methods => ({ extra: new Map([['transform', { output: 'transformed', result }]]) })

const labelEncoder: EstimatorImporter = (context, estimator, x) =>
  transformMethod(() => ({ value: castTo(context, labelCodes(context, estimator, x, undefined).codes, 'int32'), dtype: 'int32', shape: ['batch'], sourceDtype: 'int64' }))

// A row of neg_label with pos_label at the class; a single column for two classes.
const labelBinarizer: EstimatorImporter = (context, estimator, x) =>
  transformMethod(() => {
    const type = estimator.state.get('y_type_')
    if (type !== undefined && type !== 'binary' && type !== 'multiclass') throw unsupported(estimator, `labels of type ${String(type)} are not binarized`)
    const { codes, size } = labelCodes(context, estimator, x, -1)
    const low = numberSetting(estimator, 'neg_label', 0)
    const high = numberSetting(estimator, 'pos_label', 1)
    const wanted = size <= 2 ? [1] : Array.from({ length: size }, (_, i) => i)
    const hot = oneHotColumns(context, unsqueeze(context, codes), wanted.map(() => 0), wanted)
    const value = low === 0 && high === 1 ? hot : withScalar(context, 'Add', withScalar(context, 'Mul', hot, high - low), low)
    return { value: castTo(context, value, 'int32'), dtype: 'int32', shape: ['batch', wanted.length], sourceDtype: 'int64' }
  })

export const encoders: readonly EstimatorEntry[] = [
  { names: ['OneHotEncoder'], kind: 'transformer', importer: oneHot },
  { names: ['OrdinalEncoder'], kind: 'transformer', importer: ordinal },
  { names: ['TargetEncoder'], kind: 'transformer', importer: target },
  { names: ['LabelEncoder'], kind: 'transformer', importer: labelEncoder },
  { names: ['LabelBinarizer'], kind: 'transformer', importer: labelBinarizer },
]
