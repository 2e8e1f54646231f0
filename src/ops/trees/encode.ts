// From a plain description of trees, as importers find them in foreign files, to the tensors of mle.TreeEnsemble and
// mle.TreeLeaves. Everything a library does differently (strict comparison, float32, which side a condition or a missing
// value takes) ends here; kernels know one rule.
import { MleError } from '../../error.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { CATEGORICAL, EQUAL, FEATURE_MASK, MAX_CATEGORY_BITS, MAX_CATEGORY_WORDS, MISSING_RIGHT, NODE_BYTES, UNKNOWN_RIGHT, ZERO_MISSING } from './layout.ts'
import { below32, below64 } from './neighbours.ts'
import { summedCover } from './stored.ts'

/** The condition under which a row goes left: x <= t, x < t, ... */
export type Comparison = 'le' | 'lt' | 'ge' | 'gt' | 'eq' | 'ne'

/** A split by category. Members go to `side`, other values below `bits` to the other side, values outside to `unknown`. */
export interface CategorySplit {
  readonly members: Iterable<number>
  readonly side: 'left' | 'right'
  /** Number of categories that count as known; one more than the largest member when absent. */
  readonly bits?: number
  /** Where negative and too large categories go; the side opposite to `side` when absent. NaN follows `missingRight`. */
  readonly unknown?: 'left' | 'right'
}

/** One tree in arrays by node. Order and numbering of nodes are free; nodes that the root does not reach are left out. */
export interface TreeDescription {
  /** Children; a negative left child makes a leaf. */
  readonly left: ArrayLike<number>
  readonly right: ArrayLike<number>
  readonly feature: ArrayLike<number>
  readonly threshold: ArrayLike<number>
  /** [nodes, width] leaf vectors; rows of inner nodes are not read. */
  readonly values: ArrayLike<number>
  readonly root?: number
  /** Whether NaN goes right, by node or for all. Absent: NaN goes left. */
  readonly missingRight?: ArrayLike<number | boolean> | boolean
  /** Whether zero counts as missing, by node or for all. */
  readonly zeroMissing?: ArrayLike<number | boolean> | boolean
  /** Overrides the ensemble's comparison, by node or for all. */
  readonly comparison?: ArrayLike<Comparison> | Comparison
  /** Splits by category, by node; their `threshold` is not read. */
  readonly categories?: ReadonlyMap<number, CategorySplit>
  /** What mle.TreeLeaves reports for a node; the node's own number when absent. */
  readonly ids?: ArrayLike<number>
  /** Training weight that reached each node: what mle.TreeShap weighs branches by. That of leaves is enough where inner ones have 0. */
  readonly cover?: ArrayLike<number>
}

export interface EncodeOptions {
  /** Numbers per leaf. */
  readonly width: number
  /** 'le' when absent. */
  readonly comparison?: Comparison
  /**
   * Precision in which the library compares. float32: thresholds are rounded to it and rows must be float32 (the model
   * casts them); float64: thresholds stay as they are, rows may be either.
   */
  readonly precision: 'float32' | 'float64'
  /** Rows are float32 whatever the precision of thresholds: these may then be stored as the largest float32 that is not above them. */
  readonly rows?: 'float32'
  /** float32 rounds leaf values to it, as libraries that store them so do when they read decimal text; 'float64' when absent. */
  readonly leafPrecision?: 'float32' | 'float64'
  /** Output column at which each tree's leaf vector starts. */
  readonly treeTarget?: ArrayLike<number>
}

/** Trees as kernels read them, by node; optional tensors are absent where they would say nothing. What files hold is made of it by store.ts. */
export interface EncodedTrees {
  readonly nodes: Tensor
  readonly leafIndex: Tensor
  readonly roots: Tensor
  readonly leafValues: Tensor
  readonly treeTarget?: Tensor
  readonly categories?: Tensor
  readonly nodeIds: Tensor
  /** [nodes] float32 or float64; absent unless every tree has covers. */
  readonly cover?: Tensor
  /** One more than the largest feature used. */
  readonly featureCount: number
  /** Rows hold no numbers but float32. */
  readonly isSingle: boolean
}

/**
 * Encodes an ensemble.
 *
 * @throws MleError TREE_CHILD for children outside the tree or shared, TREE_FEATURE, TREE_CATEGORIES and TREE_LEAF for
 * fields that do not fit the layout
 */
