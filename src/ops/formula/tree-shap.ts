// The definition of mle.TreeShap: Shapley values of every set of features, in exponential time.
import type { View } from '../kernel.ts'
import { FEATURE_MASK } from '../trees/layout.ts'
import { goesRight, nodeAt } from './trees.ts'

export interface ShapTree {
  readonly nodes: Uint8Array
  readonly cover: ArrayLike<number>
  readonly categories: ArrayLike<number>
  readonly rounding: string
  readonly leafIndex: ArrayLike<number>
  readonly leafValues: View
}

/** Expectation of a leaf's value `j` below a node, given the players that are known; others weigh both branches by cover. */
function expectation(tree: ShapTree, index: number, row: ArrayLike<number>, known: (player: number) => boolean, playerOf: (feature: number) => number, j: number): number {
  const node = nodeAt(tree.nodes, index)
  if (node.left === index) return Number(tree.leafValues.data[tree.leafIndex[index] * tree.leafValues.shape[1] + j])
  const feature = node.word & FEATURE_MASK
  const below = (child: number): number => expectation(tree, child, row, known, playerOf, j)
  if (known(playerOf(feature))) return below(node.left + Number(goesRight(node, row[feature], tree.categories, tree.rounding)))
  const total = tree.cover[index]
  const share = (child: number): number => (total > 0 ? tree.cover[child] / total : 0.5)
  return share(node.left) * below(node.left) + share(node.left + 1) * below(node.left + 1)
}

/** [players + 1] for value `j` of the tree at `root`: contributions, then the expectation. */
export function treeShapFormula(tree: ShapTree, root: number, row: ArrayLike<number>, players: number, playerOf: (feature: number) => number, j: number): number[] {
  const value = (set: number): number => expectation(tree, root, row, (player) => ((set >> player) & 1) === 1, playerOf, j)
  const values = Array.from({ length: 1 << players }, (_, set) => value(set))
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))
  const sizeOf = (set: number): number => (set === 0 ? 0 : (set & 1) + sizeOf(set >> 1))
  const contributions = Array.from({ length: players }, (_, player) => {
    let sum = 0
    for (let set = 0; set < values.length; set++) {
      if ((set >> player) & 1) continue
      const size = sizeOf(set)
      sum += ((factorial(size) * factorial(players - size - 1)) / factorial(players)) * (values[set | (1 << player)] - values[set])
    }
    return sum
  })
  return [...contributions, values[0]]
}
