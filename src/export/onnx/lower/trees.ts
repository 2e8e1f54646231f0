// mle.TreeEnsemble and mle.TreeLeaves -> TreeEnsemble of ai.onnx.ml 5. A step there is one of seven comparisons with a yes and a no child; what ours
// know besides (zero as missing value, rounding of categories) becomes further columns of X.
import { int, text } from '../../../ops/attributes.ts'
import { CATEGORICAL, EQUAL, FEATURE_MASK, MISSING_RIGHT, nodeWords, UNKNOWN_RIGHT, ZERO_MISSING, ZERO_THRESHOLD } from '../../../ops/trees/layout.ts'
import { floor32 } from '../../../ops/trees/neighbours.ts'
import { numberingOf, plainLeafIndex, plainNodeIds, plainNodes, type LeafNumbers, type PlainNodes } from '../../../ops/trees/stored.ts'
import { tensor, type Tensor } from '../../../tensor/index.ts'
import type { AttributeValue, Lower, Lowering } from '../context.ts'

const LEQ = 0
const LT = 1
const EQ = 4
const MEMBER = 6
const AGGREGATES = ['mean', 'sum', 'min', 'max']

/** A leaf's value, and the column of the result that it is added to. */
interface Leaf {
  readonly target: number
  readonly weight: number
}

/** The lists of a TreeEnsemble node while they are filled. */
interface Lists {
  readonly feature: number[]
  readonly split: number[]
  readonly mode: number[]
  readonly yes: number[]
  readonly yesLeaf: number[]
  readonly no: number[]
  readonly noLeaf: number[]
  readonly missingYes: number[]
  readonly roots: number[]
  readonly targets: number[]
  readonly weights: number[]
  readonly members: number[]
}

/** Where the derived columns of X begin. */
interface Columns {
  readonly features: number
  readonly zeroMissing: boolean
  readonly rounded: boolean
}

interface Trees {
  readonly plain: PlainNodes
  readonly thresholds: Float64Array
  readonly words: Uint32Array
  readonly roots: Uint32Array
  readonly categories: Uint32Array
}

/** The nodes of an ensemble. */
function treesOf({ node, constant, has }: Lowering, rootsAt: number, categoriesAt: number): Trees {
  const roots = constant(rootsAt, 'roots').data as Uint32Array
  const plain = plainNodes(text(node.attributes, 'layout', ''), constant(1, 'nodes').data as Uint8Array, roots)
  const { thresholds, words } = nodeWords(plain.nodes)
  return { plain, thresholds, words, roots, categories: has(categoriesAt) ? (constant(categoriesAt, 'categories').data as Uint32Array) : new Uint32Array(0) }
}

function leafNumbers({ constant, has }: Lowering, index: number, name: string): LeafNumbers | undefined {
  return has(index) ? (constant(index, name).data as LeafNumbers) : undefined
}

function listsOf(trees: Trees, columns: Columns, leafOf: (node: number, tree: number) => Leaf, singles: readonly Leaf[]): Lists {
  const lists: Lists = { feature: [], split: [], mode: [], yes: [], yesLeaf: [], no: [], noLeaf: [], missingYes: [], roots: [], targets: [], weights: [], members: [] }
  const { words, roots } = trees
  const count = words.length / 4
  const isLeaf = (node: number): boolean => words[4 * node + 3] === node
  // Numbers of inner nodes here; leaves are numbered as they are met.
  const place = new Int32Array(count)
  let next = 0
  const addLeaf = ({ target, weight }: Leaf): number => {
    lists.targets.push(target)
    lists.weights.push(weight)
    return lists.weights.length - 1
  }
  const addSingle = (leaf: Leaf): void => {
    const at = addLeaf(leaf)
    pushNode(lists, { feature: 0, split: 0, mode: LEQ, missingYes: 0 }, at, 1, at, 1)
    lists.roots.push(next++)
  }
  for (const leaf of singles) addSingle(leaf)
  roots.forEach((root, tree) => {
    const end = tree + 1 < roots.length ? roots[tree + 1] : count
    if (isLeaf(root)) {
      addSingle(leafOf(root, tree))
      return
    }
    lists.roots.push(next)
    for (let i = root; i < end; i++) if (!isLeaf(i)) place[i] = next++
    for (let i = root; i < end; i++) {
      if (isLeaf(i)) continue
      const left = words[4 * i + 3]
      const child = (node: number): [number, number] => (isLeaf(node) ? [addLeaf(leafOf(node, tree)), 1] : [place[node], 0])
      const step = stepOf(trees, columns, i, lists.members)
      const [l, r] = [child(left), child(left + 1)]
      const [yes, no] = step.yesIsLeft ? [l, r] : [r, l]
      pushNode(lists, step, yes[0], yes[1], no[0], no[1])
    }
  })
  return lists
}

