/** Whether bytes begin as any .mle file does. The reader refuses the versions that it does not read, version 3 too, by name. */
export function isMle(bytes: Uint8Array): boolean {
  return bytes[0] === 0x4d && bytes[1] === 0x4c && bytes[2] === 0x45 && bytes[3] === 0
}
