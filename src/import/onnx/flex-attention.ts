// FlexAttention (ai.onnx.preview) as the operators it stands for: its subgraphs become part of the graph.
import type { Graph, Node } from '../../graph/graph.ts'
import type { Attribute, Attributes } from '../../ops/types.ts'
import { tensor } from '../../tensor/index.ts'
import { int64s, type Draft } from './draft.ts'
import { floatOf, type Upgrade } from './node-edits.ts'
import { onnxError } from './tensors.ts'

/** Q [batch, heads, queries, size], K and V [batch, shared heads, keys, ...] -> Y [batch, heads, queries, size of V] */
export const flexAttention: Upgrade = (node, { draft, dtype }) => {
  const [q, k, v] = node.inputs
  const emit = (op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}, output: string = draft.fresh(op.toLowerCase())): string => {
    draft.emit({ op, domain: 'ai.onnx', inputs, outputs: [output], attributes: new Map(Object.entries(attributes)) })
    return output
  }
  const ints = (...values: number[]): string => draft.constant(int64s(values), 'dims')
  const dims = (of: string, start: number, end: number): string => emit('Shape', [of], { start: { kind: 'int', value: start }, end: { kind: 'int', value: end } })
  const joined = (...parts: readonly string[]): string => emit('Concat', parts, { axis: { kind: 'int', value: 0 } })
  const mod = (name: string, value: string): string => {
    const attribute = node.attributes.get(name)
    return attribute?.kind === 'graph' ? inlined(attribute.value as Graph, value, draft, `FlexAttention ${node.name ?? ''}, ${name}`) : value
  }

  // Heads that share keys follow one another: their queries are rows of one product.
  const rows = emit('Reshape', [q, joined(ints(0), dims(k, 1, 2), ints(-1), dims(q, 3, 4))])
  const product = emit('MatMul', [rows, emit('Transpose', [k], { perm: { kind: 'ints', value: [0, 1, 3, 2] } })])
  const given = node.attributes.get('scale')
  const type = dtype(q)
  let scaled: string
  if (given === undefined) {
    const size = emit('CastLike', [emit('Squeeze', [dims(q, 3, 4), ints(0)]), q])
    scaled = emit('Div', [product, emit('Sqrt', [size])])
  } else {
    const scale = draft.constant(tensor([floatOf(node, 'scale', 1)], [], type ?? 'float32'), 'scale')
    scaled = emit('Mul', [product, type === undefined ? emit('CastLike', [scale, q]) : scale])
  }
  const scores = mod('mask_mod', mod('score_mod', emit('Reshape', [scaled, joined(dims(q, 0, 3), dims(k, 2, 3))])))
  const probabilities = mod('prob_mod', emit('Softmax', [scores], { axis: { kind: 'int', value: -1 } }))
  const weights = type !== undefined && type === dtype(v) ? probabilities : emit('CastLike', [probabilities, v])
  const shared = emit('Reshape', [weights, joined(ints(0), dims(k, 1, 2), ints(-1), dims(k, 2, 3))])
  emit('Reshape', [emit('MatMul', [shared, v]), joined(dims(q, 0, 3), dims(v, 3, 4))], {}, node.outputs[0])
}

/** Adds the nodes of a subgraph of one input and one output, under fresh names; returns the name of its output. */
function inlined(graph: Graph, input: string, draft: Draft, where: string): string {
  if (graph.inputs.length !== 1 || graph.outputs.length !== 1) throw onnxError('ONNX_GRAPH', `${where} has ${graph.inputs.length} inputs and ${graph.outputs.length} outputs, expected one of each`)
  const names = new Map([[graph.inputs[0].name, input]])
  for (const [name, value] of graph.initializers) names.set(name, draft.constant(value, name))
  for (const node of graph.nodes) {
    const renamed = renamedNode(node, names)
    node.outputs.forEach((name) => name !== '' && names.set(name, draft.fresh(name)))
    draft.emit({ ...renamed, outputs: node.outputs.map((name) => names.get(name) ?? name) })
  }
  return names.get(graph.outputs[0].name) ?? graph.outputs[0].name
}

/** A node whose inputs, and those of its subgraphs, have other names. */
function renamedNode(node: Node, names: ReadonlyMap<string, string>): Node {
  const attributes: Attributes = new Map([...node.attributes].map(([name, attribute]) => [name, attribute.kind === 'graph' ? { kind: 'graph', value: renamedGraph(attribute.value as Graph, names) } : attribute]))
  return { ...node, inputs: node.inputs.map((name) => names.get(name) ?? name), attributes }
}

function renamedGraph(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const own = new Map(names)
  for (const { name } of graph.inputs) own.delete(name)
  for (const name of graph.initializers.keys()) own.delete(name)
  for (const node of graph.nodes) for (const name of node.outputs) own.delete(name)
  return { ...graph, nodes: graph.nodes.map((node) => renamedNode(node, own)), outputs: graph.outputs.map((output) => ({ ...output, name: own.get(output.name) ?? output.name })) }
}
