// Attention layers: dot products, additive, several heads, grouped heads.
import type { Net, Value } from '../../network/net.ts'
import { add, asFloat, cast, expand, listLength, mul, reduce, scalar, sizeOfAxis, sub, unsqueeze } from '../../network/tensors.ts'
import type { Tensor } from '../../../tensor/index.ts'
import { count, flag, kerasError, nameOf, text, unsupported, wholes } from '../config.ts'
import type { CallArguments, LayerFactory, Masked } from '../layer.ts'
import { spec, type Weights } from '../weights.ts'
import { weight } from './core.ts'

/** What masked scores get added: enough to leave no weight. */
const MASKED = -1e9

// query steps x value steps, true at and below the diagonal
function causalMask(net: Net, query: Value, value: Value): Value {
  const ones = expand(net, net.constant({ dtype: 'float32', shape: [], data: Float32Array.of(1) }, 'one'), [sizeOfAxis(query, 1), sizeOfAxis(value, 1)])
  return net.emit('Cast', [net.emit('Trilu', [ones], { upper: 0 })], { to: 'bool' })
}

function lowered(net: Net, scores: Value, mask: Value | undefined): Value {
  return mask === undefined ? scores : add(net, scores, mul(net, sub(net, scalar(net, 1), cast(net, mask, net.dtype)), scalar(net, MASKED)))
}

function both(net: Net, a: Value | undefined, b: Value | undefined): Value | undefined {
  return a === undefined ? b : b === undefined ? a : net.emit('And', [a, b])
}

function isCausal(call: CallArguments, fallback: boolean): boolean {
  return call.plain.get('use_causal_mask') === true || fallback
}

/** Attention and AdditiveAttention: inputs query, value and perhaps key, each [batch, steps, features]. */
const attention = (isAdditive: boolean): LayerFactory => (config, weights) => {
  const name = nameOf(config)
  const useScale = flag(config, 'use_scale', isAdditive)
  const mode = isAdditive ? 'concat' : text(config, 'score_mode', 'dot')
  const names = [...(useScale ? ['scale'] : []), ...(mode === 'concat' && !isAdditive ? ['concat_score_weight'] : [])]
  const taken = weights.take(names.map((one) => spec(one)))
  const causal = flag(config, 'causal', false)
  return {
    call(net, call) {
      if (call.inputs.length < 2 || call.inputs.length > 3) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(name)} gets ${call.inputs.length} inputs, expected a query, a value and perhaps a key`)
      const [query, value, key = value] = call.inputs
      const [q, v, k] = [query, value, key].map((one) => asFloat(net, one.value))
      let scores: Value
      if (mode === 'dot') {
        scores = net.emit('MatMul', [q, net.emit('Transpose', [k], { perm: [0, 2, 1] })])
        if (useScale) scores = mul(net, scores, weight(net, taken[0], 'scale'))
      } else {
        const sums = net.emit('Tanh', [mulIf(net, add(net, unsqueeze(net, q, [2]), unsqueeze(net, k, [1])), !isAdditive && useScale ? taken[0] : undefined)])
        scores = reduce(net, 'ReduceSum', isAdditive ? mulIf(net, sums, useScale ? taken[0] : undefined) : sums, [3])
        if (!isAdditive) scores = mulIf(net, scores, taken[names.indexOf('concat_score_weight')])
      }
      const valueMask = value.mask === undefined ? undefined : unsqueeze(net, value.mask, [1])
      const mask = both(net, valueMask, isCausal(call, causal) ? causalMask(net, q, v) : undefined)
      const shares = net.emit('Softmax', [lowered(net, scores, mask)], { axis: -1 })
      let result = net.emit('MatMul', [shares, v])
      if (query.mask !== undefined) result = mul(net, result, cast(net, unsqueeze(net, query.mask, [2]), net.dtype))
      const outputs: Masked[] = [{ value: result, mask: query.mask }]
      return call.plain.get('return_attention_scores') === true ? [...outputs, { value: shares }] : outputs
    },
  }
}

function mulIf(net: Net, value: Value, factor: Tensor | undefined): Value {
  return factor === undefined ? value : mul(net, value, weight(net, factor, 'scale'))
}

interface Projection {
  readonly kernel: Tensor
  readonly bias: Tensor | undefined
}

function projectionOf(weights: Weights, hasBias: boolean, attribute: string): Projection {
  const [kernel, bias] = weights.child(attribute, `_${attribute}`).take((hasBias ? ['kernel', 'bias'] : ['kernel']).map((one) => spec(one)))
  return { kernel, bias }
}

/** Batch and steps stay, the rest takes these dimensions. */
function reshaped(net: Net, x: Value, rest: readonly number[]): Value {
  return net.emit('Reshape', [x, net.constant({ dtype: 'int64', shape: [2 + rest.length], data: BigInt64Array.from([0, 0, ...rest], BigInt) }, 'shape')])
}

// x [batch, steps, features], kernel [features, heads, size] -> [batch, steps, heads, size]
function toHeads(net: Net, x: Value, { kernel, bias }: Projection): Value {
  const [features, heads, size] = kernel.shape
  const product = net.emit('MatMul', [x, weight(net, { ...kernel, shape: [features, heads * size] }, 'kernel')])
  const result = bias === undefined ? product : add(net, product, weight(net, { ...bias, shape: [heads * size] }, 'bias'))
  return reshaped(net, result, [heads, size])
}

/** The tensors of a call by position or by name. */
function argument(call: CallArguments, position: number, name: string): Masked | undefined {
  return call.tensors.get(name)?.[0] ?? call.inputs[position]
}

const multiHead = (isGrouped: boolean): LayerFactory => (config, weights) => {
  const name = nameOf(config)
  const hasBias = flag(config, 'use_bias', true)
  const axes = wholes(config, 'attention_axes')
  if (axes !== undefined && !(axes.length === 1 && (axes[0] === 1 || axes[0] === -2))) throw unsupported(`layer ${JSON.stringify(name)}, attention over axes ${axes.join(', ')}`)
  const size = count(config, isGrouped ? 'head_dim' : 'key_dim')
  const queryHeads = count(config, isGrouped ? 'num_query_heads' : 'num_heads')
  const keyHeads = isGrouped ? count(config, 'num_key_value_heads') : queryHeads
  // In lists the order is that in which the layer made them.
  const query = projectionOf(weights, hasBias, 'query_dense')
  const key = projectionOf(weights, hasBias, 'key_dense')
  const value = projectionOf(weights, hasBias, 'value_dense')
  const output = projectionOf(weights, hasBias, 'output_dense')
  return {
    call(net, call) {
      const source = argument(call, 0, 'query')
      const values = argument(call, 1, 'value')
      if (source === undefined || values === undefined) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(name)} gets ${call.inputs.length} inputs, expected a query and a value`)
      const keys = argument(call, 2, 'key') ?? values
      const x = asFloat(net, source.value)
      if (x.shape.length !== 3) throw unsupported(`layer ${JSON.stringify(name)}, attention over a tensor of ${x.shape.length} dimensions`)
      const q = mul(net, toHeads(net, x, query), scalar(net, 1 / Math.sqrt(size)))
      let k = toHeads(net, asFloat(net, keys.value), key)
      let v = toHeads(net, asFloat(net, values.value), value)
      if (keyHeads !== queryHeads) [k, v] = [k, v].map((one) => repeatHeads(net, one, queryHeads / keyHeads))
      let scores = net.emit('MatMul', [net.emit('Transpose', [q], { perm: [0, 2, 1, 3] }), net.emit('Transpose', [k], { perm: [0, 2, 3, 1] })])
      scores = lowered(net, scores, masksOf(net, call, source, values, keys, x))
      const shares = net.emit('Softmax', [scores], { axis: -1 })
      const mixed = net.emit('MatMul', [shares, net.emit('Transpose', [v], { perm: [0, 2, 1, 3] })])
      const [heads, width, outputs] = output.kernel.shape
      const joined = reshaped(net, net.emit('Transpose', [mixed], { perm: [0, 2, 1, 3] }), [heads * width])
      const product = net.emit('MatMul', [joined, weight(net, { ...output.kernel, shape: [heads * width, outputs] }, 'kernel')])
      const result: Masked = { value: output.bias === undefined ? product : add(net, product, weight(net, output.bias, 'bias')), mask: source.mask }
      return call.plain.get('return_attention_scores') === true ? [result, { value: shares }] : [result]
    },
  }
}

