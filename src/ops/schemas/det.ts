// Determinants.
import { MleError } from '../../error.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { op } from './define.ts'

function inferDet(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shape = inputShape(context, 0)
  if (shape === undefined) return [{ dtype }]
  if (shape.length < 2) throw new MleError('OP_RANK', `input 0 has ${shape.length} dimensions, expected 2 or more`, { expected: 2, actual: shape.length })
  unifyDims(shape[shape.length - 2], shape[shape.length - 1], 'rows and columns of the matrix')
  return [{ dtype, shape: shape.slice(0, -2) }]
}

export const detSchemas: readonly OpSchema[] = [
  /**
   * Determinants of the matrices in the last two dimensions. The terms of the bound are the products of the expansion for up to 8 rows, and for
   * more rows, which are eliminated, n times the product of the rows' Euclidean lengths (Hadamard's bound). @formula Y = det X
   */
  op('Det', 22, 'X:T', { bound: reducing, infer: inferDet, rowWise: (context, carries) => carries[0] && (inputShape(context, 0)?.length ?? 0) > 2 }),
]
