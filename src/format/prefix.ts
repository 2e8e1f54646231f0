// Header and section table: what is known of a file before any JSON is parsed.
import { MleError } from '../error.ts'
import { crc32 } from '../platform/crc32.ts'
import { firstNonZero, readU64, viewOf } from './bytes.ts'
import {
  alignUp, CHUNK_BYTES, CHUNK_ENTRY_BYTES, FEATURE_COMPRESSED, FEATURE_ENCRYPTED, HEADER_BYTES, KIND_CHUNKS, KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS, MAGIC, OPTIONAL_KIND,
  SECTION_ENTRY_BYTES, VERSION,
} from './layout.ts'
import type { Limits } from './limits.ts'
import type { Container, Section, SectionName } from './types.ts'

const NAMES: ReadonlyMap<number, SectionName> = /* @__PURE__ */ new Map<number, SectionName>([
  [KIND_ENCRYPTION, 'encryption'],
  [KIND_METADATA, 'metadata'],
  [KIND_GRAPH, 'graph'],
  [KIND_CHUNKS, 'chunks'],
  [KIND_WEIGHTS, 'weights'],
])

/** True when the bytes start as an .mle file does, of whatever version. */
export function isMle(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte)
}

/**
 * Length of the prefix, from the header alone.
 *
 * @param head the first bytes of the file, at least 64 where the file has them
 * @throws MleError FORMAT_MAGIC, FORMAT_VERSION, FORMAT_TRUNCATED, FORMAT_LIMIT
 */
export function prefixLength(head: Uint8Array, limits: Limits): number {
  for (let i = 0; i < Math.min(head.length, MAGIC.length); i++) {
    if (head[i] !== MAGIC[i]) {
      throw new MleError('FORMAT_MAGIC', `not an .mle file: byte ${i} is ${head[i]}, expected ${MAGIC[i]}; files of other programs are read by importModel of mle-runtime/import`, {
        section: 'header', offset: i, expected: MAGIC[i], actual: head[i],
      })
    }
  }
  const view = viewOf(head)
  if (head.length >= 8 && view.getUint32(4, true) !== VERSION) {
    const version = view.getUint32(4, true)
    const advice = version < VERSION ? 'convert it with importModel of mle-runtime/import' : 'a newer mle-runtime is needed'
    throw new MleError('FORMAT_VERSION', `the file has version ${version} of the .mle format, this reader knows ${VERSION}: ${advice}`, {
      section: 'header', offset: 4, expected: VERSION, actual: version,
    })
  }
  if (head.length < HEADER_BYTES) throw truncated('header', HEADER_BYTES, head.length)
  const count = view.getUint32(16, true)
  if (count > limits.maxSections) {
    throw new MleError('FORMAT_LIMIT', `the section table has ${count} entries, more than the limit of ${limits.maxSections}`, {
      section: 'header', offset: 16, expected: limits.maxSections, actual: count,
    })
  }
  return HEADER_BYTES + count * SECTION_ENTRY_BYTES
}

function truncated(section: string, expected: number, actual: number): MleError {
  return new MleError('FORMAT_TRUNCATED', `the file ends after ${actual} bytes, its ${section} needs ${expected}: it was not written or copied completely`, {
    section, offset: actual, expected, actual,
  })
}

/**
 * Checks header, section table and the tiling of the file.
 *
 * @param head the first bytes of the file, with at least the whole prefix where the file has it
 * @param byteLength length of the whole file
 * @throws MleError with a code of docs/format.md, sections 1 to 3
 */
export function parsePrefix(head: Uint8Array, byteLength: number, limits: Limits): Container {
  if (byteLength > limits.maxBytes) {
    throw new MleError('FORMAT_LIMIT', `the file has ${byteLength} bytes, more than the limit of ${limits.maxBytes}`, { section: 'header', expected: limits.maxBytes, actual: byteLength })
  }
  const length = prefixLength(head, limits)
  if (head.length < length) throw truncated('section table', length, head.length)
  const prefix = head.subarray(0, length)
  const view = viewOf(prefix)
  checkPrefixCrc(prefix, view, byteLength)
  const reserved = firstNonZero(prefix, 28, HEADER_BYTES)
  if (reserved >= 0) {
    throw new MleError('FORMAT_RESERVED', `header: reserved byte ${reserved} is ${prefix[reserved]}, expected 0`, { section: 'header', offset: reserved, expected: 0, actual: prefix[reserved] })
  }
  const requiredFeatures = view.getUint32(8, true)
  checkFeatures(requiredFeatures)
  const signatureBytes = view.getUint32(20, true)
  if (alignUp(signatureBytes) !== signatureBytes) {
    throw new MleError('FORMAT_SIGNATURE', `the signature block has ${signatureBytes} bytes, expected a multiple of 64`, { section: 'header', offset: 20, actual: signatureBytes })
  }
  if (signatureBytes > limits.maxSignatureBytes) {
    throw new MleError('FORMAT_LIMIT', `the signature block has ${signatureBytes} bytes, more than the limit of ${limits.maxSignatureBytes}`, {
      section: 'header', offset: 20, expected: limits.maxSignatureBytes, actual: signatureBytes,
    })
  }
  const signature = { offset: alignUp(length), byteLength: signatureBytes }
  const sections: Section[] = []
  let offset = signature.offset + signatureBytes
  for (let at = HEADER_BYTES; at < length; at += SECTION_ENTRY_BYTES) {
    const section = parseEntry(prefix, view, at, offset, sections)
    sections.push(section)
    offset = alignUp(offset + section.byteLength)
    // Compared at every step: the sum of few lengths below 2^53 stays exact, that of many would not.
    if (offset > byteLength) throw truncated(`section ${section.name}`, offset, byteLength)
  }
  const encrypted = (requiredFeatures & FEATURE_ENCRYPTED) !== 0
  checkPresence(sections, encrypted)
  if (offset > byteLength) throw truncated('signature block', offset, byteLength)
  if (offset < byteLength) {
    throw new MleError('FORMAT_TRAILING', `the file has ${byteLength} bytes, its sections end at ${offset}: nothing may follow them`, { offset, expected: offset, actual: byteLength })
  }
  sections.forEach((section) => checkSize(section, limits))
  return {
    byteLength,
    requiredFeatures,
    optionalFeatures: view.getUint32(12, true),
    encrypted,
    compressed: (requiredFeatures & FEATURE_COMPRESSED) !== 0,
    prefix,
    signature,
    sections,
  }
}

