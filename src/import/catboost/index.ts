// CatBoost models, JSON and binary -> Graph.
import { graphBuilder, type GraphBuilder, type ValueName } from '../../graph/builder.ts'
import type { Column, Graph, Method } from '../../graph/graph.ts'
import { log } from '../../math/index.ts'
import type { Dim } from '../../ops/types.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { parseJson } from '../json.ts'
import { flattenOutput } from '../trees.ts'
import { readBinary } from './binary.ts'
import { formatOf } from './detect.ts'
import { readDocument } from './document.ts'
import { inputWidths, lowerCatboost } from './lower.ts'
import { catboostError, isClassification, type CbClasses, type CbModel } from './model.ts'

/**
 * Reads a model in any of CatBoost's formats that hold the whole of it.
 *
 * @throws MleError CATBOOST_*, JSON_*, FLATBUFFER_* for damaged files and features that are not supported
 */
export function readCatboost(bytes: Uint8Array): CbModel {
  const format = formatOf(bytes)
  if (format === 'json') return readDocument(parseJson(bytes, 'CatBoost JSON'))
  if (format === 'cbm') return readBinary(bytes)
  throw catboostError('CATBOOST_FORMAT', 'the bytes are neither JSON nor the binary format')
}

/** True of losses whose models predict the exponent of their raw values. */
export function isExponential(loss: string): boolean {
  return loss === 'Poisson' || loss === 'Tweedie'
}

/** The raw value above which rows get the second of two classes. */
export function marginBorder({ binaryThreshold: p }: CbModel): number {
  return p === 0.5 ? 0 : log(p / (1 - p))
}

/** Mean, and variance from the logarithm of the deviation: what RMSEWithUncertainty predicts from raw values [rows, 2]. */
export function varianceOf(builder: GraphBuilder, margin: ValueName): ValueName {
  const [mean, logDeviation] = [0, 1].map((column) => builder.add('Gather', [margin, ints(builder, column)], { axis: 1 }))
  return builder.add('Concat', [mean, builder.add('Exp', [builder.add('Add', [logDeviation, logDeviation])])], { axis: 1 })
}

/**
 * The graph of a model: inputs X float32 [batch, float features] and cats string [batch, categorical features]; outputs
 * `margin` and by loss `probabilities`, `label` or `value`, `leaf` and `contributions` (SHAP values). Method predict gives class labels for
 * classification; predict_proba gives what the library's model applier does: [batch] for two classes, else [batch, classes].
 */
export function importCatboost(bytes: Uint8Array): Graph {
  const model = readCatboost(bytes)
  const builder = graphBuilder()
  const { floats, cats } = inputWidths(model)
  const x = floats > 0 ? builder.input('X', { dtype: 'float32', shape: ['batch', floats] }) : undefined
  const categories = cats > 0 ? builder.input('cats', { dtype: 'string', shape: ['batch', cats] }) : undefined
  if (x === undefined && categories === undefined) throw catboostError('CATBOOST_FEATURE', 'it has no features')
  const lowered = lowerCatboost(builder, model, x, categories)
  const { outputs } = lowered
  const methods: Method[] = []
  const shape: readonly Dim[] = outputs === 1 ? ['batch'] : ['batch', outputs]
  const output = (name: string, value: ValueName, own: readonly Dim[] = shape, dtype: Tensor['dtype'] = 'float64', sourceDtype?: string): string => {
    builder.output(name, value, { dtype, shape: own }, sourceDtype)
    return name
  }
  const margin = lowered.margin()
  const flat = (value: ValueName): ValueName => (outputs === 1 ? builder.add('Squeeze', [value, ints(builder, 1)]) : value)

  const classes = classesOf(model)
  if (isClassification(model.loss) && outputs === 1) addBinary(builder, model, margin, classes, methods, output)
  else if (model.loss === 'MultiLogloss' || model.loss === 'MultiCrossEntropy') addMultiLabel(builder, model, margin, methods, output)
  else if (isClassification(model.loss) || (model.loss === '' && outputs > 1)) {
    const isOneVsAll = model.loss === 'MultiClassOneVsAll'
    const table = labelTable(classes ?? { type: 'Integer', labels: Array.from({ length: outputs }, (_, i) => i), columns: [] })
    const position = builder.add('ArgMax', [margin], { axis: 1, keepdims: 0 })
    const label = builder.add('mle.LabelLookup', [position, builder.constant(table, 'classes')])
    methods.push({ name: 'predict', outputs: [output('label', label, ['batch'], table.dtype, table.dtype === 'int32' ? 'int64' : undefined)] })
    methods.push({ name: 'predict_proba', outputs: [output('probabilities', isOneVsAll ? builder.add('Sigmoid', [margin]) : builder.add('Softmax', [margin], { axis: 1 }))] })
  } else if (isExponential(model.loss)) methods.push({ name: 'predict', outputs: [output('value', builder.add('Exp', [flat(margin)]))] })
  else if (model.loss === 'RMSEWithUncertainty' && outputs === 2) {
    methods.push({ name: 'predict', outputs: [output('value', varianceOf(builder, margin))] })
  } else methods.push({ name: 'predict', outputs: [output('value', flat(margin))] })
  methods.push({ name: 'margin', outputs: [output('margin', flat(margin))] })
  builder.output('leaf', lowered.leaves(), { dtype: 'int32', shape: ['batch', model.trees.length] })
  methods.push({ name: 'leaf', outputs: ['leaf'] })
  const contributions = lowered.contributions()
  if (contributions !== undefined) {
    const columns = floats + cats + 1
    builder.output('contributions', outputs === 1 ? flattenOutput(builder, contributions) : contributions, { dtype: 'float64', shape: outputs === 1 ? ['batch', columns] : ['batch', outputs, columns] })
    methods.push({ name: 'contributions', outputs: ['contributions'] })
  }
  return builder.build({
    framework: 'catboost',
    frameworkVersion: model.version,
    estimator: `CatBoost:${model.loss || 'custom'}`,
    methods,
    classes: classes === undefined ? undefined : [classes.labels],
    properties: lowered.properties(),
    columns: columnsOf(model),
  })
}

