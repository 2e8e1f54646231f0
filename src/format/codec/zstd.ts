// Zstandard decoder (RFC 8878) for the one frame of a chunk. Its output's size is known, so that back-references are plain copies
// and nothing is ever written beyond it.
import { viewOf } from '../bytes.ts'
import { backwardBits, dataError, type BackwardBits } from './bits.ts'
import { xxh64Low } from './xxh64.ts'
import { fseTable, readFseTable, readHuffmanTable, rleTable, type FseTable, type HuffmanTable } from './zstd-tables.ts'

/** 'Every decoder should support 8 MB' (RFC 8878, section 3.1.1.1.2); a larger window is refused. */
const MAX_WINDOW_BYTES = 8388608
const MAX_BLOCK_BYTES = 131072

interface Frame {
  readonly firstBlock: number
  readonly blockBytes: number
  readonly hasChecksum: boolean
}

/**
 * Checks a frame's header and walks its blocks without decoding: one frame, no dictionary, a window within the limit, and not a byte
 * more or less than `source`.
 *
 * @param rawBytes what the frame must hold
 * @throws MleError CODEC_DATA
 */
export function checkZstdFrame(source: Uint8Array, rawBytes: number): Frame {
  const frame = readHeader(source, rawBytes)
  const end = zstdFrameBytes(source, rawBytes)
  if (end !== source.length) throw dataError('zstd', `${source.length - end} bytes after the end of its frame`)
  return frame
}

/** Where the first frame of `source` ends. Throws CODEC_DATA. */
export function zstdFrameBytes(source: Uint8Array, rawBytes: number): number {
  const frame = readHeader(source, rawBytes)
  const end = source.length - (frame.hasChecksum ? 4 : 0)
  let at = frame.firstBlock
  for (let last = false; !last; ) {
    if (end - at < 3) throw dataError('zstd', 'a frame that ends early')
    const header = source[at] | (source[at + 1] << 8) | (source[at + 2] << 16)
    last = (header & 1) === 1
    const type = (header >> 1) & 3
    const size = header >> 3
    if (type === 3) throw dataError('zstd', 'a block of the reserved type')
    if (size > frame.blockBytes) throw dataError('zstd', `a block of ${size} bytes, at most ${frame.blockBytes} are allowed`)
    at += 3 + (type === 1 ? 1 : size)
    if (at > end) throw dataError('zstd', 'a frame that ends early')
  }
  return at + (frame.hasChecksum ? 4 : 0)
}

function readHeader(source: Uint8Array, rawBytes: number): Frame {
  const view = viewOf(source)
  if (source.length < 6 || view.getUint32(0, true) !== 0xfd2fb528) throw dataError('zstd', 'no frame: the magic number is missing')
  const descriptor = source[4]
  const single = (descriptor & 0x20) !== 0
  if ((descriptor & 8) !== 0) throw dataError('zstd', 'a reserved bit that is set')
  if ((descriptor & 3) !== 0) throw dataError('zstd', 'a frame that needs a dictionary')
  let at = 5
  let windowBytes = 0
  if (!single) {
    const exponent = source[at] >> 3
    const base = exponent > 20 ? Infinity : 1024 * (1 << exponent)
    windowBytes = base + (base / 8) * (source[at] & 7)
    at++
  }
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]
  if (at + sizeBytes > source.length) throw dataError('zstd', 'a header that ends early')
  if (sizeBytes > 0) {
    const high = sizeBytes === 8 ? view.getUint32(at + 4, true) : 0
    const size = (sizeBytes === 1 ? source[at] : sizeBytes === 2 ? view.getUint16(at, true) + 256 : view.getUint32(at, true)) + high * 4294967296
    if (size !== rawBytes) throw dataError('zstd', `${size} bytes, expected ${rawBytes}`)
    if (single) windowBytes = size
  }
  if (windowBytes > MAX_WINDOW_BYTES) throw dataError('zstd', `a window of ${windowBytes} bytes, at most ${MAX_WINDOW_BYTES} are allowed`)
  return { firstBlock: at + sizeBytes, blockBytes: Math.min(windowBytes, MAX_BLOCK_BYTES), hasChecksum: (descriptor & 4) !== 0 }
}

interface State {
  readonly source: Uint8Array
  readonly out: Uint8Array
  readonly blockBytes: number
  /** End of what was decoded so far. */
  to: number
  huffman: HuffmanTable | undefined
  /** Tables of literal lengths, offsets and match lengths that a block may repeat. */
  readonly tables: (FseTable | undefined)[]
  readonly offsets: [number, number, number]
  readonly literals: Uint8Array
}

/**
 * Decodes the one frame of `source` into `out`, filling it exactly.
 *
 * @throws MleError CODEC_DATA
 */
