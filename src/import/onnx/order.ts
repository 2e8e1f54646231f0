// Nodes in an order in which each value is made before it is read. ONNX demands it of files, but not every program that edits them keeps it.
import type { GraphProto, NodeProto } from './proto.ts'

/** Names that a node reads, those that its subgraphs take from around them too. */
function readsOf(node: NodeProto): string[] {
  return [...node.inputs, ...node.attributes.flatMap(({ g }) => (g === undefined ? [] : capturesOf(g)))]
}

function capturesOf(graph: GraphProto): string[] {
  const own = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name).concat(graph.nodes.flatMap(({ outputs }) => outputs)))
  return [...graph.nodes.flatMap(readsOf), ...graph.outputs.map(({ name }) => name)].filter((name) => !own.has(name))
}

/** The nodes as they stand where that is an order, else each as soon as what it reads is made; what is in a cycle comes last. */
export function inOrder(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const maker = new Map(nodes.flatMap((node, i) => node.outputs.map((name): [string, number] => [name, i])))
  const waits = nodes.map((node, i) => [...new Set(readsOf(node).flatMap((name) => (name === '' ? [] : (maker.get(name) ?? []))))].filter((other) => other !== i))
  if (waits.every((others, i) => others.every((other) => other < i))) return nodes
  const readers = nodes.map((): number[] => [])
  const missing = waits.map((others, i) => {
    for (const other of others) readers[other].push(i)
    return others.length
  })
  const ready = missing.flatMap((count, i) => (count === 0 ? [i] : []))
  for (let at = 0; at < ready.length; at++) for (const reader of readers[ready[at]]) if (--missing[reader] === 0) ready.push(reader)
  const cyclic = missing.flatMap((count, i) => (count > 0 ? [i] : []))
  return [...ready, ...cyclic].map((i) => nodes[i])
}
