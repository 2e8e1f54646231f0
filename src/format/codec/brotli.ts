// Brotli decoder (RFC 7932) for the stream of a chunk. Its output's size is known, so that back-references are plain copies and
// nothing is ever written beyond it. Windows have at most 24 bits: the large windows of later encoders are not part of the RFC.
import { dataError } from './bits.ts'
import { brotliContexts } from './brotli-contexts.ts'
import { MIN_WORD, writeWord } from './brotli-words.ts'

/** Thrown when a stream refers to the static dictionary and none was given. */
export class NeedsDictionary extends Error {}

interface Input {
  readonly source: Uint8Array
  /** Next bit. */
  bit: number
  readonly end: number
}

function readBits(input: Input, count: number): number {
  const from = input.bit
  input.bit += count
  if (input.bit > input.end) throw dataError('brotli', 'a stream that ends early')
  if (count > 24) return readBitsAt(input.source, from, 16) + readBitsAt(input.source, from + 16, count - 16) * 65536
  return readBitsAt(input.source, from, count)
}

/** At most 25 bits; those beyond the end are zero. */
function readBitsAt(source: Uint8Array, from: number, count: number): number {
  const byte = from >>> 3
  const word = source[byte] | (source[byte + 1] << 8) | (source[byte + 2] << 16) | (source[byte + 3] << 24)
  return (word >>> (from & 7)) & ((1 << count) - 1)
}

const MAX_CODE_BITS = 15
/** Longer codes are found bit by bit: they are rare, and a stream of many large tables would cost seconds. */
const TABLE_BITS = 9

interface PrefixCode {
  /** By the next bits: symbol * 16 + how many bits it takes; 0 for codes longer than TABLE_BITS. */
  readonly table: Uint32Array
  readonly mask: number
  /** Symbols by length, then by value. */
  readonly sorted: Uint16Array
  readonly counts: Uint16Array
}

/** Canonical codes, read from their first bit on. Lengths must fill the tree. */
function prefixCode(lengths: Uint8Array): PrefixCode {
  const counts = new Uint16Array(MAX_CODE_BITS + 1)
  for (const length of lengths) counts[length]++
  counts[0] = 0
  const places = new Uint16Array(MAX_CODE_BITS + 2)
  for (let length = 1; length <= MAX_CODE_BITS; length++) places[length + 1] = places[length] + counts[length]
  const sorted = new Uint16Array(places[MAX_CODE_BITS + 1])
  for (let symbol = 0; symbol < lengths.length; symbol++) if (lengths[symbol] > 0) sorted[places[lengths[symbol]]++] = symbol
  const table = new Uint32Array(1 << TABLE_BITS)
  for (let length = 1, code = 0, next = 0; length <= TABLE_BITS; length++, code <<= 1) {
    for (let i = 0; i < counts[length]; i++, code++, next++) {
      let reversed = 0
      for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit)
      for (let at = reversed; at < table.length; at += 1 << length) table[at] = sorted[next] * 16 + length
    }
  }
  return { table, mask: table.length - 1, sorted, counts }
}

const single = (symbol: number): PrefixCode => ({ table: Uint32Array.of(symbol * 16), mask: 0, sorted: new Uint16Array(0), counts: new Uint16Array(0) })

function readSymbol(input: Input, code: PrefixCode): number {
  const bits = readBitsAt(input.source, input.bit, MAX_CODE_BITS)
  const entry = code.table[bits & code.mask]
  if (entry === 0 && code.mask > 0) return readLongSymbol(input, code, bits)
  input.bit += entry & 15
  if (input.bit > input.end) throw dataError('brotli', 'a stream that ends early')
  return entry >> 4
}

