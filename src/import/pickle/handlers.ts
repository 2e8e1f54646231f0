// One small function per opcode, as Python's pickletools documents them. Many small functions warm up much sooner than one large switch:
// most programs read one pickle in their life.
import { appendItems, newObject, reduce, setItems } from './construct.ts'
import { chargeCopy, pickleError } from './context.ts'
import { resolveGlobal } from './globals.ts'
import { limitError } from './limits.ts'
import * as op from './opcodes.ts'
import { decodeInteger, decodeUtf8, encodeLatin1Utf8, parseDecimal, parseFloatText, parseQuoted, parseRawUnicode } from './scalars.ts'
import {
  LATER, peek, pop, popMark, pushMemo, stackError, stackFloor, storeMemo, take, takeByte, takeBytes, takeLatin1, takeLength64, takeLine, takeMemoIndex, takeUint32, takeUtf8,
  type Machine,
} from './stack.ts'
import { describe, isPyGlobal, isTuple, plainKey, type PyTuple, type PyValue } from './values.ts'

export type Handler = (m: Machine) => void

const HIGHEST_PROTOCOL = 5

function tupleOf(items: PyValue[]): PyTuple {
  return { kind: 'tuple', items }
}

function pushInteger(m: Machine, length: number): void {
  if (length > m.context.limits.integerBytes) throw limitError(m.context.limits, 'integerBytes', 'integer bytes', length, m.opStart)
  m.stack.push(decodeInteger(m.bytes, take(m, length), length))
}

function int(m: Machine): void {
  const text = takeLine(m)
  m.stack.push(text === '01' ? true : text === '00' ? false : parseDecimal(m.context, text, m.opStart))
}

function binUnicode(m: Machine): void {
  const length = takeUint32(m)
  if (length < DIRECT_BYTES || !encodeDirectly(m, length)) m.stack.push(takeUtf8(m, length))
}

/** Shorter texts are not worth the look ahead. */
const DIRECT_BYTES = 64

/**
 * Protocols 0 to 2 write bytes as `_codecs.encode(text, 'latin1')`. Where exactly that follows a long text, its bytes are taken from the UTF-8
 * at once: making a string of a megabyte of array data only to take it apart again doubles the time. The memo entries of the text and the
 * argument tuple, which no Python ever asks for again, are made if a file does.
 */
function encodeDirectly(m: Machine, length: number): boolean {
  const { bytes, view, stack, at: textStart } = m
  const callee = stack[stack.length - 1]
  if (textStart < m.frameEnd || stack.length <= stackFloor(m) || !isPyGlobal(callee) || callee.module !== '_codecs' || callee.name !== 'encode') return false
  const textEnd = textStart + length
  let next = textEnd
  const memoized: number[] = []
  const skipPut = (): void => {
    const code = bytes[next]
    if (code !== op.BINPUT && code !== op.LONG_BINPUT) return
    memoized.push(code === op.BINPUT ? bytes[next + 1] : next + 5 <= bytes.length ? view.getUint32(next + 1, true) : 0)
    next += code === op.BINPUT ? 2 : 5
  }
  skipPut()
  const texts = memoized.length
  // The encoding is a string that an earlier call has left in the memo.
  const isShort = bytes[next] === op.BINGET
  if (!isShort && bytes[next] !== op.LONG_BINGET) return false
  next += isShort ? 2 : 5
  if (next > bytes.length) return false
  const encoding = m.memo[isShort ? bytes[next - 1] : view.getUint32(next - 4, true)]
  if (encoding !== 'latin1' || bytes[next++] !== op.TUPLE2) return false
  skipPut()
  if (bytes[next++] !== op.REDUCE) return false
  const data = encodeLatin1Utf8(bytes, textStart, textEnd)
  if (data === undefined) return false
  chargeCopy(m.context, length, m.opStart)
  const offset = m.opStart
  const decode = (): string => decodeUtf8(bytes, textStart, textEnd, offset)
  memoized.forEach((index, i) => {
    storeMemo(m, index, LATER)
    m.later.set(index, i < texts ? decode : () => tupleOf([decode(), encoding]))
  })
  stack[stack.length - 1] = data
  m.at = next
  return true
}

function tuple2(m: Machine): void {
  const second = pop(m)
  m.stack.push(tupleOf([pop(m), second]))
}

function tuple3(m: Machine): void {
  const third = pop(m)
  const second = pop(m)
  m.stack.push(tupleOf([pop(m), second, third]))
}

function dict(m: Machine): void {
  const entries = new Map<PyValue, PyValue>()
  setItems(entries, popMark(m), m.opStart)
  m.stack.push(entries)
}