/** Bounds the sections that are read as a whole before anything in them was checked. */
function checkSize(section: Section, limits: Limits): void {
  const most = mostBytes(section.name, limits)
  if (section.byteLength > most) {
    throw new MleError('FORMAT_LIMIT', `${section.name}: the section has ${section.byteLength} bytes, more than the limits allow (${most})`, {
      section: section.name, offset: section.offset, expected: most, actual: section.byteLength,
    })
  }
}

function mostBytes(name: SectionName, limits: Limits): number {
  if (name === 'metadata' || name === 'graph') return limits.maxJsonBytes
  if (name === 'encryption') return limits.maxSignatureBytes
  // No tensor table within the limits needs more chunks.
  if (name === 'chunks') return CHUNK_ENTRY_BYTES * (limits.maxTensors + Math.ceil(limits.maxBytes / CHUNK_BYTES))
  return limits.maxBytes
}

function checkPrefixCrc(prefix: Uint8Array, view: DataView, byteLength: number): void {
  const stored = view.getUint32(24, true)
  const actual = prefixCrc(prefix, byteLength)
  if (stored !== actual) {
    throw new MleError('FORMAT_CRC32', `header and section table are damaged: their CRC-32 is ${actual}, the file says ${stored}`, { section: 'header', offset: 24, expected: stored, actual })
  }
}

/**
 * CRC-32 of header and section table with the CRC's own four bytes taken as zero.
 *
 * @param byteLength of the whole file, whose other parts are summed next
 */
export function prefixCrc(prefix: Uint8Array, byteLength: number = prefix.length): number {
  const copy = prefix.slice()
  copy.fill(0, 24, 28)
  return crc32(copy, 0, byteLength)
}

function checkFeatures(features: number): void {
  const unknown: number[] = []
  for (let bit = 0; bit < 32; bit++) if ((features >>> bit) & 1 && bit > 1) unknown.push(bit)
  if (unknown.length > 0) {
    throw new MleError('FORMAT_FEATURE', `the file requires features this reader does not know: bit ${unknown.join(', ')}; a newer mle-runtime is needed`, {
      section: 'header', offset: 8, expected: FEATURE_ENCRYPTED | FEATURE_COMPRESSED, actual: features,
    })
  }
}

/** A kind without the bit that makes it optional: what the order goes by. */
const orderOf = (kind: number): number => kind % OPTIONAL_KIND

function parseEntry(prefix: Uint8Array, view: DataView, at: number, offset: number, before: readonly Section[]): Section {
  const kind = view.getUint32(at, true)
  const name = NAMES.get(kind) ?? 'unknown'
  if (name === 'unknown' && kind < OPTIONAL_KIND) {
    throw new MleError('FORMAT_SECTION', `entry ${before.length} of the section table has the unknown kind ${kind}, which this reader may not skip`, { section: 'section table', offset: at, actual: kind })
  }
  const previous = before[before.length - 1]
  if (previous !== undefined && orderOf(previous.kind) >= orderOf(kind)) {
    throw new MleError('FORMAT_SECTION', `entry ${before.length} of the section table has kind ${kind} after kind ${previous.kind}: kinds must rise`, { section: 'section table', offset: at, actual: kind })
  }
  const storedCrc = view.getUint32(at + 4, true)
  if (name === 'weights' && storedCrc !== 0) {
    throw new MleError('FORMAT_RESERVED', `the CRC of the weights is ${storedCrc}, expected 0: chunks have their own`, { section: 'section table', offset: at + 4, expected: 0, actual: storedCrc })
  }
  return { kind, name, offset, byteLength: readU64(view, at + 8, 0, 'section table'), crc32: storedCrc, sha256: prefix.subarray(at + 16, at + 48) }
}

function checkPresence(sections: readonly Section[], encrypted: boolean): void {
  for (const [kind, name] of NAMES) {
    const present = sections.some((section) => section.kind === kind)
    const wanted = kind !== KIND_ENCRYPTION || encrypted
    if (present === wanted) continue
    throw new MleError('FORMAT_SECTION', present ? 'there is an encryption section, but the features do not say that the file is encrypted' : `the file has no section ${name}`, {
      section: 'section table', offset: HEADER_BYTES, expected: name,
    })
  }
}

/** The section of a known kind, which `parsePrefix` has found present. */
export function sectionOf(container: Container, kind: number): Section {
  const found = container.sections.find((section) => section.kind === kind)
  if (found === undefined) throw new TypeError(`section ${kind} is not part of this file`)
  return found
}
