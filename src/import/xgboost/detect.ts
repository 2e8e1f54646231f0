// Telling XGBoost's three formats apart from other files, without reading them.

/** Where the legacy format, which has no magic, keeps the lengths and names of objective and booster. */
const LEGACY_NAMES_OFFSET = 136

/** The format of bytes that look like an XGBoost model; undefined for others. */
export function formatOf(bytes: Uint8Array): 'json' | 'ubjson' | 'legacy' | undefined {
  if (bytes[0] === 0x7b) {
    // UBJSON: an object whose first key has a length marker.
    if (bytes[1] === 0x4c || bytes[1] === 0x69 || bytes[1] === 0x55) return 'ubjson'
    const head = new TextDecoder().decode(bytes.subarray(0, 256))
    return /^\{\s*"(learner|version|Model|Config)"/.test(head) ? 'json' : undefined
  }
  return isLegacy(withoutPrefix(bytes)) ? 'legacy' : undefined
}

export function isXgboost(bytes: Uint8Array): boolean {
  return formatOf(bytes) !== undefined
}

/** The legacy format without the 'binf' that some writers put first. */
export function withoutPrefix(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0x62 && bytes[1] === 0x69 && bytes[2] === 0x6e && bytes[3] === 0x66 ? bytes.subarray(4) : bytes
}

function isLegacy(bytes: Uint8Array): boolean {
  const objective = shortName(bytes, LEGACY_NAMES_OFFSET)
  if (objective === undefined) return false
  const booster = shortName(bytes, LEGACY_NAMES_OFFSET + 8 + objective.length)
  return booster === 'gbtree' || booster === 'dart' || booster === 'gblinear'
}

/** A name of at most 64 bytes behind its length as u64. */
function shortName(bytes: Uint8Array, at: number): string | undefined {
  if (bytes.length < at + 8) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8)
  const length = view.getUint32(0, true)
  if (view.getUint32(4, true) !== 0 || length > 64 || bytes.length < at + 8 + length) return undefined
  return String.fromCharCode(...bytes.subarray(at + 8, at + 8 + length))
}
