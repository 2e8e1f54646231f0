// Keys as callers have them: PEM as openssl writes it, or raw bytes. Messages never hold a key.
import { MleError } from '../error.ts'
import { fromBase64 } from '../platform/base64.ts'
import { hex, sha256 } from '../platform/sha256.ts'
import { checkPublicKey, PKCS8_HEAD, PUBLIC_KEY_BYTES, publicKeyOf, SEED_BYTES, SPKI_HEAD } from './ed25519.ts'

/** PEM text, or the 32 raw bytes of the key (of a private key: its seed). */
export type KeySource = string | Uint8Array

/** A fresh pair of keys as PEM: PKCS#8 and SubjectPublicKeyInfo. */
export interface KeyPair {
  readonly privateKey: string
  readonly publicKey: string
  /** SHA-256 of the raw public key, in hexadecimal digits. */
  readonly keyId: string
}

/** Makes a pair of Ed25519 keys. Throws TRUST_UNSUPPORTED. */
export async function generateKeys(): Promise<KeyPair> {
  const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES))
  const key = await publicKeyOf(seed)
  return { privateKey: pem('PRIVATE KEY', [...PKCS8_HEAD, ...seed]), publicKey: pem('PUBLIC KEY', [...SPKI_HEAD, ...key]), keyId: keyIdOf(key) }
}

function pem(label: string, der: readonly number[]): string {
  return `-----BEGIN ${label}-----\n${btoa(String.fromCharCode(...der))}\n-----END ${label}-----\n`
}

/** Names a public key in a file; only a hint for finding it. */
export function keyIdOf(publicKey: Uint8Array): string {
  return hex(sha256(publicKey))
}

/** The 32 bytes of a public key. Throws TRUST_KEY. */
export function publicKeyBytes(source: KeySource): Uint8Array {
  const key = typeof source === 'string' ? fromPem(source, 'PUBLIC KEY', SPKI_HEAD) : rawKey(source, PUBLIC_KEY_BYTES)
  checkPublicKey(key)
  return key
}

/** The 32 bytes of a private key's seed. Throws TRUST_KEY. */
export function seedBytes(source: KeySource): Uint8Array {
  return typeof source === 'string' ? fromPem(source, 'PRIVATE KEY', PKCS8_HEAD) : rawKey(source, SEED_BYTES)
}

function rawKey(source: Uint8Array, size: number): Uint8Array {
  if (!(source instanceof Uint8Array)) throw new TypeError('a key is PEM text or a Uint8Array')
  if (source.length !== size) throw new MleError('TRUST_KEY', `a raw Ed25519 key has ${size} bytes, got ${source.length}`, { expected: size, actual: source.length })
  return new Uint8Array(source)
}

function fromPem(text: string, label: string, head: readonly number[]): Uint8Array {
  const found = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]+?)-----END \1-----\s*$/.exec(text)
  if (found === null) throw new MleError('TRUST_KEY', `the key is not one PEM block "${label}"`)
  if (found[1] !== label) throw new MleError('TRUST_KEY', `the PEM block is a ${found[1]}, expected a ${label}`, { expected: label, actual: found[1] })
  let der: Uint8Array
  try {
    der = fromBase64(found[2].replaceAll(/\s/g, ''))
  } catch {
    throw new MleError('TRUST_KEY', 'the PEM block is not base64')
  }
  if (der.length !== head.length + 32 || head.some((byte, i) => der[i] !== byte)) throw new MleError('TRUST_KEY', `the PEM block is no Ed25519 ${label.toLowerCase()}`)
  return der.slice(head.length)
}
