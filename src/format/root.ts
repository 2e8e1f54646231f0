// What signatures sign.
import { sha256 } from '../platform/sha256.ts'
import type { Container } from './types.ts'

/** "mle3-root" NUL */
const ROOT_LABEL: readonly number[] = [0x6d, 0x6c, 0x65, 0x33, 0x2d, 0x72, 0x6f, 0x6f, 0x74, 0]

/** The SHA-256 that stands for the whole file except its signature block; signatures cover it. */
export function rootOf(container: Container): Uint8Array {
  const signed = container.prefix.slice()
  signed.fill(0, 20, 28)
  return sha256(Uint8Array.from(ROOT_LABEL), signed)
}
