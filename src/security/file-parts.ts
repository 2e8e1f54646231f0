// A whole file in memory, cut into its parts and put together again: what signing and encrypting work on.
import { MleError } from '../error.ts'
import { KIND_WEIGHTS } from '../format/layout.ts'
import { DEFAULT_LIMITS } from '../format/limits.ts'
import { parsePrefix, sectionOf } from '../format/prefix.ts'
import { checkOuter, checkPrefixEnd, requireHash, type Fetch } from '../format/read.ts'
import type { Container, Section } from '../format/types.ts'
import { sha256 } from '../platform/sha256.ts'
import { plainBytes } from '../tensor/bytes.ts'

export interface FileParts {
  readonly container: Container
  /** The signature block; empty in unsigned files. */
  readonly block: Uint8Array
  bytesOf(section: Section): Uint8Array
}

/** Opens a file whose every hash is right. Throws FORMAT_*. */
export function openParts(source: Uint8Array): FileParts {
  if (!(source instanceof Uint8Array)) throw new TypeError('expected the bytes of an .mle file')
  const bytes = plainBytes(source)
  const container = parsePrefix(bytes, bytes.length, DEFAULT_LIMITS)
  const fetch: Fetch = (offset, length) => bytes.subarray(offset, offset + length)
  checkPrefixEnd(container, fetch)
  checkOuter(container.sections, fetch, sha256)
  const weights = sectionOf(container, KIND_WEIGHTS)
  requireHash(weights, sha256(fetch(weights.offset, weights.byteLength)))
  const { offset, byteLength } = container.signature
  return { container, block: fetch(offset, byteLength), bytesOf: (section) => fetch(section.offset, section.byteLength) }
}

/** @throws MleError ENCRYPTION_TWICE */
export function refuseEncrypted(container: Container): void {
  if (container.encrypted) throw new MleError('ENCRYPTION_TWICE', 'the file is encrypted already: decrypt it first', { section: 'encryption' })
}