interface Step {
  readonly feature: number
  readonly split: number
  readonly mode: number
  readonly missingYes: number
}

function pushNode(lists: Lists, { feature, split, mode, missingYes }: Step, yes: number, yesLeaf: number, no: number, noLeaf: number): void {
  lists.feature.push(feature)
  lists.split.push(split)
  lists.mode.push(mode)
  lists.missingYes.push(missingYes)
  lists.yes.push(yes)
  lists.yesLeaf.push(yesLeaf)
  lists.no.push(no)
  lists.noLeaf.push(noLeaf)
}

function stepOf({ thresholds, words, categories }: Trees, { features, zeroMissing, rounded }: Columns, node: number, members: number[]): Step & { yesIsLeft: boolean } {
  const word = words[4 * node + 2]
  const missingRight = (word & MISSING_RIGHT) !== 0
  const feature = word & FEATURE_MASK
  const at = (word & ZERO_MISSING) !== 0 ? feature + features : feature
  if ((word & CATEGORICAL) === 0) {
    const split = thresholds[2 * node]
    if ((word & EQUAL) !== 0) return { feature: at, split, mode: EQ, missingYes: missingRight ? 1 : 0, yesIsLeft: false }
    return { feature: at, split, mode: LEQ, missingYes: missingRight ? 0 : 1, yesIsLeft: true }
  }
  const place = rounded ? feature + features * (zeroMissing ? 2 : 1) : at
  const [first, bits] = [words[4 * node], words[4 * node + 1]]
  const unknownRight = (word & UNKNOWN_RIGHT) !== 0
  // The set whose members go apart from everything outside it: those that go right, or, where the outside goes right too, those that go left.
  const set: number[] = []
  for (let bit = 0; bit < bits; bit++) if (((categories[first + (bit >>> 5)] >>> (bit & 31)) & 1) === (unknownRight ? 0 : 1)) set.push(bit)
  const yesIsLeft = unknownRight
  const missingYes = missingRight === yesIsLeft ? 0 : 1
  if (set.length === 0) return { feature: place, split: -Infinity, mode: LT, missingYes, yesIsLeft }
  members.push(...set, NaN)
  return { feature: place, split: 0, mode: MEMBER, missingYes, yesIsLeft }
}

const isFloat32 = (value: number): boolean => Object.is(Math.fround(value), value) || value !== value

/** X with the columns that the trees need besides, and the dtype that thresholds and leaves are stored in. */
function prepared(lowering: Lowering, trees: Trees, weightsFit: boolean): { x: string; columns: Columns; dtype: 'float32' | 'float64' } {
  const { node, inputs, type, precision, add, scalar, note, refuse } = lowering
  const { words, thresholds } = trees
  let [zeroMissing, categorical, exact] = [false, false, true]
  for (let i = 0; i < words.length / 4; i++) {
    if (words[4 * i + 3] === i) continue
    const word = words[4 * i + 2]
    if ((word & ZERO_MISSING) !== 0) zeroMissing = true
    if ((word & CATEGORICAL) !== 0) categorical = true
    else if (!isFloat32(thresholds[2 * i])) exact = false
  }
  const { dtype: given, shape } = type(0)
  const narrow = precision === 'float32'
  const dtype = narrow || (given === 'float32' && exact && weightsFit) ? 'float32' : 'float64'
  if (narrow && !(exact && given === 'float32')) note('thresholds of trees are rounded down to float32, so that float32 rows go where they went')
  let x = given === dtype ? inputs[0] : add('Cast', [inputs[0]], { to: dtype })
  const rounding = text(node.attributes, 'rounding', 'trunc')
  const rounded = categorical && rounding !== 'exact'
  if (!zeroMissing && !rounded) return { x, columns: { features: 0, zeroMissing, rounded }, dtype }
  const features = shape?.[1]
  if (typeof features !== 'number') return refuse('its trees need further columns, but the number of features is not known')
  note(`trees read further columns, computed from X: ${[zeroMissing ? 'zero as missing value' : '', rounded ? 'categories as whole numbers' : ''].filter(Boolean).join(', ')}`)
  const parts = [x]
  if (zeroMissing) parts.push(add('Where', [add('LessOrEqual', [add('Abs', [x]), scalar(ZERO_THRESHOLD, dtype)]), scalar(NaN, dtype), x]))
  if (rounded) parts.push(rounding === 'floor' ? add('Floor', [x]) : add('Mul', [add('Sign', [x]), add('Floor', [add('Abs', [x])])]))
  x = add('Concat', parts, { axis: 1 })
  return { x, columns: { features, zeroMissing, rounded }, dtype }
}

