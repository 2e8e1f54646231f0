// Products of two matrices. Each output has one accumulator and takes its products in order; docs/numerics.md.
import { MleError } from '../../error.ts'
import { int as intOf } from '../attributes.ts'
import { broadcastDims, inputShape, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { DType } from '../../tensor/dtype.ts'
import { isTensorType, type Dim, type ValueType } from '../types.ts'
import { FLOATS, float, int, op } from './define.ts'

export const T_PRODUCT: readonly DType[] = [...FLOATS, 'int32', 'int64', 'uint32', 'uint64']

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
  /** Product of two matrices, scaled, plus a scaled matrix that broadcasts. @formula Y = alpha A B + beta C */
  op('Gemm', 13, 'A:T B:T C:T?', {
    typeSets: { T: T_PRODUCT }, bound: reducing, infer: inferGemm, rowWise: gemmRows,
    attributes: [float('alpha', 1), float('beta', 1), int('transA', 0), int('transB', 0)],
  }),
]
