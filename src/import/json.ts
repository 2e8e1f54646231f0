// JSON of foreign model files into Maps and arrays: depth-limited, duplicate keys refused, and NaN and Infinity read as
// numbers, which XGBoost and CatBoost write.
import { MleError } from '../error.ts'

/** A JSON value; objects are Maps, so that no key of a file can reach a prototype. */
export type Json = null | boolean | number | string | Json[] | JsonObject

export interface JsonObject extends Map<string, Json> {}

/** Deeper nesting than any real model file has; stops stack exhaustion (CWE-674). */
const MAX_DEPTH = 200

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Parses UTF-8 JSON text.
 *
 * @throws MleError JSON_SYNTAX, JSON_DEPTH, JSON_DUPLICATE with the byte offset
 */
export function parseJson(bytes: Uint8Array, what: string): Json {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0

  const fail = (expected: string): MleError => {
    const found = at < bytes.length ? JSON.stringify(String.fromCharCode(bytes[at])) : 'the end'
    return new MleError('JSON_SYNTAX', `${what}: byte ${at} is ${found}, expected ${expected}`, { offset: at, expected, actual: found })
  }
  const space = (): void => {
    while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  }
  const word = (text: string): boolean => {
    for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
    at += text.length
    return true
  }

  function string(): string {
    const start = ++at
    let escaped = false
    while (at < bytes.length && bytes[at] !== QUOTE) {
      if (bytes[at] === BACKSLASH) {
        escaped = true
        at++
      } else if (bytes[at] < 0x20) throw fail('a string without control characters')
      at++
    }
    if (at >= bytes.length) throw fail('the closing quote of a string')
    const span = bytes.subarray(start, at++)
    try {
      const text = decoder.decode(span)
      return escaped ? (JSON.parse(`"${text}"`) as string) : text
    } catch {
      throw new MleError('JSON_SYNTAX', `${what}: the string at byte ${start} has a bad escape or is not UTF-8`, { offset: start })
    }
  }

  function number(): number {
    const start = at
    const negative = bytes[at] === 0x2d
    if (negative) at++
    if (word('Infinity') || word('inf')) return negative ? -Infinity : Infinity
    // Short integers, which index arrays are made of, without going through text.
    let integer = 0
    let digits = 0
    while (bytes[at] >= 0x30 && bytes[at] <= 0x39 && digits < 15) {
      integer = integer * 10 + (bytes[at++] - 0x30)
      digits++
    }
    const next = bytes[at]
    if (digits > 0 && next !== 0x2e && next !== 0x65 && next !== 0x45 && !(next >= 0x30 && next <= 0x39)) return negative ? -integer : integer
    while (at < bytes.length && isNumberByte(bytes[at])) at++
    let text = ''
    for (let i = start; i < at; i++) text += String.fromCharCode(bytes[i])
    const value = text === '' || text === '-' ? NaN : Number(text)
    if (Number.isNaN(value)) {
      at = start
      throw fail('a value')
    }
    return value
  }

  function value(depth: number): Json {
    if (depth > MAX_DEPTH) throw new MleError('JSON_DEPTH', `${what}: nested deeper than ${MAX_DEPTH} at byte ${at}`, { offset: at, expected: MAX_DEPTH })
    space()
    switch (bytes[at]) {
      case 0x7b: {
        at++
        const object = new Map<string, Json>()
        space()
        if (bytes[at] === 0x7d) {
          at++
          return object
        }
        for (;;) {
          space()
          if (bytes[at] !== QUOTE) throw fail('a key')
          const keyAt = at
          const key = string()
          if (object.has(key)) throw new MleError('JSON_DUPLICATE', `${what}: key ${JSON.stringify(key)} occurs twice in one object, again at byte ${keyAt}`, { offset: keyAt })
          space()
          if (bytes[at] !== 0x3a) throw fail("':'")
          at++
          object.set(key, value(depth + 1))
          space()
          if (bytes[at] === 0x2c) at++
          else if (bytes[at] === 0x7d) {
            at++
            return object
          } else throw fail("',' or '}'")
        }
      }
      case 0x5b: {
        at++
        const array: Json[] = []
        space()
        if (bytes[at] === 0x5d) {
          at++
          return array
        }
        for (;;) {
          array.push(value(depth + 1))
          space()
          if (bytes[at] === 0x2c) at++
          else if (bytes[at] === 0x5d) {
            at++
            return array
          } else throw fail("',' or ']'")
        }
      }
      case QUOTE:
        return string()
      case 0x74:
        if (word('true')) return true
        throw fail('a value')
      case 0x66:
        if (word('false')) return false
        throw fail('a value')
      case 0x6e:
        if (word('null')) return null
        if (word('nan')) return NaN
        throw fail('a value')
      case 0x4e:
        if (word('NaN')) return NaN
        throw fail('a value')
      case 0x49:
        if (word('Infinity')) return Infinity
        throw fail('a value')
      default:
        return number()
    }
  }

  const result = value(0)
  space()
  if (at !== bytes.length) throw fail('the end of the file')
  return result
}

function isNumberByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x65 || byte === 0x45 || byte === 0x2b || byte === 0x2d
}
