// Activation functions by Keras' names.
import type { Json } from '../json.ts'
import type { Net, Value } from '../network/net.ts'
import { add, asFloat, div, elementwise, listLength, mul, reduce, scalar, sub } from '../network/tensors.ts'
import { isObject, kerasError, unsupported, type Config } from './config.ts'
import type { Layer, ModelInfo } from './layer.ts'
import { recordingWeights } from './weights.ts'

export type Activation = (net: Net, value: Value) => Value

const linear: Activation = (_net, value) => value

/** A step that treats every number alike. */
function pointwise(step: Activation): Activation {
  return (net, value) => elementwise(net, asFloat(net, value), (one) => step(net, one))
}

function op(name: string, attributes: Readonly<Record<string, number | string>> = {}): Activation {
  return pointwise((net, value) => net.emit(name, [value], attributes))
}

/** min(max(x, low), high) */
export function clip(net: Net, value: Value, low: number | undefined, high: number | undefined): Value {
  return net.emit('Clip', [value, low === undefined ? undefined : scalar(net, low, value.dtype), high === undefined ? undefined : scalar(net, high, value.dtype)])
}

/** Where x > threshold, else another value. */
function choose(net: Net, value: Value, threshold: number, otherwise: (value: Value) => Value): Value {
  return net.emit('Where', [net.emit('Greater', [value, scalar(net, threshold)]), value, otherwise(value)])
}

/** sparsemax: the nearest point of the simplex, by sorting along the last axis. */
const sparsemax: Activation = (net, given) => {
  const value = asFloat(net, given)
  const size = value.shape.at(-1)
  if (typeof size !== 'number') throw unsupported('sparsemax over an axis of unknown length')
  const last = value.shape.length - 1
  const count = net.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(size)) }, 'count')
  const [sorted] = net.emitMany('TopK', [value, count], 2, { axis: last })
  const axis = net.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(last)) }, 'axis')
  const sums = sub(net, net.emit('CumSum', [sorted, axis]), scalar(net, 1))
  const ranks = net.constant({ dtype: 'float32', shape: [size], data: Float32Array.from({ length: listLength(size) }, (_, i) => i + 1) }, 'ranks')
  const k = net.dtype === 'float32' ? ranks : net.emit('Cast', [ranks], { to: net.dtype })
  const inside = net.emit('Greater', [mul(net, k, sorted), sums])
  const support = reduce(net, 'ReduceSum', net.emit('Cast', [inside], { to: net.dtype }), [last], true)
  const total = reduce(net, 'ReduceSum', net.emit('Where', [inside, sorted, scalar(net, 0)]), [last], true)
  return net.emit('Relu', [sub(net, value, div(net, sub(net, total, scalar(net, 1)), support))])
}

/** Softmax or LogSoftmax along the last axis, in the form of the value that exists. */
function overChannels(name: string): Activation {
  return (net, given) => {
    const value = asFloat(net, given)
    return net.twins.has(value.name) ? elementwise(net, value, (first) => net.emit(name, [first], { axis: 1 })) : net.emit(name, [value], { axis: -1 })
  }
}

