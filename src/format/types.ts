// What the container's functions take and give.
import type { Graph, Metadata, ValueInfo } from '../graph/graph.ts'
import type { DType } from '../tensor/dtype.ts'
import type { Limits } from './limits.ts'

/** How chunks are stored. All are read everywhere; zstd and brotli are written where the host can. */
export type CodecName = 'none' | 'lz4' | 'zstd' | 'brotli'

export interface WriteOptions {
  /** Default 'none': weights are read straight into memory. */
  readonly codec?: CodecName
}

/** What of a file is checked at once, by `readBytes`. */
export interface CheckOptions {
  /** 'crc32' (default) finds damage; 'sha256' also checks the hash of every section and chunk. */
  readonly integrity?: 'crc32' | 'sha256'
  readonly limits?: Partial<Limits>
  /**
   * Gives the decoded weights their memory, such as a range of an arena: exactly `byteLength` bytes at a multiple of 64 (of 8 at
   * least). Called once, after the graph was checked, and not at all for a model without weights. Without it bytes in memory are
   * used in place: do not change them while the graph is in use.
   */
  readonly allocate?: (byteLength: number) => Uint8Array
}

export interface ReadOptions extends CheckOptions {
  /** Names of the outputs wanted: the graph is cut down to what they need and no other weights are read, over http by ranges. */
  readonly outputs?: readonly string[]
  /** Called while weights arrive and are checked: stored bytes done and bytes in all. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
  /** What may refuse a file and open its sealed parts: `guardOf` of mle-runtime/security makes it. */
  readonly guard?: Guard
}

/** Stands between a file's bytes and their use. With one, all hashes are checked. */
export interface Guard {
  /** After the prefix, before anything else is read or parsed. Throws to refuse. */
  checkSignatures?(container: Container, block: Uint8Array): Promise<void>
  /** After the hash of the metadata, before anything else of the file is parsed. */
  checkMetadata?(metadata: Metadata): void
  /** After graph and chunk table were read, before weights are. */
  checkGraph?(graph: Graph, codecs: ReadonlySet<CodecName>): void
  /** Unlocks an encrypted file with the content of its encryption section. */
  unlock?(header: Uint8Array): Promise<Opener>
}

/** Where a piece of sealed bytes belongs; it opens nowhere else. */
export interface SealedPiece {
  readonly kind: number
  readonly index: number
  readonly count: number
  readonly codec: number
  readonly filter: number
  readonly rawBytes: number
}

/** Opens what an encrypted file seals. */
export interface Opener {
  /** True when the section of this kind is sealed. */
  seals(kind: number): boolean
  /** Throws when the bytes are not those that were sealed there. */
  open(piece: SealedPiece, stored: Uint8Array): Promise<Uint8Array>
}

/** A section as the table lists it. */
export interface Section {
  readonly kind: number
  /** 'metadata', 'graph', 'chunks', 'weights', 'encryption', or 'unknown'. */
  readonly name: SectionName
  /** Where it starts in the file. */
  readonly offset: number
  readonly byteLength: number
  readonly crc32: number
  readonly sha256: Uint8Array
}

export type SectionName = 'encryption' | 'metadata' | 'graph' | 'chunks' | 'weights' | 'unknown'

/** The prefix of a file: all that is known before any JSON is parsed. */
export interface Container {
  readonly byteLength: number
  readonly requiredFeatures: number
  readonly optionalFeatures: number
  readonly encrypted: boolean
  readonly compressed: boolean
  /** Header and section table. */
  readonly prefix: Uint8Array
  /** The signature block follows the prefix; 0 bytes when unsigned. */
  readonly signature: { readonly offset: number; readonly byteLength: number }
  /** In file order. */
  readonly sections: readonly Section[]
}

/** An entry of the chunk table. */
export interface Chunk {
  readonly codec: number
  readonly filter: number
  readonly elementBytes: number
  /** Where its stored bytes start, relative to the weights section. */
  readonly storedOffset: number
  readonly storedBytes: number
  /** Where its raw bytes start in the decoded weights. */
  readonly rawOffset: number
  readonly rawBytes: number
  readonly crc32: number
  /** Of the stored bytes. */
  readonly sha256: Uint8Array
  /** Of the raw bytes; all zero when encrypted. */
  readonly rawSha256: Uint8Array
}

/** A tensor of the file without its elements. */
export interface TensorInfo {
  /** Names of the initializers that hold it; empty for attributes. */
  readonly names: readonly string[]
  readonly dtype: DType
  readonly shape: readonly number[]
  /** In the decoded weights. */
  readonly offset: number
  readonly byteLength: number
}

/** What `inspect` tells of a file without reading its weights. */
export interface Inspection {
  readonly version: 3
  readonly byteLength: number
  readonly signed: boolean
  readonly encrypted: boolean
  readonly compressed: boolean
  /** SHA-256 that a signature covers, in hexadecimal digits. */
  readonly root: string
  readonly sections: readonly { readonly name: SectionName; readonly kind: number; readonly offset: number; readonly byteLength: number; readonly sha256: string }[]
  readonly chunks: readonly { readonly codec: CodecName; readonly storedBytes: number; readonly rawBytes: number; readonly sha256: string }[]
  readonly metadata: Metadata
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  /** Operators by use, those of subgraphs included. */
  readonly operators: readonly { readonly op: string; readonly domain: string; readonly version: number; readonly count: number }[]
  readonly nodeCount: number
  readonly subgraphCount: number
  readonly tensors: readonly TensorInfo[]
  /** Bytes of the decoded weights. */
  readonly weightBytes: number
}
