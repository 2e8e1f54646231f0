// .mle bytes -> Graph. One straight line of checks; weights get memory only when everything else was found right.
import { plainBytes } from '../tensor/bytes.ts'
import { MleError } from '../error.ts'
import type { Graph, Metadata } from '../graph/graph.ts'
import { crc32 } from '../platform/crc32.ts'
import type { Hash } from '../platform/sha256.ts'
import { openSource, type Source, type SourceInput } from '../platform/source.ts'
import { equalBytes, firstNonZero, viewOf } from './bytes.ts'
import { checkChunks, chunkGrid, decodeChunks, storedPlain } from './chunks.ts'
import { decodeGraph, type DecodedGraph } from './decode-graph.ts'
import { decodeMetadata } from './decode-metadata.ts'
import { inSection, parseJson } from './json.ts'
import { alignUp, FEATURE_COMPRESSED, FEATURE_ENCRYPTED, HEADER_BYTES, KIND_CHUNKS, KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS } from './layout.ts'
import { limitsOf, type Limits } from './limits.ts'
import { checkNames } from './names.ts'
import { parsePrefix, prefixLength, sectionOf } from './prefix.ts'
import { decodedBytes, fillTensors } from './tensors.ts'
import type { CheckOptions, Chunk, Container, ReadOptions, Section } from './types.ts'

/** Gives bytes of the file that are in memory: everything but weights and unknown sections. */
export type Fetch = (offset: number, length: number) => Uint8Array

/** All of a file but its weights, checked. */
export interface Contents {
  readonly container: Container
  readonly metadata: Metadata
  readonly decoded: DecodedGraph
  readonly chunks: readonly Chunk[]
  readonly weights: Section
  readonly weightBytes: number
}

/**
 * Reads a model.
 *
 * @param input path, URL, Request, Response, Blob, ArrayBuffer or Uint8Array
 * @throws MleError FORMAT_... (docs/format.md, section 11), SOURCE_...
 * @example const graph = await read('model.mle')
 */
export async function read(input: SourceInput, options: ReadOptions = {}): Promise<Graph> {
  const limits = limitsOf(options.limits)
  const source = await openSource(input, { maxBytes: limits.maxBytes, ranges: options.outputs !== undefined, stream: true })
  try {
    const special = options.guard !== undefined || options.outputs !== undefined || options.onProgress !== undefined || source.sequential === true
    if (!special && source.bytes !== undefined && isPlain(source.bytes)) return readPlain(source.bytes, options, await hashOf(options))
    return await readSource(source, options, limits, special)
  } finally {
    await source.close()
  }
}

/** False for files with compressed or sealed parts, which take more than one look at the bytes. */
function isPlain(bytes: Uint8Array): boolean {
  return bytes.length < HEADER_BYTES || (bytes[8] & (FEATURE_ENCRYPTED | FEATURE_COMPRESSED)) === 0
}

/** Reads a file that is neither compressed nor encrypted from bytes in memory. */
export function readPlain(source: Uint8Array, options: CheckOptions, hash: Hash | undefined): Graph {
  const bytes = plainBytes(source)
  const limits = limitsOf(options.limits)
  const container = parsePrefix(bytes, bytes.byteLength, limits)
  const contents = checkContents(container, (offset, length) => bytes.subarray(offset, offset + length), hash, limits)
  if (!storedPlain(contents.chunks)) {
    throw new MleError('FORMAT_CODEC', 'the file is compressed: read() decodes it, readBytes() only takes codec none', { section: 'chunks', offset: sectionOf(container, KIND_CHUNKS).offset })
  }
  const { weights, weightBytes } = contents
  const stored = bytes.subarray(weights.offset, weights.offset + weights.byteLength)
  let decoded = stored
  if (weightBytes > 0 && options.allocate !== undefined) {
    decoded = allocated(options.allocate, weightBytes)
    decoded.set(stored)
  } else if (stored.byteOffset % 8 !== 0) {
    decoded = stored.slice()
  }
  return finish(contents, decoded, hash)
}

async function readSource(source: Source, options: ReadOptions, limits: Limits, special: boolean): Promise<Graph> {
  const hash = await hashOf(options)
  if (special) return (await import('./read-chunks.ts')).readInPieces(source, options, hash !== undefined, limits)
  const { container, fetch } = await gather(source, hash, limits)
  if (container.compressed || container.encrypted) return (await import('./read-chunks.ts')).readInPieces(source, options, hash !== undefined, limits)
  const contents = checkContents(container, fetch, hash, limits)
  const { weights, weightBytes } = contents
  if (weightBytes === 0) return finish(contents, new Uint8Array(0), hash)
  const decoded = options.allocate === undefined ? new Uint8Array(weightBytes) : allocated(options.allocate, weightBytes)
  await source.readInto(weights.offset, decoded)
  return finish(contents, decoded, hash)
}

