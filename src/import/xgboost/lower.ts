// XgbModel -> graph: trees with float32 comparisons and float32 sums, as the library's CPU predictor does them.
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import { encodeTrees, type CategorySplit, type EncodedTrees, type TreeDescription } from '../../ops/trees/encode.ts'
import { once } from '../once.ts'
import { addTreeEnsemble, addTreeLeaves, addTreeShap } from '../trees.ts'
import { outputCount, xgboostError, type XgbModel, type XgbTree } from './model.ts'
import { addLink, baseMargin, objectiveOf } from './objective.ts'

/** The parts of a lowered model; each is added to the graph when first asked for. */
export interface LoweredBooster {
  readonly outputs: number
  /** [rows, outputs] float32. */
  margin(): ValueName
  /** What Booster.predict returns, [rows, outputs], or [rows] for multi:softmax. */
  prediction(): ValueName
  /** int32 [rows, trees]; undefined for gblinear. */
  leaves(): ValueName | undefined
  /** What pred_contribs gives, [rows, outputs, features + 1] float64, sums in float64; undefined where the file has no covers. */
  contributions(): ValueName | undefined
}

/** Trees of the first `iterations` boosting rounds. */
export function treesOfRounds(model: XgbModel, iterations: number): number {
  const perRound = model.parallelTrees * (model.trees[0]?.leafVectors === undefined ? outputCount(model) : 1)
  return Math.min(model.trees.length, iterations * perRound)
}

/**
 * Adds a booster over float32 rows `x`.
 *
 * @param rounds boosting rounds used, all by default (early-stopped wrappers use best_iteration + 1)
 */
export function lowerBooster(builder: GraphBuilder, model: XgbModel, x: ValueName, rounds?: number): LoweredBooster {
  const objective = objectiveOf(model.objective)
  const outputs = outputCount(model)
  const base = Array.from({ length: outputs }, (_, k) => baseMargin(objective, model.baseScore[k] ?? model.baseScore[0]))
  const used = rounds === undefined ? model.trees.length : treesOfRounds(model, rounds)
  const encoded = once(() => encode(model, used, outputs))
  const margin = once(() =>
    model.linearWeights === undefined
      ? addTreeEnsemble(builder, x, encoded(), { outputs, accumulate: 'float32', base, rounding: 'floor' })
      : addLinear(builder, model, model.linearWeights, outputs, base, x),
  )
  return {
    outputs,
    margin,
    prediction: once(() => addLink(builder, objective.predict, margin())),
    leaves: once(() => (model.linearWeights === undefined ? addTreeLeaves(builder, x, encoded(), 'floor') : undefined)),
    contributions: once(() => {
      if (model.linearWeights !== undefined) return addLinearContributions(builder, model, model.linearWeights, outputs, base, x)
      return encoded().cover === undefined ? undefined : addTreeShap(builder, x, encoded(), { outputs, base, rounding: 'floor' })
    }),
  }
}

/** Every tree of a model, as node tensors; also what inspection and explanations start from. */
function encode(model: XgbModel, used: number, outputs: number): EncodedTrees {
  const vectorSize = model.trees[0]?.leafVectors?.size ?? 1
  const trees = model.trees.slice(0, used).map((tree, index) => describe(tree, index, model))
  const treeTarget = outputs > 1 && vectorSize === 1 ? model.treeOutput.slice(0, used) : undefined
  treeTarget?.forEach((output, index) => {
    if (!(output >= 0 && output < outputs)) throw xgboostError('XGBOOST_TREE', `tree ${index} adds to output ${output}, but there are ${outputs}`)
  })
  return encodeTrees(trees, { width: vectorSize, comparison: 'lt', precision: 'float32', leafPrecision: 'float32', treeTarget })
}

function describe(tree: XgbTree, index: number, model: XgbModel): TreeDescription {
  const { condition, leafVectors } = tree
  let values: Float32Array = leafVectors?.values ?? condition
  const weight = model.treeWeights?.[index]
  // dart scales each tree's output, rounded to float32 before it is added.
  if (weight !== undefined) values = values.map((value) => value * weight)
  return {
    left: tree.left,
    right: tree.right,
    feature: tree.feature,
    threshold: condition,
    values,
    missingRight: Array.from(tree.defaultLeft, (left) => left === 0),
    cover: tree.cover.length === tree.left.length ? tree.cover : undefined,
    categories: tree.categories === undefined ? undefined : new Map(Array.from(tree.categories, ([node, members]) => [node, categorySplit(tree, node, members, model)])),
  }
}

/** Members go right; categories that the stored bit field does not reach follow the default direction up to 1.7, and go left later. */
function categorySplit(tree: XgbTree, node: number, members: Int32Array, model: XgbModel): CategorySplit {
  const largest = members.reduce((max, member) => Math.max(max, member), -1)
  const followsDefault = Number(model.version.split('.')[0]) < 2
  return { members, side: 'right', bits: Math.ceil((largest + 1) / 32) * 32, unknown: followsDefault && tree.defaultLeft[node] === 0 ? 'right' : 'left' }
}

/** gblinear: each feature adds its weight times its value, the bias the rest. */
function addLinearContributions(builder: GraphBuilder, model: XgbModel, weights: Float32Array, outputs: number, base: readonly number[], x: ValueName): ValueName {
  const { featureCount } = model
  const float64 = (shape: readonly number[], data: Float64Array): ValueName => builder.constant({ dtype: 'float64', shape, data }, 'weights')
  const axis = builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')
  const wide = builder.add('Cast', [x], { to: 'float64' })
  const present = builder.add('Where', [builder.add('IsNaN', [wide]), float64([], new Float64Array(1)), wide])
  const byOutput = Float64Array.from({ length: outputs * featureCount }, (_, i) => weights[(i % featureCount) * outputs + Math.floor(i / featureCount)])
  const products = builder.add('Mul', [builder.add('Unsqueeze', [present, axis]), float64([outputs, featureCount], byOutput)])
  const bias = float64([outputs, 1], Float64Array.from({ length: outputs }, (_, k) => weights[featureCount * outputs + k] + base[k]))
  // The bias in as many rows as X has: chosen by any condition of that shape.
  const first = builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) }, 'first')
  const rows = builder.add('IsNaN', [builder.add('Gather', [builder.add('Unsqueeze', [wide, axis]), first], { axis: 2 })])
  return builder.add('Concat', [products, builder.add('Where', [rows, bias, bias])], { axis: 2 })
}

/** gblinear: weights [features + 1, outputs] with the bias last; missing values add nothing. */
function addLinear(builder: GraphBuilder, model: XgbModel, weights: Float32Array, outputs: number, base: readonly number[], x: ValueName): ValueName {
  const { featureCount } = model
  if (weights.length !== (featureCount + 1) * outputs) {
    throw xgboostError('XGBOOST_FIELD', `gblinear has ${weights.length} weights, expected (${featureCount} features + 1) x ${outputs} outputs`)
  }
  const zero = builder.constant({ dtype: 'float32', shape: [], data: new Float32Array(1) }, 'zero')
  const present = builder.add('Where', [builder.add('IsNaN', [x]), zero, x])
  const matrix = builder.constant({ dtype: 'float32', shape: [featureCount, outputs], data: weights.slice(0, featureCount * outputs) }, 'weights')
  const bias = Float32Array.from({ length: outputs }, (_, k) => weights[featureCount * outputs + k] + base[k])
  return builder.add('Gemm', [present, matrix, builder.constant({ dtype: 'float32', shape: [outputs], data: bias }, 'bias')])
}
