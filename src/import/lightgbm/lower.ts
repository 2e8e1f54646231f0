// LgbModel -> graph: float64 comparisons and sums in tree order, as LightGBM's predictor does them.
import { once } from '../once.ts'
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import { encodeTrees, type CategorySplit, type EncodedTrees, type TreeDescription } from '../../ops/trees/encode.ts'
import { treeProperties } from '../tree-summary.ts'
import { addTreeEnsemble, addTreeLeaves, addTreeShap } from '../trees.ts'
import { addLink, objectiveOf, type LgbObjective } from './objective.ts'
import { lightgbmError, type LgbModel, type LgbTree } from './text.ts'

const CATEGORICAL = 1
const DEFAULT_LEFT = 2
const MISSING_ZERO = 1
const MISSING_NAN = 2

/** The parts of a lowered model; each is added to the graph when first asked for. */
export interface LoweredLightgbm {
  readonly outputs: number
  /** Raw scores [rows, outputs] float64. */
  margin(): ValueName
  /** What Booster.predict returns, [rows, outputs]. */
  prediction(): ValueName
  /** int32 [rows, trees]. */
  leaves(): ValueName
  /** What predict(pred_contrib=True) gives, as [rows, outputs, features + 1]; undefined where the file has no counts. */
  contributions(): ValueName | undefined
  /** What the file says of its trees, once they are encoded. */
  properties(): [string, string][]
}

/** Adds a model over float64 rows `x`; `iterations` limits boosting rounds. */
export function lowerLightgbm(builder: GraphBuilder, model: LgbModel, x: ValueName, iterations?: number): LoweredLightgbm {
  const outputs = model.treesPerIteration
  const used = iterations === undefined ? model.trees.length : Math.min(model.trees.length, iterations * outputs)
  const trees = model.trees.slice(0, used)
  const described = once(() => trees.map((tree, index) => describe(tree, index)))
  const encoded = once((): EncodedTrees =>
    encodeTrees(
      described(),
      { width: 1, comparison: 'le', precision: 'float64', treeTarget: outputs > 1 ? trees.map((_, index) => index % outputs) : undefined },
    ),
  )
  const isLinear = trees.some((tree) => tree.linear !== undefined)
  const leaves = once(() => addTreeLeaves(builder, x, encoded()))
  // Raw scores are sums, of random forests too; their means are what the objective's function then takes.
  const margin = once((): ValueName => (isLinear ? addLinearLeaves(builder, model, trees, x, leaves()) : addTreeEnsemble(builder, x, encoded(), { outputs })))
  const mean = (): ValueName => {
    if (!isLinear) return addTreeEnsemble(builder, x, encoded(), { outputs, aggregate: 'mean' })
    return builder.add('Div', [margin(), builder.constant({ dtype: 'float64', shape: [], data: Float64Array.of(Math.max(1, trees.length / outputs)) }, 'iterations')])
  }
  return {
    outputs,
    margin,
    properties: () => treeProperties(described().map((tree, index) => ({ ...tree, gain: trees[index].splitGain.length === trees[index].leafCount - 1 ? trees[index].splitGain : undefined })), (feature) => model.featureNames[feature] ?? `Column_${feature}`),
    prediction: once(() => {
      const objective = objectiveOf(model)
      const score = model.averageOutput ? mean() : margin()
      return model.averageOutput && holdsOutputs(model, objective.link) ? score : addLink(builder, objective, score)
    }),
    leaves,
    // What linear leaves add is no number of a leaf.
    contributions: once(() => (isLinear || encoded().cover === undefined ? undefined : addTreeShap(builder, x, encoded(), { outputs }))),
  }
}

/**
 * True for random forests of LightGBM before 2.2.3, whose leaves already hold what the objective's function gives. Version v2 of the text goes on to
 * 2.3.0, so that only the values tell: scores that all look like results of the function are no scores.
 */
function holdsOutputs({ version, trees }: LgbModel, link: LgbObjective['link']): boolean {
  if (version !== 'v1' && version !== 'v2') return false
  const highest = link === 'logistic' || link === 'softmax' ? 1 : Infinity
  return link !== 'identity' && trees.every((tree) => tree.leafValue.every((value) => value >= 0 && value <= highest))
}

/** Contributions [rows, classes, features + 1] as [rows, columns]: the features of one class after those of the other, as the library lays them out. */
export function flattenClasses(builder: GraphBuilder, contributions: ValueName, columns: number): ValueName {
  const shape = builder.constant({ dtype: 'int64', shape: [2], data: BigInt64Array.of(0n, BigInt(columns)) }, 'shape')
  return builder.add('Reshape', [contributions, shape])
}

