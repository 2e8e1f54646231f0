// Models that compute in integers: values of 8 or 16 bits with a scale and a zero point. Convolutions and products run in integers, what only
// moves values keeps them as they are, and everything else is computed in float32 and rounded to the output's integers. TFLite's own kernels
// round sums by multipliers of 31 bits, some twice: its numbers are these or one step beside them.
import { flatUint8 } from '../flatbuffers.ts'
import { bytesPerElement, sizeOf, viewData, type DType, type Tensor } from '../../tensor/index.ts'
import type { Net, Value } from '../network/net.ts'
import { channelsFirst, channelsLast, elementwise, floats, ints, numbersOf, reshape, scalar, sizeOfAxis } from '../network/tensors.ts'
import { permuted } from '../network/permute.ts'
import { tfliteError, type TfliteModel, type TfliteOperator, type TfliteTensor } from './model.ts'
import { byteOption, intOption, type Op } from './operator.ts'
import { dtypeOf, isQuantized } from './tensors.ts'
import { CONV_2D, DEPTHWISE_CONV_2D, placement, type ConvolutionForm } from './windows.ts'

/** The values of a model that are integers with a scale. */
export interface Quantized {
  /** True for a value that the graph computes in integers. */
  has(index: number): boolean
  /** The integers of a value; undefined where nothing has made it yet. */
  integers(index: number): Value | undefined
  /** The floats that a value's integers stand for; made once. */
  floats(index: number): Value | undefined
  setIntegers(index: number, value: Value): void
  /** Rounds floats to the integers of a value. */
  setFloats(index: number, value: Value): void
}

/** Operators that only move values, and MAX_POOL_2D, which picks some: integers pass unchanged where their scales agree. */
const MOVES: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'RESHAPE', 'TRANSPOSE', 'SQUEEZE', 'EXPAND_DIMS', 'SLICE', 'STRIDED_SLICE', 'GATHER', 'GATHER_ND', 'CONCATENATION', 'SPLIT', 'SPLIT_V', 'PACK', 'UNPACK', 'TILE',
  'BROADCAST_TO', 'REVERSE_V2', 'SPACE_TO_DEPTH', 'DEPTH_TO_SPACE', 'RESIZE_NEAREST_NEIGHBOR', 'MAX_POOL_2D',
])

/** Scale and zero point of a value; throws TFLITE_QUANTIZED for those of each channel, which only weights have. */
function parameters({ name, scales, zeroPoints }: TfliteTensor): { readonly scale: number; readonly zeroPoint: number } {
  if (scales.length !== 1 || !(scales[0] > 0) || scales[0] === Infinity) throw tfliteError('TFLITE_QUANTIZED', `tensor ${JSON.stringify(name)} is computed in integers with the scales ${scales.slice(0, 4).join(', ')}, expected one above 0`)
  return { scale: scales[0], zeroPoint: zeroPoints[0] ?? 0 }
}

/** What of a model is computed in integers. Throws TFLITE_QUANTIZED for integers of 32 bits. */
export function quantizedValues(model: TfliteModel, net: Net, computed: ReadonlySet<number>): Quantized {
  const asIntegers = new Map<number, Value>()
  const asFloats = new Map<number, Value>()
  const members = new Set([...computed].filter((index) => {
    const tensor = model.tensors[index]
    return tensor !== undefined && isQuantized(tensor)
  }))
  for (const index of members) {
    const tensor = model.tensors[index]
    if (dtypeOf(tensor) === 'int32') throw tfliteError('TFLITE_QUANTIZED', `tensor ${JSON.stringify(tensor.name)} is computed in integers of 32 bits with the scale ${tensor.scales[0]}, expected 8 or 16 bits`)
    parameters(tensor)
  }
  return {
    has: (index) => members.has(index),
    integers: (index) => asIntegers.get(index),
    floats(index) {
      const known = asFloats.get(index)
      const value = asIntegers.get(index)
      if (known !== undefined || value === undefined) return known
      const made = elementwise(net, value, (one) => net.emit('DequantizeLinear', [one, ...scaleOf(net, model.tensors[index])]))
      asFloats.set(index, made)
      return made
    },
    setIntegers(index, value) {
      asIntegers.set(index, value)
      asFloats.delete(index)
    },
    setFloats(index, value) {
      asIntegers.set(index, elementwise(net, value, (one) => net.emit('QuantizeLinear', [one, ...scaleOf(net, model.tensors[index])])))
      asFloats.delete(index)
    },
  }
}