export function encodeTrees(trees: readonly TreeDescription[], options: EncodeOptions): EncodedTrees {
  const { width } = options
  const capacity = trees.reduce((total, tree) => total + tree.left.length, 0)
  const bytes = new ArrayBuffer(capacity * NODE_BYTES)
  const thresholds = new Float64Array(bytes)
  const words = new Uint32Array(bytes)
  const leafIndex = new Uint32Array(capacity)
  const nodeIds = new Int32Array(capacity)
  const cover = trees.length > 0 && trees.every((tree) => tree.cover !== undefined) ? new Float64Array(capacity) : undefined
  const roots = new Uint32Array(trees.length)
  const round = options.leafPrecision === 'float32' ? Math.fround : undefined
  // At most every node is a leaf; cut to size at the end.
  const leafValues = new Float64Array(capacity * width)
  const bitsets: number[] = []
  let featureCount = 0
  let next = 0
  let leaves = 0

  trees.forEach((tree, t) => {
    const count = tree.left.length
    const seen = new Uint8Array(count)
    // Described and encoded numbers of nodes still to write; the left child is taken first, so order is depth first.
    const from = new Int32Array(count + 1)
    const to = new Int32Array(count + 1)
    let pending = 0
    const enter = (node: number, at: number): void => {
      if (!Number.isInteger(node) || node < 0 || node >= count || seen[node]) {
        throw new MleError('TREE_CHILD', `tree ${t}: node ${node} is ${seen[node] ? 'reached twice' : `outside the tree's ${count} nodes`}`, { expected: count, actual: node })
      }
      seen[node] = 1
      from[pending] = node
      to[pending++] = at
    }
    roots[t] = next
    enter(tree.root ?? 0, next++)
    while (pending > 0) {
      const at = to[--pending]
      const node = from[pending]
      nodeIds[at] = tree.ids?.[node] ?? node
      if (cover !== undefined && tree.cover !== undefined) cover[at] = tree.cover[node]
      if (tree.left[node] < 0) {
        if (tree.values.length < (node + 1) * width) {
          throw new MleError('TREE_LEAF', `tree ${t}: leaf ${node} has no vector of ${width} values`, { expected: (node + 1) * width, actual: tree.values.length })
        }
        for (let j = 0; j < width; j++) {
          const value = tree.values[node * width + j]
          leafValues[leaves * width + j] = round === undefined ? value : round(value)
        }
        thresholds[2 * at] = Infinity
        words[4 * at + 3] = at
        leafIndex[at] = leaves++
        continue
      }
      const feature = tree.feature[node]
      if (!Number.isInteger(feature) || feature < 0 || feature > FEATURE_MASK) {
        throw new MleError('TREE_FEATURE', `tree ${t}: node ${node} splits by feature ${feature}, expected an index up to ${FEATURE_MASK}`, { actual: feature })
      }
      featureCount = Math.max(featureCount, feature + 1)
      const category = tree.categories?.get(node)
      let swap: boolean
      let flags = 0
      if (category !== undefined) {
        swap = category.side === 'left'
        flags = CATEGORICAL
        if (category.unknown !== undefined && category.unknown === category.side) flags |= UNKNOWN_RIGHT
        const set = bitset(category, t, node)
        if (bitsets.length + set.words.length > MAX_CATEGORY_WORDS) {
          throw new MleError('TREE_CATEGORIES', `tree ${t}: the category sets up to node ${node} take more than ${MAX_CATEGORY_WORDS} words`, { expected: MAX_CATEGORY_WORDS })
        }
        words[4 * at] = bitsets.length
        words[4 * at + 1] = set.bits
        for (const word of set.words) bitsets.push(word)
      } else {
        const rule = numericRule(comparisonAt(tree, node, options.comparison ?? 'le'), tree.threshold[node], options.precision)
        swap = rule.swap
        thresholds[2 * at] = rule.threshold
        if (rule.equal) flags |= EQUAL
        if (flagAt(tree.zeroMissing, node)) flags |= ZERO_MISSING
      }
      if (flagAt(tree.missingRight, node) !== swap) flags |= MISSING_RIGHT
      words[4 * at + 2] = (flags | feature) >>> 0
      words[4 * at + 3] = next
      enter(swap ? tree.left[node] : tree.right[node], next + 1)
      enter(swap ? tree.right[node] : tree.left[node], next)
      next += 2
    }
  })

  if (cover !== undefined) summedCover(cover.subarray(0, next), words)
  const targets = options.treeTarget
  return {
    nodes: { dtype: 'uint8', shape: [next, NODE_BYTES], data: new Uint8Array(bytes, 0, next * NODE_BYTES) },
    leafIndex: { dtype: 'uint32', shape: [next], data: leafIndex.subarray(0, next) },
    roots: { dtype: 'uint32', shape: [trees.length], data: roots },
    leafValues: { dtype: 'float64', shape: [leaves, width], data: leafValues.slice(0, leaves * width) },
    treeTarget: targets === undefined ? undefined : { dtype: 'uint32', shape: [trees.length], data: Uint32Array.from(targets) },
    categories: bitsets.length === 0 ? undefined : { dtype: 'uint32', shape: [bitsets.length], data: Uint32Array.from(bitsets) },
    nodeIds: { dtype: 'int32', shape: [next], data: nodeIds.subarray(0, next) },
    cover: cover === undefined ? undefined : coverTensor(cover.subarray(0, next)),
    featureCount,
    isSingle: options.rows === 'float32',
  }
}

/** float32 where that is exact: counts, and the sums that XGBoost keeps. */
function coverTensor(cover: Float64Array): Tensor {
  const isExact = cover.every((value) => Math.fround(value) === value)
  return isExact ? { dtype: 'float32', shape: [cover.length], data: Float32Array.from(cover) } : { dtype: 'float64', shape: [cover.length], data: cover.slice() }
}

function flagAt(flags: ArrayLike<number | boolean> | boolean | undefined, node: number): boolean {
  return typeof flags === 'object' ? Boolean(flags[node]) : flags === true
}

function comparisonAt(tree: TreeDescription, node: number, fallback: Comparison): Comparison {
  const own = tree.comparison
  return own === undefined ? fallback : typeof own === 'string' ? own : (own[node] ?? fallback)
}

interface NumericRule {
  readonly threshold: number
  /** Children change places. */
  readonly swap: boolean
  readonly equal: boolean
}

/** Rewrites "left iff x <comparison> t" for every x but NaN as "right iff x > threshold" or "right iff x == threshold". */
function numericRule(comparison: Comparison, given: number, precision: 'float32' | 'float64'): NumericRule {
  const t = precision === 'float32' ? Math.fround(given) : given
  const always = (left: boolean): NumericRule => ({ threshold: Infinity, swap: !left, equal: false })
  // Every comparison with NaN is false, except that everything differs from it.
  if (Number.isNaN(t)) return always(comparison === 'ne')
  switch (comparison) {
    case 'eq':
      return { threshold: t, swap: true, equal: true }
    case 'ne':
      return { threshold: t, swap: false, equal: true }
    case 'le':
      return { threshold: t, swap: false, equal: false }
    case 'gt':
      return { threshold: t, swap: true, equal: false }
    case 'lt':
    case 'ge': {
      // Nothing is below -infinity.
      if (t === -Infinity) return always(comparison === 'ge')
      return { threshold: precision === 'float32' ? below32(t) : below64(t), swap: comparison === 'ge', equal: false }
    }
  }
}

function bitset(split: CategorySplit, tree: number, node: number): { words: number[]; bits: number } {
  const words: number[] = []
  let bits = split.bits ?? 0
  for (const member of split.members) {
    if (!Number.isInteger(member) || member < 0 || member >= (split.bits ?? MAX_CATEGORY_BITS)) {
      throw new MleError('TREE_CATEGORIES', `tree ${tree}: node ${node} names category ${member}, expected a whole number below ${split.bits ?? MAX_CATEGORY_BITS}`, { actual: member })
    }
    bits = Math.max(bits, member + 1)
    const word = member >>> 5
    while (words.length <= word) words.push(0)
    words[word] = (words[word] | (1 << (member & 31))) >>> 0
  }
  if (bits > MAX_CATEGORY_BITS) {
    throw new MleError('TREE_CATEGORIES', `tree ${tree}: node ${node} has ${bits} categories, more than ${MAX_CATEGORY_BITS}`, { expected: MAX_CATEGORY_BITS, actual: bits })
  }
  while (words.length < Math.ceil(bits / 32)) words.push(0)
  return { words, bits }
}
