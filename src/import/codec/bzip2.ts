// bzip2 decoder. Format: blocks of a Burrows-Wheeler transform, move-to-front, run lengths and up to six Huffman tables.
import { checksumError, codecError, createOutput, finishOutput, reserve, unsupportedError, type DecodeOutput } from './output.ts'

const CODEC = 'bzip2'
const MAX_CODE_BITS = 20
const GROUP_SYMBOLS = 50
const MAX_BLOCK_BYTES = 900_000
const RUN_A = 0
const RUN_B = 1

/** Bits from the most significant end, with the position for messages. */
interface BitReader {
  readonly bytes: Uint8Array
  at: number
  buffer: number
  count: number
}

function bits(reader: BitReader, count: number): number {
  while (reader.count < count) {
    if (reader.at >= reader.bytes.length) throw codecError(CODEC, reader.at, 'the file ends inside a block')
    // At most 24 bits are asked for at once, so that 31 are never exceeded.
    reader.buffer = ((reader.buffer & 0xffffff) << 8) | reader.bytes[reader.at++]
    reader.count += 8
  }
  reader.count -= count
  return (reader.buffer >>> reader.count) & (2 ** count - 1)
}

function bits32(reader: BitReader): number {
  return bits(reader, 16) * 65536 + bits(reader, 16)
}

interface HuffmanTable {
  /** Per code length: the highest code, shifted to that length, and what to subtract to get an index into `symbols`. */
  readonly highest: Int32Array
  readonly base: Int32Array
  readonly symbols: Uint16Array
  readonly shortest: number
}

/**
 * Decodes all streams of a file; every checksum is verified.
 *
 * @throws MleError CODEC_DATA, CODEC_CHECKSUM, CODEC_LIMIT, CODEC_UNSUPPORTED (randomised blocks of versions before 0.9.5)
 */
export function decodeBzip2(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const output = createOutput(CODEC, maxBytes, bytes.length * 4)
  const reader: BitReader = { bytes, at: 0, buffer: 0, count: 0 }
  // One block buffer for all streams: a file of a million empty ones must not allocate it a million times.
  const buffer: BlockBuffer = { transform: undefined }
  do decodeStream(reader, buffer, output)
  while (reader.at < bytes.length)
  return finishOutput(output)
}

interface BlockBuffer {
  transform: Uint32Array | undefined
}

function decodeStream(reader: BitReader, buffer: BlockBuffer, output: DecodeOutput): void {
  const start = reader.at
  // 'BZh' and the block size in units of 100,000 bytes.
  if (bits(reader, 24) !== 0x425a68) throw codecError(CODEC, start, 'no bzip2 stream begins here')
  const level = bits(reader, 8) - 0x30
  if (level < 1 || level > 9) throw codecError(CODEC, start + 3, `block size ${level}`)
  let combined = 0
  for (;;) {
    const magic = bits(reader, 24) * 16777216 + bits(reader, 24)
    const crc = bits32(reader)
    if (magic === 0x177245385090) {
      if (crc !== combined >>> 0) throw checksumError(CODEC, reader.at, 'the stream')
      // Streams end on a byte.
      reader.count = 0
      return
    }
    if (magic !== 0x314159265359) throw codecError(CODEC, reader.at, 'no block begins here')
    const from = output.length
    buffer.transform ??= new Uint32Array(MAX_BLOCK_BYTES)
    decodeBlock(reader, buffer.transform.subarray(0, level * 100_000), output)
    if (crcOf(output.bytes, from, output.length) !== crc) throw checksumError(CODEC, reader.at, 'a block')
    combined = ((combined << 1) | (combined >>> 31)) ^ crc
  }
}

function decodeBlock(reader: BitReader, transform: Uint32Array, output: DecodeOutput): void {
  if (bits(reader, 1) !== 0) throw unsupportedError(CODEC, reader.at, 'a randomised block')
  const origin = bits(reader, 24)
  const used = usedBytes(reader)
  const symbolCount = used.length + 2
  const groups = bits(reader, 3)
  if (groups < 2 || groups > 6) throw codecError(CODEC, reader.at, `${groups} Huffman tables`)
  const selectors = readSelectors(reader, groups)
  const tables = Array.from({ length: groups }, () => readTable(reader, symbolCount))
  const length = readSymbols(reader, tables, selectors, used, transform)
  if (origin >= length) throw codecError(CODEC, reader.at, `origin ${origin} in a block of ${length} bytes`)
  invertTransform(transform, length)
  writeRuns(transform, length, origin, output)
}

/** The bytes that occur in the block, in order: 16 bits say which sixteens, then 16 bits for each. */
function usedBytes(reader: BitReader): Uint8Array {
  const sixteens = bits(reader, 16)
  const out: number[] = []
  for (let high = 0; high < 16; high++) {
    if (((sixteens >>> (15 - high)) & 1) === 0) continue
    const present = bits(reader, 16)
    for (let low = 0; low < 16; low++) if (((present >>> (15 - low)) & 1) === 1) out.push(high * 16 + low)
  }
  if (out.length === 0) throw codecError(CODEC, reader.at, 'a block without bytes')
  return Uint8Array.from(out)
}

function readSelectors(reader: BitReader, groups: number): Uint8Array {
  const count = bits(reader, 15)
  if (count === 0) throw codecError(CODEC, reader.at, 'no selectors')
  const order = Array.from({ length: groups }, (_, i) => i)
  const out = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    let index = 0
    while (bits(reader, 1) === 1) if (++index >= groups) throw codecError(CODEC, reader.at, 'a selector past the tables')
    const [chosen] = order.splice(index, 1)
    order.unshift(chosen)
    out[i] = chosen
  }
  return out
}