type Output = (name: string, value: ValueName, shape?: readonly Dim[], dtype?: Tensor['dtype'], sourceDtype?: string) => string

/** Two classes from one margin [batch, 1]: the second where it is above the threshold's. */
function addBinary(builder: GraphBuilder, model: CbModel, margin: ValueName, classes: CbClasses | undefined, methods: Method[], output: Output): void {
  const axis = ints(builder, 1)
  const raw = builder.add('Squeeze', [margin, axis])
  const border = scalar(builder, marginBorder(model))
  const table = labelTable(classes ?? { type: 'Integer', labels: [0, 1], columns: [0] })
  const label = builder.add('mle.LabelLookup', [builder.add('Greater', [raw, border]), builder.constant(table, 'classes')])
  methods.push({ name: 'predict', outputs: [output('label', label, ['batch'], table.dtype, table.dtype === 'int32' ? 'int64' : undefined)] })
  const probability = builder.add('Sigmoid', [margin])
  methods.push({ name: 'predict_proba', outputs: [output('probability', builder.add('Squeeze', [probability, axis]), ['batch'])] })
  output('probabilities', builder.add('Concat', [builder.add('Sub', [scalar(builder, 1), probability]), probability], { axis: 1 }), ['batch', 2])
}

/** Independent yes-or-no labels. */
function addMultiLabel(builder: GraphBuilder, model: CbModel, margin: ValueName, methods: Method[], output: Output): void {
  const shape = ['batch', model.dimension]
  const label = builder.add('Cast', [builder.add('Greater', [margin, scalar(builder, 0)])], { to: 'int32' })
  methods.push({ name: 'predict', outputs: [output('label', label, shape, 'int32', 'int64')] })
  methods.push({ name: 'predict_proba', outputs: [output('probabilities', builder.add('Sigmoid', [margin]), shape)] })
}

/** Classes of the model, where its labels are those of one output. */
function classesOf(model: CbModel): CbClasses | undefined {
  return model.loss === 'MultiLogloss' || model.loss === 'MultiCrossEntropy' ? undefined : model.classes
}

function labelTable({ type, labels }: CbClasses): Tensor {
  const shape = [labels.length]
  if (type === 'String' || type === 'Boolean' || labels.some((label) => typeof label === 'string')) return { dtype: 'string', shape, data: labels.map(String) }
  const numbers = labels.map(Number)
  const isInt32 = type === 'Integer' && numbers.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31)
  return isInt32 ? { dtype: 'int32', shape, data: Int32Array.from(numbers) } : { dtype: 'float64', shape, data: Float64Array.from(numbers) }
}

function scalar(builder: GraphBuilder, value: number): ValueName {
  return builder.constant({ dtype: 'float64', shape: [], data: Float64Array.of(value) }, 'scalar')
}

function ints(builder: GraphBuilder, value: number): ValueName {
  return builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(value)) }, 'ints')
}

/** All features in the order of the training table, if each has a name of its own and none is left out. */
function columnsOf(model: CbModel): Column[] | undefined {
  const all = [
    ...model.floatFeatures.map((feature) => ({ ...feature, input: 'X' })),
    ...model.catFeatures.map((feature) => ({ ...feature, input: 'cats' })),
  ].sort((a, b) => a.flatIndex - b.flatIndex)
  const { floats, cats } = inputWidths(model)
  if (all.length !== floats + cats || all.some(({ flatIndex }, i) => flatIndex !== i)) return undefined
  const columns = all.map(({ name, flatIndex, input, index }) => ({ name: name === '' ? String(flatIndex) : name, input, index }))
  return new Set(columns.map(({ name }) => name)).size === columns.length ? columns : undefined
}
