// Drops what no output needs: importers build parts that turn out unused.
import type { Graph, Node } from './graph.ts'
import { capturedNames, subgraphsOf } from './subgraphs.ts'

/** The graph without nodes and initializers that no output depends on. Inputs stay: they are the model's interface. */
export function pruneGraph(graph: Graph): Graph {
  const needed = new Set<string>(graph.outputs.map((output) => output.name))
  const nodes: Node[] = []
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]
    if (!node.outputs.some((name) => needed.has(name))) continue
    nodes.push(node)
    for (const name of node.inputs) needed.add(name)
    for (const { graph: body } of subgraphsOf(node)) for (const name of capturedNames(body)) needed.add(name)
  }
  return { ...graph, nodes: nodes.reverse(), initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))) }
}
