// What Gaussian processes need beyond tensor operators.
import { MleError } from '../../error.ts'
import { float } from '../attributes.ts'
import { elementwise, elementwiseRows, inputShape, unifyDims } from '../rules.ts'
import { reducing, ulps, type OpSchema } from '../schema.ts'

/** Modified Bessel function of the second kind of order `nu`. X of any shape -> Y like X. @formula y = K_nu(x) */
const besselK: OpSchema = {
  name: 'BesselK',
  domain: 'mle',
  version: 1,
  inputs: [{ name: 'X', type: ['float64'] }],
  outputs: [{ name: 'Y' }],
  attributes: [{ name: 'nu', kind: 'float', required: true }],
  infer(context) {
    const nu = float(context.attributes, 'nu', 0)
    if (!(Math.abs(nu) <= 1000)) throw new MleError('OP_ATTRIBUTE', `attribute nu is ${nu}, expected at most 1000`, { actual: nu })
    return elementwise(context)
  },
  rowWise: elementwiseRows,
  bound: ulps(256),
}

/** Solution of L y = b for each row b of B [rows, n], by substitution with the lower triangle of L [n, n] -> Y [rows, n]. @formula y[i] = (b[i] - sum over j < i of l[i, j] y[j]) / l[i, i] */
const triangularSolve: OpSchema = {
  name: 'TriangularSolve',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'B', type: ['float64'] },
    { name: 'L', type: ['float64'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [],
  infer(context) {
    const b = inputShape(context, 0, 2)
    const l = inputShape(context, 1, 2)
    if (l !== undefined) unifyDims(l[0], l[1], 'sides of L')
    return [{ dtype: 'float64', shape: b && [b[0], l === undefined ? b[1] : unifyDims(b[1], l[0], 'columns of B')] }]
  },
  rowWise: (_context, carriesRows) => carriesRows[0] && !carriesRows[1],
  bound: reducing,
}

export const gaussianProcessSchemas: readonly OpSchema[] = [besselK, triangularSolve]
