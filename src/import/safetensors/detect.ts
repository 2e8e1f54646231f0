/** True for files whose first number is the length of a JSON object that begins after it. */
export function isSafetensors(bytes: Uint8Array, fileName: string): boolean {
  if (bytes.length < 10) return /\.safetensors$/i.test(fileName)
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8)
  const header = view.getUint32(0, true)
  return (bytes[8] === 0x7b && view.getUint32(4, true) === 0 && header >= 2 && header <= bytes.length - 8) || /\.safetensors$/i.test(fileName)
}

/** True for the index of a checkpoint in parts (model.safetensors.index.json): which file holds which tensor. */
export function isShardIndex(bytes: Uint8Array, fileName: string): boolean {
  return /\.index\.json$/i.test(fileName) || /^\s*\{\s*"(metadata|weight_map)"\s*:/.test(new TextDecoder('latin1').decode(bytes.subarray(0, 256)))
}
