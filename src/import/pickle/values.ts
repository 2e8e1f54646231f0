// What a pickle may hold once read: plain data. No value here can run anything.
import type { DType, NumericArray } from '../../tensor/index.ts'

/**
 * A Python value.
 *
 * - int: number when |value| <= 2^53, else bigint. float: number. The two are not told apart; numpy scalars keep their dtype (below).
 * - str: string. bytes, bytearray: Uint8Array, a view into the file where it can be: never write to it.
 * - list, deque: array. tuple: `PyTuple`. dict, OrderedDict, defaultdict, Counter: Map in insertion order. set, frozenset: Set.
 * - numpy scalar: an `NdArray` of shape []; but numpy.str_, bytes_ and bool_ become string, Uint8Array and boolean. As a key of a Map or a
 *   member of a Set every numpy scalar becomes the plain number or bigint, so that `map.get(3)` finds it.
 * - anything else: `PyObject`, an instance that was described and not made; `PyGlobal`, a class or function that was only mentioned.
 *
 * Values may be shared and may form cycles, as in Python. Whoever walks them recursively needs a depth limit of its own.
 */
export type PyValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PyValue[]
  | PyTuple
  | Map<PyValue, PyValue>
  | Set<PyValue>
  | PyObject
  | PyGlobal
  | PyDType
  | NdArray

export interface PyTuple {
  readonly kind: 'tuple'
  readonly items: readonly PyValue[]
}

/** An instance as the file describes it: its class by name, the arguments of its constructor or unpickling function, its attributes. */
export interface PyObject {
  readonly kind: 'object'
  /** Module and name of the class; of the function where the file names only a function. */
  readonly module: string
  readonly name: string
  readonly args: readonly PyValue[]
  /** Keyword arguments of the constructor (protocol 4 `__newobj_ex__`). */
  readonly keywords?: ReadonlyMap<PyValue, PyValue>
  /** Attributes, from `__dict__` and `__slots__`; empty when the class has a state of its own form, which is then `rawState`. */
  readonly state: ReadonlyMap<string, PyValue>
  /** The state as written when it is no plain attribute dict. */
  readonly rawState?: PyValue
  /** Appended items of a list subclass. */
  readonly items?: PyValue[]
  /** Entries of a dict subclass. */
  readonly entries?: Map<PyValue, PyValue>
  /** Byte offset of the opcode that made it, for messages. */
  readonly offset: number
}

/** A class or function the file mentions. It is never looked up and never called. */
export interface PyGlobal {
  readonly kind: 'global'
  readonly module: string
  readonly name: string
  readonly offset: number
}

/** A numpy dtype. `element` is undefined for those that no array may have here (complex, datetime, long double, plain void). */
export interface PyDType {
  readonly kind: 'dtype'
  /** numpy's own short name without byte order: f8, i4, b1, U7, S3, O, V56. */
  readonly code: string
  readonly element: ElementType | undefined
  readonly itemBytes: number
  readonly bigEndian: boolean
  /** Fields of a structured dtype in order, else empty. */
  readonly fields: readonly StructField[]
  /** Shape of each element of a sub-array dtype, else empty. */
  readonly subShape: readonly number[]
}

export interface StructField {
  readonly name: string
  readonly byteOffset: number
  readonly dtype: PyDType
}

export type NumericDType = Exclude<DType, 'string'>
export type ElementType = NumericDType | 'string' | 'bytes' | 'object' | 'struct'

/** A numpy array: always C order, little endian, whatever the file had. `shape` is [] for a scalar. */
export type NdArray = NumericNdArray | StringNdArray | BytesNdArray | ObjectNdArray | StructNdArray

/** bool is Uint8Array of 0 and 1, int64 BigInt64Array, float16 its raw bits in Uint16Array. A view into the file where alignment allows. */
export interface NumericNdArray {
  readonly kind: 'ndarray'
  readonly dtype: NumericDType
  readonly shape: readonly number[]
  readonly data: NumericArray
}

export interface StringNdArray {
  readonly kind: 'ndarray'
  readonly dtype: 'string'
  readonly shape: readonly number[]
  readonly data: readonly string[]
}

export interface BytesNdArray {
  readonly kind: 'ndarray'
  readonly dtype: 'bytes'
  readonly shape: readonly number[]
  readonly data: readonly Uint8Array[]
}

export interface ObjectNdArray {
  readonly kind: 'ndarray'
  readonly dtype: 'object'
  readonly shape: readonly number[]
  readonly data: readonly PyValue[]
}

/** Records as raw bytes, `itemBytes` apart; `structField(array, name)` takes a column out. */
export interface StructNdArray {
  readonly kind: 'ndarray'
  readonly dtype: 'struct'
  readonly shape: readonly number[]
  readonly data: Uint8Array
  readonly itemBytes: number
  readonly fields: readonly StructField[]
}

export function isTuple(value: PyValue | undefined): value is PyTuple {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'tuple'
}

export function isPyObject(value: PyValue | undefined): value is PyObject {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'object'
}

export function isPyGlobal(value: PyValue | undefined): value is PyGlobal {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'global'
}

export function isPyDType(value: PyValue | undefined): value is PyDType {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'dtype'
}

export function isNdArray(value: PyValue | undefined): value is NdArray {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'ndarray'
}

export function isNumericNdArray(value: PyValue | undefined): value is NumericNdArray {
  return isNdArray(value) && value.dtype !== 'string' && value.dtype !== 'bytes' && value.dtype !== 'object' && value.dtype !== 'struct'
}

/** Keys and members by value: a numpy scalar becomes the plain number, so that looking up 3 finds numpy's 3. */
export function plainKey(value: PyValue): PyValue {
  if (!isNumericNdArray(value) || value.shape.length !== 0) return value
  const element = value.data[0]
  return typeof element === 'bigint' && Number.isSafeInteger(Number(element)) ? Number(element) : element
}

/** What a value is, for error messages: `float64 array [3, 4]`, `list of 5`, `sklearn.svm._classes.SVC`. */
export function describe(value: PyValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'None'
  if (typeof value === 'string') return `str ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`
  if (typeof value !== 'object') return `${typeof value} ${value}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `list of ${value.length}`
  if (value instanceof Map) return `dict of ${value.size}`
  if (value instanceof Set) return `set of ${value.size}`
  if (value.kind === 'tuple') return `tuple of ${value.items.length}`
  if (value.kind === 'dtype') return `dtype ${value.code}`
  if (value.kind === 'ndarray') return `${value.dtype} array [${value.shape.join(', ')}]`
  return `${value.module}.${value.name}`
}
