// What the files of boosters share: one parameter of raw bytes, which hold the JSON of trees or a CatBoost file.
import type { Json, JsonObject } from '../json.ts'
import { requireParameters } from './arrays.ts'
import { legacyError } from './error.ts'
import type { LegacyTensor } from './records.ts'

/** The bytes of a booster's only parameter. */
export function payloadOf(op: string, parameters: readonly LegacyTensor[]): Uint8Array {
  requireParameters(op, parameters, [1])
  if (parameters[0].dtype !== 'bytes') throw legacyError('LEGACY_BOOSTER', `the parameter of ${op} is ${parameters[0].dtype}, expected raw bytes`)
  return parameters[0].data
}

export function boosterError(what: string): Error {
  return legacyError('LEGACY_BOOSTER', what)
}

/** A list of trees that must not be empty. */
export function objects(value: Json | undefined, what: string): JsonObject[] {
  if (!Array.isArray(value) || value.length === 0) throw boosterError(`${what} is no list of trees`)
  return value.map((one) => objectOf(one, what))
}

export function objectOf(value: Json | undefined, what: string): JsonObject {
  if (!(value instanceof Map)) throw boosterError(`${what} holds something that is no tree`)
  return value
}

export function numberOf(node: JsonObject, key: string): number {
  const value = node.get(key)
  if (typeof value !== 'number') throw boosterError(`a node has no number ${key}`)
  return value
}