function readTable(reader: BitReader, symbolCount: number): HuffmanTable {
  const lengths = new Uint8Array(symbolCount)
  let length = bits(reader, 5)
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_BITS) throw codecError(CODEC, reader.at, `a code of ${length} bits`)
      if (bits(reader, 1) === 0) break
      length += bits(reader, 1) === 0 ? 1 : -1
    }
    lengths[symbol] = length
  }
  const counts = new Int32Array(MAX_CODE_BITS + 2)
  for (const one of lengths) counts[one]++
  const symbols = new Uint16Array(symbolCount)
  const highest = new Int32Array(MAX_CODE_BITS + 2).fill(-1)
  const base = new Int32Array(MAX_CODE_BITS + 2)
  let code = 0
  let index = 0
  let shortest = 0
  for (let bitCount = 1; bitCount <= MAX_CODE_BITS; bitCount++) {
    base[bitCount] = code - index
    if (counts[bitCount] > 0) {
      if (shortest === 0) shortest = bitCount
      for (let symbol = 0; symbol < symbolCount; symbol++) if (lengths[symbol] === bitCount) symbols[index++] = symbol
      code += counts[bitCount]
      if (code > 2 ** bitCount) throw codecError(CODEC, reader.at, 'more codes than their lengths allow')
      highest[bitCount] = code - 1
    }
    code *= 2
  }
  return { highest, base, symbols, shortest }
}

/** Huffman codes, zero runs and move-to-front into `transform`; returns the number of bytes. */
function readSymbols(reader: BitReader, tables: readonly HuffmanTable[], selectors: Uint8Array, used: Uint8Array, transform: Uint32Array): number {
  const front = used.slice()
  const endSymbol = used.length + 1
  let length = 0
  let run = 0
  let runBit = 1
  for (let group = 0; ; group++) {
    if (group >= selectors.length) throw codecError(CODEC, reader.at, 'the block runs past its selectors')
    const table = tables[selectors[group]]
    for (let i = 0; i < GROUP_SYMBOLS; i++) {
      const symbol = readSymbol(reader, table)
      if (symbol === RUN_A || symbol === RUN_B) {
        run += symbol === RUN_A ? runBit : 2 * runBit
        runBit *= 2
        if (run > transform.length - length) throw codecError(CODEC, reader.at, `a block of more than ${transform.length} bytes`)
        continue
      }
      if (run > 0) {
        transform.fill(front[0], length, length + run)
        length += run
        run = 0
        runBit = 1
      }
      if (symbol === endSymbol) return length
      if (length >= transform.length) throw codecError(CODEC, reader.at, `a block of more than ${transform.length} bytes`)
      const index = symbol - 1
      const byte = front[index]
      front.copyWithin(1, 0, index)
      front[0] = byte
      transform[length++] = byte
    }
  }
}

function readSymbol(reader: BitReader, table: HuffmanTable): number {
  let bitCount = table.shortest
  let code = bits(reader, bitCount)
  while (code > table.highest[bitCount]) {
    if (++bitCount > MAX_CODE_BITS) throw codecError(CODEC, reader.at, 'a code that no table has')
    code = code * 2 + bits(reader, 1)
  }
  return table.symbols[code - table.base[bitCount]]
}

/** Puts above each byte (low 8 bits) the position of the one that follows it in the text. */
function invertTransform(transform: Uint32Array, length: number): void {
  const starts = new Uint32Array(256)
  for (let i = 0; i < length; i++) starts[transform[i] & 255]++
  let sum = 0
  for (let byte = 0; byte < 256; byte++) {
    const count = starts[byte]
    starts[byte] = sum
    sum += count
  }
  // Positions stay below 900,000 and fit the upper 24 bits.
  for (let i = 0; i < length; i++) transform[starts[transform[i] & 255]++] |= i << 8
}

/** Follows the chain and expands runs: four equal bytes are followed by how many more there are. */
function writeRuns(transform: Uint32Array, length: number, origin: number, output: DecodeOutput): void {
  let buffer = output.bytes
  let to = output.length
  let position = transform[origin] >>> 8
  let previous = -1
  let repeats = 0
  for (let i = 0; i < length; i++) {
    const entry = transform[position]
    const byte = entry & 255
    position = entry >>> 8
    const count = repeats === 4 ? byte : 1
    if (to + count > buffer.length) {
      output.length = to
      reserve(output, count)
      buffer = output.bytes
    }
    if (repeats === 4) {
      buffer.fill(previous, to, to + byte)
      to += byte
      repeats = 0
      previous = -1
      continue
    }
    repeats = byte === previous ? repeats + 1 : 1
    previous = byte
    buffer[to++] = byte
  }
  output.length = to
}

let crcTable: Int32Array | undefined

/** CRC-32 with the most significant bit first, which only bzip2 uses. */
function crcOf(bytes: Uint8Array, start: number, end: number): number {
  crcTable ??= makeCrcTable()
  const table = crcTable
  let crc = -1
  for (let i = start; i < end; i++) crc = (crc << 8) ^ table[(crc >>> 24) ^ bytes[i]]
  return ~crc >>> 0
}

function makeCrcTable(): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
    return crc
  })
}
