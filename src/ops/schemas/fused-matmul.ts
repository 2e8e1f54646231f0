// Products of matrices in the arithmetic of BLAS libraries, for models whose digits depend on it.
import { MleError } from '../../error.ts'
import { inputShape, unifyDims } from '../rules.ts'
import { reducing, type OpSchema } from '../schema.ts'

/**
 * Product of matrices by fused multiply-adds, k ascending, one rounding per term, A [rows, k], B [k, columns] float64 -> Y [rows, columns]. For
 * models with directions of almost no variance, whose published numbers are rounding noise made large: there the order and kind of rounding
 * that BLAS libraries use is part of the model.
 *
 * @formula y[i, j] = fma(a[i, k], b[k, j], ...)
 */
const fusedMatMul: OpSchema = {
  name: 'FusedMatMul',
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
    if (a !== undefined && b !== undefined) unifyDims(a[1], b[0], 'k of A and B')
    for (const type of context.inputs) {
      if (type !== undefined && 'dtype' in type && type.dtype !== 'float64') throw new MleError('OP_DTYPE', `FusedMatMul takes float64, got ${type.dtype}`, { expected: 'float64', actual: type.dtype })
    }
    return [{ dtype: 'float64', shape: a !== undefined && b !== undefined ? [a[0], b[1]] : undefined }]
  },
  rowWise: (_context, carriesRows) => carriesRows[0] && !carriesRows[1],
  bound: reducing,
}

export const exactSchemas: readonly OpSchema[] = [fusedMatMul]
