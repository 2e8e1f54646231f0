// Trees whose leaves hold linear functions.
import { MleError } from '../../error.ts'
import { int } from '../attributes.ts'
import { inputShape, unifyDims } from '../rules.ts'
import { reducing, type OpSchema } from '../schema.ts'

/**
 * Sums of linear functions, one for the leaf that a row reaches in each tree. X [rows, features], leaves [rows, trees] (of
 * mle.TreeLeaves, numbered from 0 in each tree); leafStarts [trees + 1]: where each tree's leaves begin in constants and values
 * [leaves]; termStarts [leaves + 1]: where each leaf's terms begin in features and coefficients [terms] -> Y [rows, outputs].
 * Tree t adds to column t mod outputs, in order. A leaf gives constant + coefficients x features, terms added in order, or
 * its value where one of these features is NaN.
 *
 * @formula y[r, t mod outputs] += constants[l] + sum over terms of l of coefficients[k] x[r, features[k]], l = leafStarts[t] + leaves[r, t]
 */
const linearLeaves: OpSchema = {
  name: 'LinearLeaves',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'leaves', type: ['int32'] },
    { name: 'leafStarts', type: ['uint32'] },
    { name: 'constants', type: ['float64'] },
    { name: 'values', type: ['float64'] },
    { name: 'termStarts', type: ['uint32'] },
    { name: 'features', type: ['uint32'] },
    { name: 'coefficients', type: ['float64'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [{ name: 'outputs', kind: 'int', required: true }],
  infer(context) {
    const outputs = int(context.attributes, 'outputs', 0)
    if (!Number.isSafeInteger(outputs) || outputs < 1) throw new MleError('OP_ATTRIBUTE', `attribute outputs is ${outputs}, expected at least 1`, { actual: outputs })
    const rows = unifyDims(inputShape(context, 0, 2)?.[0] ?? null, inputShape(context, 1, 2)?.[0] ?? null, 'rows of leaves')
    unifyDims(inputShape(context, 3, 1)?.[0] ?? null, inputShape(context, 4, 1)?.[0] ?? null, 'length of values')
    unifyDims(inputShape(context, 6, 1)?.[0] ?? null, inputShape(context, 7, 1)?.[0] ?? null, 'length of coefficients')
    return [{ dtype: 'float64', shape: [rows, outputs] }]
  },
  rowWise: (_context, carriesRows) => carriesRows.every((carries, i) => carries === i < 2),
  bound: reducing,
}

export const linearLeavesSchemas: readonly OpSchema[] = [linearLeaves]