/** [batch, heads or 1, query steps, value steps]: masks of the inputs, the one that the call passes, the causal one. */
function masksOf(net: Net, call: CallArguments, query: Masked, value: Masked, key: Masked, x: Value): Value | undefined {
  const maskOf = (name: string, { mask }: Masked): Value | undefined => call.tensors.get(name)?.[0].value ?? mask
  const [queryMask, valueMask, keyMask] = [maskOf('query_mask', query), maskOf('value_mask', value), key === value ? call.tensors.get('key_mask')?.[0].value : maskOf('key_mask', key)]
  let mask = queryMask === undefined ? undefined : unsqueeze(net, queryMask, [1, 3])
  for (const one of [valueMask, keyMask]) if (one !== undefined) mask = both(net, mask, unsqueeze(net, one, [1, 2]))
  const given = call.tensors.get('attention_mask')?.[0].value ?? call.inputs[3]?.value
  if (given !== undefined) {
    const flags = cast(net, given, 'bool')
    mask = both(net, mask, flags.shape.length === 3 ? unsqueeze(net, flags, [1]) : flags.shape.length === 2 ? unsqueeze(net, flags, [0, 1]) : flags)
  }
  return both(net, mask, isCausal(call, false) ? causalMask(net, x, value.value) : undefined)
}

// [batch, steps, heads, size] -> each head `times` times, one after the other
function repeatHeads(net: Net, value: Value, times: number): Value {
  const heads = Number(value.shape[2])
  const indices = BigInt64Array.from({ length: listLength(heads * times) }, (_, i) => BigInt(Math.floor(i / times)))
  return net.emit('Gather', [value, net.constant({ dtype: 'int64', shape: [indices.length], data: indices }, 'heads')], { axis: 2 })
}

export const attentionLayers: readonly (readonly [string, LayerFactory])[] = [
  ['Attention', attention(false)], ['AdditiveAttention', attention(true)], ['MultiHeadAttention', multiHead(false)],
  ['GroupedQueryAttention', multiHead(true)], ['GroupQueryAttention', multiHead(true)],
]

