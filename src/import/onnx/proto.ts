// The messages of onnx.proto (github.com/onnx/onnx, onnx/onnx.proto) that inference needs, as plain records.
import { bytesOf, fieldsOf, floatOf, integerOf, pushFloats, pushIntegers, subMessage, textOf, type Message } from '../protobuf.ts'

export interface ModelProto {
  irVersion: number
  producer: string
  producerVersion: string
  graph: GraphProto | undefined
  /** Opset version by domain; '' is ai.onnx. */
  opsets: Map<string, number>
  properties: [string, string][]
  functions: FunctionProto[]
}

export interface GraphProto {
  name: string
  nodes: NodeProto[]
  initializers: TensorProto[]
  inputs: ValueInfoProto[]
  outputs: ValueInfoProto[]
}

export interface FunctionProto {
  name: string
  overload: string
  domain: string
  inputs: string[]
  outputs: string[]
  attributes: string[]
  attributeDefaults: AttributeProto[]
  nodes: NodeProto[]
  opsets: Map<string, number>
}

export interface NodeProto {
  op: string
  /** Which of several functions of one name is called. */
  overload: string
  domain: string
  name: string
  inputs: string[]
  outputs: string[]
  attributes: AttributeProto[]
}

export interface AttributeProto {
  name: string
  /** AttributeProto.AttributeType. */
  type: number
  f: number
  i: bigint
  s: Uint8Array
  t: TensorProto | undefined
  g: GraphProto | undefined
  tp: TypeProto | undefined
  floats: number[]
  ints: bigint[]
  strings: Uint8Array[]
  /** Inside functions: the attribute of the call that this one stands for. */
  ref: string
  hasSparse: boolean
}

export interface TensorProto {
  name: string
  dims: bigint[]
  /** TensorProto.DataType. */
  dataType: number
  raw: Uint8Array | undefined
  floats: number[]
  int32s: bigint[]
  int64s: bigint[]
  uint64s: bigint[]
  doubles: number[]
  strings: Uint8Array[]
  external: [string, string][]
  isExternal: boolean
  /** A part of a tensor that others hold the rest of. */
  isSegment: boolean
  /** For tensors of which only some elements are stored: their places; `dims` are those of the whole. */
  indices?: TensorProto
}

export interface ValueInfoProto {
  name: string
  type: TypeProto | undefined
}

export type TypeProto =
  | { kind: 'tensor'; dataType: number; shape: (number | string | null)[] | undefined }
  | { kind: 'sequence' | 'optional'; element: TypeProto | undefined }
  | { kind: 'map'; key: number; value: TypeProto | undefined }
  | { kind: 'other' }

export function readModel(message: Message): ModelProto {
  const model: ModelProto = { irVersion: 0, producer: '', producerVersion: '', graph: undefined, opsets: new Map(), properties: [], functions: [] }
  for (const field of fieldsOf(message)) {
    if (field.number === 1) model.irVersion = integerOf(field)
    else if (field.number === 2) model.producer = textOf(message, field)
    else if (field.number === 3) model.producerVersion = textOf(message, field)
    else if (field.number === 7) model.graph = readGraph(subMessage(message, field))
    else if (field.number === 8) readOpset(subMessage(message, field), model.opsets)
    else if (field.number === 14) model.properties.push(readPair(subMessage(message, field)))
    else if (field.number === 25) model.functions.push(readFunction(subMessage(message, field)))
  }
  return model
}

function readOpset(message: Message, opsets: Map<string, number>): void {
  let domain = ''
  let version = 1
  for (const field of fieldsOf(message)) {
    if (field.number === 1) domain = textOf(message, field)
    else if (field.number === 2) version = integerOf(field)
  }
  opsets.set(domain === 'ai.onnx' ? '' : domain, version)
}

function readPair(message: Message): [string, string] {
  const pair: [string, string] = ['', '']
  for (const field of fieldsOf(message)) {
    if (field.number === 1) pair[0] = textOf(message, field)
    else if (field.number === 2) pair[1] = textOf(message, field)
  }
  return pair
}

