// Ed25519 (RFC 8032) by WebCrypto. Engines differ in which odd keys and signatures they take, so that those are refused here first.
import { MleError } from '../error.ts'
import { fromBase64 } from '../platform/base64.ts'
import { owned, subtle, unsupported } from './subtle.ts'

export const PUBLIC_KEY_BYTES = 32
export const SEED_BYTES = 32
export const SIGNATURE_BYTES = 64

/** The field has 2^255 - 19 elements, the group that signatures use this many points. */
const FIELD = 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffedn
const ORDER = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn

/** y coordinates of the points whose order divides 8, by which a signature proves nothing. */
const SMALL_ORDER_Y: readonly bigint[] = /* @__PURE__ */ [
  0n,
  1n,
  0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffecn,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i])
  return value
}

/** What is wrong with a point's encoding; undefined if nothing is. */
function pointFault(bytes: Uint8Array): string | undefined {
  const y = littleEndian(bytes) & ((1n << 255n) - 1n)
  if (y >= FIELD) return 'is not written in the canonical way'
  return SMALL_ORDER_Y.includes(y) ? 'is a point of small order' : undefined
}

/** @throws MleError TRUST_KEY for a key of another size, of small order, or not in canonical form */
export function checkPublicKey(key: Uint8Array): void {
  const fault = key.length === PUBLIC_KEY_BYTES ? pointFault(key) : `has ${key.length} bytes, expected ${PUBLIC_KEY_BYTES}`
  if (fault !== undefined) throw new MleError('TRUST_KEY', `the public key ${fault}: it cannot be trusted`)
}

/**
 * @param key 32 bytes, checked by `checkPublicKey`
 * @throws MleError TRUST_KEY for bytes that are no point of the curve, TRUST_UNSUPPORTED
 */
export async function importPublicKey(key: Uint8Array): Promise<CryptoKey> {
  checkPublicKey(key)
  try {
    return await subtle().importKey('raw', owned(key), 'Ed25519', true, ['verify'])
  } catch (error) {
    if (error instanceof MleError) throw error
    if (isUnsupported(error)) throw unsupported('Ed25519')
    throw new MleError('TRUST_KEY', 'the public key is no point of the curve')
  }
}

export async function verifySignature(key: CryptoKey, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  if (pointFault(signature.subarray(0, 32)) !== undefined || littleEndian(signature.subarray(32, 64)) >= ORDER) return false
  return subtle().verify('Ed25519', key, owned(signature), owned(message))
}

export async function signMessage(seed: Uint8Array, message: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await subtle().sign('Ed25519', await importSeed(seed), owned(message)))
}

/** The public key of a seed. */
export async function publicKeyOf(seed: Uint8Array): Promise<Uint8Array> {
  const { x } = await subtle().exportKey('jwk', await importSeed(seed))
  return fromBase64((x ?? '').replaceAll('-', '+').replaceAll('_', '/'))
}

/** DER of PKCS#8 up to the seed. */
export const PKCS8_HEAD: readonly number[] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]
/** DER of SubjectPublicKeyInfo up to the key. */
export const SPKI_HEAD: readonly number[] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0]

async function importSeed(seed: Uint8Array): Promise<CryptoKey> {
  try {
    return await subtle().importKey('pkcs8', Uint8Array.of(...PKCS8_HEAD, ...seed), 'Ed25519', true, ['sign'])
  } catch (error) {
    if (error instanceof MleError) throw error
    throw isUnsupported(error) ? unsupported('Ed25519') : new MleError('TRUST_KEY', 'the private key cannot be used')
  }
}

function isUnsupported(error: unknown): boolean {
  return error instanceof Error && (error.name === 'NotSupportedError' || error.name === 'TypeError')
}
