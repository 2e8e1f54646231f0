// The tensor table: which range of the decoded weights holds which tensor, and the tensors' elements as views of it.
import { MleError } from '../error.ts'
import { bytesPerElement, isDType, narrowRange, viewData, type DType, type NumericArray, type StringArray } from '../tensor/dtype.ts'
import { firstNonZero, viewOf } from './bytes.ts'
import { array, at, count, keys, list, record, type Key } from './json.ts'
import { alignUp } from './layout.ts'
import type { Limits } from './limits.ts'

/** A tensor whose elements arrive after the graph was read: `fillTensors` sets `data`. */
export interface TensorSlot {
  readonly dtype: DType
  readonly shape: readonly number[]
  data: NumericArray | StringArray
}

/** An entry of the tensor table. */
export interface TableEntry {
  readonly slot: TensorSlot
  readonly elements: number
  /** In the decoded weights. */
  readonly offset: number
  readonly byteLength: number
}

const TENSOR: readonly Key[] = /* @__PURE__ */ keys('dtype', 'shape', 'offset', 'bytes?')

/**
 * Reads the table and checks that its tensors tile the decoded weights.
 *
 * @throws MleError FORMAT_LIMIT, FORMAT_DTYPE, FORMAT_SHAPE, FORMAT_OFFSET
 */
export function decodeTensorTable(value: unknown, limits: Limits): TableEntry[] {
  const size = array(value).length
  if (size > limits.maxTensors) throw new MleError('FORMAT_LIMIT', `${size} tensors, more than the limit of ${limits.maxTensors}`, { expected: limits.maxTensors, actual: size })
  const empty = new Uint8Array(0)
  let end = 0
  return list(value, 'tensors', (item) => {
    const fields = record(item, TENSOR)
    const dtype = decodeDType(fields.dtype)
    const shape = decodeShape(fields.shape, limits)
    const elements = elementCount(shape)
    const byteLength = tensorBytes(dtype, elements, fields.bytes)
    const offset = at(fields.offset, 'offset', count)
    if (offset !== end) {
      throw new MleError('FORMAT_OFFSET', `offset ${offset}, expected ${end}: tensors follow one another at multiples of 64 bytes, without overlap or holes`, { expected: end, actual: offset })
    }
    end = alignUp(offset + byteLength)
    if (end > limits.maxBytes) throw new MleError('FORMAT_LIMIT', `the weights take more than the limit of ${limits.maxBytes} bytes`, { expected: limits.maxBytes, actual: end })
    return { slot: { dtype, shape, data: empty }, elements, offset, byteLength }
  })
}

export function decodeDType(value: unknown): DType {
  if (isDType(value)) return value
  throw new MleError('FORMAT_DTYPE', `the element type is ${JSON.stringify(value)}, which is none of this format`, { actual: typeof value === 'string' ? value : typeof value })
}

function decodeShape(value: unknown, limits: Limits): number[] {
  const rank = array(value).length
  if (rank > limits.maxRank) throw new MleError('FORMAT_LIMIT', `${rank} dimensions, more than the limit of ${limits.maxRank}`, { expected: limits.maxRank, actual: rank })
  return list(value, 'shape', (dim) => count(dim))
}

/** Zero dimensions do not hide an overflow of the others: strides are products of them. */
function elementCount(shape: readonly number[]): number {
  let product = 1
  let zero = false
  for (const dim of shape) {
    if (dim === 0) zero = true
    else if (product > Number.MAX_SAFE_INTEGER / dim) throw new MleError('FORMAT_SHAPE', `shape [${shape.join(', ')}] holds more than 2^53 elements`)
    else product *= dim
  }
  return zero ? 0 : product
}

function tensorBytes(dtype: DType, elements: number, stored: unknown): number {
  if (dtype === 'string') {
    const byteLength = at(stored, 'bytes', count)
    if (byteLength < 4 || elements > byteLength / 4 - 1) {
      throw new MleError('FORMAT_SHAPE', `a string table of ${byteLength} bytes cannot hold ${elements} strings`, { actual: byteLength })
    }
    return byteLength
  }
  if (stored !== undefined) throw new MleError('FORMAT_KEY', `the key bytes is for string tensors only: the size of ${dtype} follows from the shape`, { actual: 'bytes' })
  const byteLength = elements * bytesPerElement(dtype)
  if (!Number.isSafeInteger(byteLength)) throw new MleError('FORMAT_SHAPE', `${elements} elements of ${dtype} are more than 2^53 bytes`)
  return byteLength
}

