// Layers that reshape, project or pass on.
import type { Json } from '../../json.ts'
import { add, asFloat, cast, converted, elementwise, expand, frontAxis, mul, reduce, reshape, scalar, sizeOfAxis, slice, sub, transpose, unsqueeze } from '../../network/tensors.ts'
import type { Net, Value } from '../../network/net.ts'
import type { Tensor } from '../../../tensor/index.ts'
import { activationOf, reluLayer } from '../activations.ts'
import { count, flag, kerasError, nameOf, number, text, unsupported, wholes } from '../config.ts'
import { simple, unmasked, type LayerFactory, type ModelInfo } from '../layer.ts'
import { spec } from '../weights.ts'

/** A constant in the network's float dtype. */
export function weight(net: Net, tensor: Tensor, hint: string): Value {
  return net.constant(converted(tensor, net.dtype), hint)
}

/** x w + b over the last axis. */
export function project(net: Net, value: Value, kernel: Tensor, bias: Tensor | undefined): Value {
  const product = net.emit('MatMul', [asFloat(net, value), weight(net, kernel, 'kernel')])
  return bias === undefined ? product : add(net, product, weight(net, bias, 'bias'))
}

export function requireRank(name: string, tensor: Tensor, rank: number, what: string): void {
  if (tensor.shape.length !== rank) throw kerasError('KERAS_WEIGHTS', `layer ${JSON.stringify(name)}: ${what} has the shape [${tensor.shape.join(', ')}], expected ${rank} dimensions`)
}

const dense: LayerFactory = (config, weights, info) => {
  const name = nameOf(config)
  const hasBias = flag(config, 'use_bias', true)
  const [kernel, bias] = weights.take(hasBias ? [spec('kernel'), spec('bias')] : [spec('kernel')])
  const activate = activationOf(config, 'activation', info)
  return simple((net, value) => {
    requireRank(name, kernel, 2, 'kernel')
    return activate(net, project(net, value, kernel, bias))
  })
}

const einsumDense: LayerFactory = (config, weights, info) => {
  const equation = text(config, 'equation', '')
  const biasAxes = config.get('bias_axes')
  const [kernel, bias] = weights.take(typeof biasAxes === 'string' ? [spec('kernel'), spec('bias')] : [spec('kernel')])
  const activate = activationOf(config, 'activation', info)
  return simple((net, value) => {
    const product = net.emit('Einsum', [asFloat(net, value), weight(net, kernel, 'kernel')], { equation })
    return activate(net, bias === undefined ? product : add(net, product, weight(net, bias, 'bias')))
  })
}

const embedding: LayerFactory = (config, weights) => {
  const [table] = weights.take([spec('embeddings')])
  const masks = flag(config, 'mask_zero', false)
  return {
    call(net, { inputs: [{ value }] }) {
      const ids = cast(net, value, 'int64')
      const result = net.emit('Gather', [weight(net, table, 'embeddings'), ids], { axis: 0 })
      return [{ value: result, mask: masks ? net.emit('Not', [net.emit('Equal', [ids, scalar(net, 0, 'int64')])]) : undefined }]
    },
  }
}

const masking: LayerFactory = (config) => {
  const skipped = number(config, 'mask_value', 0)
  return {
    call(net, { inputs: [{ value: given }] }) {
      const value = asFloat(net, given)
      const differs = net.emit('Not', [net.emit('Equal', [value, scalar(net, skipped)])])
      const kept = reduce(net, 'ReduceMax', differs, [value.shape.length - 1], true)
      return [{ value: mul(net, value, cast(net, kept, net.dtype)), mask: net.emit('Squeeze', [kept, net.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(value.shape.length - 1)) }, 'axis')]) }]
    },
  }
}

/** The shape with one open dimension, -1, worked out from the input where that is known. */
function closed(wanted: readonly number[], value: Value, name: string): number[] {
  const open = wanted.indexOf(-1)
  if (open < 0) return [...wanted]
  const known = value.shape.slice(1)
  if (!known.every((dim): dim is number => typeof dim === 'number')) return [...wanted]
  const total = known.reduce((product, dim) => product * dim, 1)
  const rest = wanted.reduce((product, dim, i) => (i === open ? product : product * dim), 1)
  if (rest === 0 || total % rest !== 0) throw kerasError('KERAS_SHAPE', `layer ${JSON.stringify(name)}: ${total} elements do not fill a shape of [${wanted.join(', ')}]`)
  return wanted.map((dim) => (dim === -1 ? total / rest : dim))
}

