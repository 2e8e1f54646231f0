// What begins as a PyTorch file does.
import { isZip, openZip } from '../zip.ts'

/** Long integer 0x1950a86a20f9469cfc6c as the first pickle of the file. */
const LEGACY_MAGIC = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]

export function isLegacyPytorch(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && LEGACY_MAGIC.every((byte, i) => bytes[i + 2] === byte)
}

/** A tar archive of the first releases: its first entry is `sys_info`, or a folder with it. */
export function isTar(bytes: Uint8Array): boolean {
  return bytes.length > 512 && String.fromCharCode(...bytes.subarray(257, 262)) === 'ustar'
}

/** True for archives with a data.pkl, for the form before 1.6, and for whatever is named .pt or .pth. */
export function isPytorch(bytes: Uint8Array, fileName: string): boolean {
  if (isLegacyPytorch(bytes)) return true
  if (/\.(?:pt|pth|ptl)$/i.test(fileName)) return isZip(bytes) || isTar(bytes)
  if (!isZip(bytes)) return false
  try {
    return [...openZip(bytes).entries.keys()].some((name) => /^[^/]+\/data\.pkl$/.test(name))
  } catch {
    // A damaged archive of unknown kind: the formats that are asked next say what is wrong.
    return false
  }
}
