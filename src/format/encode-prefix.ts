// Header and section table, written.
import { crc32 } from '../platform/crc32.ts'
import { sha256 } from '../platform/sha256.ts'
import { viewOf, writeU64 } from './bytes.ts'
import { HEADER_BYTES, KIND_WEIGHTS, MAGIC, SECTION_ENTRY_BYTES, VERSION } from './layout.ts'
import { prefixCrc } from './prefix.ts'

/** What a prefix says of a section. */
export interface SectionContent {
  readonly kind: number
  readonly bytes: Uint8Array
}

/**
 * Header and section table for these sections.
 *
 * @param sections in file order
 */
export function encodePrefix(sections: readonly SectionContent[], requiredFeatures: number = 0, signatureBytes: number = 0): Uint8Array {
  const prefix = new Uint8Array(HEADER_BYTES + sections.length * SECTION_ENTRY_BYTES)
  const view = viewOf(prefix)
  prefix.set(MAGIC)
  view.setUint32(4, VERSION, true)
  view.setUint32(8, requiredFeatures, true)
  view.setUint32(16, sections.length, true)
  view.setUint32(20, signatureBytes, true)
  sections.forEach(({ kind, bytes }, i) => {
    const at = HEADER_BYTES + i * SECTION_ENTRY_BYTES
    view.setUint32(at, kind, true)
    view.setUint32(at + 4, kind === KIND_WEIGHTS ? 0 : crc32(bytes), true)
    writeU64(view, at + 8, bytes.byteLength)
    prefix.set(sha256(bytes), at + 16)
  })
  view.setUint32(24, prefixCrc(prefix), true)
  return prefix
}
