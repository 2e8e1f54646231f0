// Attention: the function of torch.nn.functional, and the whole layer with its projections.
import { pytorchError } from '../error.ts'
import { cast, optionalTensor, reshape, scalar, sizeOf, tensorArgument, toTensor, type Tracer } from '../trace/tracer.ts'
import { flagOf, intOf, numberOf, tuple, type TensorValue, type Value } from '../trace/values.ts'
import { fn, type Arguments, type TorchFunction } from './define.ts'
import { linear, times } from './elementwise.ts'
import { reduce } from './reductions.ts'
import { filled, slice, swapAxes, unsqueeze } from './shapes.ts'

/** What is added to scores: a boolean mask where True may be seen, or numbers. */
function additive(t: Tracer, mask: TensorValue, dtype: TensorValue['dtype'], trueHides: boolean): TensorValue {
  if (mask.dtype !== 'bool') return cast(t, mask, dtype)
  const [zero, none] = [scalar(t, 0, dtype), scalar(t, -Infinity, dtype)]
  return t.op('Where', trueHides ? [mask, none, zero] : [mask, zero, none])
}

function scaledDotProduct(t: Tracer, a: Arguments): TensorValue {
  const [q, k, v] = ['query', 'key', 'value'].map((name) => tensorArgument(a.get(name), name))
  const mask = optionalTensor(a.get('attn_mask'), 'attn_mask')
  const isCausal = flagOf(a.get('is_causal'), 'is_causal')
  const scale = a.get('scale') ?? null
  const size = q.shape[q.shape.length - 1]
  if (typeof size !== 'number') throw pytorchError('PYTORCH_SHAPE', 'attention needs the size of its heads; give the shape of the inputs')
  const factor = scale === null ? 1 / Math.sqrt(size) : numberOf(scale, 'scale')
  if (q.shape.length === 4) {
    return t.op('Attention', mask === undefined ? [q, k, v] : [q, k, v, mask.dtype === 'bool' ? mask : cast(t, mask, q.dtype)], { is_causal: isCausal ? 1 : 0, scale: factor })
  }
  let scores = times(t, t.op('MatMul', [q, swapAxes(t, k, -1, -2)]), factor)
  if (isCausal) scores = t.op('Add', [scores, causalMask(t, sizeOf(t, q, -2), sizeOf(t, k, -2), q.dtype)])
  if (mask !== undefined) scores = t.op('Add', [scores, additive(t, mask, q.dtype, false)])
  return t.op('MatMul', [t.op('Softmax', [scores], { axis: -1 }), v])
}

function causalMask(t: Tracer, rows: ReturnType<typeof sizeOf>, columns: ReturnType<typeof sizeOf>, dtype: TensorValue['dtype']): TensorValue {
  return t.op('Trilu', [filled(t, [rows, columns], -Infinity, dtype), toTensor(t, 1, 'diagonal', 'int64')], { upper: 1 })
}

export interface AttentionWeights {
  readonly inProjection?: TensorValue
  /** Of q, k and v, where they are apart. */
  readonly separate?: readonly TensorValue[]
  readonly inBias?: TensorValue
  readonly outWeight: TensorValue
  readonly outBias?: TensorValue
}

export interface AttentionOptions {
  readonly heads: number
  readonly batchFirst: boolean
  readonly needWeights: boolean
  readonly averageWeights: boolean
  readonly isCausal: boolean
  readonly mask?: TensorValue
  readonly keyPaddingMask?: TensorValue
}

/** [batch, length, heads size] -> [batch, heads, length, size] */
export function reshapeHeads(t: Tracer, x: TensorValue, heads: number): TensorValue {
  const width = x.shape[x.shape.length - 1]
  if (x.shape.length !== 3 || typeof width !== 'number' || width % heads !== 0) throw pytorchError('PYTORCH_SHAPE', `attention of ${heads} heads is given a tensor [${x.shape.join(', ')}]`)
  return swapAxes(t, reshape(t, x, [sizeOf(t, x, 0), sizeOf(t, x, 1), heads, width / heads]), 1, 2)
}

