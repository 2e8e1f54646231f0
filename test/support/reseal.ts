// Makes the checksums of a damaged .mle file right again where its section table still makes sense (docs/format.md, sections 2, 3 and 8),
// so that tests reach what lies behind the checks.
import { createHash } from 'node:crypto'
import { crc32 } from '../../src/platform/crc32.ts'

const HEADER_BYTES = 64
const ENTRY_BYTES = 48
const CHUNK_BYTES = 96
const CHUNKS = 0x40
const WEIGHTS = 0x50

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()

interface Span {
  readonly entry: number
  readonly kind: number
  readonly offset: number
  readonly length: number
}

/** A copy with right CRCs and hashes, but for raw hashes of compressed chunks; as it is where the table does not fit the file. */
export function resealed(source: Uint8Array): Uint8Array {
  const bytes = source.slice()
  if (bytes.length < HEADER_BYTES) return bytes
  const view = new DataView(bytes.buffer)
  const count = view.getUint32(16, true)
  const prefixBytes = HEADER_BYTES + ENTRY_BYTES * count
  if (count > 16 || prefixBytes > bytes.length) return bytes
  const sections: Span[] = []
  let offset = aligned(prefixBytes) + view.getUint32(20, true)
  for (let i = 0; i < count; i++) {
    const entry = HEADER_BYTES + ENTRY_BYTES * i
    const length = view.getUint32(entry + 8, true)
    if (offset + length > bytes.length) return bytes
    sections.push({ entry, kind: view.getUint32(entry, true), offset, length })
    offset += aligned(length)
  }
  resealChunks(bytes, view, sections)
  for (const { entry, kind, offset: start, length } of sections) {
    const content = bytes.subarray(start, start + length)
    if (kind !== WEIGHTS) view.setUint32(entry + 4, crc32(content), true)
    bytes.set(sha256(content), entry + 16)
  }
  view.setUint32(24, 0, true)
  view.setUint32(24, crc32(bytes.subarray(0, prefixBytes)), true)
  return bytes
}

function resealChunks(bytes: Uint8Array, view: DataView, sections: readonly Span[]): void {
  const chunks = sections.find((section) => section.kind === CHUNKS)
  const weights = sections.find((section) => section.kind === WEIGHTS)
  if (chunks === undefined || weights === undefined) return
  let at = weights.offset
  for (let entry = chunks.offset; entry + CHUNK_BYTES <= chunks.offset + chunks.length; entry += CHUNK_BYTES) {
    const stored = view.getUint32(entry + 8, true)
    if (at + stored > weights.offset + weights.length) return
    const content = bytes.subarray(at, at + stored)
    view.setUint32(entry + 4, crc32(content), true)
    const hash = sha256(content)
    bytes.set(hash, entry + 32)
    // Of the bytes before they were compressed or sealed, there is nothing to tell.
    if (bytes[entry] === 0 && (bytes[8] & 1) === 0) bytes.set(hash, entry + 64)
    at += stored
  }
}
