// LZ4 block encoder: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. Deterministic: integer arithmetic only, no clock, no
// randomness, the same bytes on every engine. Greedy, with a hash of four bytes and one candidate each.

const HASH_BITS = 16
const MIN_MATCH = 4
const MAX_DISTANCE = 65535
/** The block format's end rules: the last match starts 12 bytes before the end at the latest, the last 5 bytes are literals. */
const MATCH_MARGIN = 12
const LAST_LITERALS = 5

/** The block, or undefined when it would not be shorter than `raw`. */
export function encodeLz4Block(raw: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(raw.length)
  const table = new Int32Array(1 << HASH_BITS).fill(-1)
  const matchEnd = raw.length - LAST_LITERALS
  let to = 0
  let anchor = 0
  let at = 0
  while (at <= raw.length - MATCH_MARGIN) {
    const word = raw[at] | (raw[at + 1] << 8) | (raw[at + 2] << 16) | (raw[at + 3] << 24)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const candidate = table[slot]
    table[slot] = at
    const found = candidate >= 0 && at - candidate <= MAX_DISTANCE
      && raw[candidate] === raw[at] && raw[candidate + 1] === raw[at + 1] && raw[candidate + 2] === raw[at + 2] && raw[candidate + 3] === raw[at + 3]
    if (!found) {
      // Data that does not compress is passed in growing steps.
      at += 1 + ((at - anchor) >> 6)
      continue
    }
    let start = at
    let from = candidate
    while (start > anchor && from > 0 && raw[start - 1] === raw[from - 1]) {
      start--
      from--
    }
    let end = at + MIN_MATCH
    while (end < matchEnd && raw[end] === raw[end - at + candidate]) end++
    to = writeSequence(raw, out, to, anchor, start, start - from, end - start)
    if (to < 0) return undefined
    anchor = end
    at = end
  }
  to = writeSequence(raw, out, to, anchor, raw.length, 0, 0)
  return to < 0 ? undefined : out.subarray(0, to)
}

/** Literals and the match after them; without a match at the end. -1 when there is no room: the block is not shorter. */
function writeSequence(raw: Uint8Array, out: Uint8Array, start: number, from: number, end: number, distance: number, match: number): number {
  const literals = end - from
  const extra = match === 0 ? 0 : match - MIN_MATCH
  const most = 1 + literals + Math.floor(literals / 255) + 1 + (match === 0 ? 0 : 2 + Math.floor(extra / 255) + 1)
  if (start + most >= out.length) return -1
  let to = start
  out[to++] = (Math.min(literals, 15) << 4) | Math.min(extra, 15)
  if (literals >= 15) to = writeLength(out, to, literals - 15)
  out.set(raw.subarray(from, end), to)
  to += literals
  if (match === 0) return to
  out[to++] = distance & 255
  out[to++] = distance >> 8
  return extra >= 15 ? writeLength(out, to, extra - 15) : to
}

function writeLength(out: Uint8Array, start: number, length: number): number {
  let to = start
  let rest = length
  for (; rest >= 255; rest -= 255) out[to++] = 255
  out[to++] = rest
  return to
}
