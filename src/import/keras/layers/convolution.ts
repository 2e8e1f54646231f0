// Convolutions. Kernels of Keras are [...places, inputs, outputs]; the operators take [outputs, inputs, ...places] and channels first.
import type { Net, Value } from '../../network/net.ts'
import { permuted } from '../../network/permute.ts'
import { add, asFloat, channelsFirst, channelsLast, converted, listLength, numbersOf, reshape, sizeOfAxis, transpose } from '../../network/tensors.ts'
import type { Tensor } from '../../../tensor/index.ts'
import { activationOf } from '../activations.ts'
import { count, flag, kerasError, nameOf, number, text, tuple, unsupported, word, type Config } from '../config.ts'
import { unmasked, type LayerFactory, type ModelInfo } from '../layer.ts'
import { spec } from '../weights.ts'
import { requireRank, weight } from './core.ts'

export interface Placement {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly padding: 'valid' | 'same' | 'causal'
  readonly channelsFirst: boolean
}

export function placementOf(config: Config, rank: number, kernelKey = 'kernel_size'): Placement {
  return {
    kernel: tuple(config, kernelKey, rank, 1),
    strides: tuple(config, 'strides', rank, 1),
    dilations: tuple(config, 'dilation_rate', rank, 1),
    padding: word(config, 'padding', ['valid', 'same', 'causal'], 'valid'),
    channelsFirst: text(config, 'data_format', 'channels_last') === 'channels_first',
  }
}

/** Attributes of Conv and of pools for a placement. */
export function windowAttributes({ kernel, strides, dilations, padding }: Placement): Readonly<Record<string, readonly number[] | string>> {
  const places = { kernel_shape: kernel, strides, dilations }
  if (padding === 'same') return { ...places, auto_pad: 'SAME_UPPER' }
  if (padding === 'causal') return { ...places, pads: [...kernel.map((size, i) => (size - 1) * dilations[i]), ...kernel.map(() => 0)] }
  return places
}

/** The kernel as Keras 2 has it: [...places, inputs, outputs]. Keras 1 kept channels first in some files, Theano flips the places. */
export function kerasKernel(kernel: Tensor, rank: number, placement: Placement, filters: number, info: ModelInfo): Tensor {
  let result = kernel
  if (info.major === 1) {
    if (rank === 1 && kernel.shape.length === 4) {
      const isOld = kernel.shape[0] === placement.kernel[0] && kernel.shape[1] === 1 && kernel.shape[3] === filters
      const plain = isOld ? kernel : permuted(kernel, [2, 3, 1, 0])
      result = { ...plain, shape: [plain.shape[0], plain.shape[2], plain.shape[3]] }
    } else if (placement.channelsFirst && rank > 1) {
      result = permuted(kernel, [...Array.from({ length: rank }, (_, i) => i + 2), 1, 0])
    }
  }
  return isTheano(info, placement.channelsFirst) ? flipped(result, rank) : result
}

/** Files of Keras 1 do not name their backend; Theano was the one with channels first. */
export function isTheano({ backend, major }: ModelInfo, channelsFirst: boolean): boolean {
  return backend === 'theano' || (backend === undefined && major === 1 && channelsFirst)
}

/** The first `rank` axes in opposite order. */
export function flipped(tensor: Tensor, rank: number): Tensor {
  const source = numbersOf(tensor)
  const inner = tensor.shape.slice(rank).reduce((product, dim) => product * dim, 1)
  const places = source.length / inner
  const data = new Float64Array(source.length)
  for (let i = 0; i < places; i++) data.set(source.subarray(i * inner, (i + 1) * inner), (places - 1 - i) * inner)
  return { dtype: 'float64', shape: tensor.shape, data }
}

/** [...places, inputs, outputs] -> [outputs, inputs, ...places] */
export function operatorKernel(kernel: Tensor): Tensor {
  const rank = kernel.shape.length - 2
  return permuted(kernel, [rank + 1, rank, ...Array.from({ length: rank }, (_, i) => i)])
}

/** [...places, inputs, multiplier] -> [inputs multiplier, 1, ...places] */
function depthwiseKernel(kernel: Tensor): Tensor {
  const rank = kernel.shape.length - 2
  const moved = permuted(kernel, [rank, rank + 1, ...Array.from({ length: rank }, (_, i) => i)])
  return { ...moved, shape: [kernel.shape[rank] * kernel.shape[rank + 1], 1, ...kernel.shape.slice(0, rank)] }
}

/** Runs `step` on the channels-first form and returns the form that the layer is in. */
export function onChannelsFirst(net: Net, value: Value, isFirst: boolean, step: (first: Value) => Value): Value {
  const x = asFloat(net, value)
  return isFirst ? step(x) : channelsLast(net, step(channelsFirst(net, x)))
}

