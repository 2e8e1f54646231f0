// Attention of com.microsoft -> Attention of ai.onnx: projections, layouts of queries, keys and values, masks, caches, rotary positions.
import { int64s } from '../draft.ts'
import { float32s, outputOf, type Lowering } from '../lowering.ts'
import { onnxError } from '../tensors.ts'
import { sum } from './fused.ts'

type Lower = (lowering: Lowering) => void

function unsupported({ node }: Lowering, what: string): never {
  throw onnxError('ONNX_ATTRIBUTE', `${node.op} ${node.name ?? ''} has ${what}, which is not supported`)
}

/** Fresh names for the outputs of a node that has several. */
function several({ addAll, draft }: Lowering, key: string, inputs: readonly string[], attributes: Parameters<Lowering['addAll']>[2], count: number): string[] {
  const names = Array.from({ length: count }, () => draft.fresh(key.toLowerCase()))
  addAll(key, inputs, attributes, names)
  return names
}

const axes = ({ constant }: Lowering, ...values: number[]): string => constant(int64s(values))

/** Dimension `axis` of a tensor, as a list of one. */
const dimension = ({ add }: Lowering, x: string, axis: number): string => add('Shape', [x], { start: axis, end: axis + 1 })

const scalar = (lowering: Lowering, list: string): string => lowering.add('Squeeze', [list, axes(lowering, 0)])

/** [batch, steps, heads size] -> [batch, heads, steps, size] */
function toHeads(lowering: Lowering, x: string, heads: number): string {
  const split = lowering.add('Reshape', [x, axes(lowering, 0, 0, heads, -1)])
  return lowering.add('Transpose', [split], { perm: [0, 2, 1, 3] })
}

/** [batch, heads, steps, size] -> [batch, steps, heads size] */
function fromHeads(lowering: Lowering, x: string, output?: string): string {
  return lowering.add('Reshape', [lowering.add('Transpose', [x], { perm: [0, 2, 1, 3] }), axes(lowering, 0, 0, -1)], {}, output)
}

/**
 * What a padding mask adds to scores [batch, heads, steps, keys]: lengths [batch], or ones at keys that count, [batch, keys], [batch, steps, keys] or
 * [batch, heads, steps, keys]; a mask of unknown rank is taken for [batch, keys].
 */
function paddingMask(lowering: Lowering, mask: string, keys: () => string): string | undefined {
  if (mask === '') return undefined
  const { add, constant, draft, number } = lowering
  const rank = draft.ranks.get(mask) ?? 2
  const counts =
    rank === 1
      ? add('Less', [add('Range', [constant(int64s([0], [])), keys(), constant(int64s([1], []))]), add('Unsqueeze', [add('Cast', [mask], { to: 'int64' }), axes(lowering, 1)])])
      : add('Cast', [mask], { to: 'bool' })
  const spread = rank <= 2 ? add('Unsqueeze', [counts, axes(lowering, 1, 2)]) : rank === 3 ? add('Unsqueeze', [counts, axes(lowering, 1)]) : counts
  return add('Where', [spread, constant(float32s([0], [])), constant(float32s([number('mask_filter_value', -10000)], []))])
}

interface Heads {
  /** [batch, heads, steps, size] each. */
  readonly q: string
  readonly k: string
  readonly v: string
  readonly pastKey?: string
  readonly pastValue?: string
  readonly presentKey?: string
  readonly presentValue?: string
  /** What is added to the scores. */
  readonly masks: readonly (string | undefined)[]
  readonly isCausal: boolean
  readonly softcap?: number
}

/** Attention over heads, joined again in the node's first output. */
function attend(lowering: Lowering, { q, k, v, pastKey = '', pastValue = '', presentKey = '', presentValue = '', masks, isCausal, softcap = 0 }: Heads): void {
  const { add, addAll, draft, node, number } = lowering
  const given = masks.filter((mask): mask is string => mask !== undefined && mask !== '')
  const mask = given.length === 0 ? '' : add('CastLike', [sum(lowering, ...given), q])
  const scale = number('scale', 0)
  const y = draft.fresh('attention')
  const outputs = [y, presentKey, presentValue]
  while (outputs[outputs.length - 1] === '') outputs.pop()
  const inputs = [q, k, v, mask, pastKey, pastValue]
  while (inputs[inputs.length - 1] === '') inputs.pop()
  addAll('Attention', inputs, { is_causal: isCausal ? 1 : 0, ...(scale === 0 ? {} : { scale }), ...(softcap === 0 ? {} : { softcap }) }, outputs)
  fromHeads(lowering, y, node.outputs[0])
}