const flatten: LayerFactory = (config) => {
  const first = text(config, 'data_format', 'channels_last') === 'channels_first'
  return unmasked((net, value) => {
    const rank = value.shape.length
    // Keras moves the channels last before it flattens.
    const ordered = first && rank > 2 ? transpose(net, value, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]) : value
    const dims = ordered.shape.slice(1)
    const batch = sizeOfAxis(ordered, 0)
    if (rank === 1) return unsqueeze(net, ordered, [1])
    if (dims.every((dim): dim is number => typeof dim === 'number')) return reshape(net, ordered, [batch, dims.reduce((product, dim) => product * dim, 1)])
    return net.emit('Flatten', [ordered], { axis: 1 })
  })
}

const reshapeLayer: LayerFactory = (config) => {
  const name = nameOf(config)
  const target = wholes(config, 'target_shape') ?? []
  return unmasked((net, value) => {
    const dims = closed(target, value, name)
    if (dims.includes(-1)) {
      // Both the batch and a dimension are open: the batch stays where it is.
      const result = net.emit('Reshape', [value, net.constant({ dtype: 'int64', shape: [dims.length + 1], data: BigInt64Array.from([0, ...dims], BigInt) }, 'shape')])
      return { ...result, shape: [value.shape[0], ...result.shape.slice(1)] }
    }
    return reshape(net, value, [sizeOfAxis(value, 0), ...dims])
  })
}

const permute: LayerFactory = (config) => {
  const dims = wholes(config, 'dims') ?? []
  return unmasked((net, value) => transpose(net, value, [0, ...dims]))
}

const repeatVector: LayerFactory = (config) => {
  const n = count(config, 'n')
  return unmasked((net, value) => expand(net, unsqueeze(net, value, [1]), [sizeOfAxis(value, 0), n, sizeOfAxis(value, 1)]))
}

const identity: LayerFactory = () => ({ call: (_net, { inputs }) => inputs.slice(0, 1) })

const activation: LayerFactory = (config, _weights, info) => simple(activationOf(config, 'activation', info))

/** The name of a slope changed twice. */
function slopeOf(config: Parameters<LayerFactory>[0], fallback: number): number {
  return number(config, 'negative_slope', number(config, 'alpha', fallback))
}

const leakyRelu: LayerFactory = (config) => {
  const alpha = slopeOf(config, 0.3)
  return simple((net, value) => elementwise(net, asFloat(net, value), (one) => net.emit('LeakyRelu', [one], { alpha })))
}

const prelu: LayerFactory = (_config, weights) => {
  const [alpha] = weights.take([spec('alpha')])
  return simple((net, value) => {
    const x = asFloat(net, value)
    return net.emit('PRelu', [x, weight(net, alpha, 'alpha')])
  })
}

const elu: LayerFactory = (config) => {
  const alpha = number(config, 'alpha', 1)
  return simple((net, value) => elementwise(net, asFloat(net, value), (one) => net.emit('Elu', [one], { alpha })))
}

const thresholdedRelu: LayerFactory = (config) => {
  const alpha = number(config, 'theta', 1)
  return simple((net, value) => elementwise(net, asFloat(net, value), (one) => net.emit('ThresholdedRelu', [one], { alpha })))
}

const relu: LayerFactory = (config) => {
  const max = config.get('max_value')
  const slope = slopeOf(config, 0)
  const threshold = number(config, 'threshold', 0)
  return simple((net, value) => elementwise(net, asFloat(net, value), (one) => reluLayer(net, one, typeof max === 'number' ? max : undefined, slope, threshold)))
}

/** Larger than any logit: what is masked gets no weight. */
const MASKED = -1e9

const softmax: LayerFactory = (config) => {
  const axes = wholes(config, 'axis') ?? [-1]
  return {
    call(net, { inputs, tensors }) {
      const { value, mask: own } = inputs[0]
      const mask = inputs[1]?.value ?? tensors.get('mask')?.[0].value ?? own
      let x = asFloat(net, value)
      if (mask !== undefined && mask.shape.length === x.shape.length) {
        x = add(net, x, mul(net, sub(net, scalar(net, 1), cast(net, mask, net.dtype)), scalar(net, MASKED)))
      }
      if (axes.length === 1) return [{ value: net.emit('Softmax', [x], { axis: axes[0] }), mask: own }]
      const all = axes.map((axis) => frontAxis(axis, x.shape.length))
      const powers = net.emit('Exp', [sub(net, x, reduce(net, 'ReduceMax', x, all, true))])
      return [{ value: net.emit('Div', [powers, reduce(net, 'ReduceSum', powers, all, true)]), mask: own }]
    },
  }
}

