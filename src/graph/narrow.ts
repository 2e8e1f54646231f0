// float64 -> float32 for devices without float64: a choice of the caller, because it changes results.
import { MleError } from '../error.ts'
import { checkSignature } from '../ops/check.ts'
import { opKey } from '../ops/kernel.ts'
import type { Attribute, Attributes, ValueType } from '../ops/types.ts'
import type { OpSchema } from '../ops/schema.ts'
import { isTensorType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'
import { inferNode, inferTypes, type GraphTypes } from './infer.ts'
import { subgraphsOf } from './subgraphs.ts'

/** Inputs that kernels take in float64 whatever they compute in, by operator: parameters of the model, which a device brings into its own form. */
const KEPT_INPUTS: ReadonlyMap<string, readonly number[]> = /* @__PURE__ */ new Map([['mle.TreeEnsemble', [4, 7]]])

/** Names of constants that stay float64. */
function keptNames({ nodes }: Graph): Set<string> {
  return new Set(nodes.flatMap((node) => (KEPT_INPUTS.get(opKey(node.domain, node.op)) ?? []).flatMap((index) => node.inputs[index] ?? [])))
}

/**
 * Throws DEVICE_FLOAT64 when a value of the graph is float64, naming the first one.
 */
export function refuseFloat64(graph: Graph, schemas: ReadonlyMap<string, OpSchema>): void {
  const found = firstFloat64(inferTypes(graph, schemas), keptNames(graph))
  if (found === undefined) return
  throw new MleError('DEVICE_FLOAT64', `value ${JSON.stringify(found)} is float64, which WebGPU does not have; use device 'cpu' or 'wasm', or accept other digits with precision: 'float32'`, { actual: 'float64' })
}

function firstFloat64({ types, bodies }: GraphTypes, kept: ReadonlySet<string>): string | undefined {
  for (const [name, type] of types) if (isTensorType(type) && type.dtype === 'float64' && !kept.has(name)) return name
  for (const own of bodies.values()) {
    for (const body of own.values()) {
      const found = firstFloat64(body, kept)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/**
 * The graph with float32 in place of float64: inputs, outputs, constants, casts and subgraphs.
 *
 * @param schemas where given, nodes whose operator takes float64 only keep it, between casts
 */
export function narrowGraph(graph: Graph, schemas?: ReadonlyMap<string, OpSchema>): Graph {
  const kept = keptNames(graph)
  const wide = schemas === undefined ? undefined : wideNodes(graph, schemas, kept)
  const nodes: Node[] = []
  const initializers = new Map<string, Tensor>()
  for (const [name, tensor] of graph.initializers) initializers.set(name, kept.has(name) ? tensor : narrowTensor(tensor))
  const made = new Map<string, string>()
  const taken = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)])
  const fresh = (name: string): string => {
    let own = `${name}.float64`
    while (taken.has(own)) own += '_'
    taken.add(own)
    return own
  }
  /** The value in float64: the constant as it was, or a cast. */
  const widened = (name: string): string => {
    let own = made.get(name)
    if (own !== undefined) return own
    own = fresh(name)
    made.set(name, own)
    const constant = graph.initializers.get(name)
    if (constant === undefined) nodes.push(castNode(name, own, 'float64'))
    else initializers.set(own, constant)
    return own
  }
  for (const node of graph.nodes) {
    const which = wide?.get(node)
    if (which === undefined) {
      nodes.push(narrowNode(node))
      continue
    }
    const inputs = node.inputs.map((name, i) => (which.inputs.has(i) ? widened(name) : name))
    const outputs = node.outputs.map((name, i) => (which.outputs.has(i) && name !== '' ? fresh(name) : name))
    nodes.push({ ...(which.inputs.size > 0 ? node : narrowNode(node)), inputs, outputs })
    outputs.forEach((name, i) => {
      if (name !== node.outputs[i]) nodes.push(castNode(name, node.outputs[i], 'float32'))
    })
  }
  return {
    ...graph,
    inputs: graph.inputs.map((info) => ({ ...info, type: narrowType(info.type) })),
    outputs: graph.outputs.map((info) => ({ ...info, type: narrowType(info.type) })),
    nodes,
    initializers: used(initializers, nodes, graph),
  }
}

/** Constants that are still read: those of float64 that only wide nodes read have a copy in their place. */
function used(initializers: ReadonlyMap<string, Tensor>, nodes: readonly Node[], { initializers: before, outputs }: Graph): Map<string, Tensor> {
  const read = new Set([...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ name }) => name)])
  const hasBodies = nodes.some((node) => subgraphsOf(node).length > 0)
  return new Map([...initializers].filter(([name]) => hasBodies || read.has(name) || (before.get(name)?.dtype !== 'float64')))
}

