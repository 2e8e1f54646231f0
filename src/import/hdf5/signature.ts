// Where the signature of an HDF5 file is.
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]
/** A user block before the file is empty or a power of two from 512 on. */
const FIRST_USER_BLOCK = 512
/** More than any file that fits in memory as a user block. */
const LAST_USER_BLOCK = 1 << 24

export const SIGNATURE_BYTES = 8

/** Byte of the signature; undefined for other files. */
export function signatureAt(bytes: Uint8Array): number | undefined {
  for (let at = 0; at + SIGNATURE_BYTES <= bytes.length && at <= LAST_USER_BLOCK; at = at === 0 ? FIRST_USER_BLOCK : at * 2) {
    if (SIGNATURE.every((byte, i) => bytes[at + i] === byte)) return at
  }
  return undefined
}

export function isHdf5(bytes: Uint8Array): boolean {
  return signatureAt(bytes) !== undefined
}
