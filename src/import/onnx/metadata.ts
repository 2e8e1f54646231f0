// What exportOnnx keeps in metadata_props because ONNX has no place for it: methods, classes, columns, the training library's dtypes.
import { MleError } from '../../error.ts'
import { decodeMetadata } from '../../format/decode-metadata.ts'
import { array, list, parseJson, text } from '../../format/json.ts'
import { DEFAULT_LIMITS } from '../../format/limits.ts'
import type { Graph, Metadata, Node, ValueInfo } from '../../graph/graph.ts'
import { signatureOf } from '../../ops/signatures.ts'
import { isTensorType } from '../../ops/types.ts'

/** Key of metadata_props that holds metadata as the JSON of the metadata section of .mle files. */
export const METADATA_PROPERTY = 'mle.metadata'
/** The dtypes of the training library: pairs of a value's name and a dtype. */
export const DTYPES_PROPERTY = 'mle.dtypes'

/** Present when texts may be missing, which ONNX does not have: missing ones are given as its value. */
export const MISSING_PROPERTY = 'mle.missing_text'
/** What a missing text is given as; the empty text is a category of many models. */
export const MISSING_TEXT = '<missing>'

export const OWN_PROPERTIES: readonly string[] = [METADATA_PROPERTY, DTYPES_PROPERTY, MISSING_PROPERTY]

/**
 * The graph with the metadata that its properties hold; other properties stay properties.
 *
 * @throws MleError ONNX_METADATA for properties of this program that do not fit the graph
 */
export function restoreMetadata(graph: Graph): Graph {
  const { properties = [] } = graph.metadata
  const held = new Map(properties)
  const metadataText = held.get(METADATA_PROPERTY)
  const dtypesText = held.get(DTYPES_PROPERTY)
  if (!OWN_PROPERTIES.some((key) => held.has(key))) return graph
  try {
    const others = properties.filter(([key]) => !OWN_PROPERTIES.includes(key))
    const restored = metadataText === undefined ? graph.metadata : checked(decodeMetadata(parsed(metadataText, METADATA_PROPERTY)), graph)
    const dtypes = dtypesText === undefined ? new Map<string, string>() : new Map(list(parsed(dtypesText, DTYPES_PROPERTY), DTYPES_PROPERTY, pair))
    const typed = (info: ValueInfo): ValueInfo => {
      const sourceDtype = dtypes.get(info.name)
      return sourceDtype === undefined ? info : { ...info, sourceDtype }
    }
    const metadata: Metadata = others.length > 0 ? { ...restored, properties: others } : withoutProperties(restored)
    const filled = fillMissingTexts(graph, held.get(MISSING_PROPERTY))
    return { ...filled, inputs: graph.inputs.map(typed), outputs: graph.outputs.map(typed), metadata }
  } catch (error) {
    if (!(error instanceof MleError)) throw error
    throw new MleError('ONNX_METADATA', `ONNX model: metadata_props: ${error.message}`, { section: 'metadata_props' })
  }
}

/** Missing texts of the inputs become what the file takes them as. */
function fillMissingTexts(graph: Graph, fill: string | undefined): Graph {
  if (fill === undefined) return graph
  const renamed = new Map<string, string>()
  const taken = new Set(graph.nodes.flatMap(({ outputs }) => outputs))
  const fills: Node[] = []
  for (const { name, type } of graph.inputs) {
    if (!isTensorType(type) || type.dtype !== 'string') continue
    let given = `${name}.given`
    while (taken.has(given) || graph.initializers.has(given)) given += '.'
    renamed.set(name, given)
    fills.push({ op: 'FillMissing', domain: 'mle', version: signatureOf('mle.FillMissing').version, inputs: [name], outputs: [given], attributes: new Map([['fill', { kind: 'string', value: fill }]]) })
  }
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => renamed.get(name) ?? name) }))
  return { ...graph, nodes: [...fills, ...nodes] }
}

function parsed(json: string, key: string): unknown {
  return parseJson(new TextEncoder().encode(json), key, 0, DEFAULT_LIMITS)
}

function pair(value: unknown): [string, string] {
  const items = array(value)
  if (items.length !== 2) throw new MleError('ONNX_METADATA', 'a pair of a name and a dtype has another length')
  return [text(items[0]), text(items[1])]
}

/** Methods and columns name values of the graph: a file whose graph was changed since cannot keep those of what is gone. */
function checked(metadata: Metadata, graph: Graph): Metadata {
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  const inputs = new Set(['', ...graph.inputs.map(({ name }) => name)])
  const lost = metadata.methods?.find((method) => !method.outputs.every((name) => outputs.has(name)))
  if (lost !== undefined) throw new MleError('ONNX_METADATA', `method ${lost.name} returns ${lost.outputs.join(', ')}, which the graph does not have`)
  const column = metadata.columns?.find(({ input }) => !inputs.has(input))
  if (column !== undefined) throw new MleError('ONNX_METADATA', `column ${column.name} belongs to input ${column.input}, which the graph does not have`)
  return metadata
}

function withoutProperties({ properties: _properties, ...rest }: Metadata): Metadata {
  return rest
}
