// Which of the seven layouts a file has, and where its sections are. No layout leaves gaps: header, metadata, graph and
// weights follow each other to the end of the file, whatever the stored offsets say. Several writers computed offsets for
// a header smaller than the one they wrote, so the true places follow from the file's size.
import { checkSums } from './checksums.ts'
import { isMle } from './detect.ts'
import { legacyError } from './error.ts'

/** Our names of the layouts: A, B, T1 are of version 1; C, D, T2 of version 2. B was written by two generations of exporters. */
export type Layout = 'A' | 'B' | 'C' | 'D' | 'T1' | 'T2'

/** Metadata, graph and weights; or metadata and a pickle. */
export type Sections =
  | { readonly layout: Exclude<Layout, 'C'>; readonly version: 1 | 2; readonly metadata: Uint8Array; readonly graph: Uint8Array; readonly weights: Uint8Array }
  | { readonly layout: 'C'; readonly version: 2; readonly metadata: Uint8Array; readonly payload: Uint8Array }

interface Variant {
  readonly layout: Exclude<Layout, 'C'>
  readonly headerBytes: number
  /** How much too small the stored offsets are. */
  readonly slack: number
}

const VERSION_1: readonly Variant[] = [
  { layout: 'B', headerBytes: 72, slack: 0 },
  { layout: 'A', headerBytes: 80, slack: 16 },
  { layout: 'T1', headerBytes: 72, slack: 8 },
]
const VERSION_2: readonly Variant[] = [
  { layout: 'D', headerBytes: 144, slack: 0 },
  { layout: 'T2', headerBytes: 144, slack: 80 },
]

const PICKLE_HEADER_BYTES = 24
const BRACE = 0x7b

/** Features that no file was ever written with: compression, encryption, signature, quantization, chunked weights. */
const UNREADABLE_FLAGS: readonly (readonly [number, string])[] = [
  [1, 'compression'], [2, 'encryption'], [4, 'a signature'], [0x10, 'quantized weights'], [0x40, 'chunked weights'],
]

/**
 * Finds the sections of a file.
 *
 * @throws MleError LEGACY_MAGIC, LEGACY_VERSION, LEGACY_TRUNCATED, LEGACY_LAYOUT, LEGACY_FEATURE, LEGACY_CHECKSUM
 */
export function findSections(bytes: Uint8Array): Sections {
  if (!isMle(bytes)) throw legacyError('LEGACY_MAGIC', 'the first bytes are not "MLE" and a zero', { offset: 0 })
  needBytes(bytes, 8)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint32(4, true)
  if (version === 3) {
    throw legacyError('LEGACY_VERSION', 'this is a file of version 3, which is no foreign format; use load()', { offset: 4, expected: '1 or 2', actual: 3 })
  }
  if (version !== 1 && version !== 2) {
    throw legacyError('LEGACY_VERSION', `version ${version} is unknown; 1 and 2 are read here, 3 by load()`, { offset: 4, expected: '1 or 2', actual: version })
  }
  if (version === 1) return tiled(bytes, view, version, 8, VERSION_1)
  needBytes(bytes, PICKLE_HEADER_BYTES)
  const isPickle = view.getUint32(12, true) === 0 && bytes[PICKLE_HEADER_BYTES] === BRACE
  return isPickle ? pickled(bytes, view) : tiled(bytes, view, version, 16, VERSION_2)
}

function needBytes(bytes: Uint8Array, count: number): void {
  if (bytes.length < count) {
    throw legacyError('LEGACY_TRUNCATED', `has ${bytes.length} bytes, its header needs ${count}; the file is cut off`, {
      offset: bytes.length, expected: count, actual: bytes.length,
    })
  }
}

function size(view: DataView, at: number): number {
  const value = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
  if (!Number.isSafeInteger(value)) {
    throw legacyError('LEGACY_LAYOUT', `the offset or size at byte ${at} is ${value}, beyond any file`, { offset: at, actual: value })
  }
  return value
}

