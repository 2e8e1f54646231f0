// Graph -> .mle bytes. The same graph gives the same bytes everywhere.
import { MleError } from '../error.ts'
import type { Graph } from '../graph/graph.ts'
import { chunkGrid, storedPlain, type GridCell } from './chunks.ts'
import { encodeChunkTable, plainChunks, type StoredChunk } from './encode-chunks.ts'
import { encodeGraph, encodeMetadata } from './encode-graph.ts'
import type { StoredTensor } from './encode-tensors.ts'
import { FEATURE_COMPRESSED, KIND_CHUNKS, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS } from './layout.ts'
import { joined, layOutFile } from './lay-out.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { checkNames } from './names.ts'
import { parsePrefix } from './prefix.ts'
import { checkContents } from './read.ts'
import { decodedBytes } from './tensors.ts'
import type { WriteOptions } from './types.ts'

/**
 * Writes a model.
 *
 * @returns the bytes of an .mle file, version 3
 * @throws MleError FORMAT_NAME, FORMAT_UNDEFINED for a graph that is not in order; FORMAT_WRITE for what a file cannot hold;
 *   FORMAT_CODEC_WRITE for a codec that this runtime cannot write; FORMAT_LIMIT for what a reader would refuse
 * @example await writeFile('model.mle', await write(graph))
 */
export async function write(graph: Graph, options: WriteOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const codec = options.codec ?? 'none'
  checkNames(graph, DEFAULT_LIMITS)
  const { value, tensors } = encodeGraph(graph)
  const metadata = jsonBytes(encodeMetadata(graph.metadata))
  if (codec === 'none') return assemble(metadata, jsonBytes(value), tensors)
  const { compressChunks } = await import('./codec/encode.ts')
  return assemble(metadata, jsonBytes(value), tensors, (grid, weights) => compressChunks(codec, grid, weights))
}

function jsonBytes(value: unknown): Uint8Array {
  const text = JSON.stringify(value)
  // The one escape that the format forbids: names were checked, metadata's text was not.
  if (/(?:^|[^\\])(?:\\\\)*\\ud/.test(text)) throw new MleError('FORMAT_WRITE', 'the metadata holds text with a lone surrogate, which has no UTF-8')
  return new TextEncoder().encode(text)
}

type Compress = (grid: readonly GridCell[], weights: Uint8Array) => StoredChunk[]

function assemble(metadata: Uint8Array, graph: Uint8Array, tensors: readonly StoredTensor[], compress: Compress = plainChunks): Uint8Array<ArrayBuffer> {
  const table = tensors.map(({ dtype, offset, bytes }) => ({ dtype, offset, byteLength: bytes.length }))
  const weights = new Uint8Array(decodedBytes(table))
  if (weights.length > DEFAULT_LIMITS.maxBytes) {
    throw new MleError('FORMAT_LIMIT', `the weights have ${weights.length} bytes, more than the limit of ${DEFAULT_LIMITS.maxBytes}; store them in fewer bits`, { expected: DEFAULT_LIMITS.maxBytes, actual: weights.length })
  }
  for (const { bytes, offset } of tensors) weights.set(bytes, offset)
  const chunks = compress(chunkGrid(table), weights)
  const compressed = !storedPlain(chunks)
  const file = layOutFile(
    [
      { kind: KIND_METADATA, bytes: metadata },
      { kind: KIND_GRAPH, bytes: graph },
      { kind: KIND_CHUNKS, bytes: encodeChunkTable(chunks) },
      { kind: KIND_WEIGHTS, bytes: compressed ? joined(chunks.map(({ stored }) => stored)) : weights },
    ],
    compressed ? FEATURE_COMPRESSED : 0,
  )
  // What is written can be read: the reader's own checks on everything but the weights, which cost little.
  checkContents(parsePrefix(file, file.length, DEFAULT_LIMITS), (offset, length) => file.subarray(offset, offset + length), undefined, DEFAULT_LIMITS)
  return file
}
