// The TypeScript file that carries a WebAssembly module as base64.
import { deflateRawSync } from 'node:zlib'

/** Larger modules are deflated. Inflating costs more than a millisecond at a cold start, which a small one does not bring in. */
const PLAIN_BYTES = 16384

/** @param plainBytes larger modules are deflated */
export function generatedSource(binary: Uint8Array, plainBytes: number = PLAIN_BYTES): string {
  const deflated = binary.length > plainBytes
  const text = Buffer.from(deflated ? deflateRawSync(binary, { level: 9 }) : binary).toString('base64')
  return [
    '// Written by `npm run build:wasm` from ../assembly; do not edit.',
    'import type { WasmImage } from \'../module.ts\'',
    '',
    `export const image: WasmImage = { byteLength: ${binary.length}, deflated: ${deflated}, base64: '${text}' }`,
    '',
  ].join('\n')
}
