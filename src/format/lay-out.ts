// Sections -> the bytes of a file.
import { MleError } from '../error.ts'
import { viewOf } from './bytes.ts'
import { alignUp } from './layout.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { encodePrefix, type SectionContent } from './encode-prefix.ts'
import { prefixCrc } from './prefix.ts'

/**
 * A file of these sections, in file order.
 *
 * @param signature the signature block, if there is one
 * @throws MleError FORMAT_LIMIT
 */
export function layOutFile(sections: readonly SectionContent[], requiredFeatures: number, signature: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const prefix = encodePrefix(sections, requiredFeatures, signature.length)
  const parts = [prefix, signature, ...sections.map(({ bytes }) => bytes)]
  const size = parts.reduce((sum, { length }) => sum + alignUp(length), 0)
  if (size > DEFAULT_LIMITS.maxBytes) {
    throw new MleError('FORMAT_LIMIT', `the file would have ${size} bytes, more than the limit of ${DEFAULT_LIMITS.maxBytes}; store the weights in fewer bits`, { expected: DEFAULT_LIMITS.maxBytes, actual: size })
  }
  const file = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    file.set(part, at)
    at += alignUp(part.length)
  }
  return file
}

/** The same prefix for a signature block of another length. */
export function prefixWithSignature(prefix: Uint8Array, signatureBytes: number): Uint8Array {
  const copy = prefix.slice()
  const view = viewOf(copy)
  view.setUint32(20, signatureBytes, true)
  view.setUint32(24, prefixCrc(copy), true)
  return copy
}

/** All parts, one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
