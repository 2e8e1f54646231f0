// Operators with windows: convolutions and pools. TFLite is channels last; kernels are [outputs, height, width, inputs].
import type { Dim } from '../../ops/types.ts'
import type { Tensor } from '../../tensor/index.ts'
import type { Value } from '../network/net.ts'
import { channelsFirst, channelsLast, converted, mul } from '../network/tensors.ts'
import { permuted } from '../network/permute.ts'
import { byteOption, fused, input, intOption, unsupported, type Lowering, type Op } from './operator.ts'

const SAME = 0

function floatConstant(op: Op, index: number, what: string): Tensor {
  const found = op.constants[index]
  if (found === undefined) throw unsupported(op, `${what} that is computed in the graph`)
  return found
}

function bias(op: Op, index: number): Value[] {
  const found = op.inputs[index]
  return found === undefined ? [] : [found]
}

function constant(op: Op, tensor: Tensor, hint: string): Value {
  return op.net.constant(converted(tensor, op.net.dtype), hint)
}

function autoPad(op: Op): string {
  return byteOption(op, 0) === SAME ? 'SAME_UPPER' : 'VALID'
}

/** Padding and strides, which windows state first; dilations in the fields given, height and width. */
export function placement(op: Op, height?: number, width?: number): Readonly<Record<string, string | readonly number[]>> {
  return {
    auto_pad: autoPad(op), strides: [intOption(op, 2, 1), intOption(op, 1, 1)],
    ...(height === undefined || width === undefined ? {} : { dilations: [intOption(op, height, 1), intOption(op, width, 1)] }),
  }
}

/** Where a convolution of images keeps what it is made of, in floats and in integers. */
export interface ConvolutionForm {
  /** From the kernel's axes to [features, channels of a group, height, width]. */
  readonly order: readonly number[]
  /** The field of the options that has the activation. */
  readonly activation: number
  readonly attributes: (op: Op, channels: Dim, kernel: Tensor) => Readonly<Record<string, string | number | readonly number[]>>
}

export const CONV_2D: ConvolutionForm = {
  order: [0, 3, 1, 2],
  activation: 3,
  attributes: (op, channels, kernel) => ({
    ...placement(op, 5, 4), group: typeof channels === 'number' && kernel.shape[3] > 0 ? Math.max(1, Math.floor(channels / kernel.shape[3])) : 1,
  }),
}

/** The kernel is [1, height, width, channels multiplier]. */
export const DEPTHWISE_CONV_2D: ConvolutionForm = { order: [3, 0, 1, 2], activation: 4, attributes: (op, channels) => ({ ...placement(op, 6, 5), group: Number(channels) }) }

const convolution = ({ order, activation, attributes }: ConvolutionForm): Lowering => (op) => {
  const { net } = op
  const kernel = floatConstant(op, 1, 'a kernel')
  const x = channelsFirst(net, input(op, 0))
  const y = net.emit('Conv', [x, constant(op, permuted(kernel, order), 'kernel'), ...bias(op, 2)], attributes(op, x.shape[1], kernel))
  return channelsLast(net, fused(op, y, activation))
}

const convolution3: Lowering = (op) => {
  const { net } = op
  const kernel = floatConstant(op, 1, 'a kernel')
  // [depth, height, width, inputs, outputs]
  const y = net.emit('Conv', [channelsFirst(net, input(op, 0)), constant(op, permuted(kernel, [4, 3, 0, 1, 2]), 'kernel'), ...bias(op, 2)], {
    auto_pad: autoPad(op), strides: [intOption(op, 1, 1), intOption(op, 3, 1), intOption(op, 2, 1)], dilations: [intOption(op, 5, 1), intOption(op, 7, 1), intOption(op, 6, 1)],
  })
  return channelsLast(net, fused(op, y, 4))
}

const transposed: Lowering = (op) => {
  const { net } = op
  const kernel = floatConstant(op, 1, 'a kernel')
  const given = input(op, 2)
  const strides = [intOption(op, 2, 1), intOption(op, 1, 1)]
  const before: number[] = []
  const after: number[] = []
  const added: number[] = []
  for (let axis = 0; axis < 2; axis++) {
    const size = given.shape[axis + 1]
    const wanted = op.outputs[0]?.shape[axis + 1]
    if (typeof size !== 'number' || wanted === undefined) throw unsupported(op, 'a transposed convolution of an image of unknown size')
    const whole = (size - 1) * strides[axis] + kernel.shape[axis + 1]
    const cut = Math.max(0, whole - wanted)
    const low = byteOption(op, 0) === SAME ? Math.floor(cut / 2) : 0
    before.push(low)
    after.push(cut - low)
    added.push(Math.max(0, wanted - whole))
  }
  // [outputs, height, width, inputs] -> [inputs, outputs, height, width]
  const y = net.emit('ConvTranspose', [channelsFirst(net, given), constant(op, permuted(kernel, [3, 0, 1, 2]), 'kernel'), ...bias(op, 3)], {
    kernel_shape: [kernel.shape[1], kernel.shape[2]], strides, pads: [...before, ...after], output_padding: added,
  })
  return channelsLast(net, fused(op, y, 3))
}

const pool = (name: 'MaxPool' | 'AveragePool' | 'L2Pool'): Lowering => (op) => {
  const { net } = op
  const x = channelsFirst(net, input(op, 0))
  const isL2 = name === 'L2Pool'
  const y = net.emit(isL2 ? 'AveragePool' : name, [isL2 ? mul(net, x, x) : x], {
    ...placement(op), kernel_shape: [intOption(op, 4, 1), intOption(op, 3, 1)],
  })
  return channelsLast(net, fused(op, isL2 ? net.emit('Sqrt', [y]) : y, 5))
}

export const windowOperators: readonly (readonly [string, Lowering])[] = [
  ['CONV_2D', convolution(CONV_2D)], ['DEPTHWISE_CONV_2D', convolution(DEPTHWISE_CONV_2D)], ['CONV_3D', convolution3], ['TRANSPOSE_CONV', transposed],
  ['MAX_POOL_2D', pool('MaxPool')], ['AVERAGE_POOL_2D', pool('AveragePool')], ['L2_POOL_2D', pool('L2Pool')],
]
