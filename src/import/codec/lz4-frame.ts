// LZ4 frames: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
import { decodeLz4Block } from '../../format/codec/lz4-block.ts'
import { checksumError, codecError, createOutput, finishOutput, reserve, unsupportedError, type DecodeOutput } from './output.ts'
import { xxh32 } from './xxh32.ts'

const MAGIC = 0x184d2204
const SKIPPABLE_MAGIC = 0x184d2a50
const WINDOW_BYTES = 65536
const CODEC = 'lz4'

/**
 * Decodes all frames of a file, checking every checksum that it has.
 *
 * @throws MleError CODEC_DATA, CODEC_CHECKSUM, CODEC_LIMIT, CODEC_UNSUPPORTED (dictionaries)
 */
export function decodeLz4Frames(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const output = createOutput(CODEC, maxBytes, bytes.length * 3)
  let at = 0
  while (at < bytes.length) {
    if (bytes.length - at < 8) throw codecError(CODEC, at, 'the file ends inside a frame header')
    const magic = view.getUint32(at, true)
    // The sixteen skippable magics differ in their low four bits.
    if (magic - (magic % 16) === SKIPPABLE_MAGIC) {
      const size = view.getUint32(at + 4, true)
      if (size > bytes.length - at - 8) throw codecError(CODEC, at, 'a skippable frame runs past the end of the file')
      at += 8 + size
    } else if (magic === MAGIC) at = decodeFrame(bytes, view, at, output)
    else throw codecError(CODEC, at, 'no LZ4 frame begins here')
  }
  return finishOutput(output)
}

function decodeFrame(bytes: Uint8Array, view: DataView, start: number, output: DecodeOutput): number {
  const need = (at: number, count: number): void => {
    if (count > bytes.length - at) throw codecError(CODEC, at, 'the file ends inside a frame')
  }
  need(start, 7)
  const flags = bytes[start + 4]
  const descriptor = bytes[start + 5]
  if (flags >>> 6 !== 1) throw unsupportedError(CODEC, start + 4, `frame version ${flags >>> 6}`)
  if ((flags & 2) !== 0 || (descriptor & 0x8f) !== 0) throw codecError(CODEC, start + 4, 'a reserved bit is set')
  const independent = (flags & 32) !== 0
  const blockChecksums = (flags & 16) !== 0
  const hasSize = (flags & 8) !== 0
  const contentChecksum = (flags & 4) !== 0
  if ((flags & 1) !== 0) throw unsupportedError(CODEC, start + 4, 'a dictionary')
  const sizeCode = descriptor >>> 4
  if (sizeCode < 4) throw codecError(CODEC, start + 5, `block size code ${sizeCode}`)
  const blockBytes = 2 ** (8 + 2 * sizeCode)
  let at = start + 6
  let contentBytes: number | undefined
  if (hasSize) {
    need(at, 9)
    contentBytes = view.getUint32(at + 4, true) * 4294967296 + view.getUint32(at, true)
    at += 8
  }
  if (((xxh32(bytes.subarray(start + 4, at)) >>> 8) & 255) !== bytes[at]) throw checksumError(CODEC, at, 'the frame header')
  at++
  const outStart = output.length
  for (;;) {
    need(at, 4)
    const sizeWord = view.getUint32(at, true)
    at += 4
    if (sizeWord === 0) break
    const stored = sizeWord >= 0x80000000
    const size = sizeWord % 0x80000000
    if (size > blockBytes) throw codecError(CODEC, at, `a block of ${size} bytes, but the frame allows ${blockBytes}`)
    need(at, size + (blockChecksums ? 4 : 0))
    const block = bytes.subarray(at, at + size)
    at += size
    if (blockChecksums) {
      if (xxh32(block) !== view.getUint32(at, true)) throw checksumError(CODEC, at, 'a block')
      at += 4
    }
    appendBlock(output, block, stored, blockBytes, independent ? output.length : Math.max(outStart, output.length - WINDOW_BYTES))
  }
  if (contentBytes !== undefined && output.length - outStart !== contentBytes) {
    throw codecError(CODEC, at, `the frame promises ${contentBytes} bytes and holds ${output.length - outStart}`)
  }
  if (contentChecksum) {
    need(at, 4)
    if (xxh32(output.bytes.subarray(outStart, output.length)) !== view.getUint32(at, true)) throw checksumError(CODEC, at, 'the frame')
    at += 4
  }
  return at
}

function appendBlock(output: DecodeOutput, block: Uint8Array, stored: boolean, blockBytes: number, windowStart: number): void {
  if (stored) {
    reserve(output, block.length)
    output.bytes.set(block, output.length)
    output.length += block.length
    return
  }
  // The last block may be short: room for a whole one is only asked for where the limit has it.
  const room = Math.min(blockBytes, output.limit - output.length)
  reserve(output, room)
  const end = room < blockBytes ? decodeCapped(output, block, room, windowStart) : decodeLz4Block(block, output.bytes, output.length, output.length + room, windowStart)
  output.length = end
}

/** Near the limit a block that does not fit means the limit, not damage. */
function decodeCapped(output: DecodeOutput, block: Uint8Array, room: number, windowStart: number): number {
  try {
    return decodeLz4Block(block, output.bytes, output.length, output.length + room, windowStart)
  } catch (error) {
    reserve(output, room + 1)
    throw error
  }
}
