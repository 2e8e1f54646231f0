// ONNX wants every name once in a graph and its subgraphs; here a subgraph may use a name of the graph around it for a value of its own.
import type { Graph, ValueInfo } from '../../graph/graph.ts'
import { subgraphsOf } from '../../graph/subgraphs.ts'
import type { Attribute } from '../../ops/types.ts'

/** The graph with inner values renamed whose names are taken already; inputs and outputs of the whole graph keep theirs. Of nodes of one name the first keeps it. */
export function uniqueNames(graph: Graph, fresh: (hint: string) => string): Graph {
  const taken = new Set<string>()
  const named = new Set<string>()
  const visit = (one: Graph, outer: ReadonlyMap<string, string>): Graph => {
    const names = new Map(outer)
    const defined = [...one.inputs.map(({ name }) => name), ...one.initializers.keys(), ...one.nodes.flatMap(({ outputs }) => outputs)]
    for (const name of defined) {
      if (name === '') continue
      names.set(name, taken.has(name) ? fresh(name) : name)
      taken.add(names.get(name) ?? name)
    }
    const renamed = (name: string): string => names.get(name) ?? name
    const info = (value: ValueInfo): ValueInfo => ({ ...value, name: renamed(value.name) })
    const nodes = one.nodes.map((node) => {
      const bodies = subgraphsOf(node)
      const attributes = new Map<string, Attribute>(node.attributes)
      const name = node.name === undefined || named.has(node.name) ? undefined : node.name
      if (name !== undefined) named.add(name)
      for (const { name: key, graph: body } of bodies) attributes.set(key, { kind: 'graph', value: visit(body, names) })
      return { ...node, name, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed), attributes: bodies.length > 0 ? attributes : node.attributes }
    })
    return { ...one, inputs: one.inputs.map(info), outputs: one.outputs.map(info), nodes, initializers: new Map([...one.initializers].map(([name, value]) => [renamed(name), value])) }
  }
  return visit(graph, new Map())
}