export function decodeZstd(source: Uint8Array, out: Uint8Array): void {
  const { firstBlock, blockBytes, hasChecksum } = checkZstdFrame(source, out.length)
  const state: State = { source, out, blockBytes, to: 0, huffman: undefined, tables: [undefined, undefined, undefined], offsets: [1, 4, 8], literals: new Uint8Array(blockBytes) }
  let at = firstBlock
  for (let last = false; !last; ) {
    const header = source[at] | (source[at + 1] << 8) | (source[at + 2] << 16)
    last = (header & 1) === 1
    const type = (header >> 1) & 3
    const size = header >> 3
    at += 3
    if (type !== 2 && size > out.length - state.to) throw dataError('zstd', `more than ${out.length} bytes`)
    if (type === 0) out.set(source.subarray(at, at + size), state.to)
    else if (type === 1) out.fill(source[at], state.to, state.to + size)
    else decodeBlock(state, at, at + size)
    if (type !== 2) state.to += size
    at += type === 1 ? 1 : size
  }
  if (state.to !== out.length) throw dataError('zstd', `${state.to} bytes, expected ${out.length}`)
  if (hasChecksum && viewOf(source).getUint32(at, true) !== xxh64Low(out)) throw dataError('zstd', 'content that does not have its checksum')
}

function decodeBlock(state: State, start: number, end: number): void {
  const { at, count } = decodeLiterals(state, start, end)
  decodeSequences(state, at, end, count)
}

/** Fills `state.literals`. */
function decodeLiterals(state: State, start: number, end: number): { at: number; count: number } {
  const { source, literals, blockBytes } = state
  if (start >= end) throw dataError('zstd', 'an empty block')
  const type = source[start] & 3
  const format = (source[start] >> 2) & 3
  const headBytes = type < 2 ? [1, 2, 1, 3][format] : [3, 3, 4, 5][format]
  if (headBytes > end - start) throw dataError('zstd', 'literals that run past their block')
  let head = 0
  for (let i = headBytes - 1; i >= 0; i--) head = head * 256 + source[start + i]
  let at = start + headBytes
  if (type < 2) {
    const count = Math.floor(head / (format % 2 === 0 ? 8 : 16))
    const stored = type === 1 ? 1 : count
    if (count > blockBytes || stored > end - at) throw dataError('zstd', 'literals that run past their block')
    if (type === 1) literals.fill(source[at], 0, count)
    else literals.set(source.subarray(at, at + count))
    return { at: at + stored, count }
  }
  const width = [10, 10, 14, 18][format]
  const count = Math.floor(head / 16) % (1 << width)
  const stored = Math.floor(head / (1 << (4 + width)))
  if (count > blockBytes || stored > end - at) throw dataError('zstd', 'literals that run past their block')
  const literalsEnd = at + stored
  if (type === 2) {
    const read = readHuffmanTable(source, at, literalsEnd, (from, to) => backwardBits(source, from, to))
    state.huffman = read.table
    at = read.end
  }
  if (state.huffman === undefined) throw dataError('zstd', 'literals without a Huffman tree')
  if (format === 0) decodeHuffman(state.huffman, backwardBits(source, at, literalsEnd), literals, 0, count)
  else decodeFourStreams(state.huffman, source, at, literalsEnd, literals, count)
  return { at: literalsEnd, count }
}

function decodeFourStreams(table: HuffmanTable, source: Uint8Array, start: number, end: number, literals: Uint8Array, count: number): void {
  const quarter = (count + 3) >> 2
  if (end - start < 6 || 3 * quarter > count) throw dataError('zstd', 'four streams that do not fit their literals')
  let from = start + 6
  for (let i = 0; i < 4; i++) {
    const to = i === 3 ? end : from + source[start + 2 * i] + source[start + 2 * i + 1] * 256
    if (to > end) throw dataError('zstd', 'a stream of literals that runs past its block')
    decodeHuffman(table, backwardBits(source, from, to), literals, i * quarter, i === 3 ? count : (i + 1) * quarter)
    from = to
  }
}

function decodeHuffman({ log, symbols, bits }: HuffmanTable, stream: BackwardBits, literals: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const code = stream.peek(log)
    literals[i] = symbols[code]
    stream.take(bits[code])
  }
  if (stream.left() !== 0) throw dataError('zstd', 'a stream of literals with bits left over')
}

const LITERAL_LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
const MATCH_LENGTH_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]

/** Each code stands for as many lengths as its extra bits can tell. */
function lengthBases(bits: readonly number[], first: number): number[] {
  const bases: number[] = []
  let base = first
  for (const extra of bits) {
    bases.push(base)
    base += 1 << extra
  }
  return bases
}

interface Codes {
  readonly maxLog: number
  readonly maxSymbol: number
  readonly usual: readonly number[]
  readonly usualLog: number
}

/** Literal lengths, offsets, match lengths: limits of their tables, and the usual counts. */
const CODES: readonly Codes[] = [
  { maxLog: 9, maxSymbol: 35, usualLog: 6, usual: [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1] },
  { maxLog: 8, maxSymbol: 31, usualLog: 5, usual: [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1] },
  {
    maxLog: 9, maxSymbol: 52, usualLog: 6,
    usual: [1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1],
  },
]

