// Words of brotli's static dictionary and their 121 transforms: RFC 7932, section 8 and appendix B.

/** log2 of the number of words of each length; 0 for lengths without words. */
const SIZE_BITS = [0, 0, 0, 0, 10, 10, 11, 11, 10, 10, 10, 10, 10, 9, 9, 8, 7, 7, 8, 7, 7, 6, 6, 5, 5]
export const MIN_WORD = 4
export const MAX_WORD = 24

const AFFIXES = [
  ' ', ', ', ' of the ', ' of ', 's ', '.', ' and ', ' in ', '"', ' to ', '">', '\n', '. ', ']', ' for ', ' a ', ' that ', "'", ' with ', ' from ', ' by ', '(', '. The ', ' on ', ' as ', ' is ', 'ing ', '\n\t', ':',
  'ed ', '="', ' at ', 'ly ', ',', "='", '.com/', '. This ', ' not ', 'er ', 'al ', 'ful ', 'ive ', 'less ', 'est ', 'ize ', '\u00a0', 'ous ', ' the ', 'e ', '',
]

/** Change 0: none; 1 to 9: without the last bytes; 10: first letter in upper case; 11: all letters; 12 to 20: without the first 1 to 9 bytes. */
const UPPER_FIRST = 10
const UPPER_ALL = 11

/** Prefix, change and suffix of each transform, in base 50 digits from '0' on. */
const TRANSFORMS = 'a0aa00000a<aa:0a0_00a400a03a:aa06a=aa1a100a010:0a07a09`00a08a05a0:a0;a3aa0=a0>a>aa2aa0?a0@0:aa0<50a001a?aa0Ba0Aa0Ca0Da@aaAa_0aa4aa0Fa;aa0Ga0Ha0Ia7aa1Ja0Ka0L00<a0MaDaaBaa6aa0Ea:1a8aa0Oa0P_03a5aa9a0:1a:850Ea;0a::a0N005S0a_02a:Aa0Ta0Q500a:Ea:5a0U00Na0V0;0a0W0;aa0Ra;8a:<00Ea0X0:<a0Ya0Za;Aa0[0:5a;:00Ra:Qa0\\a;5]0a00Qa:Na;Na0^a;1a:R0:Q0;N0;1a;Qa;Ea;<0;5a;R0;<0:N0;R0:R'

const digit = (index: number): number => TRANSFORMS.charCodeAt(index) - 48

interface Affix {
  readonly bytes: Uint8Array
}

let affixes: readonly Affix[] | undefined

export type WordProblem = 'length' | 'index' | 'room'

/**
 * Writes word `id` of `length` bytes, transformed, to `out` at `to`.
 *
 * @returns its end, or what is wrong with the reference
 */
export function writeWord(dictionary: Uint8Array, length: number, id: number, out: Uint8Array, to: number): number | WordProblem {
  const sizeBits = length <= MAX_WORD ? SIZE_BITS[length] : 0
  if (sizeBits === 0) return 'length'
  const transform = Math.floor(id / (1 << sizeBits))
  if (transform * 3 >= TRANSFORMS.length) return 'index'
  affixes ??= AFFIXES.map((affix) => ({ bytes: new TextEncoder().encode(affix) }))
  const prefix = affixes[digit(transform * 3)].bytes
  const change = digit(transform * 3 + 1)
  const suffix = affixes[digit(transform * 3 + 2)].bytes
  const skipped = change >= 12 ? Math.min(change - 11, length) : 0
  const kept = length - skipped - (change < UPPER_FIRST ? Math.min(change, length) : 0)
  if (prefix.length + kept + suffix.length > out.length - to) return 'room'
  out.set(prefix, to)
  const start = wordOffset(length, id % (1 << sizeBits)) + skipped
  const wordAt = to + prefix.length
  out.set(dictionary.subarray(start, start + kept), wordAt)
  if (change === UPPER_FIRST) toUpper(out, wordAt, wordAt + kept)
  if (change === UPPER_ALL) for (let at = wordAt; at < wordAt + kept; ) at += toUpper(out, at, wordAt + kept)
  out.set(suffix, wordAt + kept)
  return wordAt + kept + suffix.length
}

function wordOffset(length: number, index: number): number {
  let offset = 0
  for (let n = MIN_WORD; n < length; n++) offset += n * (1 << SIZE_BITS[n])
  return offset + length * index
}

/** One letter by the RFC's rule for UTF-8; returns how many bytes it takes. */
function toUpper(out: Uint8Array, at: number, end: number): number {
  const byte = out[at]
  if (byte < 0xc0) {
    if (byte >= 97 && byte <= 122) out[at] ^= 32
    return 1
  }
  if (byte < 0xe0) {
    if (at + 1 < end) out[at + 1] ^= 32
    return 2
  }
  if (at + 2 < end) out[at + 2] ^= 5
  return 3
}
