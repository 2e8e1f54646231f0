// A graph of ONNX operators -> ModelProto (github.com/onnx/onnx, onnx/onnx.proto).
import { MleError } from '../../error.ts'
import type { Graph, Node, ValueInfo } from '../../graph/graph.ts'
import { isTensorType, type Attribute, type Dim, type ValueType } from '../../ops/types.ts'
import { bitsOf, isDType, type DType, type Tensor } from '../../tensor/index.ts'
import { message, putBytes, putFloat, putFloats, putInteger, putIntegers, putMessage, putText, type MessageWriter } from '../protobuf.ts'

/** TensorProto.DataType by dtype. */
const DATA_TYPES: ReadonlyMap<DType, number> = /* @__PURE__ */ new Map<DType, number>([
  ['float32', 1], ['uint8', 2], ['int8', 3], ['uint16', 4], ['int16', 5], ['int32', 6], ['int64', 7], ['string', 8], ['bool', 9], ['float16', 10], ['float64', 11],
  ['uint32', 12], ['uint64', 13], ['bfloat16', 16], ['float8e4m3fn', 17], ['float8e4m3fnuz', 18], ['float8e5m2', 19], ['float8e5m2fnuz', 20], ['uint4', 21], ['int4', 22],
  ['float4e2m1', 23], ['float8e8m0', 24], ['uint2', 25], ['int2', 26],
])

/** Operators whose left-out inputs count: Loop has a trip count and a condition, which may both be ''. */
const LEAST_INPUTS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['Loop', 2]])

export interface ModelParts {
  readonly graph: Graph
  readonly irVersion: number
  /** Opset version by domain. */
  readonly opsets: ReadonlyMap<string, number>
  readonly producer: string
  readonly producerVersion: string
  readonly documentation: string
  readonly properties: readonly (readonly [string, string])[]
}

export function dataTypeOf(dtype: DType, where: string): number {
  const number = DATA_TYPES.get(dtype)
  if (number === undefined) throw new MleError('ONNX_EXPORT_DTYPE', `${where} is ${dtype}, which ONNX files of this program cannot hold`, { actual: dtype })
  return number
}

export function modelMessage({ graph, irVersion, opsets, producer, producerVersion, documentation, properties }: ModelParts): MessageWriter {
  const model = message()
  putInteger(model, 1, irVersion)
  putText(model, 2, producer)
  putText(model, 3, producerVersion)
  if (documentation !== '') putText(model, 6, documentation)
  putMessage(model, 7, graphMessage(graph, graph.metadata.name ?? 'model'))
  for (const [domain, version] of opsets) {
    const opset = message()
    putText(opset, 1, domain === 'ai.onnx' ? '' : domain)
    putInteger(opset, 2, version)
    putMessage(model, 8, opset)
  }
  for (const [key, value] of properties) {
    const pair = message()
    putText(pair, 1, key)
    putText(pair, 2, value)
    putMessage(model, 14, pair)
  }
  return model
}

function graphMessage(graph: Graph, name: string): MessageWriter {
  const out = message()
  for (const node of graph.nodes) putMessage(out, 1, nodeMessage(node))
  putText(out, 2, name)
  for (const [key, tensor] of graph.initializers) putMessage(out, 5, tensorMessage(tensor, key))
  for (const info of graph.inputs) putMessage(out, 11, valueMessage(info))
  for (const info of graph.outputs) putMessage(out, 12, valueMessage(info))
  return out
}

function nodeMessage(node: Node): MessageWriter {
  const out = message()
  const inputs = [...node.inputs]
  const least = LEAST_INPUTS.get(node.op) ?? 0
  while (inputs.length > least && inputs[inputs.length - 1] === '') inputs.pop()
  for (const name of inputs) putText(out, 1, name)
  for (const name of node.outputs) putText(out, 2, name)
  if (node.name !== undefined) putText(out, 3, node.name)
  putText(out, 4, node.op)
  for (const [name, attribute] of node.attributes) putMessage(out, 5, attributeMessage(name, attribute, node))
  if (node.domain !== 'ai.onnx') putText(out, 7, node.domain)
  return out
}

