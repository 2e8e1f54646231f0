// Numbers of the file layout, as docs/format.md fixes them.

/** 'M' 'L' 'E' NUL */
export const MAGIC: readonly number[] = [0x4d, 0x4c, 0x45, 0x00]
export const VERSION = 3
export const HEADER_BYTES = 64
export const SECTION_ENTRY_BYTES = 48
export const CHUNK_ENTRY_BYTES = 96
export const ALIGNMENT = 64

/** Tensors of at least this many bytes are cut into chunks of this many; smaller ones share a chunk of at most this many. */
export const CHUNK_BYTES = 1048576

/** Lists of more elements are stored as tensors. */
export const MAX_INLINE_ELEMENTS = 64

/** Section kinds; the file holds them in this order. */
export const KIND_ENCRYPTION = 0x10
export const KIND_METADATA = 0x20
export const KIND_GRAPH = 0x30
export const KIND_CHUNKS = 0x40
export const KIND_WEIGHTS = 0x50

/** Kinds of 2^31 and more may be skipped by readers that do not know them; for the order this bit does not count. */
export const OPTIONAL_KIND = 0x80000000

/** Bits of the required features. */
export const FEATURE_ENCRYPTED = 1
export const FEATURE_COMPRESSED = 2

export const CODEC_NONE = 0
export const CODEC_LZ4 = 1
export const CODEC_ZSTD = 2
export const CODEC_BROTLI = 3
export const FILTER_NONE = 0
export const FILTER_SHUFFLE = 1
/** What encryption adds to the bytes of a chunk. */
export const TAG_BYTES = 16

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}
