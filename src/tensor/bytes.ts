/**
 * The same memory as a plain Uint8Array. Node's Buffer is a Uint8Array whose `slice` shares memory instead of copying, which
 * everything that reads files relies on.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return Object.getPrototypeOf(bytes) === Uint8Array.prototype ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
