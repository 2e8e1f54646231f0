// Convolutions, pools, normalizations, resizing.
import { EXPORT_ADVICE, pytorchError } from '../error.ts'
import { cast, countsTensor, countOf, int64s, optionalTensor, reshape, scalar, sizeOf, tensorArgument, toTensor, want, type Attributes, type Tracer } from '../trace/tracer.ts'
import { flagOf, intOf, intsOf, isKind, itemsOf, numberOf, tuple, type SymbolValue, type TensorValue, type Value } from '../trace/values.ts'
import { fn, type Arguments, type TorchFunction } from './define.ts'
import { reduce } from './reductions.ts'
import { concat, embedding, slice, squeeze, unsqueeze } from './shapes.ts'

const input = (a: Arguments): TensorValue => tensorArgument(a.get('input') ?? null, 'input')

/** An unbatched input gets a batch of one, which is taken off again. */
function batched(t: Tracer, x: TensorValue, rank: number, run: (x: TensorValue) => TensorValue): TensorValue {
  if (x.shape.length === rank) return run(x)
  if (x.shape.length === rank - 1) return squeeze(t, run(unsqueeze(t, x, 0)), [0])
  throw pytorchError('PYTORCH_RANK', `a layer of ${rank - 2} spatial dimensions is given a tensor of ${x.shape.length} dimensions, expected ${rank}`)
}

/** 'same' and 'valid' as amounts before and after each axis; 'same' puts the odd one after. */
function convolutionPads(value: Value | undefined, kernel: readonly number[], dilation: readonly number[]): number[] {
  if (value === 'valid') return new Array<number>(2 * kernel.length).fill(0)
  if (value === 'same') {
    const totals = kernel.map((size, i) => dilation[i] * (size - 1))
    return [...totals.map((total) => Math.floor(total / 2)), ...totals.map((total) => total - Math.floor(total / 2))]
  }
  const amounts = intsOf(value, 'padding', kernel.length)
  return [...amounts, ...amounts]
}

export function convolution(t: Tracer, a: Arguments, spatial: number): TensorValue {
  const weight = tensorArgument(a.get('weight'), 'weight')
  const bias = optionalTensor(a.get('bias'), 'bias')
  const kernel = weight.shape.slice(2).map(Number)
  const dilations = intsOf(a.get('dilation'), 'dilation', spatial)
  const group = intOf(a.get('groups'), 'groups')
  return batched(t, input(a), spatial + 2, (x) => {
    want(t, x, 1, Number(weight.shape[1]) * group)
    return t.op('Conv', [x, weight, bias], { strides: intsOf(a.get('stride'), 'stride', spatial), pads: convolutionPads(a.get('padding'), kernel, dilations), dilations, group })
  })
}

export function transposedConvolution(t: Tracer, a: Arguments, spatial: number): TensorValue {
  const weight = tensorArgument(a.get('weight'), 'weight')
  const padding = intsOf(a.get('padding'), 'padding', spatial)
  return batched(t, input(a), spatial + 2, (x) => {
    want(t, x, 1, Number(weight.shape[0]))
    return t.op('ConvTranspose', [x, weight, optionalTensor(a.get('bias'), 'bias')], {
      strides: intsOf(a.get('stride'), 'stride', spatial), pads: [...padding, ...padding], output_padding: intsOf(a.get('output_padding'), 'output_padding', spatial),
      dilations: intsOf(a.get('dilation'), 'dilation', spatial), group: intOf(a.get('groups'), 'groups'),
    })
  })
}

/** aten::_convolution of traces. */
function anyConvolution(t: Tracer, a: Arguments): TensorValue {
  const spatial = tensorArgument(a.get('weight'), 'weight').shape.length - 2
  return flagOf(a.get('transposed'), 'transposed') ? transposedConvolution(t, a, spatial) : convolution(t, a, spatial)
}

function windowOf(a: Arguments, spatial: number): { kernel: number[]; strides: number[]; pads: number[]; ceil: boolean } {
  const kernel = intsOf(a.get('kernel_size'), 'kernel_size', spatial)
  const stride = a.get('stride') ?? null
  const isDefault = stride === null || ((isKind(stride, 'list') || isKind(stride, 'tuple')) && stride.items.length === 0)
  const padding = intsOf(a.get('padding'), 'padding', spatial)
  return { kernel, strides: isDefault ? kernel : intsOf(stride, 'stride', spatial), pads: [...padding, ...padding], ceil: flagOf(a.get('ceil_mode'), 'ceil_mode') }
}

