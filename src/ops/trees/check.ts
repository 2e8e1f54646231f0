// Load-time checks of an ensemble: one pass over the nodes, after which kernels walk trees without a bound test.
import { MleError } from '../../error.ts'
import { findFault, flagFault } from './fault.ts'
import {
  CATEGORICAL, EQUAL, FEATURE_MASK, MISSING_RIGHT, NODE_BYTES, nodeWords, UNKNOWN_RIGHT, ZERO_MISSING, type NodeWords, type TreeArrays,
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

export type TreeStructure = Pick<TreeArrays, 'nodes' | 'roots' | 'categories'>

const FLAGS = MISSING_RIGHT | CATEGORICAL | ZERO_MISSING | UNKNOWN_RIGHT | EQUAL
/** Flags that make further demands on a node. */
const DEMANDING = CATEGORICAL | ZERO_MISSING | UNKNOWN_RIGHT | EQUAL

/** The passes over all nodes, which wasm does where the nodes lie in its memory: there they are fast at the first call already. */
export interface NodePasses {
  /** Checks the tree of the nodes from `start` to `end` and fills `found`. */
  readonly scanTree: (start: number, end: number, found: TreeScan, tree: number) => void
  /** True if the index of each leaf is below `leaves` and that of each inner node is 0. */
  readonly leavesFit: (leafIndex: Uint32Array, leaves: number) => boolean
}

/** The passes in TypeScript. */
export function nodePasses(nodes: Uint8Array): NodePasses {
  const { words } = nodeWords(nodes)
  const signed = new Int32Array(words.buffer, words.byteOffset, words.length)
  const count = words.length >>> 2
  let level: Int32Array | undefined
  return {
    scanTree: (start, end, found) => scanTree(signed, (level ??= new Int32Array(count + 2)), start, end, count + 1, found),
    leavesFit: (leafIndex, leaves) => misfit(words, leafIndex, leaves) < 0,
  }
}

/**
 * Checks nodes, roots and categories.
 *
 * @throws MleError TREE_NODES, TREE_ROOTS, TREE_CHILD, TREE_SHARED, TREE_UNREACHED, TREE_LEAF, TREE_FLAGS, TREE_THRESHOLD, TREE_CATEGORIES
 */
export function checkTrees(trees: TreeStructure, passes: NodePasses = nodePasses(trees.nodes)): TreeFacts {
  const { nodes, roots } = trees
  const count = Math.floor(nodes.length / NODE_BYTES)
  const treeCount = roots.length
  if (nodes.length % NODE_BYTES !== 0 || (treeCount === 0 ? count > 0 : roots[0] !== 0)) findFault(trees)
  const { thresholds, words } = nodeWords(nodes)
  const depth = new Uint32Array(treeCount)
  const meanDepth = new Float64Array(treeCount)
  const flags = new Uint32Array(treeCount)
  const found: TreeScan = { bad: 0, deepest: 0, leafLevels: 0, flags: 0, maxFeature: -1 }
  let allFlags = 0
  for (let t = 0; t < treeCount; t++) {
    const start = roots[t]
    const end = t + 1 < treeCount ? roots[t + 1] : count
    if (end <= start || end > count) findFault(trees)
    passes.scanTree(start, end, found, t)
    if (found.bad !== 0 || ((found.flags & DEMANDING) !== 0 && !flagsFit(words, start, end, trees.categories?.length ?? 0))) findFault(trees)
    // A tree of n nodes whose inner ones have two children has (n + 1) / 2 leaves.
    const leaves = (end - start + 1) / 2
    depth[t] = found.deepest - 1
    meanDepth[t] = (found.leafLevels - leaves) / leaves
    flags[t] = found.flags & FLAGS
    allFlags |= flags[t]
  }
  return { thresholds, words, depth, meanDepth, flags, featureCount: found.maxFeature + 1, allFlags: allFlags >>> 0 }
}

/** What a pass over one tree finds. */
export interface TreeScan {
  /** 0 if the tree is sound. */
  bad: number
  /** Levels to the deepest leaf; the root's is 1. */
  deepest: number
  /** Sum of the leaves' levels. */
  leafLevels: number
  flags: number
  /** Over all trees so far. */
  maxFeature: number
}

// words [4 x nodes]; level [nodes + 2]: levels of siblings by the left one's index + 1, set once their parent has been seen.
// Whether a node is a leaf is as good as random, so nothing below branches on it: `inner` is all ones for inner nodes and
// 0 for leaves, which "point" at the last place of `level`. A broken rule sets the sign of `bad` or any bit of `odd`.
function scanTree(words: Int32Array, level: Int32Array, start: number, end: number, spare: number, found: TreeScan): void {
  let bad = 0
  let odd = 0
  let deepest = 1
  let leafLevels = 0
  let flags = 0
  let { maxFeature } = found
  level[start] = 1
  const last = end - 2
  for (let i = start; i < end; i++) {
    const at = i << 2
    const low = words[at]
    const high = words[at + 1]
    const word = words[at + 2]
    const left = words[at + 3]
    // Siblings are a pair behind the root, so left ones are an odd number of places away from it.
    const own = level[i + ((i - start) & 1)]
    const inner = (i - left) >> 31
    // Children after their parent and inside the tree, and somebody points at this node.
    bad |= left | (left - i) | (own - 1) | ((last - left) & inner)
    const children = ((left + 1) & inner) | (spare & ~inner)
    bad |= -level[children]
    level[children] = (own + 1) & inner
    odd |= ((left - start - 1) & inner & 1) | ((word | low | (high ^ 0x7ff00000)) & ~inner)
    // NaN as a threshold, unless the node is categorical.
    bad |= (0x7ff00000 - (high & 0x7fffffff) - ((low | -low) >>> 31)) & inner & ~(word << 1)
    flags |= word
    leafLevels += own & ~inner
    if (own > deepest) deepest = own
    const feature = (word & FEATURE_MASK) | ~inner
    if (feature > maxFeature) maxFeature = feature
  }
  found.bad = (bad >>> 31) | odd
  found.deepest = deepest
  found.leafLevels = leafLevels
  found.flags = flags
  found.maxFeature = maxFeature
}

function flagsFit(words: Uint32Array, start: number, end: number, bitsetWords: number): boolean {
  for (let i = start; i < end; i++) {
    if ((words[4 * i + 2] & DEMANDING) !== 0 && flagFault(words, i, bitsetWords) !== undefined) return false
  }
  return true
}

/** The first node with a wrong leaf index; -1 for none. An inner node has no leaf and so index 0, whatever there is. */
function misfit(words: Uint32Array, leafIndex: Uint32Array, leaves: number): number {
  for (let i = 0; i < leafIndex.length; i++) if (leafIndex[i] >= (words[4 * i + 3] === i ? leaves : 1)) return i
  return -1
}

/**
 * Checks what only mle.TreeEnsemble reads: leaf vectors and the columns they go to.
 *
 * @throws MleError TREE_LEAF_INDEX, TREE_TARGET
 */
export function checkLeaves(trees: TreeArrays, facts: TreeFacts, outputs: number, passes: NodePasses = nodePasses(trees.nodes)): void {
  const { leafIndex, leafValues, width, treeTarget, roots } = trees
  const { words } = facts
  const count = words.length >>> 2
  if (leafIndex.length !== count) throw new MleError('TREE_LEAF_INDEX', `there are ${leafIndex.length} leaf indices for ${count} nodes`, { expected: count, actual: leafIndex.length })
  const leaves = width === 0 ? 0 : leafValues.length / width
  if (!passes.leavesFit(leafIndex, leaves)) {
    const i = misfit(words, leafIndex, leaves)
    const isLeaf = words[4 * i + 3] === i
    throw new MleError('TREE_LEAF_INDEX', `node ${i} has leaf index ${leafIndex[i]}, expected ${isLeaf ? `one below ${leaves}` : '0, as it is no leaf'}`, { actual: leafIndex[i] })
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
