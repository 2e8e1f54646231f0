// Verifies a file without loading it: all its hashes and the policy, with no graph run and no weights kept.
import { MleError } from '../error.ts'
import { codecName } from '../format/chunks.ts'
import { decodeMetadata } from '../format/decode-metadata.ts'
import { KIND_CHUNKS, KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS } from '../format/layout.ts'
import { limitsOf, type Limits } from '../format/limits.ts'
import { sectionOf } from '../format/prefix.ts'
import { rootOf } from '../format/root.ts'
import { checkWeightsHash, openSection } from '../format/read-chunks.ts'
import { checkOuter, checkPrefixEnd, decodeContents, decodeSection, gather, type Fetch } from '../format/read.ts'
import type { Container, Opener } from '../format/types.ts'
import type { Metadata } from '../graph/graph.ts'
import { hex, sha256 } from '../platform/sha256.ts'
import { openSource, type SourceInput } from '../platform/source.ts'
import { unlock, type Unlocking } from './envelope.ts'
import { checkContent, checkModel, checkedSigners, type TrustPolicy } from './policy.ts'
import { verifySignatures, type VerifiedSignature } from './verify.ts'

export interface VerifyOptions extends Unlocking {
  readonly limits?: Partial<Limits>
}

/** What was verified. */
export interface Verification {
  /** SHA-256 that stands for the whole file but its signatures, in hexadecimal digits. */
  readonly root: string
  /** The trusted signatures that count now. */
  readonly signatures: readonly VerifiedSignature[]
  /** What the signed metadata says; undefined where it is sealed and no key was given. */
  readonly metadata?: Metadata
}

/**
 * Verifies a file against a policy, every byte of it. Encrypted files need no key unless the policy asks for what is sealed.
 *
 * @throws MleError TRUST_* for what the policy does not allow, FORMAT_* for what does not have its hash, SOURCE_*
 * @example await verifyFile('fraud.mle', { signers: publicPem, modelId: 'fraud', minVersion: 7 })
 */
export async function verifyFile(input: SourceInput, policy: TrustPolicy, options: VerifyOptions = {}): Promise<Verification> {
  checkedSigners(policy)
  const limits = limitsOf(options.limits)
  const source = await openSource(input, { maxBytes: limits.maxBytes })
  try {
    const { container, fetch } = await gather(source, sha256, limits)
    checkPrefixEnd(container, fetch)
    const { offset, byteLength } = container.signature
    const signatures = await verifySignatures(container, fetch(offset, byteLength), policy)
    checkOuter(container.sections, fetch, sha256)
    await checkWeightsHash(source, container)
    const metadata = await checkSealed(container, fetch, policy, options, limits)
    return { root: hex(rootOf(container)), signatures, metadata }
  } finally {
    await source.close()
  }
}

/** What of the policy needs metadata, graph and chunk table. */
async function checkSealed(container: Container, fetch: Fetch, policy: TrustPolicy, unlocking: VerifyOptions, limits: Limits): Promise<Metadata | undefined> {
  const stored = (kind: number): Uint8Array => {
    const { offset, byteLength } = sectionOf(container, kind)
    return fetch(offset, byteLength)
  }
  const locked = container.encrypted && unlocking.key === undefined && unlocking.passphrase === undefined
  if (locked) {
    const asks = policy.modelId !== undefined || policy.operators !== undefined || policy.codecs !== undefined
    if (asks) throw new MleError('TRUST_SEALED', 'the policy asks for what an encrypted file does not show: verify it with its key', { section: 'encryption' })
    return undefined
  }
  const opener: Opener | undefined = container.encrypted ? await unlock(stored(KIND_ENCRYPTION), unlocking) : undefined
  const opened = new Map([[KIND_CHUNKS, stored(KIND_CHUNKS)], [KIND_METADATA, await openSection(opener, KIND_METADATA, stored(KIND_METADATA))]])
  const bytesOf = (kind: number): Uint8Array => opened.get(kind) ?? new Uint8Array(0)
  const metadata = decodeSection(container, KIND_METADATA, bytesOf(KIND_METADATA), limits, decodeMetadata)
  checkModel(policy, metadata)
  if (policy.operators !== undefined || policy.codecs !== undefined) {
    opened.set(KIND_GRAPH, await openSection(opener, KIND_GRAPH, stored(KIND_GRAPH)))
    const { decoded, chunks } = decodeContents(container, metadata, bytesOf, limits, opener?.seals(KIND_WEIGHTS))
    checkContent(policy, decoded.graph, new Set(chunks.map(({ codec }) => codecName(codec))))
  }
  return metadata
}