function checkInput(name: string, value: Value, rank: number): void {
  if (value.shape.length !== rank + 2) throw kerasError('KERAS_SHAPE', `layer ${JSON.stringify(name)} reads a tensor of ${value.shape.length} dimensions, expected ${rank + 2}`)
}

const convolution = (rank: number): LayerFactory => (config, weights, info) => {
  const name = nameOf(config)
  const placement = placementOf(config, rank)
  const filters = count(config, 'filters')
  const groups = count(config, 'groups', 1)
  const [kernel, bias] = weights.take(flag(config, 'use_bias', true) ? [spec('kernel'), spec('bias')] : [spec('kernel')])
  const activate = activationOf(config, 'activation', info)
  return unmasked((net, value) => {
    checkInput(name, value, rank)
    const own = kerasKernel(kernel, rank, placement, filters, info)
    requireRank(name, own, rank + 2, 'kernel')
    const inputs = [weight(net, operatorKernel(own), 'kernel'), ...(bias === undefined ? [] : [weight(net, bias, 'bias')])]
    return activate(net, onChannelsFirst(net, value, placement.channelsFirst, (x) => net.emit('Conv', [x, ...inputs], { ...windowAttributes(placement), group: groups })))
  })
}

const depthwise = (rank: number): LayerFactory => (config, weights, info) => {
  const name = nameOf(config)
  const stated = placementOf(config, rank)
  // TensorFlow.js writes the dilation of this layer and computes without it.
  const placement = info.isTfjs ? { ...stated, dilations: stated.dilations.map(() => 1) } : stated
  const [kernel, bias] = weights.take(flag(config, 'use_bias', true) ? [spec('depthwise_kernel'), spec('bias')] : [spec('depthwise_kernel')])
  const activate = activationOf(config, 'activation', info)
  return unmasked((net, value) => {
    checkInput(name, value, rank)
    requireRank(name, kernel, rank + 2, 'kernel')
    const inputs = [weight(net, depthwiseKernel(kernel), 'kernel'), ...(bias === undefined ? [] : [weight(net, bias, 'bias')])]
    return activate(net, onChannelsFirst(net, value, placement.channelsFirst, (x) => net.emit('Conv', [x, ...inputs], { ...windowAttributes(placement), group: kernel.shape[rank] })))
  })
}

const separable = (rank: number): LayerFactory => (config, weights, info) => {
  const name = nameOf(config)
  const placement = placementOf(config, rank)
  const names = ['depthwise_kernel', 'pointwise_kernel', ...(flag(config, 'use_bias', true) ? ['bias'] : [])]
  const [depthKernel, pointKernel, bias] = weights.take(names.map((one) => spec(one)))
  const activate = activationOf(config, 'activation', info)
  return unmasked((net, value) => {
    checkInput(name, value, rank)
    const isOldFirst = info.major === 1 && placement.channelsFirst
    const places = Array.from({ length: rank }, (_, i) => i + 2)
    const depth = isOldFirst ? permuted(depthKernel, [...places, 1, 0]) : depthKernel
    const point = isOldFirst ? permuted(pointKernel, [...places, 1, 0]) : pointKernel
    requireRank(name, depth, rank + 2, 'depthwise kernel')
    requireRank(name, point, rank + 2, 'pointwise kernel')
    return activate(net, onChannelsFirst(net, value, placement.channelsFirst, (x) => {
      const spread = net.emit('Conv', [x, weight(net, depthwiseKernel(depth), 'depthwise')], { ...windowAttributes(placement), group: depth.shape[rank] })
      return net.emit('Conv', [spread, weight(net, operatorKernel(point), 'pointwise'), ...(bias === undefined ? [] : [weight(net, bias, 'bias')])])
    }))
  })
}

const transposed = (rank: number): LayerFactory => (config, weights, info) => {
  const name = nameOf(config)
  const placement = placementOf(config, rank)
  const extra = config.get('output_padding')
  const outputPadding = extra === undefined || extra === null ? undefined : tuple(config, 'output_padding', rank, 0, 0)
  const [kernel, bias] = weights.take(flag(config, 'use_bias', true) ? [spec('kernel'), spec('bias')] : [spec('kernel')])
  const activate = activationOf(config, 'activation', info)
  if (placement.padding === 'causal') throw unsupported(`layer ${JSON.stringify(name)}, a causal transposed convolution`)
  return unmasked((net, value) => {
    checkInput(name, value, rank)
    requireRank(name, kernel, rank + 2, 'kernel')
    const before: number[] = []
    const after: number[] = []
    const added: number[] = []
    for (let axis = 0; axis < rank; axis++) {
      // A whole transposed convolution makes (n - 1) stride + extent places; Keras keeps `wanted` more than (n - 1) stride of them.
      const extent = (placement.kernel[axis] - 1) * placement.dilations[axis] + 1
      const stride = placement.strides[axis]
      const own = outputPadding?.[axis]
      const wanted = own === undefined
        ? (placement.padding === 'same' ? stride : Math.max(extent, stride))
        : (placement.padding === 'same' ? extent - 2 * Math.floor(extent / 2) : extent) + own
      const cut = Math.max(0, extent - wanted)
      const low = placement.padding === 'same' ? Math.floor(cut / 2) : 0
      before.push(low)
      after.push(cut - low)
      added.push(Math.max(0, wanted - extent))
    }
    // [...places, outputs, inputs] -> [inputs, outputs, ...places]
    const own = isTheano(info, placement.channelsFirst) ? flipped(kernel, rank) : kernel
    const inputs = [weight(net, operatorKernel(own), 'kernel'), ...(bias === undefined ? [] : [weight(net, bias, 'bias')])]
    return activate(net, onChannelsFirst(net, value, placement.channelsFirst, (x) => net.emit('ConvTranspose', [x, ...inputs], {
      kernel_shape: placement.kernel, strides: placement.strides, dilations: placement.dilations, pads: [...before, ...after], output_padding: added,
    })))
  })
}

