// ONNX models -> Graph.
import { MleError } from '../../error.ts'
import { inferTypes } from '../../graph/infer.ts'
import { operatorKeys } from '../../graph/subgraphs.ts'
import type { Graph, ValueInfo } from '../../graph/graph.ts'
import { loadOperators } from '../../ops/packs.ts'
import type { Attribute, ValueType } from '../../ops/types.ts'
import { isTensorType } from '../../ops/types.ts'
import { tensor, type DType, type Tensor } from '../../tensor/index.ts'
import { messageOf } from '../protobuf.ts'
import { plainAttribute } from './attributes.ts'
import { createDraft, int64s, type Draft, type DraftNode } from './draft.ts'
import { restoreMetadata } from './metadata.ts'
import { inOrder } from './order.ts'
import { readModel, type AttributeProto, type FunctionProto, type GraphProto, type ModelProto, type NodeProto, type ValueInfoProto } from './proto.ts'
import { onnxError, tensorOf, typeOf, type ExternalData } from './tensors.ts'
import { upgrade } from './upgrade.ts'

export type { ExternalData } from './tensors.ts'

/** Functions that call functions: deeper than this is a cycle. */
const MAX_FUNCTION_DEPTH = 32
/** Nodes that calls of functions become: each level may double them (CWE-776). */
const MAX_FUNCTION_NODES = 1 << 20

interface ImportState {
  readonly model: ModelProto
  readonly external: ExternalData | undefined
  readonly fresh: (hint: string) => string
  readonly functions: ReadonlyMap<string, FunctionProto>
  /** Nodes that functions have become so far. */
  expanded: number
  /** dtypes of values by name, as far as the file says. */
  readonly dtypes: Map<string, DType>
  /** Their ranks, likewise. */
  readonly ranks: Map<string, number>
}

/**
 * The graph of an ONNX model: its inputs and outputs keep their names and order; operators of older opsets become current ones.
 *
 * @param external bytes of the files that external data lie in, by plain file name
 * @throws MleError ONNX_* and PROTOBUF_* for damaged files, GRAPH_OPERATOR for operators that are not known
 */
export async function importOnnx(bytes: Uint8Array, external?: ExternalData): Promise<Graph> {
  const model = readModel(messageOf(bytes))
  if (model.graph === undefined) throw onnxError('ONNX_GRAPH', 'the file has no graph')
  const taken = new Set<string>()
  collectNames(model.graph, taken)
  let count = 0
  const fresh = (hint: string): string => {
    let name = `${hint}.${count++}`
    while (taken.has(name)) name = `${hint}.${count++}`
    taken.add(name)
    return name
  }
  const functions = new Map(model.functions.map((fn) => [functionKey(fn.domain, fn.name, fn.overload), fn]))
  const state: ImportState = { model, external, fresh, functions, expanded: 0, dtypes: new Map(), ranks: new Map() }
  const graph = importGraph(model.graph, state)
  const imported: Graph = {
    ...(await typedOutputs(graph)),
    metadata: {
      name: model.graph.name === '' ? undefined : model.graph.name,
      framework: 'onnx',
      frameworkVersion: [...model.opsets].map(([domain, version]) => `${domain === '' ? 'ai.onnx' : domain} ${version}`).join(', '),
      estimator: [model.producer, model.producerVersion].filter((part) => part !== '').join(' ') || undefined,
      properties: model.properties.length === 0 ? undefined : model.properties,
    },
  }
  return restoreMetadata(imported)
}

function functionKey(domain: string, name: string, overload: string): string {
  return `${domain === 'ai.onnx' ? '' : domain}/${name}/${overload}`
}

function collectNames(graph: GraphProto, names: Set<string>): void {
  for (const value of [...graph.inputs, ...graph.outputs, ...graph.initializers]) names.add(value.name)
  for (const node of graph.nodes) {
    for (const name of [...node.inputs, ...node.outputs]) names.add(name)
    for (const attribute of node.attributes) if (attribute.g !== undefined) collectNames(attribute.g, names)
  }
}

function importGraph(proto: GraphProto, state: ImportState): Graph {
  const draft = createDraft(state)
  for (const one of proto.initializers) {
    const value = tensorOf(one, state.external)
    draft.initializers.set(one.name, value)
    state.dtypes.set(one.name, value.dtype)
    state.ranks.set(one.name, value.shape.length)
  }
  // Until IR 4 every initializer was listed as an input too.
  const inputs = proto.inputs.filter((input) => !draft.initializers.has(input.name)).map((input) => valueInfo(input, state))
  for (const node of inOrder(proto.nodes)) addNode(node, draft, state, state.model.opsets, 0)
  const outputs = proto.outputs.map((output): ValueInfo => valueInfo(output, state))
  return { inputs, outputs, nodes: draft.nodes, initializers: draft.initializers, metadata: {} }
}

/** Types that the file leaves out are filled in by inference; the placeholder is a float32 tensor of any shape. */
function valueInfo({ name, type }: ValueInfoProto, state: ImportState): ValueInfo {
  const own = typeOf(type, `value ${JSON.stringify(name)}`)
  if (isTensorType(own)) {
    state.dtypes.set(name, own.dtype)
    if (own.shape !== undefined) state.ranks.set(name, own.shape.length)
  }
  return { name, type: own ?? { dtype: 'float32' } }
}

/** Values without a name of their own, and nodes that use what no earlier one makes. */
const NO_GRAPH: ReadonlySet<string> = new Set(['GRAPH_NAME', 'GRAPH_UNDEFINED'])

