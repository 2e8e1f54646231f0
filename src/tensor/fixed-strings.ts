// Arrays of strings of one fixed width, as numpy stores them: UTF-32 ('U') and bytes ('S'), padded with zeros.
import { MleError } from '../error.ts'

const CHUNK = 4096

/**
 * Strings of `characters` UTF-32 code units each; trailing zeros are padding.
 *
 * @param bytes count x characters x 4 bytes
 * @throws MleError with `code` for a number that is no code point
 */
export function decodeUtf32(bytes: Uint8Array, count: number, characters: number, bigEndian: boolean, code: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const out = new Array<string>(count)
  const points: number[] = []
  for (let i = 0; i < count; i++) {
    const start = i * characters * 4
    let length = characters
    while (length > 0 && view.getUint32(start + (length - 1) * 4, true) === 0) length--
    let text = ''
    points.length = 0
    for (let c = 0; c < length; c++) {
      const point = view.getUint32(start + c * 4, !bigEndian)
      if (point > 0x10ffff) throw new MleError(code, `string ${i} of the array holds ${point} at position ${c}, which is no Unicode code point`, { actual: point })
      points.push(point)
      if (points.length === CHUNK) {
        text += String.fromCodePoint(...points)
        points.length = 0
      }
    }
    out[i] = points.length === 0 ? text : text + String.fromCodePoint(...points)
  }
  return out
}

/** Strings padded with zeros to the longest, little endian. Trailing zero characters are lost, as in numpy. */
export function encodeUtf32(strings: readonly string[]): { bytes: Uint8Array; characters: number } {
  const points = strings.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0))
  const characters = points.reduce((longest, one) => Math.max(longest, one.length), 1)
  const bytes = new Uint8Array(strings.length * characters * 4)
  const view = new DataView(bytes.buffer)
  points.forEach((one, i) => one.forEach((point, c) => view.setUint32((i * characters + c) * 4, point, true)))
  return { bytes, characters }
}

/** Views of `width` bytes each without their trailing zeros. */
export function splitFixedBytes(bytes: Uint8Array, count: number, width: number): Uint8Array[] {
  const out = new Array<Uint8Array>(count)
  for (let i = 0; i < count; i++) {
    let end = (i + 1) * width
    while (end > i * width && bytes[end - 1] === 0) end--
    out[i] = bytes.subarray(i * width, end)
  }
  return out
}