function append(m: Machine): void {
  const item = pop(m)
  appendItems(peek(m), [item], m.opStart)
}

function appends(m: Machine): void {
  const items = popMark(m)
  appendItems(peek(m), items, m.opStart)
}

function setItem(m: Machine): void {
  const value = pop(m)
  const key = pop(m)
  setItems(peek(m), [key, value], m.opStart)
}

function setItemsToMark(m: Machine): void {
  const items = popMark(m)
  setItems(peek(m), items, m.opStart)
}

function addItems(m: Machine): void {
  const items = popMark(m)
  const target = peek(m)
  if (!(target instanceof Set)) throw stackError(m, `members added to ${describe(target)}, expected a set`)
  for (const item of items) target.add(plainKey(item))
}

function popValue(m: Machine): void {
  if (m.marks.length > 0 && m.stack.length === stackFloor(m)) m.marks.pop()
  else pop(m)
}

function global(m: Machine): void {
  const module = takeLine(m)
  m.stack.push(resolveGlobal(m.context, module, takeLine(m), m.opStart))
}

function stackGlobal(m: Machine): void {
  const name = pop(m)
  const module = pop(m)
  if (typeof module !== 'string' || typeof name !== 'string') throw stackError(m, `a global named by ${describe(module)} and ${describe(name)}, expected two strings`)
  m.stack.push(resolveGlobal(m.context, module, name, m.opStart))
}

function inst(m: Machine): void {
  const module = takeLine(m)
  const callee = resolveGlobal(m.context, module, takeLine(m), m.opStart)
  m.stack.push(newObject(m.context, callee, popMark(m), undefined, m.opStart))
}

function obj(m: Machine): void {
  const items = popMark(m)
  m.stack.push(newObject(m.context, items[0], items.slice(1), undefined, m.opStart))
}

function reduceOrNew(m: Machine): void {
  const args = pop(m)
  m.stack.push(reduce(m.context, pop(m), args, m.opStart))
}

function newObjectWithKeywords(m: Machine): void {
  const keywords = pop(m)
  const args = pop(m)
  if (!isTuple(args) || !(keywords instanceof Map)) throw stackError(m, `an object made from ${describe(args)} and ${describe(keywords)}, expected a tuple and a dict`)
  m.stack.push(newObject(m.context, pop(m), args.items, keywords, m.opStart))
}

function extension(m: Machine): void {
  throw pickleError('PICKLE_EXTENSION', m.opStart, 'a class by its number in the extension registry, which only the program that wrote it knows')
}

function pushPersistent(m: Machine, id: PyValue): void {
  const resolve = m.context.options.persistentLoad
  if (resolve === undefined) throw pickleError('PICKLE_PERSISTENT_ID', m.opStart, `a persistent id (${describe(id)}), which only the program that wrote it can resolve`)
  m.stack.push(resolve(id))
}

function nextBuffer(m: Machine): void {
  const index = m.context.nextBuffer++
  const buffer = m.context.options.buffers?.[index]
  if (buffer === undefined) throw pickleError('PICKLE_BUFFER', m.opStart, `out-of-band buffer ${index} lies outside the file; pickle without buffer_callback`)
  m.stack.push(buffer)
}

function readOnlyBuffer(m: Machine): void {
  const buffer = peek(m)
  if (!(buffer instanceof Uint8Array)) throw stackError(m, `${describe(buffer)} made read-only, expected a buffer`)
}

function proto(m: Machine): void {
  const protocol = takeByte(m)
  if (protocol > HIGHEST_PROTOCOL) throw pickleError('PICKLE_PROTOCOL', m.opStart, `protocol ${protocol} is not known; the highest is ${HIGHEST_PROTOCOL}`)
}

function frame(m: Machine): void {
  if (m.at < m.frameEnd) throw pickleError('PICKLE_FRAME', m.opStart, `a frame inside the frame that ends at ${m.frameEnd}`)
  const length = takeLength64(m)
  m.frameEnd = m.at + length
}

