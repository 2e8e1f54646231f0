// Contexts of brotli's literals: RFC 7932, section 7.1.

/** Class of each ASCII character in UTF-8 text, as a letter from 'a' on. */
const CLASSES = 'aaaaaaaaabbaabaaaaaaaaaaaaaaaaaacdeddfdeghddidjdlllllllllliigkhddmnnnmnnnmnnnnnmnnnnnmnnnnngdhdddopppopppopppppopppppopppppgdhda'
/** Runs of the second last byte's part in UTF-8 text. */
const RUNS: readonly (readonly [value: number, count: number])[] = [[0, 33], [1, 15], [2, 10], [1, 7], [2, 26], [1, 6], [3, 26], [1, 4], [0, 97], [2, 32]]

let contexts: Uint8Array | undefined

/** [mode 4, which 2, byte 256]: a literal's context is the part of the last byte (which 0) or-ed with that of the one before. */
export function brotliContexts(): Uint8Array {
  return (contexts ??= makeContexts())
}

function makeContexts(): Uint8Array {
  const out = new Uint8Array(2048)
  let at = 1024 + 256
  for (const [value, count] of RUNS) {
    out.fill(value, at, at + count)
    at += count
  }
  for (let byte = 0; byte < 256; byte++) {
    out[byte] = byte & 63
    out[512 + byte] = byte >> 2
    out[1024 + byte] = byte < 128 ? 4 * (CLASSES.charCodeAt(byte) - 97) : byte < 192 ? byte & 1 : 2 + (byte & 1)
    const signed = signedClass(byte)
    out[1536 + byte] = signed << 3
    out[1792 + byte] = signed
  }
  return out
}

function signedClass(byte: number): number {
  if (byte === 0 || byte === 255) return byte & 7
  return byte < 16 ? 1 : byte < 64 ? 2 : byte < 128 ? 3 : byte < 192 ? 4 : byte < 240 ? 5 : 6
}
