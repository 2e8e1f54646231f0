// The pickle machine: a loop over opcodes that can only make plain data. It looks no name up and calls nothing that the file names.
import { plainBytes } from '../../tensor/bytes.ts'
import { build } from './construct.ts'
import { createContext, pickleError, type PickleContext } from './context.ts'
import { checkDepth } from './depth.ts'
import { HANDLERS } from './handlers.ts'
import { isArrayWrapper, wrappedArrayPlan } from './joblib-wrapper.ts'
import { limitError } from './limits.ts'
import { arrayFromBytes } from './ndarray.ts'
import * as op from './opcodes.ts'
import { createMachine, opcodeName, peek, pop, stackError, take, takeByte, takeBytes, type Machine } from './stack.ts'
import { describe, isNdArray, isPyObject, type NdArray, type PyObject, type PyValue } from './values.ts'
import type { PickleOptions } from './options.ts'

/** Where a stream ended and what it holds: several pickles may follow one another. */
export interface PickleResult {
  readonly value: PyValue
  /** Offset of the first byte after STOP. */
  readonly end: number
}

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
  const result = runMachine(createMachine(plainBytes(bytes), start, context, 0))
  checkDepth(result.value, context.limits)
  return result
}

function runMachine(m: Machine): PickleResult {
  const { bytes, context } = m
  for (;;) {
    const start = m.at
    m.opStart = start
    if (start >= bytes.length) throw pickleError('PICKLE_TRUNCATED', start, 'the file ends before the pickle does')
    if (++context.opcodes > context.limits.opcodes) throw limitError(context.limits, 'opcodes', 'opcodes', context.opcodes, start)
    const code = bytes[start]
    m.at = start + 1
    if (code === op.STOP) return stop(m)
    // Python reads frames whole: an opcode across a frame's end means other programs would read something else here.
    const { frameEnd } = m
    if (code === op.BUILD) buildTop(m, context)
    else {
      const handler = HANDLERS[code]
      if (handler === undefined) throw pickleError('PICKLE_OPCODE', start, `unknown ${opcodeName(code)}: the file is damaged, or no pickle`)
      handler(m)
      if (start < frameEnd && m.at > frameEnd) throw pickleError('PICKLE_FRAME', start, `${opcodeName(code)} crosses the end of its frame at ${frameEnd}`)
    }
  }
}

function stop(m: Machine): PickleResult {
  const value = pop(m)
  if (m.stack.length > 0 || m.marks.length > 0) throw stackError(m, `${m.stack.length} values and ${m.marks.length} marks are left on the stack at the end`)
  if (m.at < m.frameEnd) throw pickleError('PICKLE_FRAME', m.opStart, `the pickle stops inside the frame that ends at ${m.frameEnd}`)
  return { value, end: m.at }
}

function buildTop(m: Machine, context: PickleContext): void {
  const state = pop(m)
  const target = peek(m)
  build(context, target, state, m.opStart)
  if (isPyObject(target) && isArrayWrapper(target)) m.stack[m.stack.length - 1] = readWrapped(m, target)
}

/** joblib: the array whose wrapper was just built lies in the stream at this place. */
function readWrapped(m: Machine, wrapper: PyObject): NdArray {
  const { context, bytes } = m
  const offset = m.opStart
  const plan = wrappedArrayPlan(context, wrapper, offset)
  if (m.at < m.frameEnd) throw pickleError('PICKLE_FRAME', offset, 'array bytes inside a frame')
  if (plan.nested) {
    if (m.nested >= context.limits.nested) throw limitError(context.limits, 'nested', 'pickles nested in object arrays', m.nested + 1, offset)
    const inner = runMachine(createMachine(bytes, m.at, context, m.nested + 1))
    m.at = inner.end
    if (!isNdArray(inner.value)) throw pickleError('PICKLE_JOBLIB', offset, `the object array's own pickle holds ${describe(inner.value)}`)
    return inner.value
  }
  if (plan.aligned) take(m, takeByte(m))
  return arrayFromBytes(context, plan.dtype, plan.shape, takeBytes(m, plan.bytes), plan.strides, offset)
}
