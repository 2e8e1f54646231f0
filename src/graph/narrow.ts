// float64 -> float32 for devices without float64: a choice of the caller, because it changes results.
import { MleError } from '../error.ts'
import { opKey } from '../ops/kernel.ts'
import type { Attribute, Attributes, ValueType } from '../ops/types.ts'
import type { OpSchema } from '../ops/schema.ts'
import { isTensorType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'
import { inferTypes, type GraphTypes } from './infer.ts'

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

/** The graph with float32 in place of float64: inputs, outputs, constants, casts and subgraphs. */
export function narrowGraph(graph: Graph): Graph {
  const kept = keptNames(graph)
  return {
    ...graph,
    inputs: graph.inputs.map((info) => ({ ...info, type: narrowType(info.type) })),
    outputs: graph.outputs.map((info) => ({ ...info, type: narrowType(info.type) })),
    nodes: graph.nodes.map(narrowNode),
    initializers: new Map([...graph.initializers].map(([name, tensor]) => [name, kept.has(name) ? tensor : narrowTensor(tensor)])),
  }
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
