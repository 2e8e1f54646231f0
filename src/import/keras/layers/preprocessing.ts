// Preprocessing layers, wrappers.
import type { Net, Value } from '../../network/net.ts'
import { add, asFloat, cast, div, floats, frontAxis, ints, listLength, mul, numbersOf, reduce, reshape, scalar, sizeOfAxis, slice, squeeze, sub, unsqueeze, type Wanted } from '../../network/tensors.ts'
import type { Json } from '../../json.ts'
import { count, flag, kerasError, nameOf, number, numbers, plainValue, text, unsupported, wholes, word } from '../config.ts'
import { simple, unmasked, type LayerFactory } from '../layer.ts'
import { spec } from '../weights.ts'

/** Numbers nested to any depth. */
function flatNumbers(given: Json | undefined): number[] | undefined {
  const value = plainValue(given)
  if (typeof value === 'number') return [value]
  if (!Array.isArray(value)) return undefined
  const parts = value.map(flatNumbers)
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined
}

const rescaling: LayerFactory = (config, _weights, info) => {
  const factors = (key: string, fallback: number): number[] => flatNumbers(config.get(key) ?? undefined) ?? [number(config, key, fallback)]
  const scale = factors('scale', 1)
  const offset = factors('offset', 0)
  const vector = (net: Net, list: readonly number[]): Value => (list.length === 1 ? scalar(net, list[0]) : net.constant(floats(list, [list.length], net.dtype), 'scale'))
  return (info.major >= 3 ? simple : unmasked)((net, value) => add(net, mul(net, asFloat(net, value), vector(net, scale)), vector(net, offset)))
}

/** Keras keeps deviations from vanishing. */
const LEAST_DEVIATION = 1e-7

const normalization: LayerFactory = (config, weights) => {
  const name = nameOf(config)
  const axes = config.get('axis') === null ? [] : (wholes(config, 'axis') ?? [-1])
  const given = [flatNumbers(config.get('mean') ?? undefined), flatNumbers(config.get('variance') ?? undefined)]
  const taken = given[0] === undefined ? weights.take([spec('mean', false), spec('variance', false), spec('count', false)]) : []
  const invert = flag(config, 'invert', false)
  return unmasked((net, input) => {
    const value = asFloat(net, input)
    const mean = given[0] ?? [...numbersOf(taken[0])]
    const variance = given[1] ?? [...numbersOf(taken[1])]
    const kept = axes.map((axis) => frontAxis(axis, value.shape.length))
    const shape = value.shape.map((dim, axis) => (kept.includes(axis) && typeof dim === 'number' ? dim : 1))
    const size = shape.reduce((product, dim) => product * dim, 1)
    const fill = (list: readonly number[]): number[] => (list.length === 1 ? new Array<number>(size).fill(list[0]) : [...list])
    if (fill(mean).length !== size || fill(variance).length !== size) throw kerasError('KERAS_WEIGHTS', `layer ${JSON.stringify(name)}: mean and variance have ${mean.length} and ${variance.length} numbers, expected ${size}`)
    const center = net.constant(floats(fill(mean), shape, net.dtype), 'mean')
    const deviation = net.constant(floats(fill(variance).map((one) => Math.max(Math.sqrt(one), LEAST_DEVIATION)), shape, net.dtype), 'deviation')
    return invert ? add(net, mul(net, value, deviation), center) : div(net, sub(net, value, center), deviation)
  })
}

function isFirst(config: Parameters<LayerFactory>[0]): boolean {
  return text(config, 'data_format', 'channels_last') === 'channels_first'
}

