// Access to the fields of a parsed document. A missing or wrong field is XGBOOST_FIELD, named with its place.
import { xgboostError } from './model.ts'
import type { Document } from './ubjson.ts'

/** A list of numbers, from JSON or as one of UBJSON's typed arrays. */
export type Numbers = ArrayLike<number>

export function child(parent: Document, key: string, where: string): Document {
  const value = optionalChild(parent, key)
  if (value === undefined) throw xgboostError('XGBOOST_FIELD', `${where} has no field ${JSON.stringify(key)}`)
  return value
}

export function optionalChild(parent: Document | undefined, key: string): Document | undefined {
  return parent instanceof Map ? parent.get(key) : undefined
}

export function numbers(parent: Document, key: string, where: string): Numbers {
  const value = child(parent, key, where)
  if (ArrayBuffer.isView(value)) return value as Float64Array
  if (Array.isArray(value)) {
    const items: readonly Document[] = value
    if (items.every((item) => typeof item === 'number' || typeof item === 'boolean')) return items.map(Number)
  }
  throw xgboostError('XGBOOST_FIELD', `${where}.${key} is no list of numbers`)
}

export function optionalNumbers(parent: Document, key: string, where: string): Numbers | undefined {
  return optionalChild(parent, key) === undefined ? undefined : numbers(parent, key, where)
}

export function text(value: Document | undefined): string | undefined {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined
}

export function count(parent: Document | undefined, key: string, fallback: number, where: string): number {
  const own = text(optionalChild(parent, key))
  if (own === undefined) return fallback
  const value = Number(own)
  if (!Number.isSafeInteger(value) || value < 0) throw xgboostError('XGBOOST_FIELD', `${where}.${key} is ${own}, expected a count`)
  return value
}
