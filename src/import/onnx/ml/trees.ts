// Tree ensembles of ai.onnx.ml. Where the specification is silent, as onnxruntime computes them.
import { encodeTrees, type CategorySplit, type Comparison, type TreeDescription } from '../../../ops/trees/encode.ts'
import type { Aggregate } from '../../../ops/trees/layout.ts'
import { storeTrees } from '../../../ops/trees/store.ts'
import { tensor } from '../../../tensor/index.ts'
import { int64s } from '../draft.ts'
import { onnxError } from '../tensors.ts'
import { cast, outputOf, type Lowering } from '../lowering.ts'
import { columnTransform, labelsOf, transformed } from './lower.ts'

type Lower = (lowering: Lowering) => void

/** Nodes of one ensemble in arrays, whatever the version; children and leaves by index. */
interface Nodes {
  readonly comparison: readonly (Comparison | 'leaf' | 'member')[]
  readonly feature: readonly number[]
  readonly threshold: readonly number[]
  readonly yes: readonly number[]
  readonly no: readonly number[]
  readonly missingYes: readonly number[]
  /** Values that go the yes way, of 'member' nodes. */
  readonly members: ReadonlyMap<number, readonly number[]>
  /** Targets and weights of leaves. */
  readonly weights: ReadonlyMap<number, readonly (readonly [target: number, weight: number])[]>
  readonly roots: readonly number[]
  readonly precision: 'float32' | 'float64'
}

const MODES: ReadonlyMap<string, Comparison | 'leaf' | 'member'> = new Map([
  ['BRANCH_LEQ', 'le'], ['BRANCH_LT', 'lt'], ['BRANCH_GTE', 'ge'], ['BRANCH_GT', 'gt'], ['BRANCH_EQ', 'eq'], ['BRANCH_NEQ', 'ne'], ['BRANCH_MEMBER', 'member'], ['LEAF', 'leaf'],
])
/** Tests of set membership become chains, which copy what follows: beyond this many nodes the model is refused. */
const MAX_NODES = 1 << 24
/** A set takes a bit for each number below its largest member. */
const MAX_MEMBER = 1 << 16

function fail(lowering: Lowering, message: string): never {
  throw onnxError('ONNX_TREE', `${lowering.node.op} ${lowering.node.name ?? ''} ${message}`)
}

/** A list of floats, or the tensor that stands for it where they are doubles. */
function numbersOf(lowering: Lowering, name: string): { values: readonly number[]; isDouble: boolean } | undefined {
  const held = lowering.tensor(`${name}_as_tensor`) ?? lowering.tensor(name)
  if (held !== undefined) return { values: Array.from(held.data as ArrayLike<number>, Number), isDouble: held.dtype === 'float64' }
  const values = lowering.floats(name)
  return values === undefined ? undefined : { values, isDouble: false }
}

/** Versions 1 to 3: nodes and leaf weights by the ids of trees and nodes. */
function nodesOfLists(lowering: Lowering, prefix: 'target' | 'class'): Nodes {
  const list = (name: string): readonly number[] => lowering.ints(name) ?? fail(lowering, `has no ${name}`)
  const treeIds = list('nodes_treeids')
  const nodeIds = list('nodes_nodeids')
  const modes = lowering.texts('nodes_modes') ?? fail(lowering, 'has no nodes_modes')
  const thresholds = numbersOf(lowering, 'nodes_values') ?? fail(lowering, 'has no nodes_values')
  const count = treeIds.length
  const place = new Map<string, number>()
  treeIds.forEach((tree, i) => place.set(`${tree}/${nodeIds[i]}`, i))
  const child = (ids: readonly number[]) => (tree: number, i: number): number => {
    if (modes[i] === 'LEAF') return -1
    return place.get(`${tree}/${ids[i]}`) ?? fail(lowering, `has node ${ids[i]} as a child in tree ${tree}, which has no such node`)
  }
  const features = list('nodes_featureids')
  if ([nodeIds, modes, thresholds.values, features].some((values) => values.length !== count)) fail(lowering, 'has lists of nodes of different lengths')
  const yes = treeIds.map(child(list('nodes_truenodeids')))
  const no = treeIds.map(child(list('nodes_falsenodeids')))
  const weights = new Map<number, [number, number][]>()
  const own = numbersOf(lowering, `${prefix}_weights`) ?? fail(lowering, `has no ${prefix}_weights`)
  const [targets, ownTrees, ownNodes] = [list(`${prefix}_ids`), list(`${prefix}_treeids`), list(`${prefix}_nodeids`)]
  own.values.forEach((weight, i) => {
    const leaf = place.get(`${ownTrees[i]}/${ownNodes[i]}`) ?? fail(lowering, `has weights for node ${ownNodes[i]} of tree ${ownTrees[i]}, which does not exist`)
    const known = weights.get(leaf)
    if (known === undefined) weights.set(leaf, [[targets[i], weight]])
    else known.push([targets[i], weight])
  })
  const isChild = new Set([...yes, ...no])
  const roots: number[] = []
  const rooted = new Set<number>()
  treeIds.forEach((tree, i) => {
    if (isChild.has(i) || rooted.has(tree)) return
    rooted.add(tree)
    roots.push(i)
  })
  return {
    comparison: modes.map((mode) => MODES.get(mode) ?? fail(lowering, `has mode ${JSON.stringify(mode)}, which is not known`)),
    feature: features, threshold: thresholds.values, yes, no, missingYes: lowering.ints('nodes_missing_value_tracks_true') ?? [], members: new Map(), weights, roots,
    precision: thresholds.isDouble || lowering.dtype(lowering.node.inputs[0]) === 'float64' ? 'float64' : 'float32',
  }
}

