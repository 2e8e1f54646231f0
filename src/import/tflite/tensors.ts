// Tensors of the file: element types, constants, quantized weights as floats.
import { bytesPerElement, sizeOf, viewData, type DType, type Tensor } from '../../tensor/index.ts'
import { converted } from '../network/tensors.ts'
import { tfliteError, type TfliteTensor } from './model.ts'

const DTYPES: readonly (DType | undefined)[] = [
  'float32', 'float16', 'int32', 'uint8', 'int64', undefined, 'bool', 'int16', undefined, 'int8', 'float64', undefined, 'uint64', undefined, undefined, 'uint32', 'uint16', undefined, 'bfloat16',
]
const OTHER_NAMES: ReadonlyMap<number, string> = new Map([[5, 'string'], [8, 'complex64'], [11, 'complex128'], [13, 'resource'], [14, 'variant'], [17, 'int4']])

/** The dtype of a tensor; throws TFLITE_DTYPE. */
export function dtypeOf({ type, name }: TfliteTensor): DType {
  const dtype = DTYPES[type]
  if (dtype === undefined) throw tfliteError('TFLITE_DTYPE', `tensor ${JSON.stringify(name)} has the type ${OTHER_NAMES.get(type) ?? type}, which is not read`)
  return dtype
}

/** True for integers that stand for floats. */
export function isQuantized(tensor: TfliteTensor): boolean {
  return tensor.scales.length > 0 && (tensor.type === 3 || tensor.type === 7 || tensor.type === 9 || (tensor.type === 2 && tensor.scales[0] !== 0))
}

/** A constant of the file, floats in float32; quantized ones as the floats that they stand for. */
export function constantOf(tensor: TfliteTensor): Tensor {
  const dtype = dtypeOf(tensor)
  const size = sizeOf(tensor.shape)
  const bytes = size * bytesPerElement(dtype)
  if (tensor.data.length !== bytes) throw tfliteError('TFLITE_TENSOR', `tensor ${JSON.stringify(tensor.name)} of shape [${tensor.shape.join(', ')}] needs ${bytes} bytes, got ${tensor.data.length}`)
  const raw: Tensor = { dtype, shape: tensor.shape, data: viewData(dtype, tensor.data.slice().buffer, 0, size) }
  if (isQuantized(tensor)) return dequantized(raw, tensor)
  return dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float64' ? converted(raw, 'float32') : raw
}

function dequantized(raw: Tensor, { name, scales, zeroPoints, quantizedAxis, shape }: TfliteTensor): Tensor {
  const channels = shape[quantizedAxis]
  if (scales.length !== 1 && scales.length !== channels) throw tfliteError('TFLITE_TENSOR', `tensor ${JSON.stringify(name)} has ${scales.length} scales for an axis of ${channels ?? 'no'} elements`)
  const inner = shape.slice(quantizedAxis + 1).reduce((product, dim) => product * dim, 1)
  const data = new Float32Array(raw.data.length)
  for (let i = 0; i < data.length; i++) {
    const channel = scales.length === 1 ? 0 : Math.floor(i / inner) % channels
    data[i] = (Number(raw.data[i]) - (zeroPoints[channel] ?? zeroPoints[0] ?? 0)) * scales[channel]
  }
  return { dtype: 'float32', shape: raw.shape, data }
}
