// Seals and opens whole files.
import { MleError } from '../error.ts'
import { decodeChunk } from '../format/codec/decode.ts'
import { cutChunks, encodeChunkTable, type StoredChunk } from '../format/encode-chunks.ts'
import { FEATURE_ENCRYPTED, KIND_CHUNKS, KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS, OPTIONAL_KIND, TAG_BYTES } from '../format/layout.ts'
import { joined, layOutFile } from '../format/lay-out.ts'
import type { SectionContent } from '../format/encode-prefix.ts'
import { sectionOf } from '../format/prefix.ts'
import { sha256 } from '../platform/sha256.ts'
import { createSealer, unlock, type Sealing, type Unlocking } from './envelope.ts'
import { openParts, refuseEncrypted, type FileParts } from './file-parts.ts'
import { decodeSignatures } from './signature-block.ts'

/** Parts of a file that can be sealed. */
export type SealedPart = 'metadata' | 'graph' | 'weights'

const KINDS: ReadonlyMap<SealedPart, number> = /* @__PURE__ */ new Map<SealedPart, number>([['metadata', KIND_METADATA], ['graph', KIND_GRAPH], ['weights', KIND_WEIGHTS]])

export interface EncryptOptions extends Sealing {
  /** What to seal; everything by default. */
  readonly parts?: readonly SealedPart[]
}

export interface Encrypted {
  readonly file: Uint8Array<ArrayBuffer>
  /** Signatures of the original that the encrypted file does not have: sign it anew. */
  readonly droppedSignatures: number
}

/** A JSON section is one piece. */
const jsonPiece = (kind: number, rawBytes: number): { kind: number; index: 0; count: 1; codec: 0; filter: 0; rawBytes: number } => ({ kind, index: 0, count: 1, codec: 0, filter: 0, rawBytes })

/**
 * Encrypts a file for one or several keys and passphrases.
 *
 * @param file bytes of an .mle file, whose hashes are checked first
 * @throws MleError FORMAT_*, ENCRYPTION_TWICE, TRUST_UNSUPPORTED; RangeError for keys and iterations out of range
 * @example const { file } = await encrypt(model, { keys: [crypto.getRandomValues(new Uint8Array(32))] })
 */
export async function encrypt(file: Uint8Array, options: EncryptOptions): Promise<Encrypted> {
  const parts = openParts(file)
  refuseEncrypted(parts.container)
  const kinds = (options.parts ?? [...KINDS.keys()]).map((part) => {
    const kind = KINDS.get(part)
    if (kind === undefined) throw new TypeError(`${JSON.stringify(part)} cannot be sealed; ${[...KINDS.keys()].join(', ')} can`)
    return kind
  })
  if (kinds.length === 0) throw new TypeError('parts is empty: nothing would be sealed')
  const sealer = await createSealer(kinds, options)
  const chunks: StoredChunk[] = kinds.includes(KIND_WEIGHTS) ? [] : chunksOf(parts)
  if (kinds.includes(KIND_WEIGHTS)) {
    const plain = chunksOf(parts)
    for (let index = 0; index < plain.length; index++) {
      const { codec, filter, rawBytes, stored } = plain[index]
      chunks.push({ ...plain[index], stored: await sealer.seal({ kind: KIND_WEIGHTS, index, count: plain.length, codec, filter, rawBytes }, stored), rawSha256: new Uint8Array(32) })
    }
  }
  const sections = await mapSections(parts, chunks, async (kind, bytes) => (kinds.includes(kind) ? sealer.seal(jsonPiece(kind, bytes.length), bytes) : bytes))
  return {
    file: layOutFile([{ kind: KIND_ENCRYPTION, bytes: sealer.section }, ...sections].sort(byKind), parts.container.requiredFeatures | FEATURE_ENCRYPTED),
    droppedSignatures: decodeSignatures(parts.block).length,
  }
}

/**
 * Opens an encrypted file for good: the file as it was before, but for its signatures.
 *
 * @throws MleError FORMAT_*, ENCRYPTION_HEADER, ENCRYPTION_KEY, ENCRYPTION_COMMITMENT, ENCRYPTION_DATA, ENCRYPTION_NONE
 */
export async function decrypt(file: Uint8Array, unlocking: Unlocking): Promise<Uint8Array<ArrayBuffer>> {
  const parts = openParts(file)
  const header = parts.container.sections.find(({ kind }) => kind === KIND_ENCRYPTION)
  if (header === undefined) throw new MleError('ENCRYPTION_NONE', 'the file is not encrypted')
  const opener = await unlock(parts.bytesOf(header).slice(), unlocking)
  const chunks: StoredChunk[] = []
  const sealed = chunksOf(parts)
  for (let index = 0; index < sealed.length; index++) {
    const { codec, filter, elementBytes, rawBytes, stored } = sealed[index]
    if (!opener.seals(KIND_WEIGHTS)) {
      chunks.push(sealed[index])
      continue
    }
    const payload = await opener.open({ kind: KIND_WEIGHTS, index, count: sealed.length, codec, filter, rawBytes }, stored)
    const raw = new Uint8Array(rawBytes)
    await decodeChunk({ codec, filter, elementBytes }, payload, raw, { index, offset: 0 })
    chunks.push({ codec, filter, elementBytes, rawBytes, stored: payload, rawSha256: sha256(raw) })
  }
  const open = (kind: number, bytes: Uint8Array): Promise<Uint8Array> => opener.open(jsonPiece(kind, Math.max(0, bytes.length - TAG_BYTES)), bytes)
  const sections = await mapSections(parts, chunks, async (kind, bytes) => (opener.seals(kind) ? open(kind, bytes) : bytes))
  return layOutFile(sections.filter(({ kind }) => kind !== KIND_ENCRYPTION), parts.container.requiredFeatures & ~FEATURE_ENCRYPTED)
}

function chunksOf({ container, bytesOf }: FileParts): StoredChunk[] {
  return cutChunks(bytesOf(sectionOf(container, KIND_CHUNKS)), bytesOf(sectionOf(container, KIND_WEIGHTS)))
}

/** The order of sections goes by their kinds without the bit that makes them optional. */
const byKind = (a: SectionContent, b: SectionContent): number => (a.kind % OPTIONAL_KIND) - (b.kind % OPTIONAL_KIND)

async function mapSections({ container, bytesOf }: FileParts, chunks: readonly StoredChunk[], change: (kind: number, bytes: Uint8Array) => Promise<Uint8Array>): Promise<SectionContent[]> {
  const out: SectionContent[] = []
  for (const section of container.sections) {
    const { kind } = section
    if (kind === KIND_CHUNKS) out.push({ kind, bytes: encodeChunkTable(chunks) })
    else if (kind === KIND_WEIGHTS) out.push({ kind, bytes: joined(chunks.map(({ stored }) => stored)) })
    else out.push({ kind, bytes: await change(kind, bytesOf(section)) })
  }
  return out
}