/** BUILD and STOP are the machine's own: they end or nest a run. */
const TABLE: readonly (readonly [number, Handler])[] = [
  [op.NONE, (m) => m.stack.push(null)],
  [op.NEWTRUE, (m) => m.stack.push(true)],
  [op.NEWFALSE, (m) => m.stack.push(false)],
  [op.BININT1, (m) => m.stack.push(takeByte(m))],
  [op.BININT2, (m) => m.stack.push(m.view.getUint16(take(m, 2), true))],
  [op.BININT, (m) => m.stack.push(m.view.getInt32(take(m, 4), true))],
  [op.BINFLOAT, (m) => m.stack.push(m.view.getFloat64(take(m, 8), false))],
  [op.LONG1, (m) => pushInteger(m, takeByte(m))],
  [op.LONG4, (m) => pushInteger(m, takeUint32(m))],
  [op.INT, int],
  [op.LONG, (m) => m.stack.push(parseDecimal(m.context, takeLine(m), m.opStart))],
  [op.FLOAT, (m) => m.stack.push(parseFloatText(takeLine(m), m.opStart))],

  [op.SHORT_BINUNICODE, (m) => m.stack.push(takeUtf8(m, takeByte(m)))],
  [op.BINUNICODE, binUnicode],
  [op.BINUNICODE8, (m) => m.stack.push(takeUtf8(m, takeLength64(m)))],
  [op.UNICODE, (m) => m.stack.push(parseRawUnicode(takeLine(m), m.opStart))],
  [op.SHORT_BINSTRING, (m) => m.stack.push(takeLatin1(m, takeByte(m)))],
  [op.BINSTRING, (m) => m.stack.push(takeLatin1(m, takeUint32(m)))],
  [op.STRING, (m) => m.stack.push(parseQuoted(takeLine(m), m.opStart))],
  [op.SHORT_BINBYTES, (m) => m.stack.push(takeBytes(m, takeByte(m)))],
  [op.BINBYTES, (m) => m.stack.push(takeBytes(m, takeUint32(m)))],
  [op.BINBYTES8, (m) => m.stack.push(takeBytes(m, takeLength64(m)))],
  [op.BYTEARRAY8, (m) => m.stack.push(takeBytes(m, takeLength64(m)))],

  [op.MEMOIZE, (m) => storeMemo(m, m.memo.length + m.sparseMemo.size, peek(m))],
  [op.BINGET, (m) => pushMemo(m, takeByte(m))],
  [op.LONG_BINGET, (m) => pushMemo(m, takeUint32(m))],
  [op.GET, (m) => pushMemo(m, takeMemoIndex(m))],
  [op.BINPUT, (m) => storeMemo(m, takeByte(m), peek(m))],
  [op.LONG_BINPUT, (m) => storeMemo(m, takeUint32(m), peek(m))],
  [op.PUT, (m) => storeMemo(m, takeMemoIndex(m), peek(m))],

  [op.MARK, (m) => m.marks.push(m.stack.length)],
  [op.POP, popValue],
  [op.POP_MARK, (m) => popMark(m)],
  [op.DUP, (m) => m.stack.push(peek(m))],
  [op.EMPTY_TUPLE, (m) => m.stack.push(tupleOf([]))],
  [op.EMPTY_LIST, (m) => m.stack.push([])],
  [op.EMPTY_DICT, (m) => m.stack.push(new Map())],
  [op.EMPTY_SET, (m) => m.stack.push(new Set())],
  [op.TUPLE, (m) => m.stack.push(tupleOf(popMark(m)))],
  [op.TUPLE1, (m) => m.stack.push(tupleOf([pop(m)]))],
  [op.TUPLE2, tuple2],
  [op.TUPLE3, tuple3],
  [op.LIST, (m) => m.stack.push(popMark(m))],
  [op.DICT, dict],
  [op.FROZENSET, (m) => m.stack.push(new Set(popMark(m).map(plainKey)))],
  [op.APPEND, append],
  [op.APPENDS, appends],
  [op.SETITEM, setItem],
  [op.SETITEMS, setItemsToMark],
  [op.ADDITEMS, addItems],

  [op.GLOBAL, global],
  [op.STACK_GLOBAL, stackGlobal],
  [op.INST, inst],
  [op.OBJ, obj],
  [op.REDUCE, reduceOrNew],
  [op.NEWOBJ, reduceOrNew],
  [op.NEWOBJ_EX, newObjectWithKeywords],
  [op.EXT1, extension],
  [op.EXT2, extension],
  [op.EXT4, extension],
  [op.PERSID, (m) => pushPersistent(m, takeLine(m))],
  [op.BINPERSID, (m) => pushPersistent(m, pop(m))],
  [op.NEXT_BUFFER, nextBuffer],
  [op.READONLY_BUFFER, readOnlyBuffer],
  [op.PROTO, proto],
  [op.FRAME, frame],
]

/** By opcode; undefined for opcodes that no protocol has. */
export const HANDLERS: readonly (Handler | undefined)[] = /* @__PURE__ */ makeHandlers()

function makeHandlers(): (Handler | undefined)[] {
  const out = new Array<Handler | undefined>(256).fill(undefined)
  for (const [code, handler] of TABLE) out[code] = handler
  return out
}
