// Checks that a node fits its operator's schema: inputs, outputs, dtypes and attributes. Ranks and dimensions are the shape
// rule's business.
import { MleError } from '../error.ts'
import type { DType } from '../tensor/dtype.ts'
import type { OpSchema } from './schema.ts'
import { isTensorType, type Attributes, type ValueType } from './types.ts'

/**
 * @throws MleError OP_INPUT, OP_OUTPUT, OP_DTYPE, OP_ATTRIBUTE naming what does not fit
 */
export function checkSignature(schema: OpSchema, attributes: Attributes, inputs: readonly (ValueType | undefined)[], outputCount: number): void {
  const { inputs: declared, outputs } = schema
  const last = declared[declared.length - 1]
  if (inputs.length > declared.length && !last?.variadic) throw new MleError('OP_INPUT', `${inputs.length} inputs, expected at most ${declared.length}`, { expected: declared.length, actual: inputs.length })
  if (outputCount > outputs.length && !outputs[outputs.length - 1]?.variadic) throw new MleError('OP_OUTPUT', `${outputCount} outputs, expected at most ${outputs.length}`, { expected: outputs.length, actual: outputCount })
  let bound: Map<string, DType> | undefined
  for (let i = 0; i < Math.max(inputs.length, declared.length); i++) {
    const { name, type, optional } = declared[i] ?? last
    const given = inputs[i]
    if (given === undefined) {
      if (!optional && i < declared.length) throw new MleError('OP_INPUT', `input ${i} (${name}) is missing`)
      continue
    }
    if (!isTensorType(given)) continue
    const { dtype } = given
    const allowed = typeof type === 'string' ? schema.typeSets?.[type] : type
    // A letter without a set stands for any dtype, each time another: subgraphs take such values.
    if (allowed === undefined) continue
    const same = typeof type === 'string' ? bound?.get(type) : undefined
    if (!allowed.includes(dtype)) throw dtypeError(i, name, dtype, allowed.join(', '))
    if (same !== undefined && same !== dtype) throw dtypeError(i, name, dtype, same)
    if (typeof type === 'string') (bound ??= new Map()).set(type, dtype)
  }
  checkAttributes(schema, attributes)
}

function dtypeError(index: number, name: string, dtype: DType, expected: string): MleError {
  return new MleError('OP_DTYPE', `input ${index} (${name}) is ${dtype}, expected ${expected}`, { expected, actual: dtype })
}

function checkAttributes(schema: OpSchema, attributes: Attributes): void {
  for (const [name, { kind }] of attributes) {
    const declared = schema.attributes.find((attribute) => attribute.name === name)
    if (declared === undefined) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is not one of ${schema.attributes.map((attribute) => attribute.name).join(', ') || 'none'}`, { actual: name })
    if (declared.kind !== kind) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is ${kind}, expected ${declared.kind}`, { expected: declared.kind, actual: kind })
  }
  for (const { name, required } of schema.attributes) {
    if (required && !attributes.has(name)) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is missing`, { expected: name })
  }
}
