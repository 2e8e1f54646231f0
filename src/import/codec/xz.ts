// .xz files: https://tukaani.org/xz/xz-file-format.txt . LZMA2 is the only filter, as Python's lzma writes it by default.
import { crc32 } from '../../platform/crc32.ts'
import { sha256 } from '../../platform/sha256.ts'
import { crc64 } from './crc64.ts'
import { createLzmaState, decodeLzma, resetLzmaState, setLzmaProperties } from './lzma.ts'
import { checksumError, codecError, createOutput, finishOutput, reserve, unsupportedError, type DecodeOutput } from './output.ts'

const CODEC = 'xz'
const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
const LZMA2 = 0x21
const CHECK_BYTES: ReadonlyMap<number, number> = /* @__PURE__ */ new Map([
  [0, 0],
  [1, 4],
  [4, 8],
  [10, 32],
])

interface XzReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number
}

interface BlockRecord {
  readonly unpaddedBytes: number
  readonly bytes: number
}

function need(reader: XzReader, count: number): void {
  if (count > reader.bytes.length - reader.at) throw codecError(CODEC, reader.at, 'the file ends too early')
}

function checkCrc(reader: XzReader, from: number, what: string): void {
  need(reader, 4)
  if (crc32(reader.bytes.subarray(from, reader.at)) !== reader.view.getUint32(reader.at, true)) throw checksumError(CODEC, from, what)
  reader.at += 4
}

/** Variable-length integer, 7 bits a byte from the low end; the shortest form only. */
function readVarint(reader: XzReader, end: number): number {
  let value = 0
  let scale = 1
  for (let i = 0; i < 9; i++) {
    if (reader.at >= end) throw codecError(CODEC, reader.at, 'an integer runs past its header')
    const byte = reader.bytes[reader.at++]
    value += (byte & 127) * scale
    if (byte < 128) {
      if ((byte === 0 && i > 0) || !Number.isSafeInteger(value)) break
      return value
    }
    scale *= 128
  }
  throw codecError(CODEC, reader.at, 'an integer that is not in its shortest form or too large')
}

/**
 * Decodes all streams of a file; checks and index are verified.
 *
 * @throws MleError CODEC_DATA, CODEC_CHECKSUM, CODEC_LIMIT, CODEC_UNSUPPORTED (other filters and checks)
 */
export function decodeXz(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const reader: XzReader = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 }
  const output = createOutput(CODEC, maxBytes, bytes.length * 4)
  do {
    decodeStream(reader, output)
    // Zero bytes in fours may stand between streams and after the last.
    while (bytes.length - reader.at >= 4 && reader.view.getUint32(reader.at, true) === 0) reader.at += 4
  } while (reader.at < bytes.length)
  return finishOutput(output)
}

function decodeStream(reader: XzReader, output: DecodeOutput): void {
  const { bytes, view } = reader
  const start = reader.at
  need(reader, 12)
  if (MAGIC.some((byte, i) => bytes[start + i] !== byte)) throw codecError(CODEC, start, 'no xz stream begins here')
  reader.at = start + 8
  checkCrc({ ...reader }, start + 6, 'the stream header')
  reader.at = start + 12
  const flags = view.getUint16(start + 6, true)
  const check = bytes[start + 7]
  const checkBytes = CHECK_BYTES.get(check)
  if (bytes[start + 6] !== 0 || checkBytes === undefined) throw unsupportedError(CODEC, start + 6, `check ${check}`)
  const records: BlockRecord[] = []
  for (;;) {
    need(reader, 1)
    if (bytes[reader.at] === 0) break
    records.push(decodeBlock(reader, check, checkBytes, output))
  }
  const indexStart = reader.at
  readIndex(reader, records)
  const indexBytes = reader.at - indexStart
  const footer = reader.at
  need(reader, 12)
  if (crc32(bytes.subarray(footer + 4, footer + 10)) !== view.getUint32(footer, true)) throw checksumError(CODEC, footer, 'the stream footer')
  if ((view.getUint32(footer + 4, true) + 1) * 4 !== indexBytes || view.getUint16(footer + 8, true) !== flags || bytes[footer + 10] !== 0x59 || bytes[footer + 11] !== 0x5a) {
    throw codecError(CODEC, footer, 'the stream footer contradicts the stream')
  }
  reader.at = footer + 12
}

