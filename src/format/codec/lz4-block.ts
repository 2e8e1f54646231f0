// LZ4 block decoder: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
import { MleError } from '../../error.ts'

function blockError(offset: number, what: string): MleError {
  return new MleError('CODEC_DATA', `lz4 at byte ${offset}: ${what}`, { section: 'lz4', offset })
}

/**
 * Decodes one block. Every length and distance is checked: nothing is read outside the block nor written outside [outStart, outEnd).
 *
 * @param source compressed block, all of it
 * @param out receives the data from `outStart` on; matches may reach back to `windowStart`
 * @returns the end of the data in `out`
 * @throws MleError CODEC_DATA for a block that is damaged or longer than the room
 */
export function decodeLz4Block(source: Uint8Array, out: Uint8Array, outStart: number, outEnd: number, windowStart: number = outStart): number {
  const end = source.length
  let at = 0
  let to = outStart
  for (;;) {
    if (at >= end) throw blockError(at, 'the block ends without its last literals')
    const token = source[at++]
    let literals = token >>> 4
    if (literals === 15) {
      let more: number
      do {
        if (at >= end) throw blockError(at, 'a literal length runs past the end of the block')
        more = source[at++]
        literals += more
      } while (more === 255)
    }
    if (literals > end - at) throw blockError(at, `${literals} literals, but ${end - at} bytes are left`)
    if (literals > outEnd - to) throw blockError(at, `the block holds more than ${outEnd - outStart} bytes`)
    if (literals < 32) for (const last = at + literals; at < last; ) out[to++] = source[at++]
    else {
      out.set(source.subarray(at, at + literals), to)
      at += literals
      to += literals
    }
    if (at === end) return to
    if (end - at < 2) throw blockError(at, 'a match without its distance')
    const distance = source[at] | (source[at + 1] << 8)
    at += 2
    if (distance === 0 || distance > to - windowStart) throw blockError(at - 2, `distance ${distance} reaches before the data (${to - windowStart} bytes)`)
    let length = token & 15
    if (length === 15) {
      let more: number
      do {
        if (at >= end) throw blockError(at, 'a match length runs past the end of the block')
        more = source[at++]
        length += more
      } while (more === 255)
    }
    length += 4
    if (length > outEnd - to) throw blockError(at, `the block holds more than ${outEnd - outStart} bytes`)
    if (distance >= length && length >= 32) {
      out.copyWithin(to, to - distance, to - distance + length)
      to += length
    } else for (const last = to + length; to < last; to++) out[to] = out[to - distance]
  }
}

/** Decodes a block that fills `out` exactly. */
export function fillFromLz4Block(source: Uint8Array, out: Uint8Array): void {
  const end = decodeLz4Block(source, out, 0, out.length)
  if (end !== out.length) throw blockError(source.length, `the block holds ${end} bytes, expected ${out.length}`)
}
