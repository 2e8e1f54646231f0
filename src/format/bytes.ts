// Little-endian fields of the binary parts.
import { MleError } from '../error.ts'

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A 64-bit size as a Number; throws FORMAT_LIMIT past 2^53 - 1. `fileOffset` is where `view` starts in the file, for the message. */
export function readU64(view: DataView, at: number, fileOffset: number, section: string): number {
  const high = view.getUint32(at + 4, true)
  if (high > 0x1fffff) {
    throw new MleError('FORMAT_LIMIT', `${section}: the size at offset ${fileOffset + at} is beyond 2^53 bytes`, { section, offset: fileOffset + at, expected: Number.MAX_SAFE_INTEGER })
  }
  return high * 4294967296 + view.getUint32(at, true)
}

export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 4294967296, true)
  view.setUint32(at + 4, Math.floor(value / 4294967296), true)
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Index of the first byte in [start, end) that is not zero, or -1. */
export function firstNonZero(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return i
  return -1
}

/** TextDecoder and WebCrypto refuse views of shared memory. */
export function unshared(bytes: Uint8Array): Uint8Array {
  return typeof SharedArrayBuffer !== 'undefined' && bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes) : bytes
}