function readLongSymbol(input: Input, { sorted, counts }: PrefixCode, bits: number): number {
  for (let length = 1, code = 0, first = 0, next = 0; length <= MAX_CODE_BITS; length++) {
    code = code * 2 + ((bits >> (length - 1)) & 1)
    first *= 2
    if (code - first < counts[length]) {
      input.bit += length
      if (input.bit > input.end) throw dataError('brotli', 'a stream that ends early')
      return sorted[next + code - first]
    }
    first += counts[length]
    next += counts[length]
  }
  throw dataError('brotli', 'a code that stands for nothing')
}

const CODE_LENGTH_ORDER = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15]
/** Lengths of code lengths have a fixed code: by four bits, value * 16 + bits. */
const LENGTH_LENGTHS = [0x02, 0x42, 0x32, 0x23, 0x02, 0x42, 0x32, 0x14, 0x02, 0x42, 0x32, 0x23, 0x02, 0x42, 0x32, 0x54]

function readPrefixCode(input: Input, alphabet: number): PrefixCode {
  const skip = readBits(input, 2)
  if (skip === 1) return readSimpleCode(input, alphabet)
  const lengthLengths = new Uint8Array(18)
  let space = 32
  let codes = 0
  for (let i = skip; i < 18 && space > 0; i++) {
    const entry = LENGTH_LENGTHS[readBitsAt(input.source, input.bit, 4)]
    readBits(input, entry & 15)
    const length = entry >> 4
    if (length === 0) continue
    lengthLengths[CODE_LENGTH_ORDER[i]] = length
    space -= 32 >> length
    codes++
  }
  if (space !== 0 && codes !== 1) throw dataError('brotli', 'code lengths that do not fill their tree')
  const lengthCode = codes === 1 ? single(lengthLengths.findIndex((length) => length > 0)) : prefixCode(lengthLengths)
  return readLengths(input, alphabet, lengthCode)
}

function readLengths(input: Input, alphabet: number, lengthCode: PrefixCode): PrefixCode {
  const lengths = new Uint8Array(alphabet)
  let symbol = 0
  let space = 32768
  let previous = 8
  let repeated = -1
  let repeat = 0
  while (symbol < alphabet && space > 0) {
    const length = readSymbol(input, lengthCode)
    if (length < 16) {
      repeat = 0
      lengths[symbol++] = length
      if (length === 0) continue
      previous = length
      space -= 32768 >> length
      continue
    }
    const extra = length - 14
    const value = length === 16 ? previous : 0
    if (repeated !== value) repeat = 0
    repeated = value
    const before = repeat
    if (repeat > 0) repeat = (repeat - 2) << extra
    repeat += readBits(input, extra) + 3
    const more = repeat - before
    if (more > alphabet - symbol) throw dataError('brotli', 'more code lengths than symbols')
    lengths.fill(value, symbol, symbol + more)
    symbol += more
    if (value > 0) space -= more * (32768 >> value)
  }
  if (space !== 0) throw dataError('brotli', 'code lengths that do not fill their tree')
  return prefixCode(lengths)
}

function readSimpleCode(input: Input, alphabet: number): PrefixCode {
  const bits = 32 - Math.clz32(alphabet - 1)
  const count = readBits(input, 2) + 1
  const symbols: number[] = []
  for (let i = 0; i < count; i++) {
    const symbol = readBits(input, bits)
    if (symbol >= alphabet || symbols.includes(symbol)) throw dataError('brotli', 'a simple code of wrong symbols')
    symbols.push(symbol)
  }
  if (count === 1) return single(symbols[0])
  const lengths = new Uint8Array(alphabet)
  const own = count === 2 ? [1, 1] : count === 3 ? [1, 2, 2] : readBits(input, 1) === 1 ? [1, 2, 3, 3] : [2, 2, 2, 2]
  symbols.forEach((symbol, i) => (lengths[symbol] = own[i]))
  return prefixCode(lengths)
}

/** 1 to 256: number of block types or of trees. */
function readCount(input: Input): number {
  if (readBits(input, 1) === 0) return 1
  const bits = readBits(input, 3)
  return (1 << bits) + readBits(input, bits) + 1
}

