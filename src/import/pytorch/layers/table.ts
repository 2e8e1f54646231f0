// The layers of torch.nn by class name, each as its documentation defines it, for inference.
import { multiHead } from '../functions/attention.ts'
import { linear } from '../functions/elementwise.ts'
import { batchNorm, convolution, interpolate, layerNorm, transposedConvolution } from '../functions/layers.ts'
import { filled, pad } from '../functions/shapes.ts'
import { sizeOf, tensorArgument } from '../trace/tracer.ts'
import { flagOf, float, intOf, intsOf, isKind, numberOf, tuple, type TensorValue, type Value } from '../trace/values.ts'
import { bindArguments, fn } from '../functions/define.ts'
import { architectureError, type Layer, type LayerUse } from './module.ts'

type Forward = Layer['forward']

function layer(names: string, signature: string, forward: Forward): [string, Layer][] {
  const [{ parameters, isOpen }] = fn('x', signature, () => null)
  return names.split(' ').map((name) => [name, { parameters, isOpen, forward }])
}

/** A layer that is a function of its input and its settings. */
function functional(names: string, signature: string, name: string, passed: readonly string[] = []): [string, Layer][] {
  return layer(names, signature, (use, [x]) => use.call(name, [x], Object.fromEntries(passed.map((key): [string, Value] => [key, use.setting(key)]))))
}

const x = (args: readonly Value[]): TensorValue => tensorArgument(args[0], 'the input of a layer')
const whole = (value: Value): number | null => (typeof value === 'number' ? value : null)
const given = (use: LayerUse, keys: readonly string[]): [string, Value][] => keys.map((key) => [key, use.setting(key)])

function convolutional(use: LayerUse, input: TensorValue, spatial: number): Value {
  const groups = intOf(use.setting('groups'), 'groups')
  const ins = whole(use.setting('in_channels'))
  const kernel = use.setting('kernel_size')
  const weight = use.tensor('weight', [whole(use.setting('out_channels')), ins === null ? null : ins / groups, ...(kernel === null ? new Array<null>(spatial).fill(null) : intsOf(kernel, 'kernel_size', spatial))])
  const bias = use.optional('bias', [Number(weight.shape[0])], 'bias')
  const mode = use.setting('padding_mode')
  let padding = use.setting('padding')
  let own = input
  if (mode !== 'zeros' && typeof mode === 'string') {
    const sizes = weight.shape.slice(2).map(Number)
    const dilation = intsOf(use.setting('dilation'), 'dilation', spatial)
    const totals = sizes.map((size, i) => dilation[i] * (size - 1))
    const amounts = padding === 'same' ? totals.flatMap((total) => [Math.floor(total / 2), total - Math.floor(total / 2)]) : padding === 'valid' ? totals.flatMap(() => [0, 0]) : intsOf(padding, 'padding', spatial).flatMap((amount) => [amount, amount])
    own = pad(use.t, input, Array.from({ length: spatial }, (_, i) => amounts.slice(2 * (spatial - 1 - i), 2 * (spatial - i))).flat(), mode, 0)
    padding = 0
  }
  return convolution(use.t, new Map<string, Value>([['input', own], ['weight', weight], ['bias', bias ?? null], ['padding', padding], ...given(use, ['stride', 'dilation', 'groups'])]), spatial)
}

function transposed(use: LayerUse, input: TensorValue, spatial: number): Value {
  const groups = intOf(use.setting('groups'), 'groups')
  const outs = whole(use.setting('out_channels'))
  const kernel = use.setting('kernel_size')
  const weight = use.tensor('weight', [whole(use.setting('in_channels')), outs === null ? null : outs / groups, ...(kernel === null ? new Array<null>(spatial).fill(null) : intsOf(kernel, 'kernel_size', spatial))])
  const bias = use.optional('bias', [Number(weight.shape[1]) * groups], 'bias')
  return transposedConvolution(use.t, new Map<string, Value>([['input', input], ['weight', weight], ['bias', bias ?? null], ...given(use, ['stride', 'padding', 'output_padding', 'dilation', 'groups'])]), spatial)
}