const resizing: LayerFactory = (config) => {
  const size = [count(config, 'height'), count(config, 'width')]
  const mode = word(config, 'interpolation', ['bilinear', 'nearest', 'bicubic', 'area', 'lanczos3', 'lanczos5', 'gaussian', 'mitchellcubic'], 'bilinear')
  const name = nameOf(config)
  if (flag(config, 'crop_to_aspect_ratio', false) || flag(config, 'pad_to_aspect_ratio', false)) throw unsupported(`layer ${JSON.stringify(name)}, Resizing that keeps the aspect ratio`)
  if (mode !== 'bilinear' && mode !== 'nearest' && mode !== 'bicubic') throw unsupported(`layer ${JSON.stringify(name)}, Resizing with interpolation ${mode}`)
  return unmasked((net, given) => {
    const value = mode === 'nearest' ? given : asFloat(net, given)
    const rank = value.shape.length
    const at = isFirst(config) ? rank - 2 : rank - 3
    const sizes = net.constant({ dtype: 'int64', shape: [2], data: BigInt64Array.from(size, BigInt) }, 'sizes')
    const result = net.emit('Resize', [value, undefined, undefined, sizes], {
      axes: [at, at + 1], coordinate_transformation_mode: 'half_pixel',
      ...(mode === 'nearest' ? { mode: 'nearest', nearest_mode: 'round_prefer_ceil' } : mode === 'bilinear' ? { mode: 'linear' } : { mode: 'cubic', cubic_coeff_a: -0.5, exclude_outside: 1 }),
    })
    return { ...result, shape: value.shape.map((dim, axis) => (axis === at ? size[0] : axis === at + 1 ? size[1] : dim)) }
  })
}

/** Where TensorFlow.js takes the places of a cropped axis from: it rounds fractions of the image, and gives 0 outside of it. */
function croppedPlaces(dim: number, wanted: number, isWidth: boolean): number[] {
  const half = Math.floor((dim - wanted) / 2)
  const start = isWidth && half === 0 && dim !== wanted ? 1 : half
  const [from, to] = [Math.fround(start / dim), Math.fround((wanted + start) / dim)]
  const step = wanted > 1 ? ((to - from) * (dim - 1)) / (wanted - 1) : 0
  return Array.from({ length: listLength(wanted) }, (_, i) => {
    const at = wanted > 1 ? from * (dim - 1) + i * step : 0.5 * (from + to) * (dim - 1)
    return at < 0 || at > dim - 1 ? -1 : Math.round(at)
  })
}

/** Places of an axis, -1 for zeros. */
function placed(net: Net, value: Value, axis: number, places: readonly number[]): Value {
  const found = net.emit('Gather', [value, ints(net, places.map((place) => Math.max(place, 0)))], { axis })
  if (!places.includes(-1)) return found
  const shape = value.shape.map((_, i) => (i === axis ? places.length : 1))
  return mul(net, found, net.constant(floats(places.map((place) => (place < 0 ? 0 : 1)), shape, net.dtype), 'inside'))
}

const centerCrop: LayerFactory = (config, _weights, info) => {
  const size = [count(config, 'height'), count(config, 'width')]
  const name = nameOf(config)
  return unmasked((net, given) => {
    const value = asFloat(net, given)
    const at = isFirst(config) ? value.shape.length - 2 : value.shape.length - 3
    let result = value
    size.forEach((wanted, i) => {
      const dim = value.shape[at + i]
      if (typeof dim !== 'number' || dim < wanted) throw unsupported(`layer ${JSON.stringify(name)}, CenterCrop of images that are smaller than ${size.join(' x ')} or of unknown size`)
      if (info.isTfjs) {
        result = placed(net, result, at + i, croppedPlaces(dim, wanted, i === 1))
        return
      }
      const start = Math.floor((dim - wanted) / 2)
      result = slice(net, result, at + i, start, start + wanted)
    })
    return result
  })
}

