// Symbolic types of every value in a graph, and the one place that applies an operator's shape rule.
import { MleError } from '../error.ts'
import { opKey } from '../ops/kernel.ts'
import type { InferContext, OpSchema } from '../ops/schema.ts'
import type { ValueType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'

/** How messages name a node: `node 12 "Conv" (conv1)`. */
export function nodeLabel(node: Node, index: number): string {
  return `node ${index} "${node.op}"${node.name ? ` (${node.name})` : ''}`
}

/** Adds the node to an error that does not say where it happened. */
export function atNode(error: unknown, node: Node, index: number): unknown {
  if (!(error instanceof MleError) || error.section !== undefined) return error
  const section = nodeLabel(node, index)
  return new MleError(error.code, `graph ${section}: ${error.message}`, {
    section,
    offset: error.offset,
    expected: error.expected,
    actual: error.actual,
  })
}

/** Types of a node's outputs; errors name the node. */
export function inferNode(
  schema: OpSchema,
  node: Node,
  index: number,
  inputs: readonly (ValueType | undefined)[],
  values: readonly (Tensor | undefined)[],
): readonly ValueType[] {
  const context: InferContext = { op: node.op, attributes: node.attributes, inputs, values, outputCount: node.outputs.length }
  try {
    return schema.infer(context)
  } catch (error) {
    throw atNode(error, node, index)
  }
}

/** Small constants that shape rules may read. */
const MAX_PROPAGATED_ELEMENTS = 1024

export function isPropagated(tensor: Tensor): boolean {
  return tensor.data.length <= MAX_PROPAGATED_ELEMENTS
}

/**
 * Types of all values of a graph with its symbolic dimensions kept.
 *
 * @param outer types of values that a subgraph captures from the graph around it
 */
export function inferTypes(graph: Graph, schemas: ReadonlyMap<string, OpSchema>, outer?: ReadonlyMap<string, ValueType>): Map<string, ValueType> {
  const types = new Map<string, ValueType>(outer)
  for (const input of graph.inputs) types.set(input.name, input.type)
  for (const [name, tensor] of graph.initializers) types.set(name, { dtype: tensor.dtype, shape: tensor.shape })
  graph.nodes.forEach((node, index) => {
    const schema = schemas.get(opKey(node.domain, node.op))
    if (schema === undefined) throw new MleError('GRAPH_OPERATOR', `graph ${nodeLabel(node, index)}: operator of domain ${node.domain} is not known to this version of mle-runtime`)
    const inputs = node.inputs.map((name) => {
      if (name === '') return undefined
      const type = types.get(name)
      if (type === undefined) throw new MleError('GRAPH_UNDEFINED', `graph ${nodeLabel(node, index)}: input ${JSON.stringify(name)} is not defined before it is used`)
      return type
    })
    const values = node.inputs.map((name) => {
      const tensor = graph.initializers.get(name)
      return tensor !== undefined && isPropagated(tensor) ? tensor : undefined
    })
    const outputs = inferNode(schema, node, index, inputs, values)
    node.outputs.forEach((name, i) => {
      if (name !== '') types.set(name, outputs[i])
    })
  })
  return types
}
