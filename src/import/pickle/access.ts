// Typed access to read values: each function says which attribute was wrong, what it is and what was expected.
import { MleError } from '../../error.ts'
import { bfloatToFloat, halfToFloat } from '../../tensor/index.ts'
import { describe, isNdArray, isNumericNdArray, isPyObject, isTuple } from './values.ts'
import type { NdArray, NumericDType, NumericNdArray, PyObject, PyValue } from './values.ts'

function wrong(where: string, expected: string, value: PyValue | undefined): MleError {
  return new MleError('PICKLE_VALUE', `${where} is ${describe(value)}, expected ${expected}`, { section: where, expected, actual: describe(value) })
}

/** `Class.attribute`, the place that messages name. */
export function placeOf(object: PyObject, name: string): string {
  return `${object.name}.${name}`
}

/** An attribute that must be there (None is a value). Throws PICKLE_ATTRIBUTE. */
export function attribute(object: PyObject, name: string): PyValue {
  const value = object.state.get(name)
  if (value === undefined) {
    throw new MleError('PICKLE_ATTRIBUTE', `${object.module}.${object.name} at byte ${object.offset} has no attribute ${name}: the estimator is not fitted, or a version wrote it that is not supported`, {
      section: placeOf(object, name),
      offset: object.offset,
    })
  }
  return value
}

/** An attribute, or undefined where the object has none or it is None. */
export function optionalAttribute(object: PyObject, name: string): Exclude<PyValue, null> | undefined {
  return object.state.get(name) ?? undefined
}

export function asObject(value: PyValue | undefined, where: string): PyObject {
  if (!isPyObject(value)) throw wrong(where, 'an object', value)
  return value
}

/** A number from int, float, bool or a numpy number of shape []. Integers past 2^53 throw PICKLE_VALUE. */
export function asNumber(value: PyValue | undefined, where: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (isNumericNdArray(value) && value.shape.length === 0) {
    const element = elementOf(value, 0)
    if (typeof element === 'number') return element
    const number = Number(element)
    if (Number.isSafeInteger(number)) return number
  }
  throw wrong(where, 'a number', value)
}

/** An integer of at most 2^53 in magnitude. */
export function asInteger(value: PyValue | undefined, where: string): number {
  const number = asNumber(value, where)
  if (!Number.isSafeInteger(number)) throw wrong(where, 'an integer', value)
  return number
}

export function asBoolean(value: PyValue | undefined, where: string): boolean {
  if (typeof value === 'boolean') return value
  if (isNumericNdArray(value) && value.dtype === 'bool' && value.shape.length === 0) return value.data[0] !== 0
  if (value === 0 || value === 1) return value === 1
  throw wrong(where, 'a boolean', value)
}

export function asString(value: PyValue | undefined, where: string): string {
  if (typeof value === 'string') return value
  throw wrong(where, 'a string', value)
}

/** The items of a list, a tuple or a one-dimensional object array. */
export function asList(value: PyValue | undefined, where: string): readonly PyValue[] {
  if (Array.isArray(value)) return value
  if (isTuple(value)) return value.items
  if (isNdArray(value) && value.dtype === 'object' && value.shape.length === 1) return value.data
  throw wrong(where, 'a list', value)
}

export function asDict(value: PyValue | undefined, where: string): ReadonlyMap<PyValue, PyValue> {
  if (value instanceof Map) return value
  if (isPyObject(value) && value.entries !== undefined) return value.entries
  throw wrong(where, 'a dict', value)
}

export function expectArray(value: PyValue | undefined, where: string): NdArray {
  if (!isNdArray(value)) throw wrong(where, 'an array', value)
  return value
}

/** A numeric array, of `rank` dimensions where given. */
export function expectNumericArray(value: PyValue | undefined, where: string, rank?: number): NumericNdArray {
  if (!isNumericNdArray(value)) throw wrong(where, 'a numeric array', value)
  if (rank !== undefined && value.shape.length !== rank) throw wrong(where, `a numeric array of ${rank} dimensions`, value)
  return value
}

