// CRC-32 as in zlib, PNG and gzip (reflected polynomial 0xEDB88320): the host's where it has one, else tables made on first use.
import { hostZlib } from './host.ts'

type Crc32 = (bytes: Uint8Array, value?: number) => number

// Loading the host's zlib costs about 2 ms once, as much as the tables need for this many bytes while they are not compiled yet.
const HOST_BYTES = 65536

let host: Crc32 | undefined

/**
 * The CRC-32 of `bytes`; pass the result of an earlier call as `value` to continue it.
 *
 * @param expectedBytes how many bytes the caller will sum in all: decides whether the host's version is worth loading
 */
export function crc32(bytes: Uint8Array, value: number = 0, expectedBytes: number = bytes.length): number {
  if (host === undefined && expectedBytes >= HOST_BYTES) host = hostZlib()?.crc32 ?? crc32Tables
  return host === undefined ? crc32Tables(bytes, value) : host(bytes, value)
}

let tables: Uint32Array = /* @__PURE__ */ new Uint32Array(0)

/** Below this many bytes at once the sixteen tables take longer to make than they save. */
const SLICED_BYTES = 16384
const ALL_ENTRIES = 16 * 256

/** Tables of 256 entries: table k holds the CRC of a byte followed by k zero bytes. */
function makeTables(entries: number): Uint32Array {
  const out = new Uint32Array(entries)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    out[byte] = crc
  }
  for (let i = 256; i < out.length; i++) out[i] = (out[i - 256] >>> 8) ^ out[out[i - 256] & 255]
  return out
}

/** Portable version, sixteen bytes a step for more than a few ("slicing by 16"): each byte's share comes from its own table, so that the lookups do not wait for each other. */
export function crc32Tables(bytes: Uint8Array, value: number = 0): number {
  const end = bytes.length
  if (tables.length < ALL_ENTRIES && (end >= SLICED_BYTES || tables.length === 0)) tables = makeTables(end >= SLICED_BYTES ? ALL_ENTRIES : 256)
  const t = tables
  let crc = ~value
  let i = 0
  for (const last = t.length === ALL_ENTRIES ? end - 15 : 0; i < last; i += 16) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    crc =
      t[3840 + (crc & 255)] ^ t[3584 + ((crc >>> 8) & 255)] ^ t[3328 + ((crc >>> 16) & 255)] ^ t[3072 + (crc >>> 24)] ^
      t[2816 + bytes[i + 4]] ^ t[2560 + bytes[i + 5]] ^ t[2304 + bytes[i + 6]] ^ t[2048 + bytes[i + 7]] ^
      t[1792 + bytes[i + 8]] ^ t[1536 + bytes[i + 9]] ^ t[1280 + bytes[i + 10]] ^ t[1024 + bytes[i + 11]] ^
      t[768 + bytes[i + 12]] ^ t[512 + bytes[i + 13]] ^ t[256 + bytes[i + 14]] ^ t[bytes[i + 15]]
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 255]
  return ~crc >>> 0
}
