// Operators of older opsets -> the current definition, by the changelog of operators (github.com/onnx/onnx, docs/Changelog.md). What an old
// version did differently becomes inputs, attributes or a few nodes.
import { tensor } from '../../tensor/index.ts'
import type { Attribute } from '../../ops/types.ts'
import { int64s, type DraftNode } from './draft.ts'
import { floatOf, intOf, intsOf, withAttributes, withInput, without, type Upgrade, type UpgradeContext } from './node-edits.ts'
import { lowerMicrosoft } from './microsoft/index.ts'
import { lowerMl } from './ml/index.ts'
import { flexAttention } from './flex-attention.ts'
import { gradient } from './gradient.ts'
import { nnUpgrades } from './upgrade-nn.ts'
import { scan8 } from './scan8.ts'
import { randomUpgrades } from './upgrade-random.ts'

export type { UpgradeContext } from './node-edits.ts'

/** An attribute of integers that became an int64 input. */
const listToInput =
  (attribute: string, index: number, before: number): Upgrade =>
  (node, { draft, opset }) => {
    const values = intsOf(node, attribute)
    const bare = without(node, attribute)
    draft.emit(opset < before && values !== undefined ? withInput(bare, index, draft.constant(int64s(values), attribute)) : node)
  }

/** Broadcasting by an axis (opset 6 and before): B is lined up with A from `axis` on. */
const axisBroadcast: Upgrade = (node, { draft, opset }) => {
  const bare = without(node, 'broadcast', 'axis')
  const axis = node.attributes.get('axis')
  if (opset >= 7 || intOf(node, 'broadcast', 0) === 0 || axis === undefined) {
    draft.emit(bare)
    return
  }
  // Shape of A with B's dimensions from axis on: trailing ones are added by comparing ranks at run time.
  const [a, b] = node.inputs
  const rank = (value: string): string => {
    const shape = draft.fresh('shape')
    const count = draft.fresh('rank')
    draft.emit({ op: 'Shape', domain: 'ai.onnx', inputs: [value], outputs: [shape], attributes: new Map() })
    draft.emit({ op: 'Size', domain: 'ai.onnx', inputs: [shape], outputs: [count], attributes: new Map() })
    return count
  }
  const [rankA, rankB] = [rank(a), rank(b)]
  const end = draft.fresh('end')
  const ones = draft.fresh('ones')
  const onesShape = draft.fresh('onesShape')
  const shapeB = draft.fresh('shapeB')
  const target = draft.fresh('target')
  const reshaped = draft.fresh('reshaped')
  draft.emit({ op: 'Shape', domain: 'ai.onnx', inputs: [b], outputs: [shapeB], attributes: new Map() })
  draft.emit({ op: 'Sub', domain: 'ai.onnx', inputs: [rankA, rankB], outputs: [end], attributes: new Map() })
  const missing = draft.fresh('missing')
  draft.emit({ op: 'Sub', domain: 'ai.onnx', inputs: [end, draft.constant(int64s([intOf(node, 'axis', 0)], []), 'axis')], outputs: [missing], attributes: new Map() })
  draft.emit({ op: 'Unsqueeze', domain: 'ai.onnx', inputs: [missing, draft.constant(int64s([0]), 'axes')], outputs: [onesShape], attributes: new Map() })
  draft.emit({ op: 'ConstantOfShape', domain: 'ai.onnx', inputs: [onesShape], outputs: [ones], attributes: new Map([['value', { kind: 'tensor', value: int64s([1]) }]]) })
  draft.emit({ op: 'Concat', domain: 'ai.onnx', inputs: [shapeB, ones], outputs: [target], attributes: new Map([['axis', { kind: 'int', value: 0 }]]) })
  draft.emit({ op: 'Reshape', domain: 'ai.onnx', inputs: [b, target], outputs: [reshaped], attributes: new Map() })
  draft.emit({ ...bare, inputs: [a, reshaped] })
}

/** Softmax and kin before 13 flattened their input to two dimensions at `axis`. */
const flattenedSoftmax: Upgrade = (node, { draft, opset }) => {
  if (opset >= 13) {
    draft.emit(node)
    return
  }
  const shape = draft.fresh('shape')
  const flat = draft.fresh('flat')
  const result = draft.fresh('softmax')
  const [x] = node.inputs
  draft.emit({ op: 'Shape', domain: 'ai.onnx', inputs: [x], outputs: [shape], attributes: new Map() })
  draft.emit({ op: 'Flatten', domain: 'ai.onnx', inputs: [x], outputs: [flat], attributes: new Map([['axis', { kind: 'int', value: intOf(node, 'axis', 1) }]]) })
  draft.emit({ ...node, inputs: [flat], outputs: [result], attributes: new Map([['axis', { kind: 'int', value: 1 }]]) })
  draft.emit({ op: 'Reshape', domain: 'ai.onnx', inputs: [result, shape], outputs: node.outputs, attributes: new Map([['allowzero', { kind: 'int', value: 1 }]]) })
}