function maxPool(t: Tracer, a: Arguments, spatial: number): TensorValue {
  // Places count inside one image in torch; those of the operator through the whole batch.
  if (flagOf(a.get('return_indices') ?? null, 'return_indices')) throw pytorchError('PYTORCH_OPERATOR', `the places of a pool's maxima (return_indices) are not supported; ${EXPORT_ADVICE}`)
  const { kernel, strides, pads, ceil } = windowOf(a, spatial)
  const attributes: Attributes = { kernel_shape: kernel, strides, pads, ceil_mode: ceil ? 1 : 0, dilations: intsOf(a.get('dilation'), 'dilation', spatial) }
  return batched(t, input(a), spatial + 2, (x) => t.op('MaxPool', [x], attributes))
}

function averagePool(t: Tracer, a: Arguments, spatial: number): TensorValue {
  const { kernel, strides, pads, ceil } = windowOf(a, spatial)
  const divisor = a.get('divisor_override') ?? null
  if (divisor !== null && ceil) throw pytorchError('PYTORCH_OPERATOR', 'divisor_override of avg_pool with ceil_mode is not supported')
  const counts = divisor !== null || flagOf(a.get('count_include_pad'), 'count_include_pad')
  return batched(t, input(a), spatial + 2, (x) => {
    const mean = t.op('AveragePool', [x], { kernel_shape: kernel, strides, pads, ceil_mode: ceil ? 1 : 0, count_include_pad: counts ? 1 : 0 })
    return divisor === null ? mean : t.op('Mul', [mean, scalar(t, kernel.reduce((product, size) => product * size, 1) / numberOf(divisor, 'divisor_override'), x.dtype)])
  })
}

/** Cells of an output axis over an input axis: start and end of each. */
function cells(from: number, to: number): (readonly [number, number])[] {
  return Array.from({ length: to }, (_, i) => [Math.floor((i * from) / to), Math.ceil(((i + 1) * from) / to)] as const)
}

/**
 * Means of the cells of an axis whose length only the run knows: differences of running sums. Cell i of n goes from floor(i length / n) to
 * ceil((i + 1) length / n).
 */
function cellMeans(t: Tracer, x: TensorValue, axis: number, n: number): TensorValue {
  if (x.shape[axis] === n) return x
  const length = toTensor(t, sizeOf(t, x, axis), 'length', 'int64')
  const places = (from: number): TensorValue => t.op('Mul', [int64s(t, Array.from({ length: n }, (_, i) => i + from)), length])
  const starts = t.op('Div', [places(0), int64s(t, [n])])
  const ends = t.op('Div', [t.op('Add', [places(1), int64s(t, [n - 1])]), int64s(t, [n])])
  const zero = new Array<number>(2 * x.shape.length).fill(0)
  zero[axis] = 1
  const sums = t.op('CumSum', [t.op('Pad', [x, int64s(t, zero)]), int64s(t, [axis], [])])
  const total = t.op('Sub', [t.op('Gather', [sums, ends], { axis }), t.op('Gather', [sums, starts], { axis })])
  const counts = reshape(t, cast(t, t.op('Sub', [ends, starts]), x.dtype), x.shape.map((_, i) => (i === axis ? n : 1)))
  return t.op('Div', [total, counts])
}

