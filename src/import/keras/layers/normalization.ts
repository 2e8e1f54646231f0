// Normalizations.
import type { Net, Value } from '../../network/net.ts'
import { add, asFloat, channelsFirst, channelsLast, div, elementwise, floats, frontAxis, mul, numbersOf, reduce, scalar, sub } from '../../network/tensors.ts'
import type { Tensor } from '../../../tensor/index.ts'
import { flag, kerasError, nameOf, number, unsupported, whole, wholes } from '../config.ts'
import { simple, unmasked, type LayerFactory } from '../layer.ts'
import { spec } from '../weights.ts'
import { weight } from './core.ts'

/** A vector with its numbers along one axis of `rank`, others of length 1. */
function along(tensor: Tensor, axes: readonly number[], value: Value): Tensor {
  const shape = value.shape.map((dim, axis) => (axes.includes(axis) && typeof dim === 'number' ? dim : 1))
  return shape.reduce((product, dim) => product * dim, 1) === tensor.data.length ? { ...tensor, shape } : tensor
}

const batchNormalization: LayerFactory = (config, weights) => {
  const name = nameOf(config)
  const given = wholes(config, 'axis') ?? [-1]
  if (flag(config, 'renorm', false)) throw unsupported(`layer ${JSON.stringify(name)}, batch renormalization`)
  if (number(config, 'mode', 0) !== 0) throw unsupported(`layer ${JSON.stringify(name)}, BatchNormalization of mode ${number(config, 'mode', 0)}`)
  if (given.length !== 1) throw unsupported(`layer ${JSON.stringify(name)}, BatchNormalization over ${given.length} axes`)
  const epsilon = number(config, 'epsilon', 1e-3)
  const hasScale = flag(config, 'scale', true)
  const hasCenter = flag(config, 'center', true)
  const taken = weights.take([
    ...(hasScale ? [spec('gamma')] : []), ...(hasCenter ? [spec('beta')] : []), spec('moving_mean', false), spec('moving_variance', false),
  ])
  return simple((net, input) => {
    const value = asFloat(net, input)
    const [mean, variance] = taken.slice(-2).map(numbersOf)
    const gamma = hasScale ? numbersOf(taken[0]) : new Float64Array(mean.length).fill(1)
    const beta = hasCenter ? numbersOf(taken[hasScale ? 1 : 0]) : new Float64Array(mean.length)
    if (variance.length !== mean.length || gamma.length !== mean.length || beta.length !== mean.length) {
      throw kerasError('KERAS_WEIGHTS', `layer ${JSON.stringify(name)}: arrays have ${gamma.length}, ${beta.length}, ${mean.length} and ${variance.length} elements, expected the same number`)
    }
    const axis = frontAxis(given[0], value.shape.length)
    const row = (numbersThere: Float64Array, hint: string): Value => net.constant(floats(numbersThere, [numbersThere.length], net.dtype), hint)
    const normalize = (first: Value): Value => net.emit('BatchNormalization', [first, row(gamma, 'gamma'), row(beta, 'beta'), row(mean, 'mean'), row(variance, 'variance')], { epsilon })
    const isLast = axis === value.shape.length - 1
    if (isLast && net.twins.has(value.name)) return elementwise(net, value, normalize)
    if (axis === 1) return normalize(value)
    const scale = gamma.map((one, i) => one / Math.sqrt(variance[i] + epsilon))
    const offset = beta.map((one, i) => one - mean[i] * scale[i])
    const shape = value.shape.map((_, i) => (i === axis ? mean.length : 1))
    return add(net, mul(net, value, net.constant(floats(scale, shape, net.dtype), 'scale')), net.constant(floats(offset, shape, net.dtype), 'offset'))
  })
}

