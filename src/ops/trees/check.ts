// Load-time checks of an ensemble: one pass over the nodes, after which kernels walk trees without a bound test.
import { MleError } from '../../error.ts'
import {
  CATEGORICAL, EQUAL, FEATURE_MASK, MAX_CATEGORY_BITS, MISSING_RIGHT, NODE_BYTES, nodeWords, UNKNOWN_RIGHT, ZERO_MISSING,
  type NodeWords, type TreeArrays,
} from './layout.ts'

/** What the pass over the nodes finds out. */
export interface TreeFacts extends NodeWords {
  /** Steps from the root to the deepest leaf, by tree. */
  readonly depth: Uint32Array
  /** Steps to a leaf, averaged over leaves, by tree. */
  readonly meanDepth: Float64Array
  /** All flags that occur, by tree. */
  readonly flags: Uint32Array
  /** One more than the largest feature; 0 when no tree has a split. */
  readonly featureCount: number
  /** All flags that occur. */
  readonly allFlags: number
}

type Structure = Pick<TreeArrays, 'nodes' | 'roots' | 'categories'>

/**
 * Checks nodes, roots and categories.
 *
 * @throws MleError TREE_NODES, TREE_ROOTS, TREE_CHILD, TREE_SHARED, TREE_UNREACHED, TREE_LEAF, TREE_FLAGS, TREE_THRESHOLD, TREE_CATEGORIES
 */
export function checkTrees(trees: Structure): TreeFacts {
  const { nodes, roots } = trees
  if (nodes.length % NODE_BYTES !== 0) throw new MleError('TREE_NODES', `the nodes hold ${nodes.length} bytes, no multiple of ${NODE_BYTES}`, { actual: nodes.length })
  const count = nodes.length / NODE_BYTES
  const { thresholds, words } = nodeWords(nodes)
  const treeCount = roots.length
  if (treeCount === 0 ? count > 0 : roots[0] !== 0) {
    throw new MleError('TREE_ROOTS', treeCount === 0 ? `no tree has a root, but there are ${count} nodes` : `the first root is node ${roots[0]}, expected 0`, { expected: 0, actual: roots[0] })
  }
  // Depth + 1 of each node that a parent seen so far points at; parents come before children.
  const level = new Uint32Array(count)
  const depth = new Uint32Array(treeCount)
  const meanDepth = new Float64Array(treeCount)
  const flagsByTree = new Uint32Array(treeCount)
  const bitsetWords = trees.categories?.length ?? 0
  let maxFeature = -1
  let allFlags = 0

  for (let t = 0; t < treeCount; t++) {
    const start = roots[t]
    const end = t + 1 < treeCount ? roots[t + 1] : count
    if (end <= start || end > count) {
      throw new MleError('TREE_ROOTS', `tree ${t} starts at node ${start} and ends at ${end} of ${count}; roots must ascend`, { expected: count, actual: end })
    }
    level[start] = 1
    let deepest = 1
    let leafLevels = 0
    let flags = 0
    for (let i = start; i < end; i++) {
      const own = level[i]
      if (own === 0) throw nodeError('TREE_UNREACHED', t, i, 'no node before it points at it')
      const word = words[4 * i + 2]
      const left = words[4 * i + 3]
      if (left === i) {
        if (word !== 0 || thresholds[2 * i] !== Infinity) throw nodeError('TREE_LEAF', t, i, 'a leaf has threshold infinity and feature word 0')
        leafLevels += own
        if (own > deepest) deepest = own
        continue
      }
      if (left <= i || left + 1 >= end) throw nodeError('TREE_CHILD', t, i, `its children start at node ${left}, expected one from ${i + 1} to ${end - 2}`)
      if (level[left] !== 0 || level[left + 1] !== 0) throw nodeError('TREE_SHARED', t, i, `its children at node ${left} have another parent already`)
      level[left] = level[left + 1] = own + 1
      const feature = word & FEATURE_MASK
      if (feature > maxFeature) maxFeature = feature
      if (word >>> 27 === 0) {
        // Only a plain threshold can be NaN by mistake: x > NaN would be left for all x, which infinity says.
        const threshold = thresholds[2 * i]
        if (threshold !== threshold) throw nodeError('TREE_THRESHOLD', t, i, 'its threshold is NaN')
        continue
      }
      flags |= word
      if ((word & CATEGORICAL) !== 0) checkCategories(t, i, word, words, bitsetWords)
      else if ((word & UNKNOWN_RIGHT) !== 0) throw nodeError('TREE_FLAGS', t, i, 'it sends unknown categories right, but has none')
      else if (thresholds[2 * i] !== thresholds[2 * i]) throw nodeError('TREE_THRESHOLD', t, i, 'its threshold is NaN')
    }
    depth[t] = deepest - 1
    // A tree of n nodes whose inner ones have two children has (n + 1) / 2 leaves.
    const leaves = (end - start + 1) / 2
    meanDepth[t] = (leafLevels - leaves) / leaves
    flagsByTree[t] = flags & (MISSING_RIGHT | CATEGORICAL | ZERO_MISSING | UNKNOWN_RIGHT | EQUAL)
    allFlags |= flagsByTree[t]
  }
  return { thresholds, words, depth, meanDepth, flags: flagsByTree, featureCount: maxFeature + 1, allFlags: allFlags >>> 0 }
}