/** Pools to a given size: one window where sizes divide, cells of unequal width where they do not. */
function adaptivePool(t: Tracer, a: Arguments, spatial: number, kind: 'Average' | 'Max'): TensorValue {
  return batched(t, input(a), spatial + 2, (x) => {
    const given = a.get('output_size') ?? null
    const items = isKind(given, 'list') || isKind(given, 'tuple') ? given.items : new Array<Value>(spatial).fill(given)
    const sizes = items.map((item, i): number | SymbolValue => (item === null ? sizeOf(t, x, i + 2) : countOf(item, 'output_size')))
    for (const size of sizes) if (typeof size === 'number' && size > MAX_CELLS) throw pytorchError('PYTORCH_LIMIT', `an adaptive pool to ${size} cells`)
    if (sizes.every((size) => size === 1)) return t.op(`Global${kind}Pool`, [x])
    if (kind === 'Average' && sizes.every((size) => typeof size === 'number') && x.shape.slice(2).some((from) => typeof from !== 'number')) return sizes.reduce((value: TensorValue, size, i) => cellMeans(t, value, i + 2, Number(size)), x)
    const known = sizes.map((size, i) => {
      const from = x.shape[i + 2]
      if (typeof size !== 'number' || typeof from !== 'number') throw pytorchError('PYTORCH_SHAPE', `adaptive pooling to ${String(size)} of ${from} needs the size of the image; give the shape of the inputs (--input-shape NAME=1,3,224,224, or inputs of the architecture file)`)
      return [from, size] as const
    })
    if (known.every(([from, to]) => from === to)) return x
    if (known.every(([from, to]) => from % to === 0)) {
      const kernel = known.map(([from, to]) => from / to)
      return t.op(`${kind}Pool`, [x], { kernel_shape: kernel, strides: kernel })
    }
    let value = x
    known.forEach(([from, to], i) => {
      if (from === to) return
      const parts = cells(from, to).map(([start, end]) => reduce(t, kind === 'Max' ? 'ReduceMax' : 'ReduceMean', slice(t, value, i + 2, start, end, null), [i + 2], true))
      value = concat(t, parts, i + 2)
    })
    return value
  })
}

/** What constants are made for, and cells of adaptive pools. */
const MAX_CHANNELS = 10_000_000
const MAX_CELLS = 4096

const ones = (t: Tracer, count: number, dtype: TensorValue['dtype']): TensorValue => constantOf(t, count, 1, dtype)
const zeros = (t: Tracer, count: number, dtype: TensorValue['dtype']): TensorValue => constantOf(t, count, 0, dtype)

function constantOf(t: Tracer, count: number, value: number, dtype: TensorValue['dtype']): TensorValue {
  if (!(count <= MAX_CHANNELS)) throw pytorchError('PYTORCH_LIMIT', `a layer of ${count} channels`)
  return cast(t, t.constant({ dtype: 'float32', shape: [count], data: new Float32Array(count).fill(value) }, value === 0 ? 'zeros' : 'ones'), dtype)
}

function channelsOf(x: TensorValue, what: string, axis = 1): number {
  const dim = x.shape[axis]
  if (typeof dim !== 'number') throw pytorchError('PYTORCH_SHAPE', `${what} needs the number of channels of its input; give the shape of the inputs`)
  return dim
}

export function batchNorm(t: Tracer, a: Arguments): TensorValue {
  const x = input(a)
  const mean = optionalTensor(a.get('running_mean'), 'running_mean')
  const variance = optionalTensor(a.get('running_var'), 'running_var')
  if (flagOf(a.get('training'), 'training') || mean === undefined || variance === undefined) {
    throw pytorchError('PYTORCH_TRAINING', 'batch normalization uses the statistics of the batch: the model was saved in training mode, or without running statistics; call model.eval() before saving')
  }
  const count = Number(mean.shape[0])
  want(t, x, 1, count)
  const weight = optionalTensor(a.get('weight'), 'weight') ?? ones(t, count, x.dtype)
  const bias = optionalTensor(a.get('bias'), 'bias') ?? zeros(t, count, x.dtype)
  return t.op('BatchNormalization', [x, weight, bias, mean, variance], { epsilon: numberOf(a.get('eps'), 'eps') })
}

export function layerNorm(t: Tracer, a: Arguments): TensorValue {
  const x = input(a)
  const shape = intsOf(a.get('normalized_shape'), 'normalized_shape')
  shape.forEach((size, i) => want(t, x, i - shape.length, size))
  const weight = optionalTensor(a.get('weight'), 'weight') ?? reshape(t, ones(t, shape.reduce((product, size) => product * size, 1), x.dtype), shape)
  return t.op('LayerNormalization', [x, weight, optionalTensor(a.get('bias'), 'bias')], { axis: -shape.length, epsilon: numberOf(a.get('eps'), 'eps') })
}

function rmsNorm(t: Tracer, a: Arguments): TensorValue {
  const x = input(a)
  const shape = intsOf(a.get('normalized_shape'), 'normalized_shape')
  const eps = a.get('eps') ?? null
  const weight = optionalTensor(a.get('weight'), 'weight') ?? reshape(t, ones(t, shape.reduce((product, size) => product * size, 1), x.dtype), shape)
  // torch takes the smallest step of the dtype where no epsilon is given.
  return t.op('RMSNormalization', [x, weight], { axis: -shape.length, epsilon: eps === null ? (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23) : numberOf(eps, 'eps') })
}

