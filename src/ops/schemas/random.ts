// Random numbers. They are drawn from the state that the seed gives (ops/twister.ts), from its start at each run: the same graph gives the same numbers.
import { MleError } from '../../error.ts'
import { isDType, isFloat, type DType } from '../../tensor/dtype.ts'
import { ints as intsOf, text as textOf } from '../attributes.ts'
import { inputShape, like, tensorInput } from '../rules.ts'
import { exact, reducing, ulps, type AttributeSchema, type InferContext, type OpSchema } from '../schema.ts'
import { ANY, FLOATS, NUMBERS, float, int, op } from './define.ts'

const DTYPE: AttributeSchema = { name: 'dtype', kind: 'string' }
const SEED = float('seed', 0)

/** The dtype that the attribute names, or `fallback`. */
export function drawnDtype({ attributes }: Pick<InferContext, 'attributes'>, fallback: DType, accepts: (dtype: DType) => boolean = isFloat): DType {
  const value = textOf(attributes, 'dtype', fallback)
  if (!isDType(value) || !accepts(value)) throw new MleError('OP_ATTRIBUTE', `attribute dtype is ${JSON.stringify(value)}, which these numbers cannot have`, { actual: value })
  return value
}

function givenShape({ attributes }: InferContext): readonly number[] {
  const shape = intsOf(attributes, 'shape') ?? []
  const wrong = shape.find((dim) => !Number.isSafeInteger(dim) || dim < 0)
  if (wrong !== undefined) throw new MleError('OP_ATTRIBUTE', `attribute shape has the dimension ${wrong}`, { expected: 0, actual: wrong })
  return shape
}

const isCount = (dtype: DType): boolean => dtype === 'int32' || dtype === 'int64'
const isPlain = (dtype: DType): boolean => NUMBERS.includes(dtype) || dtype === 'bool'
/** As ONNX says: an input whose dtype is none of floats needs the attribute. */
const ofInput = (context: InferContext): DType => drawnDtype(context, tensorInput(context, 0).dtype)
const SHAPE: AttributeSchema = { name: 'shape', kind: 'ints', required: true }

export const randomSchemas: readonly OpSchema[] = [
  /** True with the probability that each element is. @formula output = u < input, u uniform in [0, 1) */
  op('Bernoulli', 22, 'input:T', { outputs: 'output', bound: exact, attributes: [DTYPE, SEED], infer: (context) => like(context, 0, drawnDtype(context, tensorInput(context, 0).dtype, isPlain)) }),
  /** Normally distributed numbers. @formula output = mean + scale z */
  op('RandomNormal', 22, '', { outputs: 'output', bound: ulps(4), attributes: [DTYPE, float('mean', 0), float('scale', 1), SEED, SHAPE], infer: (context) => [{ dtype: drawnDtype(context, 'float32'), shape: givenShape(context) }] }),
  /** Normally distributed numbers in the shape of the input. @formula output = mean + scale z */
  op('RandomNormalLike', 22, 'input:A', { outputs: 'output', typeSets: { A: ANY }, bound: ulps(4), attributes: [DTYPE, float('mean', 0), float('scale', 1), SEED], infer: (context) => like(context, 0, ofInput(context)) }),
  /** Evenly distributed numbers. @formula output = low + (high - low) u */
  op('RandomUniform', 22, '', { outputs: 'output', bound: ulps(4), attributes: [DTYPE, float('high', 1), float('low', 0), SEED, SHAPE], infer: (context) => [{ dtype: drawnDtype(context, 'float32'), shape: givenShape(context) }] }),
  /** Evenly distributed numbers in the shape of the input. @formula output = low + (high - low) u */
  op('RandomUniformLike', 22, 'input:A', { outputs: 'output', typeSets: { A: ANY }, bound: ulps(4), attributes: [DTYPE, float('high', 1), float('low', 0), SEED], infer: (context) => like(context, 0, ofInput(context)) }),
  /** Classes drawn by unnormalized log probabilities, sample_size for each row. @formula output[b, s] = first c with sum over j <= c of softmax(input[b])[j] > u */
  op('Multinomial', 22, 'input:T', {
    outputs: 'output', bound: exact, attributes: [DTYPE, int('sample_size', 1), SEED],
    infer: (context) => {
      const size = context.attributes.get('sample_size')
      return [{ dtype: drawnDtype(context, 'int32', isCount), shape: [inputShape(context, 0, 2)?.[0] ?? null, size?.kind === 'int' ? size.value : 1] }]
    },
  }),
  /** In training mode, elements set to 0 with the probability `ratio` and the others scaled up; otherwise the input. The mask says which stay. @formula output = mask ? data / (1 - ratio) : 0, mask = u >= ratio */
  op('Dropout', 22, 'data:T ratio:R? training_mode:bool?', {
    outputs: 'output mask?', typeSets: { T: FLOATS, R: FLOATS }, bound: reducing, attributes: [SEED],
    infer: (context) => (context.outputCount > 1 ? [...like(context), ...like(context, 0, 'bool')] : like(context)),
  }),
]
