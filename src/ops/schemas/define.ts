// Short ways to write schemas, so that an operator is a few lines in its table.
import { MleError } from '../../error.ts'
import type { DType } from '../../tensor/dtype.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { elementwise, elementwiseRows } from '../rules.ts'
import { ulps, type AttributeSchema, type InferContext, type InputSchema, type OpSchema, type OutputSchema } from '../schema.ts'
import { isTensorType, type Dim } from '../types.ts'

export const FLOATS: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16']
export const INTEGERS: readonly DType[] = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64']
export const NUMBERS: readonly DType[] = [...FLOATS, ...INTEGERS]
/** Storage of quantized weights: moved, cast and quantized, never computed with. */
export const NARROW: readonly DType[] = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz', 'float8e8m0', 'float4e2m1', 'int4', 'uint4', 'int2', 'uint2']
export const ANY: readonly DType[] = [...NUMBERS, 'bool', 'string']
/** What operators take that only store or move elements. */
export const STORED: readonly DType[] = [...ANY, ...NARROW]
const T_FLOATS = { T: FLOATS }
export const T_NUMBERS: OpSchema['typeSets'] = { T: NUMBERS }
export const T_ANY: OpSchema['typeSets'] = { T: ANY }
export const T_STORED: OpSchema['typeSets'] = { T: STORED }

export const int = (name: string, value?: number): AttributeSchema => (value === undefined ? { name, kind: 'int' } : { name, kind: 'int', default: value })
export const float = (name: string, value: number): AttributeSchema => ({ name, kind: 'float', default: value })
export const ints = (name: string): AttributeSchema => ({ name, kind: 'ints' })
export const text = (name: string, value: string): AttributeSchema => ({ name, kind: 'string', default: value })

type Rest = Pick<OpSchema, 'infer'> & Partial<Omit<OpSchema, 'name' | 'version' | 'inputs' | 'outputs'>> & { readonly outputs?: string }

/**
 * A schema of the domain ai.onnx unless `rest` says otherwise.
 *
 * @param inputs such as 'data:T axes:int64? more:int32|int64*': name, type letter or dtypes, `?` optional, `*` one or more
 */
export function op(name: string, version: number, inputs: string, rest: Rest): OpSchema {
  const { outputs = 'Y', ...more } = rest
  return {
    domain: 'ai.onnx',
    attributes: [],
    typeSets: T_FLOATS,
    bound: ulps(2),
    ...more,
    name,
    version,
    inputs: inputs === '' ? [] : inputs.split(' ').map(inputOf),
    outputs: outputs.split(' ').map(flagged),
  }
}

function flagged(word: string): OutputSchema {
  if (word.endsWith('?')) return { name: word.slice(0, -1), optional: true }
  return word.endsWith('*') ? { name: word.slice(0, -1), variadic: true } : { name: word }
}

function inputOf(word: string): InputSchema {
  const [name, type] = word.split(':')
  const { name: bare, ...flags } = flagged(type)
  return { name, type: bare.length === 1 ? bare : (bare.split('|') as DType[]), ...flags }
}

type More = Partial<Rest>

/** One input, one output of its shape and dtype; row-wise and in place. */
export function unary(name: string, version: number, more: More = {}): OpSchema {
  return op(name, version, 'X:T', { infer: sameType, rowWise: elementwiseRows, inPlace: true, ...more })
}

/** Two inputs that broadcast, of one dtype, which is the output's; row-wise and in place. */
export function binary(name: string, version: number, more: More = {}): OpSchema {
  return op(name, version, 'A:T B:T', { infer: sameType, rowWise: elementwiseRows, inPlace: true, ...more })
}

const sameType = (context: InferContext): ReturnType<typeof elementwise> => elementwise(context)
/** Elementwise with a bool output. */
export const toBool = (context: InferContext): ReturnType<typeof elementwise> => elementwise(context, 'bool')

/** The integers that an input holds, if they are known before the run. */
export function knownInts({ inputs, values }: InferContext, index: number): number[] | undefined {
  const tensor = values[index]
  if (tensor !== undefined) return integersOf(tensor)
  const type = inputs[index]
  return isTensorType(type) && type.shape?.includes(0) ? [] : undefined
}

export function integersOf(tensor: Tensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number)
}

/** A checked axis in [0, rank); throws OP_AXIS. */
export function axisOf(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis
  if (!(normal >= 0 && normal < rank)) throw new MleError('OP_AXIS', `axis ${axis} is outside a tensor of ${rank} dimensions`, { expected: rank, actual: axis })
  return normal
}

/** Checked axes, ascending; throws OP_AXIS for one outside or named twice. */
export function axesOf(axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => axisOf(axis, rank)).sort((a, b) => a - b)
  normal.forEach((axis, i) => {
    if (axis === normal[i - 1]) throw new MleError('OP_AXIS', `axis ${axis} is named twice`, { actual: axis })
  })
  return normal
}

/** The number of elements where every dimension is a count. */
export function countOf(shape: readonly Dim[]): number | undefined {
  let count = 1
  for (const dim of shape) {
    if (typeof dim !== 'number') return undefined
    count *= dim
  }
  return count
}

/** The value of a string attribute out of a few allowed ones; throws OP_ATTRIBUTE. */
export function oneOf(name: string, value: string, allowed: readonly string[]): string {
  if (!allowed.includes(value)) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is ${JSON.stringify(value)}, expected ${allowed.join(', ')}`, { expected: allowed.join(', '), actual: value })
  return value
}
