// What the lowering of one node works with: its inputs, their types and constants, and a builder of ONNX nodes.
import { MleError } from '../../error.ts'
import type { Node, ValueInfo } from '../../graph/graph.ts'
import { nodeLabel, type OuterScope } from '../../graph/infer.ts'
import { isTensorType, type Attribute, type Subgraph, type TensorType, type ValueType } from '../../ops/types.ts'
import { tensor, type DType, type Tensor } from '../../tensor/index.ts'

/** Attribute values by kind of JavaScript value: integers, lists of integers, texts; anything else as an Attribute. */
export type AttributeValue = number | string | readonly number[] | Tensor | Attribute

export interface Lowering {
  readonly node: Node
  readonly precision: Precision
  /** Names of the node's inputs; '' for those left out. */
  readonly inputs: readonly string[]
  readonly has: (index: number) => boolean
  readonly type: (index: number) => TensorType
  readonly outputType: (index: number) => ValueType | undefined
  /** Writes the node as it is. */
  readonly keep: () => void
  /** The value of an input that is constant; refuses the node where it is not. */
  readonly constant: (index: number, name: string) => Tensor
  /** Adds an operator and returns its output: 'Add', 'ai.onnx.ml.LabelEncoder'. The last one of a lowering names the node's own output. */
  readonly add: (op: string, inputs: readonly string[], attributes?: Readonly<Record<string, AttributeValue>>, output?: string) => string
  readonly addMany: (op: string, inputs: readonly string[], count: number, attributes?: Readonly<Record<string, AttributeValue>>, outputs?: readonly string[]) => string[]
  /** A subgraph for an attribute: `build` adds its nodes and names its outputs; constants and values of the graph around it may be read. */
  readonly body: (inputs: readonly ValueInfo[], build: (inner: Lowering) => readonly ValueInfo[]) => Attribute
  /** Says that texts of the model may be missing: the file then takes MISSING_TEXT for them, and importModel fills it in. */
  readonly missingTexts: () => void
  /** Adds an initializer. */
  readonly value: (tensor: Tensor) => string
  readonly scalar: (value: number, dtype?: DType) => string
  readonly int64s: (...values: number[]) => string
  /** Says what the lowering does otherwise than the model; each text once in a file. */
  readonly note: (text: string) => void
  /** Throws ONNX_EXPORT_OPERATOR. */
  readonly refuse: (reason: string) => never
}

/** 'float32' narrows float64 values; 'keep' leaves them wherever ONNX has them. */
export type Precision = 'keep' | 'float32'

/** Replaces a node by ONNX operators that compute the same. */
export type Lower = (lowering: Lowering) => void

/** The graph that lowerings write into. */
export interface Target {
  readonly nodes: Node[]
  readonly initializers: Map<string, Tensor>
  readonly fresh: (hint: string) => string
  readonly notes: Set<string>
  readonly precision: Precision
  missingTexts: boolean
}

export function refusal(node: Node, index: number, reason: string): MleError {
  const label = nodeLabel(node, index)
  return new MleError('ONNX_EXPORT_OPERATOR', `${label} of domain ${node.domain} has no form in ONNX: ${reason}`, { section: label, actual: node.op })
}

export function loweringOf(node: Node, index: number, scope: OuterScope, target: Target): Lowering {
  const refuse = (reason: string): never => {
    throw refusal(node, index, reason)
  }
  const addMany: Lowering['addMany'] = (op, inputs, count, attributes = {}, outputs = []) => {
    const [domain, name] = op.startsWith('ai.onnx.ml.') ? ['ai.onnx.ml', op.slice('ai.onnx.ml.'.length)] : ['ai.onnx', op]
    const names = Array.from({ length: count }, (_, i) => outputs[i] ?? target.fresh(name.toLowerCase()))
    const entries = Object.entries(attributes).map(([key, value]): [string, Attribute] => [key, attributeOf(value)])
    target.nodes.push({ op: name, domain, version: 0, name: node.name, inputs, outputs: names, attributes: new Map(entries) })
    return names
  }
  const value = (one: Tensor): string => {
    const name = target.fresh('constant')
    target.initializers.set(name, one)
    return name
  }
  return {
    node,
    precision: target.precision,
    inputs: node.inputs,
    has: (i) => node.inputs[i] !== undefined && node.inputs[i] !== '',
    type(i) {
      const type = scope.typeOf(node.inputs[i])
      return isTensorType(type) ? type : refuse(`the type of input ${i} is not known`)
    },
    outputType: (i) => scope.typeOf(node.outputs[i] ?? ''),
    keep: () => void target.nodes.push(node),
    constant: (i, name) => scope.constantOf(node.inputs[i] ?? '') ?? refuse(`its input ${name} is computed by the graph, not constant`),
    add: (op, inputs, attributes, output) => addMany(op, inputs, 1, attributes, output === undefined ? [] : [output])[0],
    addMany,
    body(bodyInputs, build) {
      const inner: Target = { ...target, nodes: [] }
      const outputs = build(loweringOf(node, index, scope, inner))
      return { kind: 'graph', value: { inputs: bodyInputs, outputs, nodes: inner.nodes, initializers: new Map(), metadata: {} } as Subgraph }
    },
    missingTexts: () => void (target.missingTexts = true),
    value,
    scalar: (number, dtype = 'float64') => value(tensor([number], [], dtype)),
    int64s: (...values) => value(tensor(BigInt64Array.from(values, BigInt))),
    note: (text) => target.notes.add(text),
    refuse,
  }
}

function attributeOf(value: AttributeValue): Attribute {
  if (typeof value === 'number') return { kind: 'int', value }
  if (typeof value === 'string') return { kind: 'string', value }
  if (Array.isArray(value)) return { kind: 'ints', value }
  return 'kind' in value ? (value as Attribute) : { kind: 'tensor', value: value as Tensor }
}
