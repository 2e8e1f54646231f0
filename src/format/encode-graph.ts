// Graph -> the value of the graph section. The keys of every record stand in the order of graph-keys.ts.
import { MleError } from '../error.ts'
import type { Graph, Metadata, Node, ValueInfo } from '../graph/graph.ts'
import type { Attribute, ValueType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { METADATA } from './graph-keys.ts'
import { encodeNumber, within } from './json.ts'
import { MAX_INLINE_ELEMENTS } from './layout.ts'
import { graphOf } from './names.ts'
import { tensorStore, type StoredTensor, type TensorStore } from './encode-tensors.ts'

export interface EncodedGraph {
  readonly value: unknown
  readonly tensors: readonly StoredTensor[]
}

type ListAttribute = Extract<Attribute, { kind: 'ints' | 'floats' | 'strings' }>

/** Encodes a graph whose names were checked. Throws MleError FORMAT_WRITE. */
export function encodeGraph(graph: Graph): EncodedGraph {
  const store = tensorStore()
  collect(graph, undefined, store)
  const tensors = store.place()
  const subgraphs: unknown[] = []
  const body = encodeBody(graph, store, subgraphs)
  return { value: { ...body, subgraphs, tensors: tensors.map(encodeTensor) }, tensors }
}

/** Names that refer to initializers, from inside a subgraph outward. */
interface Scope {
  readonly outer: Scope | undefined
  readonly initializers: ReadonlyMap<string, Tensor>
  /** Names that this graph computes or takes, which hide outer ones. */
  readonly own: ReadonlySet<string>
}

/** Adds the tensors in the order of their first use. */
function collect(graph: Graph, outer: Scope | undefined, store: TensorStore): void {
  const own = new Set([...graph.inputs.map((input) => input.name), ...graph.nodes.flatMap((node) => node.outputs)])
  const scope: Scope = { outer, initializers: initializersOf(graph), own }
  const use = (name: string): void => {
    const tensor = find(name, scope)
    if (tensor !== undefined) store.add(tensor, tensor)
  }
  for (const node of graph.nodes) {
    node.inputs.forEach(use)
    for (const [name, attribute] of sorted(node.attributes)) {
      if (attribute.kind === 'tensor') store.add(attribute.value, attribute.value)
      else if (attribute.kind === 'graph') collect(graphOf(attribute.value), scope, store)
      else {
        const long = longList(attribute)
        if (long !== undefined) store.add(listTensor(long, name), long)
      }
    }
  }
  graph.outputs.forEach((output) => use(output.name))
  for (const [, tensor] of sorted(scope.initializers)) store.add(tensor, tensor)
}

function find(name: string, scope: Scope | undefined): Tensor | undefined {
  if (scope === undefined) return undefined
  return scope.initializers.get(name) ?? (scope.own.has(name) ? undefined : find(name, scope.outer))
}

function initializersOf(graph: Graph): ReadonlyMap<string, Tensor> {
  // Subgraphs are opaque to operators, whose type does not promise initializers.
  return graph.initializers ?? new Map()
}

/** Entries by name in the order of UTF-16 code units. */
function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/** The attribute itself if it is a list that is stored as a tensor. */
function longList(attribute: Attribute): ListAttribute | undefined {
  const isList = attribute.kind === 'ints' || attribute.kind === 'floats' || attribute.kind === 'strings'
  return isList && attribute.value.length > MAX_INLINE_ELEMENTS ? attribute : undefined
}

function listTensor(attribute: ListAttribute, name: string): Tensor {
  const shape = [attribute.value.length]
  if (attribute.kind === 'strings') return { dtype: 'string', shape, data: [...attribute.value] }
  if (attribute.kind === 'ints') {
    return { dtype: 'int64', shape, data: BigInt64Array.from(attribute.value, (item) => int64(item, name)) }
  }
  const data = Float64Array.from(attribute.value)
  const words = new Uint32Array(data.buffer)
  // Engines differ in the bits of a NaN that was a JavaScript number.
  data.forEach((item, i) => {
    if (item !== item) words.set([0, 0x7ff80000], 2 * i)
  })
  return { dtype: 'float64', shape, data }
}

function int64(value: number, name: string): bigint {
  if (!Number.isInteger(value) || Math.abs(value) >= 9223372036854775808) throw new MleError('FORMAT_WRITE', `attribute ${name} holds ${value}, which is no 64-bit integer`)
  return BigInt(value)
}

function encodeTensor(tensor: StoredTensor): unknown {
  return { dtype: tensor.dtype, shape: tensor.shape, offset: tensor.offset, bytes: tensor.dtype === 'string' ? tensor.bytes.length : undefined }
}

function encodeBody(graph: Graph, store: TensorStore, subgraphs: unknown[]): object {
  return {
    inputs: graph.inputs.map(encodeValueInfo),
    outputs: graph.outputs.map(encodeValueInfo),
    nodes: graph.nodes.map((node, i) => {
      try {
        return encodeNode(node, store, subgraphs)
      } catch (error) {
        throw within(error, `node ${i} ${JSON.stringify(node.op)}`)
      }
    }),
    initializers: sorted(initializersOf(graph)).map(([name, tensor]) => ({ name: wellFormed(name), tensor: store.of(tensor).index })),
  }
}

function encodeValueInfo(value: ValueInfo): unknown {
  return { name: wellFormed(value.name), type: encodeType(value.type), sourceDtype: value.sourceDtype }
}

function encodeType(type: ValueType): unknown {
  if ('sequence' in type) return { sequence: encodeType(type.sequence) }
  if ('optional' in type) return { optional: encodeType(type.optional) }
  if ('map' in type) return { map: { key: type.map.key, value: encodeType(type.map.value) } }
  return { dtype: type.dtype, shape: type.shape?.map((dim) => (typeof dim === 'string' ? wellFormed(dim) : dim)) }
}

function encodeNode(node: Node, store: TensorStore, subgraphs: unknown[]): unknown {
  return {
    op: wellFormed(node.op),
    domain: wellFormed(node.domain),
    version: node.version,
    name: node.name === undefined ? undefined : wellFormed(node.name),
    inputs: node.inputs.map(wellFormed),
    outputs: node.outputs.map(wellFormed),
    attributes: sorted(node.attributes).map(([name, attribute]) => ({ name: wellFormed(name), [attribute.kind]: encodeAttribute(attribute, name, store, subgraphs) })),
  }
}

function encodeAttribute(attribute: Attribute, name: string, store: TensorStore, subgraphs: unknown[]): unknown {
  if (longList(attribute) !== undefined) return { tensor: store.of(attribute).index }
  switch (attribute.kind) {
    case 'int':
      return encodeInt(attribute.value, name)
    case 'float':
      return encodeNumber(attribute.value)
    case 'string':
      return wellFormed(attribute.value)
    case 'ints':
      return Array.from(attribute.value, (item) => encodeInt(item, name))
    case 'floats':
      return Array.from(attribute.value, encodeNumber)
    case 'strings':
      return Array.from(attribute.value, wellFormed)
    case 'tensor':
      return store.of(attribute.value).index
    case 'type':
      return encodeType(attribute.value)
    case 'graph': {
      const graph = graphOf(attribute.value)
      if (Object.values(graph.metadata ?? {}).some((item) => item !== undefined)) {
        throw new MleError('FORMAT_WRITE', `the subgraph of attribute ${name} has metadata, which only a whole model can have`)
      }
      // The place is taken before the subgraph's own subgraphs take theirs.
      const index = subgraphs.push(undefined) - 1
      subgraphs[index] = encodeBody(graph, store, subgraphs)
      return index
    }
  }
}

function encodeInt(value: number, name: string): number | string {
  if (!Number.isInteger(value)) throw new MleError('FORMAT_WRITE', `attribute ${name} holds ${value}, which is no integer`)
  // -0 is 0 as an integer.
  return encodeNumber(value + 0)
}

function wellFormed(name: string): string {
  if (!name.isWellFormed()) throw new MleError('FORMAT_WRITE', `the text ${JSON.stringify(name)} holds a lone surrogate, which has no UTF-8`)
  return name
}

/** The value of the metadata section. Throws MleError FORMAT_WRITE for fields that the format does not have. */
export function encodeMetadata(metadata: Metadata): unknown {
  for (const key of Object.keys(metadata)) {
    if (!METADATA.some((known) => known.name === key)) throw new MleError('FORMAT_WRITE', `metadata has the field ${key}, which the format does not have; use properties`, { actual: key })
  }
  const { name, framework, frameworkVersion, estimator, methods, columns, classes, modelId, modelVersion, properties, notes } = metadata
  return {
    name,
    framework,
    frameworkVersion,
    estimator,
    methods: methods?.map((method) => ({ name: method.name, outputs: method.outputs })),
    columns: columns?.map(({ name, input, index, categories, unseen }) => ({ name, input, index, categories: categories?.map(encodeLabel), unseen })),
    classes: classes?.map((labels) => labels.map(encodeLabel)),
    modelId,
    modelVersion: modelVersion === undefined ? undefined : encodeNumber(modelVersion),
    properties,
    notes,
  }
}

function encodeLabel(label: string | number): unknown {
  if (typeof label === 'string') return label
  const number = encodeNumber(label)
  return typeof number === 'string' ? { number } : number
}