function emit({ add, precision }: Lowering, x: string, lists: Lists, targets: number, aggregate: string, dtype: 'float32' | 'float64', output?: string): string {
  // Rounded down, a float32 row is on the same side of the split as before.
  const splits = precision === 'float32' ? lists.split.map(floor32) : lists.split
  const numbers = (values: readonly number[]): Tensor => tensor(dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values))
  const members: Record<string, AttributeValue> = lists.members.length === 0 ? {} : { membership_values: numbers(lists.members) }
  const missing: Record<string, AttributeValue> = lists.missingYes.some((one) => one === 1) ? { nodes_missing_value_tracks_true: lists.missingYes } : {}
  return add('ai.onnx.ml.TreeEnsemble', [x], {
    n_targets: targets,
    aggregate_function: AGGREGATES.indexOf(aggregate),
    post_transform: 0,
    tree_roots: lists.roots,
    nodes_featureids: lists.feature,
    nodes_splits: numbers(splits),
    nodes_modes: tensor(Uint8Array.from(lists.mode)),
    nodes_truenodeids: lists.yes,
    nodes_trueleafs: lists.yesLeaf,
    nodes_falsenodeids: lists.no,
    nodes_falseleafs: lists.noLeaf,
    ...missing,
    ...members,
    leaf_targetids: lists.targets,
    leaf_weights: numbers(lists.weights),
  }, output)
}

const treeLeaves: Lower = (lowering) => {
  const { node, add } = lowering
  const trees = treesOf(lowering, 2, 3)
  const ids = plainNodeIds(trees.plain, trees.roots, leafNumbers(lowering, 4, 'nodeIds'), numberingOf(node.attributes))
  const { x, columns, dtype } = prepared(lowering, trees, true)
  const lists = listsOf(trees, columns, (leaf, tree) => ({ target: tree, weight: ids[leaf] }), [])
  add('Cast', [emit(lowering, x, lists, trees.roots.length, 'sum', dtype)], { to: 'int32' }, node.outputs[0])
}

const treeEnsemble: Lower = (lowering) => {
  const { constant } = lowering
  if (constant(4, 'leafValues').shape[1] === 1) scalarLeaves(lowering)
  else vectorLeaves(lowering)
}

