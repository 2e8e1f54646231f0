// Tensors of the file as typed arrays: copies, because nothing in these files is aligned.
import { halfToFloat } from '../../tensor/index.ts'
import { legacyError } from './error.ts'
import type { LegacyTensor } from './records.ts'

/** Numbers of a tensor as float64. */
export function float64Of(tensor: LegacyTensor): Float64Array {
  const { data, dtype } = tensor
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const fill = (bytes: number, at: (offset: number) => number): Float64Array => {
    const out = new Float64Array(data.length / bytes)
    for (let i = 0; i < out.length; i++) out[i] = at(i * bytes)
    return out
  }
  switch (dtype) {
    case 'float32':
      return fill(4, (offset) => view.getFloat32(offset, true))
    case 'float64':
      return fill(8, (offset) => view.getFloat64(offset, true))
    case 'float16':
      return fill(2, (offset) => halfToFloat(view.getUint16(offset, true)))
    case 'int8':
      return fill(1, (offset) => view.getInt8(offset))
    case 'int32':
      return fill(4, (offset) => view.getInt32(offset, true))
    case 'bytes':
      throw legacyError('LEGACY_TENSOR', `a tensor of ${data.length} raw bytes stands where numbers are expected`)
  }
}

/** Whole numbers of a tensor. */
export function int32Of(tensor: LegacyTensor, what: string): Int32Array {
  if (tensor.dtype !== 'int32' && tensor.dtype !== 'int8') throw legacyError('LEGACY_TENSOR', `${what} is ${tensor.dtype}, expected int32`)
  return Int32Array.from(float64Of(tensor))
}

/** [rows, columns] of a tensor that must be a matrix. */
export function matrixShape(tensor: LegacyTensor, what: string): readonly [number, number] {
  if (tensor.shape.length !== 2) throw legacyError('LEGACY_SHAPE', `${what} has shape [${tensor.shape.join(', ')}], expected 2 dimensions`)
  return [tensor.shape[0], tensor.shape[1]]
}

/** Throws LEGACY_SHAPE unless the condition holds. */
export function requireShape(condition: boolean, what: string): void {
  if (!condition) throw legacyError('LEGACY_SHAPE', what)
}

/** Throws LEGACY_GRAPH unless a step has so many parameters. */
export function requireParameters(op: string, parameters: readonly LegacyTensor[], counts: readonly number[]): void {
  if (!counts.includes(parameters.length)) throw legacyError('LEGACY_GRAPH', `${op} has ${parameters.length} parameters, expected ${counts.join(' or ')}`)
}