/** Layers that do something in training only. */
const TRAINING_ONLY = [
  'Dropout', 'SpatialDropout1D', 'SpatialDropout2D', 'SpatialDropout3D', 'GaussianNoise', 'GaussianDropout', 'AlphaDropout', 'ActivityRegularization',
  'RandomFlip', 'RandomRotation', 'RandomTranslation', 'RandomZoom', 'RandomContrast', 'RandomBrightness', 'RandomHeight', 'RandomWidth',
  'RandomColorJitter', 'RandomGrayscale', 'RandomHue', 'RandomSaturation', 'RandomSharpness', 'RandomShear', 'RandomErasing', 'RandomGaussianBlur',
  'RandomInvert', 'RandomPerspective', 'RandomPosterization', 'RandomElasticTransform', 'RandomColorDegeneration', 'MixUp', 'CutMix', 'AugMix', 'RandAugment',
]

/** Keras 1: units = max over features of x W + b. */
const maxoutDense: LayerFactory = (config, weights) => {
  const hasBias = flag(config, 'use_bias', true)
  const [kernel, bias] = weights.take(hasBias ? [spec('W'), spec('b')] : [spec('W')])
  return unmasked((net, value) => {
    // x [batch, inputs], W [features, inputs, units] -> [features, batch, units] -> [batch, units]
    const product = net.emit('MatMul', [asFloat(net, value), weight(net, kernel, 'kernel')])
    const shifted = bias === undefined ? product : add(net, product, unsqueeze(net, weight(net, bias, 'bias'), [1]))
    return reduce(net, 'ReduceMax', shifted, [0])
  })
}

/** Keras 1: t act(x W + b) + (1 - t) x with the gate t = sigmoid(x W_carry + b_carry). */
const highway: LayerFactory = (config, weights, info) => {
  const hasBias = flag(config, 'use_bias', true)
  const [kernel, carry, bias, carryBias] = weights.take((hasBias ? ['W', 'W_carry', 'b', 'b_carry'] : ['W', 'W_carry']).map((one) => spec(one)))
  const activate = activationOf(config, 'activation', info)
  return unmasked((net, value) => {
    const x = asFloat(net, value)
    const gate = net.emit('Sigmoid', [project(net, x, carry, carryBias)])
    return add(net, mul(net, activate(net, project(net, x, kernel, bias)), gate), mul(net, sub(net, scalar(net, 1), gate), x))
  })
}

const cropping = (rank: number): LayerFactory => (config) => {
  const pairs = sidePairs(config.get('cropping'), rank, 1, nameOf(config), 'cropping')
  const first = text(config, 'data_format', 'channels_last') === 'channels_first'
  return unmasked((net, value) => {
    let result = value
    pairs.forEach(([before, after], i) => {
      if (before === 0 && after === 0) return
      result = slice(net, result, (first ? 2 : 1) + i, before, after === 0 ? 0x7fff_ffff : -after)
    })
    return result
  })
}

const zeroPadding = (rank: number): LayerFactory => (config) => {
  const pairs = sidePairs(config.get('padding'), rank, 1, nameOf(config), 'padding')
  const first = text(config, 'data_format', 'channels_last') === 'channels_first'
  return unmasked((net, value) => {
    const before = new Array<number>(rank + 2).fill(0)
    const after = new Array<number>(rank + 2).fill(0)
    pairs.forEach(([low, high], i) => {
      before[(first ? 2 : 1) + i] = low
      after[(first ? 2 : 1) + i] = high
    })
    const pads = net.constant({ dtype: 'int64', shape: [2 * rank + 4], data: BigInt64Array.from([...before, ...after], BigInt) }, 'pads')
    const result = net.emit('Pad', [value, pads, scalar(net, 0, value.dtype)])
    return { ...result, shape: value.shape.map((dim, i) => (typeof dim === 'number' ? dim + before[i] + after[i] : before[i] + after[i] === 0 ? dim : null)) }
  })
}

