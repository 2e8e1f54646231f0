// The allow-list: every class and function that a pickle may name without the caller's leave, and what stands for its call.
// Nothing is looked up in the running program: a name that is not in this table, nor accepted by `options.allow`, is refused.
import { chargeCopy, pickleError, type PickleContext } from './context.ts'
import { newObject, reconstruct } from './construct.ts'
import { parseShape, startDType } from './dtype.ts'
import { arrayFromBytes, makeScalar, rawBytes, startArray, stridesOfOrder } from './ndarray.ts'
import { stridesOf } from '../../tensor/index.ts'
import { describe, isPyDType, isPyGlobal, isTuple, plainKey, type PyDType, type PyGlobal, type PyValue } from './values.ts'

/** Makes the value that the call would give, from plain data only. */
export type Maker = (context: PickleContext, args: readonly PyValue[], offset: number) => PyValue

/**
 * - mention: may only occur as a value (a class given as a parameter, a numpy function).
 * - inert: calling it gives a PyObject that describes the call.
 * - subclass: may be the class of a reconstructed array.
 * - wrapper: joblib's marker for array bytes in the stream.
 * - make: calling it gives plain data.
 */
export type GlobalEntry = { readonly form: 'mention' | 'inert' | 'subclass' | 'wrapper' } | { readonly form: 'make'; readonly make: Maker }

const MENTION: GlobalEntry = { form: 'mention' }
const INERT: GlobalEntry = { form: 'inert' }
const SUBCLASS: GlobalEntry = { form: 'subclass' }
const WRAPPER: GlobalEntry = { form: 'wrapper' }
const make = (maker: Maker): GlobalEntry => ({ form: 'make', make: maker })

function wrongArgument(offset: number, callee: string, value: PyValue | undefined, expected: string): Error {
  return pickleError('PICKLE_ARGUMENT', offset, `${callee} called with ${describe(value)}, expected ${expected}`)
}

/** The items of an iterable argument: the only iterables that occur are lists, tuples and sets. */
function iterable(context: PickleContext, value: PyValue | undefined, callee: string, offset: number): PyValue[] {
  const items = value === undefined ? [] : Array.isArray(value) ? value : isTuple(value) ? value.items : value instanceof Set ? [...value] : undefined
  if (items === undefined) throw wrongArgument(offset, callee, value, 'a list')
  chargeCopy(context, items.length * 8, offset)
  return items.slice()
}

/** dict(), or OrderedDict and its relatives from pairs or another dict. */
function makeDict(context: PickleContext, source: PyValue | undefined, callee: string, offset: number): Map<PyValue, PyValue> {
  if (source instanceof Map) {
    chargeCopy(context, source.size * 16, offset)
    return new Map(source)
  }
  const out = new Map<PyValue, PyValue>()
  for (const pair of iterable(context, source, callee, offset)) {
    const items = isTuple(pair) ? pair.items : Array.isArray(pair) ? pair : []
    if (items.length !== 2) throw wrongArgument(offset, callee, pair, 'a pair')
    out.set(plainKey(items[0]), items[1])
  }
  return out
}

const codecsEncode: Maker = (context, args, offset) => {
  const [text, encoding] = args
  if (typeof text !== 'string') throw wrongArgument(offset, '_codecs.encode', text, 'a string')
  if (encoding !== 'latin1' && encoding !== 'latin-1') throw wrongArgument(offset, '_codecs.encode', encoding, "the encoding 'latin1'")
  return rawBytes(context, text, offset)
}

const makeBytes: Maker = (context, args, offset) => {
  const [source, encoding] = args
  if (source === undefined) return new Uint8Array(0)
  if (typeof source === 'string') return codecsEncode(context, [source, encoding], offset)
  if (source instanceof Uint8Array) return source
  throw wrongArgument(offset, 'bytes', source, 'bytes')
}

const reconstructArray: Maker = (context, args, offset) => {
  const [subclass] = args
  if (!isPyGlobal(subclass) || context.entries.get(subclass)?.form !== 'subclass') throw wrongArgument(offset, 'numpy _reconstruct', subclass, 'numpy.ndarray, matrix, memmap or recarray')
  return startArray(context)
}

