// Zip archives as PyTorch, Keras and numpy write them: stored and deflated entries, zip64. What the directory at the end says is what counts, and
// every entry's own header must agree. Layout: PKWARE's APPNOTE.TXT 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
import { MleError } from '../error.ts'
import { crc32 } from '../platform/crc32.ts'
import { inflate } from '../platform/inflate.ts'

export interface ZipLimits {
  /** A state dict has one entry per storage: the largest models have some thousands. */
  readonly entries: number
  /** Bytes of all entries together after decompression (CWE-409). */
  readonly totalBytes: number
  /** Decompressed over compressed bytes of an entry, once past 16 MiB. */
  readonly ratio: number
}

export const DEFAULT_ZIP_LIMITS: ZipLimits = { entries: 100_000, totalBytes: 16 * 1024 ** 3, ratio: 1_500 }

export interface ZipEntry {
  readonly name: string
  readonly isDeflated: boolean
  /** Where the entry's bytes begin in the archive. */
  readonly dataOffset: number
  readonly compressedBytes: number
  readonly bytes: number
  readonly crc: number
}

/** An archive whose directory has been checked. Folders are not listed. */
export interface ZipArchive {
  readonly bytes: Uint8Array
  readonly limits: ZipLimits
  /** In the order of the directory. */
  readonly entries: ReadonlyMap<string, ZipEntry>
}

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END64 = 0x06064b50
const LOCATOR64 = 0x07064b50
const MAX_COMMENT = 0xffff
const NONE32 = 0xffffffff
const NONE16 = 0xffff
const RATIO_FLOOR_BYTES = 16 * 1024 * 1024

/** True for files that begin with an entry of a zip archive. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 22 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4
}

function zipError(code: string, message: string, offset?: number): MleError {
  return new MleError(code, `zip archive${offset === undefined ? '' : ` at byte ${offset}`}: ${message}`, { offset })
}

interface Directory {
  readonly offset: number
  readonly bytes: number
  readonly count: number
}

/** A 64-bit number that must be a size or offset within reach. */
function uint64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true)
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw zipError('ZIP_DIRECTORY', `the size or offset ${value} is beyond any file`, at)
  return Number(value)
}

/** Finds the end record; its comment must reach exactly to the end of the file, so that no two readers find different archives. */
function findDirectory(view: DataView): { directory: Directory; end: number } {
  const last = view.byteLength - 22
  for (let at = last; at >= 0 && last - at <= MAX_COMMENT; at--) {
    if (view.getUint32(at, true) !== END || at + 22 + view.getUint16(at + 20, true) !== view.byteLength) continue
    if (view.getUint16(at + 4, true) !== 0 || view.getUint16(at + 6, true) !== 0) {
      // Zip64 writers may put the placeholder here too.
      if (view.getUint16(at + 4, true) !== NONE16) throw zipError('ZIP_DIRECTORY', 'the archive is one part of several', at)
    }
    const small: Directory = { offset: view.getUint32(at + 16, true), bytes: view.getUint32(at + 12, true), count: view.getUint16(at + 10, true) }
    if (at >= 20 && view.getUint32(at - 20, true) === LOCATOR64) return directory64(view, at - 20, small)
    return { directory: small, end: at }
  }
  throw zipError('ZIP_END', 'the record that ends an archive is missing; the file is cut short, or bytes follow it')
}

function directory64(view: DataView, locator: number, small: Directory): { directory: Directory; end: number } {
  const at = uint64(view, locator + 8)
  if (at + 56 > locator || view.getUint32(at, true) !== END64 || at + 12 + uint64(view, at + 4) !== locator) {
    throw zipError('ZIP_DIRECTORY', 'the zip64 record that ends the archive is damaged', locator)
  }
  const directory: Directory = { offset: uint64(view, at + 48), bytes: uint64(view, at + 40), count: uint64(view, at + 32) }
  const agrees = (a: number, b: number, none: number): boolean => a === none || a === b
  if (!agrees(small.offset, directory.offset, NONE32) || !agrees(small.bytes, directory.bytes, NONE32) || !agrees(small.count, directory.count, NONE16)) {
    throw zipError('ZIP_DIRECTORY', 'the two records that end the archive contradict each other', at)
  }
  return { directory, end: at }
}

/**
 * Reads and checks the directory of an archive that begins at the first byte and ends at the last.
 *
 * @throws MleError ZIP_END, ZIP_DIRECTORY, ZIP_ENTRY, ZIP_NAME, ZIP_DUPLICATE, ZIP_OVERLAP, ZIP_METHOD, ZIP_ENCRYPTED, ZIP_LIMIT
 * @example const weights = await readZipEntry(openZip(bytes), 'model.weights.h5')
 */