const layerNormalization: LayerFactory = (config, weights) => {
  const axes = wholes(config, 'axis') ?? [-1]
  const epsilon = number(config, 'epsilon', 1e-3)
  const isRms = flag(config, 'rms_scaling', false)
  const names = [...(flag(config, 'scale', true) || isRms ? ['gamma'] : []), ...(flag(config, 'center', true) && !isRms ? ['beta'] : [])]
  const taken = weights.take(names.map((one) => spec(one)))
  const find = (name: string): Tensor | undefined => taken[names.indexOf(name)]
  return simple((net, input) => {
    const value = asFloat(net, input)
    const over = axes.map((axis) => frontAxis(axis, value.shape.length)).sort((a, b) => a - b)
    if (isRms) {
      // Keras takes the variance about the mean here too.
      const mean = reduce(net, 'ReduceMean', value, over, true)
      const centered = sub(net, value, mean)
      const variance = reduce(net, 'ReduceMean', mul(net, centered, centered), over, true)
      return scaled(net, div(net, value, net.emit('Sqrt', [add(net, variance, scalar(net, epsilon))])), find('gamma'), undefined, over)
    }
    const gamma = find('gamma')
    const trailing = over.every((axis, i) => axis === value.shape.length - over.length + i)
    if (trailing && gamma !== undefined) {
      const beta = find('beta')
      // Axes in another order than the input's: Keras reads the array anew, it does not transpose it.
      const shape = over.map((axis) => value.shape[axis])
      const inOrder = (tensor: Tensor): Tensor => (shape.every((dim): dim is number => typeof dim === 'number') ? { ...tensor, shape } : tensor)
      return net.emit('LayerNormalization', [value, weight(net, inOrder(gamma), 'gamma'), ...(beta === undefined ? [] : [weight(net, inOrder(beta), 'beta')])], { axis: over[0], epsilon })
    }
    const centered = sub(net, value, reduce(net, 'ReduceMean', value, over, true))
    const variance = reduce(net, 'ReduceMean', mul(net, centered, centered), over, true)
    return scaled(net, div(net, centered, net.emit('Sqrt', [add(net, variance, scalar(net, epsilon))])), gamma, find('beta'), over)
  })
}

function scaled(net: Net, value: Value, gamma: Tensor | undefined, beta: Tensor | undefined, axes: readonly number[]): Value {
  const stretched = gamma === undefined ? value : mul(net, value, weight(net, along(gamma, axes, value), 'gamma'))
  return beta === undefined ? stretched : add(net, stretched, weight(net, along(beta, axes, value), 'beta'))
}

const rmsNormalization: LayerFactory = (config, weights) => {
  const axes = wholes(config, 'axis') ?? [-1]
  const epsilon = number(config, 'epsilon', 1e-6)
  const [gamma] = weights.take([spec('scale')])
  return unmasked((net, input) => {
    const value = asFloat(net, input)
    const over = axes.map((axis) => frontAxis(axis, value.shape.length))
    const squares = reduce(net, 'ReduceMean', mul(net, value, value), over, true)
    return scaled(net, div(net, value, net.emit('Sqrt', [add(net, squares, scalar(net, epsilon))])), gamma, undefined, over)
  })
}

/** Keras keeps the squared length from vanishing. */
const UNIT_EPSILON = 1e-12

const unitNormalization: LayerFactory = (config) => {
  const axes = wholes(config, 'axis') ?? [-1]
  return simple((net, input) => {
    const value = asFloat(net, input)
    const over = axes.map((axis) => frontAxis(axis, value.shape.length))
    const squares = reduce(net, 'ReduceSum', mul(net, value, value), over, true)
    return div(net, value, net.emit('Sqrt', [net.emit('Max', [squares, scalar(net, UNIT_EPSILON)])]))
  })
}

const groupNormalization: LayerFactory = (config, weights) => {
  const name = nameOf(config)
  const groups = whole(config, 'groups', 32)
  const epsilon = number(config, 'epsilon', 1e-3)
  const hasScale = flag(config, 'scale', true)
  const hasCenter = flag(config, 'center', true)
  const taken = weights.take([...(hasScale ? [spec('gamma')] : []), ...(hasCenter ? [spec('beta')] : [])])
  const given = whole(config, 'axis', -1)
  return simple((net, input) => {
    const value = asFloat(net, input)
    const axis = frontAxis(given, value.shape.length)
    const channels = value.shape[axis]
    if (typeof channels !== 'number' || (axis !== 1 && axis !== value.shape.length - 1) || value.shape.length < 3) throw unsupported(`layer ${JSON.stringify(name)}, GroupNormalization over axis ${given} of ${value.shape.length}`)
    const row = (tensor: Tensor | undefined, fill: number): Value => (tensor === undefined ? net.constant(floats(new Float64Array(channels).fill(fill), [channels], net.dtype), 'row') : weight(net, tensor, 'row'))
    const normalize = (x: Value): Value => net.emit('GroupNormalization', [x, row(hasScale ? taken[0] : undefined, 1), row(hasCenter ? taken.at(-1) : undefined, 0)], { num_groups: groups === -1 ? channels : groups, epsilon })
    return axis === 1 ? normalize(value) : channelsLast(net, normalize(channelsFirst(net, value)))
  })
}

export const normalizationLayers: readonly (readonly [string, LayerFactory])[] = [
  ['BatchNormalization', batchNormalization], ['LayerNormalization', layerNormalization], ['RMSNormalization', rmsNormalization],
  ['UnitNormalization', unitNormalization], ['GroupNormalization', groupNormalization],
]