/** Version 5: nodes and leaves in lists of their own; leaves come after the nodes here. */
function nodesOfTensors(lowering: Lowering): Nodes {
  const list = (name: string): readonly number[] => lowering.ints(name) ?? fail(lowering, `has no ${name}`)
  const modes = numbersOf(lowering, 'nodes_modes')?.values ?? fail(lowering, 'has no nodes_modes')
  const splits = numbersOf(lowering, 'nodes_splits') ?? fail(lowering, 'has no nodes_splits')
  const leafWeights = numbersOf(lowering, 'leaf_weights') ?? fail(lowering, 'has no leaf_weights')
  const count = modes.length
  const names = [...MODES.values()]
  const child = (ids: readonly number[], leafs: readonly number[]): number[] => ids.map((id, i) => {
    const [limit, offset] = leafs[i] ? [leafWeights.values.length, count] : [count, 0]
    return id >= 0 && id < limit ? id + offset : fail(lowering, `has child ${id}, which does not exist`)
  })
  const yes = child(list('nodes_truenodeids'), list('nodes_trueleafs'))
  const no = child(list('nodes_falsenodeids'), list('nodes_falseleafs'))
  const targets = list('leaf_targetids')
  const sets = (numbersOf(lowering, 'membership_values')?.values ?? []).reduce<number[][]>((all, value) => {
    if (Number.isNaN(value)) all.push([])
    else all[all.length - 1].push(value)
    return all
  }, [[]])
  const members = new Map<number, readonly number[]>()
  modes.forEach((mode, i) => {
    if (names[mode] === 'member') members.set(i, sets[members.size] ?? fail(lowering, 'has too few membership_values'))
  })
  const extended = <T>(values: readonly T[], filler: T): T[] => [...values, ...leafWeights.values.map(() => filler)]
  return {
    comparison: extended(modes.map((mode) => names[mode] ?? fail(lowering, `has mode ${mode}, which is not known`)), 'leaf'),
    feature: extended(list('nodes_featureids'), 0), threshold: extended(splits.values, 0), yes: extended(yes, -1), no: extended(no, -1),
    missingYes: lowering.ints('nodes_missing_value_tracks_true') ?? [], members,
    weights: new Map(leafWeights.values.map((weight, i) => [count + i, [[targets[i], weight]]])), roots: list('tree_roots'), precision: splits.isDouble ? 'float64' : 'float32',
  }
}

interface Tree {
  readonly description: TreeDescription
  /** The targets that its leaves have weights for. */
  readonly targets: ReadonlySet<number>
}

/** Sets of small whole numbers are bitsets here; others become chains of comparisons. */
function isCategories(values: readonly number[]): boolean {
  return values.length > 0 && values.every((value) => Number.isInteger(value) && value >= 0 && value < MAX_MEMBER)
}

