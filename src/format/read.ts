// .mle bytes -> Graph. One straight line of checks; weights get memory only when everything else was found right.
import { plainBytes } from '../tensor/bytes.ts'
import { MleError } from '../error.ts'
import type { Graph, Metadata } from '../graph/graph.ts'
import { crc32 } from '../platform/crc32.ts'
import { sha256 } from '../platform/sha256.ts'
import { openSource, type Source, type SourceInput } from '../platform/source.ts'
import { equalBytes, firstNonZero, viewOf } from './bytes.ts'
import { checkChunks, chunkGrid, decodeChunks, requireUncompressed } from './chunks.ts'
import { decodeGraph, type DecodedGraph } from './decode-graph.ts'
import { decodeMetadata } from './decode-metadata.ts'
import { inSection, parseJson } from './json.ts'
import { alignUp, KIND_CHUNKS, KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS } from './layout.ts'
import { limitsOf, type Limits } from './limits.ts'
import { checkNames } from './names.ts'
import { parsePrefix, prefixLength, sectionOf } from './prefix.ts'
import { decodedBytes, fillTensors } from './tensors.ts'
import type { Chunk, Container, ReadOptions, Section } from './types.ts'

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
  const source = await openSource(input, { maxBytes: limits.maxBytes })
  try {
    return source.bytes === undefined ? await readSource(source, options, limits) : readBytes(source.bytes, options)
  } finally {
    await source.close()
  }
}

/**
 * Reads a model from bytes in memory, at once. Without `allocate` the graph's tensors are views of `bytes` (of a copy where they
 * do not start at a multiple of 8).
 */
export function readBytes(source: Uint8Array, options: ReadOptions = {}): Graph {
  const bytes = plainBytes(source)
  const limits = limitsOf(options.limits)
  const hashes = wantsHashes(options)
  const container = parsePrefix(bytes, bytes.byteLength, limits)
  const contents = checkContents(container, (offset, length) => bytes.subarray(offset, offset + length), hashes, limits)
  requireStored(contents)
  const { weights, weightBytes } = contents
  const stored = bytes.subarray(weights.offset, weights.offset + weights.byteLength)
  let decoded = stored
  if (weightBytes > 0 && options.allocate !== undefined) {
    decoded = allocated(options.allocate, weightBytes)
    decoded.set(stored)
  } else if (stored.byteOffset % 8 !== 0) {
    decoded = stored.slice()
  }
  return finish(contents, decoded, hashes)
}

async function readSource(source: Source, options: ReadOptions, limits: Limits): Promise<Graph> {
  const hashes = wantsHashes(options)
  const { container, fetch } = await gather(source, hashes, limits)
  const contents = checkContents(container, fetch, hashes, limits)
  requireStored(contents)
  const { weights, weightBytes } = contents
  if (weightBytes === 0) return finish(contents, new Uint8Array(0), hashes)
  const decoded = options.allocate === undefined ? new Uint8Array(weightBytes) : allocated(options.allocate, weightBytes)
  await source.readInto(weights.offset, decoded)
  return finish(contents, decoded, hashes)
}

/** Refuses what the format allows and this version cannot decode, before weights get memory. */
function requireStored(contents: Contents): void {
  requireUncompressed(contents.chunks, sectionOf(contents.container, KIND_CHUNKS).offset)
}

function wantsHashes(options: ReadOptions): boolean {
  const level = options.integrity ?? 'crc32'
  if (level !== 'crc32' && level !== 'sha256') throw new TypeError(`integrity is ${JSON.stringify(level)}, expected 'crc32' or 'sha256'`)
  return level === 'sha256'
}

function allocated(allocate: (byteLength: number) => Uint8Array, byteLength: number): Uint8Array {
  const bytes = allocate(byteLength)
  if (bytes.byteLength !== byteLength || bytes.byteOffset % 8 !== 0) {
    throw new RangeError(`allocate gave ${bytes.byteLength} bytes at offset ${bytes.byteOffset}, expected ${byteLength} bytes at a multiple of 8`)
  }
  return bytes
}

const HEAD_BYTES = 65536

/** Reads all that is checked before the weights. Unknown sections are read only if their hashes are wanted. */
export async function gather(source: Source, hashes: boolean, limits: Limits): Promise<{ container: Container; fetch: Fetch }> {
  let head = await source.read(0, Math.min(HEAD_BYTES, source.byteLength))
  const needed = prefixLength(head, limits)
  if (needed > head.byteLength) head = await source.read(0, Math.min(needed, source.byteLength))
  const container = parsePrefix(head, source.byteLength, limits)
  const pieces: { readonly offset: number; readonly bytes: Uint8Array }[] = [{ offset: 0, bytes: head }]
  const parts = [{ name: 'signature block', ...container.signature }, ...container.sections]
  for (const part of parts) {
    const body = part.name === 'weights' || (part.name === 'unknown' && !hashes)
    const end = part.offset + part.byteLength
    const start = body ? end : part.offset
    const padded = alignUp(end)
    if (padded > head.byteLength && padded > start) pieces.push({ offset: start, bytes: await source.read(start, padded - start) })
  }
  const fetch: Fetch = (offset, length) => {
    if (length === 0) return new Uint8Array(0)
    const piece = pieces.find((candidate) => offset >= candidate.offset && offset + length <= candidate.offset + candidate.bytes.byteLength)
    if (piece === undefined) throw new TypeError(`bytes ${offset} to ${offset + length} were not gathered`)
    return piece.bytes.subarray(offset - piece.offset, offset - piece.offset + length)
  }
  return { container, fetch }
}

