// Decision tree ensembles. The node layout is defined in ../trees/layout.ts.
import { MleError } from '../../error.ts'
import { int, text } from '../attributes.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { exact, type AttributeSchema, type InferContext, type InputSchema, type OpSchema } from '../schema.ts'
import { AGGREGATES, CATEGORY_ROUNDINGS, NODE_BYTES, NODE_LAYOUT, NUMBERINGS } from '../trees/layout.ts'
import { requireLayout } from '../trees/stored.ts'
import type { Dim, ValueType } from '../types.ts'

export const X: InputSchema = { name: 'X', type: ['float32', 'float64'] }
export const NODES: InputSchema = { name: 'nodes', type: ['uint8'] }
export const ROOTS: InputSchema = { name: 'roots', type: ['uint32'] }
export const CATEGORIES: InputSchema = { name: 'categories', type: ['uint32'], optional: true }

export const NODE_ATTRIBUTES: readonly AttributeSchema[] = [
  { name: 'layout', kind: 'string', required: true },
  { name: 'rounding', kind: 'string', default: 'trunc' },
]

/** Rows of X, and nodes of the ensemble where the layout has the rest by node; throws for an unknown layout, which only a newer version can read. */
export function inferNodes(context: InferContext): { rows: Dim; nodes: Dim | undefined } {
  const layout = text(context.attributes, 'layout', '')
  requireLayout(layout)
  oneOf(context, 'rounding', 'trunc', CATEGORY_ROUNDINGS)
  const x = tensorInput(context, 0)
  if (x.dtype !== 'float32' && x.dtype !== 'float64') throw new MleError('OP_DTYPE', `input X is ${x.dtype}, expected float32 or float64`, { expected: 'float32 or float64', actual: x.dtype })
  const rows = inputShape(context, 0, 2)?.[0] ?? null
  // How many nodes there are is in the bytes.
  if (layout !== NODE_LAYOUT) {
    inputShape(context, 1, 1)
    return { rows, nodes: undefined }
  }
  const nodeShape = inputShape(context, 1, 2)
  if (nodeShape !== undefined) unifyDims(nodeShape[1], NODE_BYTES, 'bytes per node')
  return { rows, nodes: nodeShape?.[0] ?? null }
}

/** Checks the shape of what the layout has by node, or by leaf: what is not by node is counted when kernels are made. */
export function inferByNode(context: InferContext, index: number, nodes: Dim | undefined, what: string): void {
  const count = inputShape(context, index, 1)?.[0] ?? null
  if (nodes !== undefined) unifyDims(count, nodes, what)
}

/** Without leafIndex leaf i has row i, which only the leaves of some layouts have numbers for. */
export function inferLeafIndex(context: InferContext, nodes: Dim | undefined): void {
  if (context.inputs[2] !== undefined) inferByNode(context, 2, nodes, 'nodes of leafIndex')
  else if (nodes !== undefined) throw new MleError('OP_INPUT', `input 2 (leafIndex) is missing, which layout ${NODE_LAYOUT} needs`)
}

