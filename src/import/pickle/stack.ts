// State of the pickle machine and its checked primitives: bytes, stack, marks, memo.
import type { MleError } from '../../error.ts'
import { pickleError, type PickleContext } from './context.ts'
import { limitError } from './limits.ts'
import { decodeLatin1, decodeUtf8 } from './scalars.ts'
import type { PyValue } from './values.ts'

export interface Machine {
  readonly context: PickleContext
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly stack: PyValue[]
  /** Heights of the stack at each open mark. */
  readonly marks: number[]
  /** Protocols 2 and up number the memo in order; 0 and 1 may skip numbers, and a hostile file may use 2^32 - 1. */
  readonly memo: PyValue[]
  readonly sparseMemo: Map<number, PyValue>
  /** What to put into memo entries that hold LATER when they are asked for. */
  readonly later: Map<number, () => PyValue>
  /** Position of the next byte. */
  at: number
  /** Position of the opcode in work, for messages. */
  opStart: number
  frameEnd: number
  /** How many pickles this one lies in. */
  readonly nested: number
}

/** Stands in the memo for what `later` will make. */
export const LATER: PyValue = /* @__PURE__ */ new Uint8Array(0)

export function createMachine(bytes: Uint8Array, start: number, context: PickleContext, nested: number): Machine {
  return {
    context,
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    stack: [],
    marks: [],
    memo: [],
    sparseMemo: new Map(),
    later: new Map(),
    at: start,
    opStart: start,
    frameEnd: start,
    nested,
  }
}

/** Moves past `count` bytes and returns where they begin; throws PICKLE_TRUNCATED. */
export function take(m: Machine, count: number): number {
  const from = m.at
  if (count > m.bytes.length - from) throw truncated(m, count)
  m.at = from + count
  return from
}

function truncated(m: Machine, count: number): MleError {
  return pickleError('PICKLE_TRUNCATED', m.opStart, `needs ${count} bytes at ${m.at}, but the file ends at ${m.bytes.length}`)
}

export function takeByte(m: Machine): number {
  return m.bytes[take(m, 1)]
}

export function takeUint32(m: Machine): number {
  return m.view.getUint32(take(m, 4), true)
}

/** A 64-bit length of bytes that follow at once. */
export function takeLength64(m: Machine): number {
  const from = take(m, 8)
  const length = m.view.getUint32(from + 4, true) * 4294967296 + m.view.getUint32(from, true)
  if (length > m.bytes.length - m.at) throw truncated(m, length)
  return length
}

export function takeLine(m: Machine): string {
  const end = m.bytes.indexOf(10, m.at)
  if (end < 0) throw pickleError('PICKLE_TRUNCATED', m.opStart, `a line at ${m.at} has no end`)
  checkStringBytes(m, end - m.at)
  const text = decodeLatin1(m.bytes, m.at, end)
  m.at = end + 1
  return text.endsWith('\r') ? text.slice(0, -1) : text
}

export function takeUtf8(m: Machine, length: number): string {
  checkStringBytes(m, length)
  const from = take(m, length)
  return decodeUtf8(m.bytes, from, from + length, m.opStart)
}

export function takeLatin1(m: Machine, length: number): string {
  checkStringBytes(m, length)
  const from = take(m, length)
  return decodeLatin1(m.bytes, from, from + length)
}

function checkStringBytes(m: Machine, length: number): void {
  if (length > m.context.limits.stringBytes) throw limitError(m.context.limits, 'stringBytes', 'string bytes', length, m.opStart)
}

export function takeBytes(m: Machine, length: number): Uint8Array {
  const from = take(m, length)
  return m.bytes.subarray(from, from + length)
}

export function stackError(m: Machine, what: string): MleError {
  return pickleError('PICKLE_STACK', m.opStart, what)
}

export function opcodeName(code: number): string {
  return `opcode 0x${code.toString(16).padStart(2, '0')}`
}

/** Python keeps one stack per mark: an opcode cannot take values from below it. */
export function stackFloor(m: Machine): number {
  const { marks } = m
  return marks.length === 0 ? 0 : marks[marks.length - 1]
}

export function pop(m: Machine): PyValue {
  const value = m.stack.length > stackFloor(m) ? m.stack.pop() : undefined
  if (value === undefined) throw stackError(m, `${opcodeName(m.bytes[m.opStart])} finds too few values on the stack`)
  return value
}

export function peek(m: Machine): PyValue {
  if (m.stack.length <= stackFloor(m)) throw stackError(m, `${opcodeName(m.bytes[m.opStart])} finds no value on the stack`)
  return m.stack[m.stack.length - 1]
}

/** The values above the last mark, which is removed. */
export function popMark(m: Machine): PyValue[] {
  const mark = m.marks.pop()
  if (mark === undefined) throw stackError(m, `${opcodeName(m.bytes[m.opStart])} finds no mark`)
  return m.stack.splice(mark)
}

export function pushMemo(m: Machine, index: number): void {
  const value = index < m.memo.length ? m.memo[index] : m.sparseMemo.get(index)
  if (value === undefined) throw pickleError('PICKLE_MEMO', m.opStart, `memo entry ${index} was never stored`)
  if (value !== LATER) {
    m.stack.push(value)
    return
  }
  const made = m.later.get(index)?.() ?? null
  m.later.delete(index)
  storeMemo(m, index, made)
  m.stack.push(made)
}

export function storeMemo(m: Machine, index: number, value: PyValue): void {
  const { memo, sparseMemo } = m
  if (index < memo.length) memo[index] = value
  else {
    const count = memo.length + sparseMemo.size
    if (count >= m.context.limits.memo) throw limitError(m.context.limits, 'memo', 'memo entries', count + 1, m.opStart)
    if (index === memo.length && sparseMemo.size === 0) memo.push(value)
    else sparseMemo.set(index, value)
  }
}

/** The memo index of protocol 0's text opcodes. */
export function takeMemoIndex(m: Machine): number {
  const text = takeLine(m)
  const index = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(index)) throw pickleError('PICKLE_MEMO', m.opStart, `memo index ${JSON.stringify(text.slice(0, 40))}`)
  return index
}