const CAST_VERSION = 25

function castNode(from: string, to: string, dtype: 'float32' | 'float64'): Node {
  return { op: 'Cast', domain: 'ai.onnx', version: CAST_VERSION, inputs: [from], outputs: [to], attributes: new Map([['to', { kind: 'string', value: dtype }]]) }
}

/** What of a node stays float64, by index: inputs that its operator takes in no other dtype, outputs that it then gives. */
interface Wide {
  readonly inputs: ReadonlySet<number>
  readonly outputs: ReadonlySet<number>
}

function wideNodes(graph: Graph, schemas: ReadonlyMap<string, OpSchema>, kept: ReadonlySet<string>): Map<Node, Wide> {
  const { types } = inferTypes(graph, schemas)
  const found = new Map<Node, Wide>()
  const isWide = (type: ValueType | undefined): boolean => type !== undefined && isTensorType(type) && type.dtype === 'float64'
  const typesOf = (node: Node): (ValueType | undefined)[] => node.inputs.map((name) => (name === '' ? undefined : types.get(name)))
  graph.nodes.forEach((node, index) => {
    const schema = schemas.get(opKey(node.domain, node.op))
    const floats = [...typesOf(node), ...node.outputs.map((name) => types.get(name))]
    if (schema === undefined || subgraphsOf(node).length > 0 || !floats.some(isWide)) return
    const before = typesOf(node)
    const narrowed = before.map((type, i) => (type === undefined || kept.has(node.inputs[i]) ? type : narrowType(type)))
    const own = narrowNode(node)
    try {
      checkSignature(schema, own.attributes, narrowed, node.outputs.length)
      const outputs = inferNode(schema, own, index, narrowed, node.inputs.map((name) => graph.initializers.get(name)))
      const still = new Set(outputs.flatMap((type, i) => (isWide(type) ? [i] : [])))
      if (still.size > 0) found.set(node, { inputs: new Set(), outputs: still })
    } catch {
      found.set(node, { inputs: new Set(before.flatMap((type, i) => (isWide(type) ? [i] : []))), outputs: new Set(node.outputs.flatMap((name, i) => (isWide(types.get(name)) ? [i] : []))) })
    }
  })
  return found
}

function narrowType(type: ValueType): ValueType {
  if (isTensorType(type)) return type.dtype === 'float64' ? { ...type, dtype: 'float32' } : type
  if ('sequence' in type) return { sequence: narrowType(type.sequence) }
  if ('optional' in type) return { optional: narrowType(type.optional) }
  return { map: { key: type.map.key, value: narrowType(type.map.value) } }
}

function narrowTensor(tensor: Tensor): Tensor {
  return tensor.data instanceof Float64Array ? { dtype: 'float32', shape: tensor.shape, data: Float32Array.from(tensor.data) } : tensor
}

function narrowNode(node: Node): Node {
  const attributes = new Map<string, Attribute>()
  for (const [name, attribute] of node.attributes) attributes.set(name, narrowAttribute(node, name, attribute))
  // What trees sum in is float64 unless said otherwise.
  if (opKey(node.domain, node.op) === 'mle.TreeEnsemble') attributes.set('accumulate', { kind: 'string', value: 'float32' })
  return { ...node, attributes: attributes satisfies Attributes }
}

function narrowAttribute(node: Node, name: string, attribute: Attribute): Attribute {
  switch (attribute.kind) {
    case 'tensor':
      return { kind: 'tensor', value: narrowTensor(attribute.value) }
    case 'type':
      return { kind: 'type', value: narrowType(attribute.value) }
    case 'graph':
      return { kind: 'graph', value: narrowGraph(attribute.value as Graph) }
    case 'string':
      // The attributes that name a dtype: Cast's target, and what generators and empty sequences make.
      return attribute.value === 'float64' && (name === 'to' || name === 'dtype') && node.domain === 'ai.onnx' ? { kind: 'string', value: 'float32' } : attribute
    default:
      return attribute
  }
}
