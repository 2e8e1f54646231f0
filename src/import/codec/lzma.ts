// LZMA decoder, for .lzma files and for the chunks of LZMA2 in .xz. Format: the specification in the LZMA SDK.
import { codecError, createOutput, finishOutput, reserve, unsupportedError, type DecodeOutput } from './output.ts'

const STATES = 12
const PROBABILITY_HALF = 1024
const MIN_MATCH = 2
/** Distances from 4 on use position slots; from this slot on their low bits are coded with fixed probabilities. */
const FIRST_DIRECT_SLOT = 14

// Places in the table of probabilities.
const IS_MATCH = 0
const IS_REP = IS_MATCH + (STATES << 4)
const IS_REP_G0 = IS_REP + STATES
const IS_REP_G1 = IS_REP_G0 + STATES
const IS_REP_G2 = IS_REP_G1 + STATES
const IS_REP0_LONG = IS_REP_G2 + STATES
const POS_SLOT = IS_REP0_LONG + (STATES << 4)
const POS_SPECIAL = POS_SLOT + 4 * 64
const ALIGN = POS_SPECIAL + 128
const MATCH_LENGTH = ALIGN + 16
const LENGTH_CHOICE2 = 1
const LENGTH_LOW = 2
const LENGTH_MIDDLE = LENGTH_LOW + 16 * 8
const LENGTH_HIGH = LENGTH_MIDDLE + 16 * 8
const LENGTH_SIZE = LENGTH_HIGH + 256
const REP_LENGTH = MATCH_LENGTH + LENGTH_SIZE
const LITERAL = REP_LENGTH + LENGTH_SIZE

export interface LzmaState {
  readonly codec: string
  literalContextBits: number
  literalPositionMask: number
  positionMask: number
  probabilities: Uint16Array
  state: number
  rep0: number
  rep1: number
  rep2: number
  rep3: number
}

export function createLzmaState(codec: string): LzmaState {
  return { codec, literalContextBits: 0, literalPositionMask: 0, positionMask: 0, probabilities: new Uint16Array(0), state: 0, rep0: 0, rep1: 0, rep2: 0, rep3: 0 }
}

/** Sets lc, lp and pb from their packed byte (pb * 45 + lp * 9 + lc) and resets the state. */
export function setLzmaProperties(lzma: LzmaState, byte: number, offset: number): void {
  if (byte >= 225) throw codecError(lzma.codec, offset, `properties byte ${byte}`)
  const lc = byte % 9
  const lp = Math.floor(byte / 9) % 5
  const pb = Math.floor(byte / 45)
  // liblzma has the same bound; it keeps the table of literals at 12,288 entries.
  if (lc + lp > 4) throw unsupportedError(lzma.codec, offset, `lc ${lc} with lp ${lp}`)
  lzma.literalContextBits = lc
  lzma.literalPositionMask = (1 << lp) - 1
  lzma.positionMask = (1 << pb) - 1
  lzma.probabilities = new Uint16Array(LITERAL + (0x300 << (lc + lp)))
  resetLzmaState(lzma)
}

export function resetLzmaState(lzma: LzmaState): void {
  lzma.probabilities.fill(PROBABILITY_HALF)
  lzma.state = 0
  lzma.rep0 = lzma.rep1 = lzma.rep2 = lzma.rep3 = 0
}

/**
 * Decodes one range-coded run of `source[start, end)` until the output has `target` bytes or an end marker comes.
 *
 * @param target length of the output to reach; Infinity when only the end marker ends the data
 * @param windowStart where the dictionary begins in the output
 * @returns position after the last byte that was read
 */
