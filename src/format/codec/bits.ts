// Bit readers of the decoders. Every read is checked: a stream that ends early is an error, never zeros.
import { MleError } from '../../error.ts'

/** What decoders say of damaged data; the chunk that it came from is added by their caller. */
export function dataError(codec: string, what: string): MleError {
  return new MleError('CODEC_DATA', `${codec}: the compressed data holds ${what}`, { section: codec })
}

export interface ForwardBits {
  /** The next `count` bits, at most 24, the first as the lowest. */
  read(count: number): number
  /** The byte after the last one that was read from. */
  end(): number
}

export function forwardBits(source: Uint8Array, start: number, end: number): ForwardBits {
  let at = start
  let held = 0
  let bits = 0
  return {
    read(count) {
      while (bits < count) {
        if (at >= end) throw dataError('zstd', 'a table that does not end')
        held |= source[at++] << bits
        bits += 8
      }
      const value = held & ((1 << count) - 1)
      held >>>= count
      bits -= count
      return value
    },
    end: () => at,
  }
}

/** A stream that is read from its end: its last byte's highest bit is a mark. */
export interface BackwardBits {
  /** At most 25 bits. */
  read(count: number): number
  /** The next bits without taking them; zeros stand for those before the beginning. */
  peek(count: number): number
  take(count: number): void
  left(): number
}

export function backwardBits(source: Uint8Array, start: number, end: number): BackwardBits {
  if (end <= start || source[end - 1] === 0) throw dataError('zstd', 'a bit stream without its end mark')
  const first = start * 8
  let position = end * 8 - 1 - (Math.clz32(source[end - 1]) - 24)
  const bitsAt = (from: number, count: number): number => {
    const byte = from >>> 3
    const word = source[byte] | (source[byte + 1] << 8) | (source[byte + 2] << 16) | (source[byte + 3] << 24)
    return (word >>> (from & 7)) & ((1 << count) - 1)
  }
  return {
    read(count) {
      if (count > position - first) throw dataError('zstd', 'a bit stream that ends early')
      position -= count
      return count === 0 ? 0 : bitsAt(position, count)
    },
    peek(count) {
      const have = position - first
      return have >= count ? bitsAt(position - count, count) : bitsAt(first, have) << (count - have)
    },
    take(count) {
      if (count > position - first) throw dataError('zstd', 'a bit stream that ends early')
      position -= count
    },
    left: () => position - first,
  }
}