/** A tree from its root, every node reached along one path; `filler` stands where a leaf has no weight for a target. */
function treeOf(lowering: Lowering, nodes: Nodes, root: number, width: number, filler: number): Tree {
  const [left, right, feature, threshold, missing]: number[][] = [[], [], [], [], []]
  const comparison: Comparison[] = []
  const leaves: number[] = []
  const targets = new Set<number>()
  const categories = new Map<number, CategorySplit>()
  // A path of nodes longer than the ensemble has a cycle.
  const build = (node: number, depth: number): number => {
    if (depth > nodes.feature.length || left.length > MAX_NODES) fail(lowering, 'has a cycle among its nodes, or too many of them')
    const at = left.length
    for (const list of [left, right, feature, threshold, missing]) list.push(-1)
    comparison.push('le')
    leaves.push(-1)
    const kind = nodes.comparison[node]
    if (kind === 'leaf') {
      leaves[at] = node
      feature[at] = 0
      for (const [target] of nodes.weights.get(node) ?? []) {
        if (target < 0 || target >= width) fail(lowering, `has a weight for target ${target}, but ${width} targets`)
        targets.add(target)
      }
      return at
    }
    feature[at] = nodes.feature[node]
    const goesYes = nodes.missingYes[node] ? 1 : 0
    const set = kind === 'member' ? (nodes.members.get(node) ?? []) : []
    if (kind === 'member' && isCategories(set)) {
      categories.set(at, { members: set, side: 'left', unknown: 'right' })
      missing[at] = goesYes === 1 ? 0 : 1
      left[at] = build(nodes.yes[node], depth + 1)
      right[at] = build(nodes.no[node], depth + 1)
    } else if (kind === 'member') chain(at, node, set, 0, depth)
    else {
      comparison[at] = kind
      threshold[at] = nodes.threshold[node]
      // Without tracking a missing value fails every comparison but "differs".
      missing[at] = goesYes === 1 || kind === 'ne' ? 0 : 1
      left[at] = build(nodes.yes[node], depth + 1)
      right[at] = build(nodes.no[node], depth + 1)
    }
    return at
  }
  const chain = (at: number, node: number, values: readonly number[], from: number, depth: number): void => {
    comparison[at] = 'eq'
    feature[at] = nodes.feature[node]
    threshold[at] = from < values.length ? values[from] : NaN
    missing[at] = nodes.missingYes[node] ? 0 : 1
    left[at] = build(nodes.yes[node], depth + 1)
    if (from + 1 >= values.length) {
      right[at] = build(nodes.no[node], depth + 1)
      return
    }
    const next = left.length
    for (const list of [left, right, feature, threshold, missing]) list.push(-1)
    comparison.push('eq')
    leaves.push(-1)
    right[at] = next
    chain(next, node, values, from + 1, depth)
  }
  build(root, 0)
  const values = new Float64Array(left.length * width).fill(filler)
  leaves.forEach((node, at) => {
    for (const [target, weight] of nodes.weights.get(node) ?? []) {
      const place = at * width + target
      values[place] = Number.isFinite(filler) || Number.isFinite(values[place]) ? values[place] + weight : weight
    }
  })
  return { description: { left, right, feature, threshold, values, missingRight: missing, comparison, categories: categories.size > 0 ? categories : undefined }, targets }
}

/** Sums, means, minima or maxima [rows, width] of the trees, without base values. */
function ensemble(lowering: Lowering, nodes: Nodes, width: number, aggregate: Aggregate): string {
  const { add, constant, node } = lowering
  const extreme = aggregate === 'min' || aggregate === 'max'
  const filler = extreme && width > 1 ? (aggregate === 'min' ? Infinity : -Infinity) : 0
  let trees = nodes.roots.map((root) => treeOf(lowering, nodes, root, width, filler))
  // Trees of one target each, as boosting has them, need no columns for the others.
  const single = aggregate === 'sum' && width > 1 && trees.every(({ targets }) => targets.size === 1)
  const treeTarget = single ? trees.map(({ targets }) => [...targets][0]) : undefined
  if (treeTarget !== undefined) {
    trees = trees.map((tree, t) => {
      const { description } = tree
      return { ...tree, description: { ...description, values: Float64Array.from({ length: description.left.length }, (_, i) => description.values[i * width + treeTarget[t]]) } }
    })
  }
  const encoded = encodeTrees(trees.map(({ description }) => description), { width: single ? 1 : width, precision: nodes.precision, leafPrecision: nodes.precision, treeTarget })
  const x = cast(lowering, node.inputs[0], nodes.precision)
  const { layout, nodes: stored, leafIndex, roots, leafValues, categories, treeTarget: targets } = storeTrees(encoded)
  const inputs = [x, constant(stored), leafIndex === undefined ? '' : constant(leafIndex), constant(roots), constant(leafValues)]
  if (targets !== undefined || categories !== undefined) inputs.push(targets === undefined ? '' : constant(targets))
  if (categories !== undefined) inputs.push(constant(categories))
  const scores = add('mle.TreeEnsemble', inputs, { layout, outputs: width, aggregate, accumulate: nodes.precision, rounding: 'exact' })
  if (filler === 0) return scores
  const zero = constant(tensor([0], [], nodes.precision))
  return add('Where', [add('Equal', [scores, constant(tensor([filler], [], nodes.precision))]), zero, scores])
}

const AGGREGATES: ReadonlyMap<string, Aggregate> = new Map([['SUM', 'sum'], ['AVERAGE', 'mean'], ['MIN', 'min'], ['MAX', 'max']])

