// Moving, reshaping and selecting elements without arithmetic.
import { MleError } from '../../error.ts'
import { isDType, type DType } from '../../tensor/dtype.ts'
import type { Narrowing } from '../../tensor/minifloat.ts'
import { checkRank } from '../../tensor/shape.ts'
import { int as intOf, text as textOf } from '../attributes.ts'
import { elementwiseRows, inputShape, like, tensorInput, unifyDims } from '../rules.ts'
import { exact, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type Attributes, type Dim, type ValueType } from '../types.ts'
import { STORED, T_STORED, axesOf, axisOf, int, knownInts, op, text } from './define.ts'
import { axisIsInner } from './reduce.ts'

export type Rule = OpSchema['infer']

/** The output's shape from the input's; no shape where the input has none. */
export const reshaped = (rule: (shape: readonly Dim[], context: InferContext) => readonly Dim[] | undefined): Rule => (context) => {
  const { dtype, shape } = tensorInput(context, 0)
  return [{ dtype, shape: shape === undefined ? undefined : rule(shape, context) }]
}

/** Rows stay when the first dimension does: its symbol comes out first again, and nothing else carries rows. */
const firstStays = (rule: Rule) => (context: InferContext, carries: readonly boolean[]): boolean => {
  const [out] = rule(context)
  const from = tensorInput(context, 0).shape?.[0]
  return carries[0] && !carries.includes(true, 1) && typeof from === 'string' && isTensorType(out) && out.shape?.[0] === from
}

/** The length of a one-dimensional input; undefined when unknown. */
export function lengthOf(context: InferContext, index: number): number | undefined {
  const length = inputShape(context, index, 1)?.[0]
  return typeof length === 'number' ? length : undefined
}

export function unknownDims(rank: number | undefined): Dim[] | undefined {
  return rank === undefined ? undefined : new Array<Dim>(checkRank(rank)).fill(null)
}

const inferSqueeze = reshaped((shape, context) => {
  const given = context.inputs[1] === undefined ? null : knownInts(context, 1)
  if (given === undefined) {
    const removed = lengthOf(context, 1)
    // Whichever axes they are, all dimensions go.
    if (removed === shape.length) for (const dim of shape) unifyDims(dim, 1, 'a dimension that is to be removed')
    return unknownDims(removed === undefined ? undefined : Math.max(0, shape.length - removed))
  }
  if (given === null) return shape.every((dim) => typeof dim === 'number') ? shape.filter((dim) => dim !== 1) : undefined
  const axes = axesOf(given, shape.length)
  for (const axis of axes) unifyDims(shape[axis], 1, `dimension ${axis}, which is to be removed,`)
  return shape.filter((_, axis) => !axes.includes(axis))
})

const inferUnsqueeze = reshaped((shape, context) => {
  const given = knownInts(context, 1)
  const added = given?.length ?? lengthOf(context, 1)
  if (given === undefined || added === undefined) return unknownDims(added === undefined ? undefined : shape.length + added)
  const axes = axesOf(given, shape.length + added)
  let from = 0
  return Array.from({ length: shape.length + added }, (_, axis) => (axes.includes(axis) ? 1 : shape[from++]))
})

function inferConcat(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  let out: Dim[] | undefined = shape === undefined ? undefined : [...shape]
  for (let i = 1; i < context.inputs.length; i++) {
    const other = tensorInput(context, i)
    if (other.dtype !== dtype) throw new MleError('OP_DTYPE', `input ${i} is ${other.dtype}, but input 0 is ${dtype}`, { expected: dtype, actual: other.dtype })
    const next = inputShape(context, i, out?.length)
    if (out === undefined || next === undefined) {
      out = undefined
      continue
    }
    const axis = axisOf(intOf(context.attributes, 'axis', 0), out.length)
    out = out.map((dim, j) => {
      if (j !== axis) return unifyDims(dim, next[j], `dimension ${j} of input ${i}`)
      return typeof dim === 'number' && typeof next[j] === 'number' ? dim + next[j] : null
    })
  }
  if (out !== undefined) axisOf(intOf(context.attributes, 'axis', 0), out.length)
  return [{ dtype, shape: out }]
}

function inferGather(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  const indices = inputShape(context, 1)
  if (shape === undefined || indices === undefined) return [{ dtype }]
  const axis = axisOf(intOf(context.attributes, 'axis', 0), shape.length)
  return [{ dtype, shape: [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)] }]
}