export function openZip(bytes: Uint8Array, given: Partial<ZipLimits> = {}): ZipArchive {
  const limits = { ...DEFAULT_ZIP_LIMITS, ...given }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 22) throw zipError('ZIP_END', `${bytes.length} bytes are less than the smallest archive`)
  const { directory, end } = findDirectory(view)
  if (directory.offset + directory.bytes !== end) throw zipError('ZIP_DIRECTORY', `the directory of ${directory.bytes} bytes at ${directory.offset} does not reach to its end record at ${end}`, directory.offset)
  if (directory.count > limits.entries) throw zipError('ZIP_LIMIT', `${directory.count} entries exceed the limit of ${limits.entries}; raise limits.zip.entries if you trust the file`)
  const found: (ZipEntry & { readonly start: number; readonly end: number; readonly hasDescriptor: boolean })[] = []
  const entries = new Map<string, ZipEntry>()
  let at = directory.offset
  let total = 0
  for (let i = 0; i < directory.count; i++) {
    const { next, ...entry } = readCentral(bytes, view, at, end, directory.offset)
    at = next
    total += entry.bytes
    if (total > limits.totalBytes) throw zipError('ZIP_LIMIT', `the entries hold more than ${limits.totalBytes} bytes; raise limits.zip.totalBytes if you trust the file`, at)
    found.push(entry)
    if (entry.name.endsWith('/')) {
      if (entry.bytes !== 0) throw zipError('ZIP_NAME', `the folder ${JSON.stringify(entry.name)} has content`, at)
      continue
    }
    if (entries.has(entry.name)) throw zipError('ZIP_DUPLICATE', `two entries are named ${JSON.stringify(entry.name)}`, at)
    entries.set(entry.name, entry)
  }
  if (at !== end) throw zipError('ZIP_DIRECTORY', `the directory has ${end - at} bytes more than its ${directory.count} entries`, at)
  checkTiling(found, directory.offset)
  return { bytes, limits, entries }
}

/** Entries fill the archive up to the directory: bytes that no entry owns hide content from other readers. */
function checkTiling(found: { start: number; end: number; hasDescriptor: boolean; name: string }[], directoryOffset: number): void {
  const sorted = [...found].sort((a, b) => a.start - b.start)
  let at = 0
  let previous: (typeof sorted)[number] | undefined
  for (const entry of [...sorted, { start: directoryOffset, end: directoryOffset, hasDescriptor: false, name: 'directory' }]) {
    const gap = entry.start - at
    // A descriptor repeats CRC and sizes after the data: 12 or 20 bytes, with or without a signature of 4.
    if (gap !== 0 && !(previous?.hasDescriptor === true && (gap === 12 || gap === 16 || gap === 20 || gap === 24))) {
      throw zipError('ZIP_OVERLAP', gap < 0 ? `${JSON.stringify(entry.name)} begins inside ${JSON.stringify(previous?.name)}` : `${gap} bytes before ${JSON.stringify(entry.name)} belong to no entry`, entry.start)
    }
    at = entry.end
    previous = entry
  }
}

const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An entry of the directory together with its own header. */
function readCentral(bytes: Uint8Array, view: DataView, at: number, end: number, dataEnd: number): ZipEntry & { start: number; end: number; hasDescriptor: boolean; next: number } {
  if (at + 46 > end || view.getUint32(at, true) !== CENTRAL) throw zipError('ZIP_DIRECTORY', 'an entry of the directory is damaged or cut short', at)
  const flags = view.getUint16(at + 8, true)
  const method = view.getUint16(at + 10, true)
  const nameBytes = view.getUint16(at + 28, true)
  const extraBytes = view.getUint16(at + 30, true)
  const next = at + 46 + nameBytes + extraBytes + view.getUint16(at + 32, true)
  if (next > end) throw zipError('ZIP_DIRECTORY', 'an entry of the directory is cut short', at)
  const name = entryName(bytes.subarray(at + 46, at + 46 + nameBytes), at)
  if (flags % 2 === 1 || Math.floor(flags / 0x2000) % 2 === 1) throw zipError('ZIP_ENCRYPTED', `${JSON.stringify(name)} is encrypted, which is not read`, at)
  if (method !== 0 && method !== 8) throw zipError('ZIP_METHOD', `${JSON.stringify(name)} is compressed by method ${method}; stored and deflated entries are read`, at)
  const sizes = zip64Sizes(view, at + 46 + nameBytes, extraBytes, { bytes: view.getUint32(at + 24, true), compressedBytes: view.getUint32(at + 20, true), offset: view.getUint32(at + 42, true) })
  if (method === 0 && sizes.bytes !== sizes.compressedBytes) throw zipError('ZIP_ENTRY', `${JSON.stringify(name)} is stored, but has ${sizes.compressedBytes} bytes for ${sizes.bytes}`, at)
  const start = sizes.offset
  if (start + 30 > dataEnd || view.getUint32(start, true) !== LOCAL) throw zipError('ZIP_ENTRY', `${JSON.stringify(name)} has no header at byte ${start}`, at)
  const localName = view.getUint16(start + 26, true)
  const dataOffset = start + 30 + localName + view.getUint16(start + 28, true)
  const dataEndOwn = dataOffset + sizes.compressedBytes
  if (dataEndOwn > dataEnd) throw zipError('ZIP_ENTRY', `${JSON.stringify(name)} reaches beyond the entries' part of the file`, at)
  const sameName = localName === nameBytes && bytes.subarray(start + 30, start + 30 + localName).every((byte, i) => byte === bytes[at + 46 + i])
  if (!sameName || view.getUint16(start + 8, true) !== method) throw zipError('ZIP_ENTRY', `the header of ${JSON.stringify(name)} names another entry than the directory does`, start)
  return {
    name, isDeflated: method === 8, dataOffset, compressedBytes: sizes.compressedBytes, bytes: sizes.bytes, crc: view.getUint32(at + 16, true),
    start, end: dataEndOwn, hasDescriptor: Math.floor(flags / 8) % 2 === 1, next,
  }
}