const BLOCK_LENGTH_BITS = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 7, 8, 9, 10, 11, 12, 13, 24]
const INSERT_BITS = [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 12, 14, 24]
const COPY_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 24]

function bases(bits: readonly number[], first: number): number[] {
  const out: number[] = []
  let base = first
  for (const extra of bits) {
    out.push(base)
    base += 1 << extra
  }
  return out
}

const BLOCK_LENGTH_BASES: readonly number[] = /* @__PURE__ */ bases(BLOCK_LENGTH_BITS, 1)
const INSERT_BASES: readonly number[] = /* @__PURE__ */ bases(INSERT_BITS, 0)
const COPY_BASES: readonly number[] = /* @__PURE__ */ bases(COPY_BITS, 2)
/** Upper digits of the insert and copy codes by the command's cell of 64 (RFC 7932, section 5); the first two cells reuse the last distance. */
const INSERT_CELLS = [0, 0, 0, 0, 8, 8, 0, 16, 8, 16, 16]
const COPY_CELLS = [0, 8, 0, 8, 0, 8, 16, 0, 16, 8, 16]

/** One of the three kinds of blocks that take turns in a meta-block: literals, commands, distances. */
interface Blocks {
  readonly types: number
  readonly typeCode: PrefixCode
  readonly lengthCode: PrefixCode
  type: number
  previous: number
  left: number
}

function readBlocks(input: Input): Blocks {
  const types = readCount(input)
  if (types === 1) return { types, typeCode: single(0), lengthCode: single(0), type: 0, previous: 1, left: Infinity }
  const typeCode = readPrefixCode(input, types + 2)
  const lengthCode = readPrefixCode(input, 26)
  return { types, typeCode, lengthCode, type: 0, previous: 1, left: readBlockLength(input, lengthCode) }
}

function readBlockLength(input: Input, code: PrefixCode): number {
  const symbol = readSymbol(input, code)
  return BLOCK_LENGTH_BASES[symbol] + readBits(input, BLOCK_LENGTH_BITS[symbol])
}

function nextBlock(input: Input, blocks: Blocks): void {
  const code = readSymbol(input, blocks.typeCode)
  const type = code === 0 ? blocks.previous : code === 1 ? (blocks.type + 1) % blocks.types : code - 2
  blocks.previous = blocks.type
  blocks.type = type
  blocks.left = readBlockLength(input, blocks.lengthCode)
}

function readContextMap(input: Input, size: number): { trees: number; map: Uint8Array } {
  const trees = readCount(input)
  const map = new Uint8Array(size)
  if (trees === 1) return { trees, map }
  const maxRun = readBits(input, 1) === 1 ? readBits(input, 4) + 1 : 0
  const code = readPrefixCode(input, trees + maxRun)
  for (let i = 0; i < size; ) {
    const symbol = readSymbol(input, code)
    if (symbol === 0 || symbol > maxRun) {
      map[i++] = symbol === 0 ? 0 : symbol - maxRun
      continue
    }
    const run = (1 << symbol) + readBits(input, symbol)
    if (run > size - i) throw dataError('brotli', 'a context map that is too long')
    i += run
  }
  if (readBits(input, 1) === 1) moveToFront(map)
  return { trees, map }
}

function moveToFront(map: Uint8Array): void {
  const recent = Array.from({ length: 256 }, (_, i) => i)
  for (let i = 0; i < map.length; i++) {
    const [value] = recent.splice(map[i], 1)
    recent.unshift(value)
    map[i] = value
  }
}

function readWindow(input: Input): number {
  if (readBits(input, 1) === 0) return 16
  const high = readBits(input, 3)
  if (high > 0) return 17 + high
  const low = readBits(input, 3)
  if (low === 1) throw dataError('brotli', 'a window of more than 24 bits')
  return low === 0 ? 17 : 8 + low
}

