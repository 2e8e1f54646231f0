// Layers of several inputs.
import type { Net, Value } from '../../network/net.ts'
import { add, asFloat, channelsLast, concat, div, expand, frontAxis, mul, reduce, scalar, sizeOfAxis, sub, transpose, unsqueeze } from '../../network/tensors.ts'
import { flag, kerasError, nameOf, text, unsupported, whole, wholes } from '../config.ts'
import { isSince, type LayerFactory, type Masked, type ModelInfo } from '../layer.ts'

/** Inputs of one rank: those of fewer dimensions get dimensions of length 1 behind the batch. */
function sameRank(net: Net, values: readonly Value[]): Value[] {
  const rank = Math.max(...values.map((value) => value.shape.length))
  return values.map((value) => (value.shape.length === rank ? value : unsqueeze(net, value, Array.from({ length: rank - value.shape.length }, (_, i) => i + 1))))
}

/** A step over all values, in channels-first form where every one of the same shape has it. */
function together(net: Net, values: readonly Value[], step: (values: Value[]) => Value): Value {
  const floats = values.map((value) => asFloat(net, value))
  const twins = floats.map((value) => net.twins.get(value.name))
  const isSame = floats.every((value) => value.shape.length === floats[0].shape.length && value.shape.every((dim, axis) => dim === floats[0].shape[axis]))
  if (isSame && twins.every((twin) => twin !== undefined)) return channelsLast(net, step(twins))
  return step(sameRank(net, floats))
}

/** Steps count where every input with a mask says so. */
function allMasks(net: Net, inputs: readonly Masked[]): Value | undefined {
  const masks = inputs.flatMap((one) => one.mask ?? [])
  return masks.length === 0 ? undefined : masks.reduce((a, b) => net.emit('And', [a, b]))
}

/** From Keras 3.4 on: steps count where any input says so, if all have a mask. */
function mergedMask(net: Net, inputs: readonly Masked[], info: ModelInfo): Value | undefined {
  if (!isSince(info, 3, 4)) return allMasks(net, inputs)
  const masks = inputs.flatMap((one) => one.mask ?? [])
  return masks.length < inputs.length ? undefined : masks.reduce((a, b) => net.emit('Or', [a, b]))
}

type Step = (net: Net, a: Value, b: Value) => Value

const folded = (step: Step): LayerFactory => (_config, _weights, info) => ({
  call: (net, { inputs }) => [{ value: together(net, inputs.map((one) => one.value), (values) => values.reduce((a, b) => step(net, a, b))), mask: mergedMask(net, inputs, info) }],
})

/** A mask in the shape of its steps; undefined where it is none of a value's steps. */
function stepMask(net: Net, { value, mask }: Masked): Value | undefined {
  return mask === undefined || mask.shape.length + 1 !== value.shape.length ? undefined : unsqueeze(net, mask, [mask.shape.length])
}

/** Where a condition holds; the value itself without one. */
function where(net: Net, condition: Value | undefined, value: Value, otherwise: Value): Value {
  return condition === undefined ? value : net.emit('Where', [condition, value, otherwise])
}

/** Maximum and Minimum: from Keras 3.4 on, masked steps of one input take no part. */
const extreme = (step: Step): LayerFactory => (config, weights, info, whole) => {
  const plain = folded(step)(config, weights, info, whole)
  return {
    call(net, call) {
      const { inputs } = call
      if (!isSince(info, 3, 4) || inputs.every((one) => one.mask === undefined)) return plain.call(net, call)
      const values = sameRank(net, inputs.map((one) => asFloat(net, one.value)))
      let result = values[0]
      let mask = stepMask(net, inputs[0])
      inputs.slice(1).forEach((one, i) => {
        const own = stepMask(net, one)
        const next = where(net, own, values[i + 1], result)
        const before = where(net, mask, result, next)
        mask = own === undefined || mask === undefined ? undefined : net.emit('Or', [mask, own])
        result = step(net, before, next)
      })
      return [{ value: result, mask: mergedMask(net, inputs, info) }]
    },
  }
}

/** From Keras 3.4 on, masked steps count as 1, and as 0 where all are masked. */
const multiply: LayerFactory = (config, weights, info, whole) => {
  const plain = folded(mul)(config, weights, info, whole)
  return {
    call(net, call) {
      const { inputs } = call
      if (!isSince(info, 3, 4) || inputs.every((one) => one.mask === undefined)) return plain.call(net, call)
      const values = sameRank(net, inputs.map((one) => where(net, stepMask(net, one), asFloat(net, one.value), scalar(net, 1))))
      const product = values.reduce((a, b) => mul(net, a, b))
      const masks = inputs.flatMap((one) => stepMask(net, one) ?? [])
      const any = masks.length < inputs.length ? undefined : masks.reduce((a, b) => net.emit('Or', [a, b]))
      return [{ value: where(net, any, product, scalar(net, 0)), mask: mergedMask(net, inputs, info) }]
    },
  }
}

const average: LayerFactory = (_config, _weights, info) => ({
  call: (net, { inputs }) => [{
    value: together(net, inputs.map((one) => one.value), (values) => div(net, values.reduce((a, b) => add(net, a, b)), scalar(net, values.length))),
    mask: mergedMask(net, inputs, info),
  }],
})

