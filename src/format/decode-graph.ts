// Parsed JSON -> Graph. Tensors are slots of the tensor table, filled once the weights are there.
import { MleError } from '../error.ts'
import type { Graph, Node, ValueInfo } from '../graph/graph.ts'
import type { Attribute, Attributes, Dim, ValueType } from '../ops/types.ts'
import { GRAPH, INITIALIZER, MAP, MAP_TYPE, NODE, OPTIONAL_TYPE, REFERENCE, SEQUENCE_TYPE, SUBGRAPH, TENSOR_TYPE, VALUE } from './graph-keys.ts'
import { array, at, count, decodeNumber, isRecord, list, record, text, within, wrongType, type JsonRecord } from './json.ts'
import { MAX_INLINE_ELEMENTS } from './layout.ts'
import type { Limits } from './limits.ts'
import { decodeDType, decodeTensorTable, type TableEntry } from './tensors.ts'

/** What a file's graph section holds. */
export interface DecodedGraph {
  readonly graph: Graph
  readonly table: readonly TableEntry[]
  /** Initializer names of each tensor, for `inspect`. */
  readonly tensorNames: ReadonlyMap<TableEntry, string[]>
  readonly subgraphCount: number
  /** The long attribute lists that tensors hold. */
  readonly lists: ReadonlyMap<TableEntry, readonly unknown[]>
  /** Copies long attribute lists out of their tensors; call it once those are filled. */
  readonly fillLists: () => void
}

interface Context {
  readonly limits: Limits
  readonly table: readonly TableEntry[]
  readonly used: Uint8Array
  readonly tensorNames: Map<TableEntry, string[]>
  readonly subgraphs: readonly unknown[]
  readonly lists: Map<TableEntry, unknown[]>
  readonly fills: (() => void)[]
  nextSubgraph: number
  nodeCount: number
}

/**
 * Decodes the value of the graph section. Names are checked apart, by `checkNames`.
 *
 * @throws MleError with a code of docs/format.md, section 6
 */
export function decodeGraph(value: unknown, limits: Limits): DecodedGraph {
  const fields = record(value, GRAPH)
  const table = decodeTensorTable(fields.tensors, limits)
  const context: Context = {
    limits,
    table,
    used: new Uint8Array(table.length),
    tensorNames: new Map(),
    subgraphs: array(fields.subgraphs),
    lists: new Map(),
    fills: [],
    nextSubgraph: 0,
    nodeCount: 0,
  }
  const graph = decodeBody(fields, context, 0)
  if (context.nextSubgraph !== context.subgraphs.length) {
    throw new MleError('FORMAT_REFERENCE', `${context.subgraphs.length} subgraphs, of which nodes refer to ${context.nextSubgraph}`, { expected: context.nextSubgraph, actual: context.subgraphs.length })
  }
  const unused = context.used.indexOf(0)
  if (unused >= 0) throw new MleError('FORMAT_REFERENCE', `nothing refers to tensor ${unused}`, { actual: unused })
  return { graph, table, tensorNames: context.tensorNames, subgraphCount: context.subgraphs.length, lists: context.lists, fillLists: () => context.fills.forEach((fill) => fill()) }
}

function decodeBody(fields: JsonRecord, context: Context, depth: number): Graph {
  const inputs = list(fields.inputs, 'inputs', decodeValueInfo)
  const outputs = list(fields.outputs, 'outputs', decodeValueInfo)
  context.nodeCount += array(fields.nodes).length
  if (context.nodeCount > context.limits.maxNodes) {
    throw new MleError('FORMAT_LIMIT', `more nodes than the limit of ${context.limits.maxNodes}`, { expected: context.limits.maxNodes, actual: context.nodeCount })
  }
  const nodes = list(fields.nodes, 'nodes', (item) => decodeNode(item, context, depth))
  const initializers = new Map<string, TableEntry['slot']>()
  let last: string | undefined
  list(fields.initializers, 'initializers', (item) => {
    const { name, tensor } = record(item, INITIALIZER)
    const key = text(name)
    last = ascending(key, last)
    const entry = tensorAt(tensor, context)
    const names = context.tensorNames.get(entry)
    if (names === undefined) context.tensorNames.set(entry, [key])
    else names.push(key)
    initializers.set(key, entry.slot)
  })
  return { inputs, outputs, nodes, initializers, metadata: {} }
}

