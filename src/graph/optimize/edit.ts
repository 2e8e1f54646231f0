// What passes see of a graph, and how they say what to change: graphs are plain data, so a pass describes its edits and `apply` makes a new graph.
import { isTensorType, type Attribute, type TensorType } from '../../ops/types.ts'
import type { OperatorSet } from '../../ops/packs.ts'
import { isFloat } from '../../tensor/dtype.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Graph, Node } from '../graph.ts'
import { inferTypes, type KnownTypes } from '../infer.ts'
import { capturedNames, subgraphsOf } from '../subgraphs.ts'

/** One pass: looks at a graph and notes its edits. */
export interface Pass {
  readonly name: string
  /** Changes bits: runs only with determinism 'relaxed', and never touches float64. */
  readonly relaxed?: boolean
  /** Keys of operators that a graph must have for the pass to find anything. */
  readonly needs: readonly string[]
  /** The operator that it fuses others into, where the device may have no kernel for it. */
  readonly makes?: string
  readonly run: (look: Look, edits: Edits) => void
}

/** A graph with what passes ask about it. */
export interface Look {
  readonly graph: Graph
  readonly operators: OperatorSet
  readonly typeOf: (name: string) => TensorType | undefined
  readonly constantOf: (name: string) => Tensor | undefined
  /** The node that makes a value, if one does. */
  readonly producerOf: (name: string) => Node | undefined
  /** Reads of a value by nodes, subgraphs and graph outputs. */
  readonly readsOf: (name: string) => number
  readonly readersOf: (name: string) => readonly Node[]
  readonly isOutput: (name: string) => boolean
}

/** @param known of the graph before the edits that have led to this one */
export function lookAt(graph: Graph, operators: OperatorSet, known?: KnownTypes): Look {
  const { types } = inferTypes(graph, operators.schemas, undefined, undefined, known)
  const producers = new Map<string, Node>()
  const readers = new Map<string, Node[]>()
  const captured = new Map<string, number>()
  const outputs = new Set(graph.outputs.map(({ name }) => name))
  for (const node of graph.nodes) {
    for (const name of node.outputs) producers.set(name, node)
    for (const name of node.inputs) {
      const known = readers.get(name)
      if (known === undefined) readers.set(name, [node])
      else known.push(node)
    }
    for (const { graph: body } of subgraphsOf(node)) for (const name of capturedNames(body)) captured.set(name, (captured.get(name) ?? 0) + 1)
  }
  return {
    graph,
    operators,
    typeOf(name) {
      const type = types.get(name)
      return isTensorType(type) ? type : undefined
    },
    constantOf: (name) => graph.initializers.get(name),
    producerOf: (name) => producers.get(name),
    readsOf: (name) => (readers.get(name)?.length ?? 0) + (captured.get(name) ?? 0) + (outputs.has(name) ? 1 : 0),
    readersOf: (name) => readers.get(name) ?? [],
    isOutput: (name) => outputs.has(name),
  }
}

/** The edits of one pass over one graph. */
export interface Edits {
  readonly count: number
  /** Takes nodes for one edit; false if another edit has one of them already. */
  readonly claim: (...nodes: readonly Node[]) => boolean
  /** Replaces a node by others, or removes it; counts one edit. */
  readonly replace: (node: Node, by: readonly Node[]) => void
  readonly remove: (node: Node) => void
  /** Reads of `from` become reads of `to`; `from` is no graph output. */
  readonly redirect: (from: string, to: string) => void
  /** The value `from`, which a node makes, is called `to` from now on. */
  readonly rename: (from: string, to: string) => void
  readonly constant: (tensor: Tensor, hint: string) => string
  readonly fresh: (hint: string) => string
  readonly counted: () => void
}

export interface EditLog extends Edits {
  readonly apply: () => Graph
}

