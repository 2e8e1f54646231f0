// Pools: windows that slide over spatial dimensions and leave one number each.
import { MleError } from '../../error.ts'
import { tensorInput, unifyDims } from '../rules.ts'
import { exact, reducing, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type Dim, type ValueType } from '../types.ts'
import { imageShape, outputDim, poolWindow } from '../window.ts'
import { FLOATS, int, ints, knownInts, op, text } from './define.ts'

const WINDOW: OpSchema['attributes'] = [text('auto_pad', 'NOTSET'), { name: 'kernel_shape', kind: 'ints', required: true }, ints('pads'), ints('strides')]
const PLACED: OpSchema['attributes'] = [...WINDOW, ints('dilations'), int('ceil_mode', 0)]

function inferPool(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shape = imageShape(context)
  if (shape === undefined) return [{ dtype }]
  const window = poolWindow(context.attributes)
  if (window.kernel.length !== shape.length - 2) throw new MleError('OP_ATTRIBUTE', `attribute kernel_shape has ${window.kernel.length} values, expected ${shape.length - 2}`, { expected: shape.length - 2, actual: window.kernel.length })
  return [{ dtype, shape: [shape[0], shape[1], ...shape.slice(2).map((dim, axis) => outputDim(window, axis, dim))] }]
}

function inferMaxPool(context: InferContext): ValueType[] {
  const [values] = inferPool(context)
  return context.outputCount < 2 ? [values] : [values, { dtype: 'int64', shape: isTensorType(values) ? values.shape : undefined }]
}

function inferGlobal(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  if (shape !== undefined && shape.length < 2) throw new MleError('OP_RANK', `input 0 has ${shape.length} dimensions, expected a batch, channels and spatial dimensions`, { expected: 3, actual: shape.length })
  return [{ dtype, shape: shape?.map((dim, axis) => (axis < 2 ? dim : 1)) }]
}

function inferUnpool(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shape = imageShape(context)
  const places = imageShape(context, 1)
  if (shape !== undefined && places !== undefined) places.forEach((dim, i) => unifyDims(dim, shape[i], `dimension ${i} of the indices`))
  if (context.inputs[2] !== undefined) {
    const given = knownInts(context, 2)
    return [{ dtype, shape: given ?? shape?.map(() => null) }]
  }
  if (shape === undefined) return [{ dtype }]
  const { kernel, strides, pads } = poolWindow(context.attributes)
  const spatial = shape.slice(2).map((dim, axis): Dim => (typeof dim === 'number' ? (dim - 1) * strides[axis] - pads[axis] - pads[axis + kernel.length] + kernel[axis] : null))
  return [{ dtype, shape: [shape[0], shape[1], ...spatial] }]
}

const first = (_context: InferContext, carries: readonly boolean[]): boolean => carries[0] && !carries.includes(true, 1)

export const poolSchemas: readonly OpSchema[] = [
  /** Largest element of each window, and its place in the flattened input (spatial dimensions in column-major order with storage_order 1); NaN wins, padding never does. @formula Y[n, c, o] = max over k of X[n, c, o stride + k dilation - pad] */
  op('MaxPool', 22, 'X:T', {
    outputs: 'Y Indices?', typeSets: { T: [...FLOATS, 'int8', 'uint8'] }, attributes: [...PLACED, int('storage_order', 0)], bound: exact, infer: inferMaxPool,
    rowWise: (context, carries) => carries[0] && context.outputCount < 2,
  }),
  /** Mean of each window; padding counts as zeros with count_include_pad, else not at all. @formula Y[n, c, o] = sum over k of X[n, c, o stride + k dilation - pad] / count */
  op('AveragePool', 22, 'X:T', { attributes: [...PLACED, int('count_include_pad', 0)], bound: reducing, infer: inferPool, rowWise: first }),
  /** p-norm of each window. @formula Y[n, c, o] = (sum over k of |X[n, c, o stride + k dilation - pad]|^p)^(1/p) */
  op('LpPool', 22, 'X:T', { attributes: [...PLACED, int('p', 2)], bound: reducing, infer: inferPool, rowWise: first }),
  /** Mean over all spatial dimensions. @formula Y[n, c] = mean of X[n, c] */
  op('GlobalAveragePool', 22, 'X:T', { bound: reducing, infer: inferGlobal, rowWise: first }),
  /** Largest element over all spatial dimensions; NaN wins. @formula Y[n, c] = max of X[n, c] */
  op('GlobalMaxPool', 22, 'X:T', { bound: exact, infer: inferGlobal, rowWise: first }),
  /** p-norm over all spatial dimensions. @formula Y[n, c] = (sum |X[n, c]|^p)^(1/p) */
  op('GlobalLpPool', 22, 'X:T', { attributes: [int('p', 2)], bound: reducing, infer: inferGlobal, rowWise: first }),
  /** Puts each element at the place that MaxPool took it from, zeros elsewhere. @formula Y.flat[I] = X */
  op('MaxUnpool', 22, 'X:T I:int64 output_shape:int64?', {
    attributes: [{ name: 'kernel_shape', kind: 'ints', required: true }, ints('pads'), ints('strides')], bound: exact, valueInputs: [2], infer: inferUnpool,
  }),
]
