// Signed and encrypted files: some to be accepted, the others wrong in one way, with sums and hashes right unless they are what is wrong.
// Signatures are Ed25519, hence the same each time. The one encrypted file, which is random by nature, is recorded: the others depart from it.
import { readFileSync } from 'node:fs'
import { crc32 } from '../src/platform/crc32.ts'
import { sign, withoutSignatures } from '../src/security/index.ts'
import { resealed } from '../test/support/reseal.ts'
import { wellFormedFile, withMetadata } from './malformed-files.ts'

export interface TrustFile {
  /** File name without its ending. */
  readonly name: string
  /** The error of this project's reader; null for files that must be accepted. */
  readonly code: string | null
  readonly why: string
  /** Load with the policy of policy.json, or with the key of key.bin. */
  readonly with: 'policy' | 'key'
  readonly bytes: Uint8Array
}

const folder = new URL('./trust/', import.meta.url)
const text = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)))

const MODEL = '{"name":"tiny","modelId":"tiny","modelVersion":2}'
const BLOCK_AT = 256
const ENTRY_HEAD = 72

/** A copy whose signature block is changed, its CRC right again. */
function inBlock(file: Uint8Array, change: (block: Uint8Array, view: DataView) => void): Uint8Array {
  const copy = file.slice()
  const block = copy.subarray(BLOCK_AT, BLOCK_AT + new DataView(copy.buffer).getUint32(20, true))
  const view = new DataView(block.buffer, block.byteOffset, block.length)
  change(block, view)
  view.setUint32(0, crc32(block.subarray(4)), true)
  return copy
}

/** A copy that is changed, all its sums and hashes right again. */
function anew(file: Uint8Array, change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const copy = file.slice()
  change(copy, new DataView(copy.buffer))
  return resealed(copy)
}

/** S + the order of the group: the equation of a signature still holds. */
function addOrder(signature: Uint8Array): void {
  let value = signature.subarray(32, 64).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn
  for (let i = 32; i < 64; i++, value >>= 8n) signature[i] = Number(value & 255n)
}

/** All files, in the order of docs/format.md. */
export async function trustFiles(): Promise<TrustFile[]> {
  return [...(await signedFiles()), ...sealedFiles()]
}

async function signedFiles(): Promise<TrustFile[]> {
  const [signer, other] = [text('signer.pem'), text('other.pem')]
  const plain = withMetadata(MODEL)
  const signed = await sign(plain, signer)
  const twice = await sign(signed, other)
  const out: TrustFile[] = []
  const add = (name: string, code: string | null, why: string, bytes: Uint8Array): void => void out.push({ name, code, why, with: 'policy', bytes })
  add('signed', null, 'signed by the trusted key', signed)
  add('signed-twice', null, 'signed by an unknown key too', twice)
  add('signed-in-time', null, 'signed for the time of the policy', await sign(plain, signer, { notBefore: new Date('2026-01-01'), notAfter: new Date('2026-12-31') }))
  add('key-id-hint', null, 'the trusted key under a key id that is not its own', await withOtherId(plain, signed, signer))
  add('unsigned', 'TRUST_UNSIGNED', 'no signature', plain)
  add('stripped', 'TRUST_UNSIGNED', 'a signature that was taken out', withoutSignatures(signed))
  add('other-signer', 'TRUST_SIGNER', 'signed by an unknown key only', await sign(plain, other))
  add('signature-changed', 'TRUST_SIGNATURE', 'one bit of the signature flipped', inBlock(signed, (block) => void (block[16] ^= 1)))
  add('signature-s-large', 'TRUST_SIGNATURE', 'a second half beyond the order of the group', inBlock(signed, (block) => addOrder(block.subarray(16, 80))))
  add('metadata-changed', 'TRUST_SIGNATURE', 'another name in the metadata', anew(signed, (bytes) => void (bytes[Buffer.from(bytes).indexOf('{"name":"tiny') + 9] = 0x54)))
  add('weights-changed', 'TRUST_SIGNATURE', 'one bit of the weights flipped', anew(signed, (bytes) => void (bytes[bytes.length - 64] ^= 1)))
  add('grafted', 'TRUST_SIGNATURE', 'the signature of another file', grafted(withMetadata(MODEL.replace('tiny', 'Tiny')), signed))
  add('expired', 'TRUST_EXPIRED', 'a signature that ended before the time of the policy', await sign(plain, signer, { notAfter: new Date('2026-05-31') }))
  add('early', 'TRUST_EARLY', 'a signature that begins after it', await sign(plain, signer, { notBefore: new Date('2026-06-02') }))
  add('other-model', 'TRUST_MODEL', 'another model of the same signer', await sign(withMetadata(MODEL.replace('"modelId":"tiny"', '"modelId":"other"')), signer))
  add('no-model', 'TRUST_MODEL', 'a model without an id', await sign(wellFormedFile(), signer))
  add('older', 'TRUST_VERSION', 'version 1, at least 2 is asked for', await sign(withMetadata(MODEL.replace('2}', '1}')), signer))
  add('block-empty', 'TRUST_BLOCK', 'a signature block of no signatures', inBlock(signed, (_, view) => view.setUint32(4, 0, true)))
  add('block-count', 'TRUST_BLOCK', 'more signatures than the block has room for', inBlock(signed, (_, view) => view.setUint32(4, 60, true)))
  add('block-algorithm', 'TRUST_BLOCK', 'an unknown algorithm', inBlock(signed, (_, view) => view.setUint32(8, 2, true)))
  add('block-statement-long', 'TRUST_BLOCK', 'a statement of 2^31 bytes', inBlock(signed, (_, view) => view.setUint32(12, 0x80000000, true)))
  add('block-statement-space', 'TRUST_BLOCK', 'a statement with white space', inBlock(signed, (block) => void (block[8 + ENTRY_HEAD] = 0x20)))
  add('block-trailing', 'TRUST_BLOCK', 'a byte after the last signature', inBlock(signed, (block) => void (block[block.length - 1] = 1)))
  add('block-unknown-malformed', 'TRUST_BLOCK', 'a malformed entry of an unknown signer', inBlock(twice, (block) => void (block[secondEntry(block) + ENTRY_HEAD] = 0x20)))
  add('version-2', 'FORMAT_VERSION', 'a version that has no signatures', anew(signed, (_, view) => view.setUint32(4, 2, true)))
  return out
}