function readGraph(message: Message): GraphProto {
  const graph: GraphProto = { name: '', nodes: [], initializers: [], inputs: [], outputs: [] }
  for (const field of fieldsOf(message)) {
    if (field.number === 1) graph.nodes.push(readNode(subMessage(message, field)))
    else if (field.number === 2) graph.name = textOf(message, field)
    else if (field.number === 5) graph.initializers.push(readTensor(subMessage(message, field)))
    else if (field.number === 11) graph.inputs.push(readValueInfo(subMessage(message, field)))
    else if (field.number === 12) graph.outputs.push(readValueInfo(subMessage(message, field)))
    else if (field.number === 15) graph.initializers.push(readSparse(subMessage(message, field)))
  }
  return graph
}

/** SparseTensorProto: the values, which carry the name, their places, and the dimensions of the whole. */
function readSparse(message: Message): TensorProto {
  let values = emptyTensor()
  let indices = emptyTensor()
  const dims: bigint[] = []
  for (const field of fieldsOf(message)) {
    if (field.number === 1) values = readTensor(subMessage(message, field))
    else if (field.number === 2) indices = readTensor(subMessage(message, field))
    else if (field.number === 3) pushIntegers(message, field, dims)
  }
  return { ...values, dims, indices }
}

function readFunction(message: Message): FunctionProto {
  const fn: FunctionProto = { name: '', overload: '', domain: '', inputs: [], outputs: [], attributes: [], attributeDefaults: [], nodes: [], opsets: new Map() }
  for (const field of fieldsOf(message)) {
    if (field.number === 1) fn.name = textOf(message, field)
    else if (field.number === 4) fn.inputs.push(textOf(message, field))
    else if (field.number === 5) fn.outputs.push(textOf(message, field))
    else if (field.number === 6) fn.attributes.push(textOf(message, field))
    else if (field.number === 7) fn.nodes.push(readNode(subMessage(message, field)))
    else if (field.number === 9) readOpset(subMessage(message, field), fn.opsets)
    else if (field.number === 10) fn.domain = textOf(message, field)
    else if (field.number === 13) fn.overload = textOf(message, field)
    else if (field.number === 11) fn.attributeDefaults.push(readAttribute(subMessage(message, field)))
  }
  return fn
}

function readNode(message: Message): NodeProto {
  const node: NodeProto = { op: '', overload: '', domain: '', name: '', inputs: [], outputs: [], attributes: [] }
  for (const field of fieldsOf(message)) {
    if (field.number === 1) node.inputs.push(textOf(message, field))
    else if (field.number === 2) node.outputs.push(textOf(message, field))
    else if (field.number === 3) node.name = textOf(message, field)
    else if (field.number === 4) node.op = textOf(message, field)
    else if (field.number === 5) node.attributes.push(readAttribute(subMessage(message, field)))
    else if (field.number === 7) node.domain = textOf(message, field)
    else if (field.number === 8) node.overload = textOf(message, field)
  }
  return node
}

function readAttribute(message: Message): AttributeProto {
  const attribute: AttributeProto = {
    name: '', type: 0, f: 0, i: 0n, s: new Uint8Array(0), t: undefined, g: undefined, tp: undefined, floats: [], ints: [], strings: [], ref: '', hasSparse: false,
  }
  for (const field of fieldsOf(message)) {
    if (field.number === 1) attribute.name = textOf(message, field)
    else if (field.number === 2) attribute.f = floatOf(message, field)
    else if (field.number === 3) attribute.i = BigInt.asIntN(64, BigInt(field.value))
    else if (field.number === 4) attribute.s = bytesOf(message, field)
    else if (field.number === 5) attribute.t = readTensor(subMessage(message, field))
    else if (field.number === 6) attribute.g = readGraph(subMessage(message, field))
    else if (field.number === 7) pushFloats(message, field, 4, attribute.floats)
    else if (field.number === 8) pushIntegers(message, field, attribute.ints)
    else if (field.number === 9) attribute.strings.push(bytesOf(message, field))
    else if (field.number === 14) attribute.tp = readType(subMessage(message, field))
    else if (field.number === 20) attribute.type = integerOf(field)
    else if (field.number === 21) attribute.ref = textOf(message, field)
    else if (field.number === 22) attribute.t = readSparse(subMessage(message, field))
    else if (field.number === 23) attribute.hasSparse = true
  }
  return attribute
}

