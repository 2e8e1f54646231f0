// Configurations of Keras 1 in the words of Keras 2.
import type { Json, JsonObject } from '../json.ts'
import { isObject } from './config.ts'

/** Keys that were renamed. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['nb_filter', 'filters'], ['filter_length', 'kernel_size'], ['subsample_length', 'strides'], ['subsample', 'strides'], ['border_mode', 'padding'], ['atrous_rate', 'dilation_rate'],
  ['bias', 'use_bias'], ['pool_length', 'pool_size'], ['stride', 'strides'], ['inner_activation', 'recurrent_activation'], ['p', 'rate'], ['length', 'size'],
])
const UNIT_LAYERS = new Set(['Dense', 'TimeDistributedDense', 'SimpleRNN', 'LSTM', 'GRU', 'MaxoutDense', 'Highway'])

/** True where keys of Keras 1 occur: files before 1.2 do not say who wrote them. */
export function looksLikeKeras1(text: string): boolean {
  return /"(nb_filter|border_mode|inner_activation|W_regularizer)"/.test(text)
}

/** The same model in the words of Keras 2; arrays are read as Keras 1 wrote them all the same. */
export function modernized(value: Json): Json {
  if (Array.isArray(value)) return value.map(modernized)
  if (!isObject(value)) return value
  const className = value.get('class_name')
  const config = value.get('config')
  const result: JsonObject = new Map()
  for (const [key, item] of value) result.set(key, modernized(item))
  if (typeof className === 'string' && isObject(config)) result.set('config', modernConfig(className, config))
  return result
}

function modernConfig(className: string, config: JsonObject): JsonObject {
  const result: JsonObject = new Map()
  for (const [key, value] of config) {
    if (key === 'dim_ordering') result.set('data_format', value === 'th' ? 'channels_first' : 'channels_last')
    else if (key === 'output_dim' && UNIT_LAYERS.has(className)) result.set('units', value)
    else if (key === 'padding' && Array.isArray(value)) result.set(key, value)
    else if (key === 'activation' || key === 'name') result.set(key, value)
    else result.set(KEYS.get(key) ?? key, modernized(value))
  }
  const sizes = ['nb_row', 'nb_col'].map((key) => config.get(key))
  const cube = ['kernel_dim1', 'kernel_dim2', 'kernel_dim3'].map((key) => config.get(key))
  if (sizes.every((one): one is number => typeof one === 'number')) result.set('kernel_size', sizes)
  if (cube.every((one): one is number => typeof one === 'number')) result.set('kernel_size', cube)
  return result
}