export function wantsHashes(options: CheckOptions): boolean {
  const level = options.integrity ?? 'crc32'
  if (level !== 'crc32' && level !== 'sha256') throw new TypeError(`integrity is ${JSON.stringify(level)}, expected 'crc32' or 'sha256'`)
  return level === 'sha256'
}

async function hashOf(options: CheckOptions): Promise<Hash | undefined> {
  return wantsHashes(options) ? (await import('../platform/sha256.ts')).sha256 : undefined
}

export function allocated(allocate: (byteLength: number) => Uint8Array, byteLength: number): Uint8Array {
  const bytes = allocate(byteLength)
  if (bytes.byteLength !== byteLength || bytes.byteOffset % 8 !== 0) {
    throw new RangeError(`allocate gave ${bytes.byteLength} bytes at offset ${bytes.byteOffset}, expected ${byteLength} bytes at a multiple of 8`)
  }
  return bytes
}

const HEAD_BYTES = 65536

/**
 * Reads all that is checked before the weights. Unknown sections are read only if hashes are wanted.
 *
 * @param parts the whole file, or only what stands before the weights
 */
export async function gather(source: Source, hash: Hash | undefined, limits: Limits, parts: 'all' | 'head' = 'all'): Promise<{ container: Container; fetch: Fetch }> {
  // Hashes are kept and compared later: nobody may change them meanwhile.
  const start = async (length: number): Promise<Uint8Array> => {
    const bytes = await source.read(0, Math.min(length, source.byteLength))
    return hash !== undefined && source.bytes !== undefined ? new Uint8Array(bytes) : bytes
  }
  let head = await start(HEAD_BYTES)
  const needed = prefixLength(head, limits)
  if (needed > head.byteLength) head = await start(needed)
  const container = parsePrefix(head, source.byteLength, limits)
  const pieces: Piece[] = [{ offset: 0, bytes: head }]
  const { sections, signature } = container
  const wanted = parts === 'all' ? sections : headSections(container)
  for (const part of [{ name: 'signature block', ...signature }, ...wanted]) await gatherPart(source, part, hash, pieces, head.byteLength)
  return { container, fetch: fetchFrom(pieces) }
}

/** The sections that stand before the weights. */
export function headSections({ sections }: Container): readonly Section[] {
  return sections.slice(0, sections.findIndex(({ name }) => name === 'weights'))
}

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

async function gatherPart(source: Source, part: Pick<Section, 'offset' | 'byteLength'> & { readonly name: string }, hash: Hash | undefined, pieces: Piece[], known: number): Promise<void> {
  const skipped = part.name === 'weights' || (part.name === 'unknown' && hash === undefined)
  const end = part.offset + part.byteLength
  const start = skipped ? end : part.offset
  const padded = alignUp(end)
  if (padded > known && padded > start) pieces.push({ offset: start, bytes: await source.read(start, padded - start) })
}

function fetchFrom(pieces: readonly Piece[]): Fetch {
  return (offset, length) => {
    if (length === 0) return new Uint8Array(0)
    const piece = pieces.find((candidate) => offset >= candidate.offset && offset + length <= candidate.offset + candidate.bytes.byteLength)
    if (piece === undefined) throw new TypeError(`bytes ${offset} to ${offset + length} were not gathered`)
    return piece.bytes.subarray(offset - piece.offset, offset - piece.offset + length)
  }
}

/** What stands from the end of the weights on: their padding, and sections that are unknown. */
export async function checkTail(source: Source, container: Container, hash: Hash | undefined): Promise<void> {
  const pieces: Piece[] = []
  const tail = container.sections.slice(headSections(container).length)
  for (const part of tail) await gatherPart(source, part, hash, pieces, 0)
  checkOuter(tail, fetchFrom(pieces), hash)
}

/**
 * Checks everything but the weights: padding, sums, JSON, names, chunk table.
 *
 * @param hash given to check also the SHA-256 of all sections but the weights
 */
export function checkContents(container: Container, fetch: Fetch, hash: Hash | undefined, limits: Limits): Contents {
  checkPrefixEnd(container, fetch)
  checkOuter(container.sections, fetch, hash)
  if (container.encrypted) throw locked(container)
  const sectionBytes = (kind: number): Uint8Array => {
    const { offset, byteLength } = sectionOf(container, kind)
    return fetch(offset, byteLength)
  }
  return decodeContents(container, decodeSection(container, KIND_METADATA, sectionBytes(KIND_METADATA), limits, decodeMetadata), sectionBytes, limits)
}

