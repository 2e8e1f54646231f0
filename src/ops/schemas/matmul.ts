// Products of stacks of matrices, in the order of linear.ts.
import { MleError } from '../../error.ts'
import { broadcastDims, inputShape, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type ValueType } from '../types.ts'
import { op } from './define.ts'
import { T_PRODUCT } from './linear.ts'

/** numpy's matmul: vectors get a dimension that is taken away again, leading dimensions broadcast. */
function inferMatMul(context: InferContext): ValueType[] {
  const { dtype, shape: a } = tensorInput(context, 0)
  const b = inputShape(context, 1)
  if (a === undefined || b === undefined) return [{ dtype }]
  if (a.length === 0 || b.length === 0) throw new MleError('OP_RANK', 'a matrix product takes no scalars', { expected: 1, actual: 0 })
  unifyDims(a[a.length - 1], b.length === 1 ? b[0] : b[b.length - 2], 'inner dimensions of the product')
  const batch = a.length > 2 || b.length > 2 ? broadcastDims(a.slice(0, -2), b.slice(0, -2)) : []
  if (a.length > 1) batch.push(a[a.length - 2])
  if (b.length > 1) batch.push(b[b.length - 1])
  return [{ dtype, shape: batch }]
}

function matMulRows({ inputs: [a, b] }: InferContext, carries: readonly boolean[]): boolean {
  const rankA = isTensorType(a) ? (a.shape?.length ?? 0) : 0
  const shapeB = isTensorType(b) ? b.shape : undefined
  if (shapeB === undefined || rankA < 2 || !carries[0]) return false
  if (carries[1]) return rankA > 2 && shapeB.length === rankA
  return shapeB.length <= 2 || shapeB.length < rankA || (shapeB.length === rankA && shapeB[0] === 1)
}

export const matMulSchemas: readonly OpSchema[] = [
  /** Product of matrices, or of stacks of matrices whose leading dimensions broadcast. @formula Y[i, j] = sum over k of A[i, k] B[k, j] */
  op('MatMul', 13, 'A:T B:T', { typeSets: { T: T_PRODUCT }, bound: reducing, infer: inferMatMul, rowWise: matMulRows }),
]