/** No offset of more bits can lie within the window. */
const MAX_OFFSET_CODE = 24

function decodeSequences(state: State, start: number, end: number, literalCount: number): void {
  const { source, out, tables, literals } = state
  const blockEnd = Math.min(out.length, state.to + state.blockBytes)
  if (start >= end) throw dataError('zstd', 'a block without its sequences')
  let at = start + 1
  let count = source[start]
  if (count >= 128) {
    if (end - at < (count === 255 ? 2 : 1)) throw dataError('zstd', 'sequences that run past their block')
    count = count === 255 ? source[at] + source[at + 1] * 256 + 0x7f00 : (count - 128) * 256 + source[at]
    at += source[start] === 255 ? 2 : 1
  }
  let taken = 0
  if (count > 0) {
    at = readTables(state, at, end)
    const [lengths, offsets, matches] = tables as FseTable[]
    const bits = backwardBits(source, at, end)
    let lengthState = bits.read(lengths.log)
    let offsetState = bits.read(offsets.log)
    let matchState = bits.read(matches.log)
    const literalBases = lengthBases(LITERAL_LENGTH_BITS, 0)
    const matchBases = lengthBases(MATCH_LENGTH_BITS, 3)
    for (let i = 0; i < count; i++) {
      const offsetCode = offsets.symbols[offsetState]
      if (offsetCode > MAX_OFFSET_CODE) throw dataError('zstd', 'an offset beyond the largest window')
      const offsetValue = (1 << offsetCode) + bits.read(offsetCode)
      const matchCode = matches.symbols[matchState]
      const match = matchBases[matchCode] + bits.read(MATCH_LENGTH_BITS[matchCode])
      const lengthCode = lengths.symbols[lengthState]
      const length = literalBases[lengthCode] + bits.read(LITERAL_LENGTH_BITS[lengthCode])
      if (i < count - 1) {
        lengthState = lengths.next[lengthState] + bits.read(lengths.bits[lengthState])
        matchState = matches.next[matchState] + bits.read(matches.bits[matchState])
        offsetState = offsets.next[offsetState] + bits.read(offsets.bits[offsetState])
      }
      if (length > literalCount - taken) throw dataError('zstd', 'a sequence of more literals than there are')
      if (length + match > blockEnd - state.to) throw dataError('zstd', 'a block of more bytes than it may hold')
      for (let k = 0; k < length; k++) out[state.to++] = literals[taken++]
      copyMatch(state, distanceOf(state.offsets, offsetValue, length), match)
    }
    if (bits.left() !== 0) throw dataError('zstd', 'sequences with bits left over')
  } else if (at !== end) throw dataError('zstd', 'bytes after the sequences of a block')
  const rest = literalCount - taken
  if (rest > blockEnd - state.to) throw dataError('zstd', 'a block of more bytes than it may hold')
  out.set(literals.subarray(taken, literalCount), state.to)
  state.to += rest
}

function readTables(state: State, start: number, end: number): number {
  const { source, tables } = state
  if (start >= end) throw dataError('zstd', 'sequences that run past their block')
  const modes = source[start]
  if ((modes & 3) !== 0) throw dataError('zstd', 'a reserved bit that is set')
  let at = start + 1
  CODES.forEach(({ maxLog, maxSymbol, usual, usualLog }, i) => {
    const mode = (modes >> (6 - 2 * i)) & 3
    if (mode === 0) tables[i] = fseTable(usual, usualLog)
    else if (mode === 1) {
      if (at >= end || source[at] > maxSymbol) throw dataError('zstd', 'a table of an unknown symbol')
      tables[i] = rleTable(source[at++])
    } else if (mode === 2) {
      const read = readFseTable(source, at, end, maxLog, maxSymbol)
      tables[i] = read.table
      at = read.end
    } else if (tables[i] === undefined) throw dataError('zstd', 'a repeated table, but none before it')
  })
  return at
}

/** The three last distances have short codes; with no literals before the match they mean the next ones (section 3.1.1.5). */
function distanceOf(recent: [number, number, number], value: number, literals: number): number {
  if (value > 3) {
    recent[2] = recent[1]
    recent[1] = recent[0]
    return (recent[0] = value - 3)
  }
  const index = value - (literals === 0 ? 0 : 1)
  if (index === 0) return recent[0]
  const distance = index === 3 ? recent[0] - 1 : recent[index]
  if (index > 1) recent[2] = recent[1]
  recent[1] = recent[0]
  return (recent[0] = distance)
}

function copyMatch(state: State, distance: number, length: number): void {
  const { out, to } = state
  if (distance < 1 || distance > to) throw dataError('zstd', `a distance of ${distance} that reaches before the data`)
  if (distance >= length) out.copyWithin(to, to - distance, to - distance + length)
  else for (let k = 0; k < length; k++) out[to + k] = out[to + k - distance]
  state.to += length
}
