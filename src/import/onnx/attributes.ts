// AttributeProto -> Attribute, by the kinds that the operator's schema declares.
import type { Attribute, AttributeKind } from '../../ops/types.ts'
import type { Signature } from '../../ops/signatures.ts'
import type { Graph } from '../../graph/graph.ts'
import type { AttributeProto, GraphProto } from './proto.ts'
import { tensor } from '../../tensor/index.ts'
import { dtypeOf, onnxError, tensorOf, typeOf, type ExternalData } from './tensors.ts'

export interface AttributeContext {
  readonly external: ExternalData | undefined
  readonly graph: (proto: GraphProto) => Graph
  /** Lists with integers that numbers do not hold become int64 tensors; without it they are clamped. */
  readonly exactLists: boolean
}

const decoder = /* @__PURE__ */ new TextDecoder()

function safeInteger(value: bigint, where: string): number {
  const number = Number(value)
  // Slice and Loop use the largest int64 for "to the end"; 2^53 says the same.
  if (!Number.isSafeInteger(number)) return value > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER
  if (Number.isNaN(number)) throw onnxError('ONNX_ATTRIBUTE', `${where} is no integer`)
  return number
}

/** AttributeProto.AttributeType of files older than IR 2, which left it out. */
function typeByContent(proto: AttributeProto): number {
  if (proto.t !== undefined) return 4
  if (proto.g !== undefined) return 5
  if (proto.tp !== undefined) return 13
  if (proto.floats.length > 0) return 6
  if (proto.ints.length > 0) return 7
  if (proto.strings.length > 0) return 8
  return proto.s.length > 0 ? 3 : proto.i !== 0n ? 2 : 1
}

/** An attribute in the kind that its schema declares; dtypes given as numbers become names where the schema wants text. */
export function conformed(name: string, value: Attribute, signature: Signature): Attribute {
  const where = `operator ${signature.name}, attribute ${name}`
  const declared = signature.attributes.find((one) => one.name === name)
  if (declared === undefined) throw onnxError('ONNX_ATTRIBUTE', `${where} is not known`)
  if (declared.kind === value.kind) return value
  if (declared.kind === 'string' && value.kind === 'int') return { kind: 'string', value: dtypeOf(value.value, where) }
  if (declared.kind === 'float' && value.kind === 'int') return { kind: 'float', value: value.value }
  if (declared.kind === 'floats' && value.kind === 'ints') return { kind: 'floats', value: value.value }
  // An empty list does not say of what.
  if (isList(declared.kind) && isList(value.kind) && (value.value as readonly unknown[]).length === 0) return { kind: declared.kind, value: [] } as Attribute
  throw onnxError('ONNX_ATTRIBUTE', `${where} is ${value.kind}, expected ${declared.kind}`)
}

function isList(kind: AttributeKind): boolean {
  return kind === 'ints' || kind === 'floats' || kind === 'strings'
}

/** The attribute as the file has it. */
export function plainAttribute(proto: AttributeProto, where: string, context: AttributeContext): Attribute {
  if (proto.hasSparse) throw onnxError('ONNX_SPARSE', `${where} is a list of sparse tensors, which is not supported`)
  switch (proto.type === 0 ? typeByContent(proto) : proto.type) {
    case 1:
      return { kind: 'float', value: proto.f }
    case 2:
      return { kind: 'int', value: safeInteger(proto.i, where) }
    case 3:
      return { kind: 'string', value: decoder.decode(proto.s) }
    // TENSOR and SPARSE_TENSOR
    case 4:
    case 11:
      if (proto.t === undefined) throw onnxError('ONNX_ATTRIBUTE', `${where} has no tensor`)
      return { kind: 'tensor', value: tensorOf(proto.t, context.external) }
    case 5:
      if (proto.g === undefined) throw onnxError('ONNX_ATTRIBUTE', `${where} has no graph`)
      return { kind: 'graph', value: context.graph(proto.g) }
    case 6:
      return { kind: 'floats', value: proto.floats }
    case 7:
      if (context.exactLists && proto.ints.some((value) => !Number.isSafeInteger(Number(value)))) return { kind: 'tensor', value: tensor(BigInt64Array.from(proto.ints)) }
      return { kind: 'ints', value: proto.ints.map((value) => safeInteger(value, where)) }
    case 8:
      return { kind: 'strings', value: proto.strings.map((bytes) => decoder.decode(bytes)) }
    case 13: {
      const type = typeOf(proto.tp, where)
      if (type === undefined) throw onnxError('ONNX_ATTRIBUTE', `${where} has no type`)
      return { kind: 'type', value: type }
    }
    default:
      throw onnxError('ONNX_ATTRIBUTE', `${where} has attribute type ${proto.type}, which is not supported`)
  }
}