function ascending(name: string, last: string | undefined): string {
  if (last === undefined || last < name) return name
  throw new MleError('FORMAT_ORDER', `${JSON.stringify(name)} after ${JSON.stringify(last)}: names must rise in the order of their UTF-16 code units`, { actual: name })
}

function decodeValueInfo(value: unknown): ValueInfo {
  const fields = record(value, VALUE)
  const name = at(fields.name, 'name', text)
  const type = at(fields.type, 'type', decodeType)
  return fields.sourceDtype === undefined ? { name, type } : { name, type, sourceDtype: at(fields.sourceDtype, 'sourceDtype', text) }
}

/** The nesting is bounded by that of the JSON. */
export function decodeType(value: unknown): ValueType {
  if (!isRecord(value)) throw wrongType(value, 'a type')
  if (Object.hasOwn(value, 'sequence')) return { sequence: at(record(value, SEQUENCE_TYPE).sequence, 'sequence', decodeType) }
  if (Object.hasOwn(value, 'optional')) return { optional: at(record(value, OPTIONAL_TYPE).optional, 'optional', decodeType) }
  if (Object.hasOwn(value, 'map')) {
    const fields = record(record(value, MAP_TYPE).map, MAP)
    return { map: { key: decodeDType(fields.key), value: at(fields.value, 'value', decodeType) } }
  }
  const fields = record(value, TENSOR_TYPE)
  const dtype = decodeDType(fields.dtype)
  return fields.shape === undefined ? { dtype } : { dtype, shape: list(fields.shape, 'shape', decodeDim) }
}

function decodeDim(value: unknown): Dim {
  return value === null || typeof value === 'string' ? value : count(value)
}

function decodeNode(value: unknown, context: Context, depth: number): Node {
  const fields = record(value, NODE)
  const op = at(fields.op, 'op', text)
  const domain = at(fields.domain, 'domain', text)
  const version = at(fields.version, 'version', (item) => count(item, 1))
  const inputs = list(fields.inputs, 'inputs', text)
  const outputs = list(fields.outputs, 'outputs', text)
  const attributes = decodeAttributes(fields.attributes, context, depth)
  return fields.name === undefined
    ? { op, domain, version, inputs, outputs, attributes }
    : { op, domain, version, name: at(fields.name, 'name', text), inputs, outputs, attributes }
}

function decodeAttributes(value: unknown, context: Context, depth: number): Attributes {
  const attributes = new Map<string, Attribute>()
  let last: string | undefined
  list(value, 'attributes', (item) => {
    if (!isRecord(item)) throw wrongType(item, 'a record')
    const entries = Object.keys(item)
    if (entries.length !== 2 || entries[0] !== 'name') {
      throw new MleError('FORMAT_KEY', `an attribute has the keys ${JSON.stringify(entries)}, expected its name and its kind`, { expected: 'name', actual: entries[0] ?? '' })
    }
    const name = at(item.name, 'name', text)
    last = ascending(name, last)
    try {
      attributes.set(name, decodeAttribute(entries[1], item, context, depth))
    } catch (error) {
      throw within(error, name)
    }
  })
  return attributes
}

