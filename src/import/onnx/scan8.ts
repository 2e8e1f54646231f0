// Scan of opset 8, which went over a batch: a Scan over the batch around the current one over the steps.
import type { Graph, ValueInfo } from '../../graph/graph.ts'
import type { Attribute } from '../../ops/types.ts'
import { createDraft, int64s } from './draft.ts'
import { intOf, intsOf, type Upgrade } from './node-edits.ts'
import { onnxError } from './tensors.ts'

/** Types of the values between are inferred; what a graph declares for them is not used. */
const info = (name: string): ValueInfo => ({ name, type: { dtype: 'float32' } })

export const scan8: Upgrade = (node, { draft }) => {
  const body = node.attributes.get('body')
  const scans = intOf(node, 'num_scan_inputs', 0)
  const [lengths, ...values] = node.inputs
  const states = values.length - scans
  if (body?.kind !== 'graph' || scans < 1 || states < 0) throw onnxError('ONNX_ATTRIBUTE', `Scan ${node.name ?? ''} has no body, or ${scans} scan inputs of ${values.length}`)
  const inner = createDraft(draft)
  const emit = (op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string => {
    const name = draft.fresh(op.toLowerCase())
    inner.emit({ op, domain: 'ai.onnx', inputs, outputs: [name], attributes: new Map(Object.entries(attributes)) })
    return name
  }
  const own = values.map((name) => draft.fresh(name))
  const length = draft.fresh('length')
  const hasLengths = lengths !== ''
  const axis = (): string => inner.constant(int64s([0]), 'axis')
  // Steps past a sequence's length are not taken, and its outputs are zero there.
  const count = hasLengths ? emit('Unsqueeze', [length, axis()]) : ''
  const given = own.map((name, i) => (hasLengths && i >= states ? emit('Slice', [name, axis(), count, axis()]) : name))
  const results = node.outputs.map((name) => draft.fresh(name === '' ? 'unused' : name))
  const directions = intsOf(node, 'directions')
  const attributes = new Map<string, Attribute>([['body', body], ['num_scan_inputs', { kind: 'int', value: scans }]])
  if (directions !== undefined) attributes.set('scan_input_directions', { kind: 'ints', value: directions })
  inner.emit({ op: 'Scan', domain: 'ai.onnx', inputs: given, outputs: results, attributes })
  const missing = hasLengths ? emit('Concat', [axis(), emit('Sub', [emit('Shape', [own[states]], { start: { kind: 'int', value: 0 }, end: { kind: 'int', value: 1 } }), count])], { axis: { kind: 'int', value: 0 } }) : ''
  const padded = results.map((name, i) => (hasLengths && i >= states ? emit('Pad', [name, missing, '', axis()]) : name))
  const graph: Graph = { inputs: [...(hasLengths ? [length] : []), ...own].map(info), outputs: padded.map(info), nodes: inner.nodes, initializers: inner.initializers, metadata: {} }
  draft.emit({
    ...node, inputs: [...(hasLengths ? [lengths] : []), ...values],
    attributes: new Map<string, Attribute>([['body', { kind: 'graph', value: graph }], ['num_scan_inputs', { kind: 'int', value: graph.inputs.length }]]),
  })
}