/** Linear functions in the leaves: LightGBM's linear_tree. A tree without them counts as constants. */
function addLinearLeaves(builder: GraphBuilder, model: LgbModel, trees: readonly LgbTree[], x: ValueName, leaves: ValueName): ValueName {
  const leafStarts = [0]
  const termStarts = [0]
  const constants: number[] = []
  const values: number[] = []
  const features: number[] = []
  const coefficients: number[] = []
  trees.forEach((tree, index) => {
    tree.leafValue.forEach((value, leaf) => {
      const own = tree.linear?.[leaf] ?? { constant: value, features: [], coefficients: [] }
      const wrong = own.features.find((feature) => !(Number.isInteger(feature) && feature >= 0 && feature < model.featureCount))
      if (wrong !== undefined) throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: leaf ${leaf} reads feature ${wrong}, but there are ${model.featureCount}`)
      constants.push(own.constant)
      values.push(value)
      for (const feature of own.features) features.push(feature)
      for (const coefficient of own.coefficients) coefficients.push(coefficient)
      termStarts.push(features.length)
    })
    leafStarts.push(constants.length)
  })
  const uint32 = (data: readonly number[], hint: string): ValueName => builder.constant({ dtype: 'uint32', shape: [data.length], data: Uint32Array.from(data) }, hint)
  const float64 = (data: readonly number[], hint: string): ValueName => builder.constant({ dtype: 'float64', shape: [data.length], data: Float64Array.from(data) }, hint)
  return builder.add(
    'mle.LinearLeaves',
    [x, leaves, uint32(leafStarts, 'leafStarts'), float64(constants, 'constants'), float64(values, 'values'), uint32(termStarts, 'termStarts'), uint32(features, 'features'), float64(coefficients, 'coefficients')],
    { outputs: model.treesPerIteration },
  )
}

/** Inner nodes first, then leaves: child c >= 0 is inner node c, a negative one leaf ~c. */
function describe(tree: LgbTree, index: number): TreeDescription {
  const inner = tree.leafCount - 1
  const total = inner + tree.leafCount
  const left = new Int32Array(total).fill(-1)
  const right = new Int32Array(total).fill(-1)
  const feature = new Int32Array(total)
  const threshold = new Float64Array(total)
  const values = new Float64Array(total)
  const ids = new Int32Array(total)
  const missingRight = new Array<boolean>(total).fill(false)
  const zeroMissing = new Array<boolean>(total).fill(false)
  const categories = new Map<number, CategorySplit>()
  const child = (c: number): number => {
    const node = c >= 0 ? c : inner + ~c
    if (node < 0 || node >= total) throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: child ${c} does not exist`)
    return node
  }
  for (let node = 0; node < inner; node++) {
    const type = tree.decisionType[node]
    const missing = (type >> 2) & 3
    left[node] = child(tree.leftChild[node])
    right[node] = child(tree.rightChild[node])
    feature[node] = tree.splitFeature[node]
    threshold[node] = tree.threshold[node]
    if (type & CATEGORICAL) {
      // Members of the bitset go left; everything else, NaN and negative categories too, goes right.
      categories.set(node, { members: membersOf(tree, node, index), side: 'left', unknown: 'right' })
      missingRight[node] = true
      continue
    }
    const goesRight = (type & DEFAULT_LEFT) === 0
    zeroMissing[node] = missing === MISSING_ZERO
    // Without a missing type NaN is read as 0.
    missingRight[node] = missing === MISSING_NAN || missing === MISSING_ZERO ? goesRight : !(tree.threshold[node] >= 0)
  }
  for (let leaf = 0; leaf < tree.leafCount; leaf++) {
    values[inner + leaf] = tree.leafValue[leaf]
    ids[inner + leaf] = leaf
  }
  return { left, right, feature, threshold, values, ids, cover: coverOf(tree), missingRight, zeroMissing, categories: categories.size > 0 ? categories : undefined }
}

/** Training rows by node, inner ones first; undefined where the file does not say. */
function coverOf(tree: LgbTree): Float64Array | undefined {
  if (tree.leafCount === 1) return Float64Array.of(1)
  if (tree.leafCover.length !== tree.leafCount || tree.internalCover.length !== tree.leafCount - 1) return undefined
  const cover = new Float64Array(2 * tree.leafCount - 1)
  cover.set(tree.internalCover)
  cover.set(tree.leafCover, tree.leafCount - 1)
  return cover.every((count) => count >= 0 && count < Infinity) ? cover : undefined
}

function membersOf(tree: LgbTree, node: number, index: number): number[] {
  const set = tree.threshold[node]
  const start = tree.categoryBoundaries[set]
  const end = tree.categoryBoundaries[set + 1]
  if (!(start >= 0 && end >= start && end <= tree.categoryThreshold.length)) throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: node ${node} names category set ${set}, which does not exist`)
  const members: number[] = []
  for (let word = start; word < end; word++) {
    for (let bit = 0; bit < 32; bit++) if ((tree.categoryThreshold[word] >>> bit) & 1) members.push((word - start) * 32 + bit)
  }
  return members
}