interface MetaBlock {
  readonly last: boolean
  readonly length: number
  readonly kind: 'compressed' | 'plain' | 'metadata'
}

function readMetaBlock(input: Input): MetaBlock {
  const last = readBits(input, 1) === 1
  if (last && readBits(input, 1) === 1) return { last, length: 0, kind: 'metadata' }
  const nibbles = readBits(input, 2) + 4
  if (nibbles === 7) {
    if (last || readBits(input, 1) === 1) throw dataError('brotli', 'a reserved bit that is set')
    const bytes = readBits(input, 2)
    const length = bytes === 0 ? 0 : readBits(input, 8 * bytes) + 1
    if (bytes > 1 && length - 1 < 1 << (8 * (bytes - 1))) throw dataError('brotli', 'a length with needless zeros')
    alignToByte(input)
    return { last, length, kind: 'metadata' }
  }
  const length = readBits(input, 4 * nibbles) + 1
  if (nibbles > 4 && length - 1 < 1 << (4 * (nibbles - 1))) throw dataError('brotli', 'a length with needless zeros')
  if (last || readBits(input, 1) === 0) return { last, length, kind: 'compressed' }
  alignToByte(input)
  return { last, length, kind: 'plain' }
}

function alignToByte(input: Input): void {
  if (readBits(input, -input.bit & 7) !== 0) throw dataError('brotli', 'padding bits that are not zero')
}

interface State {
  readonly input: Input
  readonly out: Uint8Array
  readonly dictionary: Uint8Array | undefined
  readonly windowBytes: number
  /** End of what was decoded so far. */
  to: number
  /** The last four distances, the latest first. */
  readonly recent: [number, number, number, number]
}

/**
 * Decodes the stream of `source` into `out`, filling it exactly.
 *
 * @param dictionary RFC 7932's; without it a stream that refers to it throws NeedsDictionary
 * @throws MleError CODEC_DATA
 */
export function decodeBrotli(source: Uint8Array, out: Uint8Array, dictionary?: Uint8Array): void {
  const input: Input = { source, bit: 0, end: source.length * 8 }
  const windowBytes = (1 << readWindow(input)) - 16
  const state: State = { input, out, dictionary, windowBytes, to: 0, recent: [4, 11, 15, 16] }
  for (let last = false; !last; ) {
    const block = readMetaBlock(input)
    last = block.last
    if (block.kind === 'metadata') {
      input.bit += 8 * block.length
      if (input.bit > input.end) throw dataError('brotli', 'a stream that ends early')
      continue
    }
    if (block.length > out.length - state.to) throw dataError('brotli', `more than ${out.length} bytes`)
    if (block.kind === 'plain') copyPlain(state, block.length)
    else decodeMetaBlock(state, state.to + block.length)
  }
  alignToByte(input)
  if (input.bit !== input.end) throw dataError('brotli', `${(input.end - input.bit) / 8} bytes after the end of its stream`)
  if (state.to !== out.length) throw dataError('brotli', `${state.to} bytes, expected ${out.length}`)
}

function copyPlain(state: State, length: number): void {
  const { input } = state
  const start = input.bit / 8
  input.bit += 8 * length
  if (input.bit > input.end) throw dataError('brotli', 'a stream that ends early')
  state.out.set(input.source.subarray(start, start + length), state.to)
  state.to += length
}

