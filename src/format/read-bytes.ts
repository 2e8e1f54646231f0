import type { Graph } from '../graph/graph.ts'
import { sha256 } from '../platform/sha256.ts'
import { readPlain, wantsHashes } from './read.ts'
import type { CheckOptions } from './types.ts'

/**
 * Reads a model from bytes in memory, at once. Without `allocate` the graph's tensors are views of `bytes` (of a copy where they
 * do not start at a multiple of 8). Compressed and encrypted files need `read`.
 *
 * @throws MleError FORMAT_... (docs/format.md, section 11)
 */
export function readBytes(bytes: Uint8Array, options: CheckOptions = {}): Graph {
  return readPlain(bytes, options, wantsHashes(options) ? sha256 : undefined)
}
