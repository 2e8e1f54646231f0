// Reading the configuration of layers: JSON of known keys, with errors that name the layer and the key.
import { MleError } from '../../error.ts'
import type { Json, JsonObject } from '../json.ts'

export type Config = JsonObject

/** What this importer cannot run; the message ends with the way out. */
export function unsupported(what: string): MleError {
  return new MleError('KERAS_UNSUPPORTED', `Keras model: ${what}; export the model to ONNX with tf2onnx (or model.export(..., format="onnx") of Keras 3) and import that`)
}

export function kerasError(code: string, message: string): MleError {
  return new MleError(code, `Keras model: ${message}`)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map
}

/** Numbers of an array as Keras 3 writes those of numpy and of tensors; other values as they are. */
export function plainValue(value: Json | undefined): Json | undefined {
  const className = isObject(value) ? value.get('class_name') : undefined
  if (className !== '__numpy__' && className !== '__tensor__') return value
  const config = isObject(value) ? value.get('config') : undefined
  return isObject(config) ? config.get('value') : value
}

export function nameOf(config: Config): string {
  const name = config.get('name')
  return typeof name === 'string' ? name : '(unnamed)'
}

function wrong(config: Config, key: string, expected: string): MleError {
  const value = config.get(key)
  return kerasError('KERAS_CONFIG', `layer ${JSON.stringify(nameOf(config))}: ${key} is ${shown(value)}, expected ${expected}`)
}

function shown(value: Json | undefined): string {
  if (value === undefined) return 'missing'
  return isObject(value) ? 'an object' : JSON.stringify(value).slice(0, 80)
}

/** A number; `fallback` where the key is missing or null. Throws KERAS_CONFIG. */
export function number(config: Config, key: string, fallback?: number): number {
  const value = config.get(key)
  if (typeof value === 'number') return value
  if ((value === undefined || value === null) && fallback !== undefined) return fallback
  throw wrong(config, key, 'a number')
}

export function count(config: Config, key: string, fallback?: number): number {
  const value = number(config, key, fallback)
  if (!Number.isSafeInteger(value) || value < 1) throw wrong(config, key, 'a whole number of at least 1')
  return value
}

export function whole(config: Config, key: string, fallback?: number): number {
  const value = number(config, key, fallback)
  if (!Number.isSafeInteger(value)) throw wrong(config, key, 'a whole number')
  return value
}

export function flag(config: Config, key: string, fallback: boolean): boolean {
  const value = config.get(key)
  if (value === undefined || value === null) return fallback
  if (typeof value === 'boolean') return value
  // Keras 1 and R write 0 and 1.
  if (value === 0 || value === 1) return value === 1
  throw wrong(config, key, 'true or false')
}

export function text(config: Config, key: string, fallback: string): string {
  const value = config.get(key)
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return fallback
  throw wrong(config, key, 'text')
}

/** Text out of a list of words. */
export function word<T extends string>(config: Config, key: string, words: readonly T[], fallback: T): T {
  const value = text(config, key, fallback)
  const found = words.find((one) => one === value)
  if (found === undefined) throw wrong(config, key, words.join(', '))
  return found
}

/** `length` whole numbers; one number stands for all of them. */
export function tuple(config: Config, key: string, length: number, fallback: number, least = 1): number[] {
  const value = config.get(key)
  if (value === undefined || value === null) return new Array<number>(length).fill(fallback)
  const list = typeof value === 'number' ? new Array<Json>(length).fill(value) : value
  if (!Array.isArray(list) || list.length !== length || !list.every((one): one is number => typeof one === 'number' && Number.isSafeInteger(one) && one >= least)) {
    throw wrong(config, key, `${length} whole numbers of at least ${least}`)
  }
  return list
}

/** A list of numbers; undefined where the key is missing or null. */
export function numbers(config: Config, key: string): number[] | undefined {
  const value = plainValue(config.get(key))
  if (value === undefined || value === null) return undefined
  const list = typeof value === 'number' ? [value] : value
  if (!Array.isArray(list) || !list.every((one): one is number => typeof one === 'number')) throw wrong(config, key, 'a list of numbers')
  return list
}

/** A list of whole numbers; undefined where the key is missing or null. */
export function wholes(config: Config, key: string): number[] | undefined {
  const list = numbers(config, key)
  if (list?.every(Number.isSafeInteger) === false) throw wrong(config, key, 'whole numbers')
  return list
}

export function object(config: Config, key: string): JsonObject | undefined {
  const value = config.get(key)
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw wrong(config, key, 'an object')
  return value
}

export function objects(config: Config, key: string): JsonObject[] {
  const value = config.get(key)
  if (!Array.isArray(value) || !value.every(isObject)) throw wrong(config, key, 'a list of objects')
  return value
}

/** Class name and configuration of a serialized layer or cell; throws KERAS_CONFIG. */
export interface Serialized {
  readonly className: string
  readonly config: Config
  readonly whole: JsonObject
}

export function serialized(value: Json | undefined, where: string): Serialized {
  if (isObject(value)) {
    const className = value.get('class_name')
    const config = value.get('config')
    if (typeof className === 'string' && isObject(config)) return { className, config, whole: value }
    // Keras 1 wrote a Sequential's layers as a plain list.
    if (typeof className === 'string' && Array.isArray(config)) return { className, config: new Map([['layers', config]]), whole: value }
  }
  throw kerasError('KERAS_CONFIG', `${where} is ${shown(value)}, expected an object with class_name and config`)
}

/** Dimensions of a batch shape; null for those that vary. */
export function shapeOf(value: Json | undefined, where: string): (number | null)[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw kerasError('KERAS_CONFIG', `${where} is ${shown(value)}, expected a list of dimensions`)
  return value.map((dim) => {
    if (dim === null || (typeof dim === 'number' && Number.isSafeInteger(dim) && dim >= 0)) return dim
    throw kerasError('KERAS_CONFIG', `${where} has the dimension ${shown(dim)}, expected whole numbers or null`)
  })
}
