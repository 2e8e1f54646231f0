// Control flow: operators that run subgraphs.
import { MleError } from '../../error.ts'
import { int, ints, subgraph } from '../attributes.ts'
import { exact, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type Dim, type TensorType, type ValueType } from '../types.ts'
import { optionalSchemas, sequenceSchemas } from './sequences.ts'

type Type = ValueType | undefined

/** A tensor type without its shape: what is known of a value that each iteration may reshape. */
export function withoutShape(type: Type): Type {
  return isTensorType(type) ? { dtype: type.dtype } : type
}

/** What holds for both: equal dimensions stay, others become unknown. Throws OP_DTYPE when the dtypes differ. */
function merge(a: Type, b: Type, what: string): Type {
  if (!isTensorType(a) || !isTensorType(b)) return a ?? b
  if (a.dtype !== b.dtype) throw new MleError('OP_DTYPE', `${what} is ${a.dtype} in one case and ${b.dtype} in the other`, { expected: a.dtype, actual: b.dtype })
  if (a.shape === undefined || b.shape === undefined || a.shape.length !== b.shape.length) return { dtype: a.dtype }
  const other = b.shape
  return { dtype: a.dtype, shape: a.shape.map((dim, axis) => (dim === other[axis] ? dim : null)) }
}

/** Output types of subgraph `name`; throws OP_BODY unless it has `count` outputs. */
function bodyOutputs(context: InferContext, name: string, count: number | undefined): readonly Type[] {
  const declared = subgraph(context.attributes, name)
  if (declared === undefined) throw new MleError('OP_BODY', `attribute ${name} is missing`)
  if (count !== undefined && declared.outputs.length !== count) {
    throw new MleError('OP_BODY', `${name} has ${declared.outputs.length} outputs, expected ${count}`, { expected: count, actual: declared.outputs.length })
  }
  return context.bodies?.get(name) ?? declared.outputs.map((output) => withoutShape(output.type))
}

function checkBodyInputs(context: InferContext, name: string, count: number): void {
  const actual = subgraph(context.attributes, name)?.inputs.length
  if (actual !== count) throw new MleError('OP_BODY', `${name} has ${actual ?? 'no'} inputs, expected ${count}`, { expected: count, actual })
}

function known(types: readonly Type[]): ValueType[] {
  return types.map((type, i) => {
    if (type === undefined) throw new MleError('OP_BODY', `output ${i} of the subgraph has no type`)
    return type
  })
}

/** One of two subgraphs, chosen by a condition. @formula y = cond ? then_branch() : else_branch() */
const ifSchema: OpSchema = {
  name: 'If',
  domain: 'ai.onnx',
  version: 25,
  inputs: [{ name: 'cond', type: ['bool'] }],
  outputs: [{ name: 'outputs', variadic: true }],
  attributes: [
    { name: 'then_branch', kind: 'graph', required: true },
    { name: 'else_branch', kind: 'graph', required: true },
  ],
  infer(context) {
    const thenTypes = bodyOutputs(context, 'then_branch', context.outputCount)
    const elseTypes = bodyOutputs(context, 'else_branch', context.outputCount)
    return known(thenTypes.map((type, i) => merge(type, elseTypes[i], `output ${i}`)))
  },
  bound: exact,
}

const LOOP_FIXED = 2

/** A subgraph repeated M times or while its condition holds. @formula repeat while i < M and cond: (cond, v, y_i) = body(i, cond, v) */
const loopSchema: OpSchema = {
  name: 'Loop',
  domain: 'ai.onnx',
  version: 25,
  inputs: [
    { name: 'M', type: ['int64'], optional: true },
    { name: 'cond', type: ['bool'], optional: true },
    { name: 'v_initial', type: 'V', optional: true, variadic: true },
  ],
  outputs: [{ name: 'v_final_and_scan_outputs', variadic: true }],
  attributes: [{ name: 'body', kind: 'graph', required: true }],
  bodyInputs: (context) => [{ dtype: 'int64', shape: [] }, { dtype: 'bool', shape: [] }, ...context.inputs.slice(LOOP_FIXED).map(withoutShape)],
  infer(context) {
    const carried = Math.max(0, context.inputs.length - LOOP_FIXED)
    checkBodyInputs(context, 'body', LOOP_FIXED + carried)
    const results = bodyOutputs(context, 'body', 1 + context.outputCount).slice(1)
    if (results.length < carried) throw new MleError('OP_BODY', `body has ${results.length + 1} outputs, expected at least ${carried + 1}`)
    return known(results.map((type, i) => (i < carried ? merge(context.inputs[LOOP_FIXED + i], type, `loop-carried value ${i}`) : stacked(type, 0, null))))
  },
  bound: exact,
}