function groupNorm(t: Tracer, a: Arguments): TensorValue {
  const x = input(a)
  const given = optionalTensor(a.get('weight'), 'weight')
  const count = given === undefined ? channelsOf(x, 'group_norm') : Number(given.shape[0])
  want(t, x, 1, count)
  const attributes = { num_groups: intOf(a.get('num_groups'), 'num_groups'), epsilon: numberOf(a.get('eps'), 'eps') }
  return t.op('GroupNormalization', [x, given ?? ones(t, count, x.dtype), optionalTensor(a.get('bias'), 'bias') ?? zeros(t, count, x.dtype)], attributes)
}

function instanceNorm(t: Tracer, a: Arguments): TensorValue {
  if (!flagOf(a.get('use_input_stats'), 'use_input_stats')) return batchNorm(t, new Map([...a, ['training', false]]))
  const x = input(a)
  const given = optionalTensor(a.get('weight'), 'weight')
  const count = given === undefined ? channelsOf(x, 'instance_norm') : Number(given.shape[0])
  return t.op('InstanceNormalization', [x, given ?? ones(t, count, x.dtype), optionalTensor(a.get('bias'), 'bias') ?? zeros(t, count, x.dtype)], { epsilon: numberOf(a.get('eps'), 'eps') })
}

const MODES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['nearest', 'nearest'], ['nearest-exact', 'nearest'], ['linear', 'linear'], ['bilinear', 'linear'], ['trilinear', 'linear'], ['bicubic', 'cubic'], ['area', 'area']])

/** Resizing of the spatial axes, to sizes or by scales. */
export function interpolate(t: Tracer, x: TensorValue, size: Value, scale: Value, modeName: string, alignCorners: boolean, antialias = false, recompute = false): TensorValue {
  const mode = MODES.get(modeName)
  if (mode === undefined) throw pytorchError('PYTORCH_ARGUMENT', `the mode ${modeName} of interpolate is not known; expected ${[...MODES.keys()].join(', ')}`)
  const spatial = x.shape.length - 2
  if (mode === 'area') return adaptivePool(t, new Map<string, Value>([['input', x], ['output_size', size]]), spatial, 'Average')
  const attributes = {
    mode, antialias: antialias ? 1 : 0,
    coordinate_transformation_mode: mode !== 'nearest' ? (alignCorners ? 'align_corners' : mode === 'cubic' ? 'half_pixel' : 'pytorch_half_pixel') : modeName === 'nearest' ? 'asymmetric' : 'half_pixel',
    nearest_mode: modeName === 'nearest' ? 'floor' : 'round_prefer_ceil',
    axes: Array.from({ length: spatial }, (_, axis) => axis + 2),
  }
  const isEmpty = (value: Value): boolean => value === null || ((isKind(value, 'list') || isKind(value, 'tuple')) && (value.items.length === 0 || value.items.every((item) => item === null)))
  if (!isEmpty(scale)) {
    const factors = isKind(scale, 'list') || isKind(scale, 'tuple') ? scale.items.map((item) => numberOf(item, 'scale_factor')) : new Array<number>(spatial).fill(numberOf(scale, 'scale_factor'))
    if ((alignCorners || recompute) && !factors.every(Number.isInteger)) return t.op('Resize', [x, undefined, undefined, wholeSizes(t, x, factors)], attributes)
    return t.op('Resize', [x, undefined, t.constant({ dtype: 'float32', shape: [spatial], data: Float32Array.from(factors) }, 'scales')], attributes)
  }
  if (isEmpty(size)) throw pytorchError('PYTORCH_ARGUMENT', 'interpolate needs size or scale_factor')
  const sizes = isKind(size, 'list') || isKind(size, 'tuple') ? size.items.map((item) => countOf(item, 'size')) : new Array<number | SymbolValue>(spatial).fill(countOf(size, 'size'))
  return t.op('Resize', [x, undefined, undefined, countsTensor(t, sizes)], attributes)
}

