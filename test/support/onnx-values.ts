// Values as the ONNX project's tests store them: tensors, sequences and optionals in protobuf.
import { readTensor, type TypeProto } from '../../src/import/onnx/proto.ts'
import { tensorOf } from '../../src/import/onnx/tensors.ts'
import { fieldsOf, messageOf, subMessage } from '../../src/import/protobuf.ts'
import type { Tensor } from '../../src/index.ts'

type Message = ReturnType<typeof messageOf>

export type OnnxValue = Tensor | null | readonly OnnxValue[]

/** The value of a .pb file whose type the model declares. */
export function valueOf(bytes: Uint8Array, type: TypeProto | undefined): OnnxValue {
  const message = messageOf(bytes)
  return type?.kind === 'sequence' ? sequenceIn(message) : type?.kind === 'optional' ? optionalIn(message) : tensorOf(readTensor(message), undefined)
}

/** SequenceProto: tensors are field 3, sequences field 5, optionals field 7. */
function sequenceIn(message: Message): OnnxValue[] {
  const items: OnnxValue[] = []
  for (const field of fieldsOf(message)) {
    if (field.number === 3) items.push(tensorOf(readTensor(subMessage(message, field)), undefined))
    else if (field.number === 5) items.push(sequenceIn(subMessage(message, field)))
    else if (field.number === 7) items.push(optionalIn(subMessage(message, field)))
  }
  return items
}

/** OptionalProto: a tensor is field 3, a sequence field 5, an optional field 7; none of them for an empty one. */
function optionalIn(message: Message): OnnxValue {
  for (const field of fieldsOf(message)) {
    if (field.number === 3) return tensorOf(readTensor(subMessage(message, field)), undefined)
    if (field.number === 5) return sequenceIn(subMessage(message, field))
    if (field.number === 7) return optionalIn(subMessage(message, field))
  }
  return null
}
