// Estimators made of estimators side by side and one after another.
import { MleError } from '../../../error.ts'
import { describe, asDict, asInteger, asList, asNumber, asString, attribute, isNdArray, isNumericNdArray, isPyObject, isTuple, optionalAttribute, placeOf, type PyObject, type PyValue } from '../../pickle/index.ts'
import { withScalar } from '../emit.ts'
import { concatFeatures, matrixFeatures, type Features } from '../features.ts'
import { isPlaceholder, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'

interface NamedStep {
  readonly name: string
  readonly estimator: PyValue | undefined
  /** Third item of a ColumnTransformer's tuples. */
  readonly columns: PyValue | undefined
}

/** A list of (name, estimator) or (name, estimator, columns). */
export function namedSteps(value: PyValue | undefined, where: string): NamedStep[] {
  return asList(value, where).map((item, i) => {
    const items = isTuple(item) ? item.items : asList(item, `${where}[${i}]`)
    return { name: asString(items[0], `${where}[${i}]`), estimator: items[1], columns: items[2] }
  })
}

/** What an inner transformer makes of `x`; SKLEARN_UNSUPPORTED when it does not transform. */
export function transformed(context: SklearnContext, estimator: PyValue | undefined, x: Features, where: string): Features {
  const { transform } = context.importEstimator(estimator, x, where)
  if (transform === undefined) throw new MleError('SKLEARN_UNSUPPORTED', `${where}: ${describe(estimator)} has no transform for new data`, { section: where })
  return transform()
}

// Every step but the last transforms; the methods are the last one's.
const pipeline: EstimatorImporter = (context, estimator, x): Methods => {
  const steps = namedSteps(attribute(estimator, 'steps'), placeOf(estimator, 'steps'))
  let current = x
  for (let i = 0; i < steps.length - 1; i++) {
    const { name, estimator: step } = steps[i]
    if (!isPlaceholder(step)) current = transformed(context, step, current, `Pipeline step ${JSON.stringify(name)}`)
  }
  const last = steps.at(-1)
  if (last === undefined) throw unsupported(estimator, 'has no steps')
  if (isPlaceholder(last.estimator)) return { kind: 'transformer', transform: () => current }
  return withKind(context, last.estimator, current, `Pipeline step ${JSON.stringify(last.name)}`)
}

/** An inner estimator's methods and what kind of estimator it is. */
export function withKind(context: SklearnContext, estimator: PyValue | undefined, x: Features, where: string): Methods {
  const methods = context.importEstimator(estimator, x, where)
  return { ...methods, kind: methods.kind ?? context.kindOf(estimator) }
}

function weightsOf(estimator: PyObject): ReadonlyMap<PyValue, PyValue> | undefined {
  const value = optionalAttribute(estimator, 'transformer_weights')
  return value === undefined ? undefined : asDict(value, placeOf(estimator, 'transformer_weights'))
}

function weighted(context: SklearnContext, block: Features, weights: ReadonlyMap<PyValue, PyValue> | undefined, name: string): Features {
  const weight = weights?.get(name)
  if (weight === undefined || weight === null) return block
  return matrixFeatures(context, withScalar(context, 'Mul', block.numbers(), asNumber(weight, `transformer_weights of ${name}`)), block.width, { names: block.names })
}

const featureUnion: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const weights = weightsOf(estimator)
    const blocks: Features[] = []
    for (const { name, estimator: step } of namedSteps(attribute(estimator, 'transformer_list'), placeOf(estimator, 'transformer_list'))) {
      if (step === 'drop' || step === null) continue
      const block = step === 'passthrough' ? x : transformed(context, step, x, `FeatureUnion part ${JSON.stringify(name)}`)
      blocks.push(weighted(context, block, weights, name))
    }
    return concatFeatures(context, blocks)
  },
})