function expectDType(value: PyValue | undefined, callee: string, offset: number): PyDType {
  if (!isPyDType(value)) throw wrongArgument(offset, callee, value, 'a dtype')
  return value
}

const scalar: Maker = (context, args, offset) => {
  const dtype = expectDType(args[0], 'numpy scalar', offset)
  const [, content] = args
  if (content === undefined) throw wrongArgument(offset, 'numpy scalar', content, 'bytes')
  return makeScalar(context, dtype, content, offset)
}

/** _frombuffer(buffer, dtype, shape, order[, axis order]): order K gives the shape as it lies in memory and how its axes are permuted. */
const fromBuffer: Maker = (context, args, offset) => {
  const [buffer, dtypeValue, shapeValue, order, axes] = args
  const dtype = expectDType(dtypeValue, 'numpy _frombuffer', offset)
  if (!(buffer instanceof Uint8Array)) throw wrongArgument(offset, 'numpy _frombuffer', buffer, 'a buffer')
  const shape = parseShape(context, typeof shapeValue === 'number' ? { kind: 'tuple', items: [shapeValue] } : (shapeValue ?? null), offset)
  if (order === 'K' && axes !== undefined && axes !== null) {
    const permutation = parseShape(context, axes, offset)
    const seen = new Set(permutation)
    if (permutation.length !== shape.length || seen.size !== shape.length || permutation.some((axis) => axis >= shape.length)) throw wrongArgument(offset, 'numpy _frombuffer', axes, 'an order of the axes')
    const strides = stridesOf(shape)
    return arrayFromBytes(context, dtype, permutation.map((axis) => shape[axis]), buffer, permutation.map((axis) => strides[axis]), offset)
  }
  return arrayFromBytes(context, dtype, shape, buffer, stridesOfOrder(order === 'K' ? 'C' : (order ?? 'C'), shape, offset), offset)
}

/** _ufunc_reconstruct(module, name): the function itself, under the same allow-list. */
function mentionFunction(context: PickleContext, args: readonly PyValue[], offset: number): PyValue {
  const [module, name] = args
  if (typeof module !== 'string' || typeof name !== 'string') throw wrongArgument(offset, 'numpy _ufunc_reconstruct', module, 'two names')
  return resolveGlobal(context, module, name, offset)
}

function names(entry: GlobalEntry, list: string): [string, GlobalEntry][] {
  return list.split(' ').map((name) => [name, entry])
}

const NUMPY_TYPES =
  'generic number integer signedinteger unsignedinteger inexact floating complexfloating flexible character ' +
  'bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 intc uintc intp uintp int_ uint longlong ulonglong long ulong short ushort byte ubyte ' +
  'float16 float32 float64 float_ half single double longdouble float128 complex64 complex128 complex_ str_ string_ unicode_ bytes_ object_ void datetime64 timedelta64'

/** Elementwise functions that FunctionTransformer and kernels name; importers decide what each means. */
const NUMPY_FUNCTIONS =
  'abs absolute add arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil clip cos cosh divide exp exp2 expm1 fabs floor identity isfinite isinf isnan ' +
  'log log10 log1p log2 maximum minimum multiply negative power rad2deg deg2rad radians degrees reciprocal rint round sign sin sinh sqrt square subtract tan tanh ' +
  'trunc mean median max min sum var std amax amin argmax argmin dot nan_to_num ravel array asarray'

const ndarrayModule = new Map<string, GlobalEntry>([
  ['_reconstruct', make(reconstructArray)],
  ['scalar', make(scalar)],
  ...names(SUBCLASS, 'ndarray'),
  ...names(MENTION, NUMPY_FUNCTIONS),
])

const bufferModule = new Map<string, GlobalEntry>([['_frombuffer', make(fromBuffer)], ...names(MENTION, NUMPY_FUNCTIONS)])

const numpyModule = new Map<string, GlobalEntry>([
  ['dtype', make(startDType)],
  ...names(SUBCLASS, 'ndarray matrix memmap recarray'),
  ...names(MENTION, NUMPY_TYPES),
  ...names(MENTION, NUMPY_FUNCTIONS),
])