/** The error for an encrypted file and no key. */
export function locked(container: Container): MleError {
  return new MleError('FORMAT_ENCRYPTED', 'the file is encrypted: load it with the option key or passphrase', { section: 'encryption', offset: sectionOf(container, KIND_ENCRYPTION).offset })
}

/**
 * Graph and chunk table from their sections' bytes, decrypted where they were sealed.
 *
 * @param sealed the weights are encrypted
 */
export function decodeContents(container: Container, metadata: Metadata, sectionBytes: (kind: number) => Uint8Array, limits: Limits, sealed: boolean = false): Contents {
  const decoded = decodeSection(container, KIND_GRAPH, sectionBytes(KIND_GRAPH), limits, (value) => {
    const found = decodeGraph(value, limits)
    checkNames(found.graph, limits)
    return found
  })
  const weights = sectionOf(container, KIND_WEIGHTS)
  const grid = chunkGrid(decoded.table.map(({ slot, offset, byteLength }) => ({ dtype: slot.dtype, offset, byteLength })))
  const chunks = decodeChunks(sectionBytes(KIND_CHUNKS), sectionOf(container, KIND_CHUNKS).offset, grid, weights.byteLength, container, limits, sealed)
  return { container, metadata, decoded, chunks, weights, weightBytes: decodedBytes(decoded.table) }
}

/** The gap after the prefix, and length and sum of the signature block: what that says is the business of verification. */
export function checkPrefixEnd(container: Container, fetch: Fetch): void {
  checkGap(container.prefix.byteLength, fetch)
  checkSignatureBlock(container, fetch)
}

/** Gaps after sections, and the sums of these. */
export function checkOuter(sections: readonly Section[], fetch: Fetch, hash: Hash | undefined): void {
  for (const { offset, byteLength } of sections) checkGap(offset + byteLength, fetch)
  for (const section of sections) checkSection(section, fetch, hash)
}

function checkGap(end: number, fetch: Fetch): void {
  const gap = fetch(end, alignUp(end) - end)
  const stray = firstNonZero(gap, 0, gap.length)
  if (stray >= 0) throw new MleError('FORMAT_PADDING', `byte ${end + stray} between sections is ${gap[stray]}, expected 0`, { section: 'padding', offset: end + stray, expected: 0, actual: gap[stray] })
}

function checkSignatureBlock(container: Container, fetch: Fetch): void {
  const { offset, byteLength } = container.signature
  if (byteLength === 0) return
  const block = fetch(offset, byteLength)
  const stored = viewOf(block).getUint32(0, true)
  const actual = crc32(block.subarray(4))
  if (stored !== actual) throw new MleError('FORMAT_SIGNATURE', `the signature block is damaged: its CRC-32 is ${actual}, the block says ${stored}`, { section: 'signature block', offset, expected: stored, actual })
}

function checkSection(section: Section, fetch: Fetch, hash: Hash | undefined): void {
  const { name, offset } = section
  if (name === 'weights' || (name === 'unknown' && hash === undefined)) return
  const bytes = fetch(offset, section.byteLength)
  const actual = crc32(bytes)
  if (actual !== section.crc32) throw new MleError('FORMAT_CRC32', `${name}: the section is damaged: its CRC-32 is ${actual}, the table says ${section.crc32}`, { section: name, offset, expected: section.crc32, actual })
  if (hash !== undefined) requireHash(section, hash(bytes))
}

export function requireHash(section: Section, sum: Uint8Array): void {
  if (equalBytes(sum, section.sha256)) return
  throw new MleError('FORMAT_SHA256', `${section.name}: the section does not have the SHA-256 that the table says`, { section: section.name, offset: section.offset })
}

/** Parses a JSON section and decodes its value. */
export function decodeSection<T>(container: Container, kind: number, bytes: Uint8Array, limits: Limits, decode: (value: unknown) => T): T {
  const { name, offset } = sectionOf(container, kind)
  const value = parseJson(bytes, name, offset, limits)
  return inSection(name, offset, () => decode(value))
}

/** Checks the weights in place and lets the tensors see them. */
function finish(contents: Contents, weights: Uint8Array, hash: Hash | undefined): Graph {
  checkChunks(contents.chunks, weights, contents.weights.offset, hash)
  if (hash !== undefined) requireHash(contents.weights, hash(weights))
  return filled(contents, weights)
}

/** The graph, its tensors views of the decoded weights. */
export function filled({ metadata, decoded, weights: { offset } }: Contents, weights: Uint8Array): Graph {
  fillTensors(decoded.table, weights, offset)
  decoded.fillLists()
  return { ...decoded.graph, metadata }
}
