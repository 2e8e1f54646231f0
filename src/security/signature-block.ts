// The signature block of a file: docs/format.md, section 4.
import { MleError } from '../error.ts'
import { firstNonZero, viewOf } from '../format/bytes.ts'
import { count, keys, parseJson, record, text, type Key } from '../format/json.ts'
import { alignUp } from '../format/layout.ts'
import { DEFAULT_LIMITS, type Limits } from '../format/limits.ts'
import { crc32 } from '../platform/crc32.ts'
import { SIGNATURE_BYTES } from './ed25519.ts'

const ALGORITHM_ED25519 = 1
const BLOCK_HEAD_BYTES = 8
const ENTRY_HEAD_BYTES = 8 + SIGNATURE_BYTES
const MAX_SIGNATURES = 64
const MAX_STATEMENT_BYTES = 1024
const STATEMENT: readonly Key[] = /* @__PURE__ */ keys('keyId', 'notBefore?', 'notAfter?')
const STATEMENT_LIMITS: Limits = { ...DEFAULT_LIMITS, maxDepth: 1, maxJsonBytes: MAX_STATEMENT_BYTES, maxJsonValues: 8 }
/** "mle3-sig" NUL */
const LABEL: readonly number[] = [0x6d, 0x6c, 0x65, 0x33, 0x2d, 0x73, 0x69, 0x67, 0]

/** What a signer says besides "this file". */
export interface Statement {
  /** SHA-256 of the signer's public key, in hexadecimal digits: only a hint. */
  readonly keyId: string
  /** Seconds since 1970 from which, and until which, the signature counts. */
  readonly notBefore?: number
  readonly notAfter?: number
}

export interface SignatureEntry {
  readonly signature: Uint8Array
  readonly statement: Statement
  /** As signed. */
  readonly statementBytes: Uint8Array
}

/** The one way to write a statement. */
export function encodeStatement({ keyId, notBefore, notAfter }: Statement): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ keyId, notBefore, notAfter }))
}

/** The bytes that are signed. */
export function signedMessage(root: Uint8Array, statement: Uint8Array): Uint8Array {
  return Uint8Array.of(...LABEL, ...root, ...statement)
}

const malformed = (what: string): MleError => new MleError('TRUST_BLOCK', `signature block: ${what}`, { section: 'signature block' })

/**
 * Reads all signatures, those of unknown signers too: nothing in the block may be malformed.
 *
 * @param block its CRC was checked; empty in unsigned files
 * @throws MleError TRUST_BLOCK
 */
export function decodeSignatures(block: Uint8Array): SignatureEntry[] {
  if (block.length === 0) return []
  const view = viewOf(block)
  const size = view.getUint32(4, true)
  if (size < 1 || size > MAX_SIGNATURES) throw malformed(`${size} signatures, expected 1 to ${MAX_SIGNATURES}`)
  const entries: SignatureEntry[] = []
  let at = BLOCK_HEAD_BYTES
  for (let i = 0; i < size; i++) {
    if (block.length - at < ENTRY_HEAD_BYTES) throw malformed(`signature ${i} runs past the end`)
    const algorithm = view.getUint32(at, true)
    if (algorithm !== ALGORITHM_ED25519) throw malformed(`signature ${i} has the unknown algorithm ${algorithm}`)
    const length = view.getUint32(at + 4, true)
    const start = at + ENTRY_HEAD_BYTES
    if (length > MAX_STATEMENT_BYTES || length > block.length - start) throw malformed(`the statement of signature ${i} runs past the end`)
    const statementBytes = block.slice(start, start + length)
    entries.push({ signature: block.slice(at + 8, start), statement: decodeStatement(statementBytes, i), statementBytes })
    const end = start + length
    at = Math.ceil(end / 8) * 8
    if (firstNonZero(block, end, Math.min(at, block.length)) >= 0) throw malformed(`a byte after signature ${i} is not zero`)
  }
  if (alignUp(at) !== block.length || firstNonZero(block, at, block.length) >= 0) throw malformed('bytes after the last signature')
  return entries
}

function decodeStatement(bytes: Uint8Array, index: number): Statement {
  try {
    const fields = record(parseJson(bytes, 'signature block', 0, STATEMENT_LIMITS), STATEMENT)
    const keyId = text(fields.keyId)
    if (!/^[0-9a-f]{64}$/.test(keyId)) throw malformed('the key id is not 64 hexadecimal digits')
    const notBefore = fields.notBefore === undefined ? undefined : count(fields.notBefore)
    const notAfter = fields.notAfter === undefined ? undefined : count(fields.notAfter)
    if (notBefore !== undefined && notAfter !== undefined && notBefore > notAfter) throw malformed('it ends before it begins')
    return { keyId, notBefore, notAfter }
  } catch (error) {
    throw malformed(`the statement of signature ${index}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** The block of these signatures; no bytes for none. */
export function encodeSignatures(entries: readonly SignatureEntry[]): Uint8Array {
  if (entries.length === 0) return new Uint8Array(0)
  if (entries.length > MAX_SIGNATURES) throw malformed(`${entries.length} signatures, at most ${MAX_SIGNATURES} are allowed`)
  const sizes = entries.map(({ statementBytes }) => Math.ceil((ENTRY_HEAD_BYTES + statementBytes.length) / 8) * 8)
  const block = new Uint8Array(alignUp(BLOCK_HEAD_BYTES + sizes.reduce((sum, size) => sum + size, 0)))
  const view = viewOf(block)
  view.setUint32(4, entries.length, true)
  let at = BLOCK_HEAD_BYTES
  entries.forEach(({ signature, statementBytes }, i) => {
    view.setUint32(at, ALGORITHM_ED25519, true)
    view.setUint32(at + 4, statementBytes.length, true)
    block.set(signature, at + 8)
    block.set(statementBytes, at + ENTRY_HEAD_BYTES)
    at += sizes[i]
  })
  view.setUint32(0, crc32(block.subarray(4)), true)
  return block
}
