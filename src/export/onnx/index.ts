// Graph -> ONNX. Operators of ai.onnx stay as they are; ours become operators of ai.onnx and ai.onnx.ml that compute the same.
import { MleError } from '../../error.ts'
import { encodeMetadata } from '../../format/encode-graph.ts'
import type { Graph, Metadata, Node } from '../../graph/graph.ts'
import { inferTypes, nodeLabel, scopeOf, type GraphTypes, type OuterScope } from '../../graph/infer.ts'
import { narrowGraph } from '../../graph/narrow.ts'
import { capturedNames, subgraphsOf } from '../../graph/subgraphs.ts'
import { DTYPES_PROPERTY, METADATA_PROPERTY, MISSING_PROPERTY, MISSING_TEXT, OWN_PROPERTIES } from '../../import/onnx/metadata.ts'
import { pruneGraph } from '../../graph/prune.ts'
import { opKey } from '../../ops/kernel.ts'
import { allSchemas } from '../../ops/registry.ts'
import { isTensorType, type Attribute } from '../../ops/types.ts'
import { bytesOfMessage } from '../protobuf.ts'
import { loweringOf, refusal, type Target } from './context.ts'
import { LOWERINGS } from './lower/index.ts'
import { irVersionOf, MAX_OPSET, MIN_OPSET, opsetOf } from './opset.ts'
import { modelMessage } from './proto.ts'
import { uniqueNames } from './unique-names.ts'

/** Version of ai.onnx.ml that has TreeEnsemble. */
const ML_OPSET = 5

export interface OnnxExportOptions {
  /** Names of methods or outputs to export; every one that has a form in ONNX by default. */
  readonly outputs?: readonly string[]
  /** 'float32' narrows float64 inputs, outputs and weights, for runtimes and devices without float64. */
  readonly precision?: 'float32'
  /** Version of ai.onnx, 18 to 28; by default 21, or what the graph's operators need. */
  readonly opset?: number
}

export interface ExportedOnnx {
  readonly bytes: Uint8Array
  /** What differs from the model, in words: outputs left out, operators lowered with other last digits. */
  readonly notes: readonly string[]
  readonly opset: number
  /** Names of the model's outputs in the file. */
  readonly outputs: readonly string[]
}

/** See `exportOnnx` of ../index.ts. */
export function onnxOf(graph: Graph, options: OnnxExportOptions = {}): ExportedOnnx {
  const { precision = 'keep', opset: wanted } = options
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= MIN_OPSET && wanted <= MAX_OPSET)) throw new RangeError(`opset ${wanted} cannot be written, only ${MIN_OPSET} to ${MAX_OPSET}`)
  const chosen = withOutputs(graph, options.outputs)
  const notes = new Set<string>()
  const types = inferTypes(chosen, allSchemas())
  const target: Target = { nodes: [], initializers: new Map(), fresh: freshNames(chosen), notes, precision, missingTexts: false }
  const { lowered, failures } = lowerGraph(chosen, types, undefined, target)
  const kept = withoutFailures(chosen, lowered, failures, options.outputs !== undefined, notes)
  const narrowed = uniqueNames(precision === 'float32' ? narrowGraph(kept) : kept, target.fresh)
  const hasBfloat16 = [...types.types.values()].some((type) => isTensorType(type) && type.dtype === 'bfloat16')
  const opset = opsetOf(narrowed, wanted, hasBfloat16)
  if (target.missingTexts) notes.add(`ONNX has no missing texts: give ${MISSING_TEXT} for them`)
  noteRoundedAttributes(narrowed, notes)
  const domains = new Set([...domainsOf(narrowed.nodes)].filter((domain) => domain !== 'ai.onnx'))
  const bytes = bytesOfMessage(
    modelMessage({
      graph: narrowed,
      irVersion: irVersionOf(opset),
      opsets: new Map([['ai.onnx', opset], ...[...domains].map((domain): [string, number] => [domain, domain === 'ai.onnx.ml' ? ML_OPSET : 1])]),
      producer: 'mle-runtime',
      producerVersion: '',
      documentation: [...notes].join('\n'),
      properties: propertiesOf(narrowed, target.missingTexts),
    }),
  )
  return { bytes, notes: [...notes], opset, outputs: narrowed.outputs.map(({ name }) => name) }
}

/** The graph with the outputs of the named methods or outputs only. */
function withOutputs(graph: Graph, names: readonly string[] | undefined): Graph {
  if (names === undefined) return pruneGraph(graph)
  const wanted = new Set(names.flatMap((name) => graph.metadata.methods?.find((method) => method.name === name)?.outputs ?? [name]))
  const outputs = graph.outputs.filter(({ name }) => wanted.has(name))
  const missing = [...wanted].find((name) => !outputs.some((output) => output.name === name))
  if (missing !== undefined) throw new MleError('METHOD_UNKNOWN', `the model has no method or output ${JSON.stringify(missing)}; it has ${graph.outputs.map(({ name }) => name).join(', ')}`, { actual: missing })
  return pruneGraph({ ...graph, outputs })
}

function freshNames(graph: Graph): (hint: string) => string {
  const taken = new Set<string>()
  const collect = (one: Graph): void => {
    for (const { name } of [...one.inputs, ...one.outputs]) taken.add(name)
    for (const name of one.initializers.keys()) taken.add(name)
    for (const node of one.nodes) {
      for (const name of node.outputs) taken.add(name)
      for (const { graph: body } of subgraphsOf(node)) collect(body)
    }
  }
  collect(graph)
  let count = 0
  return (hint) => {
    let name = `${hint}_${count++}`
    while (taken.has(name)) name = `${hint}_${count++}`
    taken.add(name)
    return name
  }
}