function decodeBlock(reader: XzReader, check: number, checkBytes: number, output: DecodeOutput): BlockRecord {
  const { bytes } = reader
  const start = reader.at
  const headerBytes = (bytes[start] + 1) * 4
  need(reader, headerBytes)
  const headerEnd = start + headerBytes - 4
  const flags = bytes[start + 1]
  if ((flags & 0x3c) !== 0) throw unsupportedError(CODEC, start + 1, 'a reserved block flag')
  if ((flags & 3) !== 0) throw unsupportedError(CODEC, start + 1, 'a chain of filters')
  reader.at = start + 2
  const packedBytes = (flags & 0x40) === 0 ? undefined : readVarint(reader, headerEnd)
  const plainBytes = (flags & 0x80) === 0 ? undefined : readVarint(reader, headerEnd)
  const filter = readVarint(reader, headerEnd)
  if (filter !== LZMA2) throw unsupportedError(CODEC, reader.at, `filter 0x${filter.toString(16)}`)
  if (readVarint(reader, headerEnd) !== 1) throw codecError(CODEC, reader.at, 'LZMA2 properties are not one byte')
  const dictionaryBytes = dictionarySize(bytes[reader.at], reader.at)
  reader.at++
  for (; reader.at < headerEnd; reader.at++) if (bytes[reader.at] !== 0) throw codecError(CODEC, reader.at, 'padding is not zero')
  checkCrc(reader, start, 'a block header')

  const dataStart = reader.at
  const outStart = output.length
  decodeLzma2(reader, output, dictionaryBytes)
  const dataBytes = reader.at - dataStart
  const outBytes = output.length - outStart
  if ((packedBytes ?? dataBytes) !== dataBytes || (plainBytes ?? outBytes) !== outBytes) throw codecError(CODEC, start, 'a block contradicts its header')
  for (; (reader.at - dataStart) % 4 !== 0; reader.at++) {
    need(reader, 1)
    if (bytes[reader.at] !== 0) throw codecError(CODEC, reader.at, 'padding is not zero')
  }
  need(reader, checkBytes)
  verifyCheck(check, output.bytes.subarray(outStart, output.length), bytes.subarray(reader.at, reader.at + checkBytes), reader.at)
  reader.at += checkBytes
  return { unpaddedBytes: headerBytes + dataBytes + checkBytes, bytes: outBytes }
}

/** 2 or 3 times a power of two, from 4 KiB on. */
function dictionarySize(code: number, offset: number): number {
  if (code > 40) throw codecError(CODEC, offset, `dictionary size code ${code}`)
  return code === 40 ? 0xffffffff : (2 + (code % 2)) * 2 ** (Math.floor(code / 2) + 11)
}

function decodeLzma2(reader: XzReader, output: DecodeOutput, dictionaryBytes: number): void {
  const { bytes, view } = reader
  const lzma = createLzmaState(CODEC)
  let windowStart = output.length
  let needDictionary = true
  let needProperties = true
  for (;;) {
    need(reader, 1)
    const control = bytes[reader.at++]
    if (control === 0) return
    if (control === 1 || control >= 0xe0) {
      windowStart = output.length
      needDictionary = false
      if (control === 1) needProperties = true
    } else if (needDictionary) throw codecError(CODEC, reader.at - 1, 'the first chunk does not reset the dictionary')
    if (control < 0x80) {
      if (control > 2) throw codecError(CODEC, reader.at - 1, `chunk control ${control}`)
      need(reader, 2)
      const size = view.getUint16(reader.at, false) + 1
      reader.at += 2
      need(reader, size)
      reserve(output, size)
      output.bytes.set(bytes.subarray(reader.at, reader.at + size), output.length)
      output.length += size
      reader.at += size
      continue
    }
    need(reader, 4)
    const plainBytes = (control & 31) * 65536 + view.getUint16(reader.at, false) + 1
    const packedBytes = view.getUint16(reader.at + 2, false) + 1
    reader.at += 4
    if (control >= 0xc0) {
      need(reader, 1)
      setLzmaProperties(lzma, bytes[reader.at], reader.at)
      reader.at++
      needProperties = false
    } else if (needProperties) throw codecError(CODEC, reader.at, 'a chunk without properties')
    else if (control >= 0xa0) resetLzmaState(lzma)
    need(reader, packedBytes)
    const end = reader.at + packedBytes
    if (decodeLzma(lzma, bytes, reader.at, end, output, output.length + plainBytes, windowStart, dictionaryBytes) !== end) {
      throw codecError(CODEC, reader.at, 'a chunk is longer than its data')
    }
    reader.at = end
  }
}

function verifyCheck(check: number, data: Uint8Array, stored: Uint8Array, offset: number): void {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  let matches = true
  if (check === 1) matches = crc32(data) === view.getUint32(0, true)
  else if (check === 4) {
    const [low, high] = crc64(data)
    matches = low === view.getUint32(0, true) && high === view.getUint32(4, true)
  } else if (check === 10) matches = sha256(data).every((byte, i) => byte === stored[i])
  if (!matches) throw checksumError(CODEC, offset, 'a block')
}

function readIndex(reader: XzReader, records: readonly BlockRecord[]): void {
  const { bytes } = reader
  const start = reader.at
  reader.at++
  const count = readVarint(reader, bytes.length)
  if (count !== records.length) throw codecError(CODEC, start, `the index lists ${count} blocks, the stream has ${records.length}`)
  for (const record of records) {
    if (readVarint(reader, bytes.length) !== record.unpaddedBytes || readVarint(reader, bytes.length) !== record.bytes) throw codecError(CODEC, reader.at, 'the index contradicts a block')
  }
  for (; (reader.at - start) % 4 !== 0; reader.at++) {
    need(reader, 1)
    if (bytes[reader.at] !== 0) throw codecError(CODEC, reader.at, 'padding is not zero')
  }
  checkCrc(reader, start, 'the index')
}
