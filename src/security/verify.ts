// Are the signatures of a file those that a policy asks for?
import { MleError } from '../error.ts'
import { rootOf } from '../format/root.ts'
import type { Container } from '../format/types.ts'
import { importPublicKey, verifySignature } from './ed25519.ts'
import { keyIdOf, publicKeyBytes, type KeySource } from './keys.ts'
import { checkedSigners, checkSize, nowOf, type TrustPolicy } from './policy.ts'
import { decodeSignatures, signedMessage, type SignatureEntry, type Statement } from './signature-block.ts'

/** A trusted signature that counts at the time of the policy. */
export type VerifiedSignature = Statement

interface Signer {
  readonly keyId: string
  readonly key: CryptoKey
}

/**
 * Checks the signature block of an open file against the keys of a policy. No other byte of the file is needed.
 *
 * @returns the signatures that count
 * @throws MleError TRUST_UNSIGNED, TRUST_BLOCK, TRUST_SIGNATURE, TRUST_SIGNER, TRUST_EXPIRED, TRUST_EARLY, TRUST_KEY, TRUST_SIZE, TRUST_UNSUPPORTED
 */
export async function verifySignatures(container: Container, block: Uint8Array, policy: TrustPolicy): Promise<VerifiedSignature[]> {
  const sources = checkedSigners(policy)
  const now = nowOf(policy)
  checkSize(policy, container.byteLength)
  const signers = await importSigners(sources)
  const entries = decodeSignatures(block)
  if (entries.length === 0) throw new MleError('TRUST_UNSIGNED', 'the file is not signed, and only signed ones are accepted', { section: 'signature block' })
  const root = rootOf(container)
  const found: VerifiedSignature[] = []
  const faults: MleError[] = []
  for (const signer of signers) {
    const result = await signatureOf(signer, entries, root, now)
    if (result instanceof MleError) faults.push(result)
    else found.push(result)
  }
  if (faults.length > 0 && (policy.require === 'all' || found.length === 0)) throw worst(faults)
  return found
}

async function importSigners(sources: readonly KeySource[]): Promise<Signer[]> {
  const signers = new Map<string, Signer>()
  for (const source of sources) {
    const bytes = publicKeyBytes(source)
    const keyId = keyIdOf(bytes)
    signers.set(keyId, { keyId, key: await importPublicKey(bytes) })
  }
  return [...signers.values()]
}

/** A signature of this signer that counts, or why there is none. */
async function signatureOf({ keyId, key }: Signer, entries: readonly SignatureEntry[], root: Uint8Array, now: number): Promise<VerifiedSignature | MleError> {
  const valid: Statement[] = []
  // The id in a file is a hint: signatures with another one are tried too.
  for (const { signature, statement, statementBytes } of entries) {
    if (await verifySignature(key, signature, signedMessage(root, statementBytes))) valid.push(statement)
    else if (statement.keyId === keyId) {
      throw new MleError('TRUST_SIGNATURE', `the signature of ${keyId} does not fit the file: one of them was changed`, { section: 'signature block' })
    }
  }
  const current = valid.find(({ notBefore = -Infinity, notAfter = Infinity }) => notBefore <= now && now <= notAfter)
  if (current !== undefined) return { ...current, keyId }
  if (valid.length === 0) return new MleError('TRUST_SIGNER', `nothing in the file is signed by ${keyId}`, { section: 'signature block', expected: keyId })
  const early = valid.find(({ notBefore = -Infinity }) => now < notBefore)
  if (early?.notBefore !== undefined) return new MleError('TRUST_EARLY', `the signature of ${keyId} counts only from ${timeText(early.notBefore)} on`, { section: 'signature block', expected: early.notBefore, actual: Math.floor(now) })
  const end = Math.max(...valid.map(({ notAfter = 0 }) => notAfter))
  return new MleError('TRUST_EXPIRED', `the signature of ${keyId} expired at ${timeText(end)}`, { section: 'signature block', expected: end, actual: Math.floor(now) })
}

function timeText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString()
}

/** A signature that expired says more than one that is not there. */
function worst(faults: readonly MleError[]): MleError {
  return faults.find(({ code }) => code !== 'TRUST_SIGNER') ?? faults[0]
}