/** Length of the decoded weights. */
export function decodedBytes(table: readonly { readonly offset: number; readonly byteLength: number }[]): number {
  const last = table[table.length - 1]
  return last === undefined ? 0 : alignUp(last.offset + last.byteLength)
}

/**
 * Gives the slots their elements: views of `weights`, whose start is a multiple of 8 in its buffer; strings are decoded.
 *
 * @param weightsOffset where the weights start in the file, for messages
 * @throws MleError FORMAT_PADDING, FORMAT_BOOL, FORMAT_STRINGS
 */
export function fillTensors(table: readonly TableEntry[], weights: Uint8Array, weightsOffset: number): void {
  for (let i = 0; i < table.length; i++) {
    const { slot, elements, offset, byteLength } = table[i]
    const end = offset + byteLength
    const stray = firstNonZero(weights, end, alignUp(end))
    if (stray >= 0) {
      throw new MleError('FORMAT_PADDING', `weights: byte ${stray} between tensors is ${weights[stray]}, expected 0`, { section: 'weights', offset: weightsOffset + stray, expected: 0, actual: weights[stray] })
    }
    if (slot.dtype === 'string') slot.data = decodeStringTable(weights.subarray(offset, end), elements, weightsOffset + offset)
    else slot.data = viewData(slot.dtype, weights.buffer, weights.byteOffset + offset, elements)
    if (slot.dtype === 'bool') checkBools(weights, offset, end, weightsOffset)
    const beyond = strayElement(slot.dtype, weights.subarray(offset, end))
    if (beyond >= 0) {
      throw new MleError('FORMAT_ELEMENT', `weights: element ${beyond} of a tensor of ${slot.dtype} is the byte ${weights[offset + beyond]}, which is beyond the dtype`, { section: 'weights', offset: weightsOffset + offset + beyond, actual: weights[offset + beyond] })
    }
  }
}

/** The first element of 4 or 2 bits whose byte holds more; -1 where there is none. */
export function strayElement(dtype: DType, bytes: Uint8Array): number {
  const range = dtype === 'float4e2m1' ? [0, 15] : narrowRange(dtype)
  if (range === undefined) return -1
  const [low, high] = range
  return bytes.findIndex((byte) => {
    const value = low < 0 ? (byte << 24) >> 24 : byte
    return value < low || value > high
  })
}

function checkBools(weights: Uint8Array, start: number, end: number, weightsOffset: number): void {
  for (let i = start; i < end; i++) {
    if (weights[i] > 1) {
      throw new MleError('FORMAT_BOOL', `weights: a bool at byte ${i} is ${weights[i]}, expected 0 or 1`, { section: 'weights', offset: weightsOffset + i, expected: 1, actual: weights[i] })
    }
  }
}

/** A string table: count + 1 u32 offsets, then the UTF-8 text of all strings. */
function decodeStringTable(table: Uint8Array, elements: number, fileOffset: number): string[] {
  const view = viewOf(table)
  const start = 4 * (elements + 1)
  const size = table.length - start
  const fail = (element: number, problem: string): MleError =>
    new MleError('FORMAT_STRINGS', `weights: string table at byte ${fileOffset} of the file: ${problem} at string ${element}`, { section: 'weights', offset: fileOffset + 4 * element })
  if (view.getUint32(0, true) !== 0) throw fail(0, 'the first offset is not 0')
  if (view.getUint32(4 * elements, true) !== size) throw fail(elements, `the last offset is not the length of the text (${size})`)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const out = new Array<string>(elements)
  // One copy that no one can change meanwhile; decoders refuse shared memory as well.
  const content = table.slice(start)
  const ascii = asciiText(content)
  for (let i = 0, from = 0; i < elements; i++) {
    const to = view.getUint32(4 * (i + 1), true)
    if (to < from || to > size) throw fail(i + 1, `offset ${to} is below the one before or beyond the text`)
    try {
      out[i] = ascii === undefined ? decoder.decode(content.subarray(from, to)) : ascii.slice(from, to)
    } catch {
      throw fail(i, 'the text is not UTF-8')
    }
    from = to
  }
  return out
}

/** The text as one string if it is ASCII: cutting that is many times faster than decoding each string. */
function asciiText(content: Uint8Array): string | undefined {
  for (let i = 0; i < content.length; i++) if (content[i] > 127) return undefined
  return new TextDecoder().decode(content)
}