function batchNormalization(use: LayerUse, input: TensorValue): Value {
  const features = whole(use.setting('num_features'))
  const mean = use.tensor('running_mean', [features])
  const count = Number(mean.shape[0])
  if (use.has('num_batches_tracked')) use.tensor('num_batches_tracked', [])
  return batchNorm(use.t, new Map<string, Value>([['input', input], ['running_mean', mean], ['running_var', use.tensor('running_var', [count])], ['weight', use.optional('weight', [count], 'affine') ?? null], ['bias', use.optional('bias', [count], 'affine') ?? null], ['training', false], ['eps', use.setting('eps')]]))
}

function instanceNormalization(use: LayerUse, input: TensorValue): Value {
  const features = whole(use.setting('num_features'))
  const tracked = use.has('running_mean')
  if (use.has('num_batches_tracked')) use.tensor('num_batches_tracked', [])
  return use.call('instance_norm', [input, tracked ? use.tensor('running_mean', [features]) : null, tracked ? use.tensor('running_var', [features]) : null, use.optional('weight', [features], 'affine') ?? null, use.optional('bias', [features], 'affine') ?? null, !tracked, float(0.1), use.setting('eps')])
}

/** LSTM, GRU and RNN: layers and directions are counted in the file where the settings do not say. */
function recurrent(use: LayerUse, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value {
  const input = x(args)
  const gates = use.type === 'LSTM' ? 4 : use.type === 'GRU' ? 3 : 1
  if (use.setting('proj_size') !== 0 && use.setting('proj_size') !== null) throw architectureError('ARCHITECTURE_SETTING', `layer ${use.label}: projections (proj_size) are not supported`)
  const layersGiven = use.setting('num_layers')
  let layers = typeof layersGiven === 'number' ? layersGiven : 0
  if (layers === 0) while (use.has(`weight_ih_l${layers}`)) layers++
  layers = Math.max(1, layers)
  const given = use.setting('bidirectional')
  const bidirectional = given === null ? use.has('weight_ih_l0_reverse') : flagOf(given, 'bidirectional')
  const biasGiven = use.setting('bias')
  const hasBias = biasGiven === null ? use.has('bias_ih_l0') : flagOf(biasGiven, 'bias')
  const params: Value[] = []
  let hidden = whole(use.setting('hidden_size'))
  let width = whole(use.setting('input_size'))
  for (let i = 0; i < layers; i++) {
    for (const direction of bidirectional ? ['', '_reverse'] : ['']) {
      const recurrence = use.tensor(`weight_hh_l${i}${direction}`, [hidden === null ? null : gates * hidden, hidden])
      hidden = Number(recurrence.shape[1])
      params.push(use.tensor(`weight_ih_l${i}${direction}`, [gates * hidden, width]), recurrence)
      if (hasBias) params.push(use.tensor(`bias_ih_l${i}${direction}`, [gates * hidden]), use.tensor(`bias_hh_l${i}${direction}`, [gates * hidden]))
    }
    width = (hidden ?? 0) * (bidirectional ? 2 : 1)
  }
  const batchFirst = flagOf(use.setting('batch_first'), 'batch_first')
  const directions = bidirectional ? 2 : 1
  const zeros = (): TensorValue => filled(use.t, [layers * directions, sizeOf(use.t, input, batchFirst ? 0 : 1), hidden ?? 0], 0, input.dtype)
  const hx = args[1] ?? keywords.get('hx') ?? null
  const states: Value = hx !== null ? hx : use.type === 'LSTM' ? tuple([zeros(), zeros()]) : zeros()
  const mode = use.setting('mode')
  const name = use.type === 'RNN' ? (use.setting('nonlinearity') === 'relu' || mode === 'RNN_RELU' ? 'rnn_relu' : 'rnn_tanh') : use.type.toLowerCase()
  const result = use.call(name, [input, states, { kind: 'list', items: params }, hasBias, layers, float(0), false, bidirectional, batchFirst])
  if (!isKind(result, 'tuple')) return result
  return use.type === 'LSTM' ? tuple([result.items[0], tuple(result.items.slice(1))]) : result
}

function cell(use: LayerUse, args: readonly Value[]): Value {
  const gates = use.type === 'LSTMCell' ? 4 : use.type === 'GRUCell' ? 3 : 1
  const hidden = Number(use.tensor('weight_hh', [null, whole(use.setting('hidden_size'))]).shape[1])
  const weights = [use.tensor('weight_ih', [gates * hidden, whole(use.setting('input_size'))]), use.tensor('weight_hh', [gates * hidden, hidden]), use.optional('bias_ih', [gates * hidden], 'bias') ?? null, use.optional('bias_hh', [gates * hidden], 'bias') ?? null]
  const zeros = (): TensorValue => filled(use.t, [sizeOf(use.t, x(args), 0), hidden], 0, x(args).dtype)
  const hx = args[1] ?? (use.type === 'LSTMCell' ? tuple([zeros(), zeros()]) : zeros())
  const name = use.type === 'LSTMCell' ? 'lstm_cell' : use.type === 'GRUCell' ? 'gru_cell' : use.setting('nonlinearity') === 'relu' ? 'rnn_relu_cell' : 'rnn_tanh_cell'
  return use.call(name, [args[0], hx, ...weights])
}

const ATTENTION_CALL = fn('MultiheadAttention', 'query key value key_padding_mask=None need_weights=True attn_mask=None average_attn_weights=True is_causal=False', () => null)[0]

function headCount(use: LayerUse, name: string, value: Value): number {
  if (typeof value !== 'number') throw architectureError('ARCHITECTURE_SETTING', `layer ${use.label}: the setting ${name} is missing; tensors do not tell the number of heads`)
  return value
}

/** Attention by its own tensors; layers of transformers hand their settings down to it. */
function attention(use: LayerUse, inputs: readonly TensorValue[], options: { readonly heads: number; readonly batchFirst: boolean; readonly needWeights: boolean; readonly averageWeights: boolean; readonly isCausal: boolean; readonly mask?: TensorValue; readonly keyPaddingMask?: TensorValue }, prefix = ''): Value {
  const outWeight = use.tensor(`${prefix}out_proj.weight`, [whole(use.setting('embed_dim')), null])
  const embed = Number(outWeight.shape[0])
  const apart = use.has(`${prefix}q_proj_weight`)
  return multiHead(use.t, inputs, {
    inProjection: apart ? undefined : use.tensor(`${prefix}in_proj_weight`, [3 * embed, embed]),
    separate: apart ? ['q', 'k', 'v'].map((name) => use.tensor(`${prefix}${name}_proj_weight`, [embed, null])) : undefined,
    inBias: use.optional(`${prefix}in_proj_bias`, [3 * embed], 'bias'), outWeight, outBias: use.optional(`${prefix}out_proj.bias`, [embed], 'bias'),
  }, options)
}

function multiheadAttention(use: LayerUse, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value {
  const a = bindArguments(ATTENTION_CALL, args, keywords)
  const optional = (name: string): TensorValue | undefined => { const value = a.get(name) ?? null; return value === null ? undefined : tensorArgument(value, name) }
  return attention(use, ['query', 'key', 'value'].map((name) => tensorArgument(a.get(name), name)), {
    heads: headCount(use, 'num_heads', use.setting('num_heads')), batchFirst: flagOf(use.setting('batch_first'), 'batch_first'), needWeights: a.get('need_weights') !== false, averageWeights: a.get('average_attn_weights') !== false,
    isCausal: flagOf(a.get('is_causal'), 'is_causal'), mask: optional('attn_mask'), keyPaddingMask: optional('key_padding_mask'),
  })
}

/** The function between the two linear layers: a name, or a child module. */
function activate(use: LayerUse, value: TensorValue): TensorValue {
  const activation = use.setting('activation')
  if (isKind(activation, 'module')) return tensorArgument(activation.call('forward', [value], new Map()), 'activation')
  return tensorArgument(use.call(typeof activation === 'string' ? activation : isKind(activation, 'function') ? activation.name : 'relu', [value]), 'activation')
}

interface TransformerParts {
  readonly norm: (value: TensorValue, which: 1 | 2 | 3) => TensorValue
  readonly feed: (value: TensorValue) => TensorValue
  readonly attend: (name: string, q: TensorValue, k: TensorValue, mask: Value, padding: Value, isCausal: Value) => TensorValue
  readonly add: (a: TensorValue, b: TensorValue) => TensorValue
}

/** A setting of the layer itself, or of the child that has it where the layer was read from a file. */
function inherited(use: LayerUse, name: string, child: string, childName: string): Value {
  const own = use.given(name)
  if (own !== undefined) return own
  const module = use.module.attributes.get(child)
  return (isKind(module, 'module') ? module.find?.(childName) : undefined) ?? use.setting(name)
}

function transformerParts(use: LayerUse): TransformerParts {
  const model = whole(use.setting('d_model'))
  const dense = (name: string, value: TensorValue, outs: number | null): TensorValue => {
    const weight = use.tensor(`${name}.weight`, [outs, null])
    return linear(use.t, value, weight, use.optional(`${name}.bias`, [Number(weight.shape[0])], 'bias'))
  }
  return {
    norm: (value, which) => {
      const weight = use.tensor(`norm${which}.weight`, [model])
      return layerNorm(use.t, new Map<string, Value>([['input', value], ['normalized_shape', tuple([Number(weight.shape[0])])], ['weight', weight], ['bias', use.optional(`norm${which}.bias`, [Number(weight.shape[0])], 'bias') ?? null], ['eps', inherited(use, 'layer_norm_eps', 'norm1', 'eps')]]))
    },
    feed: (value) => dense('linear2', activate(use, dense('linear1', value, whole(use.setting('dim_feedforward')))), model),
    attend: (name, q, k, mask, padding, isCausal) => {
      const result = attention(use, [q, k, k], {
        heads: headCount(use, 'nhead', inherited(use, 'nhead', name, 'num_heads')), batchFirst: flagOf(inherited(use, 'batch_first', name, 'batch_first'), 'batch_first'), needWeights: false, averageWeights: false, isCausal: isCausal === true,
        mask: mask === null ? undefined : tensorArgument(mask, 'mask'), keyPaddingMask: padding === null ? undefined : tensorArgument(padding, 'key_padding_mask'),
      }, `${name}.`)
      return tensorArgument(isKind(result, 'tuple') ? result.items[0] : result, 'attention')
    },
    add: (a, b) => use.t.op('Add', [a, b]),
  }
}

const ENCODER_CALL = fn('TransformerEncoderLayer', 'src src_mask=None src_key_padding_mask=None is_causal=False', () => null)[0]
const DECODER_CALL = fn('TransformerDecoderLayer', 'tgt memory tgt_mask=None memory_mask=None tgt_key_padding_mask=None memory_key_padding_mask=None tgt_is_causal=False memory_is_causal=False', () => null)[0]

function encoderLayer(use: LayerUse, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value {
  const a = bindArguments(ENCODER_CALL, args, keywords)
  const { norm, feed, attend, add } = transformerParts(use)
  const src = tensorArgument(a.get('src'), 'src')
  const self = (value: TensorValue): TensorValue => attend('self_attn', value, value, a.get('src_mask') ?? null, a.get('src_key_padding_mask') ?? null, a.get('is_causal') ?? null)
  if (flagOf(use.setting('norm_first'), 'norm_first')) {
    const first = add(src, self(norm(src, 1)))
    return add(first, feed(norm(first, 2)))
  }
  const first = norm(add(src, self(src)), 1)
  return norm(add(first, feed(first)), 2)
}

function decoderLayer(use: LayerUse, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value {
  const a = bindArguments(DECODER_CALL, args, keywords)
  const { norm, feed, attend, add } = transformerParts(use)
  const get = (name: string): Value => a.get(name) ?? null
  const [tgt, memory] = [tensorArgument(get('tgt'), 'tgt'), tensorArgument(get('memory'), 'memory')]
  const self = (value: TensorValue): TensorValue => attend('self_attn', value, value, get('tgt_mask'), get('tgt_key_padding_mask'), get('tgt_is_causal'))
  const cross = (value: TensorValue): TensorValue => attend('multihead_attn', value, memory, get('memory_mask'), get('memory_key_padding_mask'), get('memory_is_causal'))
  if (flagOf(use.setting('norm_first'), 'norm_first')) {
    const first = add(tgt, self(norm(tgt, 1)))
    const second = add(first, cross(norm(first, 2)))
    return add(second, feed(norm(second, 3)))
  }
  const first = norm(add(tgt, self(tgt)), 1)
  const second = norm(add(first, cross(first)), 2)
  return norm(add(second, feed(second)), 3)
}

/** The layers one after the other, then the norm where there is one. */
function stack(use: LayerUse, args: readonly Value[], keywords: ReadonlyMap<string, Value>, renamed: ReadonlyMap<string, string>): Value {
  let value = args[0] ?? keywords.get('src') ?? keywords.get('tgt') ?? null
  const own = new Map([...keywords].filter(([key]) => key !== 'src' && key !== 'tgt').map(([key, item]): [string, Value] => [renamed.get(key) ?? key, item]))
  for (const child of use.child('layers').attributes.values()) if (isKind(child, 'module')) value = child.call('forward', [value, ...args.slice(1)], own)
  const norm = use.module.attributes.get('norm')
  return isKind(norm, 'module') ? norm.call('forward', [value], new Map()) : value
}

function sequential(use: LayerUse, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value {
  let values: readonly Value[] = args
  let own = keywords
  for (const child of use.module.attributes.values()) {
    if (!isKind(child, 'module')) continue
    values = [child.call('forward', values, own)]
    own = new Map()
  }
  return values[0]
}

function container(use: LayerUse): Value {
  throw architectureError('ARCHITECTURE_LAYER', `layer ${use.label} only holds layers and computes nothing; its parent must say how they are used`)
}

function embed(use: LayerUse, input: TensorValue): Value {
  return use.call('embedding', [input, use.tensor('weight', [whole(use.setting('num_embeddings')), whole(use.setting('embedding_dim'))])])
}

/** Words of rows, or words and the offsets of bags. */
function bags(use: LayerUse, [words, offsets = null, weights = null]: readonly Value[]): Value {
  const weight = use.tensor('weight', [whole(use.setting('num_embeddings')), whole(use.setting('embedding_dim'))])
  const keywords = Object.fromEntries([['offsets', offsets], ['per_sample_weights', weights], ...given(use, ['mode', 'include_last_offset', 'padding_idx'])])
  return use.call('embedding_bag', [words, weight], keywords)
}

const CONVOLUTION = 'in_channels=None out_channels=None kernel_size=None stride=1 padding=0 dilation=1 groups=1 bias=None padding_mode=zeros ...'
const TRANSPOSED = 'in_channels=None out_channels=None kernel_size=None stride=1 padding=0 output_padding=0 groups=1 bias=None dilation=1 padding_mode=zeros ...'
const BATCH_NORM = 'num_features=None eps=1e-05 momentum=0.1 affine=None track_running_stats=True ...'
const RECURRENT = 'input_size=None hidden_size=None num_layers=None nonlinearity=None bias=None batch_first=False dropout=0.0 bidirectional=None proj_size=0 ...'
const GATED = 'input_size=None hidden_size=None num_layers=None bias=None batch_first=False dropout=0.0 bidirectional=None proj_size=0 ...'
const TRANSFORMER = 'd_model=None nhead=None dim_feedforward=None dropout=0.1 activation=relu layer_norm_eps=1e-05 batch_first=False norm_first=False bias=None ...'
const MAX_POOL = ['kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode']
const MASKS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['mask', 'src_mask']])

let table: ReadonlyMap<string, Layer> | undefined

/** The layer of a class name; undefined for classes that are not of torch.nn. */
export function findLayer(name: string): Layer | undefined {
  table ??= new Map(makeTable())
  return table.get(name)
}

export function layerNames(): string[] {
  table ??= new Map(makeTable())
  return [...table.keys()]
}

function bySpatial(name: string, signature: string, forward: (use: LayerUse, input: TensorValue, spatial: number) => Value): [string, Layer][] {
  return [1, 2, 3].flatMap((spatial) => layer(`${name}${spatial}d`, signature, (use, args) => forward(use, x(args), spatial)))
}

function pools(name: string, fnName: string, signature: string, passed: readonly string[]): [string, Layer][] {
  return [1, 2, 3].flatMap((spatial) => functional(`${name}${spatial}d`, signature, `${fnName}${spatial}d`, passed))
}

function paddings(name: string, mode: string): [string, Layer][] {
  return [1, 2, 3].flatMap((spatial) => layer(`${name}${spatial}d`, 'padding value=0', (use, args) => pad(use.t, x(args), intsOf(use.setting('padding'), 'padding', 2 * spatial), mode, numberOf(use.setting('value'), 'value'))))
}

function makeTable(): [string, Layer][] {
  return [
    ...layer('Sequential', '...', sequential), ...layer('ModuleList ModuleDict ParameterList ParameterDict', '...', container),
    ...layer('Identity Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout', '...', (_use, args) => args[0]),
    ...layer('Linear NonDynamicallyQuantizableLinear LazyLinear', 'in_features=None out_features=None bias=None ...', (use, args) => {
      const weight = use.tensor('weight', [whole(use.setting('out_features')), whole(use.setting('in_features'))])
      return linear(use.t, x(args), weight, use.optional('bias', [Number(weight.shape[0])], 'bias'))
    }),
    ...layer('Bilinear', 'in1_features=None in2_features=None out_features=None bias=None', (use, args) => {
      const weight = use.tensor('weight', [whole(use.setting('out_features')), whole(use.setting('in1_features')), whole(use.setting('in2_features'))])
      return use.call('bilinear', [args[0], args[1], weight, use.optional('bias', [Number(weight.shape[0])], 'bias') ?? null])
    }),
    ...bySpatial('Conv', CONVOLUTION, convolutional), ...bySpatial('ConvTranspose', TRANSPOSED, transposed),
    ...bySpatial('BatchNorm', BATCH_NORM, batchNormalization), ...layer('SyncBatchNorm', BATCH_NORM, (use, args) => batchNormalization(use, x(args))), ...bySpatial('InstanceNorm', 'num_features=None eps=1e-05 momentum=0.1 affine=None track_running_stats=False ...', instanceNormalization),
    ...layer('LayerNorm', 'normalized_shape=None eps=1e-05 elementwise_affine=None bias=None ...', (use, args) => {
      const shapeGiven = use.setting('normalized_shape')
      const shape = shapeGiven === null ? use.tensor('weight', [null]).shape.map(Number) : intsOf(shapeGiven, 'normalized_shape')
      return use.call('layer_norm', [args[0], tuple(shape), use.optional('weight', shape, 'elementwise_affine') ?? null, use.setting('bias') === false ? null : (use.optional('bias', shape, 'elementwise_affine') ?? null), use.setting('eps')])
    }),
    ...layer('RMSNorm', 'normalized_shape=None eps=None elementwise_affine=None ...', (use, args) => {
      const shapeGiven = use.setting('normalized_shape')
      const shape = shapeGiven === null ? use.tensor('weight', [null]).shape.map(Number) : intsOf(shapeGiven, 'normalized_shape')
      return use.call('rms_norm', [args[0], tuple(shape), use.optional('weight', shape, 'elementwise_affine') ?? null, use.setting('eps')])
    }),
    ...layer('GroupNorm', 'num_groups num_channels=None eps=1e-05 affine=None ...', (use, args) => use.call('group_norm', [args[0], use.setting('num_groups'), use.optional('weight', [whole(use.setting('num_channels'))], 'affine') ?? null, use.optional('bias', [whole(use.setting('num_channels'))], 'affine') ?? null, use.setting('eps')])),
    ...functional('LocalResponseNorm', 'size alpha=0.0001 beta=0.75 k=1.0', 'local_response_norm', ['size', 'alpha', 'beta', 'k']),
    ...layer('EmbeddingBag', 'num_embeddings=None embedding_dim=None max_norm=None norm_type=2.0 scale_grad_by_freq=False mode=mean sparse=False include_last_offset=False padding_idx=None ...', bags),
    ...functional('Unfold', 'kernel_size dilation=1 padding=0 stride=1', 'unfold', ['kernel_size', 'dilation', 'padding', 'stride']),
    ...functional('Fold', 'output_size kernel_size dilation=1 padding=0 stride=1', 'fold', ['output_size', 'kernel_size', 'dilation', 'padding', 'stride']),
    ...layer('PairwiseDistance', 'p=2.0 eps=1e-06 keepdim=False', (use, [a, b]) => use.call('pairwise_distance', [a, b], Object.fromEntries(given(use, ['p', 'eps', 'keepdim'])))),
    ...layer('Embedding', 'num_embeddings=None embedding_dim=None padding_idx=None ...', (use, args) => embed(use, x(args))),
    ...layer('LSTM GRU', GATED, recurrent), ...layer('RNN', RECURRENT, recurrent), ...layer('LSTMCell GRUCell RNNCell', 'input_size=None hidden_size=None bias=None nonlinearity=tanh ...', cell),
    ...layer('MultiheadAttention', 'embed_dim=None num_heads=None dropout=0.0 bias=None add_bias_kv=False add_zero_attn=False kdim=None vdim=None batch_first=False ...', multiheadAttention),
    ...layer('TransformerEncoderLayer', TRANSFORMER, encoderLayer), ...layer('TransformerDecoderLayer', TRANSFORMER, decoderLayer),
    ...layer('TransformerEncoder', 'encoder_layer=None num_layers=None norm=None ...', (use, args, keywords) => stack(use, args, keywords, MASKS)), ...layer('TransformerDecoder', 'decoder_layer=None num_layers=None norm=None ...', (use, args, keywords) => stack(use, args, keywords, new Map())),

    ...functional('ReLU', 'inplace=False', 'relu'), ...functional('ReLU6', 'inplace=False', 'relu6'), ...functional('Sigmoid', '...', 'sigmoid'), ...functional('Tanh', '...', 'tanh'), ...functional('SiLU Swish', 'inplace=False', 'silu'), ...functional('Mish', 'inplace=False', 'mish'),
    ...functional('GELU', 'approximate=none', 'gelu', ['approximate']), ...functional('LeakyReLU', 'negative_slope=0.01 inplace=False', 'leaky_relu', ['negative_slope']), ...functional('ELU', 'alpha=1.0 inplace=False', 'elu', ['alpha']), ...functional('CELU', 'alpha=1.0 inplace=False', 'celu', ['alpha']),
    ...functional('SELU', 'inplace=False', 'selu'), ...functional('RReLU', 'lower=0.125 upper=0.3333333333333333 inplace=False', 'rrelu', ['lower', 'upper']), ...functional('Hardswish', 'inplace=False', 'hardswish'), ...functional('Hardsigmoid', 'inplace=False', 'hardsigmoid'),
    ...functional('Hardtanh', 'min_val=-1.0 max_val=1.0 inplace=False ...', 'hardtanh', ['min_val', 'max_val']), ...functional('Softplus', 'beta=1 threshold=20', 'softplus', ['beta', 'threshold']), ...functional('Softsign', '...', 'softsign'), ...functional('Tanhshrink', '...', 'tanhshrink'), ...functional('LogSigmoid', '...', 'logsigmoid'),
    ...functional('Softshrink', 'lambd=0.5', 'softshrink', ['lambd']), ...functional('Hardshrink', 'lambd=0.5', 'hardshrink', ['lambd']), ...functional('Threshold', 'threshold value inplace=False', 'threshold', ['threshold', 'value']), ...functional('GLU', 'dim=-1', 'glu', ['dim']),
    ...layer('PReLU', 'num_parameters=None init=0.25 ...', (use, args) => use.call('prelu', [args[0], use.tensor('weight', [whole(use.setting('num_parameters'))])])),
    ...functional('Softmax', 'dim=None', 'softmax', ['dim']), ...functional('LogSoftmax', 'dim=None', 'log_softmax', ['dim']), ...functional('Softmin', 'dim=-1', 'softmin', ['dim']), ...layer('Softmax2d', '...', (use, args) => use.call('softmax', [args[0], -3])),
    ...pools('MaxPool', 'max_pool', 'kernel_size stride=None padding=0 dilation=1 return_indices=False ceil_mode=False', [...MAX_POOL, 'return_indices']), ...pools('AvgPool', 'avg_pool', 'kernel_size stride=None padding=0 ceil_mode=False count_include_pad=True divisor_override=None', ['kernel_size', 'stride', 'padding', 'ceil_mode', 'count_include_pad', 'divisor_override']),
    ...pools('AdaptiveAvgPool', 'adaptive_avg_pool', 'output_size', ['output_size']), ...pools('AdaptiveMaxPool', 'adaptive_max_pool', 'output_size return_indices=False', ['output_size']), ...pools('LPPool', 'lp_pool', 'norm_type kernel_size stride=None ceil_mode=False', ['norm_type', 'kernel_size', 'stride', 'ceil_mode']),
    ...functional('Flatten', 'start_dim=1 end_dim=-1', 'flatten', ['start_dim', 'end_dim']), ...layer('Unflatten', 'dim unflattened_size', (use, args) => use.call('unflatten', [args[0], use.setting('dim'), use.setting('unflattened_size')])),
    ...layer('Upsample', 'size=None scale_factor=None mode=nearest align_corners=None ...', (use, args) => interpolate(use.t, x(args), use.setting('size'), use.setting('scale_factor'), String(use.setting('mode')), use.setting('align_corners') === true)),
    ...layer('UpsamplingNearest2d', 'size=None scale_factor=None', (use, args) => interpolate(use.t, x(args), use.setting('size'), use.setting('scale_factor'), 'nearest', false)), ...layer('UpsamplingBilinear2d', 'size=None scale_factor=None', (use, args) => interpolate(use.t, x(args), use.setting('size'), use.setting('scale_factor'), 'bilinear', true)),
    ...functional('PixelShuffle', 'upscale_factor', 'pixel_shuffle', ['upscale_factor']), ...functional('PixelUnshuffle', 'downscale_factor', 'pixel_unshuffle', ['downscale_factor']), ...functional('ChannelShuffle', 'groups', 'channel_shuffle', ['groups']),
    ...paddings('ConstantPad', 'constant'), ...paddings('ZeroPad', 'constant'), ...paddings('ReflectionPad', 'reflect'), ...paddings('ReplicationPad', 'replicate'), ...paddings('CircularPad', 'circular'),
    ...functional('CosineSimilarity', 'dim=1 eps=1e-08', 'cosine_similarity', ['dim', 'eps']),
  ]
}

