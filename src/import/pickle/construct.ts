// What stands for Python's calls: REDUCE, NEWOBJ and BUILD on inert descriptions.
import { chargeCopy, pickleError, type PickleContext } from './context.ts'
import { buildDType, elementTypeOf, parseShape } from './dtype.ts'
import { arrayFromBytes, arrayFromList, finishArray, rawBytes } from './ndarray.ts'
import { fortranStrides } from '../../tensor/index.ts'
import { describe, isNdArray, isPyDType, isPyGlobal, isPyObject, isTuple, plainKey, type NdArray, type PyObject, type PyValue } from './values.ts'

type MutableObject = { -readonly [Field in keyof PyObject]: PyObject[Field] }

const NO_STATE: ReadonlyMap<string, PyValue> = /* @__PURE__ */ new Map<string, PyValue>()

/**
 * Functions whose first argument is the class to make: `newObj(cls)` and `__pyx_unpickle_X(cls, checksum, state)` of Cython classes,
 * `_mareconstruct(cls, base, shape, type)` of masked arrays.
 */
function isUnpickler(name: string): boolean {
  return name === 'newObj' || name.startsWith('__pyx_unpickle_') || name === '_mareconstruct'
}

function inertObject(module: string, name: string, args: readonly PyValue[], keywords: ReadonlyMap<PyValue, PyValue> | undefined, offset: number): PyObject {
  const object: MutableObject = { kind: 'object', module, name, args, state: NO_STATE, offset }
  if (keywords !== undefined) object.keywords = keywords
  return object
}

/** REDUCE: what `callee(*args)` stands for. Throws PICKLE_CALL for what may not be called, even in description. */
export function reduce(context: PickleContext, callee: PyValue, args: PyValue, offset: number): PyValue {
  if (!isTuple(args)) throw pickleError('PICKLE_STACK', offset, `arguments of a call are ${describe(args)}, expected a tuple`)
  return newObject(context, callee, args.items, undefined, offset)
}

/** NEWOBJ and its relatives: an instance of a class from its arguments. */
export function newObject(context: PickleContext, callee: PyValue | undefined, args: readonly PyValue[], keywords: ReadonlyMap<PyValue, PyValue> | undefined, offset: number): PyValue {
  const entry = isPyGlobal(callee) ? context.entries.get(callee) : undefined
  if (!isPyGlobal(callee) || entry === undefined) throw pickleError('PICKLE_CALL', offset, `a call of ${describe(callee)}, which is no class of the file`)
  if (entry.form === 'make') {
    if (keywords !== undefined && keywords.size > 0) throw pickleError('PICKLE_CALL', offset, `${describe(callee)} with keyword arguments`)
    return entry.make(context, args, offset)
  }
  if (entry.form === 'mention' || entry.form === 'subclass') throw pickleError('PICKLE_CALL', offset, `a call of ${describe(callee)}, which may only be mentioned`)
  const [first] = args
  if (isUnpickler(callee.name) && isPyGlobal(first)) {
    const object: MutableObject = { kind: 'object', module: first.module, name: first.name, args: args.slice(1), state: NO_STATE, offset }
    return object
  }
  return inertObject(callee.module, callee.name, args, keywords, offset)
}

/** copyreg._reconstructor(cls, base, state): protocols 0 and 1, with the content of list and dict subclasses as state. */
export function reconstruct(context: PickleContext, args: readonly PyValue[], offset: number): PyValue {
  const [cls, base, content] = args
  if (!isPyGlobal(base)) throw pickleError('PICKLE_ARGUMENT', offset, `copyreg._reconstructor with base ${describe(base)}`)
  const value = newObject(context, cls, [], undefined, offset)
  if (content === null || content === undefined) return value
  if (isPyObject(value)) {
    const object: MutableObject = value
    if (content instanceof Map) object.entries = content
    else if (Array.isArray(content)) object.items = content
    else object.rawState = content
    return value
  }
  if (value instanceof Map && content instanceof Map) return content
  throw pickleError('PICKLE_ARGUMENT', offset, `copyreg._reconstructor of ${describe(cls)} with content ${describe(content)}`)
}

