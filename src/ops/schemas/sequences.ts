// Sequences and optionals: ONNX's containers of tensors.
import { MleError } from '../../error.ts'
import { isDType, type DType } from '../../tensor/dtype.ts'
import { subgraph, text } from '../attributes.ts'
import { tensorInput } from '../rules.ts'
import { exact, type InferContext, type InputSchema, type OpSchema } from '../schema.ts'
import { isTensorType, type ValueType } from '../types.ts'

const COUNT: ValueType = { dtype: 'int64', shape: [] }
const FLAG: ValueType = { dtype: 'bool', shape: [] }

/** The type of a sequence's elements; shapes differ between them, so none is kept. Throws OP_INPUT for other values. */
function elementType(context: InferContext, index: number): ValueType {
  const type = context.inputs[index]
  if (type === undefined || !('sequence' in type)) throw new MleError('OP_INPUT', `input ${index} ${type === undefined ? 'is missing' : 'is no sequence'}`)
  return isTensorType(type.sequence) ? { dtype: type.sequence.dtype } : type.sequence
}

function dtypeOf(type: ValueType): DType | undefined {
  return isTensorType(type) ? type.dtype : undefined
}

function mustShareDType(expected: ValueType, actual: ValueType | undefined, what: string): void {
  if (actual === undefined) return
  const [a, b] = [dtypeOf(expected), dtypeOf(actual)]
  if (a !== b) throw new MleError('OP_DTYPE', `${what} is ${b ?? 'no tensor'}, but the sequence holds ${a ?? 'no tensors'}`, { expected: a, actual: b })
}

function schema(name: string, version: number, inputs: readonly InputSchema[], infer: OpSchema['infer'], rest: Partial<OpSchema> = {}): OpSchema {
  return { name, domain: 'ai.onnx', version, inputs, outputs: [{ name: 'output' }], attributes: [], infer, bound: exact, ...rest }
}

const SEQUENCE: InputSchema = { name: 'input_sequence', type: 'S' }
const POSITION: InputSchema = { name: 'position', type: ['int32', 'int64'] }

/** A sequence of the inputs. @formula y = [x0, x1, ...] */
const sequenceConstruct = schema('SequenceConstruct', 11, [{ name: 'inputs', type: 'T', variadic: true }], (context) => {
  const { dtype } = tensorInput(context, 0)
  context.inputs.forEach((type, i) => mustShareDType({ dtype }, type, `input ${i}`))
  return [{ sequence: { dtype } }]
})

/** An empty sequence. @formula y = [] */
const sequenceEmpty = schema('SequenceEmpty', 11, [], (context) => {
  const name = text(context.attributes, 'dtype', 'float32')
  if (!isDType(name)) throw new MleError('OP_ATTRIBUTE', `dtype ${JSON.stringify(name)} is not known`, { actual: name })
  return [{ sequence: { dtype: name } }]
}, { attributes: [{ name: 'dtype', kind: 'string', default: 'float32' }] })

/** A sequence with one more element, at the end unless a position is given. @formula y = s[:p] + [x] + s[p:] */
const sequenceInsert = schema('SequenceInsert', 11, [SEQUENCE, { name: 'tensor', type: 'T' }, { ...POSITION, optional: true }], (context) => {
  const type = elementType(context, 0)
  mustShareDType(type, context.inputs[1], 'input 1')
  return [{ sequence: type }]
})

/** A sequence without one element, the last unless a position is given. @formula y = s[:p] + s[p+1:] */
const sequenceErase = schema('SequenceErase', 11, [SEQUENCE, { ...POSITION, optional: true }], (context) => [{ sequence: elementType(context, 0) }])

/** One element of a sequence. @formula y = s[p] */
const sequenceAt = schema('SequenceAt', 11, [SEQUENCE, POSITION], (context) => [elementType(context, 0)])

/** Number of elements. @formula y = len(s) */
const sequenceLength = schema('SequenceLength', 11, [SEQUENCE], (context) => {
  elementType(context, 0)
  return [COUNT]
})

