// Quantization: numbers as integers, or floats of few bits, times a scale. Scales are one for all, one for each place along an axis, or one for each
// block along an axis.
import { MleError } from '../../error.ts'
import { isDType, type DType } from '../../tensor/dtype.ts'
import { int as intOf, text as textOf } from '../attributes.ts'
import { broadcastDims, inputShape, like, tensorInput, unifyDims } from '../rules.ts'
import { exact, reducing, ulps, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type Dim, type ValueType } from '../types.ts'
import { CONVOLUTION, inferConvolution } from './conv.ts'
import { axisOf, int, op } from './define.ts'

const SCALES: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16', 'float8e8m0']
const EIGHTS: readonly DType[] = ['int8', 'uint8']
const FLOATS8: readonly DType[] = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz']
const QUANTIZED: readonly DType[] = [...EIGHTS, 'int16', 'uint16', 'int4', 'uint4', 'int2', 'uint2', ...FLOATS8, 'float4e2m1']

/** The dtype that a string attribute names, out of some; undefined where it is left out. */
function dtypeAttribute({ attributes }: Pick<InferContext, 'attributes'>, name: string, allowed: readonly DType[]): DType | undefined {
  const value = textOf(attributes, name, '')
  if (value === '') return undefined
  if (!isDType(value) || !allowed.includes(value)) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is ${JSON.stringify(value)}, expected ${allowed.join(', ')}`, { expected: allowed.join(', '), actual: value })
  return value
}

/** The dtype that QuantizeLinear makes: the zero point's, or that of output_dtype, or uint8. */
export function quantizedDtype(context: Pick<InferContext, 'attributes'> & { readonly inputs: readonly (ValueType | undefined)[] }): DType {
  const named = dtypeAttribute(context, 'output_dtype', QUANTIZED)
  const zero = context.inputs[2]
  if (!isTensorType(zero)) return named ?? 'uint8'
  if (named !== undefined && named !== zero.dtype) throw new MleError('OP_DTYPE', `attribute output_dtype is ${named}, but the zero point is ${zero.dtype}`, { expected: zero.dtype, actual: named })
  return zero.dtype
}

/** Checks the shapes of scale and zero point against the input's; throws OP_RANK, OP_DIMENSION, OP_ATTRIBUTE. */
function checkScales(context: InferContext): void {
  const x = inputShape(context, 0)
  const scale = inputShape(context, 1)
  const block = intOf(context.attributes, 'block_size', 0)
  if (block < 0) throw new MleError('OP_ATTRIBUTE', `attribute block_size is ${block}, expected 0 or more`, { expected: 0, actual: block })
  if (context.inputs[2] !== undefined && scale !== undefined) {
    const zero = inputShape(context, 2)
    // One zero point serves all scales.
    const isOne = zero !== undefined && zero.every((dim) => dim === 1)
    if (zero !== undefined && !isOne && zero.length !== scale.length) throw new MleError('OP_RANK', `input 2 has ${zero.length} dimensions, but the scale has ${scale.length}`, { expected: scale.length, actual: zero.length })
    if (!isOne) zero?.forEach((dim, i) => unifyDims(scale[i], dim, `dimension ${i} of the zero point`))
  }
  if (x === undefined || scale === undefined || scale.length === 0 || (scale.length === 1 && scale[0] === 1)) return
  const axis = axisOf(intOf(context.attributes, 'axis', 1), x.length)
  if (block === 0) {
    inputShape(context, 1, 1)
    unifyDims(x[axis], scale[0], `scales and places along axis ${axis}`)
    return
  }
  inputShape(context, 1, x.length)
  x.forEach((dim, i) => unifyDims(i === axis && typeof dim === 'number' ? Math.ceil(dim / block) : i === axis ? null : dim, scale[i], `dimension ${i} of the scale`))
}

const scaleRows = (context: InferContext, carries: readonly boolean[]): boolean => {
  const [x, scale] = [inputShape(context, 0), inputShape(context, 1)]
  if (!carries[0] || carries.includes(true, 1) || x === undefined || scale === undefined) return false
  return scale.length === 0 || (intOf(context.attributes, 'block_size', 0) === 0 && axisOf(intOf(context.attributes, 'axis', 1), x.length) !== 0)
}

/** A zero point or scale of a matrix: one, one for each row or column, or one for each row or column of each matrix of a stack. */
function checkAlong(context: InferContext, index: number, dim: Dim, rank: number, what: string): void {
  if (context.inputs[index] === undefined) return
  const shape = inputShape(context, index)
  if (shape === undefined || shape.length === 0 || (shape.length === 1 && shape[0] === 1)) return
  if (shape.length === 1) unifyDims(shape[0], dim, what)
  else if (shape.length !== rank) throw new MleError('OP_RANK', `input ${index} has ${shape.length} dimensions, expected 0, 1 or ${rank}`, { expected: rank, actual: shape.length })
}

/** numpy's matmul of inputs 0 and `b`. */
function inferProduct(context: InferContext, b: number, dtype: DType): ValueType[] {
  const [left, right] = [inputShape(context, 0), inputShape(context, b)]
  if (left === undefined || right === undefined) return [{ dtype }]
  if (left.length === 0 || right.length === 0) throw new MleError('OP_RANK', 'a matrix product takes no scalars', { expected: 1, actual: 0 })
  unifyDims(left[left.length - 1], right.length === 1 ? right[0] : right[right.length - 2], 'inner dimensions of the product')
  const shape = broadcastDims(left.slice(0, -2), right.slice(0, -2))
  if (left.length > 1) shape.push(left[left.length - 2])
  if (right.length > 1) shape.push(right[right.length - 1])
  return [{ dtype, shape }]
}

const rowOf = (shape: readonly Dim[] | undefined): Dim => (shape === undefined || shape.length < 2 ? null : shape[shape.length - 2])
const columnOf = (shape: readonly Dim[] | undefined): Dim => (shape === undefined || shape.length < 2 ? null : shape[shape.length - 1])

function inferMatMulInteger(context: InferContext): ValueType[] {
  const [a, b] = [inputShape(context, 0), inputShape(context, 1)]
  checkAlong(context, 2, rowOf(a), a?.length ?? 0, 'zero points and rows of A')
  checkAlong(context, 3, columnOf(b), b?.length ?? 0, 'zero points and columns of B')
  return inferProduct(context, 1, 'int32')
}

function inferQLinearMatMul(context: InferContext): ValueType[] {
  const [a, b] = [inputShape(context, 0), inputShape(context, 3)]
  for (const index of [1, 2]) checkAlong(context, index, rowOf(a), a?.length ?? 0, 'scales and rows of a')
  for (const index of [4, 5]) checkAlong(context, index, columnOf(b), b?.length ?? 0, 'scales and columns of b')
  return inferProduct(context, 3, tensorInput(context, 7).dtype)
}

function inferQLinearConv(context: InferContext): ValueType[] {
  const w = inputShape(context, 3)
  for (const index of [4, 5]) checkAlong(context, index, w?.[0] ?? null, 1, 'scales and output channels')
  return inferConvolution(context, 3, 8, tensorInput(context, 7).dtype)
}

function inferWeightMatMul(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const a = inputShape(context, 0)
  const w = inputShape(context, 1, 2)
  if (a !== undefined && a.length === 0) throw new MleError('OP_RANK', 'a matrix product takes no scalars', { expected: 1, actual: 0 })
  const [depth, columns] = w === undefined ? [null, null] : intOf(context.attributes, 'transB', 0) !== 0 ? [w[1], w[0]] : w
  for (const index of [2, 3]) checkAlong(context, index, columns, 1, 'scales or zero points and columns of W')
  if (a === undefined) return [{ dtype }]
  unifyDims(a[a.length - 1], depth, 'inner dimensions of the product')
  return [{ dtype, shape: [...a.slice(0, -1), columns] }]
}

const SATURATE: OpSchema['attributes'] = [int('axis', 1), int('block_size', 0), { name: 'output_dtype', kind: 'string' }]
const firstOnly = (_context: InferContext, carries: readonly boolean[]): boolean => carries[0] && !carries.includes(true, 1)

export const quantizeSchemas: readonly OpSchema[] = [
  /**
   * Numbers as integers or floats of few bits: divided by the scale (in the dtype `precision`, or that of the scale), rounded, ties to even, plus the zero
   * point, kept within the dtype. Floats of 8 bits have no zero point; `saturate` 0 makes infinity or NaN of what is beyond the largest.
   * @formula y = saturate(round(x / y_scale) + y_zero_point)
   */
  op('QuantizeLinear', 25, 'x:A y_scale:B y_zero_point:C?', {
    outputs: 'y', typeSets: { A: ['float32', 'float64', 'float16', 'bfloat16', 'int32'], B: [...SCALES, 'int32'], C: QUANTIZED }, bound: exact, rowWise: scaleRows,
    attributes: [...SATURATE, { name: 'precision', kind: 'string' }, int('saturate', 1)],
    infer(context) {
      checkScales(context)
      dtypeAttribute(context, 'precision', ['float32', 'float64', 'float16', 'bfloat16'])
      return like(context, 0, quantizedDtype(context))
    },
  }),
  /** Quantized numbers as floats, in the scale's dtype or that of output_dtype. @formula y = (x - x_zero_point) x_scale */
  op('DequantizeLinear', 25, 'x:T x_scale:B x_zero_point:T?', {
    outputs: 'y', typeSets: { T: [...QUANTIZED, 'int32'], B: SCALES }, bound: ulps(2), rowWise: scaleRows, attributes: SATURATE,
    infer(context) {
      checkScales(context)
      return like(context, 0, dtypeAttribute(context, 'output_dtype', ['float32', 'float64', 'float16', 'bfloat16']) ?? tensorInput(context, 1).dtype)
    },
  }),
  /** Numbers as uint8 by the scale and zero point that their own range asks for, which includes 0. @formula y_scale = (max(0, x) - min(0, x)) / 255 */
  op('DynamicQuantizeLinear', 11, 'x:float32', {
    outputs: 'y y_scale y_zero_point', bound: ulps(1),
    infer: (context) => [...like(context, 0, 'uint8'), { dtype: 'float32', shape: [] }, { dtype: 'uint8', shape: [] }],
  }),
  /**
   * Product of a stack of matrices with weights of 16 or 8 bits, [depth, columns] or transposed, which are widened to float32 first: bytes less a zero point, times
   * a scale, one for all or one for each column. What `load` makes of Cast or DequantizeLinear of weights in front of a product, where the weights are to stay small.
   *
   * @formula Y[..., i, j] = sum over k of A[..., i, k] (W[k, j] - zero_point[j]) scale[j]
   */
  op('WeightMatMul', 1, 'A:float32 W:W scale:float32? zero_point:W?', {
    domain: 'mle', typeSets: { W: ['float16', 'bfloat16', ...EIGHTS] }, attributes: [int('transB', 0)], bound: reducing, rowWise: firstOnly, infer: inferWeightMatMul,
  }),
  /** Product of matrices of 8-bit integers less their zero points, as int32. @formula Y[i, j] = sum over k of (A[i, k] - a_zero_point) (B[k, j] - b_zero_point) */
  op('MatMulInteger', 10, 'A:A B:B a_zero_point:A? b_zero_point:B?', { typeSets: { A: EIGHTS, B: EIGHTS }, bound: exact, infer: inferMatMulInteger }),
  /** Product of quantized matrices, quantized again. @formula y = saturate(round(a_scale b_scale / y_scale (a - a_zero_point) (b - b_zero_point)) + y_zero_point) */
  op('QLinearMatMul', 21, 'a:A a_scale:S a_zero_point:A b:B b_scale:S b_zero_point:B y_scale:S y_zero_point:Q', {
    outputs: 'y', typeSets: { A: [...EIGHTS, ...FLOATS8], B: [...EIGHTS, ...FLOATS8], Q: [...EIGHTS, ...FLOATS8], S: ['float32', 'float16', 'bfloat16'] }, bound: exact, infer: inferQLinearMatMul,
  }),
  /** Convolution of 8-bit integers less their zero points, as int32; places outside count as zeros. */
  op('ConvInteger', 10, 'x:A w:B x_zero_point:A? w_zero_point:B?', {
    outputs: 'y', typeSets: { A: EIGHTS, B: EIGHTS }, attributes: CONVOLUTION, bound: exact, rowWise: firstOnly,
    infer(context) {
      checkAlong(context, 3, inputShape(context, 1)?.[0] ?? null, 1, 'zero points and output channels')
      return inferConvolution(context, 1, undefined, 'int32')
    },
  }),
  /** Convolution of quantized images, quantized again; the bias has the scale x_scale w_scale. */
  op('QLinearConv', 10, 'x:A x_scale:float32 x_zero_point:A w:B w_scale:float32 w_zero_point:B y_scale:float32 y_zero_point:Q B:int32?', {
    outputs: 'y', typeSets: { A: EIGHTS, B: EIGHTS, Q: EIGHTS }, attributes: CONVOLUTION, bound: exact, rowWise: firstOnly, infer: inferQLinearConv,
  }),
]