const clip: Upgrade = (node, { draft, opset, dtype }) => {
  if (opset >= 11) {
    draft.emit(node)
    return
  }
  let out = without(node, 'min', 'max')
  const type = dtype(node.inputs[0]) ?? 'float32'
  for (const [index, name] of [[1, 'min'], [2, 'max']] as const) {
    if (node.attributes.has(name)) out = withInput(out, index, draft.constant(tensor([floatOf(node, name, 0)], [], type), name))
  }
  draft.emit(out)
}

const slice: Upgrade = (node, { draft, opset }) => {
  if (opset >= 10) {
    draft.emit(node)
    return
  }
  let out = without(node, 'starts', 'ends', 'axes')
  for (const [index, name] of [[1, 'starts'], [2, 'ends'], [3, 'axes']] as const) {
    const values = intsOf(node, name)
    if (values !== undefined) out = withInput(out, index, draft.constant(int64s(values), name))
  }
  draft.emit(out)
}

const pad: Upgrade = (node, { draft, opset, dtype }) => {
  if (opset >= 11) {
    draft.emit(node)
    return
  }
  const pads = intsOf(node, 'pads') ?? intsOf(node, 'paddings') ?? []
  const value = tensor([floatOf(node, 'value', 0)], [], dtype(node.inputs[0]) ?? 'float32')
  const out = without(node, 'pads', 'paddings', 'value')
  draft.emit({ ...out, inputs: [node.inputs[0], draft.constant(int64s(pads), 'pads'), draft.constant(value, 'value')] })
}

const topK: Upgrade = (node, { draft, opset }) => {
  draft.emit(opset < 10 ? withInput(without(node, 'k'), 1, draft.constant(int64s([intOf(node, 'k', 1)]), 'k')) : node)
}

const reshape: Upgrade = (node, { draft, opset }) => {
  draft.emit(opset < 5 ? { ...without(node, 'shape'), inputs: [node.inputs[0], draft.constant(int64s(intsOf(node, 'shape') ?? []), 'shape')] } : node)
}

const split: Upgrade = (node, { draft, opset }) => {
  const parts = intsOf(node, 'split')
  if (opset < 13 && parts !== undefined) draft.emit(withInput(without(node, 'split'), 1, draft.constant(int64s(parts), 'split')))
  else if (node.inputs[1] === undefined || node.inputs[1] === '') {
    draft.emit(withAttributes(node, { num_outputs: { kind: 'int', value: intOf(node, 'num_outputs', node.outputs.length) } }))
  } else draft.emit(node)
}

const concat: Upgrade = (node, { draft, opset }) => {
  draft.emit(opset < 4 && !node.attributes.has('axis') ? withAttributes(node, { axis: { kind: 'int', value: 1 } }) : node)
}

/** Names of data types in Cast of opset 5 and before. */
const CAST_NAMES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['FLOAT', 'float32'], ['DOUBLE', 'float64']])

const cast: Upgrade = (node, { draft }) => {
  const to = node.attributes.get('to')
  const named = to?.kind === 'string' ? (CAST_NAMES.get(to.value) ?? to.value.toLowerCase()) : undefined
  draft.emit(named === undefined ? node : withAttributes(node, { to: { kind: 'string', value: named } }))
}

/** PRelu before 7 took one slope for each channel, whatever the rank of X: they get dimensions of 1 after them. */
const prelu: Upgrade = (node, { draft, opset }) => {
  if (opset >= 7) {
    draft.emit(node)
    return
  }
  const [x, slope] = node.inputs
  const [dims, count, length, ones, channels, target, reshaped] = ['dims', 'count', 'length', 'ones', 'channels', 'target', 'slope'].map(draft.fresh)
  const emit = (op: string, inputs: readonly string[], output: string, attributes: Readonly<Record<string, Attribute>> = {}): void =>
    draft.emit({ op, domain: 'ai.onnx', inputs, outputs: [output], attributes: new Map(Object.entries(attributes)) })
  emit('Shape', [x], dims, { start: { kind: 'int', value: 2 } })
  emit('Size', [dims], count)
  emit('Unsqueeze', [count, draft.constant(int64s([0]), 'axes')], length)
  emit('ConstantOfShape', [length], ones, { value: { kind: 'tensor', value: int64s([1]) } })
  emit('Shape', [slope], channels)
  emit('Concat', [channels, ones], target, { axis: { kind: 'int', value: 0 } })
  emit('Reshape', [slope, target], reshaped)
  draft.emit({ ...node, inputs: [x, reshaped] })
}