/** Parts of a tensor along an axis. @formula y_i = x[..., start_i:end_i, ...] */
const splitToSequence = schema(
  'SplitToSequence', 24,
  [{ name: 'input', type: 'T' }, { name: 'split', type: ['int32', 'int64'], optional: true }],
  (context) => [{ sequence: { dtype: tensorInput(context, 0).dtype } }],
  { attributes: [{ name: 'axis', kind: 'int', default: 0 }, { name: 'keepdims', kind: 'int', default: 1 }] },
)

/** The elements of a sequence joined along an axis, or stacked along a new one. @formula y = concat(s, axis) */
const concatFromSequence = schema('ConcatFromSequence', 11, [SEQUENCE], (context) => [elementType(context, 0)], {
  attributes: [{ name: 'axis', kind: 'int', required: true }, { name: 'new_axis', kind: 'int', default: 0 }],
})

/** A subgraph run for each element of a sequence. @formula y_i = body(s_i, t_i, ...) */
const sequenceMap: OpSchema = {
  ...schema('SequenceMap', 17, [SEQUENCE, { name: 'additional_inputs', type: 'V', optional: true, variadic: true }], (context) => {
    const declared = subgraph(context.attributes, 'body')
    if (declared?.inputs.length !== context.inputs.length || declared.outputs.length !== context.outputCount) {
      throw new MleError('OP_BODY', `body has ${declared?.inputs.length ?? 0} inputs and ${declared?.outputs.length ?? 0} outputs, expected ${context.inputs.length} and ${context.outputCount}`)
    }
    const results = context.bodies?.get('body') ?? declared.outputs.map((output) => output.type)
    return results.map((type): ValueType => {
      if (!isTensorType(type)) throw new MleError('OP_BODY', 'outputs of the subgraph must be tensors')
      return { sequence: { dtype: type.dtype } }
    })
  }),
  outputs: [{ name: 'out_sequence', variadic: true }],
  attributes: [{ name: 'body', kind: 'graph', required: true }],
  bodyInputs: (context) => context.inputs.map((type, i) => (type !== undefined && 'sequence' in type ? elementType(context, i) : type)),
}

export const sequenceSchemas: readonly OpSchema[] = [
  sequenceConstruct, sequenceEmpty, sequenceInsert, sequenceErase, sequenceAt, sequenceLength, splitToSequence, concatFromSequence, sequenceMap,
]

/** What an optional holds, or the type itself. */
function contentType(type: ValueType | undefined): ValueType | undefined {
  return type !== undefined && 'optional' in type ? type.optional : type
}

/** An optional that holds the input, or nothing. @formula y = x or none */
const optional = schema('Optional', 15, [{ name: 'input', type: 'V', optional: true }], (context) => {
  const declared = context.attributes.get('type')
  const type = context.inputs[0] ?? (declared?.kind === 'type' ? declared.value : undefined)
  if (type === undefined) throw new MleError('OP_INPUT', 'an optional needs an input or the attribute type')
  return [{ optional: type }]
}, { attributes: [{ name: 'type', kind: 'type' }] })

/** Whether an optional holds something; false without an input. @formula y = x is not none */
const optionalHasElement = schema('OptionalHasElement', 18, [{ name: 'input', type: 'O', optional: true }], () => [FLAG])

/** What an optional holds; an error at run time when it is empty. @formula y = x */
const optionalGetElement = schema('OptionalGetElement', 18, [{ name: 'input', type: 'O' }], (context) => {
  const type = contentType(context.inputs[0])
  if (type === undefined) throw new MleError('OP_INPUT', 'input 0 is missing')
  return [isTensorType(type) && context.inputs[0] !== undefined && 'optional' in context.inputs[0] ? { dtype: type.dtype } : type]
})

export const optionalSchemas: readonly OpSchema[] = [optional, optionalHasElement, optionalGetElement]