const FUNCTIONS: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ['linear', linear],
  ['relu', op('Relu')],
  ['relu6', pointwise((net, value) => clip(net, value, 0, 6))],
  ['sigmoid', op('Sigmoid')],
  ['tanh', op('Tanh')],
  ['softmax', overChannels('Softmax')],
  ['log_softmax', overChannels('LogSoftmax')],
  ['softplus', op('Softplus')],
  ['softsign', op('Softsign')],
  ['elu', op('Elu')],
  ['selu', op('Selu')],
  ['celu', op('Celu')],
  ['gelu', op('Gelu')],
  ['gelu_new', op('Gelu', { approximate: 'tanh' })],
  ['swish', op('Swish')],
  ['silu', op('Swish')],
  ['hard_silu', op('HardSwish')],
  ['hard_swish', op('HardSwish')],
  ['exponential', op('Exp')],
  ['mish', op('Mish')],
  ['leaky_relu', op('LeakyRelu', { alpha: 0.2 })],
  ['log_sigmoid', pointwise((net, value) => net.emit('Neg', [net.emit('Softplus', [net.emit('Neg', [value])])]))],
  ['hard_tanh', pointwise((net, value) => clip(net, value, -1, 1))],
  ['hard_shrink', op('Shrink', { lambd: 0.5, bias: 0 })],
  ['soft_shrink', op('Shrink', { lambd: 0.5, bias: 0.5 })],
  ['tanh_shrink', pointwise((net, value) => sub(net, value, net.emit('Tanh', [value])))],
  ['squareplus', pointwise((net, value) => div(net, add(net, value, net.emit('Sqrt', [add(net, mul(net, value, value), scalar(net, 4))])), scalar(net, 2)))],
  ['sparse_plus', pointwise((net, value) => {
    const middle = div(net, net.emit('Pow', [add(net, value, scalar(net, 1)), scalar(net, 2)]), scalar(net, 4))
    return net.emit('Where', [net.emit('LessOrEqual', [value, scalar(net, -1)]), scalar(net, 0), choose(net, value, 1, () => middle)])
  })],
  ['sparse_sigmoid', pointwise((net, value) => clip(net, mul(net, scalar(net, 0.5), add(net, value, scalar(net, 1))), 0, 1))],
  ['threshold', pointwise((net, value) => choose(net, value, 0, () => scalar(net, 0)))],
  ['sparsemax', sparsemax],
  ['glu', (net, given) => {
    const [a, b] = net.emitMany('Split', [asFloat(net, given)], 2, { axis: given.shape.length - 1, num_outputs: 2 })
    return mul(net, a, net.emit('Sigmoid', [b]))
  }],
])

/** Keras 3 made it relu6(x + 3) / 6; before it was clip(0.2 x + 0.5). */
export function hardSigmoidSlope(major: number): number {
  return major >= 3 ? 1 / 6 : 0.2
}

/** The function of a name; throws KERAS_ACTIVATION. */
export function activationNamed(name: string, info: ModelInfo): Activation {
  if (name === 'hard_sigmoid') return op('HardSigmoid', { alpha: hardSigmoidSlope(info.major), beta: 0.5 })
  const found = FUNCTIONS.get(name)
  if (found === undefined) throw kerasError('KERAS_ACTIVATION', `activation ${JSON.stringify(name)} is not one of Keras' own (${[...FUNCTIONS.keys()].join(', ')}); export the model to ONNX with tf2onnx and import that`)
  return found
}

/** The name of an activation that a configuration holds in any of its forms; undefined for a layer used as one. */
export function activationName(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return 'linear'
  if (typeof value === 'string') return value
  if (!isObject(value)) return undefined
  const inner = value.get('config')
  if (typeof inner === 'string') return inner
  const className = value.get('class_name')
  return className === 'function' ? String(inner) : undefined
}

/** The activation under a key of a configuration; throws KERAS_ACTIVATION, KERAS_CONFIG. */
export function activationOf(config: Config, key: string, info: ModelInfo, fallback = 'linear'): Activation {
  const value = config.get(key) ?? fallback
  const name = activationName(value)
  if (name !== undefined) return activationNamed(name, info)
  // A layer without arrays of its own, such as LeakyReLU.
  const { weights, specs } = recordingWeights()
  const layer: Layer = info.layer(value, `activation of layer ${JSON.stringify(config.get('name'))}`, weights)
  if (specs.length > 0) throw unsupported(`layer ${layer.className} as an activation, with arrays of its own`)
  return (net, input) => layer.call(net, { inputs: [{ value: input }], tensors: new Map(), plain: new Map() })[0].value
}

/** x where x > threshold and at most `max`, slope (x - threshold) else: the ReLU layer. */
export function reluLayer(net: Net, value: Value, max: number | undefined, slope: number, threshold: number): Value {
  if (threshold === 0 && slope === 0) return max === undefined ? net.emit('Relu', [value]) : clip(net, value, 0, max)
  const limited = max === undefined ? value : clip(net, value, undefined, max)
  const below = slope === 0 ? scalar(net, 0, value.dtype) : mul(net, scalar(net, slope, value.dtype), threshold === 0 ? value : sub(net, value, scalar(net, threshold, value.dtype)))
  return net.emit('Where', [net.emit('Greater', [value, scalar(net, threshold, value.dtype)]), limited, below])
}