export function oneOf(context: InferContext, name: string, fallback: string, allowed: readonly string[]): string {
  const value = text(context.attributes, name, fallback)
  if (!allowed.includes(value)) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is ${JSON.stringify(value)}, expected ${allowed.join(', ')}`, { expected: allowed.join(', '), actual: value })
  return value
}

/** What mle.TreeEnsemble reads, and mle.TreeShap before its own. */
export const ENSEMBLE_INPUTS: readonly InputSchema[] = [
  X,
  NODES,
  { name: 'leafIndex', type: ['uint8', 'uint16', 'uint32'], optional: true },
  ROOTS,
  { name: 'leafValues', type: ['float64'] },
  { name: 'treeTarget', type: ['uint32'], optional: true },
  CATEGORIES,
  { name: 'base', type: ['float64'], optional: true },
]

/** Only X may carry rows: everything else belongs to the model. */
export const onlyXCarriesRows = (_context: InferContext, carriesRows: readonly boolean[]): boolean => carriesRows.every((carries, i) => carries === (i === 0))

/**
 * Sum, mean, minimum or maximum over trees of the leaf vectors that a row reaches. X [rows, features], nodes [nodes, 16] or
 * as `layout` has them, leafIndex [nodes] or [leaves] (the row of each leaf; leaf i's is i when absent), roots [trees],
 * leafValues [vectors, width], treeTarget [trees] (column where a tree's leaf vector starts, 0 when absent), categories
 * [words], base [outputs] -> Y [rows, outputs] in the dtype of `accumulate`.
 * Sums begin at `base` (0 when absent) and add trees in order, each addition in float64 and rounded to `accumulate`; a
 * mean is that sum divided once by the number of trees that reach the column. A column that no tree reaches is its base.
 *
 * @formula y[r, target(t) + j] = base + sum over t of leafValues[leafIndex(leaf(t, x[r])), j]
 */
const treeEnsemble: OpSchema = {
  name: 'TreeEnsemble',
  domain: 'mle',
  version: 1,
  inputs: ENSEMBLE_INPUTS,
  outputs: [{ name: 'Y' }],
  attributes: [
    ...NODE_ATTRIBUTES,
    { name: 'outputs', kind: 'int', required: true },
    { name: 'aggregate', kind: 'string', default: 'sum' },
    { name: 'accumulate', kind: 'string', default: 'float64' },
  ],
  infer(context): ValueType[] {
    const { rows, nodes } = inferNodes(context)
    const aggregate = oneOf(context, 'aggregate', 'sum', AGGREGATES)
    const accumulate = oneOf(context, 'accumulate', 'float64', ['float64', 'float32'])
    const outputs = int(context.attributes, 'outputs', 0)
    if (!Number.isSafeInteger(outputs) || outputs < 1) throw new MleError('OP_ATTRIBUTE', `attribute outputs is ${outputs}, expected at least 1`, { actual: outputs })
    inferLeafIndex(context, nodes)
    const trees = inputShape(context, 3, 1)?.[0] ?? null
    inputShape(context, 4, 2)
    if (context.inputs[5] !== undefined) unifyDims(inputShape(context, 5, 1)?.[0] ?? null, trees, 'trees of treeTarget')
    if (context.inputs[6] !== undefined) inputShape(context, 6, 1)
    if (context.inputs[7] !== undefined) {
      if (aggregate !== 'sum') throw new MleError('TREE_BASE', `only sums start from a base, not aggregate ${aggregate}; add it with Add`, { expected: 'sum', actual: aggregate })
      unifyDims(inputShape(context, 7, 1)?.[0] ?? null, outputs, 'length of base')
    }
    return [{ dtype: accumulate === 'float32' ? 'float32' : 'float64', shape: [rows, outputs] }]
  },
  rowWise: onlyXCarriesRows,
  bound: exact,
}

/**
 * The leaf of every tree that a row reaches. X [rows, features], nodes [nodes, 16] or as `layout` has them, roots [trees],
 * categories [words], nodeIds [nodes] int32 or [leaves] (the training library's numbers; those of the rule `numbering` when
 * absent) -> int32 [rows, trees].
 *
 * @formula y[r, t] = nodeIds[leaf(t, x[r])]
 */
const treeLeaves: OpSchema = {
  name: 'TreeLeaves',
  domain: 'mle',
  version: 1,
  inputs: [X, NODES, ROOTS, CATEGORIES, { name: 'nodeIds', type: ['uint8', 'uint16', 'int32'], optional: true }],
  outputs: [{ name: 'Y' }],
  attributes: [...NODE_ATTRIBUTES, { name: 'numbering', kind: 'string', default: 'place' }],
  infer(context): ValueType[] {
    const { rows, nodes } = inferNodes(context)
    const trees = inputShape(context, 2, 1)?.[0] ?? null
    if (context.inputs[3] !== undefined) inputShape(context, 3, 1)
    if (context.inputs[4] !== undefined) inferByNode(context, 4, nodes, 'nodes of nodeIds')
    oneOf(context, 'numbering', 'place', NUMBERINGS)
    return [{ dtype: 'int32', shape: [rows, trees] }]
  },
  rowWise: onlyXCarriesRows,
  bound: exact,
}

export const treeSchemas: readonly OpSchema[] = [treeEnsemble, treeLeaves]