function emptyTensor(): TensorProto {
  return { name: '', dims: [], dataType: 0, raw: undefined, floats: [], int32s: [], int64s: [], uint64s: [], doubles: [], strings: [], external: [], isExternal: false, isSegment: false }
}

export function readTensor(message: Message): TensorProto {
  const tensor = emptyTensor()
  for (const field of fieldsOf(message)) {
    if (field.number === 1) pushIntegers(message, field, tensor.dims)
    else if (field.number === 2) tensor.dataType = integerOf(field)
    else if (field.number === 3) tensor.isSegment = true
    else if (field.number === 4) pushFloats(message, field, 4, tensor.floats)
    else if (field.number === 5) pushIntegers(message, field, tensor.int32s)
    else if (field.number === 6) tensor.strings.push(bytesOf(message, field))
    else if (field.number === 7) pushIntegers(message, field, tensor.int64s)
    else if (field.number === 8) tensor.name = textOf(message, field)
    else if (field.number === 9) tensor.raw = bytesOf(message, field)
    else if (field.number === 10) pushFloats(message, field, 8, tensor.doubles)
    else if (field.number === 11) pushIntegers(message, field, tensor.uint64s)
    else if (field.number === 13) tensor.external.push(readPair(subMessage(message, field)))
    else if (field.number === 14) tensor.isExternal = integerOf(field) === 1
  }
  return tensor
}

function readValueInfo(message: Message): ValueInfoProto {
  const info: ValueInfoProto = { name: '', type: undefined }
  for (const field of fieldsOf(message)) {
    if (field.number === 1) info.name = textOf(message, field)
    else if (field.number === 2) info.type = readType(subMessage(message, field))
  }
  return info
}

export function readType(message: Message): TypeProto {
  for (const field of fieldsOf(message)) {
    if (field.number === 1) return readTensorType(subMessage(message, field))
    if (field.number === 4 || field.number === 9) return { kind: field.number === 4 ? 'sequence' : 'optional', element: readElementType(subMessage(message, field)) }
    if (field.number === 5) return readMapType(subMessage(message, field))
    if (field.number === 7 || field.number === 8) return { kind: 'other' }
  }
  return { kind: 'other' }
}

function readElementType(message: Message): TypeProto | undefined {
  for (const field of fieldsOf(message)) if (field.number === 1) return readType(subMessage(message, field))
  return undefined
}

function readMapType(message: Message): TypeProto {
  let key = 0
  let value: TypeProto | undefined
  for (const field of fieldsOf(message)) {
    if (field.number === 1) key = integerOf(field)
    else if (field.number === 2) value = readType(subMessage(message, field))
  }
  return { kind: 'map', key, value }
}

function readTensorType(message: Message): TypeProto {
  let dataType = 0
  let shape: (number | string | null)[] | undefined
  for (const field of fieldsOf(message)) {
    if (field.number === 1) dataType = integerOf(field)
    else if (field.number === 2) {
      const shapeMessage = subMessage(message, field)
      shape = []
      for (const dim of fieldsOf(shapeMessage)) if (dim.number === 1) shape.push(readDim(subMessage(shapeMessage, dim)))
    }
  }
  return { kind: 'tensor', dataType, shape }
}

function readDim(message: Message): number | string | null {
  for (const field of fieldsOf(message)) {
    if (field.number === 1) {
      const value = integerOf(field)
      return value >= 0 ? value : null
    }
    if (field.number === 2) {
      const name = textOf(message, field)
      return name === '' ? null : name
    }
  }
  return null
}