/** Scale and zero point as constants. */
function scaleOf(net: Net, tensor: TfliteTensor): Value[] {
  const { scale, zeroPoint } = parameters(tensor)
  return [scalar(net, scale, 'float32'), scalar(net, zeroPoint, dtypeOf(tensor))]
}

function sameScale(a: TfliteTensor, b: TfliteTensor): boolean {
  return a.type === b.type && a.scales[0] === b.scales[0] && (a.zeroPoints[0] ?? 0) === (b.zeroPoints[0] ?? 0)
}

/** True where an operator hands integers on as they are. */
export function movesIntegers({ name, inputs, outputs, options }: TfliteOperator, model: TfliteModel, quantized: Quantized): boolean {
  const output = model.tensors[outputs[0]]
  const activation = name === 'MAX_POOL_2D' ? 5 : name === 'CONCATENATION' ? 1 : undefined
  if (activation !== undefined && options !== undefined && flatUint8(options, activation, 0) !== 0) return false
  if (!MOVES.has(name) || output === undefined || !outputs.every((index) => quantized.has(index) && sameScale(model.tensors[index], output))) return false
  return inputs.every((index) => {
    const tensor = model.tensors[index]
    return tensor === undefined || !isQuantized(tensor) || (quantized.has(index) && sameScale(tensor, output))
  })
}

interface IntegerOp extends Op {
  readonly operator: TfliteOperator
  readonly model: TfliteModel
  readonly quantized: Quantized
}

function rawConstant(tensor: TfliteTensor | undefined): Tensor | undefined {
  if (tensor === undefined) return undefined
  const dtype = dtypeOf(tensor)
  const size = sizeOf(tensor.shape)
  if (tensor.data.length === 0 || tensor.data.length !== size * bytesPerElement(dtype)) return undefined
  return { dtype, shape: tensor.shape, data: viewData(dtype, tensor.data.slice().buffer, 0, size) }
}

/** The same integers with their axes in another order. */
function integersPermuted(tensor: Tensor, perm: readonly number[]): Tensor {
  const moved = permuted(tensor, perm)
  return floats(numbersOf(moved), moved.shape, tensor.dtype)
}

const EIGHTS: ReadonlySet<DType> = new Set<DType>(['int8', 'uint8'])

/** The least and the largest integer that a fused activation leaves of an output; undefined where it leaves all. */
function limits(op: IntegerOp, output: TfliteTensor, field: number): [number, number] | undefined {
  const { scale, zeroPoint } = parameters(output)
  const place = (value: number): number => zeroPoint + Math.round(value / scale)
  const [least, most] = dtypeOf(output) === 'uint8' ? [0, 255] : [-128, 127]
  switch (byteOption(op, field)) {
    case 1:
      return [Math.max(least, zeroPoint), most]
    case 2:
      return [Math.max(least, place(-1)), Math.min(most, place(1))]
    case 3:
      return [Math.max(least, zeroPoint), Math.min(most, place(6))]
    default:
      return undefined
  }
}

/** A convolution of 8-bit integers, or undefined where it is none: `kernel` in the order of QLinearConv. */
function integerConvolution(op: IntegerOp, x: Value, kernel: Tensor, attributes: Readonly<Record<string, string | number | readonly number[]>>, activation: number): Value | undefined {
  const { net, model, operator: { inputs, outputs } } = op
  const [input, weights, output] = [model.tensors[inputs[0]], model.tensors[inputs[1]], model.tensors[outputs[0]]]
  const bias = inputs[2] === undefined || inputs[2] < 0 ? undefined : rawConstant(model.tensors[inputs[2]])
  if (![input, weights, output].every((tensor) => EIGHTS.has(dtypeOf(tensor))) || (inputs[2] >= 0 && bias?.dtype !== 'int32')) return undefined
  const perTensor = weights.scales.length === 1
  const count = kernel.shape[0]
  if (!perTensor && weights.scales.length !== count) return undefined
  const vector = (values: readonly number[], dtype: DType): Value => (perTensor ? scalar(net, values[0], dtype) : net.constant(floats(values, [count], dtype), 'scales'))
  const points = perTensor ? [weights.zeroPoints[0] ?? 0] : Array.from({ length: count }, (_, i) => weights.zeroPoints[i] ?? weights.zeroPoints[0] ?? 0)
  const y = net.emit('QLinearConv', [
    x, ...scaleOf(net, input), net.constant(kernel, 'kernel'), vector(weights.scales, 'float32'), vector(points, kernel.dtype), ...scaleOf(net, output),
    ...(bias === undefined ? [] : [net.constant({ ...bias, shape: [bias.data.length] }, 'bias')]),
  ], attributes)
  const range = limits(op, output, activation)
  return range === undefined ? y : net.emit('Clip', [y, scalar(net, range[0], dtypeOf(output)), scalar(net, range[1], dtypeOf(output))])
}

