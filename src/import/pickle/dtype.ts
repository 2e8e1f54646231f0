// numpy dtypes: `numpy.dtype(code, align, copy)` followed by a state tuple.
import { numericDTypeOfCode, sizeOf } from '../../tensor/index.ts'
import { chargeCopy, pickleError, type PickleContext } from './context.ts'
import { limitError } from './limits.ts'
import { isPyDType, isTuple, describe, type ElementType, type PyDType, type PyValue, type StructField } from './values.ts'

type MutableDType = { -readonly [Field in keyof PyDType]: PyDType[Field] }

/** What a described field takes in memory. */
const FIELD_BYTES = 64

/** Why numpy can have this dtype and no array here can. */
const REFUSED: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['c', 'complex numbers'],
  ['M', 'dates (datetime64)'],
  ['m', 'time spans (timedelta64)'],
  ['f', 'floats other than 16, 32 and 64 bits (long double differs between machines)'],
  ['g', 'long double, which differs between machines'],
  ['V', 'raw void bytes'],
  ['T', 'variable-width strings'],
])

/** Starts a dtype from its code, such as f8, i4, U5, V56 or O. Its BUILD sets byte order, fields and width. */
export function startDType(context: PickleContext, args: readonly PyValue[], offset: number): PyDType {
  const [code] = args
  if (typeof code !== 'string' || !/^[a-zA-Z]\d{0,10}$/.test(code)) throw pickleError('PICKLE_DTYPE', offset, `numpy dtype from ${describe(code)} is not supported`)
  const width = Number(code.slice(1))
  const dtype: MutableDType = { kind: 'dtype', code, element: undefined, itemBytes: width, bigEndian: false, fields: [], subShape: [] }
  if (code[0] === 'O') {
    dtype.element = 'object'
    dtype.itemBytes = 8
  } else if (code[0] === 'U') {
    dtype.element = 'string'
    dtype.itemBytes = width * 4
  } else if (code[0] === 'S' || code[0] === 'a') dtype.element = 'bytes'
  else dtype.element = numericDTypeOfCode(code)
  context.pending.add(dtype)
  return dtype
}

/** Applies the state (version, byte order, sub-array, names, fields, width, alignment, flags[, metadata]). */
export function buildDType(context: PickleContext, target: PyDType, state: PyValue, offset: number): void {
  const fail = (what: string): never => {
    throw pickleError('PICKLE_DTYPE', offset, `state of dtype ${target.code}: ${what}`)
  }
  if (!context.pending.delete(target)) fail('set twice')
  if (!isTuple(state) || state.items.length < 7 || state.items.length > 9) return fail('expected a tuple of 7 to 9 items')
  const [, order, subArray, names, fields, width] = state.items
  const dtype: MutableDType = target
  if (order !== '<' && order !== '>' && order !== '=' && order !== '|') fail(`byte order ${describe(order)}`)
  dtype.bigEndian = order === '>'
  if (subArray !== null) {
    if (!isTuple(subArray) || subArray.items.length !== 2) return fail('sub-array is no pair')
    const [base, shape] = subArray.items
    if (!isPyDType(base) || context.pending.has(base)) return fail('sub-array has no base dtype')
    dtype.subShape = [...parseShape(context, isTuple(shape) ? shape : { kind: 'tuple', items: [shape] }, offset), ...base.subShape]
    if (dtype.subShape.length > context.limits.rank) throw limitError(context.limits, 'rank', 'dimensions of a sub-array', dtype.subShape.length, offset)
    dtype.element = base.element
    dtype.bigEndian = base.bigEndian
    const bytes = base.itemBytes * sizeOf(dtype.subShape.slice(0, dtype.subShape.length - base.subShape.length))
    if (bytes > context.limits.arrayBytes) throw limitError(context.limits, 'arrayBytes', 'sub-array bytes', bytes, offset)
    dtype.itemBytes = bytes
    return
  }
  if (names !== null) {
    dtype.fields = structFields(context, dtype, names, fields, width, offset)
    dtype.itemBytes = Number(width)
    // A record with Python objects inside has no bytes to read.
    dtype.element = dtype.fields.every((field) => field.dtype.element !== 'object' && (field.dtype.element !== undefined || field.dtype.fields.length === 0)) ? 'struct' : undefined
    return
  }
  const isText = target.element === 'string' || target.element === 'bytes'
  if (isText && width !== -1) {
    if (typeof width !== 'number' || !Number.isSafeInteger(width) || width < 0 || (target.element === 'string' && width % 4 !== 0)) return fail(`width ${describe(width)}`)
    dtype.itemBytes = width
  }
}

