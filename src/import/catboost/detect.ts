// Telling CatBoost's binary and JSON files apart from other files, without reading them.

/** Keys of the document's root, in the order of the alphabet or of the library's version; any of them may come first. */
const FIRST_KEY = /^\s*\{\s*"(ctr_data|features_info|model_info|oblivious_trees|trees|scale_and_bias)"\s*:/

/** The format of bytes that look like a CatBoost model; undefined for others. */
export function formatOf(bytes: Uint8Array): 'json' | 'cbm' | undefined {
  if (bytes[0] === 0x43 && bytes[1] === 0x42 && bytes[2] === 0x4d && bytes[3] === 0x31) return 'cbm'
  return FIRST_KEY.test(new TextDecoder('latin1').decode(bytes.subarray(0, 256))) ? 'json' : undefined
}

export function isCatboost(bytes: Uint8Array): boolean {
  return formatOf(bytes) !== undefined
}
