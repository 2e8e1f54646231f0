// Normalization by mean and variance, of a batch (learned statistics), a channel, a group of channels or trailing axes.
import { MleError } from '../../error.ts'
import { int as intOf, ints as intsOf } from '../attributes.ts'
import { inputShape, like, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { DType } from '../../tensor/dtype.ts'
import type { Dim, ValueType } from '../types.ts'
import { FLOATS, axesOf, axisOf, float, int, ints, op } from './define.ts'

/** Checks that inputs from `start` on are vectors of `dim` elements. */
function vectors(context: InferContext, start: number, dim: Dim): void {
  for (let i = start; i < context.inputs.length; i++) {
    const shape = context.inputs[i] === undefined ? undefined : inputShape(context, i, 1)
    if (shape !== undefined) unifyDims(shape[0], dim, `input ${i}`)
  }
}

function channelsOf(context: InferContext, leastRank: number): Dim {
  const shape = inputShape(context, 0)
  if (shape === undefined) return null
  if (shape.length < leastRank) throw new MleError('OP_RANK', `input 0 has ${shape.length} dimensions, expected at least ${leastRank}`, { expected: leastRank, actual: shape.length })
  // A batch of numbers has one channel.
  return shape.length < 2 ? 1 : shape[1]
}

function inferBatch(context: InferContext): ValueType[] {
  const channels = channelsOf(context, 1)
  vectors(context, 1, channels)
  const training = intOf(context.attributes, 'training_mode', 0) !== 0
  if (!training && context.outputCount > 1) throw new MleError('OP_OUTPUT', 'BatchNormalization has running statistics in training mode only', { expected: 1, actual: context.outputCount })
  const { dtype } = tensorInput(context, 3)
  return [...like(context), { dtype, shape: [channels] }, { dtype, shape: [channels] }].slice(0, context.outputCount)
}

const byChannel = (context: InferContext): ValueType[] => {
  vectors(context, 1, channelsOf(context, 2))
  return like(context)
}

function inferGroup(context: InferContext): ValueType[] {
  const channels = channelsOf(context, 2)
  vectors(context, 1, channels)
  const groups = intOf(context.attributes, 'num_groups', 1)
  if (groups < 1 || (typeof channels === 'number' && channels % groups !== 0)) throw new MleError('OP_ATTRIBUTE', `attribute num_groups is ${groups}, which does not divide ${channels} channels`, { actual: groups })
  return like(context)
}

/** dtype of the statistics: float32 by default, bfloat16 on request. */
export function stashType(context: Pick<InferContext, 'attributes'>): DType {
  const type = intOf(context.attributes, 'stash_type', 1)
  if (type !== 1 && type !== 16) throw new MleError('OP_ATTRIBUTE', `attribute stash_type is ${type}, expected 1 (float32) or 16 (bfloat16)`, { expected: 1, actual: type })
  return type === 1 ? 'float32' : 'bfloat16'
}

function inferLayer(context: InferContext): ValueType[] {
  const { shape } = tensorInput(context, 0)
  const dtype = stashType(context)
  const axis = shape === undefined ? 0 : axisOf(intOf(context.attributes, 'axis', -1), shape.length)
  if (shape !== undefined) {
    for (let i = 1; i < context.inputs.length; i++) {
      const own = context.inputs[i] === undefined ? undefined : inputShape(context, i)
      if (own === undefined) continue
      const lead = shape.length - own.length
      const fits = lead >= 0 && own.every((dim, j) => dim === 1 || typeof dim !== 'number' || typeof shape[lead + j] !== 'number' || dim === shape[lead + j])
      if (!fits) throw new MleError('OP_DIMENSION', `input ${i} [${own.join(', ')}] does not broadcast to [${shape.join(', ')}]`)
    }
  }
  const kept = shape?.map((dim, i) => (i < axis ? dim : 1))
  return [...like(context), { dtype, shape: kept }, { dtype, shape: kept }].slice(0, context.outputCount)
}

/** Rows stay apart when axis 0 is not normalized and the parameters have no rows. */
function layerRows(context: InferContext, carries: readonly boolean[]): boolean {
  const rank = tensorInput(context, 0).shape?.length
  if (rank === undefined || !carries[0] || carries.includes(true, 1) || axisOf(intOf(context.attributes, 'axis', -1), rank) === 0) return false
  return context.inputs.every((_, i) => i === 0 || context.inputs[i] === undefined || (tensorInput(context, i).shape?.length ?? rank) < rank || tensorInput(context, i).shape?.[0] === 1)
}

/** Axes that MeanVarianceNormalization takes statistics over. */
export function meanVarianceAxes(context: Pick<InferContext, 'attributes'>, rank: number): number[] {
  return axesOf(intsOf(context.attributes, 'axes') ?? [0, 2, 3], rank)
}

const first = (_context: InferContext, carries: readonly boolean[]): boolean => carries[0] && !carries.includes(true, 1)
const EPSILON = float('epsilon', 1e-5)

export const normalizeSchemas: readonly OpSchema[] = [
  /** Normalization by a mean and a variance per channel, learned, or with training_mode those of the batch, which also gives running ones. @formula Y = (X - mean) scale / sqrt(var + epsilon) + B */
  op('BatchNormalization', 15, 'X:T scale:S B:S input_mean:M input_var:M', {
    outputs: 'Y running_mean? running_var?', typeSets: { T: FLOATS, S: FLOATS, M: FLOATS }, attributes: [EPSILON, float('momentum', 0.9), int('training_mode', 0)], bound: reducing, infer: inferBatch,
    rowWise: (context, carries) => first(context, carries) && intOf(context.attributes, 'training_mode', 0) === 0,
  }),
  /** Normalization of each channel of each row by its own mean and variance. @formula Y[n, c] = scale[c] (X[n, c] - mean) / sqrt(var + epsilon) + B[c] */
  op('InstanceNormalization', 22, 'input:T scale:T B:T', { outputs: 'output', attributes: [EPSILON], bound: reducing, infer: byChannel, rowWise: first }),
  /** Normalization over trailing axes by their own mean and variance; also gives mean and 1 / standard deviation. Computed in float32, for float64 in float64. @formula Y = (X - mean) / sqrt(var + epsilon) Scale + B */
  op('LayerNormalization', 17, 'X:T Scale:T B:T?', {
    outputs: 'Y Mean? InvStdDev?', attributes: [int('axis', -1), EPSILON, int('stash_type', 1)], bound: reducing, infer: inferLayer, rowWise: layerRows,
  }),
  /** Division by the root mean square over trailing axes. @formula Y = X / sqrt(mean X^2 + epsilon) scale */
  op('RMSNormalization', 23, 'X:T scale:V', {
    typeSets: { T: FLOATS, V: FLOATS }, attributes: [int('axis', -1), EPSILON, int('stash_type', 1)], bound: reducing, rowWise: layerRows,
    infer(context) {
      inferLayer(context)
      return like(context, 0, tensorInput(context, 1).dtype)
    },
  }),
  /** Normalization of groups of channels of each row by their own mean and variance, then scale and bias per channel. @formula Y = scale (X - mean) / sqrt(var + epsilon) + bias */
  op('GroupNormalization', 21, 'X:T scale:T bias:T', {
    attributes: [EPSILON, { name: 'num_groups', kind: 'int', required: true }, int('stash_type', 1)], bound: reducing, infer: inferGroup, rowWise: first,
  }),
  /** Division by a power of the squares of neighbouring channels. @formula Y = X / (bias + alpha / size sum of squares)^beta */
  op('LRN', 13, 'X:T', {
    attributes: [float('alpha', 1e-4), float('beta', 0.75), float('bias', 1), { name: 'size', kind: 'int', required: true }], bound: reducing, rowWise: first,
    infer(context) {
      channelsOf(context, 2)
      return like(context)
    },
  }),
  /** Normalization over axes to mean 0 and standard deviation 1. @formula Y = (X - mean) / (sqrt(var) + 1e-9) */
  op('MeanVarianceNormalization', 13, 'X:T', {
    attributes: [ints('axes')], bound: reducing,
    infer(context) {
      const rank = tensorInput(context, 0).shape?.length
      if (rank !== undefined) meanVarianceAxes(context, rank)
      return like(context)
    },
    rowWise: (context, carries) => carries[0] && !meanVarianceAxes(context, tensorInput(context, 0).shape?.length ?? 4).includes(0),
  }),
]