function decodeAttribute(kind: string, item: JsonRecord, context: Context, depth: number): Attribute {
  switch (kind) {
    case 'int':
      return { kind, value: decodeInt(item.int) }
    case 'float':
      return { kind, value: decodeNumber(item.float) }
    case 'string':
      return { kind, value: text(item.string) }
    case 'ints':
      return { kind, value: decodeList(item.ints, 'int64', decodeInt, exactNumber, context) }
    case 'floats':
      return { kind, value: decodeList(item.floats, 'float64', decodeNumber, numberElement, context) }
    case 'strings':
      return { kind, value: decodeList(item.strings, 'string', text, text, context) }
    case 'tensor':
      return { kind, value: tensorAt(item.tensor, context).slot }
    case 'type':
      return { kind, value: decodeType(item.type) }
    case 'graph':
      return { kind, value: decodeSubgraph(item.graph, context, depth + 1) }
    default:
      throw new MleError('FORMAT_KEY', `${JSON.stringify(kind)} is no attribute kind`, { actual: kind })
  }
}

function decodeInt(value: unknown): number {
  const number = decodeNumber(value)
  if (!Number.isInteger(number) || Object.is(number, -0)) throw wrongType(value, 'an integer')
  return number
}

function decodeSubgraph(value: unknown, context: Context, depth: number): Graph {
  const index = count(value)
  if (index !== context.nextSubgraph || index >= context.subgraphs.length) {
    throw new MleError('FORMAT_REFERENCE', `refers to subgraph ${index} of ${context.subgraphs.length}, expected ${context.nextSubgraph}: they are numbered as they are met`, {
      expected: context.nextSubgraph, actual: index,
    })
  }
  if (depth > context.limits.maxSubgraphDepth) {
    throw new MleError('FORMAT_LIMIT', `subgraphs nested deeper than the limit of ${context.limits.maxSubgraphDepth}`, { expected: context.limits.maxSubgraphDepth, actual: depth })
  }
  context.nextSubgraph++
  return at(context.subgraphs[index], `subgraphs[${index}]`, (item) => decodeBody(record(item, SUBGRAPH), context, depth))
}

function tensorAt(value: unknown, context: Context): TableEntry {
  const index = count(value)
  if (index >= context.table.length) throw new MleError('FORMAT_REFERENCE', `refers to tensor ${index} of ${context.table.length}`, { expected: context.table.length, actual: index })
  context.used[index] = 1
  return context.table[index]
}

/**
 * A list in place, or a promise of one: the array is filled by `fillLists`. References to one tensor share one array, so
 * that a small file cannot ask for many copies of a long list.
 */
function decodeList<T>(value: unknown, dtype: 'int64' | 'float64' | 'string', decode: (item: unknown) => T, fromElement: (element: unknown) => T, context: Context): readonly T[] {
  if (Array.isArray(value)) {
    if (value.length > MAX_INLINE_ELEMENTS) throw new MleError('FORMAT_VALUE', `a list of ${value.length}: more than ${MAX_INLINE_ELEMENTS} are stored as a tensor`, { expected: MAX_INLINE_ELEMENTS, actual: value.length })
    return list(value, 'list', decode)
  }
  const entry = tensorAt(record(value, REFERENCE).tensor, context)
  const { slot, elements } = entry
  if (slot.dtype !== dtype || slot.shape.length !== 1 || elements <= MAX_INLINE_ELEMENTS) {
    throw new MleError('FORMAT_REFERENCE', `a list refers to a tensor ${slot.dtype} [${slot.shape.join(', ')}], expected ${dtype} of one dimension and more than ${MAX_INLINE_ELEMENTS}`, { expected: dtype, actual: slot.dtype })
  }
  const known = context.lists.get(entry)
  // The dtype decides the elements' type, so that one tensor has one kind of list.
  if (known !== undefined) return known as T[]
  const out: T[] = []
  context.lists.set(entry, out)
  context.fills.push(() => {
    for (const element of slot.data) out.push(fromElement(element))
  })
  return out
}

function exactNumber(element: unknown): number {
  const number = Number(element)
  if (typeof element !== 'bigint' || BigInt(number) !== element) throw new MleError('FORMAT_VALUE', `the integer ${String(element)} of a list is not exact as a double`, { actual: String(element) })
  return number
}

function numberElement(element: unknown): number {
  if (typeof element !== 'number') throw wrongType(element, 'a number')
  return element
}
