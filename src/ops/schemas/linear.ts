// Matrix products. Each output has one accumulator and takes its products in order; docs/numerics.md.
import { MleError } from '../../error.ts'
import { int as intOf } from '../attributes.ts'
import { broadcastDims, inputShape, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { DType } from '../../tensor/dtype.ts'
import { isTensorType, type Dim, type ValueType } from '../types.ts'
import { FLOATS, float, int, op } from './define.ts'

const T: readonly DType[] = [...FLOATS, 'int32', 'int64', 'uint32', 'uint64']

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

function inferGemm(context: InferContext): ValueType[] {
  const { attributes } = context
  const { dtype } = tensorInput(context, 0)
  const a = inputShape(context, 0, 2)
  const b = inputShape(context, 1, 2)
  const transA = intOf(attributes, 'transA', 0)
  const transB = intOf(attributes, 'transB', 0)
  if (a !== undefined && b !== undefined) unifyDims(a[transA ? 0 : 1], b[transB ? 1 : 0], 'inner dimensions of the product')
  const shape: Dim[] = [a === undefined ? null : a[transA ? 1 : 0], b === undefined ? null : b[transB ? 0 : 1]]
  if (context.inputs[2] !== undefined) {
    const c = inputShape(context, 2)
    const whole = c === undefined ? shape : broadcastDims(shape, c)
    if (whole.length > 2 || whole.some((dim, i) => typeof shape[i] === 'number' && typeof dim === 'number' && dim !== shape[i])) throw new MleError('OP_DIMENSION', `C [${c?.join(', ')}] does not broadcast to [${shape.join(', ')}]`)
  }
  return [{ dtype, shape }]
}

function gemmRows({ attributes, inputs }: InferContext, carries: readonly boolean[]): boolean {
  const c = inputs[2]
  if (!carries[0] || carries[1] || intOf(attributes, 'transA', 0) !== 0) return false
  return !isTensorType(c) || (carries[2] ? c.shape?.length === 2 : c.shape !== undefined && (c.shape.length < 2 || c.shape[0] === 1))
}

export const linearSchemas: readonly OpSchema[] = [
  /** Product of matrices, or of stacks of matrices whose leading dimensions broadcast. @formula Y[i, j] = sum over k of A[i, k] B[k, j] */
  op('MatMul', 13, 'A:T B:T', { typeSets: { T }, bound: reducing, infer: inferMatMul, rowWise: matMulRows }),
  /** Product of two matrices, scaled, plus a scaled matrix that broadcasts. @formula Y = alpha A B + beta C */
  op('Gemm', 13, 'A:T B:T C:T?', {
    typeSets: { T }, bound: reducing, infer: inferGemm, rowWise: gemmRows,
    attributes: [float('alpha', 1), float('beta', 1), int('transA', 0), int('transB', 0)],
  }),
]