interface Sizes {
  readonly bytes: number
  readonly compressedBytes: number
  readonly offset: number
}

/** The extra field of zip64 has the numbers that do not fit 32 bits, in this order. */
function zip64Sizes(view: DataView, extraAt: number, extraBytes: number, small: Sizes): Sizes {
  if (small.bytes !== NONE32 && small.compressedBytes !== NONE32 && small.offset !== NONE32) return small
  const extraEnd = extraAt + extraBytes
  for (let at = extraAt; at + 4 <= extraEnd; ) {
    const fieldEnd = at + 4 + view.getUint16(at + 2, true)
    if (fieldEnd > extraEnd) break
    if (view.getUint16(at, true) === 1) {
      let from = at + 4
      const wide = (value: number): number => {
        if (value !== NONE32) return value
        if (from + 8 > fieldEnd) throw zipError('ZIP_DIRECTORY', 'the zip64 sizes of an entry are cut short', at)
        from += 8
        return uint64(view, from - 8)
      }
      return { bytes: wide(small.bytes), compressedBytes: wide(small.compressedBytes), offset: wide(small.offset) }
    }
    at = fieldEnd
  }
  throw zipError('ZIP_DIRECTORY', 'an entry needs zip64 sizes and has none', extraAt)
}

function entryName(bytes: Uint8Array, at: number): string {
  let name: string
  try {
    name = decoder.decode(bytes)
  } catch {
    throw zipError('ZIP_NAME', 'the name of an entry is not UTF-8', at)
  }
  // Nothing is written to disk here; still, whoever copies names out of a model shall not leave a folder by them (CWE-22).
  const bad = name === '' || name.startsWith('/') || name.includes('\\') || name.includes('\0') || /^[A-Za-z]:/.test(name) || name.split('/').some((part) => part === '..')
  if (bad) throw zipError('ZIP_NAME', `the entry name ${JSON.stringify(name)} leads out of the archive`, at)
  return name
}

/**
 * The bytes of an entry: a view of the archive where it is stored. The checksum is checked.
 *
 * @throws MleError ZIP_MISSING, ZIP_CHECKSUM, ZIP_SIZE, ZIP_LIMIT; CODEC_* from inflate
 */
export async function readZipEntry(archive: ZipArchive, name: string): Promise<Uint8Array> {
  const entry = archive.entries.get(name)
  if (entry === undefined) throw zipError('ZIP_MISSING', `there is no entry ${JSON.stringify(name)}`)
  const { dataOffset, compressedBytes, crc } = entry
  const stored = archive.bytes.subarray(dataOffset, dataOffset + compressedBytes)
  if (entry.isDeflated && entry.bytes > Math.max(RATIO_FLOOR_BYTES, compressedBytes * archive.limits.ratio)) {
    throw zipError('ZIP_LIMIT', `${JSON.stringify(name)} claims ${entry.bytes} bytes from ${compressedBytes}; raise limits.zip.ratio if you trust the file`, dataOffset)
  }
  // The declared size is the limit: the decoder stops there, whatever follows.
  const content = entry.isDeflated ? await inflate(stored, 'deflate-raw', entry.bytes) : stored
  if (content.length !== entry.bytes) throw zipError('ZIP_SIZE', `${JSON.stringify(name)} inflates to ${content.length} bytes, its entry says ${entry.bytes}`, dataOffset)
  if (crc32(content) !== crc) throw zipError('ZIP_CHECKSUM', `the checksum of ${JSON.stringify(name)} does not match; the file is damaged`, dataOffset)
  return content
}