// transformers_ holds what was fitted, the remainder last; columns by position come from _transformer_to_input_indices (1.0 and later).
const columnTransformer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const weights = weightsOf(estimator)
    const indices = optionalAttribute(estimator, '_transformer_to_input_indices')
    const known = indices === undefined ? undefined : asDict(indices, placeOf(estimator, '_transformer_to_input_indices'))
    const blocks: Features[] = []
    for (const { name, estimator: step, columns } of namedSteps(attribute(estimator, 'transformers_'), placeOf(estimator, 'transformers_'))) {
      if (step === 'drop' || step === null) continue
      const resolved = known?.get(name)
      const positions = resolved !== undefined ? asIndexList(resolved, `columns of ${name}`) : resolveColumns(estimator, columns, x, name)
      if (positions.length === 0) continue
      const part = x.select(positions)
      const block = step === 'passthrough' ? part : transformed(context, step, part, `ColumnTransformer part ${JSON.stringify(name)}`)
      blocks.push(weighted(context, block, weights, name))
    }
    return concatFeatures(context, blocks)
  },
})

function asIndexList(value: PyValue, where: string): number[] {
  if (isNumericNdArray(value) && value.shape.length === 1) return Array.from(value.data, Number)
  return asList(value, where).map((item) => asInteger(item, where))
}

/** Columns as older versions keep them: names, positions, a slice, a boolean mask, or one of these as a scalar. */
function resolveColumns(estimator: PyObject, columns: PyValue | undefined, x: Features, name: string): number[] {
  const where = `columns of ${JSON.stringify(name)}`
  const width = x.width
  const names = x.names ?? dataFrameColumns(estimator)
  const position = (value: PyValue): number => {
    if (typeof value === 'string') {
      const found = names?.indexOf(value) ?? -1
      if (found < 0) throw new MleError('SKLEARN_UNSUPPORTED', `${estimator.name}: ${where} are given by name, but the file does not say which names the input has`, { section: estimator.name })
      return found
    }
    const index = asInteger(value, where)
    if (index >= 0) return index
    if (width === undefined) throw unsupported(estimator, `${where} count from the end, but the file does not say how many columns there are`)
    return index + width
  }
  if (isPyObject(columns) && columns.name === 'slice') {
    const [start, stop, step] = columns.args
    if (width === undefined && (stop === null || stop === undefined)) throw unsupported(estimator, `${where} are a slice without end, but the file does not say how many columns there are`)
    const isNamed = typeof start === 'string' || typeof stop === 'string'
    const from = start === null || start === undefined ? 0 : position(start)
    // Slices by name include their end.
    const to = stop === null || stop === undefined ? (width ?? 0) : position(stop) + (isNamed ? 1 : 0)
    const by = step === null || step === undefined ? 1 : asInteger(step, where)
    const out: number[] = []
    for (let i = from; by > 0 && i < to; i += by) out.push(i)
    return out
  }
  if (typeof columns === 'string' || typeof columns === 'number') return [position(columns)]
  if (isNdArray(columns) && columns.dtype === 'bool') return Array.from(columns.data as Uint8Array, (one, i) => (one === 0 ? -1 : i)).filter((i) => i >= 0)
  const items: readonly PyValue[] = isNumericNdArray(columns) ? Array.from(columns.data, Number) : isNdArray(columns) && columns.dtype === 'string' ? [...columns.data] : asList(columns, where)
  if (items.length > 0 && items.every((item) => typeof item === 'boolean')) return items.flatMap((item, i) => (item ? [i] : []))
  return items.map(position)
}

/** Column names as 0.22 and 0.23 kept them. */
function dataFrameColumns(estimator: PyObject): readonly string[] | undefined {
  const value = optionalAttribute(estimator, '_df_columns')
  if (!isPyObject(value)) return undefined
  for (const candidate of [...value.args, ...value.state.values()]) {
    const data = candidate instanceof Map ? candidate.get('data') : candidate
    if (isNdArray(data) && (data.dtype === 'object' || data.dtype === 'string') && data.data.every((one) => typeof one === 'string')) return data.data as readonly string[]
  }
  return undefined
}

export const composition: readonly EstimatorEntry[] = [
  { names: ['Pipeline'], kind: 'transformer', importer: pipeline },
  { names: ['FeatureUnion'], kind: 'transformer', importer: featureUnion },
  { names: ['ColumnTransformer'], kind: 'transformer', importer: columnTransformer },
]
