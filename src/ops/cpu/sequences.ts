// Sequences and optionals. Elements have memory of their own and are never written again, so sequences share them.
import { MleError } from '../../error.ts'
import { readInt64 } from '../../tensor/exact-int64.ts'
import { normalizeAxis } from '../../tensor/numpy-shapes.ts'
import { int } from '../attributes.ts'
import { cloneView, isView, REFERENCE_BYTES, VIEW_OBJECTS, type HostKernel, type KernelContext, type KernelEntry, type Scratch, type Value, type View } from '../kernel.ts'
import { bytesPerElement } from '../../tensor/dtype.ts'
import { joinViews, sliceView } from './blocks.ts'

function sequenceOf(value: Value | undefined): readonly Value[] {
  if (!Array.isArray(value)) throw new MleError('OP_INPUT', 'input 0 is no sequence')
  return value
}

function owned(value: Value | undefined, scratch: Scratch): Value {
  if (value === undefined) throw new MleError('OP_INPUT', 'an input is missing')
  return isView(value) ? cloneView(value, scratch) : value
}

function integers(value: Value | undefined, what: string): number[] {
  if (!isView(value) || (value.dtype !== 'int64' && value.dtype !== 'int32')) throw new MleError('OP_INPUT', `${what} is no tensor of int32 or int64`)
  const words = value.data as Int32Array
  return Array.from({ length: value.size }, (_, i) => (value.dtype === 'int64' ? readInt64(words, i) : words[i]))
}

/** A position within [0, limit], counted from `length` when negative. */
function positionOf(value: Value | undefined, length: number, limit: number): number {
  const [position] = integers(value, 'the position')
  const normal = position < 0 ? position + length : position
  if (position === undefined || normal < 0 || normal > limit) {
    throw new MleError('OP_POSITION', `position ${position ?? '(none)'} is outside a sequence of ${length} elements`, { expected: limit, actual: position })
  }
  return normal
}

/** Elements of sequences that are copied in the time of an iteration, about: a sequence that grows by one at a time is copied each time. */
const COPIED_AN_ITERATION = 2048

/** Counts a copy of a list, which shares its elements. */
function copyOf(value: Value | undefined, scratch: Scratch): readonly Value[] {
  const list = sequenceOf(value)
  scratch.take(0, list.length * REFERENCE_BYTES)
  scratch.spend(list.length / COPIED_AN_ITERATION)
  return list
}

const makeConstruct = ({ scratch }: KernelContext): HostKernel => (inputs) => [inputs.map((value) => owned(value, scratch))]

const empty: HostKernel = () => [[]]

const makeInsert = ({ scratch }: KernelContext): HostKernel => ([sequence, value, position]) => {
  const list = copyOf(sequence, scratch)
  return [list.toSpliced(position === undefined ? list.length : positionOf(position, list.length, list.length), 0, owned(value, scratch))]
}

const makeErase = ({ scratch }: KernelContext): HostKernel => ([sequence, position]) => {
  const list = copyOf(sequence, scratch)
  if (list.length === 0) throw new MleError('OP_POSITION', 'nothing can be erased from an empty sequence')
  return [list.toSpliced(position === undefined ? list.length - 1 : positionOf(position, list.length, list.length - 1), 1)]
}

const at: HostKernel = ([sequence, position]) => {
  const list = sequenceOf(sequence)
  return [list[positionOf(position, list.length, list.length - 1)]]
}

const length: HostKernel = ([sequence]) => [{ dtype: 'int64', shape: [], size: 1, data: Int32Array.of(sequenceOf(sequence).length, 0) }]

function makeSplit({ attributes, scratch }: KernelContext): HostKernel {
  const keepsAxis = int(attributes, 'keepdims', 1) !== 0
  return ([input, split]) => {
    if (!isView(input)) throw new MleError('OP_INPUT', 'input 0 is no tensor')
    const axis = normalizeAxis(int(attributes, 'axis', 0), input.shape.length)
    const total = input.shape[axis]
    scratch.take(input.size * bytesPerElement(input.dtype), partCount(split, total) * VIEW_OBJECTS + (input.dtype === 'string' ? input.size * REFERENCE_BYTES : 0))
    const parts: View[] = []
    let start = 0
    for (const size of partSizes(split, total)) {
      parts.push(sliceView(input, axis, start, size, split === undefined && !keepsAxis))
      start += size
    }
    return [parts]
  }
}

/** How many parts there are, at the most. */
function partCount(split: Value | undefined, total: number): number {
  if (!isView(split)) return total
  return split.shape.length === 0 ? Math.ceil(total / Math.max(1, integers(split, 'split')[0])) : split.size
}

/** Sizes of the parts: ones by default, equal ones with a smaller last for a scalar, else the list itself. */
function partSizes(split: Value | undefined, total: number): number[] {
  if (split === undefined) return new Array<number>(total).fill(1)
  const sizes = integers(split, 'split')
  if (isView(split) && split.shape.length === 0) {
    const [size] = sizes
    if (size < 1) throw new MleError('OP_SPLIT', `split is ${size}, expected at least 1`, { actual: size })
    return Array.from({ length: Math.ceil(total / size) }, (_, i) => Math.min(size, total - i * size))
  }
  const sum = sizes.reduce((all, size) => all + size, 0)
  if (sum !== total || sizes.some((size) => size < 0)) throw new MleError('OP_SPLIT', `split [${sizes.join(', ')}] does not add up to ${total}`, { expected: total, actual: sum })
  return sizes
}

function makeConcat({ attributes, scratch }: KernelContext): HostKernel {
  const axis = int(attributes, 'axis', 0)
  const isNewAxis = int(attributes, 'new_axis', 0) !== 0
  return ([sequence]) => [joinViews(sequenceOf(sequence).filter(isView), axis, isNewAxis, scratch)]
}

const makeOptional = ({ scratch }: KernelContext): HostKernel => ([value]) => [value === undefined ? null : owned(value, scratch)]

const hasElement: HostKernel = ([value]) => [{ dtype: 'bool', shape: [], size: 1, data: Uint8Array.of(value === undefined || value === null ? 0 : 1) }]

const makeGetElement = ({ scratch }: KernelContext): HostKernel => ([value]) => {
  if (value === undefined || value === null) throw new MleError('OP_OPTIONAL', 'the optional is empty')
  return [owned(value, scratch)]
}

const host = (kernel: HostKernel): KernelEntry => ({ makeHost: () => kernel })

export const sequenceKernels: readonly (readonly [string, KernelEntry])[] = [
  ['SequenceConstruct', { makeHost: makeConstruct }],
  ['SequenceEmpty', host(empty)],
  ['SequenceInsert', { makeHost: makeInsert }],
  ['SequenceErase', { makeHost: makeErase }],
  ['SequenceAt', host(at)],
  ['SequenceLength', host(length)],
  ['SplitToSequence', { makeHost: makeSplit }],
  ['ConcatFromSequence', { makeHost: makeConcat }],
  ['Optional', { makeHost: makeOptional }],
  ['OptionalHasElement', host(hasElement)],
  ['OptionalGetElement', { makeHost: makeGetElement }],
]
