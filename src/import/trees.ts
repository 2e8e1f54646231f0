// Adds an encoded tree ensemble to a graph: the last step of every importer of trees.
import type { GraphBuilder, ValueName } from '../graph/builder.ts'
import type { EncodedTrees } from '../ops/trees/encode.ts'
import type { Aggregate, CategoryRounding } from '../ops/trees/layout.ts'
import { storeTrees, type StoredTrees } from '../ops/trees/store.ts'

export interface TreeEnsembleOptions {
  /** Columns of the result. */
  readonly outputs: number
  /** 'sum' when absent. */
  readonly aggregate?: Aggregate
  /** Precision of sums and of the result; 'float64' when absent. */
  readonly accumulate?: 'float64' | 'float32'
  /** What sums begin with, by column; 0 when absent. */
  readonly base?: ArrayLike<number>
  /** 'trunc' when absent; says nothing without categorical splits. */
  readonly rounding?: CategoryRounding
}

/** The inputs that mle.TreeEnsemble and mle.TreeShap begin with. */
function ensembleInputs(builder: GraphBuilder, x: ValueName, trees: StoredTrees, base: ArrayLike<number> | undefined): ValueName[] {
  return [
    x,
    builder.constant(trees.nodes, 'nodes'),
    trees.leafIndex === undefined ? '' : builder.constant(trees.leafIndex, 'leafIndex'),
    builder.constant(trees.roots, 'roots'),
    builder.constant(trees.leafValues, 'leafValues'),
    trees.treeTarget === undefined ? '' : builder.constant(trees.treeTarget, 'treeTarget'),
    trees.categories === undefined ? '' : builder.constant(trees.categories, 'categories'),
    base === undefined ? '' : builder.constant({ dtype: 'float64', shape: [base.length], data: Float64Array.from(base) }, 'base'),
  ]
}

/** Adds mle.TreeEnsemble over rows `x`, [rows, features] float32 or float64; returns its [rows, outputs]. */
export function addTreeEnsemble(builder: GraphBuilder, x: ValueName, trees: EncodedTrees, options: TreeEnsembleOptions): ValueName {
  const { outputs, aggregate = 'sum', accumulate = 'float64', base, rounding = 'trunc' } = options
  const stored = storeTrees(trees)
  return builder.add('mle.TreeEnsemble', withoutTrailingBlanks(ensembleInputs(builder, x, stored, base)), { layout: stored.layout, outputs, aggregate, accumulate, rounding })
}

/** Adds mle.TreeLeaves over rows `x`; returns its int32 [rows, trees] of the training library's leaf numbers. */
export function addTreeLeaves(builder: GraphBuilder, x: ValueName, trees: EncodedTrees, rounding: CategoryRounding = 'trunc'): ValueName {
  const { layout, nodes, roots, categories, nodeIds } = storeTrees(trees)
  const { tensor, numbering } = nodeIds()
  const inputs = [
    x,
    builder.constant(nodes, 'nodes'),
    builder.constant(roots, 'roots'),
    categories === undefined ? '' : builder.constant(categories, 'categories'),
    tensor === undefined ? '' : builder.constant(tensor, 'nodeIds'),
  ]
  return builder.add('mle.TreeLeaves', withoutTrailingBlanks(inputs), { layout, rounding, numbering })
}

export interface TreeShapOptions extends Pick<TreeEnsembleOptions, 'outputs' | 'base' | 'rounding'> {
  readonly aggregate?: 'sum' | 'mean'
  /** Players of columns, where several columns count as one. */
  readonly players?: { readonly count: number; readonly of: ArrayLike<number> }
}

/** Adds mle.TreeShap over rows `x`; returns its float64 [rows, outputs, players + 1]. The trees must have covers. */
export function addTreeShap(builder: GraphBuilder, x: ValueName, trees: EncodedTrees, options: TreeShapOptions): ValueName {
  const { outputs, aggregate = 'sum', base, rounding = 'trunc', players } = options
  const stored = storeTrees(trees)
  const cover = stored.cover()
  if (cover === undefined) throw new TypeError('trees without covers cannot be explained')
  const inputs = [
    ...ensembleInputs(builder, x, stored, base),
    builder.constant(cover, 'cover'),
    players === undefined ? '' : builder.constant({ dtype: 'uint32', shape: [players.of.length], data: Uint32Array.from(players.of) }, 'players'),
  ]
  return builder.add('mle.TreeShap', withoutTrailingBlanks(inputs), { layout: stored.layout, outputs, aggregate, rounding, players: players?.count ?? 0 })
}

/** Contributions of one output [rows, 1, columns] as [rows, columns]. */
export function flattenOutput(builder: GraphBuilder, contributions: ValueName): ValueName {
  return builder.add('Squeeze', [contributions, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')])
}

function withoutTrailingBlanks(names: ValueName[]): ValueName[] {
  let length = names.length
  while (names[length - 1] === '') length--
  return names.slice(0, length)
}
