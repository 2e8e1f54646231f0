// Protocol Buffers wire format (protobuf.dev/programming-guides/encoding): a cursor over the fields of one message.
import { MleError } from '../error.ts'

/** Messages inside messages: deeper nesting than this is no model (CWE-674). */
const MAX_DEPTH = 100

/** A message: a range of bytes, and how deep it lies. */
export interface Message {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly start: number
  readonly end: number
  readonly depth: number
}

/** One field of a message; `value` for numbers, `start` and `end` for what has a length. */
export interface Field {
  readonly number: number
  readonly wire: 0 | 1 | 2 | 5
  /** Unsigned value of a varint or a fixed field; use `int64Of`, `floatOf` for other readings. */
  readonly value: bigint | number
  readonly start: number
  readonly end: number
}

function protobufError(code: string, message: string, offset: number): MleError {
  return new MleError(code, `protobuf: ${message}`, { offset })
}

export function messageOf(bytes: Uint8Array): Message {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), start: 0, end: bytes.length, depth: 0 }
}

/** The message that a field holds. */
export function subMessage(parent: Message, field: Field): Message {
  if (field.wire !== 2) throw protobufError('PROTOBUF_WIRE', `field ${field.number} at byte ${field.start} is no message`, field.start)
  if (parent.depth >= MAX_DEPTH) throw protobufError('PROTOBUF_DEPTH', `messages are nested deeper than ${MAX_DEPTH}`, field.start)
  return { ...parent, start: field.start, end: field.end, depth: parent.depth + 1 }
}

/** A varint at `at`: value below 2^53 as a number, else bigint, and the byte after it. */
function varint(message: Message, at: number): { value: number | bigint; next: number } {
  const { bytes, end } = message
  let low = 0
  let factor = 1
  for (let i = 0; i < 7; i++) {
    if (at + i >= end) throw protobufError('PROTOBUF_TRUNCATED', `a number at byte ${at} is cut off`, at)
    const byte = bytes[at + i]
    low += (byte & 127) * factor
    if (byte < 128) return { value: low, next: at + i + 1 }
    factor *= 128
  }
  let value = BigInt(low)
  for (let i = 7; i < 10; i++) {
    if (at + i >= end) throw protobufError('PROTOBUF_TRUNCATED', `a number at byte ${at} is cut off`, at)
    value |= BigInt(bytes[at + i] & 127) << BigInt(7 * i)
    if (bytes[at + i] < 128) return { value: BigInt.asUintN(64, value), next: at + i + 1 }
  }
  throw protobufError('PROTOBUF_VARINT', `the number at byte ${at} is longer than ten bytes`, at)
}

/** The fields of a message in file order; unknown groups are skipped whole. */
export function* fieldsOf(message: Message): Generator<Field> {
  const { end } = message
  let at = message.start
  let group = 0
  while (at < end) {
    const tagAt = at
    const tag = varint(message, at)
    at = tag.next
    const number = Math.floor(Number(tag.value) / 8)
    const wire = Number(tag.value) % 8
    if (number === 0 || number > 0x1fffffff) throw protobufError('PROTOBUF_TAG', `byte ${tagAt} begins no field`, tagAt)
    if (wire === 3) {
      if (++group > MAX_DEPTH) throw protobufError('PROTOBUF_DEPTH', `groups are nested deeper than ${MAX_DEPTH}`, tagAt)
      continue
    }
    if (wire === 4) {
      if (--group < 0) throw protobufError('PROTOBUF_WIRE', `byte ${tagAt} ends a group that did not begin`, tagAt)
      continue
    }
    let value: number | bigint = 0
    let start = at
    if (wire === 0) ({ value, next: at } = varint(message, at))
    else if (wire === 1 || wire === 5) {
      const size = wire === 1 ? 8 : 4
      if (size > end - at) throw protobufError('PROTOBUF_TRUNCATED', `field ${number} at byte ${at} is cut off`, at)
      at += size
    } else if (wire === 2) {
      const length = varint(message, at)
      start = length.next
      if (Number(length.value) > end - start) throw protobufError('PROTOBUF_LENGTH', `field ${number} at byte ${tagAt} claims ${length.value} bytes, but ${end - start} are left`, tagAt)
      at = start + Number(length.value)
    } else throw protobufError('PROTOBUF_WIRE', `byte ${tagAt} has wire type ${wire}`, tagAt)
    if (group === 0) yield { number, wire: wire as 0 | 1 | 2 | 5, value, start, end: at }
  }
  if (group !== 0) throw protobufError('PROTOBUF_TRUNCATED', 'a group is not closed', end)
}

/** An int32, int64, bool or enum field as a Number; throws past 2^53. */
export function integerOf(field: Field): number {
  if (field.wire !== 0) throw protobufError('PROTOBUF_WIRE', `field ${field.number} at byte ${field.start} is no integer`, field.start)
  const value = typeof field.value === 'number' ? field.value : Number(BigInt.asIntN(64, field.value))
  if (!Number.isSafeInteger(value)) throw protobufError('PROTOBUF_RANGE', `field ${field.number} at byte ${field.start} is ${value}, beyond 2^53`, field.start)
  return value
}

export function floatOf(message: Message, field: Field): number {
  if (field.wire !== 5) throw protobufError('PROTOBUF_WIRE', `field ${field.number} at byte ${field.start} is no float`, field.start)
  return message.view.getFloat32(field.start, true)
}

export function bytesOf(message: Message, field: Field): Uint8Array {
  if (field.wire !== 2) throw protobufError('PROTOBUF_WIRE', `field ${field.number} at byte ${field.start} has no length`, field.start)
  return message.bytes.subarray(field.start, field.end)
}

const DECODER = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true })

export function textOf(message: Message, field: Field): string {
  try {
    return DECODER.decode(bytesOf(message, field))
  } catch (error) {
    if (error instanceof MleError) throw error
    throw protobufError('PROTOBUF_TEXT', `field ${field.number} at byte ${field.start} is not UTF-8`, field.start)
  }
}

/** Adds a repeated integer field, packed or not, to `out` as 64-bit signed values. */
export function pushIntegers(message: Message, field: Field, out: bigint[]): void {
  if (field.wire === 0) {
    out.push(BigInt.asIntN(64, BigInt(field.value)))
    return
  }
  const packed = subMessage(message, field)
  for (let at = packed.start; at < packed.end; ) {
    const { value, next } = varint(packed, at)
    out.push(BigInt.asIntN(64, BigInt(value)))
    at = next
  }
}

/** Adds a repeated float or double field, packed or not. */
export function pushFloats(message: Message, field: Field, size: 4 | 8, out: number[]): void {
  const { view } = message
  const read = (at: number): number => (size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true))
  if (field.wire === 2) {
    if ((field.end - field.start) % size !== 0) throw protobufError('PROTOBUF_LENGTH', `field ${field.number} at byte ${field.start} is no list of ${size}-byte numbers`, field.start)
    for (let at = field.start; at < field.end; at += size) out.push(read(at))
  } else out.push(read(field.start))
}