/** BUILD: gives a value its state. */
export function build(context: PickleContext, target: PyValue, state: PyValue, offset: number): void {
  if (isPyObject(target)) buildObject(context, target, state, offset)
  else if (isNdArray(target)) buildArray(context, target, state, offset)
  else if (isPyDType(target)) buildDType(context, target, state, offset)
  // Attributes of an OrderedDict and its relatives: nothing in a model depends on them, and an empty dict is common.
  else if ((target instanceof Map || target instanceof Set || Array.isArray(target)) && (state instanceof Map || state === null)) return
  else throw pickleError('PICKLE_BUILD', offset, `${describe(target)} cannot take the state ${describe(state)}`)
}

function buildObject(context: PickleContext, object: MutableObject, state: PyValue, offset: number): void {
  if (isAttributes(context, state, offset)) {
    setAttributes(context, object, state, offset)
    return
  }
  // (dict or None, slots): the default state of classes with __slots__.
  if (isTuple(state) && state.items.length === 2) {
    const [attributes, slots] = state.items
    if ((attributes === null || isAttributes(context, attributes, offset)) && isAttributes(context, slots, offset)) {
      if (attributes !== null) setAttributes(context, object, attributes, offset)
      setAttributes(context, object, slots, offset)
      return
    }
  }
  object.rawState = state
}

function isAttributes(context: PickleContext, value: PyValue, offset: number): value is Map<string, PyValue> {
  if (!(value instanceof Map)) return false
  // One dict may be the state of many objects: what is walked again counts as copied.
  chargeCopy(context, value.size, offset)
  for (const key of value.keys()) if (typeof key !== 'string') return false
  return true
}

/** Takes the file's own dict where it is the first state: copying a hundred thousand attributes would cost milliseconds. */
function setAttributes(context: PickleContext, object: MutableObject, added: ReadonlyMap<string, PyValue>, offset: number): void {
  if (object.state.size === 0) {
    object.state = added
    return
  }
  chargeCopy(context, (object.state.size + added.size) * 32, offset)
  object.state = new Map([...object.state, ...added])
}

/** ndarray.__setstate__: (version, shape, dtype, is Fortran, bytes or list). */
function buildArray(context: PickleContext, target: NdArray, state: PyValue, offset: number): void {
  if (!isTuple(state) || state.items.length < 4 || state.items.length > 5) throw pickleError('PICKLE_ARRAY', offset, `array state is ${describe(state)}, expected a tuple of 5`)
  // Version 0 of numpy before 1.0 lacks the leading number.
  const [shapeValue, dtype, fortran, content] = state.items.slice(-4)
  if (!isPyDType(dtype)) throw pickleError('PICKLE_ARRAY', offset, `array dtype is ${describe(dtype)}`)
  const shape = parseShape(context, shapeValue, offset)
  if (Array.isArray(content)) {
    if (elementTypeOf(context, dtype, offset) !== 'object') throw pickleError('PICKLE_ARRAY', offset, `a list as content of an array of dtype ${dtype.code}`)
    finishArray(context, target, arrayFromList(context, shape, content, offset), offset)
    return
  }
  const strides = fortran === true || fortran === 1 ? fortranStrides(shape) : undefined
  finishArray(context, target, arrayFromBytes(context, dtype, shape, rawBytes(context, content, offset), strides, offset), offset)
}

/** APPEND and APPENDS. */
export function appendItems(target: PyValue | undefined, items: readonly PyValue[], offset: number): void {
  if (Array.isArray(target)) for (const item of items) target.push(item)
  else if (isPyObject(target)) {
    const object: MutableObject = target
    object.items ??= []
    for (const item of items) object.items.push(item)
  } else throw pickleError('PICKLE_STACK', offset, `items appended to ${describe(target)}, expected a list`)
}

/** SETITEM and SETITEMS: key, value, key, value... */
export function setItems(target: PyValue | undefined, flat: readonly PyValue[], offset: number): void {
  if (flat.length % 2 !== 0) throw pickleError('PICKLE_STACK', offset, 'a dict key without a value')
  let entries: Map<PyValue, PyValue>
  if (target instanceof Map) entries = target
  else if (isPyObject(target)) {
    const object: MutableObject = target
    object.entries ??= new Map()
    entries = object.entries
  } else throw pickleError('PICKLE_STACK', offset, `entries set on ${describe(target)}, expected a dict`)
  for (let i = 0; i < flat.length; i += 2) entries.set(plainKey(flat[i]), flat[i + 1])
}
