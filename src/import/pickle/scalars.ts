// Numbers and text as pickle writes them.
import { pickleError, type PickleContext } from './context.ts'
import { limitError } from './limits.ts'

const UTF8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Strict UTF-8. Short ASCII, as almost all attribute names are, skips the decoder. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number, offset: number): string {
  if (end - start <= 24) {
    let text = ''
    let at = start
    for (; at < end && bytes[at] < 128; at++) text += String.fromCharCode(bytes[at])
    if (at === end) return text
  }
  try {
    return UTF8.decode(bytes.subarray(start, end))
  } catch {
    throw pickleError('PICKLE_UTF8', offset, 'a string that is no valid UTF-8')
  }
}

/** The bytes that `text.encode('latin1')` gives, straight from the text's UTF-8; undefined when it is no latin-1 text or damaged. */
export function encodeLatin1Utf8(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const out = new Uint8Array(end - start)
  let length = 0
  for (let at = start; at < end; ) {
    const byte = bytes[at++]
    if (byte < 128) out[length++] = byte
    else {
      // Two bytes: 110000xx 10xxxxxx, and not the long form of ASCII.
      const next = at < end ? bytes[at++] : 0
      if ((byte !== 0xc2 && byte !== 0xc3) || (next & 0xc0) !== 0x80) return undefined
      out[length++] = ((byte & 3) << 6) | (next & 63)
    }
  }
  return out.subarray(0, length)
}

/** One character per byte: what Python 2's str and protocol 0's text lines are read as. */
export function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at += 4096) text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 4096)))
  return text
}

/** A little-endian two's complement integer of any length: number to 2^53, else bigint. */
export function decodeInteger(bytes: Uint8Array, start: number, length: number): number | bigint {
  if (length === 0) return 0
  const negative = bytes[start + length - 1] > 127
  if (length <= 6) {
    let value = 0
    let modulus = 1
    for (let i = length - 1; i >= 0; i--) {
      value = value * 256 + bytes[start + i]
      modulus *= 256
    }
    return negative ? value - modulus : value
  }
  let hex = ''
  for (let i = length - 1; i >= 0; i--) hex += bytes[start + i].toString(16).padStart(2, '0')
  return narrow(BigInt.asIntN(length * 8, BigInt(`0x${hex}`)))
}

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** A decimal integer of protocol 0, with Python 2's trailing L. */
export function parseDecimal(context: PickleContext, text: string, offset: number): number | bigint {
  const digits = text.endsWith('L') ? text.slice(0, -1) : text
  if (digits.length > context.limits.integerBytes * 2) throw limitError(context.limits, 'integerBytes', 'integer digits', digits.length, offset)
  if (!/^[+-]?\d+$/.test(digits)) throw pickleError('PICKLE_NUMBER', offset, `${JSON.stringify(text.slice(0, 40))} is no integer`)
  return narrow(BigInt(digits.startsWith('+') ? digits.slice(1) : digits))
}

/** A float of protocol 0: Python's shortest form, nan or inf. */
export function parseFloatText(text: string, offset: number): number {
  if (text.length < 400 && /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text)
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text)
  if (special === null) throw pickleError('PICKLE_NUMBER', offset, `${JSON.stringify(text.slice(0, 40))} is no float`)
  return special[2].toLowerCase() === 'nan' ? NaN : special[1] === '-' ? -Infinity : Infinity
}

const ESCAPES = /* @__PURE__ */ new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\n', ''],
])

/** A quoted str of Python 2 with its escapes. */
export function parseQuoted(text: string, offset: number): string {
  const quote = text[0]
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) throw pickleError('PICKLE_STRING', offset, 'a string without quotes')
  return text.slice(1, -1).replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|([^]|$))/g, (whole, hex?: string, octal?: string, single?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255)
    return ESCAPES.get(single ?? '') ?? whole
  })
}

/** A unicode line of protocol 0: latin-1 with \u and \U escapes. */
export function parseRawUnicode(text: string, offset: number): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[^])/g, (whole, short?: string, long?: string) => {
    if (short === undefined && long === undefined) {
      if (whole === '\\u' || whole === '\\U') throw pickleError('PICKLE_UTF8', offset, 'a truncated unicode escape')
      return whole
    }
    const point = Number.parseInt(short ?? long ?? '', 16)
    if (point > 0x10ffff) throw pickleError('PICKLE_UTF8', offset, `the escape ${whole} is no code point`)
    return String.fromCodePoint(point)
  })
}