export function decodeLzma(lzma: LzmaState, source: Uint8Array, start: number, end: number, output: DecodeOutput, target: number, windowStart: number, dictionaryBytes: number): number {
  const { codec, probabilities, literalContextBits, literalPositionMask, positionMask } = lzma
  let { state, rep0, rep1, rep2, rep3 } = lzma
  let at = start
  let buffer = output.bytes
  let to = output.length
  if (end - at < 5) throw codecError(codec, at, 'the data ends inside its first bytes')
  if (source[at] !== 0) throw codecError(codec, at, 'the first byte is not zero')
  let range = 0xffffffff
  let value = (((source[at + 1] << 24) | (source[at + 2] << 16) | (source[at + 3] << 8) | source[at + 4]) >>> 0)
  at += 5

  const normalize = (): void => {
    if (at >= end) throw codecError(codec, at, 'the data ends too early')
    range = (range << 8) >>> 0
    value = ((value << 8) | source[at++]) >>> 0
  }
  const bit = (index: number): number => {
    if (range < 0x1000000) normalize()
    const probability = probabilities[index]
    const bound = Math.imul(range >>> 11, probability) >>> 0
    if (value < bound) {
      range = bound
      probabilities[index] = probability + ((2048 - probability) >>> 5)
      return 0
    }
    range -= bound
    value -= bound
    probabilities[index] = probability - (probability >>> 5)
    return 1
  }
  const directBits = (count: number): number => {
    let out = 0
    for (let i = 0; i < count; i++) {
      if (range < 0x1000000) normalize()
      range >>>= 1
      const one = value >= range ? 1 : 0
      if (one === 1) value -= range
      out = out * 2 + one
    }
    return out
  }
  const tree = (base: number, bitCount: number): number => {
    let node = 1
    for (let i = 0; i < bitCount; i++) node = (node << 1) | bit(base + node)
    return node - (1 << bitCount)
  }
  const reverseTree = (base: number, bitCount: number): number => {
    let node = 1
    let out = 0
    for (let i = 0; i < bitCount; i++) {
      const one = bit(base + node)
      node = (node << 1) | one
      out |= one << i
    }
    return out
  }
  const length = (base: number, position: number): number => {
    if (bit(base) === 0) return tree(base + LENGTH_LOW + (position << 3), 3)
    if (bit(base + LENGTH_CHOICE2) === 0) return 8 + tree(base + LENGTH_MIDDLE + (position << 3), 3)
    return 16 + tree(base + LENGTH_HIGH, 8)
  }
  const room = (count: number): void => {
    output.length = to
    reserve(output, count)
    buffer = output.bytes
  }
  const finish = (): number => {
    // What the encoder flushed may include a byte that only normalisation reads.
    if (range < 0x1000000 && at < end) normalize()
    Object.assign(lzma, { state, rep0, rep1, rep2, rep3 })
    output.length = to
    if (value !== 0) throw codecError(codec, at, 'the range coder does not end at zero')
    return at
  }

  for (;;) {
    if (to >= target) return finish()
    const position = (to - windowStart) & positionMask
    if (bit(IS_MATCH + (state << 4) + position) === 0) {
      const before = to > windowStart ? buffer[to - 1] : 0
      const context = (((to - windowStart) & literalPositionMask) << literalContextBits) + (before >>> (8 - literalContextBits))
      const base = LITERAL + 0x300 * context
      let symbol = 1
      if (state >= 7) {
        let matchByte = buffer[to - rep0 - 1]
        do {
          const matchBit = (matchByte >>> 7) & 1
          matchByte <<= 1
          const one = bit(base + ((1 + matchBit) << 8) + symbol)
          symbol = (symbol << 1) | one
          if (matchBit !== one) break
        } while (symbol < 0x100)
      }
      while (symbol < 0x100) symbol = (symbol << 1) | bit(base + symbol)
      if (to >= buffer.length) room(1)
      buffer[to++] = symbol
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
      continue
    }
    let copyLength: number
    if (bit(IS_REP + state) === 0) {
      rep3 = rep2
      rep2 = rep1
      rep1 = rep0
      copyLength = length(MATCH_LENGTH, position)
      state = state < 7 ? 7 : 10
      const slot = tree(POS_SLOT + Math.min(copyLength, 3) * 64, 6)
      if (slot < 4) rep0 = slot
      else {
        const directCount = (slot >>> 1) - 1
        rep0 = (2 | (slot & 1)) * 2 ** directCount
        if (slot < FIRST_DIRECT_SLOT) rep0 += reverseTree(POS_SPECIAL + rep0 - slot, directCount)
        else rep0 += directBits(directCount - 4) * 16 + reverseTree(ALIGN, 4)
      }
      if (rep0 === 0xffffffff) {
        if (target !== Infinity) throw codecError(codec, at, 'an end marker before the promised size')
        return finish()
      }
    } else {
      if (to === windowStart) throw codecError(codec, at, 'a repeated match without data')
      if (bit(IS_REP_G0 + state) === 0) {
        if (bit(IS_REP0_LONG + (state << 4) + position) === 0) {
          checkDistance(codec, rep0, to - windowStart, dictionaryBytes, at)
          if (to >= buffer.length) room(1)
          buffer[to] = buffer[to - rep0 - 1]
          to++
          state = state < 7 ? 9 : 11
          continue
        }
      } else {
        let distance: number
        if (bit(IS_REP_G1 + state) === 0) distance = rep1
        else {
          if (bit(IS_REP_G2 + state) === 0) distance = rep2
          else {
            distance = rep3
            rep3 = rep2
          }
          rep2 = rep1
        }
        rep1 = rep0
        rep0 = distance
      }
      copyLength = length(REP_LENGTH, position)
      state = state < 7 ? 8 : 11
    }
    checkDistance(codec, rep0, to - windowStart, dictionaryBytes, at)
    copyLength += MIN_MATCH
    if (copyLength > target - to) throw codecError(codec, at, 'a match past the promised size')
    if (to + copyLength > buffer.length) room(copyLength)
    for (let from = to - rep0 - 1, last = to + copyLength; to < last; ) buffer[to++] = buffer[from++]
  }
}

function checkDistance(codec: string, distance: number, available: number, dictionaryBytes: number, offset: number): void {
  if (distance >= available || distance >= dictionaryBytes) throw codecError(codec, offset, `distance ${distance + 1} reaches before the data (${available} bytes)`)
}

const UNKNOWN_SIZE = 0xffffffff
const MIN_DICTIONARY_BYTES = 4096

/**
 * Decodes a .lzma ("LZMA alone") file: 13 bytes of header, then the data with a known size or an end marker. The format has no checksum.
 *
 * @throws MleError CODEC_DATA, CODEC_LIMIT, CODEC_UNSUPPORTED
 */
export function decodeLzmaFile(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const codec = 'lzma'
  if (bytes.length < 18) throw codecError(codec, bytes.length, 'the file ends inside its header')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const lzma = createLzmaState(codec)
  setLzmaProperties(lzma, bytes[0], 0)
  const dictionaryBytes = Math.max(view.getUint32(1, true), MIN_DICTIONARY_BYTES)
  const low = view.getUint32(5, true)
  const high = view.getUint32(9, true)
  const known = low !== UNKNOWN_SIZE || high !== UNKNOWN_SIZE
  const target = known ? high * 4294967296 + low : Infinity
  const output = createOutput(codec, maxBytes, Math.min(bytes.length * 4, target))
  if (known && target > maxBytes) reserve(output, target)
  const end = decodeLzma(lzma, bytes, 13, bytes.length, output, target, 0, dictionaryBytes)
  if (end !== bytes.length) throw codecError(codec, end, `${bytes.length - end} bytes follow the end of the data`)
  return finishOutput(output)
}
