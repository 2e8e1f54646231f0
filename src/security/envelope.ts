// The encryption section: who can open a file, and the keys of its parts. docs/format.md, section 9.
import { MleError } from '../error.ts'
import { viewOf, writeU64 } from '../format/bytes.ts'
import { KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS } from '../format/layout.ts'
import type { Opener, SealedPiece } from '../format/types.ts'
import { owned, subtle } from './subtle.ts'

export const KEY_BYTES = 32
const VERSION = 1
const HEAD_BYTES = 80
const HMAC_AT = 48
const RECIPIENT_BYTES = 96
const RECIPIENT_HEAD_BYTES = 48
const MAX_RECIPIENTS = 64
const RECIPIENT_KEY = 1
const RECIPIENT_PASSPHRASE = 2

/** Fewer iterations would let guesses be tried fast; more would let a file stop its reader for minutes. */
export const MIN_ITERATIONS = 100_000
export const MAX_ITERATIONS = 10_000_000
export const DEFAULT_ITERATIONS = 600_000

/** Bits of the parts that can be sealed. */
const SEAL_BITS: ReadonlyMap<number, number> = /* @__PURE__ */ new Map([[KIND_METADATA, 1], [KIND_GRAPH, 2], [KIND_WEIGHTS, 4]])
const ALL_BITS = 7

/** One of them opens an encrypted file. */
export interface Unlocking {
  /** 32 bytes. */
  readonly key?: Uint8Array
  readonly passphrase?: string
}

const malformed = (what: string): MleError => new MleError('ENCRYPTION_HEADER', `encryption section: ${what}`, { section: 'encryption' })

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setUint32(0, value, true)
  return bytes
}

async function hkdf(key: Uint8Array, salt: Uint8Array, info: Uint8Array): Promise<Uint8Array> {
  const material = await subtle().importKey('raw', owned(key), 'HKDF', false, ['deriveBits'])
  return new Uint8Array(await subtle().deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: owned(salt), info: owned(info) }, material, 256))
}

async function pbkdf2(passphrase: string, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  const material = await subtle().importKey('raw', owned(ascii(passphrase.normalize('NFC'))), 'PBKDF2', false, ['deriveBits'])
  return new Uint8Array(await subtle().deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: owned(salt), iterations }, material, 256))
}

const aesKey = (key: Uint8Array): Promise<CryptoKey> => subtle().importKey('raw', owned(key), 'AES-GCM', false, ['encrypt', 'decrypt'])

/** The key of a section. */
async function sectionKey(fileKey: Uint8Array, salt: Uint8Array, kind: number): Promise<Uint8Array> {
  return hkdf(fileKey, salt, Uint8Array.of(...ascii('mle3'), ...u32(kind)))
}

/** The key that wraps the file key for one recipient; `head` is the recipient's first 48 bytes, the last 32 of them its salt. */
async function wrappingKey(secret: Uint8Array, head: Uint8Array): Promise<CryptoKey> {
  return aesKey(await hkdf(secret, head.subarray(16), ascii('mle3-wrap')))
}

const wrapping = (head: Uint8Array): AesGcmParams => ({ name: 'AES-GCM', iv: new Uint8Array(12), additionalData: owned(head) })

/** The section with its own HMAC taken as zero: what the HMAC is over. */
function withoutHmac(section: Uint8Array): Uint8Array {
  const copy = section.slice()
  copy.fill(0, HMAC_AT, HEAD_BYTES)
  return copy
}