/** Convolutions without shared weights: each place has a kernel of its own. */
const locallyConnected = (rank: 1 | 2): LayerFactory => (config, weights, info) => {
  const name = nameOf(config)
  const placement = placementOf(config, rank)
  const filters = count(config, 'filters')
  if (placement.padding !== 'valid' || number(config, 'implementation', 1) !== 1) throw unsupported(`layer ${JSON.stringify(name)}, a locally connected layer with padding ${placement.padding} or implementation ${number(config, 'implementation', 1)}`)
  const [kernel, bias] = weights.take(flag(config, 'use_bias', true) ? [spec('kernel'), spec('bias')] : [spec('kernel')])
  const activate = activationOf(config, 'activation', info)
  return unmasked((net, given) => {
    checkInput(name, given, rank)
    const dims = given.shape.slice(placement.channelsFirst ? 2 : 1, placement.channelsFirst ? undefined : -1)
    let x = asFloat(net, given)
    if (placement.channelsFirst) x = transpose(net, x, rank === 1 ? [0, 2, 1] : [0, 2, 3, 1])
    const channels = x.shape.at(-1)
    const outs = dims.map((dim, axis) => (typeof dim === 'number' ? Math.floor((dim - placement.kernel[axis]) / placement.strides[axis]) + 1 : 0))
    if (typeof channels !== 'number' || outs.some((one) => one < 1)) throw kerasError('KERAS_SHAPE', `layer ${JSON.stringify(name)} needs an input of known size`)
    // [batch, out, place, ...] along each axis, from the last to the first
    for (let axis = rank - 1; axis >= 0; axis--) {
      const size = placement.kernel[axis]
      const indices = BigInt64Array.from({ length: listLength(outs[axis] * size) }, (_, i) => BigInt(Math.floor(i / size) * placement.strides[axis] + (i % size)))
      x = net.emit('Gather', [x, net.constant({ dtype: 'int64', shape: [outs[axis], size], data: indices }, 'places')], { axis: 1 + axis })
    }
    const places = outs.reduce((product, one) => product * one, 1)
    const patch = placement.kernel.reduce((product, one) => product * one, channels)
    const ordered = rank === 1 ? transpose(net, x, [1, 0, 2, 3]) : transpose(net, x, placement.channelsFirst ? [1, 3, 0, 5, 2, 4] : [1, 3, 0, 2, 4, 5])
    const patches = reshape(net, ordered, [places, sizeOfAxis(given, 0), patch])
    const own: Tensor = { ...converted(kernel, 'float64'), shape: [places, patch, filters] }
    if (own.data.length !== places * patch * filters) throw kerasError('KERAS_WEIGHTS', `layer ${JSON.stringify(name)}: kernel has the shape [${kernel.shape.join(', ')}], expected ${places * patch * filters} elements`)
    const product = transpose(net, net.emit('MatMul', [patches, weight(net, own, 'kernel')]), [1, 0, 2])
    const last = reshape(net, product, [sizeOfAxis(given, 0), ...outs, filters])
    const shifted = bias === undefined ? last : add(net, last, weight(net, bias, 'bias'))
    return activate(net, placement.channelsFirst ? transpose(net, shifted, rank === 1 ? [0, 2, 1] : [0, 3, 1, 2]) : shifted)
  })
}

export const convolutionLayers: readonly (readonly [string, LayerFactory])[] = [
  ['Conv1D', convolution(1)], ['Conv2D', convolution(2)], ['Conv3D', convolution(3)],
  ['DepthwiseConv1D', depthwise(1)], ['DepthwiseConv2D', depthwise(2)],
  ['SeparableConv1D', separable(1)], ['SeparableConv2D', separable(2)],
  ['Conv1DTranspose', transposed(1)], ['Conv2DTranspose', transposed(2)], ['Conv3DTranspose', transposed(3)],
  ['LocallyConnected1D', locallyConnected(1)], ['LocallyConnected2D', locallyConnected(2)],
]