function gatherRows(context: InferContext, carries: readonly boolean[]): boolean {
  const rank = tensorInput(context, 0).shape?.length
  if (rank === undefined) return false
  const axis = axisOf(intOf(context.attributes, 'axis', 0), rank)
  return carries[0] ? !carries[1] && axis !== 0 : axis === 0 && (inputShape(context, 1)?.length ?? 0) > 0
}

/** The dtype that `to` names; throws OP_ATTRIBUTE. */
export function castTarget({ attributes }: Pick<InferContext, 'attributes'>): DType {
  const to = textOf(attributes, 'to', '')
  if (!isDType(to)) throw new MleError('OP_ATTRIBUTE', `attribute to is ${JSON.stringify(to)}, which is no dtype`, { actual: to })
  return to
}

/** How floats of 8 bits are stored, by the attributes of Cast and CastLike. */
export function narrowingOf(attributes: Attributes): Narrowing {
  const round = textOf(attributes, 'round_mode', 'up')
  if (round !== 'up' && round !== 'down' && round !== 'nearest') throw new MleError('OP_ATTRIBUTE', `attribute round_mode is ${JSON.stringify(round)}, expected up, down, nearest`, { actual: round })
  return { saturate: intOf(attributes, 'saturate', 1) !== 0, round }
}

export const MOVES: Pick<OpSchema, 'typeSets' | 'bound'> = { typeSets: T_STORED, bound: exact }
/** Another shape over the same memory. */
export const aliasing = (infer: Rule): Pick<OpSchema, 'infer' | 'rowWise' | 'alias' | 'bound' | 'typeSets'> => ({ ...MOVES, infer, rowWise: firstStays(infer), alias: true })
export const moving = (infer: Rule): Pick<OpSchema, 'infer' | 'rowWise' | 'bound' | 'typeSets'> => ({ ...MOVES, infer, rowWise: firstStays(infer) })

export const tensorSchemas: readonly OpSchema[] = [
  /** The input itself, of any kind. @formula y = x */
  op('Identity', 25, 'input:V', {
    outputs: 'output', bound: exact, typeSets: { V: STORED }, rowWise: () => true, alias: true,
    infer: (context) => (context.inputs[0] === undefined ? [] : isTensorType(context.inputs[0]) ? like(context) : [context.inputs[0]]),
  }),
  /**
   * Elements converted to another dtype, whose numpy name `to` gives. Floats become integers by truncation, saturating, and NaN
   * becomes 0; integers that do not fit keep their low bits; anything but 0 becomes true. Numbers become strings as Python
   * writes them, and strings numbers as Python reads them. Floats of 8 and 4 bits take the nearest value, ties to even; `saturate` 0 makes infinity or NaN of what
   * is beyond the largest; `round_mode` chooses the power of two of float8e8m0.
   * @formula y = (to) x
   */
  op('Cast', 25, 'input:A', {
    outputs: 'output', typeSets: { A: STORED }, bound: exact, inPlace: true, rowWise: elementwiseRows,
    attributes: [{ name: 'to', kind: 'string', required: true }, int('saturate', 1), text('round_mode', 'up')],
    infer: (context) => {
      narrowingOf(context.attributes)
      return like(context, 0, castTarget(context))
    },
  }),
  /** Inputs one after the other along an axis. */
  op('Concat', 13, 'inputs:T*', {
    ...MOVES, outputs: 'concat_result', infer: inferConcat, attributes: [{ name: 'axis', kind: 'int', required: true }],
    rowWise: (context, carries) => !carries.includes(false) && axisIsInner(context, 0),
  }),
  /** Slices of the data at indices along an axis; negative indices count from the end. @formula y[i, j, k] = data[i, indices[j], k] */
  op('Gather', 13, 'data:T indices:int32|int64', { ...MOVES, outputs: 'output', infer: inferGather, attributes: [int('axis', 0)], rowWise: gatherRows }),
  /** Without dimensions of 1: those named, or all. */
  op('Squeeze', 25, 'data:T axes:int64?', { ...aliasing(inferSqueeze), outputs: 'squeezed', valueInputs: [1] }),
  /** With dimensions of 1 added where the output is to have them. */
  op('Unsqueeze', 25, 'data:T axes:int64', { ...aliasing(inferUnsqueeze), outputs: 'expanded', valueInputs: [1] }),
]

