// The pickle machine: a stack, a memo and a loop over opcodes that can only make plain data.
// Opcodes as Python's pickletools documents them; nothing here looks a name up or calls what the file names.
import type { MleError } from '../../error.ts'
import { appendItems, build, newObject, reduce, setItems } from './construct.ts'
import { createContext, pickleError, type PickleContext } from './context.ts'
import { checkDepth } from './depth.ts'
import { resolveGlobal } from './globals.ts'
import { isArrayWrapper, wrappedArrayPlan } from './joblib-wrapper.ts'
import { limitError } from './limits.ts'
import { arrayFromBytes } from './ndarray.ts'
import * as op from './opcodes.ts'
import { decodeInteger, decodeLatin1, decodeUtf8, parseDecimal, parseFloatText, parseQuoted, parseRawUnicode } from './scalars.ts'
import { describe, isNdArray, isPyObject, isTuple, plainKey, type NdArray, type PyTuple, type PyValue } from './values.ts'
import type { PickleOptions } from './options.ts'

/** Where a stream ended and what it holds: several pickles may follow one another. */
export interface PickleResult {
  readonly value: PyValue
  /** Offset of the first byte after STOP. */
  readonly end: number
}

const HIGHEST_PROTOCOL = 5

/**
 * Reads one uncompressed pickle of protocol 0 to 5, or a joblib stream, whose arrays follow their wrappers. The whole of `bytes` must be
 * that pickle. Arrays and bytes are views of `bytes` where they can be.
 *
 * Never runs code: classes and functions become inert values, and only those that the built-in table or `options.allow` names.
 *
 * @throws MleError PICKLE_GLOBAL and others with the byte offset; PICKLE_LIMIT with the limit's name
 * @example const model = readPickle(bytes, { allow: allowPackages('sklearn') })
 */
export function readPickle(bytes: Uint8Array, options: PickleOptions = {}): PyValue {
  const { value, end } = readPickleAt(bytes, 0, options)
  if (end !== bytes.length) {
    throw pickleError('PICKLE_TRAILING', end, `${bytes.length - end} bytes follow the end of the pickle; a file of several pickles, or two files in one, is not read`)
  }
  return value
}

/** Reads the pickle that begins at `start` and says where it ended, for files that hold several in a row. */
export function readPickleAt(bytes: Uint8Array, start: number, options: PickleOptions = {}): PickleResult {
  const context = createContext(bytes.length - start, options)
  const result = runMachine(bytes, start, context, 0)
  checkDepth(result.value, context.limits)
  return result
}

