// XGBoost model files: JSON, UBJSON and the legacy binary -> Graph.
import { graphBuilder, type ValueName } from '../../graph/builder.ts'
import type { Graph, Method } from '../../graph/graph.ts'
import type { Dim } from '../../ops/types.ts'
import { treeProperties } from '../tree-summary.ts'
import { flattenOutput } from '../trees.ts'
import { parseJson } from '../json.ts'
import { readDocument } from './document.ts'
import { formatOf } from './detect.ts'
import { readLegacy } from './legacy.ts'
import { lowerBooster, type LoweredBooster } from './lower.ts'
import { outputCount, xgboostError, type XgbModel, type XgbTree } from './model.ts'
import { objectiveOf } from './objective.ts'
import { parseUbjson } from './ubjson.ts'

/**
 * Reads a booster in any of XGBoost's formats.
 *
 * @throws MleError XGBOOST_*, JSON_*, UBJ_* for damaged files
 */
export function readXgboost(bytes: Uint8Array): XgbModel {
  switch (formatOf(bytes)) {
    case 'json':
      return readDocument(parseJson(bytes, 'XGBoost JSON'))
    case 'ubjson':
      return readDocument(parseUbjson(bytes, 'XGBoost UBJSON'))
    case 'legacy':
      return readLegacy(bytes)
    default:
      throw xgboostError('XGBOOST_FORMAT', 'the bytes are neither JSON, UBJSON nor the legacy binary format')
  }
}

/**
 * The graph of a booster: input X float32 [batch, features]; outputs `margin`, and by objective `value`, `probabilities`
 * and `label`, and `contributions` (pred_contribs); method predict is Booster.predict.
 */
export function importXgboost(bytes: Uint8Array): Graph {
  const model = readXgboost(bytes)
  const builder = graphBuilder()
  const { featureCount, featureNames } = model
  const x = builder.input('X', { dtype: 'float32', shape: ['batch', featureCount] })
  const methods: Method[] = []
  const output = (name: string, value: ValueName, shape: readonly Dim[], dtype: 'float32' | 'int32' = 'float32'): string => {
    builder.output(name, value, { dtype, shape })
    return name
  }
  const outputs = outputCount(model)
  const shape: readonly Dim[] = outputs === 1 ? ['batch'] : ['batch', outputs]
  const booster = lowerBooster(builder, model, x)
  const flat = (value: ValueName): ValueName => (outputs === 1 ? builder.add('Squeeze', [value, axisOne(builder)]) : value)

  const { predict, task } = objectiveOf(model.objective)
  const predictOutput = (lowered: LoweredBooster, suffix: string): string => {
    if (predict === 'softmax') return output(`probabilities${suffix}`, lowered.prediction(), ['batch', outputs])
    return output(predict === 'argmax' ? `label${suffix}` : `value${suffix}`, predict === 'argmax' ? lowered.prediction() : flat(lowered.prediction()), predict === 'argmax' ? ['batch'] : shape)
  }
  methods.push({ name: 'predict', outputs: [predictOutput(booster, '')] })
  if (task === 'multiclass') {
    if (predict === 'argmax') methods.push({ name: 'predict_proba', outputs: [output('probabilities', builder.add('Softmax', [booster.margin()], { axis: 1 }), ['batch', outputs])] })
    else {
      methods.push({ name: 'predict_proba', outputs: ['probabilities'] })
      output('label', builder.add('Cast', [builder.add('ArgMax', [booster.margin()], { axis: 1, keepdims: 0 })], { to: 'int32' }), ['batch'], 'int32')
    }
  }
  if (task === 'binary' && predict === 'logistic') {
    methods.push({ name: 'predict_proba', outputs: [output('probabilities', addBothClasses(builder, booster.prediction()), ['batch', 2])] })
  }
  methods.push({ name: 'margin', outputs: [output('margin', flat(booster.margin()), shape)] })
  const best = model.attributes.get('best_iteration')
  if (best !== undefined && Number.isSafeInteger(Number(best)) && model.trees.length > 0) {
    const name = predictOutput(lowerBooster(builder, model, x, Number(best) + 1), '_best_iteration')
    methods.push({ name: 'predict_best_iteration', outputs: [name] }, { name: 'predict_best', outputs: [name] })
  }
  const leaves = booster.leaves()
  if (leaves !== undefined) {
    builder.output('leaf', leaves, { dtype: 'int32', shape: ['batch', model.trees.length] }, 'float32')
    methods.push({ name: 'leaf', outputs: ['leaf'] })
  }
  const contributions = booster.contributions()
  if (contributions !== undefined) {
    const own: readonly Dim[] = outputs === 1 ? ['batch', featureCount + 1] : ['batch', outputs, featureCount + 1]
    builder.output('contributions', outputs === 1 ? flattenOutput(builder, contributions) : contributions, { dtype: 'float64', shape: own })
    methods.push({ name: 'contributions', outputs: ['contributions'] })
  }
  return builder.build({
    framework: 'xgboost',
    frameworkVersion: model.version,
    estimator: `Booster:${model.booster}:${model.objective}`,
    methods,
    properties: xgboostProperties(model),
    columns: featureNames.length === featureCount && featureCount > 0 ? featureNames.map((name, index) => ({ name, input: 'X', index, ...model.categories.get(index) })) : undefined,
  })
}

/** What the file says of its trees, for the metadata; empty for gblinear. */
export function xgboostProperties({ trees, featureNames }: XgbModel): [string, string][] {
  if (trees.length === 0) return []
  return treeProperties(trees.map((tree) => ({ ...tree, cover: whole(tree.cover, tree), gain: whole(tree.gain, tree) })), (feature) => featureNames[feature] ?? `f${feature}`)
}

/** Statistics that a file has for every node, or none. */
function whole(values: Float32Array, tree: XgbTree): Float32Array | undefined {
  return values.length === tree.left.length ? values : undefined
}

function axisOne(builder: ReturnType<typeof graphBuilder>): ValueName {
  return builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')
}

/** [1 - p, p] of a probability [rows, 1]. */
export function addBothClasses(builder: ReturnType<typeof graphBuilder>, probability: ValueName): ValueName {
  const one = builder.constant({ dtype: 'float32', shape: [], data: Float32Array.of(1) }, 'one')
  return builder.add('Concat', [builder.add('Sub', [one, probability]), probability], { axis: 1 })
}
