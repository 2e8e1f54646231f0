// JSON as files hold it: one text for one content. A scan over the bytes bounds the work before JSON.parse sees them.
import { MleError, type MleErrorDetail } from '../error.ts'
import { unshared } from './bytes.ts'
import type { Limits } from './limits.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c

// Every record of the schemas has fewer keys. An engine spends microseconds on each key of a large one.
const MAX_KEYS = 16

/**
 * Bounds size, nesting, number of values and keys of a record without building anything.
 *
 * @param section its name, for messages
 * @param offset where `bytes` start in the file, for messages
 */
export function scanJson(bytes: Uint8Array, section: string, offset: number, limits: Limits): void {
  if (bytes.length > limits.maxJsonBytes) throw overLimit('bytes', section, offset, limits.maxJsonBytes, bytes.length)
  // Keys left in each open record; an open array has no bound of its own.
  const left: number[] = []
  let values = 1
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) {
      i = endOfString(bytes, i + 1, section, offset)
    } else if (byte === 0x5b || byte === 0x7b) {
      values++
      left.push(byte === 0x7b ? MAX_KEYS : Infinity)
      if (left.length > limits.maxDepth) throw overLimit('levels', section, offset + i, limits.maxDepth, left.length)
    } else if (byte === 0x5d || byte === 0x7d) {
      left.pop()
    } else if (byte === 0x2c) {
      values++
      if (left.length > 0 && --left[left.length - 1] < 1) {
        throw new MleError('FORMAT_KEY', `${section}: a record has more than ${MAX_KEYS} keys`, { section, offset: offset + i, expected: MAX_KEYS })
      }
    }
    if (values > limits.maxJsonValues) throw overLimit('values', section, offset + i, limits.maxJsonValues, values)
  }
}

/** Index of the closing quote. The only \u escapes of the one allowed text are those of control characters: others would be lone surrogates. */
function endOfString(bytes: Uint8Array, start: number, section: string, offset: number): number {
  for (let i = start; i < bytes.length; i++) {
    if (bytes[i] === QUOTE) return i
    if (bytes[i] !== BACKSLASH) continue
    i++
    if (bytes[i] === 0x75 && (bytes[i + 1] !== 0x30 || bytes[i + 2] !== 0x30)) {
      throw new MleError('FORMAT_CANONICAL', `${section}: an escape at offset ${offset + i - 1} stands for a character that needs none, or for a lone surrogate`, { section, offset: offset + i - 1 })
    }
  }
  throw new MleError('FORMAT_JSON', `${section}: a string does not end`, { section, offset: offset + start - 1 })
}

function overLimit(what: string, section: string, offset: number, expected: number, actual: number): MleError {
  return new MleError('FORMAT_LIMIT', `${section}: JSON of more than ${expected} ${what}; raise the limit if the file is to be trusted`, { section, offset, expected, actual })
}

/** Scans and parses; accepts only the text that JSON.stringify would write. */
export function parseJson(bytes: Uint8Array, section: string, offset: number, limits: Limits): unknown {
  scanJson(bytes, section, offset, limits)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(unshared(bytes))
  } catch {
    throw new MleError('FORMAT_UTF8', `${section}: the text is not UTF-8`, { section, offset })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new MleError('FORMAT_JSON', `${section}: the text is not JSON: ${error instanceof Error ? error.message : String(error)}`, { section, offset })
  }
  const again = JSON.stringify(value)
  if (again !== text) {
    let at = 0
    while (again[at] === text[at]) at++
    throw new MleError('FORMAT_CANONICAL', `${section}: character ${at} is ${JSON.stringify(text[at] ?? '')}, the one way to write this content has ${JSON.stringify(again[at] ?? '')}`, { section, offset })
  }
  return value
}

/** A parsed record; read it with literal keys only. */
export type JsonRecord = { readonly [key: string]: unknown }

export interface Key {
  readonly name: string
  readonly optional: boolean
}

/** A record's keys in order; '?' at the end marks an optional one. */
export function keys(...names: readonly string[]): readonly Key[] {
  return names.map((name) => (name.endsWith('?') ? { name: name.slice(0, -1), optional: true } : { name, optional: false }))
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Checks that `value` is a record with exactly the keys of its schema, in order. Throws FORMAT_VALUE, FORMAT_KEY. */
export function record(value: unknown, schema: readonly Key[]): JsonRecord {
  if (!isRecord(value)) throw wrongType(value, 'a record')
  let next = 0
  for (const key of Object.keys(value)) {
    while (next < schema.length && schema[next].name !== key && schema[next].optional) next++
    if (next === schema.length || schema[next].name !== key) {
      throw new MleError('FORMAT_KEY', `the key ${JSON.stringify(key)} is not expected here; the keys are ${listKeys(schema)}, in this order`, { expected: schema[next]?.name, actual: key })
    }
    next++
  }
  while (next < schema.length && schema[next].optional) next++
  if (next < schema.length) throw new MleError('FORMAT_KEY', `the key ${schema[next].name} is missing`, { expected: schema[next].name })
  return value
}

const listKeys = (schema: readonly Key[]): string => schema.map((key) => key.name + (key.optional ? '?' : '')).join(', ')

export function wrongType(value: unknown, expected: string): MleError {
  const actual = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'a record' : JSON.stringify(value)
  return new MleError('FORMAT_VALUE', `expected ${expected}, got ${actual}`, { expected, actual })
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw wrongType(value, 'a string')
  return value
}

/** An integer in [least, 2^53). */
export function count(value: unknown, least: number = 0): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) throw wrongType(value, `an integer of at least ${least}`)
  return value
}

export function array(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongType(value, 'an array')
  return value
}

/** Maps an array; errors of an element name it: `nodes[3]`. */
export function list<T>(value: unknown, name: string, decode: (item: unknown) => T): T[] {
  const items = array(value)
  const out = new Array<T>(items.length)
  for (let i = 0; i < items.length; i++) {
    try {
      out[i] = decode(items[i])
    } catch (error) {
      throw within(error, `${name}[${i}]`)
    }
  }
  return out
}

/** Applies `decode`; errors name the place. */
export function at<T>(value: unknown, name: string, decode: (item: unknown) => T): T {
  try {
    return decode(value)
  } catch (error) {
    throw within(error, name)
  }
}

/** The same error with the place before its message: `nodes[3]: attributes[0]: expected ...`. */
export function within(error: unknown, place: string, detail: MleErrorDetail = {}): unknown {
  if (!(error instanceof MleError)) return error
  return new MleError(error.code, `${place}: ${error.message}`, { section: error.section, offset: error.offset, expected: error.expected, actual: error.actual, ...detail })
}

/** Applies `decode`; errors name the section and where it starts. */
export function inSection<T>(section: string, offset: number, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw within(error, section, { section, offset })
  }
}

/** A double as JSON holds it: a number, or a tagged string for what JSON has no exact words for. */
export function encodeNumber(value: number): number | string {
  if (Object.is(value, -0)) return '-0'
  return Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value)) ? value : String(value)
}

export function decodeNumber(value: unknown): number {
  if (typeof value === 'number' && encodeNumber(value) === value) return value
  if (typeof value === 'string') {
    // Number() takes white space, hexadecimal and empty text; the comparison with its own digits leaves one form.
    const number = value === '-0' ? -0 : Number(value)
    if (encodeNumber(number) === value) return number
  }
  throw wrongType(value, 'a number, tagged as text if it is no exact JSON number')
}