export function editsOf(graph: Graph): EditLog {
  const claimed = new Set<Node>()
  const replaced = new Map<Node, readonly Node[]>()
  const redirects = new Map<string, string>()
  const renames = new Map<string, string>()
  const constants = new Map<string, Tensor>()
  let taken: Set<string> | undefined
  let count = 0
  const fresh = (hint: string): string => {
    taken ??= new Set([...graph.initializers.keys(), ...graph.inputs.map(({ name }) => name), ...graph.nodes.flatMap(({ outputs }) => outputs)])
    let n = 0
    while (taken.has(`${hint}~${n}`)) n++
    taken.add(`${hint}~${n}`)
    return `${hint}~${n}`
  }
  return {
    get count() {
      return count
    },
    claim(...nodes) {
      if (nodes.some((node) => claimed.has(node))) return false
      for (const node of nodes) claimed.add(node)
      return true
    },
    replace(node, by) {
      replaced.set(node, by)
    },
    remove(node) {
      replaced.set(node, [])
    },
    redirect: (from, to) => void redirects.set(from, to),
    rename: (from, to) => void renames.set(from, to),
    constant(tensor, hint) {
      const name = fresh(hint)
      constants.set(name, tensor)
      return name
    },
    fresh,
    counted: () => void count++,
    apply() {
      const final = (name: string): string => {
        let current = name
        for (let next = redirects.get(current); next !== undefined; next = redirects.get(current)) current = next
        return renames.get(current) ?? current
      }
      const nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]).map((node) => renamed(node, final, renames))
      return { ...graph, nodes, initializers: new Map([...graph.initializers, ...constants]) }
    },
  }
}

function renamed(node: Node, final: (name: string) => string, renames: ReadonlyMap<string, string>): Node {
  let changed = false
  const inputs = node.inputs.map((name) => {
    const own = final(name)
    if (own !== name) changed = true
    return own
  })
  const outputs = node.outputs.map((name) => {
    const own = renames.get(name) ?? name
    if (own !== name) changed = true
    return own
  })
  const bodies = subgraphsOf(node)
  if (bodies.length === 0) return changed ? { ...node, inputs, outputs } : node
  const attributes = new Map<string, Attribute>(node.attributes)
  for (const { name, graph } of bodies) attributes.set(name, { kind: 'graph', value: withCaptures(graph, final) })
  return { ...node, inputs, outputs, attributes }
}

/** A subgraph whose reads of outer values are renamed; what it defines itself stays. */
function withCaptures(graph: Graph, final: (name: string) => string): Graph {
  const own = new Set<string>([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)])
  const inner = (name: string): string => (own.has(name) ? name : final(name))
  const nodes = graph.nodes.map((node) => renamed(node, inner, new Map()))
  // An outer value that a body returns as it is keeps the name of the output through an Identity of its own: bodies read by position, so the name may change.
  return { ...graph, nodes, outputs: graph.outputs.map((info) => ({ ...info, name: inner(info.name) })) }
}

/** A node of the current version of an operator, in place of `like`. */
export function makeNode(look: Look, op: string, inputs: readonly string[], like: Node, attributes: Readonly<Record<string, Attribute>> = {}): Node {
  const schema = look.operators.schemas.get(op)
  if (schema === undefined) throw new TypeError(`operator ${op} was not loaded for a pass that makes it`)
  return { op, domain: 'ai.onnx', version: schema.version, name: like.name, inputs, outputs: like.outputs, attributes: new Map(Object.entries(attributes)) }
}

/** An operator of ai.onnx. The domain in the type keeps the compiler from ruling out every node where the answer is no. */
export function isOp(node: Node | undefined, ...ops: readonly string[]): node is Node & { readonly domain: 'ai.onnx' } {
  return node !== undefined && node.domain === 'ai.onnx' && ops.includes(node.op)
}

export function intAttribute(node: Node, name: string, fallback: number): number {
  const value = node.attributes.get(name)
  return value?.kind === 'int' ? value.value : fallback
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const value = node.attributes.get(name)
  return value?.kind === 'ints' ? value.value : undefined
}

/** Dimensions of a tensor type that are all known. */
export function staticShape(type: TensorType | undefined): readonly number[] | undefined {
  return type?.shape?.every((dim) => typeof dim === 'number') === true ? (type.shape as readonly number[]) : undefined
}

/** Equal dimensions, symbols included; null equals nothing. */
export function sameShape(a: TensorType | undefined, b: TensorType | undefined): boolean {
  return a?.shape !== undefined && b?.shape !== undefined && a.shape.length === b.shape.length && a.shape.every((dim, i) => dim !== null && dim === b.shape?.[i])
}

/** The number that every element of a float constant is. */
export function uniform(tensor: Tensor | undefined): number | undefined {
  if (tensor === undefined || !isFloat(tensor.dtype) || (tensor.dtype !== 'float32' && tensor.dtype !== 'float64') || tensor.data.length === 0) return undefined
  const first = Number(tensor.data[0])
  for (let i = 1; i < tensor.data.length; i++) if (!Object.is(Number(tensor.data[i]), first)) return undefined
  return first
}

/** True where bits may change: float32 and shorter. */
export function isShort(type: TensorType | undefined): boolean {
  return type?.dtype === 'float32'
}

