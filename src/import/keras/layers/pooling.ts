// Pools over 1 to 3 dimensions, and over all of them.
import type { Net, Value } from '../../network/net.ts'
import { asFloat, cast, div, mul, reduce, unsqueeze } from '../../network/tensors.ts'
import { flag, text, tuple } from '../config.ts'
import { unmasked, type LayerFactory } from '../layer.ts'
import { onChannelsFirst, placementOf, windowAttributes } from './convolution.ts'

const pool = (rank: number, op: 'MaxPool' | 'AveragePool'): LayerFactory => (config) => {
  const size = tuple(config, 'pool_size', rank, 2)
  const strides = config.get('strides')
  const placement = { ...placementOf(config, rank, 'pool_size'), kernel: size, strides: strides === undefined || strides === null ? size : tuple(config, 'strides', rank, 1), dilations: size.map(() => 1) }
  return unmasked((net, value) => onChannelsFirst(net, value, placement.channelsFirst, (x) => net.emit(op, [x], windowAttributes(placement))))
}

function spatialAxes(rank: number, isFirst: boolean): number[] {
  return Array.from({ length: rank }, (_, i) => i + (isFirst ? 2 : 1))
}

const globalPool = (rank: number, op: 'ReduceMax' | 'ReduceMean'): LayerFactory => (config, _weights, info) => {
  const isFirst = text(config, 'data_format', 'channels_last') === 'channels_first'
  const keepdims = flag(config, 'keepdims', false)
  return {
    call(net, { inputs: [{ value: given, mask }] }) {
      const value = asFloat(net, given)
      // TensorFlow.js counts masked steps too.
      if (op === 'ReduceMean' && rank === 1 && mask !== undefined && !info.isTfjs) return [{ value: maskedMean(net, value, mask, isFirst ? 2 : 1, keepdims) }]
      const twin = isFirst || keepdims ? undefined : net.twins.get(value.name)
      return [{ value: twin === undefined ? reduce(net, op, value, spatialAxes(rank, isFirst), keepdims) : reduce(net, op, twin, spatialAxes(rank, true)) }]
    },
  }
}

/** The mean over the steps that are not masked. */
function maskedMean(net: Net, value: Value, mask: Value, axis: number, keepdims: boolean): Value {
  const counted = unsqueeze(net, cast(net, mask, net.dtype), [axis === 1 ? 2 : 1])
  const total = reduce(net, 'ReduceSum', mul(net, value, counted), [axis], keepdims)
  return div(net, total, reduce(net, 'ReduceSum', counted, [axis], keepdims))
}

export const poolingLayers: readonly (readonly [string, LayerFactory])[] = [1, 2, 3].flatMap((rank): [string, LayerFactory][] => [
  [`MaxPooling${rank}D`, pool(rank, 'MaxPool')], [`AveragePooling${rank}D`, pool(rank, 'AveragePool')],
  [`GlobalMaxPooling${rank}D`, globalPool(rank, 'ReduceMax')], [`GlobalAveragePooling${rank}D`, globalPool(rank, 'ReduceMean')],
])