const discretization: LayerFactory = (config) => {
  const bounds = numbers(config, 'bin_boundaries')
  const name = nameOf(config)
  if (bounds === undefined) throw unsupported(`layer ${JSON.stringify(name)}, a Discretization whose boundaries are not in its configuration`)
  const mode = word(config, 'output_mode', ['int', 'one_hot', 'multi_hot', 'count', 'binary'], 'int')
  return unmasked((net, given) => {
    const value = asFloat(net, given)
    const spread = net.emit('Unsqueeze', [value, net.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(value.shape.length)) }, 'axis')])
    const above = net.emit('GreaterOrEqual', [spread, net.constant(floats(bounds, [bounds.length], net.dtype), 'bounds')])
    const ids = reduce(net, 'ReduceSum', cast(net, above, 'int64'), [value.shape.length])
    return mode === 'int' ? ids : encoded(net, ids, bounds.length + 1, mode)
  })
}

/** Whole numbers as rows: a row each (one_hot), or one for the numbers along the last axis, which says whether (multi_hot) or how often they occur. */
function encoded(net: Net, ids: Value, depth: number, mode: 'one_hot' | 'multi_hot' | 'count' | 'binary', weights?: Value): Value {
  const last = ids.shape.length - 1
  const flat = mode === 'one_hot' && last > 0 && ids.shape[last] === 1 ? squeeze(net, ids, [last]) : ids
  const hot = net.emit('OneHot', [flat, net.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(depth)) }, 'depth'), net.constant(floats([0, 1], [2], net.dtype), 'values')], { axis: -1 })
  if (mode === 'one_hot') return hot
  return reduce(net, mode === 'count' ? 'ReduceSum' : 'ReduceMax', weights === undefined ? hot : mul(net, hot, unsqueeze(net, asFloat(net, weights), [last + 1])), [last])
}

const categoryEncoding: LayerFactory = (config) => {
  const tokens = count(config, 'num_tokens')
  const mode = word(config, 'output_mode', ['multi_hot', 'one_hot', 'count', 'binary'], 'multi_hot')
  return {
    call: (net, { inputs: [{ value }, weights], tensors }) => [{ value: encoded(net, cast(net, value, 'int64'), tokens, mode, (weights ?? tensors.get('count_weights')?.[0])?.value) }],
  }
}

/** A layer for each step: steps become rows, and back. */
const timeDistributed: LayerFactory = (config, weights, info) => {
  const name = nameOf(config)
  const inner = info.layer(config.get('layer'), `layer of ${JSON.stringify(name)}`, weights.child('layer'))
  return {
    call(net, call) {
      const [{ value, mask }] = call.inputs
      if (value.shape.length < 3) throw kerasError('KERAS_SHAPE', `layer ${JSON.stringify(name)} reads a tensor of ${value.shape.length} dimensions, expected at least 3`)
      const [batch, steps, ...rest] = value.shape.map((_, axis) => sizeOfAxis(value, axis))
      const rows: Wanted = typeof batch === 'number' && typeof steps === 'number' ? batch * steps : -1
      const merged = reshape(net, value, [rows, ...rest])
      const results = inner.call(net, { ...call, inputs: [{ value: { ...merged, shape: [null, ...merged.shape.slice(1)] } }] })
      return results.map((one) => ({ value: reshape(net, one.value, [batch, steps, ...one.value.shape.slice(1).map((_, axis) => sizeOfAxis(one.value, axis + 1))]), mask }))
    },
  }
}

const spectralNormalization: LayerFactory = (config, weights, info) => {
  const inner = info.layer(config.get('layer'), `layer of ${JSON.stringify(nameOf(config))}`, weights.child('layer'))
  // The vector that training iterates on; the kernel is stored normalized.
  weights.take([spec('vector_u', false)])
  return { call: (net, call) => inner.call(net, call) }
}

export const preprocessingLayers: readonly (readonly [string, LayerFactory])[] = [
  ['Rescaling', rescaling], ['Normalization', normalization], ['Resizing', resizing], ['CenterCrop', centerCrop], ['Discretization', discretization],
  ['CategoryEncoding', categoryEncoding], ['TimeDistributed', timeDistributed], ['SpectralNormalization', spectralNormalization],
]
