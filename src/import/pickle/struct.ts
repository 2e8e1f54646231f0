// Columns of structured arrays: scikit-learn's tree nodes are records of 56 or 64 bytes.
import { MleError } from '../../error.ts'
import { viewNumeric } from '../../tensor/index.ts'
import { describe, isNdArray } from './values.ts'
import type { NumericNdArray, PyValue, StructNdArray } from './values.ts'

export function expectStruct(value: PyValue | undefined, where: string): StructNdArray {
  if (isNdArray(value) && value.dtype === 'struct') return value
  throw new MleError('PICKLE_VALUE', `${where} is ${describe(value)}, expected a structured array`, { section: where })
}

/** True where the records have a field of this name. */
export function hasField(array: StructNdArray, name: string): boolean {
  return array.fields.some((field) => field.name === name)
}

/**
 * One numeric field of every record, as an array of the records' shape (plus the field's own, for sub-array fields). Copies.
 *
 * @throws MleError PICKLE_FIELD when there is no such field or it is not numeric
 */
export function structField(array: StructNdArray, name: string, where: string): NumericNdArray {
  const field = array.fields.find((one) => one.name === name)
  if (field === undefined) {
    throw new MleError('PICKLE_FIELD', `${where}: records have no field ${JSON.stringify(name)}; they have ${array.fields.map((one) => one.name).join(', ')}`, { section: where })
  }
  const { element, itemBytes, bigEndian, subShape } = field.dtype
  if (element === undefined || element === 'string' || element === 'bytes' || element === 'object' || element === 'struct') {
    throw new MleError('PICKLE_FIELD', `${where}: field ${JSON.stringify(name)} has dtype ${field.dtype.code}, expected a numeric one`, { section: where })
  }
  const count = array.itemBytes === 0 ? 0 : array.data.length / array.itemBytes
  return {
    kind: 'ndarray',
    dtype: element,
    shape: [...array.shape, ...subShape],
    data: viewNumeric(element, gather(array, field.byteOffset, itemBytes, count), bigEndian),
  }
}

function gather(array: StructNdArray, fieldOffset: number, fieldBytes: number, count: number): Uint8Array {
  const out = new Uint8Array(count * fieldBytes)
  const source = array.data
  const stride = array.itemBytes
  // Whole 32-bit words where alignment allows: four times faster than bytes, and every tree node is aligned. Not float64, because an
  // engine may change the bits of a NaN while copying and integer fields have all bit patterns.
  if (fieldBytes % 4 === 0 && stride % 4 === 0 && (source.byteOffset + fieldOffset) % 4 === 0 && count > 0) {
    const perField = fieldBytes / 4
    const words = new Int32Array(source.buffer, source.byteOffset + fieldOffset, (count - 1) * (stride / 4) + perField)
    const outWords = new Int32Array(out.buffer)
    for (let i = 0, from = 0, to = 0; i < count; i++, from += stride / 4) {
      for (let word = 0; word < perField; word++) outWords[to++] = words[from + word]
    }
    return out
  }
  for (let i = 0; i < count; i++) {
    const from = i * stride + fieldOffset
    for (let byte = 0; byte < fieldBytes; byte++) out[i * fieldBytes + byte] = source[from + byte]
  }
  return out
}
