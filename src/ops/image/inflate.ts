// Deflate (RFC 1951) inside zlib (RFC 1950), for hosts with and without zlib of their own alike.
import { imageError } from './picture.ts'

interface Codes {
  /** Number of codes of each length, and the symbols in the order of their codes. */
  readonly counts: Uint16Array
  readonly symbols: Uint16Array
}

const MAX_BITS = 15
const LENGTH_BASE: readonly number[] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
const LENGTH_BITS: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const DISTANCE_BASE: readonly number[] = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]
/** The order in which the lengths of the code for lengths are stored. */
const ORDER: readonly number[] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

function codesOf(lengths: readonly number[]): Codes {
  const counts = new Uint16Array(MAX_BITS + 1)
  for (const length of lengths) counts[length]++
  const starts = new Uint16Array(MAX_BITS + 2)
  for (let length = 1; length <= MAX_BITS; length++) starts[length + 1] = starts[length] + counts[length]
  const symbols = new Uint16Array(lengths.length)
  lengths.forEach((length, symbol) => {
    if (length > 0) symbols[starts[length]++] = symbol
  })
  return { counts, symbols }
}

const FIXED_LENGTHS: readonly number[] = [...new Array<number>(144).fill(8), ...new Array<number>(112).fill(9), ...new Array<number>(24).fill(7), ...new Array<number>(8).fill(8)]

/** Exactly `size` bytes out of a zlib stream; throws OP_IMAGE for damaged data and for other sizes. */
export function inflateExactly(format: string, bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  let written = 0
  let at = 2
  let buffer = 0
  let held = 0
  const damaged = (problem: string): Error => imageError(format, `has damaged data: ${problem}`)
  const bits = (count: number): number => {
    while (held < count) {
      if (at >= bytes.length) throw damaged('it ends early')
      buffer |= bytes[at++] << held
      held += 8
    }
    const value = buffer & ((1 << count) - 1)
    buffer >>>= count
    held -= count
    return value
  }
  const symbol = ({ counts, symbols }: Codes): number => {
    for (let length = 1, code = 0, first = 0, index = 0; length <= MAX_BITS; length++) {
      code |= bits(1)
      const count = counts[length]
      if (code - count < first) return symbols[index + (code - first)]
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw damaged('a code of no symbol')
  }
  const put = (byte: number): void => {
    if (written === size) throw damaged(`more than ${size} bytes`)
    out[written++] = byte
  }
  const block = (literals: Codes, distances: Codes): void => {
    for (let code = symbol(literals); code !== 256; code = symbol(literals)) {
      if (code < 256) {
        put(code)
        continue
      }
      if (code > 285) throw damaged('a length that does not exist')
      const length = LENGTH_BASE[code - 257] + bits(LENGTH_BITS[code - 257])
      const chosen = symbol(distances)
      if (chosen > 29) throw damaged('a distance that does not exist')
      const distance = DISTANCE_BASE[chosen] + bits(chosen < 2 ? 0 : (chosen >> 1) - 1)
      if (distance > written) throw damaged('a distance beyond the start')
      for (let i = 0; i < length; i++) put(out[written - distance])
    }
  }
  const dynamic = (): readonly [Codes, Codes] => {
    const literalCount = bits(5) + 257
    const distanceCount = bits(5) + 1
    const lengthCount = bits(4) + 4
    const own = new Array<number>(19).fill(0)
    for (let i = 0; i < lengthCount; i++) own[ORDER[i]] = bits(3)
    const codes = codesOf(own)
    const lengths: number[] = []
    while (lengths.length < literalCount + distanceCount) {
      const code = symbol(codes)
      if (code < 16) lengths.push(code)
      else if (code === 16 && lengths.length === 0) throw damaged('a repeat of nothing')
      else {
        const [value, times] = code === 16 ? [lengths[lengths.length - 1], 3 + bits(2)] : [0, code === 17 ? 3 + bits(3) : 11 + bits(7)]
        for (let i = 0; i < times; i++) lengths.push(value)
      }
    }
    if (lengths.length > literalCount + distanceCount) throw damaged('lengths beyond their number')
    return [codesOf(lengths.slice(0, literalCount)), codesOf(lengths.slice(literalCount))]
  }
  for (let last = false; !last; ) {
    last = bits(1) === 1
    const kind = bits(2)
    if (kind === 0) {
      buffer = 0
      held = 0
      const length = bytes[at] | (bytes[at + 1] << 8)
      at += 4
      if (!(at + length <= bytes.length)) throw damaged('it ends early')
      for (let i = 0; i < length; i++) put(bytes[at++])
    } else if (kind === 1) block(codesOf(FIXED_LENGTHS), codesOf(new Array<number>(30).fill(5)))
    else if (kind === 2) block(...dynamic())
    else throw damaged('a block of no kind')
  }
  if (written !== size) throw damaged(`${written} bytes, expected ${size}`)
  return out
}