/** Amounts before and after each axis: one number, one for each axis, or pairs. */
function sidePairs(value: Json | undefined, rank: number, fallback: number, name: string, key: string): (readonly [number, number])[] {
  const bad = kerasError('KERAS_CONFIG', `layer ${JSON.stringify(name)}: ${key} is not a whole number, ${rank} of them or ${rank} pairs`)
  const amount = (one: Json): number => {
    if (typeof one !== 'number' || !Number.isSafeInteger(one) || one < 0) throw bad
    return one
  }
  if (value === undefined || value === null) return Array.from({ length: rank }, () => [fallback, fallback])
  if (typeof value === 'number') return Array.from({ length: rank }, () => [amount(value), amount(value)])
  if (!Array.isArray(value)) throw bad
  if (rank === 1) return value.length === 2 ? [[amount(value[0]), amount(value[1])]] : Array.isArray(value[0]) ? [[amount(value[0][0]), amount(value[0][1])]] : [[amount(value[0]), amount(value[0])]]
  // Keras 1 knew four amounts for two axes: top, bottom, left, right.
  if (rank === 2 && value.length === 4) return [[amount(value[0]), amount(value[1])], [amount(value[2]), amount(value[3])]]
  if (value.length !== rank) throw bad
  return value.map((one) => (Array.isArray(one) ? [amount(one[0]), amount(one[1])] as const : [amount(one), amount(one)] as const))
}

/** Until Keras 2.2, and in TensorFlow.js, pixels were placed by their corners. */
export function placesByCorners({ isTfjs, version, major }: ModelInfo): boolean {
  return isTfjs || major < 2 || /^2\.[012](\.\d+)?$/.test(version)
}

const upSampling = (rank: number): LayerFactory => (config, _weights, info) => {
  const size = config.get('size') ?? 2
  const list = typeof size === 'number' ? new Array<number>(rank).fill(size) : (wholes(config, 'size') ?? [])
  if (list.length !== rank || list.some((one) => !Number.isSafeInteger(one) || one < 1)) throw kerasError('KERAS_CONFIG', `layer ${JSON.stringify(nameOf(config))}: size is not ${rank} whole numbers`)
  const first = text(config, 'data_format', 'channels_last') === 'channels_first'
  const mode = text(config, 'interpolation', 'nearest')
  if (mode !== 'nearest' && mode !== 'bilinear' && mode !== 'bicubic') throw unsupported(`UpSampling with interpolation ${mode}`)
  return unmasked((net, value) => {
    const x = mode === 'nearest' ? value : asFloat(net, value)
    const scales = new Float32Array(rank + 2).fill(1)
    list.forEach((one, i) => (scales[(first ? 2 : 1) + i] = one))
    const factors = net.constant({ dtype: 'float32', shape: [rank + 2], data: scales }, 'scales')
    const result = net.emit('Resize', [x, undefined, factors], mode === 'nearest'
      ? { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
      : { mode: mode === 'bilinear' ? 'linear' : 'cubic', coordinate_transformation_mode: placesByCorners(info) ? 'asymmetric' : 'half_pixel', cubic_coeff_a: -0.5, exclude_outside: mode === 'bicubic' ? 1 : 0 })
    return { ...result, shape: value.shape.map((dim, i) => (typeof dim === 'number' ? dim * scales[i] : scales[i] === 1 ? dim : null)) }
  })
}

export const coreLayers: readonly (readonly [string, LayerFactory])[] = [
  ['Dense', dense], ['EinsumDense', einsumDense], ['Embedding', embedding], ['Masking', masking], ['Flatten', flatten], ['Reshape', reshapeLayer], ['Permute', permute],
  ['RepeatVector', repeatVector], ['Activation', activation], ['Identity', identity], ['LeakyReLU', leakyRelu], ['PReLU', prelu], ['ELU', elu],
  ['ThresholdedReLU', thresholdedRelu], ['ReLU', relu], ['Softmax', softmax], ['MaxoutDense', maxoutDense], ['Highway', highway],
  ['Cropping1D', cropping(1)], ['Cropping2D', cropping(2)], ['Cropping3D', cropping(3)],
  ['ZeroPadding1D', zeroPadding(1)], ['ZeroPadding2D', zeroPadding(2)], ['ZeroPadding3D', zeroPadding(3)],
  ['UpSampling1D', upSampling(1)], ['UpSampling2D', upSampling(2)], ['UpSampling3D', upSampling(3)],
  ...TRAINING_ONLY.map((name): readonly [string, LayerFactory] => [name, identity]),
]

