// Symbolic types of every value in a graph, and the one place that applies an operator's shape rule.
import { asMemoryLimit, MleError } from '../error.ts'
import { checkSignature } from '../ops/check.ts'
import { opKey } from '../ops/kernel.ts'
import type { InferContext, OpSchema } from '../ops/schema.ts'
import type { ValueType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'
import { subgraphsOf } from './subgraphs.ts'

/** How messages name a node: `node 12 "Conv" (conv1)`. */
export function nodeLabel(node: Node, index: number): string {
  return `node ${index} "${node.op}"${node.name ? ` (${node.name})` : ''}`
}

/** Adds the node to an error that does not say where it happened. */
export function atNode(thrown: unknown, node: Node, index: number): unknown {
  const error = asMemoryLimit(thrown)
  if (!(error instanceof MleError) || error.section !== undefined) return error
  const section = nodeLabel(node, index)
  return new MleError(error.code, `graph ${section}: ${error.message}`, {
    section,
    offset: error.offset,
    expected: error.expected,
    actual: error.actual,
    cause: error.cause,
  })
}

/** Types of a node's outputs; errors name the node. */
export function inferNode(
  schema: OpSchema,
  node: Node,
  index: number,
  inputs: readonly (ValueType | undefined)[],
  values: readonly (Tensor | undefined)[],
  bodies?: InferContext['bodies'],
): readonly ValueType[] {
  const context: InferContext = { op: node.op, attributes: node.attributes, inputs, values, outputCount: node.outputs.length, bodies }
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

/** What a subgraph sees of the graphs around it. */
export interface OuterScope {
  typeOf(name: string): ValueType | undefined
  constantOf(name: string): Tensor | undefined
}

/** Types of the values that a graph defines, and the same of the subgraphs of its nodes by attribute. */
export interface GraphTypes {
  readonly types: ReadonlyMap<string, ValueType>
  readonly bodies: ReadonlyMap<Node, ReadonlyMap<string, GraphTypes>>
}

/** Looks names up in a graph first, then around it. */
export function scopeOf(graph: Graph, types: ReadonlyMap<string, ValueType>, outer?: OuterScope): OuterScope {
  const own = new Set(graph.inputs.map((input) => input.name))
  return {
    typeOf: (name) => types.get(name) ?? outer?.typeOf(name),
    constantOf: (name) => graph.initializers.get(name) ?? (own.has(name) || types.has(name) ? undefined : outer?.constantOf(name)),
  }
}

/** What is known of nodes from a graph that has most of them in common: taken over where a node has the same inputs, as objects, again. */
export interface KnownTypes {
  readonly nodes: Map<Node, { readonly inputs: readonly (ValueType | undefined)[]; readonly values: readonly (Tensor | undefined)[]; readonly outputs: readonly ValueType[] }>
  readonly constants: Map<Tensor, ValueType>
}

/**
 * Types of all values of a graph with its symbolic dimensions kept.
 *
 * @param outer what a subgraph sees of the graphs around it
 * @param inputTypes types of a subgraph's inputs where its operator knows more than their declarations
 * @param known types of nodes without subgraphs, which is added to
 */
export function inferTypes(
  graph: Graph,
  schemas: ReadonlyMap<string, OpSchema>,
  outer?: OuterScope,
  inputTypes: readonly (ValueType | undefined)[] = [],
  known?: KnownTypes,
): GraphTypes {
  const types = new Map<string, ValueType>()
  const bodies = new Map<Node, ReadonlyMap<string, GraphTypes>>()
  const scope = scopeOf(graph, types, outer)
  const define = (name: string, type: ValueType, where: () => string): void => {
    if (name === '' || types.has(name)) throw new MleError('GRAPH_NAME', `graph ${where()}: ${name === '' ? 'a value has no name' : `the name ${JSON.stringify(name)} is taken`}; every value needs a name of its own`, { actual: name })
    types.set(name, type)
  }
  graph.inputs.forEach((input, i) => define(input.name, inputTypes[i] ?? input.type, () => `input ${i}`))
  for (const [name, tensor] of graph.initializers) {
    const type = known?.constants.get(tensor) ?? { dtype: tensor.dtype, shape: tensor.shape }
    known?.constants.set(tensor, type)
    define(name, type, () => 'initializers')
  }
  graph.nodes.forEach((node, index) => {
    const schema = schemas.get(opKey(node.domain, node.op))
    if (schema === undefined) throw new MleError('GRAPH_OPERATOR', `graph ${nodeLabel(node, index)}: operator of domain ${node.domain} is not known to this version of mle-runtime`)
    if (node.version > schema.version) {
      throw new MleError('GRAPH_VERSION', `graph ${nodeLabel(node, index)}: version ${node.version} of the operator is not known to this version of mle-runtime, which has ${schema.version}; update mle-runtime`, { expected: schema.version, actual: node.version })
    }
    const inputs = node.inputs.map((name) => {
      if (name === '') return undefined
      const type = scope.typeOf(name)
      if (type === undefined) throw new MleError('GRAPH_UNDEFINED', `graph ${nodeLabel(node, index)}: input ${JSON.stringify(name)} is not defined before it is used`)
      return type
    })
    const values = node.inputs.map((name) => {
      const tensor = scope.constantOf(name)
      return tensor !== undefined && isPropagated(tensor) ? tensor : undefined
    })
    const defineOutputs = (outputs: readonly ValueType[]): void => node.outputs.forEach((name, i) => {
      if (name !== '') define(name, outputs[i], () => nodeLabel(node, index))
    })
    const before = known?.nodes.get(node)
    if (before !== undefined && sameItems(before.inputs, inputs) && sameItems(before.values, values)) {
      defineOutputs(before.outputs)
      return
    }
    try {
      checkSignature(schema, node.attributes, inputs, node.outputs.length)
    } catch (error) {
      throw atNode(error, node, index)
    }
    const results = new Map<string, readonly (ValueType | undefined)[]>()
    const own = new Map<string, GraphTypes>()
    for (const { name, graph: body } of subgraphsOf(node)) {
      const given = schema.bodyInputs?.({ op: node.op, attributes: node.attributes, inputs, values, outputCount: node.outputs.length }, name)
      const inferred = inferTypes(body, schemas, scope, given)
      own.set(name, inferred)
      results.set(name, body.outputs.map((output) => inferred.types.get(output.name) ?? scope.typeOf(output.name)))
    }
    if (own.size > 0) bodies.set(node, own)
    const outputs = inferNode(schema, node, index, inputs, values, results)
    if (own.size === 0) known?.nodes.set(node, { inputs, values, outputs })
    defineOutputs(outputs)
  })
  return { types, bodies }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false
  return a.length === b.length
}
