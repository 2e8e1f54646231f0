// The long way to read a file: chunk by chunk, for files that are compressed, sealed, guarded, read in part, or still arriving. Loaded
// when a file needs it. At any time one chunk is held besides the decoded weights.
import { MleError } from '../error.ts'
import type { Graph } from '../graph/graph.ts'
import { sha256, sha256Stream, type Hash, type Sha256Stream } from '../platform/sha256.ts'
import type { Source } from '../platform/source.ts'
import { equalBytes, unshared } from './bytes.ts'
import { checkChunk, codecName, wrongHash } from './chunks.ts'
import { decodeChunk } from './codec/decode.ts'
import { decodeMetadata } from './decode-metadata.ts'
import { CHUNK_BYTES, CODEC_NONE, KIND_CHUNKS, KIND_ENCRYPTION, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS } from './layout.ts'
import type { Limits } from './limits.ts'
import { sectionOf } from './prefix.ts'
import { allocated, checkOuter, checkPrefixEnd, checkTail, decodeContents, decodeSection, filled, gather, headSections, locked, requireHash, type Contents, type Fetch } from './read.ts'
import { selectOutputs, type Selection } from './select.ts'
import { fillTensors } from './tensors.ts'
import type { Chunk, CodecName, Container, Opener, ReadOptions, Section } from './types.ts'

/** Reads a model piece by piece. Errors as `read`, and what the guard throws. */
export async function readInPieces(source: Source, options: ReadOptions, wantsHashes: boolean, limits: Limits): Promise<Graph> {
  const { guard, outputs } = options
  // A range comes from a server that may have changed the file meanwhile, and a signature covers hashes.
  const hash = wantsHashes || guard !== undefined || outputs !== undefined ? sha256 : undefined
  const { container, fetch } = await gather(source, hash, limits, source.sequential ? 'head' : 'all')
  const arrived = source.sequential ? headSections(container) : container.sections
  const { contents, opener } = await checkGuarded(container, arrived, copying(fetch, source), options, hash, limits)
  const selection = outputs === undefined ? undefined : selectOutputs(contents, outputs)
  const pieces: Pieces = { contents, opener, hash, source, onProgress: options.onProgress }
  let graph: Graph
  if (selection === undefined) {
    const decoded = contents.weightBytes > 0 && options.allocate !== undefined ? allocated(options.allocate, contents.weightBytes) : new Uint8Array(contents.weightBytes)
    await decodeAll(pieces, decoded)
    if (source.sequential) await checkTail(source, container, hash)
    graph = filled(contents, decoded)
  } else {
    graph = await decodeSelection(pieces, selection)
  }
  return graph
}

/** Sections from memory that a caller could change between their check and their use are copied first. */
function copying(fetch: Fetch, source: Source): Fetch {
  if (source.bytes === undefined) return fetch
  const copies = new Map<string, Uint8Array>()
  return (offset, length) => {
    const key = `${offset} ${length}`
    const copy = copies.get(key) ?? new Uint8Array(fetch(offset, length))
    copies.set(key, copy)
    return copy
  }
}

/** Everything but the weights, of the sections that have arrived: signatures, hash, metadata, policy, graph, chunk table, in this order. */
async function checkGuarded(container: Container, arrived: readonly Section[], fetch: Fetch, { guard }: Pick<ReadOptions, 'guard'>, hash: Hash | undefined, limits: Limits): Promise<{ contents: Contents; opener: Opener | undefined }> {
  const { signature } = container
  checkPrefixEnd(container, fetch)
  await guard?.checkSignatures?.(container, fetch(signature.offset, signature.byteLength))
  checkOuter(arrived, fetch, hash)
  const stored = (kind: number): Uint8Array => {
    const { offset, byteLength } = sectionOf(container, kind)
    return fetch(offset, byteLength)
  }
  if (container.encrypted && guard?.unlock === undefined) throw locked(container)
  // Who gives a key expects its holder's file, not another one in its place.
  if (!container.encrypted && guard?.unlock !== undefined) throw new MleError('ENCRYPTION_NONE', 'the file is not encrypted, but a key was given: without it the file loads')
  const opener = container.encrypted ? await guard?.unlock?.(stored(KIND_ENCRYPTION)) : undefined
  const opened = new Map([[KIND_CHUNKS, stored(KIND_CHUNKS)]])
  for (const kind of [KIND_METADATA, KIND_GRAPH]) opened.set(kind, await openSection(opener, kind, stored(kind)))
  const bytesOf = (kind: number): Uint8Array => opened.get(kind) ?? new Uint8Array(0)
  const metadata = decodeSection(container, KIND_METADATA, bytesOf(KIND_METADATA), limits, decodeMetadata)
  guard?.checkMetadata?.(metadata)
  const contents = decodeContents(container, metadata, bytesOf, limits, opener?.seals(KIND_WEIGHTS))
  guard?.checkGraph?.(contents.decoded.graph, new Set<CodecName>(contents.chunks.map(({ codec }) => codecName(codec))))
  return { contents, opener }
}

/**
 * Reads everything but the weights, as `readInPieces` does: for who describes a file.
 *
 * @throws MleError as `readInPieces`
 */
export async function contentsOf(source: Source, options: Pick<ReadOptions, 'guard'>, limits: Limits): Promise<Contents> {
  const hash = options.guard !== undefined ? sha256 : undefined
  const { container, fetch } = await gather(source, hash, limits)
  return (await checkGuarded(container, container.sections, copying(fetch, source), options, hash, limits)).contents
}