function finished(lowering: Lowering, scores: string, width: number, transform: string, precision: 'float32' | 'float64', toFloat32: boolean): void {
  const output = outputOf(lowering, 0)
  const narrow = toFloat32 && precision === 'float64'
  const result = transformed(lowering, scores, columnTransform(transform, width), precision, narrow ? undefined : output)
  if (narrow) cast(lowering, result, 'float32', output)
}

const treeRegressor: Lower = (lowering) => {
  const { add, constant, number, text } = lowering
  const nodes = nodesOfLists(lowering, 'target')
  const width = number('n_targets', 1)
  const aggregate = AGGREGATES.get(text('aggregate_function', 'SUM')) ?? fail(lowering, `has aggregate_function ${text('aggregate_function', '')}, which is not known`)
  let scores = ensemble(lowering, nodes, width, aggregate)
  const base = numbersOf(lowering, 'base_values')?.values ?? []
  if (base.length === width) scores = add('Add', [scores, constant(tensor([...base], [width], nodes.precision))])
  finished(lowering, scores, width, text('post_transform', 'NONE'), nodes.precision, true)
}

const treeEnsemble: Lower = (lowering) => {
  const { number } = lowering
  const nodes = nodesOfTensors(lowering)
  const aggregate = (['mean', 'sum', 'min', 'max'] as const)[number('aggregate_function', 1)] ?? fail(lowering, 'has an aggregate_function that is not known')
  const transform = ['NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO', 'PROBIT'][number('post_transform', 0)] ?? fail(lowering, 'has a post_transform that is not known')
  const width = number('n_targets', 1)
  finished(lowering, ensemble(lowering, nodes, width, aggregate), width, transform, nodes.precision, false)
}

const treeClassifier: Lower = (lowering) => {
  const { add, constant, text } = lowering
  const nodes = nodesOfLists(lowering, 'class')
  const labels = labelsOf(lowering, 'classlabels_int64s')
  const classes = labels.data.length
  const { precision } = nodes
  const scalar = (value: number): string => constant(tensor([value], [], precision))
  const transform = text('post_transform', 'NONE')
  const base = numbersOf(lowering, 'base_values')?.values ?? []
  const label = (index: string): string => add('mle.LabelLookup', [index, constant(labels)], {}, outputOf(lowering, 0))
  const write = (scores: string, how: string): void => {
    const result = transformed(lowering, scores, how, precision, precision === 'float32' ? outputOf(lowering, 1) : undefined)
    if (precision === 'float64') cast(lowering, result, 'float32', outputOf(lowering, 1))
  }
  let scores = ensemble(lowering, nodes, classes, 'sum')
  if (classes !== 2) {
    if (base.length === classes) scores = add('Add', [scores, constant(tensor([...base], [classes], precision))])
    label(add('ArgMax', [scores], { axis: -1, keepdims: 0 }))
    write(scores, transform)
    return
  }
  const ids = new Set((lowering.ints('class_ids') ?? []))
  const column = (index: number): string => add('Gather', [scores, constant(int64s([index]))], { axis: 1 })
  const flat = (values: string): string => add('Squeeze', [values, constant(int64s([1]))])
  const isSingle = ids.size === 1
  const isPositive = (numbersOf(lowering, 'class_weights')?.values ?? []).every((weight) => weight >= 0)
  const limit = isSingle && isPositive ? 0.5 : 0
  const withBase = (values: string, index: number): string => (base.length > index ? add('Add', [values, scalar(base[index])]) : values)
  if (ids.has(1) || base.length === 2) {
    // Two columns. With base values for both and weights for the second class the scores are those of the first, up to sign.
    const [first, second] = [column(0), column(1)]
    const positive = base.length === 2 ? withBase(ids.has(1) ? first : second, 1) : second
    const negative = base.length === 2 && ids.has(1) ? add('Neg', [positive]) : withBase(first, 0)
    label(add('Greater', [flat(ids.has(1) ? positive : negative), scalar(limit)]))
    // A class without weights of its own keeps 0, whatever its base value is.
    write(add('Concat', [ids.has(0) ? negative : first, ids.has(1) ? positive : second], { axis: 1 }), transform)
    return
  }
  // All weights are of the first class id, but say how much the second class is meant.
  const score = withBase(column(0), 0)
  label(add('Greater', [flat(score), scalar(limit)]))
  if (transform === 'LOGISTIC') write(add('Concat', [add('Sigmoid', [add('Neg', [score])]), add('Sigmoid', [score])], { axis: 1 }), 'NONE')
  else write(add('Concat', [isPositive ? add('Sub', [scalar(1), score]) : add('Neg', [score]), score], { axis: 1 }), 'NONE')
}

export const treeLowerings: readonly (readonly [string, Lower])[] = [
  ['TreeEnsemble', treeEnsemble],
  ['TreeEnsembleClassifier', treeClassifier],
  ['TreeEnsembleRegressor', treeRegressor],
]
