// Selecting, placing and ordering by index, and matrices made from an index rule.
import { MleError } from '../../error.ts'
import { isDType } from '../../tensor/dtype.ts'
import { int as intOf, text as textOf } from '../attributes.ts'
import { einsumPlan } from '../einsum.ts'
import { elementwiseRows, inputShape, like, tensorInput, unifyDims } from '../rules.ts'
import { exact, reducing, summing, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'
import { narrowingOf } from './tensor.ts'
import { ANY, FLOATS, INTEGERS, NUMBERS, STORED, axisOf, int, oneOf, op, text } from './define.ts'

const MOVES: Pick<OpSchema, 'typeSets' | 'bound'> = { typeSets: { T: ANY }, bound: exact }

function inferGatherND(context: InferContext): ValueType[] {
  const { dtype, shape } = tensorInput(context, 0)
  const indices = inputShape(context, 1)
  const last = indices?.[indices.length - 1]
  if (shape === undefined || indices === undefined) return [{ dtype }]
  if (indices.length === 0 || shape.length === 0) throw new MleError('OP_RANK', 'GatherND takes no scalars', { expected: 1, actual: 0 })
  if (typeof last !== 'number') return [{ dtype }]
  const batch = intOf(context.attributes, 'batch_dims', 0)
  if (batch < 0 || batch >= indices.length || batch + last > shape.length) throw new MleError('OP_DIMENSION', `indices of ${last} after ${batch} batch dimensions for data of ${shape.length} dimensions`, { expected: shape.length, actual: batch + last })
  for (let i = 0; i < batch; i++) unifyDims(shape[i], indices[i], `batch dimension ${i}`)
  return [{ dtype, shape: [...indices.slice(0, -1), ...shape.slice(batch + last)] }]
}

function inferScatterND(context: InferContext): ValueType[] {
  oneOf('reduction', textOf(context.attributes, 'reduction', 'none'), ['none', 'add', 'mul', 'max', 'min'])
  const { shape } = tensorInput(context, 0)
  const indices = inputShape(context, 1)
  const updates = inputShape(context, 2)
  const last = indices?.[indices.length - 1]
  if (shape !== undefined && indices !== undefined && typeof last === 'number') {
    if (last > shape.length) throw new MleError('OP_DIMENSION', `indices of ${last} for data of ${shape.length} dimensions`, { expected: shape.length, actual: last })
    const expected = [...indices.slice(0, -1), ...shape.slice(last)]
    if (updates !== undefined && updates.length !== expected.length) throw new MleError('OP_RANK', `updates have ${updates.length} dimensions, expected ${expected.length}`, { expected: expected.length, actual: updates.length })
    updates?.forEach((dim, i) => unifyDims(dim, expected[i], `dimension ${i} of the updates`))
  }
  return like(context)
}

function inferTensorScatter(context: InferContext): ValueType[] {
  oneOf('mode', textOf(context.attributes, 'mode', 'linear'), ['linear', 'circular'])
  const { shape } = tensorInput(context, 0)
  const update = inputShape(context, 1, shape?.length)
  if (shape !== undefined && update !== undefined) {
    const axis = axisOf(intOf(context.attributes, 'axis', -2), shape.length)
    if (axis === 0) throw new MleError('OP_AXIS', 'TensorScatter writes along an axis after the batch, got axis 0', { actual: 0 })
    update.forEach((dim, i) => i === axis || unifyDims(dim, shape[i], `dimension ${i} of the update`))
  }
  return like(context)
}

function inferReverseSequence(context: InferContext): ValueType[] {
  const batch = intOf(context.attributes, 'batch_axis', 1)
  const time = intOf(context.attributes, 'time_axis', 0)
  if (batch + time !== 1 || batch * time !== 0) throw new MleError('OP_ATTRIBUTE', `batch_axis ${batch} and time_axis ${time} must be 0 and 1, or 1 and 0`)
  const { shape } = tensorInput(context, 0)
  const lengths = inputShape(context, 1, 1)
  if (shape !== undefined && shape.length < 2) throw new MleError('OP_RANK', `the input has ${shape.length} dimensions, expected 2 or more`, { expected: 2, actual: shape.length })
  if (shape !== undefined && lengths !== undefined) unifyDims(shape[batch], lengths[0], 'batch of sequence_lens')
  return like(context)
}

function inferEinsum(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shapes = context.inputs.map((_, i) => {
    const type = tensorInput(context, i)
    if (type.dtype !== dtype) throw new MleError('OP_DTYPE', `input ${i} is ${type.dtype}, but input 0 is ${dtype}`, { expected: dtype, actual: type.dtype })
    return type.shape
  })
  const ranks = shapes.flatMap((shape) => (shape === undefined ? [] : [shape.length]))
  if (ranks.length < shapes.length) return [{ dtype }]
  const plan = einsumPlan(textOf(context.attributes, 'equation', ''), ranks)
  const dims = new Map<string, Dim>()
  plan.inputs.forEach((labels, i) => labels.forEach((label, axis) => {
    const dim = shapes[i]?.[axis] ?? null
    const known = dims.get(label)
    // Dimensions of 1 broadcast.
    dims.set(label, known === undefined || known === 1 ? dim : dim === 1 ? known : unifyDims(known, dim, `axis ${label} of the equation`))
  }))
  return [{ dtype, shape: plan.output.map((label) => dims.get(label) ?? null) }]
}

function square(context: InferContext): readonly Dim[] | undefined {
  const shape = inputShape(context, 0)
  if (shape !== undefined && shape.length < 2) throw new MleError('OP_RANK', `the input has ${shape.length} dimensions, expected 2 or more`, { expected: 2, actual: shape.length })
  return shape
}

export const indexingSchemas: readonly OpSchema[] = [
  /** Elements converted to the dtype of another tensor, by the rules of Cast. @formula y = (dtype of target_type) x */
  op('CastLike', 25, 'input:A target_type:B', {
    outputs: 'output', typeSets: { A: STORED, B: STORED }, bound: exact, attributes: [int('saturate', 1), text('round_mode', 'up')], rowWise: (context, carries) => elementwiseRows({ ...context, inputs: context.inputs.slice(0, 1) }, carries.slice(0, 1)) && carries[0],
    infer(context) {
      narrowingOf(context.attributes)
      return like(context, 0, tensorInput(context, 1).dtype)
    },
  }),
  /** The upper or lower triangle of each matrix, zeros elsewhere; k moves the diagonal up. @formula Y[i, j] = j - i >= k (upper) or j - i <= k (lower) ? X[i, j] : 0 */
  op('Trilu', 14, 'input:T k:int64?', {
    ...MOVES, outputs: 'output', attributes: [int('upper', 1)],
    infer(context) {
      square(context)
      return like(context)
    },
  }),
  /** Ones on a diagonal, of the shape of the input and of `dtype`, or the dtype of the input. @formula Y[i, j] = j - i == k */
  op('EyeLike', 22, 'input:T', {
    outputs: 'output', typeSets: { T: [...NUMBERS, 'bool'] }, bound: exact, attributes: [{ name: 'dtype', kind: 'string' }, int('k', 0)],
    infer(context) {
      const { dtype } = tensorInput(context, 0)
      const to = textOf(context.attributes, 'dtype', dtype)
      if (!isDType(to) || to === 'string') throw new MleError('OP_ATTRIBUTE', `attribute dtype is ${JSON.stringify(to)}, which is no dtype of numbers`, { actual: to })
      return [{ dtype: to, shape: inputShape(context, 0, 2) }]
    },
  }),
  /** Products of the elements up to each along an axis; without the element itself where exclusive, from the end where reverse. @formula y[i] = x[0] ... x[i] */
  op('CumProd', 26, 'x:T axis:int32|int64', {
    outputs: 'y', typeSets: { T: [...FLOATS, 'int32', 'int64', 'uint32', 'uint64'] }, bound: (eps, reference, magnitude) => 64 * eps * Math.max(Math.abs(reference), magnitude),
    attributes: [int('exclusive', 0), int('reverse', 0)], infer: (context) => like(context),
  }),
  /** Slices of the data at tuples of indices, one tuple in each row of the indices. @formula y[i] = data[indices[i, 0], indices[i, 1], ...] */
  op('GatherND', 13, 'data:T indices:int64', { ...MOVES, outputs: 'output', attributes: [int('batch_dims', 0)], infer: inferGatherND }),
  /** The data with slices written, or combined, at tuples of indices. @formula y[indices[i, 0], indices[i, 1], ...] = updates[i] */
  op('ScatterND', 18, 'data:T indices:int64 updates:T', { ...MOVES, outputs: 'output', bound: summing, attributes: [text('reduction', 'none')], infer: inferScatterND }),
  /** A cache with an update written along an axis from each batch's position on; circular writes go on at the start. @formula y[b, (write_indices[b] + s) mod n] = update[b, s] */
  op('TensorScatter', 24, 'past_cache:T update:T write_indices:int64?', { ...MOVES, outputs: 'present_cache', attributes: [int('axis', -2), text('mode', 'linear')], infer: inferTensorScatter }),
  /** The first sequence_lens[b] steps of each batch in reversed order. @formula Y[t, b] = t < n[b] ? X[n[b] - 1 - t, b] : X[t, b] */
  op('ReverseSequence', 10, 'input:T sequence_lens:int64', { ...MOVES, attributes: [int('batch_axis', 1), int('time_axis', 0)], infer: inferReverseSequence }),
  /** Sums of products by Einstein's convention: axes that the output does not name are summed over. @formula output[...] = sum over the other axes of Inputs1[...] Inputs2[...] ... */
  op('Einsum', 12, 'Inputs:T*', { outputs: 'Output', typeSets: { T: [...FLOATS, ...INTEGERS] }, bound: reducing, attributes: [{ name: 'equation', kind: 'string', required: true }], infer: inferEinsum }),
]