async function hmacKey(fileKey: Uint8Array, salt: Uint8Array): Promise<CryptoKey> {
  return subtle().importKey('raw', owned(await sectionKey(fileKey, salt, KIND_ENCRYPTION)), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify'])
}

interface Recipient {
  readonly kind: number
  readonly iterations: number
  readonly head: Uint8Array
  readonly wrapped: Uint8Array
}

interface Envelope {
  readonly sealed: number
  readonly salt: Uint8Array
  readonly hmac: Uint8Array
  readonly recipients: readonly Recipient[]
}

/** Reads the section. Throws ENCRYPTION_HEADER. */
export function decodeEnvelope(section: Uint8Array): Envelope {
  if (section.length < HEAD_BYTES) throw malformed(`${section.length} bytes, at least ${HEAD_BYTES} are needed`)
  const view = viewOf(section)
  const size = view.getUint32(4, true)
  const sealed = view.getUint32(8, true)
  if (view.getUint32(0, true) !== VERSION) throw malformed(`version ${view.getUint32(0, true)}, this reader knows ${VERSION}`)
  if (size < 1 || size > MAX_RECIPIENTS || section.length !== HEAD_BYTES + size * RECIPIENT_BYTES) throw malformed(`${size} recipients in ${section.length} bytes`)
  if (sealed < 1 || sealed > ALL_BITS) throw malformed(`the sealed parts are ${sealed}, expected 1 to ${ALL_BITS}`)
  if (view.getUint32(12, true) !== 0) throw malformed('a reserved byte is not 0')
  const recipients: Recipient[] = []
  let total = 0
  for (let i = 0; i < size; i++) {
    const at = HEAD_BYTES + i * RECIPIENT_BYTES
    const kind = view.getUint32(at, true)
    const iterations = view.getUint32(at + 4, true)
    if (view.getUint32(at + 8, true) !== 0 || view.getUint32(at + 12, true) !== 0) throw malformed('a reserved byte is not 0')
    if (kind !== RECIPIENT_KEY && kind !== RECIPIENT_PASSPHRASE) throw malformed(`recipient ${i} is of the unknown kind ${kind}`)
    if (kind === RECIPIENT_KEY && iterations !== 0) throw malformed(`recipient ${i} has a key and ${iterations} iterations`)
    if (kind === RECIPIENT_PASSPHRASE && (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS)) throw malformed(`recipient ${i} asks for ${iterations} iterations, ${MIN_ITERATIONS} to ${MAX_ITERATIONS} are allowed`)
    total += iterations
    if (total > MAX_ITERATIONS) throw malformed(`its passphrases ask for ${total} iterations, at most ${MAX_ITERATIONS} are allowed`)
    recipients.push({ kind, iterations, head: section.slice(at, at + RECIPIENT_HEAD_BYTES), wrapped: section.slice(at + RECIPIENT_HEAD_BYTES, at + RECIPIENT_BYTES) })
  }
  return { sealed, salt: section.slice(16, HMAC_AT), hmac: section.slice(HMAC_AT, HEAD_BYTES), recipients }
}

function checkedKey(key: Uint8Array): Uint8Array {
  if (!(key instanceof Uint8Array) || key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes`)
  return key
}

function checkedPassphrase(passphrase: string): string {
  if (typeof passphrase !== 'string' || passphrase === '') throw new RangeError('a passphrase has at least one character')
  return passphrase
}

async function secretOf({ kind, iterations, head }: Recipient, { key, passphrase }: Unlocking): Promise<Uint8Array | undefined> {
  if (kind === RECIPIENT_KEY) return key === undefined ? undefined : checkedKey(key)
  return passphrase === undefined ? undefined : pbkdf2(checkedPassphrase(passphrase), head.subarray(16), iterations)
}

/** The file key, for who holds the key of a recipient. Throws ENCRYPTION_KEY, and ENCRYPTION_COMMITMENT when it is not the one that the file was sealed with. */
async function fileKeyOf(section: Uint8Array, envelope: Envelope, unlocking: Unlocking): Promise<Uint8Array> {
  for (const recipient of envelope.recipients) {
    const secret = await secretOf(recipient, unlocking)
    if (secret === undefined) continue
    let fileKey: Uint8Array
    try {
      fileKey = new Uint8Array(await subtle().decrypt(wrapping(recipient.head), await wrappingKey(secret, recipient.head), owned(recipient.wrapped)))
    } catch {
      continue
    }
    const committed = await subtle().verify('HMAC', await hmacKey(fileKey, envelope.salt), owned(envelope.hmac), owned(withoutHmac(section)))
    if (!committed) throw new MleError('ENCRYPTION_COMMITMENT', 'the encryption section was changed, or holds another key for this recipient than for the others', { section: 'encryption' })
    return fileKey
  }
  const given = unlocking.passphrase !== undefined && unlocking.key === undefined ? 'passphrase' : 'key'
  throw new MleError('ENCRYPTION_KEY', `the ${given} opens none of the ${envelope.recipients.length} recipients of the file`, { section: 'encryption' })
}

/** Nonce and additional data: where a piece belongs, so that it opens nowhere else. */
function pieceParams({ kind, index, count, codec, filter, rawBytes }: SealedPiece): AesGcmParams {
  const iv = new Uint8Array(12)
  writeU64(viewOf(iv), 0, index)
  iv[11] = index === count - 1 ? 1 : 0
  const additionalData = new Uint8Array(30)
  const view = viewOf(additionalData)
  view.setUint32(0, kind, true)
  writeU64(view, 4, index)
  writeU64(view, 12, count)
  additionalData[20] = codec
  additionalData[21] = filter
  writeU64(view, 22, rawBytes)
  return { name: 'AES-GCM', iv, additionalData }
}

/** Keys of the sections, made when they are needed. */
function sectionKeys(fileKey: Uint8Array, salt: Uint8Array): (kind: number) => Promise<CryptoKey> {
  const keys = new Map<number, Promise<CryptoKey>>()
  return (kind) => {
    let key = keys.get(kind)
    if (key === undefined) keys.set(kind, (key = sectionKey(fileKey, salt, kind).then(aesKey)))
    return key
  }
}

/**
 * Opens the envelope of a file.
 *
 * @param section content of the encryption section
 * @throws MleError ENCRYPTION_HEADER, ENCRYPTION_KEY, ENCRYPTION_COMMITMENT, TRUST_UNSUPPORTED; the opener throws ENCRYPTION_DATA
 */
export async function unlock(section: Uint8Array, unlocking: Unlocking): Promise<Opener> {
  const envelope = decodeEnvelope(section)
  const keyOf = sectionKeys(await fileKeyOf(section, envelope, unlocking), envelope.salt)
  return {
    seals: (kind) => (envelope.sealed & (SEAL_BITS.get(kind) ?? 0)) !== 0,
    async open(piece, stored) {
      try {
        return new Uint8Array(await subtle().decrypt(pieceParams(piece), await keyOf(piece.kind), owned(stored)))
      } catch {
        throw new MleError('ENCRYPTION_DATA', `piece ${piece.index} of ${piece.count} of section ${piece.kind.toString(16)} is not what was sealed there: it was changed, moved or cut`, { section: 'encryption', actual: piece.index })
      }
    },
  }
}

export interface Sealing {
  /** Each of these keys of 32 bytes opens the file. */
  readonly keys?: readonly Uint8Array[]
  /** Each of these passphrases opens it too. */
  readonly passphrases?: readonly string[]
  /** Rounds of PBKDF2 for passphrases: 100,000 to 10,000,000 together; default 600,000. */
  readonly iterations?: number
}

/** Seals the pieces of a new file. */
export interface Sealer {
  /** Content of the encryption section. */
  readonly section: Uint8Array
  seal(piece: SealedPiece, payload: Uint8Array): Promise<Uint8Array>
}

/** A fresh file key, wrapped for every recipient. Throws RangeError for keys and iterations out of range. */
export async function createSealer(kinds: readonly number[], { keys = [], passphrases = [], iterations = DEFAULT_ITERATIONS }: Sealing): Promise<Sealer> {
  const size = keys.length + passphrases.length
  if (size < 1 || size > MAX_RECIPIENTS) throw new RangeError(`${size} keys and passphrases, expected 1 to ${MAX_RECIPIENTS}`)
  if (!Number.isSafeInteger(iterations) || iterations < MIN_ITERATIONS || iterations * passphrases.length > MAX_ITERATIONS) {
    throw new RangeError(`iterations is ${iterations} for ${passphrases.length} passphrases, expected at least ${MIN_ITERATIONS}, and ${MAX_ITERATIONS} at most together`)
  }
  const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))
  const fileKey = random(KEY_BYTES)
  const salt = random(32)
  const section = new Uint8Array(HEAD_BYTES + size * RECIPIENT_BYTES)
  section.set(u32(VERSION), 0)
  section.set(u32(size), 4)
  section.set(u32(kinds.reduce((bits, kind) => bits | (SEAL_BITS.get(kind) ?? 0), 0)), 8)
  section.set(salt, 16)
  for (let i = 0; i < size; i++) {
    const isKey = i < keys.length
    const head = new Uint8Array(RECIPIENT_HEAD_BYTES)
    head.set(u32(isKey ? RECIPIENT_KEY : RECIPIENT_PASSPHRASE), 0)
    head.set(u32(isKey ? 0 : iterations), 4)
    head.set(random(32), 16)
    const secret = isKey ? checkedKey(keys[i]) : await pbkdf2(checkedPassphrase(passphrases[i - keys.length]), head.subarray(16), iterations)
    const wrapped = await subtle().encrypt(wrapping(head), await wrappingKey(secret, head), owned(fileKey))
    section.set(head, HEAD_BYTES + i * RECIPIENT_BYTES)
    section.set(new Uint8Array(wrapped), HEAD_BYTES + i * RECIPIENT_BYTES + RECIPIENT_HEAD_BYTES)
  }
  section.set(new Uint8Array(await subtle().sign('HMAC', await hmacKey(fileKey, salt), owned(section))), HMAC_AT)
  const keyOf = sectionKeys(fileKey, salt)
  return { section, seal: async (piece, payload) => new Uint8Array(await subtle().encrypt(pieceParams(piece), await keyOf(piece.kind), owned(payload))) }
}
