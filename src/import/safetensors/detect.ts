/** True for files whose first number is the length of a JSON object that begins after it. */
export function isSafetensors(bytes: Uint8Array, fileName: string): boolean {
  if (bytes.length < 10) return /\.safetensors$/i.test(fileName)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
  const header = view.getUint32(0, true)
  return (bytes[8] === 0x7b && view.getUint32(4, true) === 0 && header >= 2 && header <= bytes.length - 8) || /\.safetensors$/i.test(fileName)
}
