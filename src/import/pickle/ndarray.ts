// numpy arrays and scalars from their bytes, into C order and little endian.
import { decodeUtf32, fortranStrides, isOrderless, sizeOf, splitFixedBytes, stridedBytesToC, stridedOrder, stridedToC, viewNumeric } from '../../tensor/index.ts'
import { chargeCopy, pickleError, type PickleContext } from './context.ts'
import { elementTypeOf } from './dtype.ts'
import { limitError } from './limits.ts'
import { describe, type NdArray, type PyDType, type PyValue } from './values.ts'

const NO_BYTES = /* @__PURE__ */ new Int8Array(0)

/** What `_reconstruct` makes: an array that its BUILD fills in place, because the memo may hold it already. */
export function startArray(context: PickleContext): NdArray {
  const array: NdArray = { kind: 'ndarray', dtype: 'int8', shape: [0], data: NO_BYTES }
  context.pending.add(array)
  return array
}

/** Fills an array that `_reconstruct` made. */
export function finishArray(context: PickleContext, target: NdArray, built: NdArray, offset: number): void {
  if (!context.pending.delete(target)) throw pickleError('PICKLE_BUILD', offset, 'an array gets its content twice')
  Object.assign(target, built)
}

/**
 * An array over `bytes`, which must be exactly its elements.
 *
 * @param strides of its axes in elements as they lie in `bytes`; undefined for C order
 */
export function arrayFromBytes(context: PickleContext, dtype: PyDType, shape: readonly number[], bytes: Uint8Array, strides: readonly number[] | undefined, offset: number): NdArray {
  const element = elementTypeOf(context, dtype, offset)
  if (element === 'object') throw pickleError('PICKLE_ARRAY', offset, 'an array of Python objects from raw bytes, which would be memory addresses')
  const count = sizeOf(shape)
  const total = count * dtype.itemBytes
  if (bytes.length !== total) {
    throw pickleError('PICKLE_ARRAY', offset, `array of shape [${shape.join(', ')}] and dtype ${dtype.code} needs ${total} bytes, the file has ${bytes.length}`)
  }
  if (total > context.limits.arrayBytes) throw limitError(context.limits, 'arrayBytes', 'array bytes', total, offset)
  const reorder = strides !== undefined && !isOrderless(shape) ? strides : undefined
  if (element === 'string' || element === 'bytes') {
    if (count > context.limits.elements) throw limitError(context.limits, 'elements', 'array elements', count, offset)
    chargeCopy(context, total + count * 16, offset)
    if (element === 'string') return { kind: 'ndarray', dtype: element, shape, data: inOrder(decodeUtf32(bytes, count, dtype.itemBytes / 4, dtype.bigEndian, 'PICKLE_STRING'), shape, reorder) }
    return { kind: 'ndarray', dtype: element, shape, data: inOrder(splitFixedBytes(bytes, count, dtype.itemBytes), shape, reorder) }
  }
  if (element === 'struct') {
    if (count > context.limits.elements && dtype.itemBytes === 0) throw limitError(context.limits, 'elements', 'array elements', count, offset)
    if (reorder !== undefined) chargeCopy(context, total + count * 8, offset)
    const data = reorder === undefined ? bytes : stridedBytesToC(bytes, shape, reorder, dtype.itemBytes)
    return { kind: 'ndarray', dtype: element, shape, data, itemBytes: dtype.itemBytes, fields: dtype.fields }
  }
  if (reorder !== undefined || dtype.bigEndian || bytes.byteOffset % dtype.itemBytes !== 0) chargeCopy(context, total, offset)
  const data = viewNumeric(element, bytes, dtype.bigEndian)
  if (element === 'bool') checkBooleans(bytes, offset)
  return { kind: 'ndarray', dtype: element, shape, data: reorder === undefined ? data : stridedToC(data, element, shape, reorder) }
}

function inOrder<T>(items: T[], shape: readonly number[], strides: readonly number[] | undefined): T[] {
  return strides === undefined ? items : Array.from(stridedOrder(shape, strides), (from) => items[from])
}

function checkBooleans(bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] > 1) throw pickleError('PICKLE_ARRAY', offset, `element ${i} of a bool array is ${bytes[i]}, expected 0 or 1`)
  }
}

/** An object array; numpy writes its items in C order whatever the array's own. */
export function arrayFromList(context: PickleContext, shape: readonly number[], items: readonly PyValue[], offset: number): NdArray {
  const count = sizeOf(shape)
  if (items.length !== count) throw pickleError('PICKLE_ARRAY', offset, `object array of shape [${shape.join(', ')}] needs ${count} items, the file has ${items.length}`)
  // A copy: the list may stand in the memo and grow later.
  chargeCopy(context, count * 8, offset)
  return { kind: 'ndarray', dtype: 'object', shape, data: items.slice() }
}

/** Strides for the order letter that numpy and joblib write. */
export function stridesOfOrder(order: PyValue, shape: readonly number[], offset: number): readonly number[] | undefined {
  if (order === 'C' || order === 'A') return undefined
  if (order === 'F') return fortranStrides(shape)
  throw pickleError('PICKLE_ARRAY', offset, `array order ${describe(order)} is not supported`)
}

/**
 * A numpy scalar: numbers as an array of shape [], text, bytes and booleans as plain values.
 *
 * @param content the element's bytes, or the object itself for dtype O
 */
export function makeScalar(context: PickleContext, dtype: PyDType, content: PyValue, offset: number): PyValue {
  if (dtype.element === 'object') return content
  const array = arrayFromBytes(context, dtype, [], rawBytes(context, content, offset), undefined, offset)
  if (array.dtype === 'string' || array.dtype === 'bytes') return array.data[0]
  return array.dtype === 'bool' ? array.data[0] === 1 : array
}

/** Bytes as Python 3 writes them, or as the latin-1 text that Python 2's str has become. */
export function rawBytes(context: PickleContext, value: PyValue | undefined, offset: number): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') {
    chargeCopy(context, value.length, offset)
    const out = new Uint8Array(value.length)
    for (let i = 0; i < out.length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 255) throw pickleError('PICKLE_ARRAY', offset, `character ${unit} at ${i} is outside latin-1 and stands for no byte`)
      out[i] = unit
    }
    return out
  }
  throw pickleError('PICKLE_ARRAY', offset, `array data is ${describe(value)}, expected bytes`)
}