/** torch.nn.MultiheadAttention: (output, weights or None). */
export function multiHead(t: Tracer, inputs: readonly TensorValue[], weights: AttentionWeights, options: AttentionOptions): Value {
  const { heads, batchFirst, mask, keyPaddingMask } = options
  const rank = inputs[0].shape.length
  if (rank !== 3) throw pytorchError('PYTORCH_RANK', `MultiheadAttention is given a tensor of ${rank} dimensions, expected 3`)
  const embed = Number(weights.outWeight.shape[0])
  if (embed % heads !== 0) throw pytorchError('PYTORCH_ARGUMENT', `${heads} heads do not share ${embed} columns evenly`)
  const size = embed / heads
  const first = inputs.map((x) => (batchFirst ? x : swapAxes(t, x, 0, 1)))
  const part = (whole: TensorValue, i: number): TensorValue => slice(t, whole, 0, i * embed, (i + 1) * embed, null)
  const [q, k, v] = first.map((x, i) => {
    const weight = weights.separate?.[i] ?? part(tensorArgument(weights.inProjection, 'in_proj_weight'), i)
    const y = linear(t, x, weight, weights.inBias === undefined ? undefined : part(weights.inBias, i))
    return reshapeHeads(t, y, heads)
  })
  let added: TensorValue | undefined
  const add = (value: TensorValue): void => {
    added = added === undefined ? value : t.op('Add', [added, value])
  }
  if (mask !== undefined) {
    const own = additive(t, mask, q.dtype, true)
    // [batch heads, queries, keys]
    add(own.shape.length === 3 ? reshape(t, own, [-1, heads, sizeOf(t, own, 1), sizeOf(t, own, 2)]) : own)
  } else if (options.isCausal) add(causalMask(t, sizeOf(t, q, 2), sizeOf(t, k, 2), q.dtype))
  if (keyPaddingMask !== undefined) add(unsqueeze(t, unsqueeze(t, additive(t, keyPaddingMask, q.dtype, true), 1), 1))
  const factor = 1 / Math.sqrt(size)
  let context: TensorValue
  let probabilities: TensorValue | undefined
  if (options.needWeights) {
    let scores = t.op('MatMul', [times(t, q, factor), swapAxes(t, k, -1, -2)])
    if (added !== undefined) scores = t.op('Add', [scores, added])
    probabilities = t.op('Softmax', [scores], { axis: -1 })
    context = t.op('MatMul', [probabilities, v])
  } else context = t.op('Attention', added === undefined ? [q, k, v] : [q, k, v, added], { scale: factor })
  const joined = swapAxes(t, context, 1, 2)
  const y = linear(t, reshape(t, joined, [sizeOf(t, joined, 0), sizeOf(t, joined, 1), embed]), weights.outWeight, weights.outBias)
  const output = batchFirst ? y : swapAxes(t, y, 0, 1)
  return tuple([output, probabilities === undefined ? null : options.averageWeights ? reduce(t, 'ReduceMean', probabilities, [1], false) : probabilities])
}

/** aten::_native_multi_head_attention, the fast path of inference that traces may hold. */
function nativeMultiHead(t: Tracer, a: Arguments): Value {
  return multiHead(t, ['query', 'key', 'value'].map((name) => tensorArgument(a.get(name), name)), {
    inProjection: tensorArgument(a.get('qkv_weight'), 'qkv_weight'), inBias: optionalTensor(a.get('qkv_bias'), 'qkv_bias'), outWeight: tensorArgument(a.get('proj_weight'), 'proj_weight'), outBias: optionalTensor(a.get('proj_bias'), 'proj_bias'),
  }, {
    heads: intOf(a.get('num_head'), 'num_head'), batchFirst: true, needWeights: a.get('need_weights') === true, averageWeights: a.get('average_attn_weights') === true, isCausal: false,
    ...nativeMask(a),
  })
}

function nativeMask(a: Arguments): { mask?: TensorValue; keyPaddingMask?: TensorValue } {
  const mask = optionalTensor(a.get('mask'), 'mask')
  if (mask === undefined) return {}
  return a.get('mask_type') === 1 || (mask.shape.length === 2 && a.get('mask_type') !== 0) ? { keyPaddingMask: mask } : { mask }
}

/** aten::_transformer_encoder_layer_fwd, the whole layer as one operator. */
function encoderLayer(t: Tracer, a: Arguments): Value {
  const get = (name: string): TensorValue => tensorArgument(a.get(name), name)
  const src = get('src')
  const eps = numberOf(a.get('eps'), 'eps')
  const normFirst = flagOf(a.get('norm_first'), 'norm_first')
  const norm = (x: TensorValue, i: number): TensorValue => t.op('LayerNormalization', [x, get(`norm_weight_${i}`), get(`norm_bias_${i}`)], { axis: -1, epsilon: eps })
  const attend = (x: TensorValue): TensorValue => {
    const result = multiHead(t, [x, x, x], { inProjection: get('qkv_weight'), inBias: get('qkv_bias'), outWeight: get('proj_weight'), outBias: get('proj_bias') }, { heads: intOf(a.get('num_heads'), 'num_heads'), batchFirst: true, needWeights: false, averageWeights: false, isCausal: false, ...nativeMask(a) })
    return tensorArgument(result !== null && typeof result === 'object' && result.kind === 'tuple' ? result.items[0] : null, 'attention')
  }
  const feed = (x: TensorValue): TensorValue => linear(t, t.op(flagOf(a.get('use_gelu'), 'use_gelu') ? 'Gelu' : 'Relu', [linear(t, x, get('ffn_weight_1'), get('ffn_bias_1'))]), get('ffn_weight_2'), get('ffn_bias_2'))
  const sum = (x: TensorValue, y: TensorValue): TensorValue => t.op('Add', [x, y])
  if (normFirst) {
    const x = sum(src, attend(norm(src, 1)))
    return sum(x, feed(norm(x, 2)))
  }
  const x = norm(sum(src, attend(src)), 1)
  return norm(sum(x, feed(x)), 2)
}

export const attentionFunctions: readonly TorchFunction[] = [
  ...fn('scaled_dot_product_attention', 'query key value attn_mask=None dropout_p=0.0 is_causal=False scale=None enable_gqa=False', scaledDotProduct),
  ...fn('_native_multi_head_attention', 'query key value embed_dim num_head qkv_weight qkv_bias proj_weight proj_bias mask=None need_weights=True average_attn_weights=True mask_type=None', nativeMultiHead),
  ...fn('_transformer_encoder_layer_fwd', 'src embed_dim num_heads qkv_weight qkv_bias proj_weight proj_bias use_gelu norm_first eps norm_weight_1 norm_bias_1 norm_weight_2 norm_bias_2 ffn_weight_1 ffn_bias_1 ffn_weight_2 ffn_bias_2 mask=None mask_type=None', encoderLayer),
]