function secondEntry(block: Uint8Array): number {
  return 8 + Math.ceil((ENTRY_HEAD + new DataView(block.buffer, block.byteOffset).getUint32(12, true)) / 8) * 8
}

/** The sections of one file under the signature block of another. */
function grafted(file: Uint8Array, from: Uint8Array): Uint8Array {
  const size = new DataView(from.buffer, from.byteOffset).getUint32(20, true)
  const out = new Uint8Array(Buffer.concat([file.subarray(0, BLOCK_AT), from.subarray(BLOCK_AT, BLOCK_AT + size), file.subarray(BLOCK_AT)]))
  new DataView(out.buffer).setUint32(20, size, true)
  return resealed(out)
}

/** A signature of the trusted key over a statement with another key id: made by hand, as `sign` would not. */
async function withOtherId(plain: Uint8Array, signed: Uint8Array, signer: string): Promise<Uint8Array> {
  const { createPrivateKey, sign: signByNode } = await import('node:crypto')
  const { open, rootOf } = await import('../src/format/index.ts')
  const statement = Buffer.from(JSON.stringify({ keyId: '0'.repeat(64) }))
  const signature = signByNode(null, Buffer.concat([Buffer.from('mle3-sig\0'), rootOf(await open(plain)), statement]), createPrivateKey(signer))
  return inBlock(signed, (block) => {
    block.set(signature, 16)
    block.set(statement, 8 + ENTRY_HEAD)
  })
}

const HEADER_AT = 320
const PIECE = 64 + 16

function sealedFiles(): TrustFile[] {
  const sealed = bytesOf('sealed.mle')
  const out: TrustFile[] = []
  const add = (name: string, code: string | null, why: string, bytes: Uint8Array): void => void out.push({ name, code, why, with: 'key', bytes })
  const header = (name: string, code: string, why: string, at: number, value: number): void => add(name, code, why, anew(sealed, (_, view) => view.setUint32(HEADER_AT + at, value, true)))
  const flipped = (name: string, code: string, why: string, at: number): void => add(name, code, why, anew(sealed, (bytes) => void (bytes[at] ^= 1)))
  const weights = sealed.length - Math.ceil((2 * PIECE) / 64) * 64
  add('sealed', null, 'an encrypted file of two chunks, for the key of key.bin and another', sealed)
  add('plain', 'ENCRYPTION_NONE', 'a file that is not encrypted, where a key says that it is', withMetadata(MODEL))
  header('header-version', 'ENCRYPTION_HEADER', 'version 2 of the encryption section', 0, 2)
  header('header-recipients', 'ENCRYPTION_HEADER', 'more recipients than there are', 4, 3)
  header('header-parts', 'ENCRYPTION_HEADER', 'unknown sealed parts', 8, 15)
  header('header-reserved', 'ENCRYPTION_HEADER', 'a reserved field that is not zero', 12, 1)
  header('recipient-kind', 'ENCRYPTION_HEADER', 'a recipient of an unknown kind', 80, 3)
  header('recipient-iterations', 'ENCRYPTION_HEADER', 'a key with iterations', 84, 100000)
  header('parts-fewer', 'ENCRYPTION_COMMITMENT', 'fewer sealed parts than were committed to', 8, 4)
  flipped('salt', 'ENCRYPTION_COMMITMENT', 'one bit of the salt flipped', HEADER_AT + 16)
  flipped('commitment', 'ENCRYPTION_COMMITMENT', 'one bit of the commitment flipped', HEADER_AT + 48)
  flipped('other-recipient', 'ENCRYPTION_COMMITMENT', 'one bit of another recipient flipped', HEADER_AT + 80 + 96 + 60)
  flipped('wrapped-key', 'ENCRYPTION_KEY', 'one bit of the wrapped key flipped', HEADER_AT + 80 + 60)
  flipped('piece-changed', 'ENCRYPTION_DATA', 'one bit of a piece flipped', weights + 3)
  flipped('tag-changed', 'ENCRYPTION_DATA', 'one bit of a tag flipped', weights + PIECE - 1)
  add('pieces-swapped', 'ENCRYPTION_DATA', 'two pieces of one size in each other\'s place', anew(sealed, (bytes) => {
    const first = bytes.slice(weights, weights + PIECE)
    bytes.copyWithin(weights, weights + PIECE, weights + 2 * PIECE)
    bytes.set(first, weights + PIECE)
  }))
  add('piece-twice', 'ENCRYPTION_DATA', 'one piece in the place of another', anew(sealed, (bytes) => void bytes.copyWithin(weights + PIECE, weights, weights + PIECE)))
  return out
}

