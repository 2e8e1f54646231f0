// UBJSON as XGBoost writes it (ubjson.org, draft 12): big endian, typed arrays with counts, objects without.
import { MleError } from '../../error.ts'
import type { Json } from '../json.ts'

/** XGBoost nests about ten levels. */
const MAX_DEPTH = 64

/** A UBJSON value: JSON's kinds, with typed arrays for strongly typed ones. */
export type Ubj = null | boolean | number | string | Ubj[] | UbjObject | UbjArray

export interface UbjObject extends Map<string, Ubj> {}

export type UbjArray = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array

const TYPE_BYTES: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['i', 1], ['U', 1], ['I', 2], ['l', 4], ['L', 8], ['d', 4], ['D', 8]])

/**
 * Reads one value that fills `bytes`.
 *
 * @throws MleError UBJ_TRUNCATED, UBJ_MARKER, UBJ_LENGTH, UBJ_DEPTH, UBJ_TRAILING with the byte offset
 */
export function parseUbjson(bytes: Uint8Array, what: string): Ubj {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let at = 0

  const need = (count: number): void => {
    if (count > bytes.length - at) throw new MleError('UBJ_TRUNCATED', `${what}: needs ${count} bytes at ${at}, but only ${bytes.length - at} are left`, { offset: at, expected: count, actual: bytes.length - at })
  }
  const marker = (): string => {
    need(1)
    return String.fromCharCode(bytes[at++])
  }
  const skipNoOps = (): void => {
    while (bytes[at] === 0x4e) at++
  }
  function scalar(type: string): number {
    need(TYPE_BYTES.get(type) ?? 0)
    switch (type) {
      case 'i':
        return view.getInt8(at++)
      case 'U':
        return view.getUint8(at++)
      case 'I':
        return view.getInt16((at += 2) - 2)
      case 'l':
        return view.getInt32((at += 4) - 4)
      case 'L':
        return Number(view.getBigInt64((at += 8) - 8))
      case 'd':
        return view.getFloat32((at += 4) - 4)
      case 'D':
        return view.getFloat64((at += 8) - 8)
      default:
        throw new MleError('UBJ_MARKER', `${what}: unknown type ${JSON.stringify(type)} at byte ${at - 1}`, { offset: at - 1, actual: type })
    }
  }
  function length(): number {
    const start = at
    const type = marker()
    const count = 'iUIlL'.includes(type) ? scalar(type) : -1
    if (!Number.isSafeInteger(count) || count < 0) throw new MleError('UBJ_LENGTH', `${what}: the length at byte ${start} is no count`, { offset: start, actual: count })
    return count
  }
  function text(): string {
    const count = length()
    need(count)
    try {
      return decoder.decode(bytes.subarray(at, (at += count)))
    } catch {
      throw new MleError('UBJ_MARKER', `${what}: the text before byte ${at} is not UTF-8`, { offset: at })
    }
  }
  function typedArray(type: string, count: number): UbjArray {
    const size = TYPE_BYTES.get(type)
    if (size === undefined) throw new MleError('UBJ_MARKER', `${what}: arrays of type ${JSON.stringify(type)} are not known, at byte ${at}`, { offset: at, actual: type })
    if (count > (bytes.length - at) / size) need(count * size)
    const start = at
    at += count * size
    if (type === 'i') return new Int8Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + at))
    if (type === 'U') return bytes.slice(start, at)
    if (type === 'I') return Int16Array.from({ length: count }, (_, i) => view.getInt16(start + 2 * i))
    if (type === 'd') {
      const out = new Float32Array(count)
      for (let i = 0; i < count; i++) out[i] = view.getFloat32(start + 4 * i)
      return out
    }
    if (type === 'D') return Float64Array.from({ length: count }, (_, i) => view.getFloat64(start + 8 * i))
    if (type === 'L') return Float64Array.from({ length: count }, (_, i) => Number(view.getBigInt64(start + 8 * i)))
    const out = new Int32Array(count)
    for (let i = 0; i < count; i++) out[i] = view.getInt32(start + 4 * i)
    return out
  }
  function array(depth: number): Ubj {
    let type: string | undefined
    if (bytes[at] === 0x24) {
      at++
      type = marker()
    }
    if (bytes[at] === 0x23) {
      at++
      const count = length()
      if (type !== undefined) return typedArray(type, count)
      // Every element takes at least its marker, so a count past the bytes left is a lie.
      need(count)
      const items: Ubj[] = []
      for (let i = 0; i < count; i++) items.push(value(depth + 1))
      return items
    }
    if (type !== undefined) throw new MleError('UBJ_MARKER', `${what}: a typed array without a count at byte ${at}`, { offset: at })
    const items: Ubj[] = []
    for (;;) {
      skipNoOps()
      if (bytes[at] === 0x5d) {
        at++
        return items
      }
      items.push(value(depth + 1))
    }
  }
  function object(depth: number): UbjObject {
    const entries = new Map<string, Ubj>()
    for (;;) {
      skipNoOps()
      need(1)
      if (bytes[at] === 0x7d) {
        at++
        return entries
      }
      const keyAt = at
      const key = text()
      if (entries.has(key)) throw new MleError('UBJ_MARKER', `${what}: key ${JSON.stringify(key)} occurs twice in one object, again at byte ${keyAt}`, { offset: keyAt })
      entries.set(key, value(depth + 1))
    }
  }
  function value(depth: number): Ubj {
    if (depth > MAX_DEPTH) throw new MleError('UBJ_DEPTH', `${what}: nested deeper than ${MAX_DEPTH} at byte ${at}`, { offset: at, expected: MAX_DEPTH })
    skipNoOps()
    const type = marker()
    switch (type) {
      case '{':
        return object(depth)
      case '[':
        return array(depth)
      case 'S':
        return text()
      case 'C':
        return marker()
      case 'Z':
        return null
      case 'T':
        return true
      case 'F':
        return false
      default:
        return scalar(type)
    }
  }

  const result = value(0)
  if (at !== bytes.length) throw new MleError('UBJ_TRAILING', `${what}: ${bytes.length - at} bytes follow the end at byte ${at}`, { offset: at, actual: bytes.length - at })
  return result
}

/** JSON and UBJSON documents are read through the same accessors. */
export type Document = Json | Ubj
