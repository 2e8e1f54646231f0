// Names of values: each defined once, and before it is used. Reader and writer share the check.
import { MleError } from '../error.ts'
import type { Graph, Node } from '../graph/graph.ts'
import type { Attribute, Subgraph } from '../ops/types.ts'
import { within } from './json.ts'
import type { Limits } from './limits.ts'

/** The names that a graph sees. */
interface Scope {
  readonly outer: Scope | undefined
  readonly defined: Set<string>
  /** Outer names that this graph has used: it may not define them any more. */
  readonly captured: Set<string>
}

/** A subgraph attribute is always a Graph; operators only know it as opaque. */
export function graphOf(value: Subgraph): Graph {
  return value as Graph
}

/**
 * Checks topological order and unique definitions in a graph and its subgraphs.
 *
 * @throws MleError FORMAT_NAME, FORMAT_UNDEFINED, FORMAT_LIMIT
 */
export function checkNames(graph: Graph, limits: Limits): void {
  checkGraph(graph, undefined, limits, 0)
}

function checkGraph(graph: Graph, outer: Scope | undefined, limits: Limits, depth: number): void {
  if (depth > limits.maxSubgraphDepth) {
    throw new MleError('FORMAT_LIMIT', `subgraphs nested deeper than the limit of ${limits.maxSubgraphDepth}`, { expected: limits.maxSubgraphDepth, actual: depth })
  }
  const scope: Scope = { outer, defined: new Set(), captured: new Set() }
  for (const { name } of graph.inputs) define(name, scope, 'graph input')
  for (const name of graph.initializers.keys()) define(name, scope, 'initializer')
  for (let i = 0; i < graph.nodes.length; i++) checkNode(graph.nodes[i], i, scope, limits, depth)
  const seen = new Set<string>()
  for (const { name } of graph.outputs) {
    if (seen.has(name)) throw new MleError('FORMAT_NAME', `the graph output ${JSON.stringify(name)} is listed twice`, { actual: name })
    seen.add(name)
    if (!use(name, scope)) throw new MleError('FORMAT_UNDEFINED', `the graph output ${JSON.stringify(name)} is not defined`, { actual: name })
  }
}

function checkNode(node: Node, index: number, scope: Scope, limits: Limits, depth: number): void {
  try {
    if (node.op === '') throw new MleError('FORMAT_NAME', 'the operator has no name')
    for (const name of node.inputs) {
      if (name !== '' && !use(name, scope)) throw new MleError('FORMAT_UNDEFINED', `input ${JSON.stringify(name)} is not defined before it is used`, { actual: name })
    }
    for (const [name, attribute] of node.attributes) {
      if (name === '') throw new MleError('FORMAT_NAME', 'an attribute has no name')
      if (isGraph(attribute)) checkGraph(graphOf(attribute.value), scope, limits, depth + 1)
    }
    for (const name of node.outputs) if (name !== '') define(name, scope, 'output')
  } catch (error) {
    throw within(error, `node ${index} ${JSON.stringify(node.op)}`)
  }
}

function isGraph(attribute: Attribute): attribute is Extract<Attribute, { kind: 'graph' }> {
  return attribute.kind === 'graph'
}

function define(name: string, scope: Scope, what: string): void {
  if (name === '') throw new MleError('FORMAT_NAME', `a ${what} has no name`)
  if (scope.defined.has(name)) throw new MleError('FORMAT_NAME', `the ${what} ${JSON.stringify(name)} is defined twice`, { actual: name })
  if (scope.captured.has(name)) throw new MleError('FORMAT_NAME', `the ${what} ${JSON.stringify(name)} is defined after the outer value of that name was used`, { actual: name })
  scope.defined.add(name)
}

/** Finds a name here or further out, and notes on the way that it came from outside. */
function use(name: string, scope: Scope): boolean {
  if (scope.defined.has(name) || scope.captured.has(name)) return true
  if (scope.outer === undefined || !use(name, scope.outer)) return false
  scope.captured.add(name)
  return true
}