const makeSet: Maker = (context, args, offset) => new Set(iterable(context, args[0], 'set', offset).map(plainKey))

const builtins = new Map<string, GlobalEntry>([
  ['set', make(makeSet)],
  ['frozenset', make(makeSet)],
  ['list', make((context, args, offset) => iterable(context, args[0], 'list', offset))],
  ['tuple', make((context, args, offset) => ({ kind: 'tuple', items: iterable(context, args[0], 'tuple', offset) }))],
  ['dict', make((context, args, offset) => makeDict(context, args[0], 'dict', offset))],
  ['bytes', make(makeBytes)],
  ['bytearray', make(makeBytes)],
  ...names(INERT, 'object slice range xrange complex'),
  ...names(MENTION, 'int long float bool str unicode basestring type NoneType Ellipsis NotImplemented len sum min max abs round sorted'),
])

const copyreg = new Map<string, GlobalEntry>([
  ['_reconstructor', make((context, args, offset) => reconstruct(context, args, offset))],
  ['__newobj__', make((context, args, offset) => newObject(context, args[0], args.slice(1), undefined, offset))],
  ['__newobj_ex__', make((context, args, offset) => newObjectWithKeywords(context, args, offset))],
])

function newObjectWithKeywords(context: PickleContext, args: readonly PyValue[], offset: number): PyValue {
  const [callee, positional, keywords] = args
  if (!isTuple(positional) || !(keywords instanceof Map)) throw wrongArgument(offset, 'copyreg.__newobj_ex__', positional, 'a tuple and a dict')
  return newObject(context, callee, positional.items, keywords, offset)
}

const collections = new Map<string, GlobalEntry>([
  ['OrderedDict', make((context, args, offset) => makeDict(context, args[0], 'OrderedDict', offset))],
  ['Counter', make((context, args, offset) => makeDict(context, args[0], 'Counter', offset))],
  // The factory is a mere mention: missing keys are never made.
  ['defaultdict', make((context, args, offset) => makeDict(context, args[1], 'defaultdict', offset))],
  ['deque', make((context, args, offset) => iterable(context, args[0], 'deque', offset))],
])

const randomModule = new Map<string, GlobalEntry>(
  names(INERT, '__randomstate_ctor __RandomState_ctor __bit_generator_ctor __generator_ctor RandomState Generator MT19937 PCG64 PCG64DXSM Philox SFC64 SeedSequence SeedlessSequence BitGenerator ' +
    '__pyx_unpickle_SeedSequence __pyx_unpickle_SeedlessSequence __pyx_unpickle_BitGenerator'),
)

const maskedModule = new Map<string, GlobalEntry>(names(INERT, '_mareconstruct MaskedArray MaskedConstant'))

const SPARSE_FORMS = ['csr', 'csc', 'coo', 'dia', 'bsr', 'lil', 'dok']

function sparseModules(): [string, ReadonlyMap<string, GlobalEntry>][] {
  const all = new Map<string, GlobalEntry>(SPARSE_FORMS.flatMap((form) => names(INERT, `${form}_matrix ${form}_array`)))
  return [['scipy.sparse', all], ['scipy.sparse._arrays', all], ...SPARSE_FORMS.flatMap((form): [string, ReadonlyMap<string, GlobalEntry>][] => [[`scipy.sparse.${form}`, all], [`scipy.sparse._${form}`, all]])]
}

const wrapperModule = new Map<string, GlobalEntry>(names(WRAPPER, 'NumpyArrayWrapper'))

