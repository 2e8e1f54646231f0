// node:zlib with what only later versions of Node have.
import * as zlib from 'node:zlib'

export const brotliDecompressSync: (bytes: Uint8Array) => Uint8Array = zlib.brotliDecompressSync

export const zstdCompressSync: ((bytes: Uint8Array) => Uint8Array) | undefined = 'zstdCompressSync' in zlib && typeof zlib.zstdCompressSync === 'function' ? (zlib.zstdCompressSync as (bytes: Uint8Array) => Uint8Array) : undefined