const concatenate: LayerFactory = (config, _weights, info) => {
  const axis = whole(config, 'axis', -1)
  return {
    call(net, { inputs }) {
      const values = inputs.map((one) => (inputs.every((other) => other.value.dtype === one.value.dtype) ? one.value : asFloat(net, one.value)))
      const rank = values[0].shape.length
      const at = frontAxis(axis, rank)
      if (values.some((value) => value.shape.length !== rank)) throw kerasError('KERAS_SHAPE', `layer ${JSON.stringify(nameOf(config))} joins tensors of ${values.map((value) => value.shape.length).join(' and ')} dimensions`)
      const twins = values.map((value) => net.twins.get(value.name))
      const value = at === rank - 1 && twins.every((twin) => twin !== undefined) ? channelsLast(net, concat(net, twins, 1)) : concat(net, values, at)
      return [{ value, mask: concatenatedMask(net, inputs, at, rank, info) }]
    },
  }
}

/** Along time the masks follow each other; along another axis a step counts where all count, from Keras 3.4 on where any does. */
function concatenatedMask(net: Net, inputs: readonly Masked[], axis: number, rank: number, info: ModelInfo): Value | undefined {
  if (inputs.every((one) => one.mask === undefined)) return undefined
  // An input without a mask counts everywhere.
  if (axis !== 1 || rank < 3) return isSince(info, 3, 4) ? mergedMask(net, inputs, info) : allMasks(net, inputs)
  const masks = inputs.map((one) => one.mask ?? expand(net, net.constant({ dtype: 'bool', shape: [1, 1], data: Uint8Array.of(1) }, 'true'), [sizeOfAxis(one.value, 0), sizeOfAxis(one.value, 1)]))
  return concat(net, masks, 1)
}

/** What squares of lengths do not fall below. */
function leastSquare(info: ModelInfo): number {
  return info.isTfjs ? 1e-7 : info.major >= 3 ? 1e-14 : 1e-12
}

// a [batch, ..., k, ...], b [batch, ..., k, ...] -> sums over the axes given, other dimensions of a, then of b
function dotProduct(net: Net, a: Value, b: Value, axes: readonly [number, number], normalize: boolean, epsilon: number): Value {
  const [aAxis, bAxis] = [frontAxis(axes[0], a.shape.length), frontAxis(axes[1], b.shape.length)]
  const unit = (value: Value, axis: number): Value => {
    if (!normalize) return value
    const squares = reduce(net, 'ReduceSum', mul(net, value, value), [axis], true)
    return div(net, value, net.emit('Sqrt', [net.emit('Max', [squares, scalar(net, epsilon)])]))
  }
  const others = (value: Value, axis: number): number[] => value.shape.map((_, i) => i).filter((i) => i !== 0 && i !== axis)
  const x = transpose(net, unit(a, aAxis), [0, ...others(a, aAxis), aAxis])
  const y = transpose(net, unit(b, bAxis), [0, bAxis, ...others(b, bAxis)])
  const letters = 'cdefghij'
  const left = letters.slice(0, x.shape.length - 2)
  const right = letters.slice(x.shape.length - 2, x.shape.length + y.shape.length - 4)
  if (x.shape.length === 3 && y.shape.length === 3) return net.emit('MatMul', [x, y])
  const product = net.emit('Einsum', [x, y], { equation: `b${left}k,bk${right}->b${left}${right}` })
  return x.shape.length === 2 && y.shape.length === 2 ? unsqueeze(net, product, [1]) : product
}

const dot: LayerFactory = (config, _weights, info) => {
  const axes = wholes(config, 'axes') ?? [-1]
  const normalize = flag(config, 'normalize', false)
  return {
    call(net, { inputs }) {
      if (inputs.length !== 2) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(nameOf(config))} gets ${inputs.length} inputs, expected 2`)
      const [a, b] = inputs
      return [{ value: dotProduct(net, asFloat(net, a.value), asFloat(net, b.value), [axes[0], axes[1] ?? axes[0]], normalize, leastSquare(info)) }]
    },
  }
}

/** Keras 1: one layer for all ways to merge. */
const merge: LayerFactory = (config, weights, info, all) => {
  const mode = text(config, 'mode', 'sum')
  const make = (factory: LayerFactory, more: readonly (readonly [string, number | number[] | boolean])[] = []): ReturnType<LayerFactory> => factory(new Map([...config, ...more]), weights, info, all)
  const dotAxes = config.get('dot_axes')
  const flat = Array.isArray(dotAxes) ? dotAxes.flat().filter((one): one is number => typeof one === 'number') : typeof dotAxes === 'number' && dotAxes >= 0 ? [dotAxes] : [-1]
  switch (mode) {
    case 'sum':
      return make(folded(add))
    case 'mul':
      return make(folded(mul))
    case 'ave':
      return make(average)
    case 'max':
      return make(folded((net, a, b) => net.emit('Max', [a, b])))
    case 'concat':
      return make(concatenate, [['axis', whole(config, 'concat_axis', -1)]])
    case 'dot':
      return make(dot, [['axes', flat]])
    case 'cos':
      return make(dot, [['axes', flat], ['normalize', true]])
    default:
      throw unsupported(`layer ${JSON.stringify(nameOf(config))}, a Merge of mode ${mode}`)
  }
}

export const mergeLayers: readonly (readonly [string, LayerFactory])[] = [
  ['Add', folded(add)], ['Subtract', folded(sub)], ['Multiply', multiply], ['Average', average],
  ['Maximum', extreme((net, a, b) => net.emit('Max', [a, b]))], ['Minimum', extreme((net, a, b) => net.emit('Min', [a, b]))],
  ['Concatenate', concatenate], ['Dot', dot], ['Merge', merge],
]