function structFields(context: PickleContext, dtype: PyDType, names: PyValue, fields: PyValue, width: PyValue, offset: number): StructField[] {
  const fail = (what: string): never => {
    throw pickleError('PICKLE_DTYPE', offset, `structured dtype ${dtype.code}: ${what}`)
  }
  if (dtype.code[0] !== 'V') fail('fields on a plain dtype')
  if (!isTuple(names) || !(fields instanceof Map)) return fail('names and fields are no tuple and dict')
  if (typeof width !== 'number' || !Number.isSafeInteger(width) || width < 0) return fail(`width ${describe(width)}`)
  if (names.items.length > context.limits.fields) throw limitError(context.limits, 'fields', 'fields', names.items.length, offset)
  // One tuple of names may serve many dtypes.
  chargeCopy(context, names.items.length * FIELD_BYTES, offset)
  if (new Set(names.items).size !== names.items.length) fail('a field name occurs twice')
  return names.items.map((name) => {
    const entry = fields.get(name)
    if (typeof name !== 'string' || !isTuple(entry)) return fail(`field ${describe(name)} is not described`)
    const [fieldType, byteOffset] = entry.items
    if (!isPyDType(fieldType) || context.pending.has(fieldType)) return fail(`field ${JSON.stringify(name)} has no dtype`)
    if (typeof byteOffset !== 'number' || !Number.isSafeInteger(byteOffset) || byteOffset < 0 || byteOffset + fieldType.itemBytes > width) {
      return fail(`field ${JSON.stringify(name)} at ${describe(byteOffset)} of ${fieldType.itemBytes} bytes lies outside a record of ${width} bytes`)
    }
    return { name, byteOffset, dtype: fieldType }
  })
}

/** The element type that arrays of this dtype have; refuses those with none by name. */
export function elementTypeOf(context: PickleContext, dtype: PyDType, offset: number): ElementType {
  if (context.pending.has(dtype)) throw pickleError('PICKLE_DTYPE', offset, `dtype ${dtype.code} is used before its state`)
  if (dtype.subShape.length > 0) throw pickleError('PICKLE_DTYPE', offset, 'an array of sub-array dtype, which numpy itself never makes')
  if (dtype.element !== undefined) return dtype.element
  const reason = dtype.fields.length > 0 ? 'records that hold Python objects' : (REFUSED.get(dtype.code[0]) ?? 'its elements')
  throw pickleError('PICKLE_DTYPE', offset, `array of dtype ${dtype.code}: ${reason} cannot be read; convert the array with astype and save again`)
}

/** A checked shape from a tuple or list of counts. */
export function parseShape(context: PickleContext, value: PyValue, offset: number): number[] {
  const items = isTuple(value) ? value.items : Array.isArray(value) ? value : undefined
  if (items === undefined) throw pickleError('PICKLE_ARRAY', offset, `array shape is ${describe(value)}, expected a tuple`)
  if (items.length > context.limits.rank) throw limitError(context.limits, 'rank', 'dimensions', items.length, offset)
  let size = 1
  let nonZero = 1
  const shape = items.map((dim) => {
    if (typeof dim !== 'number' || !Number.isSafeInteger(dim) || dim < 0) throw pickleError('PICKLE_ARRAY', offset, `array dimension is ${describe(dim)}, expected a count`)
    size *= dim
    nonZero *= Math.max(dim, 1)
    return dim
  })
  if (!Number.isSafeInteger(nonZero)) throw pickleError('PICKLE_ARRAY', offset, `array shape [${shape.join(', ')}] holds more than 2^53 elements`)
  // An empty array of 0 x 10^15 costs its writer nothing and whoever loops over its axes everything.
  if (size === 0 && nonZero > context.limits.elements) throw limitError(context.limits, 'elements', 'length of the other axes of an empty array', nonZero, offset)
  return shape
}