/** Outputs with the types that inference finds, their symbolic dimensions kept where the file has better names. */
async function typedOutputs(graph: Graph): Promise<Graph> {
  let types: ReadonlyMap<string, ValueType>
  try {
    types = inferTypes(graph, (await loadOperators(operatorKeys(graph))).schemas).types
  } catch (error) {
    // No graph at all. What else may be wrong is reported where it is planned: an output that is not asked for may be.
    if (error instanceof MleError && NO_GRAPH.has(error.code)) throw error
    return graph
  }
  const outputs = graph.outputs.map((output): ValueInfo => {
    const inferred = types.get(output.name)
    if (inferred === undefined) return output
    if (!isTensorType(inferred) || !isTensorType(output.type)) return { ...output, type: inferred }
    const declared = output.type.shape
    const shape = inferred.shape?.map((dim, axis) => dim ?? (declared?.length === inferred.shape?.length ? (declared?.[axis] ?? null) : null))
    return { ...output, type: { dtype: inferred.dtype, shape: shape ?? declared } }
  })
  return { ...graph, outputs }
}

function addNode(node: NodeProto, draft: Draft, state: ImportState, opsets: ReadonlyMap<string, number>, depth: number): void {
  const domain = node.domain === '' || node.domain === 'ai.onnx' ? 'ai.onnx' : node.domain
  const fn = state.functions.get(functionKey(node.domain, node.op, node.overload))
  if (fn !== undefined) {
    expandFunction(fn, node, draft, state, depth)
    return
  }
  const where = `node ${JSON.stringify(node.name)} of operator ${node.op}`
  const attributes = new Map<string, Attribute>()
  for (const attribute of node.attributes) {
    attributes.set(attribute.name, plainAttribute(attribute, `${where}, attribute ${attribute.name}`, { external: state.external, graph: (proto) => importGraph(proto, state), exactLists: domain === 'ai.onnx.ml' }))
  }
  const outputs = [...node.outputs]
  while (outputs.length > 0 && outputs[outputs.length - 1] === '') outputs.pop()
  const read: DraftNode = { op: node.op, domain, name: node.name, inputs: node.inputs, outputs, attributes }
  if (domain === 'ai.onnx' && node.op === 'Constant') {
    const value = constantOf(attributes, where)
    draft.initializers.set(node.outputs[0], value)
    draft.dtypes.set(node.outputs[0], value.dtype)
    return
  }
  const opset = opsets.get(domain === 'ai.onnx' ? '' : domain) ?? 1
  upgrade(read, { draft, opset, producer: state.model.producer, dtype: (name) => draft.dtypes.get(name) })
}

/** The value of a Constant node. */
function constantOf(attributes: ReadonlyMap<string, Attribute>, where: string): Tensor {
  for (const [name, { kind, value }] of attributes) {
    if (kind === 'tensor') return value
    if (kind === 'int') return int64s([value], [])
    if (kind === 'ints') return int64s(value)
    if (kind === 'float') return tensor(Float32Array.of(value), [])
    if (kind === 'floats') return tensor(Float32Array.from(value))
    if (kind === 'string') return { dtype: 'string', shape: [], data: [value] }
    if (kind === 'strings') return { dtype: 'string', shape: [value.length], data: [...value] }
    throw onnxError('ONNX_ATTRIBUTE', `${where} has a ${kind} as ${name}`)
  }
  throw onnxError('ONNX_ATTRIBUTE', `${where} has no value`)
}

/** The nodes of a local function with its names replaced: inputs and outputs by the call's, inner ones by fresh ones. */
function expandFunction(fn: FunctionProto, call: NodeProto, draft: Draft, state: ImportState, depth: number): void {
  if (depth >= MAX_FUNCTION_DEPTH) throw onnxError('ONNX_FUNCTION', `function ${fn.name} calls itself, or functions are nested deeper than ${MAX_FUNCTION_DEPTH}`)
  state.expanded += fn.nodes.length
  if (state.expanded > MAX_FUNCTION_NODES) throw onnxError('ONNX_FUNCTION', `calls of functions make more than ${MAX_FUNCTION_NODES} nodes`)
  const names = new Map<string, string>([['', '']])
  fn.inputs.forEach((name, i) => names.set(name, call.inputs[i] ?? ''))
  fn.outputs.forEach((name, i) => names.set(name, call.outputs[i] ?? state.fresh(name)))
  const rename = (name: string): string => {
    let own = names.get(name)
    if (own === undefined) names.set(name, (own = state.fresh(name)))
    return own
  }
  const given = new Map<string, AttributeProto>([...fn.attributeDefaults, ...call.attributes].map((attribute) => [attribute.name, attribute]))
  const bind = (attributes: readonly AttributeProto[]): AttributeProto[] =>
    attributes.flatMap((attribute) => {
      if (attribute.ref === '') return [attribute.g === undefined ? attribute : { ...attribute, g: renameGraph(attribute.g, rename, bind) }]
      const value = given.get(attribute.ref)
      return value === undefined ? [] : [{ ...value, name: attribute.name }]
    })
  for (const node of fn.nodes) {
    addNode({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename), attributes: bind(node.attributes) }, draft, state, fn.opsets, depth + 1)
  }
}

function renameGraph(graph: GraphProto, rename: (name: string) => string, bind: (attributes: readonly AttributeProto[]) => AttributeProto[]): GraphProto {
  const info = (value: ValueInfoProto): ValueInfoProto => ({ ...value, name: rename(value.name) })
  return {
    name: graph.name,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    initializers: graph.initializers.map((one) => ({ ...one, name: rename(one.name) })),
    nodes: graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename), attributes: bind(node.attributes) })),
  }
}

