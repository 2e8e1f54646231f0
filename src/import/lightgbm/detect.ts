/** Whether bytes begin as a LightGBM text model does. */
export function isLightgbm(bytes: Uint8Array): boolean {
  return /^tree\r?\n(version=|num_class=)/.test(new TextDecoder('latin1').decode(bytes.subarray(0, 64)))
}