/** numpy.core became numpy._core in version 2; files of both name the same functions. */
const TABLE: ReadonlyMap<string, ReadonlyMap<string, GlobalEntry>> = new Map<string, ReadonlyMap<string, GlobalEntry>>([
  ['builtins', builtins],
  ['__builtin__', builtins],
  ['copyreg', copyreg],
  ['copy_reg', copyreg],
  ['collections', collections],
  ['_codecs', new Map<string, GlobalEntry>([['encode', make(codecsEncode)]])],
  ['functools', new Map<string, GlobalEntry>(names(INERT, 'partial'))],
  ['types', new Map<string, GlobalEntry>(names(INERT, 'SimpleNamespace'))],
  ['numpy', numpyModule],
  ['numpy.core.multiarray', ndarrayModule],
  ['numpy._core.multiarray', ndarrayModule],
  ['numpy.core.numeric', bufferModule],
  ['numpy._core.numeric', bufferModule],
  ['numpy.core._multiarray_umath', ndarrayModule],
  ['numpy._core._multiarray_umath', ndarrayModule],
  ['numpy.core', new Map<string, GlobalEntry>([['_ufunc_reconstruct', make(mentionFunction)]])],
  ['numpy._core', new Map<string, GlobalEntry>([['_ufunc_reconstruct', make(mentionFunction)]])],
  ['numpy.core.fromnumeric', new Map<string, GlobalEntry>(names(MENTION, NUMPY_FUNCTIONS))],
  ['numpy._core.fromnumeric', new Map<string, GlobalEntry>(names(MENTION, NUMPY_FUNCTIONS))],
  ['numpy.core.memmap', new Map<string, GlobalEntry>(names(SUBCLASS, 'memmap'))],
  ['numpy.core.records', new Map<string, GlobalEntry>(names(SUBCLASS, 'recarray'))],
  ['numpy._core.records', new Map<string, GlobalEntry>(names(SUBCLASS, 'recarray'))],
  ['numpy.matrixlib.defmatrix', new Map<string, GlobalEntry>(names(SUBCLASS, 'matrix'))],
  ['numpy.ma.core', maskedModule],
  ['numpy.ma', maskedModule],
  ['numpy.random._pickle', randomModule],
  ['numpy.random', randomModule],
  ['numpy.random.mtrand', randomModule],
  ['numpy.random.bit_generator', randomModule],
  ['numpy.random._generator', randomModule],
  ['numpy.random._mt19937', randomModule],
  ['numpy.random._pcg64', randomModule],
  ['numpy.random._philox', randomModule],
  ['numpy.random._sfc64', randomModule],
  ...sparseModules(),
  ['joblib.numpy_pickle', wrapperModule],
  ['sklearn.externals.joblib.numpy_pickle', wrapperModule],
])

const OLD_JOBLIB = /* @__PURE__ */ new Set(['NDArrayWrapper', 'ZNDArrayWrapper'])

/** Dotted identifiers, as modules have them; names of classes and functions have no dot. ASCII, which costs a regex engine far less than Unicode. */
const MODULE = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/
const NAME = /^[A-Za-z_]\w*$/

/** Resolves a class or function of the file, or refuses it: PICKLE_GLOBAL, PICKLE_DOTTED_NAME, PICKLE_JOBLIB_OLD. */
export function resolveGlobal(context: PickleContext, module: string, name: string, offset: number): PyGlobal {
  const entry = entryOf(context, module, name, offset)
  const global: PyGlobal = { kind: 'global', module, name, offset }
  context.entries.set(global, entry)
  return global
}

function entryOf(context: PickleContext, module: string, name: string, offset: number): GlobalEntry {
  const known = TABLE.get(module)?.get(name)
  if (known !== undefined) return known
  if (module.length < 256 && name.length < 256 && MODULE.test(module)) {
    // Protocol 4 walks dots through attributes, which turns an allowed module into any other one.
    if (name.includes('.')) throw pickleError('PICKLE_DOTTED_NAME', offset, `the name ${JSON.stringify(name)} in ${module} reaches through attributes, which is never allowed`)
    if (OLD_JOBLIB.has(name) && module.includes('joblib')) {
      throw pickleError('PICKLE_JOBLIB_OLD', offset, `${module}.${name}: joblib before 0.10 kept arrays in separate files; load it with joblib and dump it again`)
    }
    if (NAME.test(name) && context.options.allow?.(module, name) === true) return INERT
  }
  throw pickleError('PICKLE_GLOBAL', offset, `the global ${clip(module)}.${clip(name)} is not allowed: only data of numpy, scipy.sparse and the supported model classes is read, and nothing is ever called`)
}

function clip(text: string): string {
  const short = text.length > 120 ? `${text.slice(0, 120)}...` : text
  return /^[\x20-\x7e]*$/.test(short) ? short : JSON.stringify(short)
}