export function arrayAttribute(object: PyObject, name: string, rank?: number): NumericNdArray {
  return expectNumericArray(attribute(object, name), placeOf(object, name), rank)
}

export function numberAttribute(object: PyObject, name: string): number {
  return asNumber(attribute(object, name), placeOf(object, name))
}

export function stringAttribute(object: PyObject, name: string): string {
  return asString(attribute(object, name), placeOf(object, name))
}

/** One element as number or bigint; float16 and bfloat16 decoded. */
export function elementOf(array: NumericNdArray, index: number): number | bigint {
  const value = array.data[index]
  if (array.dtype === 'float16') return halfToFloat(Number(value))
  if (array.dtype === 'bfloat16') return bfloatToFloat(Number(value))
  return value
}

/** All elements as float64: the array's own data when it is float64 already, else a copy. Integers past 2^53 round to nearest. */
export function asFloat64(array: NumericNdArray): Float64Array {
  const { data } = array
  if (data instanceof Float64Array) return data
  if (data instanceof BigInt64Array || data instanceof BigUint64Array || array.dtype === 'float16' || array.dtype === 'bfloat16') {
    const out = new Float64Array(data.length)
    for (let i = 0; i < out.length; i++) out[i] = Number(elementOf(array, i))
    return out
  }
  return new Float64Array(data)
}

/** All elements as int32, from any integer or bool array; an element that does not fit throws PICKLE_VALUE. */
export function asInt32(array: NumericNdArray, where: string): Int32Array {
  const { data } = array
  if (data instanceof Int32Array) return data
  if (data instanceof Float64Array || data instanceof Float32Array || array.dtype === 'float16' || array.dtype === 'bfloat16') {
    throw wrong(where, 'an integer array', array)
  }
  const out = new Int32Array(data.length)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const words = new Int32Array(data.buffer, data.byteOffset, data.length * 2)
    const unsigned = data instanceof BigUint64Array
    for (let i = 0; i < out.length; i++) {
      const low = words[2 * i]
      if (words[2 * i + 1] !== (low < 0 && !unsigned ? -1 : 0) || (unsigned && low < 0)) {
        throw new MleError('PICKLE_VALUE', `${where}: element ${i} is ${data[i]}, expected an integer of 32 bits`, { section: where })
      }
      out[i] = low
    }
    return out
  }
  for (let i = 0; i < out.length; i++) {
    out[i] = data[i]
    if (out[i] !== data[i]) throw new MleError('PICKLE_VALUE', `${where}: element ${i} is ${data[i]}, expected an integer of 32 bits`, { section: where })
  }
  return out
}

/** Class labels or categories with the dtype that the training library gave them. */
export interface LabelArray {
  /** numpy dtype of the array; 'object' for mixed Python values. */
  readonly dtype: NumericDType | 'string' | 'object'
  /** Plain values: numbers (bigint past 2^53), strings, booleans; null for None, NaN for a missing float. */
  readonly values: readonly (number | bigint | string | boolean | null)[]
}

/** Labels of a one-dimensional numeric, string or object array, or a list of plain values. */
export function asLabels(value: PyValue | undefined, where: string): LabelArray {
  if (isNumericNdArray(value) && value.shape.length === 1) {
    const values = Array.from({ length: value.shape[0] }, (_, i) => plainNumber(elementOf(value, i)))
    return { dtype: value.dtype, values: value.dtype === 'bool' ? values.map((one) => one !== 0) : values }
  }
  if (isNdArray(value) && value.dtype === 'string' && value.shape.length === 1) return { dtype: 'string', values: value.data }
  const values = asList(value, where).map((item, i) => plainValue(item, `${where}[${i}]`))
  return { dtype: values.length > 0 && values.every((one) => typeof one === 'string') ? 'string' : 'object', values }
}

function plainNumber(value: number | bigint): number | bigint {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** A plain number, bigint, string, boolean or null from a Python or numpy scalar. */
export function plainValue(value: PyValue | undefined, where: string): number | bigint | string | boolean | null {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return value
  if (isNumericNdArray(value) && value.shape.length === 0) return plainNumber(elementOf(value, 0))
  throw wrong(where, 'a number, a string, a boolean or None', value)
}
