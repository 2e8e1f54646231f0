// Graph -> .mle bytes. The same graph gives the same bytes everywhere.
import { MleError } from '../error.ts'
import type { Graph } from '../graph/graph.ts'
import { chunkGrid, encodeChunks } from './chunks.ts'
import { encodeGraph, encodeMetadata } from './encode-graph.ts'
import type { StoredTensor } from './encode-tensors.ts'
import { alignUp, HEADER_BYTES, KIND_CHUNKS, KIND_GRAPH, KIND_METADATA, KIND_WEIGHTS, CHUNK_ENTRY_BYTES, SECTION_ENTRY_BYTES } from './layout.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { checkNames } from './names.ts'
import { encodePrefix, parsePrefix } from './prefix.ts'
import { checkContents } from './read.ts'
import { decodedBytes } from './tensors.ts'
import type { WriteOptions } from './types.ts'

/**
 * Writes a model.
 *
 * @returns the bytes of an .mle file, version 3
 * @throws MleError FORMAT_NAME, FORMAT_UNDEFINED for a graph that is not in order; FORMAT_WRITE for what a file cannot hold;
 *   FORMAT_CODEC for a codec that is not available; FORMAT_LIMIT for what a reader would refuse
 * @example await writeFile('model.mle', await write(graph))
 */
export async function write(graph: Graph, options: WriteOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const codec = options.codec ?? 'none'
  if (codec !== 'none') throw new MleError('FORMAT_CODEC', `this version of mle-runtime does not write codec ${codec}, only none`, { expected: 'none', actual: codec })
  checkNames(graph, DEFAULT_LIMITS)
  const { value, tensors } = encodeGraph(graph)
  return assemble(jsonBytes(encodeMetadata(graph.metadata)), jsonBytes(value), tensors)
}

function jsonBytes(value: unknown): Uint8Array {
  const text = JSON.stringify(value)
  // The one escape that the format forbids: names were checked, metadata's text was not.
  if (/(?:^|[^\\])(?:\\\\)*\\ud/.test(text)) throw new MleError('FORMAT_WRITE', 'the metadata holds text with a lone surrogate, which has no UTF-8')
  return new TextEncoder().encode(text)
}

function assemble(metadata: Uint8Array, graph: Uint8Array, tensors: readonly StoredTensor[]): Uint8Array<ArrayBuffer> {
  const table = tensors.map(({ dtype, offset, bytes }) => ({ dtype, offset, byteLength: bytes.length }))
  const grid = chunkGrid(table)
  const sizes = [metadata.length, graph.length, grid.length * CHUNK_ENTRY_BYTES, decodedBytes(table)]
  const offsets: number[] = []
  let end = alignUp(HEADER_BYTES + sizes.length * SECTION_ENTRY_BYTES)
  for (const size of sizes) {
    offsets.push(end)
    end = alignUp(end + size)
  }
  if (end > DEFAULT_LIMITS.maxBytes) {
    throw new MleError('FORMAT_LIMIT', `the file would have ${end} bytes, more than the limit of ${DEFAULT_LIMITS.maxBytes}; store the weights in fewer bits`, { expected: DEFAULT_LIMITS.maxBytes, actual: end })
  }
  const file = new Uint8Array(end)
  const [metadataAt, graphAt, chunksAt, weightsAt] = offsets
  file.set(metadata, metadataAt)
  file.set(graph, graphAt)
  for (const { bytes, offset } of tensors) file.set(bytes, weightsAt + offset)
  const weights = file.subarray(weightsAt, weightsAt + sizes[3])
  const chunks = encodeChunks(grid, weights)
  file.set(chunks, chunksAt)
  file.set(
    encodePrefix([
      { kind: KIND_METADATA, bytes: metadata },
      { kind: KIND_GRAPH, bytes: graph },
      { kind: KIND_CHUNKS, bytes: chunks },
      { kind: KIND_WEIGHTS, bytes: weights },
    ]),
  )
  // What is written can be read: the reader's own checks on everything but the weights, which cost little.
  checkContents(parsePrefix(file, file.length, DEFAULT_LIMITS), (offset, length) => file.subarray(offset, offset + length), false, DEFAULT_LIMITS)
  return file
}
