// Entropy tables of Zstandard: finite-state (FSE) and Huffman, RFC 8878 sections 4.1 and 4.2.
import { dataError, forwardBits, type BackwardBits } from './bits.ts'

/** States of an FSE decoder: what each gives, and where it goes next. */
export interface FseTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly next: Uint16Array
}

/** A table from counts that sum up to 2^log; -1 stands for "less than one". */
export function fseTable(counts: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log
  const symbols = new Uint8Array(size)
  const upcoming = new Uint16Array(counts.length)
  let high = size
  for (let symbol = 0; symbol < counts.length; symbol++) {
    if (counts[symbol] === -1) {
      symbols[--high] = symbol
      upcoming[symbol] = 1
    } else upcoming[symbol] = counts[symbol]
  }
  const step = (size >> 1) + (size >> 3) + 3
  let position = 0
  for (let symbol = 0; symbol < counts.length; symbol++) {
    for (let i = 0; i < counts[symbol]; i++) {
      symbols[position] = symbol
      do position = (position + step) & (size - 1)
      while (position >= high)
    }
  }
  const bits = new Uint8Array(size)
  const next = new Uint16Array(size)
  for (let state = 0; state < size; state++) {
    const x = upcoming[symbols[state]]++
    bits[state] = log - (31 - Math.clz32(x))
    next[state] = (x << bits[state]) - size
  }
  return { log, symbols, bits, next }
}

/** A table of one symbol that takes no bits. */
export function rleTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), next: new Uint16Array(1) }
}

/**
 * Reads a table's description.
 *
 * @returns the table and where its description ends
 */
export function readFseTable(source: Uint8Array, start: number, end: number, maxLog: number, maxSymbol: number): { table: FseTable; end: number } {
  const bits = forwardBits(source, start, end)
  const log = bits.read(4) + 5
  if (log > maxLog) throw dataError('zstd', `an accuracy of ${log} bits, at most ${maxLog} are allowed`)
  let remaining = 1 << log
  const counts: number[] = []
  while (remaining > 0) {
    if (counts.length > maxSymbol) throw dataError('zstd', 'a table of too many symbols')
    const width = 32 - Math.clz32(remaining + 1)
    const low = (1 << (width - 1)) - 1
    const threshold = (1 << width) - 2 - remaining
    let value = bits.read(width - 1)
    if ((value & low) >= threshold) {
      value |= bits.read(1) << (width - 1)
      if (value > low) value -= threshold
    }
    const count = value - 1
    remaining -= Math.abs(count)
    if (remaining < 0) throw dataError('zstd', 'counts that do not fit their table')
    counts.push(count)
    if (count !== 0) continue
    for (let repeat = 3; repeat === 3; ) {
      repeat = bits.read(2)
      for (let i = 0; i < repeat; i++) counts.push(0)
    }
  }
  if (counts.length > maxSymbol + 1) throw dataError('zstd', 'a table of too many symbols')
  return { table: fseTable(counts, log), end: bits.end() }
}

/** By the next `log` bits: the symbol and how many of them it takes. */
export interface HuffmanTable {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
}

const MAX_HUFFMAN_LOG = 11
const MAX_WEIGHT_LOG = 6

/** Reads the description of a Huffman tree. */
export function readHuffmanTable(source: Uint8Array, start: number, end: number, backward: (start: number, end: number) => BackwardBits): { table: HuffmanTable; end: number } {
  if (start >= end) throw dataError('zstd', 'a block without its Huffman tree')
  const head = source[start]
  const weights: number[] = []
  let at = start + 1
  if (head >= 128) {
    const count = head - 127
    const bytes = (count + 1) >> 1
    if (bytes > end - at) throw dataError('zstd', 'a Huffman tree runs past its block')
    for (let i = 0; i < count; i++) weights.push(i % 2 === 0 ? source[at + (i >> 1)] >> 4 : source[at + (i >> 1)] & 15)
    at += bytes
  } else {
    if (head === 0 || head > end - at) throw dataError('zstd', 'a Huffman tree runs past its block')
    const { table, end: tableEnd } = readFseTable(source, at, at + head, MAX_WEIGHT_LOG, MAX_HUFFMAN_LOG + 1)
    readWeights(backward(tableEnd, at + head), table, weights)
    at += head
  }
  return { table: huffmanTable(weights), end: at }
}

/** Two states take turns until the bits are used up. */
function readWeights(bits: BackwardBits, table: FseTable, weights: number[]): void {
  const states = [bits.read(table.log), bits.read(table.log)]
  for (let turn = 0; ; turn ^= 1) {
    if (weights.length > 253) throw dataError('zstd', 'a Huffman tree of too many symbols')
    const state = states[turn]
    weights.push(table.symbols[state])
    if (table.bits[state] > bits.left()) {
      weights.push(table.symbols[states[turn ^ 1]])
      return
    }
    states[turn] = table.next[state] + bits.read(table.bits[state])
  }
}

/** The last weight is not written: it fills the tree up. */
function huffmanTable(weights: number[]): HuffmanTable {
  let sum = 0
  for (const weight of weights) {
    if (weight > MAX_HUFFMAN_LOG) throw dataError('zstd', `a Huffman weight of ${weight}`)
    if (weight > 0) sum += 1 << (weight - 1)
  }
  if (sum === 0) throw dataError('zstd', 'a Huffman tree without symbols')
  const log = 32 - Math.clz32(sum)
  if (log > MAX_HUFFMAN_LOG) throw dataError('zstd', `Huffman codes of ${log} bits`)
  const left = (1 << log) - sum
  if ((left & (left - 1)) !== 0) throw dataError('zstd', 'a Huffman tree that is not complete')
  weights.push(32 - Math.clz32(left))
  const symbols = new Uint8Array(1 << log)
  const bits = new Uint8Array(1 << log)
  let at = 0
  for (let weight = 1; weight <= log; weight++) {
    for (let symbol = 0; symbol < weights.length; symbol++) {
      if (weights[symbol] !== weight) continue
      const span = 1 << (weight - 1)
      symbols.fill(symbol, at, at + span)
      bits.fill(log + 1 - weight, at, at + span)
      at += span
    }
  }
  if (at !== 1 << log) throw dataError('zstd', 'a Huffman tree that is not complete')
  return { log, symbols, bits }
}
