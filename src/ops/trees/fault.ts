// Says what is wrong with an ensemble that the fast pass (check.ts) has refused: the same rules, one after the other.
import { MleError } from '../../error.ts'
import {
  CATEGORICAL, EQUAL, MAX_CATEGORY_BITS, NODE_BYTES, nodeWords, UNKNOWN_RIGHT, ZERO_MISSING, type TreeArrays,
} from './layout.ts'

/** A broken rule of a node's flags. */
export interface FlagFault {
  readonly code: 'TREE_FLAGS' | 'TREE_CATEGORIES'
  readonly what: string
}

/** The fault in the flags of a node with more flags than MISSING_RIGHT, if there is one. */
export function flagFault(words: Uint32Array, node: number, bitsetWords: number): FlagFault | undefined {
  const word = words[4 * node + 2]
  if ((word & CATEGORICAL) === 0) {
    if ((word & UNKNOWN_RIGHT) === 0) return undefined
    return { code: 'TREE_FLAGS', what: 'it sends unknown categories right, but has none' }
  }
  if ((word & (ZERO_MISSING | EQUAL)) !== 0) return { code: 'TREE_FLAGS', what: 'a categorical node cannot treat zero as missing or test for equality' }
  const offset = words[4 * node]
  const bits = words[4 * node + 1]
  if (bits <= MAX_CATEGORY_BITS && offset + Math.ceil(bits / 32) <= bitsetWords) return undefined
  return { code: 'TREE_CATEGORIES', what: `its ${bits} category bits at word ${offset} lie outside the ${bitsetWords} words of categories` }
}

/** Throws the first fault; see `checkTrees` for the codes. */
export function findFault(trees: Pick<TreeArrays, 'nodes' | 'roots' | 'categories'>): never {
  const { nodes, roots } = trees
  if (nodes.length % NODE_BYTES !== 0) throw new MleError('TREE_NODES', `the nodes hold ${nodes.length} bytes, no multiple of ${NODE_BYTES}`, { actual: nodes.length })
  const count = nodes.length / NODE_BYTES
  const { thresholds, words } = nodeWords(nodes)
  const treeCount = roots.length
  if (treeCount === 0) throw new MleError('TREE_ROOTS', `no tree has a root, but there are ${count} nodes`, { expected: 0, actual: count })
  if (roots[0] !== 0) throw new MleError('TREE_ROOTS', `the first root is node ${roots[0]}, expected 0`, { expected: 0, actual: roots[0] })
  const reached = new Uint8Array(count)
  for (let t = 0; t < treeCount; t++) {
    const start = roots[t]
    const end = t + 1 < treeCount ? roots[t + 1] : count
    if (end <= start || end > count) {
      throw new MleError('TREE_ROOTS', `tree ${t} starts at node ${start} and ends at ${end} of ${count}; roots must ascend`, { expected: count, actual: end })
    }
    reached[start] = 1
    for (let i = start; i < end; i++) {
      const left = words[4 * i + 3]
      const word = words[4 * i + 2]
      if (reached[i] === 0) throw nodeError('TREE_UNREACHED', t, i, 'no node before it points at it')
      if (left === i) {
        if (word !== 0 || thresholds[2 * i] !== Infinity) throw nodeError('TREE_LEAF', t, i, 'a leaf has threshold infinity and feature word 0')
        continue
      }
      if (left <= i || left + 1 >= end) throw nodeError('TREE_CHILD', t, i, `its children start at node ${left}, expected one from ${i + 1} to ${end - 2}`)
      if (reached[left] !== 0 || reached[left + 1] !== 0) throw nodeError('TREE_SHARED', t, i, `its children at node ${left} have another parent already`)
      reached[left] = reached[left + 1] = 1
      const fault = flagFault(words, i, trees.categories?.length ?? 0)
      if (fault !== undefined) throw nodeError(fault.code, t, i, fault.what)
      // x > NaN would be left for all x, which infinity says.
      if ((word & CATEGORICAL) === 0 && Number.isNaN(thresholds[2 * i])) throw nodeError('TREE_THRESHOLD', t, i, 'its threshold is NaN')
    }
  }
  throw new TypeError('the trees were refused, but no fault was found')
}

function nodeError(code: string, tree: number, node: number, what: string): MleError {
  return new MleError(code, `tree ${tree}, node ${node}: ${what}`, { actual: node })
}
