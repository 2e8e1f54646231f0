// Explanations of tree ensembles, which most programs that run trees do not need.
import { MleError } from '../../error.ts'
import { int } from '../attributes.ts'
import { inputShape, unifyDims } from '../rules.ts'
import type { OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { ENSEMBLE_INPUTS, NODE_ATTRIBUTES, inferByNode, inferLeafIndex, inferNodes, oneOf, onlyXCarriesRows } from './trees.ts'

/**
 * SHAP values of an ensemble by the path-dependent method: what each feature adds to the expectation over the training
 * data, exactly, branches that a missing feature leaves open being weighed by cover. Inputs as mle.TreeEnsemble, then cover
 * [nodes] (training weight that reached each node; a node's children count alike where it is 0; or [leaves], where that of
 * other nodes is the sum of their children's) and players [features]: the
 * number under which each column of X counts, so that columns derived from the same features count as one; its own when
 * absent. Attribute players is how many there are, the features of X when 0 -> Y [rows, outputs, players + 1], whose last
 * column is the expectation with base, so that a row adds up to the sum that mle.TreeEnsemble gives.
 *
 * @formula y[r, o, i] = sum over sets S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S)), v(S) = expectation given the features in S
 * @see Lundberg, Erion, Lee: Consistent Individualized Feature Attribution for Tree Ensembles, 2018, algorithm 2
 */
const treeShap: OpSchema = {
  name: 'TreeShap',
  domain: 'mle',
  version: 1,
  inputs: [
    ...ENSEMBLE_INPUTS,
    { name: 'cover', type: ['uint8', 'uint16', 'float32', 'float64'] },
    { name: 'players', type: ['uint32'], optional: true },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [
    ...NODE_ATTRIBUTES,
    { name: 'outputs', kind: 'int', required: true },
    { name: 'aggregate', kind: 'string', default: 'sum' },
    { name: 'players', kind: 'int', default: 0 },
  ],
  infer(context): ValueType[] {
    const { rows, nodes } = inferNodes(context)
    const aggregate = oneOf(context, 'aggregate', 'sum', ['sum', 'mean'])
    const outputs = int(context.attributes, 'outputs', 0)
    const players = int(context.attributes, 'players', 0)
    if (!Number.isSafeInteger(outputs) || outputs < 1) throw new MleError('OP_ATTRIBUTE', `attribute outputs is ${outputs}, expected at least 1`, { actual: outputs })
    if (!Number.isSafeInteger(players) || players < 0 || (players > 0) !== (context.inputs[9] !== undefined)) {
      throw new MleError('OP_ATTRIBUTE', `attribute players is ${players}, expected a count exactly where the input players is given`, { actual: players })
    }
    const features = inputShape(context, 0, 2)?.[1] ?? null
    inferLeafIndex(context, nodes)
    inferByNode(context, 8, nodes, 'nodes of cover')
    if (context.inputs[5] !== undefined) unifyDims(inputShape(context, 5, 1)?.[0] ?? null, inputShape(context, 3, 1)?.[0] ?? null, 'trees of treeTarget')
    if (context.inputs[7] !== undefined) {
      if (aggregate !== 'sum') throw new MleError('TREE_BASE', `only sums start from a base, not aggregate ${aggregate}; add it with Add`, { expected: 'sum', actual: aggregate })
      unifyDims(inputShape(context, 7, 1)?.[0] ?? null, outputs, 'length of base')
    }
    if (context.inputs[9] !== undefined) unifyDims(inputShape(context, 9, 1)?.[0] ?? null, features, 'columns of players')
    const columns = players > 0 ? players + 1 : typeof features === 'number' ? features + 1 : null
    return [{ dtype: 'float64', shape: [rows, outputs, columns] }]
  },
  rowWise: onlyXCarriesRows,
  bound: (_eps, _reference, magnitude) => 1e-9 * magnitude + 1e-12,
}

export const treeShapSchemas: readonly OpSchema[] = [treeShap]