function checkCategories(tree: number, node: number, word: number, words: Uint32Array, bitsetWords: number): void {
  if ((word & (ZERO_MISSING | EQUAL)) !== 0) throw nodeError('TREE_FLAGS', tree, node, 'a categorical node cannot treat zero as missing or test for equality')
  const offset = words[4 * node]
  const bits = words[4 * node + 1]
  if (bits > MAX_CATEGORY_BITS || offset + Math.ceil(bits / 32) > bitsetWords) {
    throw nodeError('TREE_CATEGORIES', tree, node, `its ${bits} category bits at word ${offset} lie outside the ${bitsetWords} words of categories`)
  }
}

function nodeError(code: string, tree: number, node: number, what: string): MleError {
  return new MleError(code, `tree ${tree}, node ${node}: ${what}`, { actual: node })
}

/**
 * Checks what only mle.TreeEnsemble reads: leaf vectors and the columns they go to.
 *
 * @throws MleError TREE_LEAF_INDEX, TREE_TARGET
 */
export function checkLeaves(trees: TreeArrays, facts: TreeFacts, outputs: number): void {
  const { leafIndex, leafValues, width, treeTarget, roots } = trees
  const { words } = facts
  const count = words.length >>> 2
  if (leafIndex.length !== count) throw new MleError('TREE_LEAF_INDEX', `there are ${leafIndex.length} leaf indices for ${count} nodes`, { expected: count, actual: leafIndex.length })
  const leaves = width === 0 ? 0 : leafValues.length / width
  for (let i = 0; i < count; i++) {
    const index = leafIndex[i]
    if (words[4 * i + 3] === i ? index >= leaves : index !== 0) {
      throw new MleError('TREE_LEAF_INDEX', `node ${i} has leaf index ${index}, expected ${words[4 * i + 3] === i ? `one below ${leaves}` : '0, as it is no leaf'}`, { actual: index })
    }
  }
  if (treeTarget !== undefined && treeTarget.length !== roots.length) {
    throw new MleError('TREE_TARGET', `there are ${treeTarget.length} targets for ${roots.length} trees`, { expected: roots.length, actual: treeTarget.length })
  }
  for (let t = 0; t < roots.length; t++) {
    const target = treeTarget === undefined ? 0 : treeTarget[t]
    if (target + width > outputs) {
      throw new MleError('TREE_TARGET', `tree ${t} adds ${width} values from column ${target} on, but there are ${outputs} outputs`, { expected: outputs, actual: target + width })
    }
  }
}