function runMachine(bytes: Uint8Array, start: number, context: PickleContext, nested: number): PickleResult {
  const { limits, options } = context
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const stack: PyValue[] = []
  const marks: number[] = []
  // Protocols 2 and up number the memo in order; 0 and 1 may skip numbers, and a hostile file may use 2^32 - 1.
  const memo: PyValue[] = []
  const sparseMemo = new Map<number, PyValue>()
  let at = start
  let opStart = start
  let frameEnd = start

  const take = (count: number): number => {
    const from = at
    if (count > bytes.length - from) {
      throw pickleError('PICKLE_TRUNCATED', opStart, `needs ${count} bytes at ${from}, but the file ends at ${bytes.length}`)
    }
    at += count
    return from
  }
  const takeLength64 = (): number => {
    const from = take(8)
    const length = view.getUint32(from + 4, true) * 4294967296 + view.getUint32(from, true)
    if (!(length <= bytes.length - at)) throw pickleError('PICKLE_TRUNCATED', opStart, `needs ${length} bytes at ${at}, but the file ends at ${bytes.length}`)
    return length
  }
  const takeLine = (): string => {
    const end = bytes.indexOf(10, at)
    if (end < 0) throw pickleError('PICKLE_TRUNCATED', opStart, `a line at ${at} has no end`)
    if (end - at > limits.stringBytes) throw limitError(limits, 'stringBytes', 'line bytes', end - at, opStart)
    const text = decodeLatin1(bytes, at, end)
    at = end + 1
    return text.endsWith('\r') ? text.slice(0, -1) : text
  }
  const takeUtf8 = (length: number): string => {
    if (length > limits.stringBytes) throw limitError(limits, 'stringBytes', 'string bytes', length, opStart)
    const from = take(length)
    return decodeUtf8(bytes, from, from + length, opStart)
  }
  const takeLatin1 = (length: number): string => {
    if (length > limits.stringBytes) throw limitError(limits, 'stringBytes', 'string bytes', length, opStart)
    const from = take(length)
    return decodeLatin1(bytes, from, from + length)
  }
  const takeBytes = (length: number): Uint8Array => {
    const from = take(length)
    return bytes.subarray(from, from + length)
  }
  const takeInteger = (length: number): number | bigint => {
    if (length > limits.integerBytes) throw limitError(limits, 'integerBytes', 'integer bytes', length, opStart)
    return decodeInteger(bytes, take(length), length)
  }
  const stackError = (what: string): MleError => pickleError('PICKLE_STACK', opStart, what)
  const floor = (): number => (marks.length === 0 ? 0 : marks[marks.length - 1])
  const pop = (): PyValue => {
    // Python keeps one stack per mark: an opcode cannot take values from below it.
    if (stack.length <= floor()) throw stackError(`opcode ${hex(bytes[opStart])} finds too few values on the stack`)
    const value = stack.pop()
    if (value === undefined) throw stackError('stack is empty')
    return value
  }
  const peek = (): PyValue => {
    if (stack.length <= floor()) throw stackError(`opcode ${hex(bytes[opStart])} finds no value on the stack`)
    return stack[stack.length - 1]
  }
  const popMark = (): PyValue[] => {
    const mark = marks.pop()
    if (mark === undefined) throw stackError(`opcode ${hex(bytes[opStart])} finds no mark`)
    return stack.splice(mark)
  }
  const get = (index: number): void => {
    const value = index < memo.length ? memo[index] : sparseMemo.get(index)
    if (value === undefined) throw pickleError('PICKLE_MEMO', opStart, `memo entry ${index} was never stored`)
    stack.push(value)
  }
  const put = (index: number): void => {
    if (memo.length + sparseMemo.size >= limits.memo && index >= memo.length) throw limitError(limits, 'memo', 'memo entries', memo.length + sparseMemo.size + 1, opStart)
    const value = peek()
    if (index < memo.length) memo[index] = value
    else if (index === memo.length && sparseMemo.size === 0) memo.push(value)
    else sparseMemo.set(index, value)
  }
  const memoIndex = (text: string): number => {
    const index = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(index)) throw pickleError('PICKLE_MEMO', opStart, `memo index ${JSON.stringify(text.slice(0, 40))}`)
    return index
  }
  const resolvePersistent = (id: PyValue): PyValue => {
    if (options.persistentLoad === undefined) {
      throw pickleError('PICKLE_PERSISTENT_ID', opStart, `a persistent id (${describe(id)}), which only the program that wrote it can resolve`)
    }
    return options.persistentLoad(id)
  }
  const tupleOf = (items: PyValue[]): PyTuple => ({ kind: 'tuple', items })

  /** joblib: the array whose wrapper was just built lies in the stream at this place. */
  const readWrapped = (wrapper: PyValue): NdArray => {
    const plan = wrappedArrayPlan(context, wrapper, opStart)
    if (at < frameEnd) throw pickleError('PICKLE_FRAME', opStart, 'array bytes inside a frame')
    frameEnd = start
    if (plan.nested) {
      if (nested >= limits.nested) throw limitError(limits, 'nested', 'pickles nested in object arrays', nested + 1, opStart)
      const inner = runMachine(bytes, at, context, nested + 1)
      at = inner.end
      if (!isNdArray(inner.value)) throw pickleError('PICKLE_JOBLIB', opStart, `the object array's own pickle holds ${describe(inner.value)}`)
      return inner.value
    }
    if (plan.aligned) take(bytes[take(1)])
    return arrayFromBytes(context, plan.dtype, plan.shape, takeBytes(plan.bytes), plan.strides, opStart)
  }

  for (;;) {
    if (at >= bytes.length) throw pickleError('PICKLE_TRUNCATED', at, 'the file ends before the pickle does')
    opStart = at
    if (++context.opcodes > limits.opcodes) throw limitError(limits, 'opcodes', 'opcodes', context.opcodes, opStart)
    const code = bytes[at++]
    switch (code) {
      case op.SHORT_BINUNICODE: stack.push(takeUtf8(bytes[take(1)])); break
      case op.BINUNICODE: stack.push(takeUtf8(view.getUint32(take(4), true))); break
      case op.BINUNICODE8: stack.push(takeUtf8(takeLength64())); break
      case op.MEMOIZE: put(memo.length + sparseMemo.size); break
      case op.BINGET: get(bytes[take(1)]); break
      case op.LONG_BINGET: get(view.getUint32(take(4), true)); break
      case op.GET: get(memoIndex(takeLine())); break
      case op.BINPUT: put(bytes[take(1)]); break
      case op.LONG_BINPUT: put(view.getUint32(take(4), true)); break
      case op.PUT: put(memoIndex(takeLine())); break

      case op.NONE: stack.push(null); break
      case op.NEWTRUE: stack.push(true); break
      case op.NEWFALSE: stack.push(false); break
      case op.BININT1: stack.push(bytes[take(1)]); break
      case op.BININT2: stack.push(view.getUint16(take(2), true)); break
      case op.BININT: stack.push(view.getInt32(take(4), true)); break
      case op.BINFLOAT: stack.push(view.getFloat64(take(8), false)); break
      case op.LONG1: stack.push(takeInteger(bytes[take(1)])); break
      case op.LONG4: stack.push(takeInteger(view.getUint32(take(4), true))); break
      case op.INT: {
        const text = takeLine()
        stack.push(text === '01' ? true : text === '00' ? false : parseDecimal(context, text, opStart))
        break
      }
      case op.LONG: stack.push(parseDecimal(context, takeLine(), opStart)); break
      case op.FLOAT: stack.push(parseFloatText(takeLine(), opStart)); break

      case op.SHORT_BINBYTES: stack.push(takeBytes(bytes[take(1)])); break
      case op.BINBYTES: stack.push(takeBytes(view.getUint32(take(4), true))); break
      case op.BINBYTES8: case op.BYTEARRAY8: stack.push(takeBytes(takeLength64())); break
      case op.SHORT_BINSTRING: stack.push(takeLatin1(bytes[take(1)])); break
      case op.BINSTRING: stack.push(takeLatin1(view.getUint32(take(4), true))); break
      case op.STRING: stack.push(parseQuoted(takeLine(), opStart)); break
      case op.UNICODE: stack.push(parseRawUnicode(takeLine(), opStart)); break

      case op.MARK: marks.push(stack.length); break
      case op.EMPTY_TUPLE: stack.push(tupleOf([])); break
      case op.EMPTY_LIST: stack.push([]); break
      case op.EMPTY_DICT: stack.push(new Map()); break
      case op.EMPTY_SET: stack.push(new Set()); break
      case op.TUPLE: stack.push(tupleOf(popMark())); break
      case op.TUPLE1: stack.push(tupleOf([pop()])); break
      case op.TUPLE2: {
        const second = pop()
        stack.push(tupleOf([pop(), second]))
        break
      }
      case op.TUPLE3: {
        const third = pop()
        const second = pop()
        stack.push(tupleOf([pop(), second, third]))
        break
      }
      case op.LIST: stack.push(popMark()); break
      case op.DICT: {
        const entries = new Map<PyValue, PyValue>()
        setItems(entries, popMark(), opStart)
        stack.push(entries)
        break
      }
      case op.FROZENSET: stack.push(new Set(popMark().map(plainKey))); break
      case op.APPEND: {
        const item = pop()
        appendItems(peek(), [item], opStart)
        break
      }
      case op.APPENDS: {
        const items = popMark()
        appendItems(peek(), items, opStart)
        break
      }
      case op.SETITEM: {
        const value = pop()
        const key = pop()
        setItems(peek(), [key, value], opStart)
        break
      }
      case op.SETITEMS: {
        const items = popMark()
        setItems(peek(), items, opStart)
        break
      }
      case op.ADDITEMS: {
        const items = popMark()
        const target = peek()
        if (!(target instanceof Set)) throw stackError(`members added to ${describe(target)}, expected a set`)
        for (const item of items) target.add(plainKey(item))
        break
      }
      case op.POP:
        if (marks.length > 0 && stack.length === marks[marks.length - 1]) marks.pop()
        else pop()
        break
      case op.POP_MARK: popMark(); break
      case op.DUP: stack.push(peek()); break

      case op.GLOBAL: {
        const module = takeLine()
        stack.push(resolveGlobal(context, module, takeLine(), opStart))
        break
      }
      case op.STACK_GLOBAL: {
        const name = pop()
        const module = pop()
        if (typeof module !== 'string' || typeof name !== 'string') throw stackError(`a global named by ${describe(module)} and ${describe(name)}, expected two strings`)
        stack.push(resolveGlobal(context, module, name, opStart))
        break
      }
      case op.INST: {
        const module = takeLine()
        const callee = resolveGlobal(context, module, takeLine(), opStart)
        stack.push(newObject(context, callee, popMark(), undefined, opStart))
        break
      }
      case op.OBJ: {
        const items = popMark()
        stack.push(newObject(context, items[0], items.slice(1), undefined, opStart))
        break
      }
      case op.REDUCE: {
        const args = pop()
        stack.push(reduce(context, pop(), args, opStart))
        break
      }
      case op.NEWOBJ: {
        const args = pop()
        stack.push(reduce(context, pop(), args, opStart))
        break
      }
      case op.NEWOBJ_EX: {
        const keywords = pop()
        const args = pop()
        if (!isTuple(args) || !(keywords instanceof Map)) throw stackError(`an object made from ${describe(args)} and ${describe(keywords)}, expected a tuple and a dict`)
        stack.push(newObject(context, pop(), args.items, keywords, opStart))
        break
      }
      case op.BUILD: {
        const state = pop()
        const target = peek()
        build(context, target, state, opStart)
        if (isPyObject(target) && isArrayWrapper(target)) stack[stack.length - 1] = readWrapped(target)
        break
      }
      case op.EXT1: case op.EXT2: case op.EXT4:
        throw pickleError('PICKLE_EXTENSION', opStart, 'a class by its number in the extension registry, which only the program that wrote it knows')
      case op.PERSID: stack.push(resolvePersistent(takeLine())); break
      case op.BINPERSID: stack.push(resolvePersistent(pop())); break
      case op.NEXT_BUFFER: {
        const buffer = options.buffers?.[context.nextBuffer++]
        if (buffer === undefined) throw pickleError('PICKLE_BUFFER', opStart, `out-of-band buffer ${context.nextBuffer - 1} lies outside the file; pickle without buffer_callback`)
        stack.push(buffer)
        break
      }
      case op.READONLY_BUFFER: {
        const buffer = peek()
        if (!(buffer instanceof Uint8Array)) throw stackError(`${describe(buffer)} made read-only, expected a buffer`)
        break
      }

      case op.PROTO: {
        const protocol = bytes[take(1)]
        if (protocol > HIGHEST_PROTOCOL) throw pickleError('PICKLE_PROTOCOL', opStart, `protocol ${protocol} is not known; the highest is ${HIGHEST_PROTOCOL}`)
        break
      }
      case op.FRAME: {
        if (at < frameEnd) throw pickleError('PICKLE_FRAME', opStart, `a frame inside the frame that ends at ${frameEnd}`)
        const length = takeLength64()
        frameEnd = at + length
        break
      }
      case op.STOP: {
        const value = pop()
        if (stack.length > 0 || marks.length > 0) throw stackError(`${stack.length} values and ${marks.length} marks are left on the stack at the end`)
        if (at < frameEnd) throw pickleError('PICKLE_FRAME', opStart, `the pickle stops inside the frame that ends at ${frameEnd}`)
        return { value, end: at }
      }
      default:
        throw pickleError('PICKLE_OPCODE', opStart, `unknown opcode ${hex(code)}: the file is damaged, or no pickle`)
    }
    // Python reads frames whole: an opcode across a frame's end means other programs would read something else here.
    if (opStart < frameEnd && at > frameEnd && code !== op.FRAME) throw pickleError('PICKLE_FRAME', opStart, `opcode ${hex(code)} crosses the end of its frame at ${frameEnd}`)
  }
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`
}