/** AttributeProto, whose dtypes are numbers where ours are names. */
function attributeMessage(name: string, attribute: Attribute, node: Node): MessageWriter {
  const out = message()
  putText(out, 1, name)
  const finish = (type: number): MessageWriter => {
    putInteger(out, 20, type)
    return out
  }
  switch (attribute.kind) {
    case 'float':
      if (name === 'seed' && node.op === 'Dropout') {
        putInteger(out, 3, Math.trunc(attribute.value))
        return finish(2)
      }
      putFloat(out, 2, attribute.value)
      return finish(1)
    case 'int':
      putInteger(out, 3, attribute.value)
      return finish(2)
    case 'string':
      if ((name === 'to' || /(dtype|datatype)$/.test(name)) && isDType(attribute.value)) {
        putInteger(out, 3, dataTypeOf(attribute.value, `attribute ${name} of ${node.op}`))
        return finish(2)
      }
      putText(out, 4, attribute.value)
      return finish(3)
    case 'tensor':
      putMessage(out, 5, tensorMessage(attribute.value, ''))
      return finish(4)
    case 'graph':
      // A subgraph attribute is always a Graph here; ops/ only knows it as opaque.
      putMessage(out, 6, graphMessage(attribute.value as Graph, name))
      return finish(5)
    case 'floats':
      putFloats(out, 7, attribute.value)
      return finish(6)
    case 'ints':
      putIntegers(out, 8, attribute.value)
      return finish(7)
    case 'strings':
      for (const text of attribute.value) putText(out, 9, text)
      return finish(8)
    case 'type':
      putMessage(out, 14, typeMessage(attribute.value))
      return finish(13)
  }
}

export function tensorMessage({ dtype, shape, data }: Tensor, name: string): MessageWriter {
  const out = message()
  if (shape.length > 0) putIntegers(out, 1, shape)
  putInteger(out, 2, dataTypeOf(dtype, `tensor ${JSON.stringify(name)}`))
  if (Array.isArray(data)) {
    for (const text of data as readonly (string | null)[]) {
      if (text === null) throw new MleError('ONNX_EXPORT_DTYPE', `tensor ${JSON.stringify(name)} has a missing text, which ONNX does not have`)
      putText(out, 6, text)
    }
  }
  if (name !== '') putText(out, 8, name)
  if (ArrayBuffer.isView(data)) putBytes(out, 9, rawBytes(dtype, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)))
  return out
}

/** Elements of 4 and 2 bits lie side by side in a byte, low bits first; here each has a byte. */
function rawBytes(dtype: DType, bytes: Uint8Array): Uint8Array {
  const bits = bitsOf(dtype)
  if (bits >= 8) return bytes
  const perByte = 8 / bits
  const mask = (1 << bits) - 1
  const packed = new Uint8Array(Math.ceil(bytes.length / perByte))
  bytes.forEach((value, i) => (packed[Math.floor(i / perByte)] |= (value & mask) << (bits * (i % perByte))))
  return packed
}

function valueMessage({ name, type }: ValueInfo): MessageWriter {
  const out = message()
  putText(out, 1, name)
  putMessage(out, 2, typeMessage(type))
  return out
}

function typeMessage(type: ValueType): MessageWriter {
  const out = message()
  const inner = message()
  if (isTensorType(type)) {
    putInteger(inner, 1, dataTypeOf(type.dtype, 'a value'))
    if (type.shape !== undefined) putMessage(inner, 2, shapeMessage(type.shape))
    putMessage(out, 1, inner)
  } else if ('map' in type) {
    putInteger(inner, 1, dataTypeOf(type.map.key, 'a key'))
    putMessage(inner, 2, typeMessage(type.map.value))
    putMessage(out, 5, inner)
  } else {
    putMessage(inner, 1, typeMessage('sequence' in type ? type.sequence : type.optional))
    putMessage(out, 'sequence' in type ? 4 : 9, inner)
  }
  return out
}

function shapeMessage(shape: readonly Dim[]): MessageWriter {
  const out = message()
  for (const dim of shape) {
    const one = message()
    if (typeof dim === 'number') putInteger(one, 1, dim)
    else if (dim !== null) putText(one, 2, dim)
    putMessage(out, 1, one)
  }
  return out
}
