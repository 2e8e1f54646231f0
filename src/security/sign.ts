// Adds signatures to files. The root stays: other signatures stay valid.
import { MleError } from '../error.ts'
import { alignUp } from '../format/layout.ts'
import { prefixWithSignature } from '../format/lay-out.ts'
import { rootOf } from '../format/root.ts'
import { importPublicKey, publicKeyOf, signMessage, verifySignature } from './ed25519.ts'
import { openParts } from './file-parts.ts'
import { keyIdOf, publicKeyBytes, seedBytes, type KeySource } from './keys.ts'
import { decodeSignatures, encodeSignatures, encodeStatement, signedMessage, type SignatureEntry } from './signature-block.ts'

export interface Validity {
  /** From when on the signature counts; always by default. */
  readonly notBefore?: Date
  /** Until when it counts; for ever by default. */
  readonly notAfter?: Date
}

function statementOf(publicKey: Uint8Array, { notBefore, notAfter }: Validity): Uint8Array {
  const seconds = (date: Date | undefined): number | undefined => {
    const time = date === undefined ? 0 : Math.floor(date.getTime() / 1000)
    if (!Number.isSafeInteger(time) || time < 0) throw new RangeError('notBefore and notAfter are dates from 1970 on')
    return date === undefined ? undefined : time
  }
  const [from, until] = [seconds(notBefore), seconds(notAfter)]
  if (from !== undefined && until !== undefined && from > until) throw new RangeError('notBefore lies after notAfter')
  return encodeStatement({ keyId: keyIdOf(publicKey), notBefore: from, notAfter: until })
}

/**
 * Signs a file.
 *
 * @param file bytes of an .mle file, whose hashes are checked first
 * @param key private key: PEM (PKCS#8) or the 32 bytes of its seed
 * @returns the file with the signature; an earlier one by the same key is replaced, those of others stay
 * @throws MleError FORMAT_*, TRUST_KEY, TRUST_BLOCK, TRUST_UNSUPPORTED
 * @example await writeFile('model.mle', await sign(await readFile('model.mle'), await readFile('ci.pem', 'utf8')))
 */
export async function sign(file: Uint8Array, key: KeySource, validity: Validity = {}): Promise<Uint8Array<ArrayBuffer>> {
  const seed = seedBytes(key)
  const publicKey = await publicKeyOf(seed)
  const statement = statementOf(publicKey, validity)
  const { container } = openParts(file)
  return attachSignature(file, publicKey, await signMessage(seed, signedMessage(rootOf(container), statement)), validity)
}

/**
 * The bytes to sign elsewhere, such as by a hardware key or `openssl pkeyutl -sign -rawin`; `attachSignature` takes the result.
 *
 * @throws MleError FORMAT_*, TRUST_KEY
 */
export function signingMessage(file: Uint8Array, publicKey: KeySource, validity: Validity = {}): Uint8Array {
  return signedMessage(rootOf(openParts(file).container), statementOf(publicKeyBytes(publicKey), validity))
}

/**
 * Puts a signature into a file that was made over `signingMessage` with the same arguments.
 *
 * @param signature 64 bytes
 * @throws MleError FORMAT_*, TRUST_KEY, TRUST_SIGNATURE when it does not fit
 */
export async function attachSignature(file: Uint8Array, publicKey: KeySource, signature: Uint8Array, validity: Validity = {}): Promise<Uint8Array<ArrayBuffer>> {
  const raw = publicKeyBytes(publicKey)
  const { container, block } = openParts(file)
  const statementBytes = statementOf(raw, validity)
  const fits = signature.length === 64 && (await verifySignature(await importPublicKey(raw), signature, signedMessage(rootOf(container), statementBytes)))
  if (!fits) throw new MleError('TRUST_SIGNATURE', `the signature of ${keyIdOf(raw)} does not fit the file: it was made over other bytes or with another key`, { section: 'signature block' })
  const keyId = keyIdOf(raw)
  const others = decodeSignatures(block).filter(({ statement }) => statement.keyId !== keyId)
  return withBlock(file, [...others, { signature, statementBytes, statement: { keyId } }])
}

/** The file without signatures. */
export function withoutSignatures(file: Uint8Array): Uint8Array<ArrayBuffer> {
  return withBlock(file, [])
}

function withBlock(file: Uint8Array, entries: readonly SignatureEntry[]): Uint8Array<ArrayBuffer> {
  const { container } = openParts(file)
  const block = encodeSignatures(entries)
  const prefix = prefixWithSignature(container.prefix, block.length)
  const start = alignUp(prefix.length)
  const rest = file.subarray(container.signature.offset + container.signature.byteLength)
  const out = new Uint8Array(start + block.length + rest.length)
  out.set(prefix)
  out.set(block, start)
  out.set(rest, start + block.length)
  return out
}