/** Leaves of one number each: what TreeEnsemble is made for. Sums begin with trees of one leaf that hold the base. */
function scalarLeaves(lowering: Lowering): void {
  const { node, constant, has, add, value, note } = lowering
  const trees = treesOf(lowering, 3, 6)
  const leafIndex = plainLeafIndex(trees.plain, leafNumbers(lowering, 2, 'leafIndex'))
  const leafValues = constant(4, 'leafValues').data as Float64Array
  const treeTarget = has(5) ? (constant(5, 'treeTarget').data as Uint32Array) : undefined
  const base = has(7) ? (constant(7, 'base').data as Float64Array) : undefined
  const outputs = int(node.attributes, 'outputs', 1)
  const aggregate = text(node.attributes, 'aggregate', 'sum')
  const accumulate = text(node.attributes, 'accumulate', 'float64') === 'float32' ? 'float32' : 'float64'
  const { x, columns, dtype } = prepared(lowering, trees, accumulate === 'float32' && leafValues.every(isFloat32))
  const singles = base === undefined ? [] : Array.from(base, (weight, target): Leaf => ({ target, weight: accumulate === 'float32' ? Math.fround(weight) : weight })).filter(({ weight }) => weight !== 0)
  const lists = listsOf(trees, columns, (leaf, tree) => ({ target: treeTarget?.[tree] ?? 0, weight: leafValues[leafIndex[leaf]] }), singles)
  const result = node.outputs[0]
  const narrow = accumulate === 'float32' && dtype === 'float64'
  if (narrow) note('sums of trees are rounded to float32 once, at their end')
  if (aggregate !== 'mean') {
    const sum = emit(lowering, x, lists, outputs, aggregate, dtype, narrow ? undefined : result)
    if (narrow) add('Cast', [sum], { to: 'float32' }, result)
    return
  }
  // A mean divides by the trees that reach the column.
  const sum = emit(lowering, x, lists, outputs, 'sum', dtype)
  const counts = new Float64Array(outputs)
  for (let tree = 0; tree < trees.roots.length; tree++) counts[treeTarget?.[tree] ?? 0]++
  const divisor = value(tensor(counts.map((count) => Math.max(1, count)), [outputs], dtype))
  const mean = add('Div', [sum, divisor], {}, narrow ? undefined : result)
  if (narrow) add('Cast', [mean], { to: 'float32' }, result)
}

/**
 * Leaves of several numbers. TreeEnsemble has one number and one target for each leaf, so it finds the leaf of each tree, and Gather its vector; CumSum
 * adds in the order of the trees, which sums of other orders would not match in the last bit.
 */
function vectorLeaves(lowering: Lowering): void {
  const { node, constant, has, add, int64s, scalar, value, note, refuse } = lowering
  const trees = treesOf(lowering, 3, 6)
  const leafIndex = plainLeafIndex(trees.plain, leafNumbers(lowering, 2, 'leafIndex'))
  const { data, shape: [leaves, width] } = constant(4, 'leafValues')
  const outputs = int(node.attributes, 'outputs', 1)
  if (has(5) || width !== outputs) refuse('its trees have vectors of leaves for some of the columns only')
  const aggregate = text(node.attributes, 'aggregate', 'sum')
  const accumulate = text(node.attributes, 'accumulate', 'float64') === 'float32' ? 'float32' : 'float64'
  const base = has(7) ? (constant(7, 'base').data as Float64Array) : undefined
  const { x, columns, dtype } = prepared(lowering, trees, leaves < 2 ** 24)
  // A base is a first tree of one leaf.
  const shift = base === undefined ? 0 : 1
  const count = trees.roots.length + shift
  const lists = listsOf(trees, columns, (leaf, tree) => ({ target: tree + shift, weight: leafIndex[leaf] }), base === undefined ? [] : [{ target: 0, weight: leaves }])
  const rows = new Float64Array((leaves + shift) * width)
  rows.set(data as Float64Array)
  if (base !== undefined) rows.set(base, leaves * width)
  const table = value(tensor(rows, [leaves + shift, width], accumulate))
  const index = add('Cast', [emit(lowering, x, lists, count, 'sum', dtype)], { to: 'int64' })
  const result = node.outputs[0]
  if (count === 1) {
    add('Gather', [table, add('Squeeze', [index, int64s(1)])], { axis: 0 }, result)
    return
  }
  const vectors = add('Gather', [table, index], { axis: 0 })
  if (aggregate === 'min' || aggregate === 'max') {
    add(aggregate === 'min' ? 'ReduceMin' : 'ReduceMax', [vectors, int64s(1)], { keepdims: 0 }, result)
    return
  }
  note('trees with vectors of leaves are added by Gather and CumSum: memory for rows x trees x outputs')
  const sums = add('CumSum', [vectors, scalar(1, 'int64')])
  const isMean = aggregate === 'mean'
  const last = add('Gather', [sums, scalar(count - 1, 'int64')], { axis: 1 }, isMean ? undefined : result)
  if (isMean) add('Div', [last, scalar(count, accumulate)], {}, result)
}

export const treeLowerings: readonly (readonly [string, Lower])[] = [
  ['mle.TreeEnsemble', treeEnsemble],
  ['mle.TreeLeaves', treeLeaves],
]