/** The SHA-256 of the weights section, read piece by piece. Throws FORMAT_SHA256. */
export async function checkWeightsHash(source: Source, container: Container): Promise<void> {
  const weights = sectionOf(container, KIND_WEIGHTS)
  const sum = sha256Stream()
  for (let at = 0; at < weights.byteLength; at += CHUNK_BYTES) sum.update(unshared(await source.read(weights.offset + at, Math.min(CHUNK_BYTES, weights.byteLength - at))))
  requireHash(weights, sum.digest())
}

/** A sealed JSON section is one piece. */
export async function openSection(opener: Opener | undefined, kind: number, stored: Uint8Array): Promise<Uint8Array> {
  if (opener === undefined || !opener.seals(kind)) return stored
  return opener.open({ kind, index: 0, count: 1, codec: CODEC_NONE, filter: 0, rawBytes: Math.max(0, stored.length - 16) }, stored)
}

interface Pieces {
  readonly contents: Contents
  readonly opener: Opener | undefined
  readonly hash: Hash | undefined
  readonly source: Source
  readonly onProgress: ReadOptions['onProgress']
}

async function decodeAll(pieces: Pieces, decoded: Uint8Array): Promise<void> {
  const { contents: { chunks, weights }, hash, onProgress } = pieces
  const sum = hash !== undefined ? sha256Stream() : undefined
  let done = 0
  for (let i = 0; i < chunks.length; i++) {
    const { rawOffset, rawBytes, storedBytes } = chunks[i]
    await decodePiece(pieces, i, decoded.subarray(rawOffset, rawOffset + rawBytes), sum)
    done += storedBytes
    onProgress?.(done, weights.byteLength)
  }
  if (sum !== undefined) requireHash(weights, sum.digest())
}

/** Checks, opens and decodes chunk `index` into `out`. */
async function decodePiece({ contents: { chunks, weights }, opener, hash, source }: Pieces, index: number, out: Uint8Array, sum: Sha256Stream | undefined): Promise<void> {
  const chunk = chunks[index]
  const { codec, filter, rawBytes, storedOffset, storedBytes } = chunk
  const offset = weights.offset + storedOffset
  const sealed = opener?.seals(KIND_WEIGHTS) === true
  if (codec === CODEC_NONE && !sealed) {
    // Checked where it will be used: nobody can change it between.
    await source.readInto(offset, out)
    checkChunk(chunk, index, out, weights.offset, hash)
    sum?.update(out)
    return
  }
  const stored = await source.read(offset, storedBytes)
  const bytes = source.bytes === undefined ? unshared(stored) : new Uint8Array(stored)
  checkChunk(chunk, index, bytes, weights.offset, hash)
  sum?.update(bytes)
  const payload = sealed && opener !== undefined ? await opener.open({ kind: KIND_WEIGHTS, index, count: chunks.length, codec, filter, rawBytes }, bytes) : bytes
  await decodeChunk(chunk, payload, out, { index, offset })
  if (hash !== undefined && !sealed) requireRawHash(chunk, index, out, offset)
}

function requireRawHash(chunk: Chunk, index: number, raw: Uint8Array, offset: number): void {
  if (!equalBytes(sha256(raw), chunk.rawSha256)) throw wrongHash(index, offset)
}

/** Decodes only the chunks that the wanted tensors lie in: neighbours into one range of memory. */
async function decodeSelection(pieces: Pieces, { graph, entries }: Selection): Promise<Graph> {
  const { contents, onProgress } = pieces
  const { chunks, decoded } = contents
  const wanted = wantedChunks(chunks, entries)
  const total = chunks.reduce((sum, { storedBytes }, i) => sum + (wanted[i] ? storedBytes : 0), 0)
  let done = 0
  for (let first = 0; first < chunks.length; first++) {
    if (!wanted[first]) continue
    let end = first
    while (end < chunks.length && wanted[end]) end++
    const start = chunks[first].rawOffset
    const memory = new Uint8Array(chunks[end - 1].rawOffset + chunks[end - 1].rawBytes - start)
    const { storedOffset, storedBytes } = chunks[end - 1]
    await pieces.source.expect?.(contents.weights.offset + chunks[first].storedOffset, storedOffset + storedBytes - chunks[first].storedOffset)
    for (let i = first; i < end; i++) {
      const from = chunks[i].rawOffset - start
      await decodePiece(pieces, i, memory.subarray(from, from + chunks[i].rawBytes), undefined)
      done += chunks[i].storedBytes
      onProgress?.(done, total)
    }
    fillRange(contents, entries, start, memory)
    first = end
  }
  fillTensors(entries.filter(({ byteLength }) => byteLength === 0).map((entry) => ({ ...entry, offset: 0 })), new Uint8Array(0), contents.weights.offset)
  decoded.fillLists()
  return graph
}

/** Both lists are in the order of their offsets. */
function wantedChunks(chunks: readonly Chunk[], entries: Selection['entries']): boolean[] {
  const wanted = new Array<boolean>(chunks.length).fill(false)
  let next = 0
  for (const { offset, byteLength } of entries) {
    if (byteLength === 0) continue
    while (chunks[next].rawOffset + chunks[next].rawBytes <= offset) next++
    for (let i = next; i < chunks.length && chunks[i].rawOffset < offset + byteLength; i++) wanted[i] = true
  }
  return wanted
}

/** Fills the entries that lie in this range of the decoded weights. */
function fillRange({ weights }: Contents, entries: Selection['entries'], start: number, memory: Uint8Array): void {
  const inside = entries.filter(({ offset, byteLength }) => byteLength > 0 && offset >= start && offset < start + memory.length)
  fillTensors(inside.map((entry) => ({ ...entry, offset: entry.offset - start })), memory, weights.offset + start)
}