/**
 * Checks everything but the weights: padding, sums, JSON, names, chunk table.
 *
 * @param hashes also check SHA-256 of all sections but the weights
 */
export function checkContents(container: Container, fetch: Fetch, hashes: boolean, limits: Limits): Contents {
  checkGaps(container, fetch)
  checkSignatureBlock(container, fetch)
  for (const section of container.sections) checkSection(section, fetch, hashes)
  if (container.encrypted) {
    throw new MleError('FORMAT_ENCRYPTED', 'the file is encrypted, and this version of mle-runtime cannot decrypt it', { section: 'encryption', offset: sectionOf(container, KIND_ENCRYPTION).offset })
  }
  const metadata = decodeSection(container, KIND_METADATA, fetch, limits, decodeMetadata)
  const decoded = decodeSection(container, KIND_GRAPH, fetch, limits, (value) => {
    const found = decodeGraph(value, limits)
    checkNames(found.graph, limits)
    return found
  })
  const weights = sectionOf(container, KIND_WEIGHTS)
  const chunkSection = sectionOf(container, KIND_CHUNKS)
  const grid = chunkGrid(decoded.table.map(({ slot, offset, byteLength }) => ({ dtype: slot.dtype, offset, byteLength })))
  const chunks = decodeChunks(fetch(chunkSection.offset, chunkSection.byteLength), chunkSection.offset, grid, weights.byteLength, container, limits)
  return { container, metadata, decoded, chunks, weights, weightBytes: decodedBytes(decoded.table) }
}

function checkGaps(container: Container, fetch: Fetch): void {
  const ends = [container.prefix.byteLength, ...container.sections.map((section) => section.offset + section.byteLength)]
  for (const end of ends) {
    const gap = fetch(end, alignUp(end) - end)
    const stray = firstNonZero(gap, 0, gap.length)
    if (stray >= 0) throw new MleError('FORMAT_PADDING', `byte ${end + stray} between sections is ${gap[stray]}, expected 0`, { section: 'padding', offset: end + stray, expected: 0, actual: gap[stray] })
  }
}

/** Its length and sum only; what it says is the business of verification. */
function checkSignatureBlock(container: Container, fetch: Fetch): void {
  const { offset, byteLength } = container.signature
  if (byteLength === 0) return
  const block = fetch(offset, byteLength)
  const stored = viewOf(block).getUint32(0, true)
  const actual = crc32(block.subarray(4))
  if (stored !== actual) throw new MleError('FORMAT_SIGNATURE', `the signature block is damaged: its CRC-32 is ${actual}, the block says ${stored}`, { section: 'signature block', offset, expected: stored, actual })
}

function checkSection(section: Section, fetch: Fetch, hashes: boolean): void {
  const { name, offset } = section
  if (name === 'weights' || (name === 'unknown' && !hashes)) return
  const bytes = fetch(offset, section.byteLength)
  const actual = crc32(bytes)
  if (actual !== section.crc32) throw new MleError('FORMAT_CRC32', `${name}: the section is damaged: its CRC-32 is ${actual}, the table says ${section.crc32}`, { section: name, offset, expected: section.crc32, actual })
  if (hashes) checkHash(section, bytes)
}

function checkHash(section: Section, bytes: Uint8Array): void {
  if (equalBytes(sha256(bytes), section.sha256)) return
  throw new MleError('FORMAT_SHA256', `${section.name}: the section does not have the SHA-256 that the table says`, { section: section.name, offset: section.offset })
}

function decodeSection<T>(container: Container, kind: number, fetch: Fetch, limits: Limits, decode: (value: unknown) => T): T {
  const { name, offset, byteLength } = sectionOf(container, kind)
  const value = parseJson(fetch(offset, byteLength), name, offset, limits)
  return inSection(name, offset, () => decode(value))
}

/** Checks the weights in place and lets the tensors see them. */
function finish(contents: Contents, weights: Uint8Array, hashes: boolean): Graph {
  const { metadata, decoded, chunks } = contents
  checkChunks(chunks, weights, contents.weights.offset, hashes)
  if (hashes) checkHash(contents.weights, weights)
  fillTensors(decoded.table, weights, contents.weights.offset)
  decoded.fillLists()
  return { ...decoded.graph, metadata }
}