/** Attention with its projection: input [batch, steps, features], weights [features, q + k + v]; past and present are [2, batch, heads, steps, size]. */
function projected(lowering: Lowering, projection: string, mask: string, past: string, bias: string): void {
  const { add, constant, draft, node, number, ints } = lowering
  const heads = number('num_heads', 0)
  if (heads < 1) unsupported(lowering, `${heads} heads`)
  if (number('do_rotary', 0) !== 0) unsupported(lowering, 'do_rotary')
  const sizes = ints('qkv_hidden_sizes') ?? []
  const parts = sizes.length === 3 ? several(lowering, 'Split', [projection, constant(int64s(sizes))], { axis: -1 }, 3) : several(lowering, 'Split', [projection], { axis: -1, num_outputs: 3 }, 3)
  const [q, k, v] = parts.map((part) => toHeads(lowering, part, heads))
  const present = outputOf(lowering, 1)
  const [pastKey, pastValue] = past === '' ? [] : several(lowering, 'Split', [past], { axis: 0, num_outputs: 2 }, 2).map((half) => add('Squeeze', [half, axes(lowering, 0)]))
  const keys = (): string => {
    const own = scalar(lowering, dimension(lowering, k, 2))
    return pastKey === undefined ? own : add('Add', [own, scalar(lowering, dimension(lowering, pastKey, 2))])
  }
  const [presentKey, presentValue] = ['key', 'value'].map((what) => (present === undefined ? '' : draft.fresh(what)))
  attend(lowering, { q, k, v, pastKey, pastValue, presentKey, presentValue, masks: [paddingMask(lowering, mask, keys), bias], isCausal: number('unidirectional', 0) !== 0 })
  if (present !== undefined) add('Concat', [presentKey, presentValue].map((half) => add('Unsqueeze', [half, axes(lowering, 0)])), { axis: 0 }, present)
  if (node.outputs.length > 2) unsupported(lowering, 'more than two outputs')
}

const attention: Lower = (lowering) => {
  const [x, weights, bias = '', mask = '', past = '', scores = '', length = ''] = lowering.node.inputs
  if (length !== '') unsupported(lowering, 'a cache that is shared with its past (past_sequence_length)')
  projected(lowering, sum(lowering, lowering.add('MatMul', [x, weights]), bias), mask, past, scores)
}

/** The projection in integers. */
const quantizedAttention: Lower = (lowering) => {
  const { add, node } = lowering
  const [x, weights, bias, scale, weightScale, mask = '', zero = '', weightZero = '', past = ''] = node.inputs
  const product = add('MatMulInteger', [x, weights, zero, weightZero])
  projected(lowering, add('Add', [add('Mul', [add('Cast', [product], { to: 'float32' }), add('Mul', [scale, weightScale])]), bias]), mask, past, '')
}

/** Queries [batch, steps, heads size]; keys and values likewise, or in heads already. */
const multiHeadAttention: Lower = (lowering) => {
  const { add, draft, node, number } = lowering
  const heads = number('num_heads', 0)
  const [query, key = '', value = '', bias = '', padding = '', scores = '', pastKey = '', pastValue = '', length = '', indirection = ''] = node.inputs
  if (heads < 1) unsupported(lowering, `${heads} heads`)
  if (length !== '' || indirection !== '') unsupported(lowering, 'a cache that is shared with its past (past_sequence_length, cache_indirection)')
  if (key === '' || value === '') unsupported(lowering, 'keys and values packed with others')
  const biases: (string | undefined)[] = bias === '' ? [] : several(lowering, 'Split', [bias], { axis: 0, num_outputs: 3 }, 3)
  const inHeads = (x: string, own: string | undefined): string => ((draft.ranks.get(x) ?? 3) === 4 ? x : toHeads(lowering, sum(lowering, x, own), heads))
  const [q, k, v] = [query, key, value].map((x, i) => inHeads(x, biases[i]))
  const keys = (): string => {
    const own = scalar(lowering, dimension(lowering, k, 2))
    return pastKey === '' ? own : add('Add', [own, scalar(lowering, dimension(lowering, pastKey, 2))])
  }
  attend(lowering, {
    q, k, v, pastKey, pastValue, presentKey: outputOf(lowering, 1), presentValue: outputOf(lowering, 2), masks: [paddingMask(lowering, padding, keys), scores], isCausal: number('unidirectional', 0) !== 0,
  })
}

/** Positions [batch, steps], or the first one for all rows. */
function positionsOf(lowering: Lowering, positions: string, steps: string): string {
  const { add, constant, draft } = lowering
  if (draft.ranks.get(positions) !== 1) return positions
  return add('Add', [positions, add('Unsqueeze', [add('Range', [constant(int64s([0], [])), steps, constant(int64s([1], []))]), axes(lowering, 0)])])
}

function rotated(lowering: Lowering, x: string, positions: string, cos: string, sin: string, interleaved: number, output?: string): string {
  const half = lowering.draft.initializers.get(cos)?.shape[1]
  const turned = half !== undefined && lowering.number('rotary_embedding_dim', 0) !== 0 ? 2 * half : 0
  return lowering.add('RotaryEmbedding', [x, cos, sin, positions], { interleaved, rotary_embedding_dim: turned }, output)
}