function decodeMetaBlock(state: State, end: number): void {
  const { input, out, recent } = state
  const literals = readBlocks(input)
  const commands = readBlocks(input)
  const distances = readBlocks(input)
  const postfixBits = readBits(input, 2)
  const direct = readBits(input, 4) << postfixBits
  const modes = Uint8Array.from({ length: literals.types }, () => readBits(input, 2))
  const literalMap = readContextMap(input, 64 * literals.types)
  const distanceMap = readContextMap(input, 4 * distances.types)
  const codes = (count: number, alphabet: number): PrefixCode[] => Array.from({ length: count }, () => readPrefixCode(input, alphabet))
  const literalCodes = codes(literalMap.trees, 256)
  const commandCodes = codes(commands.types, 704)
  const distanceCodes = codes(distanceMap.trees, 16 + direct + (48 << postfixBits))
  const contexts = brotliContexts()
  while (state.to < end) {
    if (commands.left === 0) nextBlock(input, commands)
    commands.left--
    const command = readSymbol(input, commandCodes[commands.type])
    const cell = command >> 6
    const insertCode = INSERT_CELLS[cell] + ((command >> 3) & 7)
    const copyCode = COPY_CELLS[cell] + (command & 7)
    const insert = INSERT_BASES[insertCode] + readBits(input, INSERT_BITS[insertCode])
    const copy = COPY_BASES[copyCode] + readBits(input, COPY_BITS[copyCode])
    if (insert > end - state.to) throw dataError('brotli', 'literals beyond the end of their meta-block')
    for (let i = 0; i < insert; i++) {
      if (literals.left === 0) nextBlock(input, literals)
      literals.left--
      const mode = modes[literals.type] * 512
      const first = state.to > 0 ? out[state.to - 1] : 0
      const second = state.to > 1 ? out[state.to - 2] : 0
      const context = contexts[mode + first] | contexts[mode + 256 + second]
      out[state.to++] = readSymbol(input, literalCodes[literalMap.map[64 * literals.type + context]])
    }
    if (state.to === end) return
    let distanceCode = 0
    if (cell >= 2) {
      if (distances.left === 0) nextBlock(input, distances)
      distances.left--
      distanceCode = readSymbol(input, distanceCodes[distanceMap.map[4 * distances.type + Math.min(copy, 5) - 2]])
    }
    const distance = distanceOf(input, recent, distanceCode, postfixBits, direct)
    const reach = Math.min(state.to, state.windowBytes)
    if (distance <= 0) throw dataError('brotli', 'a distance of nothing')
    if (distance > reach) {
      copyWord(state, copy, distance - reach - 1, end)
      continue
    }
    if (distanceCode !== 0) pushDistance(recent, distance)
    if (copy > end - state.to) throw dataError('brotli', 'a copy beyond the end of its meta-block')
    const { to } = state
    if (distance >= copy) out.copyWithin(to, to - distance, to - distance + copy)
    else for (let k = 0; k < copy; k++) out[to + k] = out[to + k - distance]
    state.to += copy
  }
}

function pushDistance(recent: [number, number, number, number], distance: number): void {
  recent[3] = recent[2]
  recent[2] = recent[1]
  recent[1] = recent[0]
  recent[0] = distance
}

/** Changes of the last and the second last distance: RFC 7932, section 4. */
const SMALL_CHANGES = [-1, 1, -2, 2, -3, 3]

function distanceOf(input: Input, recent: readonly number[], code: number, postfixBits: number, direct: number): number {
  if (code < 4) return recent[code]
  if (code < 10) return recent[0] + SMALL_CHANGES[code - 4]
  if (code < 16) return recent[1] + SMALL_CHANGES[code - 10]
  if (code < 16 + direct) return code - 15
  const rest = code - 16 - direct
  const bits = 1 + (rest >> (postfixBits + 1))
  const high = rest >> postfixBits
  const low = rest & ((1 << postfixBits) - 1)
  const offset = (2 + (high & 1)) * (1 << bits) - 4
  return (offset + readBits(input, bits)) * (1 << postfixBits) + low + direct + 1
}

function copyWord(state: State, length: number, id: number, end: number): void {
  if (state.dictionary === undefined) throw new NeedsDictionary()
  if (length < MIN_WORD) throw dataError('brotli', `a word of ${length} bytes`)
  const after = writeWord(state.dictionary, length, id, state.out.subarray(0, end), state.to)
  if (typeof after === 'string') throw dataError('brotli', `a reference to no word of the dictionary (${after})`)
  state.to = after
}