/** A node that has no form in ONNX: the error, and every value that depends on it. */
interface Failure {
  readonly error: MleError
  readonly values: Set<string>
}

function lowerGraph(graph: Graph, { types, bodies }: GraphTypes, outer: OuterScope | undefined, target: Target): { lowered: Graph; failures: Failure[] } {
  for (const [name, value] of graph.initializers) target.initializers.set(name, value)
  const scope = scopeOf(graph, types, outer)
  const failures: Failure[] = []
  graph.nodes.forEach((node, index) => {
    const reads = [...node.inputs, ...subgraphsOf(node).flatMap(({ graph: body }) => capturedNames(body))]
    const failed = failures.find(({ values }) => reads.some((name) => values.has(name)))
    if (failed !== undefined) {
      for (const name of node.outputs) failed.values.add(name)
      return
    }
    try {
      lowerNode(node, index)
    } catch (error) {
      if (!(error instanceof MleError) || outer !== undefined) throw error
      failures.push({ error, values: new Set(node.outputs) })
    }
  })
  return { lowered: { ...graph, nodes: target.nodes, initializers: target.initializers }, failures }

  function lowerNode(node: Node, index: number): void {
    const lower = LOWERINGS.get(opKey(node.domain, node.op))
    if (lower !== undefined) {
      const start = target.nodes.length
      const lowering = loweringOf(node, index, scope, target)
      try {
        lower(lowering)
      } catch (error) {
        target.nodes.length = start
        throw error
      }
      return
    }
    if (node.domain === 'mle') throw refusal(node, index, 'its computation has no counterpart there')
    const attributes = new Map<string, Attribute>()
    for (const [name, attribute] of node.attributes) {
      const own = attribute.kind === 'graph' ? bodies.get(node)?.get(name) : undefined
      if (attribute.kind !== 'graph') attributes.set(name, attribute)
      else if (own === undefined) throw new MleError('INTERNAL', `subgraph ${name} of ${nodeLabel(node, index)} was not inferred`)
      else attributes.set(name, { kind: 'graph', value: lowerBody(attribute.value as Graph, own, scope) })
    }
    target.nodes.push({ ...node, attributes })
  }

  function lowerBody(body: Graph, own: GraphTypes, around: OuterScope): Graph {
    const inner: Target = { ...target, nodes: [], initializers: new Map() }
    const { lowered } = lowerGraph(body, own, around, inner)
    target.missingTexts ||= inner.missingTexts
    // Bodies declare the types that inference has found: some importers leave them open.
    return { ...lowered, inputs: lowered.inputs.map((info) => ({ ...info, type: own.types.get(info.name) ?? info.type })), outputs: lowered.outputs.map((info) => ({ ...info, type: own.types.get(info.name) ?? info.type })) }
  }
}

/** Drops the outputs that cannot be computed, or throws where they are what the model is for. */
function withoutFailures(graph: Graph, lowered: Graph, failures: readonly Failure[], isChosen: boolean, notes: Set<string>): Graph {
  if (failures.length === 0) return pruneGraph(lowered)
  const { methods } = graph.metadata
  const main = isChosen ? undefined : (methods?.find(({ name }) => name === 'predict') ?? methods?.[0])
  const required = new Set(main?.outputs ?? graph.outputs.map(({ name }) => name))
  const outputs = graph.outputs.filter(({ name }) => {
    const failure = failures.find(({ values }) => values.has(name))
    if (failure === undefined) return true
    if (required.has(name)) throw failure.error
    notes.add(`output ${name} is left out: ${failure.error.message}`)
    return false
  })
  return pruneGraph({ ...lowered, outputs })
}

/** Attributes are float32 in ONNX. */
function noteRoundedAttributes(graph: Graph, notes: Set<string>): void {
  for (const node of graph.nodes) {
    for (const [name, { kind, value }] of node.attributes) {
      const numbers = kind === 'float' ? [value] : kind === 'floats' ? value : []
      if (numbers.some((one) => Math.fround(one) !== one && one === one)) notes.add(`attribute ${name} of ${node.op} is rounded to float32, as ONNX stores attributes`)
      if (kind === 'graph') noteRoundedAttributes(value as Graph, notes)
    }
  }
}

function domainsOf(nodes: readonly Node[], domains: Set<string> = new Set()): Set<string> {
  for (const node of nodes) {
    domains.add(node.domain)
    for (const { graph } of subgraphsOf(node)) domainsOf(graph.nodes, domains)
  }
  return domains
}

function propertiesOf({ inputs, outputs, metadata }: Graph, missingTexts: boolean): [string, string][] {
  const names = new Set(outputs.map(({ name }) => name))
  const { properties = [], ...rest } = metadata
  const methods = metadata.methods?.filter((method) => method.outputs.every((name) => names.has(name)))
  const kept: Metadata = { ...rest, methods }
  const dtypes = [...inputs, ...outputs].flatMap(({ name, type, sourceDtype }) => (sourceDtype === undefined || (isTensorType(type) && type.dtype === sourceDtype) ? [] : [[name, sourceDtype]]))
  const own: [string, string][] = properties.filter(([key]) => !OWN_PROPERTIES.includes(key)).map(([key, value]) => [key, value])
  own.push([METADATA_PROPERTY, JSON.stringify(encodeMetadata(kept))])
  if (dtypes.length > 0) own.push([DTYPES_PROPERTY, JSON.stringify(dtypes)])
  if (missingTexts) own.push([MISSING_PROPERTY, MISSING_TEXT])
  return own
}