/** Sizes by factors, rounded down: what corners are aligned by. */
function wholeSizes(t: Tracer, x: TensorValue, factors: readonly number[]): TensorValue {
  const own = x.shape.slice(2)
  if (own.every((size) => typeof size === 'number')) return int64s(t, own.map((size, i) => Math.floor(Number(size) * factors[i])))
  const scales = t.constant({ dtype: 'float64', shape: [factors.length], data: Float64Array.from(factors) }, 'scales')
  return cast(t, t.op('Floor', [t.op('Mul', [cast(t, t.op('Shape', [x], { start: 2 }), 'float64'), scales])]), 'int64')
}

/** aten::upsample_bilinear2d(x, size, align_corners, scale_factors or one per axis). */
function upsample(names: string, mode: string, aligned: boolean, antialias = false): TorchFunction[] {
  return fn(names, 'input output_size a=None b=None c=None d=None e=None', (t, a) => {
    const rest = ['a', 'b', 'c', 'd', 'e'].map((name) => a.get(name) ?? null)
    const align = aligned && rest.shift() === true
    const [first] = rest
    const scales = isKind(first, 'list') ? first : rest.some((item) => item !== null) ? { kind: 'list' as const, items: rest.filter((item) => item !== null) } : null
    const x = input(a)
    const size = a.get('output_size') ?? null
    return interpolate(t, x, size, scales !== null && itemsOf(scales, 'scales').length === x.shape.length - 2 ? scales : null, mode, align, antialias)
  })
}

const PLACES: Value = { kind: 'opaque', what: 'the places of a pool\'s maxima' }

const CONVOLUTION = 'input weight bias=None stride=1 padding=0 dilation=1 groups=1'
const TRANSPOSED = 'input weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1'
const MAX_POOL = 'input kernel_size stride=None padding=0 dilation=1 ceil_mode=False return_indices=False'
const AVERAGE_POOL = 'input kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True divisor_override=None'

const bySpatial = (name: string, signature: string, make: (t: Tracer, a: Arguments, spatial: number) => Value): TorchFunction[] => [1, 2, 3].flatMap((spatial) => fn(`${name}${spatial}d`, signature, (t, a) => make(t, a, spatial)))

export const layerFunctions: readonly TorchFunction[] = [
  ...bySpatial('conv', CONVOLUTION, convolution),
  ...bySpatial('conv_transpose', TRANSPOSED, transposedConvolution),
  ...fn('_convolution_mode', CONVOLUTION, (t, a) => convolution(t, a, tensorArgument(a.get('weight'), 'weight').shape.length - 2)),
  ...fn('_convolution convolution', 'input weight bias stride padding dilation transposed output_padding groups ...', anyConvolution),
  ...bySpatial('max_pool', MAX_POOL, (t, a, spatial) => maxPool(t, a, spatial)),
  ...bySpatial('avg_pool', AVERAGE_POOL, averagePool),
  ...bySpatial('adaptive_avg_pool', 'input output_size', (t, a, spatial) => adaptivePool(t, a, spatial, 'Average')),
  // Scripts get the places of the maxima too, which most leave alone.
  ...bySpatial('adaptive_max_pool', 'input output_size', (t, a, spatial) => tuple([adaptivePool(t, a, spatial, 'Max'), PLACES])),
  ...[1, 2, 3].flatMap((spatial) => fn(`max_pool${spatial}d_with_indices`, MAX_POOL, (t, a) => tuple([maxPool(t, a, spatial), PLACES]))),
  ...fn('batch_norm', 'input weight bias running_mean running_var training momentum eps ...', batchNorm),
  ...fn('layer_norm', 'input normalized_shape weight=None bias=None eps=1e-05 ...', layerNorm),
  ...fn('rms_norm', 'input normalized_shape weight=None eps=None', rmsNorm),
  ...fn('group_norm', 'input num_groups weight=None bias=None eps=1e-05 ...', groupNorm),
  ...fn('instance_norm', 'input weight bias running_mean running_var use_input_stats momentum eps ...', instanceNorm),
  ...fn('local_response_norm', 'input size alpha=0.0001 beta=0.75 k=1.0', (t, a) => t.op('LRN', [input(a)], { size: intOf(a.get('size'), 'size'), alpha: numberOf(a.get('alpha'), 'alpha'), beta: numberOf(a.get('beta'), 'beta'), bias: numberOf(a.get('k'), 'k') })),
  ...upsample('upsample_nearest1d upsample_nearest2d upsample_nearest3d', 'nearest', false), ...upsample('_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d', 'nearest-exact', false),
  ...upsample('upsample_linear1d upsample_bilinear2d upsample_trilinear3d', 'linear', true), ...upsample('upsample_bicubic2d', 'bicubic', true),
  ...upsample('_upsample_bilinear2d_aa', 'linear', true, true), ...upsample('_upsample_bicubic2d_aa', 'bicubic', true, true),
  ...fn('grid_sampler grid_sampler_2d grid_sampler_3d', 'input grid interpolation_mode=0 padding_mode=0 align_corners=False', (t, a) => t.op('GridSample', [input(a), tensorArgument(a.get('grid'), 'grid')], {
    mode: ['linear', 'nearest', 'cubic'][intOf(a.get('interpolation_mode'), 'mode')] ?? 'linear', padding_mode: ['zeros', 'border', 'reflection'][intOf(a.get('padding_mode'), 'padding_mode')] ?? 'zeros', align_corners: flagOf(a.get('align_corners'), 'align_corners') ? 1 : 0,
  })),
  ...fn('affine_grid affine_grid_generator', 'input size align_corners=False', (t, a) => t.op('AffineGrid', [input(a), countsTensor(t, itemsOf(a.get('size'), 'size').map((item) => countOf(item, 'size')))], { align_corners: flagOf(a.get('align_corners'), 'align_corners') ? 1 : 0 })),
]

