// Telling files of Keras and TensorFlow.js from others, without reading them.
import { isHdf5 } from '../hdf5/signature.ts'
import { isZip } from '../zip.ts'

const HEAD_BYTES = 1 << 16

function textAt(bytes: Uint8Array, from: number, to: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(from, to))
}

/** .keras: a zip whose directory lists a configuration and weights. */
export function isKerasZip(bytes: Uint8Array): boolean {
  if (!isZip(bytes)) return false
  const directory = textAt(bytes, Math.max(0, bytes.length - HEAD_BYTES), bytes.length)
  return directory.includes('config.json') && (directory.includes('model.weights.h5') || directory.includes('metadata.json'))
}

/** HDF5 may begin behind a block of a user's; in an archive it can lie there by chance. */
export function isKerasH5(bytes: Uint8Array): boolean {
  return !isZip(bytes) && isHdf5(bytes)
}

/** model.json of TensorFlow.js, or a Keras model's architecture on its own. */
export function isTfjs(bytes: Uint8Array): boolean {
  const head = textAt(bytes, 0, HEAD_BYTES)
  return /^\s*\{/.test(head) && (/"(modelTopology|weightsManifest)"/.test(head) || /"class_name"\s*:\s*"(Sequential|Functional|Model)"/.test(head))
}