/** Data types that are 0 are not given. */
const quantize: Upgrade = (node, { draft }) => {
  const unset = ['output_dtype', 'precision'].filter((name) => intOf(node, name, -1) === 0)
  draft.emit(without(node, ...unset))
}

/** The axis of a Fourier transform was an attribute until 20, and counted the batch. */
const dft: Upgrade = (node, { draft, opset }) => {
  draft.emit(opset < 20 ? withInput(without(node, 'axis'), 2, draft.constant(int64s([intOf(node, 'axis', 1)], []), 'axis')) : node)
}

/** Tile of 1 repeated along one axis. */
const tile: Upgrade = (node, { draft, opset }) => {
  if (opset >= 6) {
    draft.emit(node)
    return
  }
  const [x, tiles, axis] = node.inputs
  const emit = (op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string => {
    const name = draft.fresh(op.toLowerCase())
    draft.emit({ op, domain: 'ai.onnx', inputs, outputs: [name], attributes: new Map(Object.entries(attributes)) })
    return name
  }
  const int64 = (value: string): string => emit('Squeeze', [emit('Cast', [value], { to: { kind: 'string', value: 'int64' } })])
  const [zero, one] = [draft.constant(int64s([0], []), 'zero'), draft.constant(int64s([1], []), 'one')]
  const axes = emit('Range', [zero, emit('Size', [emit('Shape', [x])]), one])
  draft.emit({ ...node, inputs: [x, emit('Where', [emit('Equal', [axes, int64(axis)]), int64(tiles), one])] })
}

const BROADCASTING = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'And', 'Or', 'Xor', 'Equal', 'Less', 'Greater']
const REDUCTIONS = ['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceSumSquare', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp']

const UPGRADES: ReadonlyMap<string, Upgrade> = /* @__PURE__ */ new Map<string, Upgrade>([
  ...BROADCASTING.map((op): [string, Upgrade] => [op, axisBroadcast]),
  ...REDUCTIONS.map((op): [string, Upgrade] => [op, listToInput('axes', 1, 18)]),
  ['ReduceSum', listToInput('axes', 1, 13)],
  ['Squeeze', listToInput('axes', 1, 13)],
  ['Unsqueeze', listToInput('axes', 1, 13)],
  ['Gemm', (node, { draft }) => draft.emit(without(node, 'broadcast'))],
  ['Softmax', flattenedSoftmax],
  ['LogSoftmax', flattenedSoftmax],
  ['Hardmax', flattenedSoftmax],
  ['Clip', clip],
  ['Slice', slice],
  ['Pad', pad],
  ['TopK', topK],
  ['Reshape', reshape],
  ['Split', split],
  ['Concat', concat],
  ['Cast', cast],
  ['PRelu', prelu],
  ['Tile', tile],
  ['Scan', (node, context) => (context.opset < 9 ? scan8(node, context) : context.draft.emit(node))],
  ['DFT', dft],
  ['QuantizeLinear', quantize],
  ['DequantizeLinear', quantize],
  // Whether the sequence is wanted shows in the outputs.
  ...['LSTM', 'GRU', 'RNN'].map((op): [string, Upgrade] => [op, (node, { draft }) => draft.emit(without(node, 'output_sequence'))]),
  ['Scatter', (node, { draft }) => draft.emit({ ...node, op: 'ScatterElements' })],
  ...nnUpgrades,
  ...randomUpgrades,
])

/** Adds `node` to the draft in the current version of its operators. */
export function upgrade(given: DraftNode, context: UpgradeContext): void {
  // What older files say of memory concerns the runtimes of their day.
  const node = context.opset < 6 && given.domain === 'ai.onnx' ? without(given, 'consumed_inputs') : given
  if (node.domain === 'ai.onnx.ml' && lowerMl(node, context)) return
  // onnxruntime has simplified layer normalization without a domain.
  if ((node.domain === 'com.microsoft' || node.op === 'SimplifiedLayerNormalization') && lowerMicrosoft(node, context)) return
  if (node.domain === 'ai.onnx.preview' && node.op === 'FlexAttention') {
    flexAttention(node, context)
    return
  }
  if (node.domain === 'ai.onnx.preview.training' && node.op === 'Gradient') {
    gradient(node, context)
    return
  }
  const rule = node.domain === 'ai.onnx' ? UPGRADES.get(node.op) : undefined
  if (rule === undefined) context.draft.emit(node)
  else rule(node, context)
}