function stacked(type: Type, axis: number, count: Dim): Type {
  if (!isTensorType(type)) throw new MleError('OP_BODY', 'scan outputs of a subgraph must be tensors')
  return type.shape === undefined ? type : { dtype: type.dtype, shape: insertAxis(type.shape, axis, count) }
}

function insertAxis(shape: readonly Dim[], axis: number, dim: Dim): Dim[] {
  const at = axis < 0 ? axis + shape.length + 1 : axis
  if (at < 0 || at > shape.length) throw new MleError('SHAPE_AXIS', `axis ${axis} is outside a tensor of ${shape.length + 1} dimensions`)
  return [...shape.slice(0, at), dim, ...shape.slice(at)]
}

function removeAxis(type: Type, axis: number): Type {
  if (!isTensorType(type) || type.shape === undefined) return type
  const at = scanAxis(type, axis)
  return { dtype: type.dtype, shape: type.shape.filter((_, i) => i !== at) }
}

function scanAxis(type: TensorType, axis: number): number {
  const rank = type.shape?.length ?? 0
  const at = axis < 0 ? axis + rank : axis
  if (at < 0 || at >= rank) throw new MleError('SHAPE_AXIS', `axis ${axis} is outside a tensor of ${rank} dimensions`)
  return at
}

/** How many inputs of a Scan are state, its own and its body's counts checked. */
export function scanCounts(attributes: InferContext['attributes'], inputCount: number): { states: number; scans: number } {
  const scans = int(attributes, 'num_scan_inputs', 0)
  if (scans < 1 || scans > inputCount) throw new MleError('OP_ATTRIBUTE', `num_scan_inputs is ${scans}, expected 1 to ${inputCount}`, { actual: scans })
  return { states: inputCount - scans, scans }
}

/** A subgraph run for each slice of its inputs. @formula (state, y_i) = body(state, x_i) for each slice x_i */
const scanSchema: OpSchema = {
  name: 'Scan',
  domain: 'ai.onnx',
  version: 25,
  inputs: [{ name: 'initial_state_and_scan_inputs', type: 'V', variadic: true }],
  outputs: [{ name: 'final_state_and_scan_outputs', variadic: true }],
  attributes: [
    { name: 'body', kind: 'graph', required: true },
    { name: 'num_scan_inputs', kind: 'int', required: true },
    { name: 'scan_input_axes', kind: 'ints' },
    { name: 'scan_input_directions', kind: 'ints' },
    { name: 'scan_output_axes', kind: 'ints' },
    { name: 'scan_output_directions', kind: 'ints' },
  ],
  bodyInputs(context) {
    const { states } = scanCounts(context.attributes, context.inputs.length)
    const axes = ints(context.attributes, 'scan_input_axes')
    return context.inputs.map((type, i) => (i < states ? withoutShape(type) : removeAxis(type, axes?.[i - states] ?? 0)))
  },
  infer(context) {
    const { states } = scanCounts(context.attributes, context.inputs.length)
    checkBodyInputs(context, 'body', context.inputs.length)
    const results = bodyOutputs(context, 'body', context.outputCount)
    if (results.length < states) throw new MleError('OP_BODY', `body has ${results.length} outputs, expected at least ${states}`)
    const axes = ints(context.attributes, 'scan_output_axes')
    const first = context.inputs[states]
    const count = isTensorType(first) && first.shape !== undefined ? first.shape[scanAxis(first, ints(context.attributes, 'scan_input_axes')?.[0] ?? 0)] : null
    return known(results.map((type, i) => (i < states ? merge(context.inputs[i], type, `state ${i}`) : stacked(type, axes?.[i - states] ?? 0, count))))
  },
  bound: exact,
}

export const controlSchemas: readonly OpSchema[] = [ifSchema, loopSchema, scanSchema, ...sequenceSchemas, ...optionalSchemas]
