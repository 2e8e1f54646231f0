// Which tensors some outputs need.
import { MleError } from '../error.ts'
import type { Graph } from '../graph/graph.ts'
import { pruneGraph } from '../graph/prune.ts'
import { graphOf } from './names.ts'
import type { Contents } from './read.ts'
import type { TableEntry } from './tensors.ts'

export interface Selection {
  /** Cut down to the outputs; its tensors are filled by who reads the entries. */
  readonly graph: Graph
  /** In the order of their offsets. */
  readonly entries: readonly TableEntry[]
}

/**
 * Cuts a graph down to some of its outputs. Methods that lack one of theirs go too.
 *
 * @throws MleError METHOD_UNKNOWN
 */
export function cutGraph(graph: Graph, names: readonly string[]): Graph {
  const known = graph.outputs.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined || names.length === 0) {
    throw new MleError('METHOD_UNKNOWN', `the model has no output ${JSON.stringify(unknown ?? '')}; it has ${known.join(', ')}`, { actual: unknown })
  }
  const { metadata } = graph
  const methods = metadata.methods?.filter(({ outputs }) => outputs.every((name) => names.includes(name)))
  return pruneGraph({ ...graph, outputs: graph.outputs.filter(({ name }) => names.includes(name)), metadata: methods === undefined ? metadata : { ...metadata, methods } })
}

/** The graph of a file for some of its outputs, and the tensors that it needs. Throws METHOD_UNKNOWN. */
export function selectOutputs({ decoded, metadata }: Contents, names: readonly string[]): Selection {
  const graph = cutGraph({ ...decoded.graph, metadata }, names)
  const used = new Set<unknown>()
  const visit = (body: Graph): void => {
    for (const tensor of body.initializers.values()) used.add(tensor)
    for (const { attributes } of body.nodes) {
      for (const attribute of attributes.values()) {
        if (attribute.kind === 'graph') visit(graphOf(attribute.value))
        else used.add(attribute.value)
      }
    }
  }
  visit(graph)
  return { graph, entries: decoded.table.filter((entry) => used.has(entry.slot) || used.has(decoded.lists.get(entry) ?? entry)) }
}