const rotaryEmbedding: Lower = (lowering) => {
  const { add, draft, node, number } = lowering
  const [x, positions, cos, sin] = node.inputs
  const interleaved = number('interleaved', 0)
  if (draft.ranks.get(x) === 4) {
    rotated(lowering, x, broadcastRows(lowering, positionsOf(lowering, positions, scalar(lowering, dimension(lowering, x, 2))), x), cos, sin, interleaved, node.outputs[0])
    return
  }
  const heads = number('num_heads', 0)
  // Without a number of heads their size is what the tables turn.
  const target = heads > 0 ? axes(lowering, 0, 0, heads, -1) : add('Concat', [axes(lowering, 0, 0, -1), add('Mul', [dimension(lowering, cos, 1), axes(lowering, 2)])], { axis: 0 })
  const split = add('Reshape', [x, target])
  const turned = rotated(lowering, add('Transpose', [split], { perm: [0, 2, 1, 3] }), broadcastRows(lowering, positionsOf(lowering, positions, scalar(lowering, dimension(lowering, x, 1))), x), cos, sin, interleaved)
  fromHeads(lowering, turned, node.outputs[0])
}

/** Positions of one row for every row of x. */
function broadcastRows(lowering: Lowering, positions: string, x: string): string {
  const { add } = lowering
  return add('Expand', [positions, add('Concat', [dimension(lowering, x, 0), axes(lowering, 1)], { axis: 0 })])
}

/** Causal attention whose keys and values have fewer heads; queries may hold them too. */
const groupQueryAttention: Lower = (lowering) => {
  const { add, constant, draft, node, number } = lowering
  const [heads, kvHeads] = [number('num_heads', 0), number('kv_num_heads', 0)]
  const [query, key = '', value = '', pastKey = '', pastValue = '', lengths, , cos = '', sin = '', positionIds = '', bias = '', sink = ''] = node.inputs
  if (heads < 1 || kvHeads < 1) unsupported(lowering, `${heads} heads and ${kvHeads} of keys and values`)
  if (sink !== '' || number('smooth_softmax', 0) > 0) unsupported(lowering, 'a smooth softmax')
  let [q, k, v] = [query, key, value]
  if (key === '') {
    const packed = add('Reshape', [query, axes(lowering, 0, 0, heads + 2 * kvHeads, -1)])
    ;[q, k, v] = several(lowering, 'Split', [packed, constant(int64s([heads, kvHeads, kvHeads]))], { axis: 2 }, 3).map((part) => add('Transpose', [part], { perm: [0, 2, 1, 3] }))
  } else [q, k, v] = [toHeads(lowering, query, heads), toHeads(lowering, key, kvHeads), toHeads(lowering, value, kvHeads)]
  const steps = scalar(lowering, dimension(lowering, q, 2))
  const ahead = add('Range', [constant(int64s([0], [])), steps, constant(int64s([1], []))])
  // The last key of a row is at seqlens_k; a prompt begins at 0.
  const first = add('Max', [add('Sub', [add('Add', [add('Reshape', [add('Cast', [lengths], { to: 'int64' }), axes(lowering, -1)]), constant(int64s([1], []))]), steps]), constant(int64s([0], []))])
  const places = add('Add', [add('Unsqueeze', [first, axes(lowering, 1)]), ahead])
  if (number('do_rotary', 0) !== 0) {
    const positions = positionIds === '' ? places : positionIds
    const interleaved = number('rotary_interleaved', 0)
    ;[q, k] = [rotated(lowering, q, positions, cos, sin, interleaved), rotated(lowering, k, positions, cos, sin, interleaved)]
  }
  const window = number('local_window_size', -1)
  let band: string | undefined
  if (window > 0) {
    const own = scalar(lowering, dimension(lowering, k, 2))
    const total = pastKey === '' ? own : add('Add', [own, scalar(lowering, dimension(lowering, pastKey, 2))])
    const keys = add('Range', [constant(int64s([0], [])), total, constant(int64s([1], []))])
    const distance = add('Sub', [add('Unsqueeze', [places, axes(lowering, 1, 3)]), keys])
    band = add('Where', [add('Less', [distance, constant(int64s([window], []))]), constant(float32s([0], [])), constant(float32s([-Infinity], []))])
  }
  attend(lowering, {
    q, k, v, pastKey, pastValue, presentKey: outputOf(lowering, 1) ?? draft.fresh('present'), presentValue: outputOf(lowering, 2) ?? draft.fresh('present'), masks: [bias, band], isCausal: true, softcap: number('softcap', 0),
  })
}

export const attentionLowerings: readonly (readonly [string, Lower])[] = [
  ['Attention', attention],
  ['GroupQueryAttention', groupQueryAttention],
  ['MultiHeadAttention', multiHeadAttention],
  ['QAttention', quantizedAttention],
  ['RotaryEmbedding', rotaryEmbedding],
]
