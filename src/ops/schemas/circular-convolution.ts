// Convolutions of rows.
import { inputShape, unifyDims } from '../rules.ts'
import { reducing, type OpSchema } from '../schema.ts'

/** Circular convolution of each row of A with the same row of B: A, B [rows, n] -> Y [rows, n]. @formula y[k] = sum over i of a[i] b[(k - i) mod n] */
const circularConvolution: OpSchema = {
  name: 'CircularConvolution',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'A', type: ['float64'] },
    { name: 'B', type: ['float64'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [],
  infer(context) {
    const a = inputShape(context, 0, 2)
    const b = inputShape(context, 1, 2)
    return [{ dtype: 'float64', shape: a === undefined || b === undefined ? (a ?? b) : a.map((dim, i) => unifyDims(dim, b[i], 'shapes of A and B')) }]
  },
  rowWise: (_context, carriesRows) => carriesRows[0] && carriesRows[1],
  bound: reducing,
}

export const convolutionSchemas: readonly OpSchema[] = [circularConvolution]
