/** Whether bytes begin as an ONNX model does: the field ir_version, or a .onnx name and a first field of ModelProto. */
export function isOnnx(bytes: Uint8Array, fileName: string): boolean {
  if (bytes[0] === 0x08 && bytes[1] > 0 && bytes[1] < 32) return [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(bytes[2])
  return /\.onnx$/i.test(fileName) && [0x08, 0x12, 0x1a, 0x3a, 0x42].includes(bytes[0])
}
