// WebCrypto, and what its absence means.
import { MleError } from '../error.ts'

/** What went wrong where a runtime lacks an algorithm. */
export function unsupported(what: string): MleError {
  return new MleError('TRUST_UNSUPPORTED', `this runtime has no ${what}: pages need https or localhost, and Ed25519 a current browser, Node 20, Deno or Bun`)
}

/** @throws MleError TRUST_UNSUPPORTED on pages over plain http */
export function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle
  if (found === undefined) throw unsupported('WebCrypto')
  return found
}

/** WebCrypto refuses views of shared memory, and its types want plain buffers. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}