type IntegerLowering = (op: IntegerOp) => Value | undefined

const convolution = ({ order, activation, attributes }: ConvolutionForm): IntegerLowering => (op) => {
  const { net, model, operator, quantized } = op
  const x = quantized.integers(operator.inputs[0])
  const kernel = rawConstant(model.tensors[operator.inputs[1]])
  if (x === undefined || kernel?.shape.length !== 4) return undefined
  const first = channelsFirst(net, x)
  const y = integerConvolution(op, first, integersPermuted(kernel, order), attributes(op, first.shape[1], kernel), activation)
  return y === undefined ? undefined : channelsLast(net, y)
}

/** A product with weights [units, features], as a convolution of images of one pixel: QLinearMatMul takes no bias. */
const fullyConnected: IntegerLowering = (op) => {
  const { net, model, operator, quantized } = op
  const x = quantized.integers(operator.inputs[0])
  const weights = rawConstant(model.tensors[operator.inputs[1]])
  if (x === undefined || weights?.shape.length !== 2 || byteOption(op, 1) !== 0) return undefined
  const [units, features] = weights.shape
  const pixels = net.emit('Reshape', [x, ints(net, [-1, features, 1, 1])])
  const y = integerConvolution(op, pixels, { ...weights, shape: [units, features, 1, 1] }, {}, 0)
  if (y === undefined) return undefined
  const keeps = byteOption(op, 2) !== 0 || x.shape.length === 2
  return keeps ? reshape(net, y, [...x.shape.slice(0, -1).map((_, axis) => sizeOfAxis(x, axis)), units]) : net.emit('Reshape', [y, ints(net, [-1, units])])
}

/** The mean of the integers, halves away from zero: the scales of input and output are the same. */
const averagePool: IntegerLowering = (op) => {
  const { net, model, operator, quantized } = op
  const x = quantized.integers(operator.inputs[0])
  const [input, output] = [model.tensors[operator.inputs[0]], model.tensors[operator.outputs[0]]]
  if (x === undefined || !sameScale(input, output) || !EIGHTS.has(dtypeOf(input))) return undefined
  const mean = net.emit('AveragePool', [net.emit('Cast', [channelsFirst(net, x)], { to: 'float32' })], {
    ...placement(op), kernel_shape: [intOption(op, 4, 1), intOption(op, 3, 1)],
  })
  const half = net.emit('Floor', [net.emit('Add', [net.emit('Abs', [mean]), scalar(net, 0.5)])])
  const [least, most] = limits(op, output, 5) ?? (dtypeOf(output) === 'uint8' ? [0, 255] : [-128, 127])
  const limited = net.emit('Clip', [net.emit('Mul', [net.emit('Sign', [mean]), half]), scalar(net, least), scalar(net, most)])
  return channelsLast(net, net.emit('Cast', [limited], { to: dtypeOf(output) }))
}

const INTEGER: ReadonlyMap<string, IntegerLowering> = /* @__PURE__ */ new Map<string, IntegerLowering>([
  ['CONV_2D', convolution(CONV_2D)], ['DEPTHWISE_CONV_2D', convolution(DEPTHWISE_CONV_2D)], ['FULLY_CONNECTED', fullyConnected], ['AVERAGE_POOL_2D', averagePool],
])

/** The output's integers where an operator has a form of its own for integers; undefined where floats are rounded instead. */
export function lowerIntegers(op: Op, operator: TfliteOperator, model: TfliteModel, quantized: Quantized): Value | undefined {
  const own = INTEGER.get(operator.name)
  if (own === undefined || !quantized.has(operator.inputs[0]) || !quantized.has(operator.outputs[0])) return undefined
  return own({ ...op, operator, model, quantized })
}
