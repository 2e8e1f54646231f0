// Attention of transformers in its variants. Heads lie in an axis of their own (4 dimensions) or packed in the last one (3 dimensions).
import { MleError } from '../../error.ts'
import { float as floatOf, int as intOf, text as textOf } from '../attributes.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, TensorType, ValueType } from '../types.ts'
import { FLOATS, NUMBERS, int, oneOf, op, text } from './define.ts'

const divided = (dim: Dim, by: number): Dim => (typeof dim === 'number' && by > 0 ? dim / by : null)
const times = (dim: Dim, by: Dim): Dim => (typeof dim === 'number' && typeof by === 'number' ? dim * by : null)
const plus = (dim: Dim, more: Dim): Dim => (typeof dim === 'number' && typeof more === 'number' ? dim + more : null)

function headCount(context: InferContext, name: string): number {
  const heads = intOf(context.attributes, name, 0)
  if (!(heads > 0)) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is ${heads}, but inputs of 3 dimensions need the number of heads`, { expected: 1, actual: heads })
  return heads
}

/** [batch, heads, length, size] of an input of 3 or 4 dimensions. */
function headed(context: InferContext, index: number, heads: string): readonly Dim[] | undefined {
  const shape = inputShape(context, index)
  if (shape === undefined || shape.length === 4) return shape
  if (shape.length !== 3) throw new MleError('OP_RANK', `input ${index} has ${shape.length} dimensions, expected 3 or 4`, { expected: 4, actual: shape.length })
  const count = headCount(context, heads)
  const size = divided(shape[2], count)
  if (typeof size === 'number' && !Number.isInteger(size)) throw new MleError('OP_DIMENSION', `input ${index} has ${shape[2]} columns, which ${count} heads do not share evenly`, { expected: count, actual: Number(shape[2]) })
  return [shape[0], count, shape[1], size]
}

function inferAttention(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const q = headed(context, 0, 'q_num_heads')
  const k = headed(context, 1, 'kv_num_heads')
  const v = headed(context, 2, 'kv_num_heads')
  const mode = intOf(context.attributes, 'qk_matmul_output_mode', 0)
  if (!(mode >= 0 && mode <= 3)) throw new MleError('OP_ATTRIBUTE', `attribute qk_matmul_output_mode is ${mode}, expected 0 to 3`, { expected: '0 to 3', actual: mode })
  if ((context.inputs[4] === undefined) !== (context.inputs[5] === undefined)) throw new MleError('OP_INPUT', 'past_key and past_value come together')
  const valueType = context.inputs[2] === undefined ? dtype : tensorInput(context, 2).dtype
  if (q === undefined || k === undefined || v === undefined) return [{ dtype }, { dtype }, { dtype: valueType }, { dtype }]
  unifyDims(q[0], k[0], 'batch of Q and K')
  unifyDims(k[0], v[0], 'batch of K and V')
  unifyDims(q[3], k[3], 'size of the heads of Q and K')
  unifyDims(k[1], v[1], 'heads of K and V')
  unifyDims(k[2], v[2], 'length of K and V')
  if (typeof q[1] === 'number' && typeof k[1] === 'number' && q[1] % k[1] !== 0) throw new MleError('OP_DIMENSION', `${q[1]} heads of Q cannot share ${k[1]} heads of K and V`, { expected: k[1], actual: q[1] })
  const past = context.inputs[4] === undefined ? 0 : (inputShape(context, 4, 4)?.[2] ?? null)
  const total = past === 0 ? k[2] : plus(past, k[2])
  const packed = inputShape(context, 0)?.length === 3
  return [
    { dtype, shape: packed ? [q[0], q[2], times(q[1], v[3])] : [q[0], q[1], q[2], v[3]] },
    { dtype, shape: [k[0], k[1], total, k[3]] },
    { dtype: valueType, shape: [v[0], v[1], total, v[3]] },
    { dtype, shape: [q[0], q[1], q[2], total] },
  ]
}

function inferRotary(context: InferContext): ValueType[] {
  const type = tensorInput(context, 0)
  headed(context, 0, 'num_heads')
  for (const index of [1, 2]) inputShape(context, index, context.inputs[3] === undefined ? 3 : 2)
  if (context.inputs[3] !== undefined) inputShape(context, 3, 2)
  return [{ dtype: type.dtype, shape: type.shape }]
}

const RULES = ['linear', 'gated', 'delta', 'gated_delta']

function inferLinearAttention(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const rule = oneOf('update_rule', textOf(context.attributes, 'update_rule', 'gated_delta'), RULES)
  const [qHeads, kvHeads] = [headCount(context, 'q_num_heads'), headCount(context, 'kv_num_heads')]
  if (qHeads % kvHeads !== 0) throw new MleError('OP_ATTRIBUTE', `q_num_heads ${qHeads} is no multiple of kv_num_heads ${kvHeads}`, { expected: kvHeads, actual: qHeads })
  const needs = (index: number, name: string, needed: boolean): void => {
    if ((context.inputs[index] !== undefined) !== needed) throw new MleError('OP_INPUT', `update_rule ${rule} ${needed ? 'needs' : 'takes no'} input ${name}`)
  }
  needs(4, 'decay', rule.startsWith('gated'))
  needs(5, 'beta', rule.endsWith('delta'))
  if (context.inputs[6] !== undefined) needs(6, 'erase_gate', rule.endsWith('delta'))
  const q = inputShape(context, 0, 3)
  const k = inputShape(context, 1, 3)
  const v = inputShape(context, 2, 3)
  const state: TensorType = context.inputs[3] === undefined ? { dtype } : tensorInput(context, 3)
  if (q === undefined || k === undefined || v === undefined) return [{ dtype }, { dtype: state.dtype }]
  const size = divided(q[2], qHeads)
  const width = divided(v[2], kvHeads)
  unifyDims(divided(k[2], kvHeads), size, 'size of the heads of query and key')
  const shape: Dim[] = [q[0], kvHeads, size, width]
  if (context.inputs[3] !== undefined) inputShape(context, 3, 4)?.forEach((dim, i) => unifyDims(dim, shape[i], `dimension ${i} of past_state`))
  return [{ dtype, shape: [q[0], q[1], times(width, qHeads)] }, { dtype: state.dtype, shape }]
}

function inferCausalConv(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  oneOf('activation', textOf(context.attributes, 'activation', 'none'), ['none', 'silu', 'swish'])
  const x = inputShape(context, 0, 3)
  const weight = inputShape(context, 1, 3)
  if (x !== undefined && weight !== undefined) {
    unifyDims(x[1], weight[0], 'channels')
    unifyDims(weight[1], 1, 'channels of each group')
  }
  const past: Dim = typeof weight?.[2] === 'number' ? weight[2] - 1 : null
  if (context.inputs[3] !== undefined) unifyDims(inputShape(context, 3, 3)?.[2] ?? null, past, 'length of past_state')
  return [{ dtype, shape: x }, { dtype, shape: x === undefined ? undefined : [x[0], x[1], past] }]
}

export const attentionSchemas: readonly OpSchema[] = [
  /**
   * Scaled dot product attention. Fewer heads of K and V are shared by neighbouring heads of Q; past keys and values go before the new ones. A mask is added
   * (false is -infinity, as are columns it lacks); is_causal hides what comes after each query, nonpad_kv_seqlen what each batch does not have. A query
   * that may see nothing gives zeros. qk_matmul_output is the scores: 0 as they are, 1 after softcap, 2 with the mask, 3 after softmax.
   *
   * @formula Y = softmax(softcap(sqrt(scale) Q (sqrt(scale) K)^T) + mask) V, softcap(x) = c tanh(x / c), scale = 1 / sqrt(size) by default
   * @see A. Vaswani et al., Attention is all you need, 2017
   */
  op('Attention', 24, 'Q:T K:T V:U attn_mask:M? past_key:T? past_value:U? nonpad_kv_seqlen:int64?', {
    outputs: 'Y present_key? present_value? qk_matmul_output?', typeSets: { T: FLOATS, U: FLOATS, M: [...NUMBERS, 'bool'] }, bound: reducing, infer: inferAttention,
    attributes: [int('is_causal', 0), int('kv_num_heads'), int('q_num_heads'), int('qk_matmul_output_mode', 0), { name: 'scale', kind: 'float' }, { name: 'softcap', kind: 'float', default: 0 }, int('softmax_precision')],
  }),
  /**
   * Pairs of elements turned by angles that grow with the position: those of the two halves of each head, or neighbours where interleaved. Elements past
   * rotary_embedding_dim stay. The caches hold cosines and sines by position, or by batch and place where there are no position_ids.
   *
   * @formula (y1, y2) = (cos x1 - sin x2, sin x1 + cos x2)
   */
  op('RotaryEmbedding', 23, 'X:T cos_cache:T sin_cache:T position_ids:int64?', { bound: reducing, infer: inferRotary, attributes: [int('interleaved', 0), int('num_heads', 0), int('rotary_embedding_dim', 0)] }),
  /**
   * Attention with a state in place of all keys and values, heads packed: query [batch, steps, heads size], past_state [batch, kv heads, size, width]. decay is by
   * head, or by head and key element; beta by head or one; erase_gate scales the key that is erased by. scale 0 is 1 / sqrt(size).
   *
   * @formula S = e^decay S; v' = beta (v - S^T k) for the delta rules, else v; S = S + k v'^T; output = scale S^T q
   */
  op('LinearAttention', 27, 'query:T key:T value:T past_state:S? decay:T? beta:T? erase_gate:T?', {
    outputs: 'output present_state?', typeSets: { T: FLOATS, S: FLOATS }, bound: (eps, reference, magnitude) => 4096 * eps * Math.max(magnitude, Math.abs(reference), 1), infer: inferLinearAttention,
    attributes: [int('chunk_size', 64), int('kv_num_heads', 0), int('q_num_heads', 0), { name: 'scale', kind: 'float', default: 0 }, text('update_rule', 'gated_delta')],
  }),
  /** Convolution of each channel with a filter that looks back, past_state before the first element; then x / (1 + e^-x) for silu. @formula y[b, c, t] = bias[c] + sum over j of w[c, j] x[b, c, t + j - k + 1] */
  op('CausalConvWithState', 27, 'input:T weight:T bias:T? past_state:T?', { outputs: 'output present_state?', bound: reducing, infer: inferCausalConv, attributes: [text('activation', 'none')] }),
]

/** 1 / sqrt(size) where no scale is given. */
export function attentionScale(context: Pick<InferContext, 'attributes'>, size: number, zeroIsDefault: boolean): number {
  const scale = floatOf(context.attributes, 'scale', NaN)
  return Number.isNaN(scale) || (zeroIsDefault && scale === 0) ? 1 / Math.sqrt(size) : scale
}
