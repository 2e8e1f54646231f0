// Inputs of models: names, shapes and dtypes in the forms of all versions.
import type { Json } from '../json.ts'
import type { DType } from '../../tensor/index.ts'
import { isObject, kerasError, nameOf, serialized, shapeOf, unsupported, type Config } from './config.ts'

export interface NetworkInput {
  readonly name: string
  readonly dtype: string
  /** With the batch; null for what varies. */
  readonly shape: readonly (number | null)[]
}

/** The input shape that a first layer states, in the forms of all versions. */
export function ownShape(config: Config): (number | null)[] | undefined {
  const whole = shapeOf(config.get('batch_input_shape') ?? config.get('batch_shape'), 'batch_input_shape')
  if (whole !== undefined) return whole
  const inner = shapeOf(config.get('input_shape'), 'input_shape')
  if (inner !== undefined) return [null, ...inner]
  const length = config.get('input_length')
  const dim = config.get('input_dim')
  if (config.has('embeddings_initializer') || config.has('mask_zero')) return [null, typeof length === 'number' ? length : null]
  if (typeof dim !== 'number') return undefined
  return config.has('return_sequences') || length !== undefined ? [null, typeof length === 'number' ? length : null, dim] : [null, dim]
}

/** The name of a dtype, which may stand inside a policy. */
export function dtypeName(value: Json | undefined): string {
  if (typeof value === 'string') return value
  const name = isObject(value) && isObject(value.get('config')) ? serialized(value, 'dtype').config.get('name') : undefined
  return typeof name === 'string' ? name : 'float32'
}

/** The input that an InputLayer declares; throws KERAS_SHAPE, KERAS_UNSUPPORTED. */
export function inputOf(config: Config): NetworkInput {
  const shape = ownShape(config)
  if (shape === undefined) throw kerasError('KERAS_SHAPE', `input ${JSON.stringify(nameOf(config))} has no shape`)
  if (config.get('sparse') === true || config.get('ragged') === true) throw unsupported(`input ${JSON.stringify(nameOf(config))}, a sparse or ragged tensor`)
  return { name: nameOf(config), dtype: dtypeName(config.get('dtype') ?? config.get('input_dtype')), shape }
}

/** The dtype of a graph input for what Keras calls it; floats are all computed in the network's dtype. */
export function inputDtype(name: string, float: DType): DType {
  switch (name) {
    case 'int32':
    case 'int64':
    case 'int8':
    case 'int16':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'bool':
    case 'string':
      return name
    default:
      return float
  }
}
