// Checksums of layout D. Builds without zlib used a table of which only the first 12 entries were filled in; both are accepted.
import { crc32 } from '../../platform/crc32.ts'
import { legacyError } from './error.ts'

const FILLED_ENTRIES = 12
const HEADER_BYTES = 144
const HEADER_SUM_AT = 108

/** The CRC-32 that builds without zlib computed; 0 of no bytes. */
export function brokenCrc32(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0
  const table = new Uint32Array(256)
  for (let i = 0; i < FILLED_ENTRIES; i++) table[i] = plainEntry(i)
  let crc = 0xffffffff
  for (const byte of bytes) crc = ((crc >>> 8) ^ table[(crc ^ byte) & 255]) >>> 0
  return ~crc >>> 0
}

function plainEntry(index: number): number {
  let crc = index
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc >>> 0
}

/** Compares the four stored sums, of which 0 says nothing. */
export function checkSums(bytes: Uint8Array, view: DataView, sections: readonly Uint8Array[]): void {
  const names = ['metadata', 'graph', 'weights']
  sections.forEach((section, i) => compare(names[i], view.getUint32(96 + 4 * i, true), section, 96 + 4 * i))
  const header = bytes.slice(0, HEADER_BYTES)
  header.fill(0, HEADER_SUM_AT, HEADER_SUM_AT + 4)
  compare('header', view.getUint32(HEADER_SUM_AT, true), header, HEADER_SUM_AT)
}

function compare(name: string, stored: number, bytes: Uint8Array, offset: number): void {
  if (stored === 0) return
  const actual = crc32(bytes)
  if (stored !== actual && stored !== brokenCrc32(bytes)) {
    throw legacyError('LEGACY_CHECKSUM', `the checksum of the ${name} does not match; the file is damaged`, { offset, expected: stored, actual })
  }
}