/** Layout C: metadata and a pickle, each with its size. */
function pickled(bytes: Uint8Array, view: DataView): Sections {
  const metadataBytes = size(view, 8)
  const payloadBytes = size(view, 16)
  const end = PICKLE_HEADER_BYTES + metadataBytes + payloadBytes
  if (end > bytes.length) {
    throw legacyError('LEGACY_TRUNCATED', `its sections end at byte ${end}, but it has ${bytes.length}; the file is cut off`, {
      expected: end, actual: bytes.length,
    })
  }
  if (end < bytes.length) {
    throw legacyError('LEGACY_LAYOUT', `${bytes.length - end} bytes follow its last section`, { offset: end, expected: end, actual: bytes.length })
  }
  const start = PICKLE_HEADER_BYTES + metadataBytes
  return { layout: 'C', version: 2, metadata: bytes.subarray(PICKLE_HEADER_BYTES, start), payload: bytes.subarray(start) }
}

/** The other layouts: three offsets and sizes from byte `at` on. */
function tiled(bytes: Uint8Array, view: DataView, version: 1 | 2, at: number, variants: readonly Variant[]): Sections {
  needBytes(bytes, variants[0].headerBytes)
  const [metadataAt, metadataBytes, graphAt, graphBytes, weightsAt, weightsBytes] = Array.from({ length: 6 }, (_, i) => size(view, at + 8 * i))
  const end = weightsAt + weightsBytes
  const slack = bytes.length - end
  const found = variants.find((one) => one.slack === slack && metadataAt + slack === one.headerBytes)
  if (found === undefined) {
    if (slack < 0) {
      throw legacyError('LEGACY_TRUNCATED', `its sections end at byte ${end}, but it has ${bytes.length}; the file is cut off`, {
        expected: end, actual: bytes.length,
      })
    }
    throw legacyError('LEGACY_LAYOUT', `metadata at byte ${metadataAt} and ${slack} bytes beyond the stored end of the weights fit none of the layouts of version ${version}`, { offset: at, actual: slack })
  }
  if (graphAt !== metadataAt + metadataBytes || weightsAt !== graphAt + graphBytes) {
    throw legacyError('LEGACY_LAYOUT', `metadata, graph and weights at bytes ${metadataAt}, ${graphAt} and ${weightsAt} with ${metadataBytes}, ${graphBytes} and ${weightsBytes} bytes do not follow each other`, { offset: at })
  }
  // Signature, and in version 2 compression: an offset, and a size of the latter two.
  const extras = version === 1 ? [56] : [64, 72, 80, 88]
  for (const place of extras) {
    if (size(view, place) !== 0) {
      throw legacyError('LEGACY_FEATURE', `has a ${place < 80 ? 'signature' : 'compression'} section, which no writer of that time could make`, { offset: place })
    }
  }
  const start = metadataAt + slack
  const section = (from: number, length: number): Uint8Array => bytes.subarray(from, from + length)
  const metadata = section(start, metadataBytes)
  const graph = section(start + metadataBytes, graphBytes)
  const weights = section(start + metadataBytes + graphBytes, weightsBytes)
  if (found.layout === 'D') {
    const flags = view.getUint32(8, true)
    for (const [bit, name] of UNREADABLE_FLAGS) {
      if (Math.floor(flags / bit) % 2 === 1) {
        throw legacyError('LEGACY_FEATURE', `says it has ${name}, which no writer of that time could make`, { offset: 8, actual: flags })
      }
    }
    if (view.getUint32(12, true) !== 144) {
      throw legacyError('LEGACY_LAYOUT', `its header says it has ${view.getUint32(12, true)} bytes`, { offset: 12, expected: 144, actual: view.getUint32(12, true) })
    }
    checkSums(bytes, view, [metadata, graph, weights])
  }
  return { layout: found.layout, version, metadata, graph, weights }
}