/** As torch.nn.functional orders the arguments. */
export const functionalLayers: readonly TorchFunction[] = [
  ...fn('embedding', 'input weight ...', (t, a) => embedding(t, tensorArgument(a.get('weight'), 'weight'), input(a))),
  ...fn('batch_norm', 'input running_mean running_var weight=None bias=None training=False momentum=0.1 eps=1e-05', batchNorm),
  ...fn('instance_norm', 'input running_mean=None running_var=None weight=None bias=None use_input_stats=True momentum=0.1 eps=1e-05', instanceNorm),
  ...fn('interpolate upsample', 'input size=None scale_factor=None mode=nearest align_corners=None recompute_scale_factor=None antialias=False', (t, a) => interpolate(t, input(a), a.get('size') ?? null, a.get('scale_factor') ?? null, String(a.get('mode')), a.get('align_corners') === true, a.get('antialias') === true, a.get('recompute_scale_factor') === true)),
  ...fn('grid_sample', 'input grid mode=bilinear padding_mode=zeros align_corners=False', (t, a) => t.op('GridSample', [input(a), tensorArgument(a.get('grid'), 'grid')], { mode: a.get('mode') === 'nearest' ? 'nearest' : a.get('mode') === 'bicubic' ? 'cubic' : 'linear', padding_mode: String(a.get('padding_mode')), align_corners: a.get('align_corners') === true ? 1 : 0 })),
  ...bySpatial('adaptive_max_pool', 'input output_size return_indices=False', (t, a, spatial) => adaptivePool(t, a, spatial, 'Max')),
  ...fn('softmax', 'input dim=None _stacklevel=3 dtype=None', (t, a) => implicitSoftmax(t, a, 'Softmax')),
  ...fn('log_softmax', 'input dim=None _stacklevel=3 dtype=None', (t, a) => implicitSoftmax(t, a, 'LogSoftmax')),
  ...fn('dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout', 'input ...', (_t, a) => input(a)),
  ...bySpatial('lp_pool', 'input norm_type kernel_size stride=None ceil_mode=False', (t, a, spatial) => { const kernel = intsOf(a.get('kernel_size'), 'kernel_size', spatial); const stride = a.get('stride') ?? null; return t.op('LpPool', [input(a)], { p: intOf(a.get('norm_type'), 'norm_type'), kernel_shape: kernel, strides: stride === null ? kernel : intsOf(stride, 'stride', spatial), ceil_mode: flagOf(a.get('ceil_mode'), 'ceil_mode') ? 1 : 0 }) }),
]

function implicitSoftmax(t: Tracer, a: Arguments, op: string): TensorValue {
  const x = input(a)
  const dim = a.get('dim') ?? null
  const rank = x.shape.length
  return t.op(op, [x], { axis: dim === null ? (rank === 0 || rank === 1 || rank === 3 ? 0 : 1) : intOf(dim, 'dim') })
}
