// What a graph holds besides its own nodes: the subgraphs of If, Loop, Scan and SequenceMap are attributes.
import { opKey } from '../ops/kernel.ts'
import type { Graph, Node } from './graph.ts'

/** The subgraphs of a node's attributes. */
export function subgraphsOf(node: Node): { name: string; graph: Graph }[] {
  const found: { name: string; graph: Graph }[] = []
  // A subgraph attribute is always a Graph here; ops/ only knows it as opaque.
  for (const [name, attribute] of node.attributes) if (attribute.kind === 'graph') found.push({ name, graph: attribute.value as Graph })
  return found
}

/** Names that a subgraph uses but does not define. */
export function capturedNames(graph: Graph): string[] {
  const defined = new Set<string>(graph.inputs.map((input) => input.name))
  for (const name of graph.initializers.keys()) defined.add(name)
  const captured = new Set<string>()
  const use = (name: string): void => {
    if (name !== '' && !defined.has(name)) captured.add(name)
  }
  for (const node of graph.nodes) {
    node.inputs.forEach(use)
    for (const body of subgraphsOf(node)) capturedNames(body.graph).forEach(use)
    node.outputs.forEach((name) => defined.add(name))
  }
  graph.outputs.forEach((output) => use(output.name))
  return [...captured]
}

/** Keys of every operator in a graph and its subgraphs. */
export function operatorKeys(graph: Graph, keys: Set<string> = new Set()): Set<string> {
  for (const node of graph.nodes) {
    keys.add(opKey(node.domain, node.op))
    for (const body of subgraphsOf(node)) operatorKeys(body.graph, keys)
  }
  return keys
}
