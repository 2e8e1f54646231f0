// Python's own names, the namespaces of torch, and the operators that scripts have for Python's lists and numbers.
import { exp, log, pow } from '../../../math/index.ts'
import { pytorchError } from '../error.ts'
import { callFunction, findFunction } from '../functions/index.ts'
import { torchDType } from '../storages.ts'
import { arithmetic, compare } from './arithmetic.ts'
import { ScriptRaise, type Interpreter } from './interpreter.ts'
import { iterate, sliced, truth } from './items.ts'
import { gathered } from './methods.ts'
import { scalarOf } from './tracer.ts'
import { describeValue, float, intOf, isKind, isNumberValue, list, numberOf, tuple, UNKNOWN, type FunctionValue, type Value } from './values.ts'

const NO_KEYWORDS: ReadonlyMap<string, Value> = /* @__PURE__ */ new Map()
const MAX_RANGE = 1_000_000

export function builtin(name: string, call: (args: readonly Value[], keywords: ReadonlyMap<string, Value>) => Value): FunctionValue {
  return { kind: 'function', name, call }
}

function range(i: Interpreter, args: readonly Value[]): Value {
  const [first, second, third] = args.map((value) => intOf(value, 'range'))
  const [start, stop, step] = second === undefined ? [0, first, 1] : [first, second, third ?? 1]
  const count = step === 0 ? Infinity : Math.max(0, Math.ceil((stop - start) / step))
  if (count > MAX_RANGE) throw pytorchError('PYTORCH_LIMIT', `a range of ${count} numbers`)
  i.t.charge(count)
  return list(Array.from({ length: count }, (_, at) => start + at * step))
}

/** int(x): numbers, sizes and constant scalars of the file. */
function toInt(value: Value): Value {
  const own = isKind(value, 'tensor') ? (scalarOf(value) ?? value) : value
  if (isKind(own, 'symbol')) return own
  if (isNumberValue(own)) return Math.trunc(numberOf(own, 'int'))
  if (typeof own === 'string' && /^-?\d+$/.test(own)) return Number(own)
  throw pytorchError('PYTORCH_CONTROL', `int() of ${describeValue(value)}, whose value is not known before the model runs`)
}

function toFloat(value: Value): Value {
  const own = isKind(value, 'tensor') ? (scalarOf(value) ?? value) : value
  if (isNumberValue(own)) return float(numberOf(own, 'float'))
  if (typeof own === 'string') {
    if (/^-?inf(inity)?$/i.test(own)) return float(own.startsWith('-') ? -Infinity : Infinity)
    if (/^nan$/i.test(own)) return float(NaN)
    if (own !== '' && Number.isFinite(Number(own))) return float(Number(own))
  }
  throw pytorchError('PYTORCH_CONTROL', `float() of ${describeValue(value)}, whose value is not known before the model runs`)
}

function lengthOf(i: Interpreter, value: Value): Value {
  if (isKind(value, 'list') || isKind(value, 'tuple')) return value.items.length
  if (isKind(value, 'dict')) return value.entries.size
  if (typeof value === 'string') return value.length
  if (isKind(value, 'tensor')) return callFunction(i.t, 'size', [value, 0], NO_KEYWORDS)
  return iterate(i.t, value).length
}

const UNARY: ReadonlyMap<string, (x: number) => number> = /* @__PURE__ */ new Map([
  ['sqrt', Math.sqrt], ['floor', Math.floor], ['ceil', Math.ceil], ['exp', exp], ['log', log], ['abs', Math.abs], ['fabs', Math.abs], ['round', Math.round], ['trunc', Math.trunc],
])
const WHOLE = new Set(['floor', 'ceil', 'trunc'])

function plainFunction(name: string, value: Value): Value {
  const fn = UNARY.get(name)
  if (fn === undefined) throw pytorchError('PYTORCH_OPERATOR', `${name} of a number is not supported`)
  const result = fn(numberOf(value, name))
  return WHOLE.has(name) || ((name === 'abs' || name === 'round') && !isKind(value, 'float')) ? result : float(result)
}

/** What scripts call under torch. or ops.prim. for Python's own operations; undefined for functions of tensors. */
function scriptOperation(i: Interpreter, name: string, args: readonly Value[]): Value | undefined {
  const [a, b] = args
  switch (name) {
    case '__is__':
      return compare('is', a, b)
    case '__isnot__':
      return compare('is not', a, b)
    case '__not__': {
      const known = truth(a)
      return typeof known === 'boolean' ? !known : known
    }
    case '__contains__':
      return compare('in', b, a)
    case '__getitem__':
      return isKind(a, 'dict') && (typeof b === 'string' || typeof b === 'number') ? (a.entries.get(b) ?? null) : isKind(a, 'list') || isKind(a, 'tuple') ? (a.items[intOf(b, 'index') < 0 ? intOf(b, 'index') + a.items.length : intOf(b, 'index')] ?? null) : undefined
    case '_set_item':
      if (isKind(a, 'list')) a.items[intOf(b, 'index')] = args[2]
      else if (isKind(a, 'dict') && (typeof b === 'string' || typeof b === 'number')) a.entries.set(b, args[2])
      return null
    case 'len':
      return lengthOf(i, a)
    case 'append':
      if (isKind(a, 'list')) a.items.push(b)
      return a
    case 'extend':
      if (isKind(a, 'list')) for (const item of iterate(i.t, b).slice()) a.items.push(item)
      return null
    case 'insert':
      if (isKind(a, 'list')) a.items.splice(intOf(b, 'index'), 0, args[2])
      return null
    case 'list':
    case 'copy':
      return isKind(a, 'list') || isKind(a, 'tuple') ? list([...a.items]) : undefined
    case 'format':
    case 'str':
    case 'percentFormat':
      return typeof a === 'string' ? a : describeValue(a)
    case 'find':
      return typeof a === 'string' && typeof b === 'string' ? a.indexOf(b) : -1
    case 'warn':
      return null
    case 'slice':
      return isKind(a, 'list') || isKind(a, 'tuple') ? list(sliced(a.items, { kind: 'slice', start: b ?? null, stop: args[2] ?? null, step: args[3] ?? null })) : undefined
    case 'keys':
      return isKind(a, 'dict') ? list([...a.entries.keys()]) : undefined
    case 'values':
      return isKind(a, 'dict') ? list([...a.entries.values()]) : undefined
    case 'items':
      return isKind(a, 'dict') ? list([...a.entries].map(([key, value]) => tuple([key, value]))) : undefined
    case 'any':
    case 'all': {
      if (!isKind(a, 'list')) return undefined
      const parts = a.items.map(truth)
      const decisive = name === 'any'
      return parts.includes(decisive) ? decisive : parts.some((part) => typeof part !== 'boolean') ? UNKNOWN : !decisive
    }
    case 'NumToTensor':
    case 'unchecked_unwrap_optional':
    case '_unwrap_optional':
    case 'data':
      return a
    case 'Int':
    case 'IntImplicit':
    case 'item':
      return toInt(a)
    case 'Float':
    case 'FloatImplicit':
      return toFloat(a)
    case 'ScalarImplicit':
      return isKind(a, 'tensor') ? (scalarOf(a) ?? a) : a
    case 'Bool':
    case 'bool':
      return isKind(a, 'tensor') && scalarOf(a) === undefined ? undefined : truth(a)
    case 'RaiseException':
      throw new ScriptRaise(typeof a === 'string' ? a : 'the script raises an exception')
    case 'device':
    case 'layout':
      return { kind: 'opaque', what: name }
    case 'dtype':
      return isKind(a, 'tensor') ? { kind: 'dtype', dtype: a.dtype } : undefined
    case 'is_cuda':
    case 'is_nested':
    case 'is_xpu':
    case 'is_ipu':
    case 'is_mkldnn':
    case 'is_cpu':
    case 'is_autocast_enabled':
    case 'is_tracing':
    case 'is_scripting':
    case 'is_compiling':
    case 'has_torch_function':
    case 'has_torch_function_unary':
    case 'has_torch_function_variadic':
      return name === 'is_cpu'
    case 'requires_grad':
    case 'is_grad_enabled':
      // Gradients switch off the fast paths, which do the same as the others.
      return true
    case '__range_length':
      return Math.max(0, Math.ceil((intOf(b, 'hi') - intOf(a, 'lo')) / intOf(args[2], 'step')))
    case '__derive_index':
      return intOf(b, 'start') + intOf(a, 'index') * intOf(args[2], 'step')
    case 'min':
    case 'max':
      if (isKind(a, 'list') && a.items.every(isNumberValue)) return a.items.reduce((best, item) => ((numberOf(item, name) < numberOf(best, name)) === (name === 'min') ? item : best))
      return undefined
    case 'Size':
      return a
  }
  if (args.length === 1 && isNumberValue(a) && UNARY.has(name)) return plainFunction(name, a)
  return undefined
}

/** A function of torch. */
function torchFunction(i: Interpreter, name: string, isFunctional: boolean): FunctionValue {
  return builtin(name, (args, keywords) => scriptOperation(i, name, args) ?? callFunction(i.t, name, isFunctional ? args : gathered(name, args), keywords, isFunctional))
}

const OPERATIONS = new Set([
  '__is__', '__isnot__', '__not__', '__contains__', '__getitem__', '_set_item', 'len', 'append', 'extend', 'insert', 'list', 'copy', 'format', 'str', 'percentFormat', 'find', 'warn', 'keys', 'values', 'items', 'NumToTensor',
  'unchecked_unwrap_optional', '_unwrap_optional', 'data', 'Int', 'IntImplicit', 'item', 'Float', 'FloatImplicit', 'ScalarImplicit', 'Bool', 'RaiseException', 'device', 'layout', 'dtype', 'is_cuda', 'is_nested', 'is_xpu', 'is_ipu',
  'is_mkldnn', 'is_cpu', 'is_autocast_enabled', 'is_tracing', 'is_scripting', 'is_compiling', 'has_torch_function', 'has_torch_function_unary', 'has_torch_function_variadic', 'requires_grad', 'is_grad_enabled', '__range_length', '__derive_index', 'Size',
])

const OPAQUE = new Set(['manual_seed', 'Generator', 'preserve_format', 'contiguous_format', 'channels_last', 'strided', 'no_grad', 'inference_mode', 'enable_grad', 'set_grad_enabled', 'autocast'])
const MATH: ReadonlyMap<string, Value> = /* @__PURE__ */ new Map<string, Value>([['pi', float(Math.PI)], ['inf', float(Infinity)], ['nan', float(NaN)], ['e', float(Math.E)]])

/** What `path` names; undefined where nothing is known of it. */
export function torchMember(i: Interpreter, path: string): Value | undefined {
  const dot = path.lastIndexOf('.')
  const [space, name] = [path.slice(0, dot), path.slice(dot + 1)]
  switch (space) {
    case 'torch': {
      const dtype = torchDType(name)
      if (dtype !== undefined && !['char', 'byte'].includes(name)) return { kind: 'dtype', dtype }
      if (['nn', 'jit', 'fx', 'utils', 'cuda', 'backends', 'special', 'linalg', '_C', '_jit_internal', 'overrides', 'onnx', 'functional', 'autograd', 'distributions', 'types'].includes(name)) return { kind: 'namespace', path }
      if (name === 'inf' || name === 'nan' || name === 'pi') return MATH.get(name)
      if (OPAQUE.has(name)) return { kind: 'opaque', what: path }
      if (OPERATIONS.has(name) || UNARY.has(name) || findFunction(name, false) !== undefined || /^[a-z].*_$/.test(name)) return torchFunction(i, name, false)
      return undefined
    }
    case 'torch.nn.functional':
      return findFunction(name, true) !== undefined ? torchFunction(i, name, true) : undefined
    case 'torch.special':
    case 'torch.functional':
    case 'torch._C':
    case 'torch.linalg':
    case 'torch.backends':
      if (space === 'torch._C' && name === '_nn') return { kind: 'namespace', path: 'torch.nn.functional' }
      if (space === 'torch.linalg' && (name === 'norm' || name === 'vector_norm')) return torchFunction(i, 'linalg_vector_norm', false)
      return findFunction(name, false) === undefined ? { kind: 'namespace', path } : torchFunction(i, name, false)
    case 'torch.jit':
    case 'torch.onnx':
    case 'torch.overrides':
    case 'torch._jit_internal':
    case 'torch.cuda':
      return name.startsWith('is_') || name.startsWith('has_') ? builtin(name, () => false) : { kind: 'opaque', what: path }
    case 'torch.nn':
      if (name === 'functional' || name === 'init' || name === 'utils' || name === 'modules') return { kind: 'namespace', path }
      return undefined
    case 'ops':
    case 'aten':
      return { kind: 'namespace', path }
    case 'ops.prim':
    case 'ops.aten':
      return torchFunction(i, name, false)
    case 'math':
      if (MATH.has(name)) return MATH.get(name)
      if (UNARY.has(name)) return builtin(`math.${name}`, ([value]) => plainFunction(name, value))
      return name === 'pow' ? builtin('math.pow', ([a, b]) => float(pow(numberOf(a, 'base'), numberOf(b, 'exponent')))) : undefined
    default:
      if (space.startsWith('torch.nn.init')) return builtin(name, () => null)
      return undefined
  }
}

/** Python's built-in names. */
export function pythonBuiltin(i: Interpreter, name: string): Value | undefined {
  switch (name) {
    case 'torch':
    case 'ops':
    case 'math':
      return { kind: 'namespace', path: name }
    case 'inf':
      return float(Infinity)
    case 'nan':
      return float(NaN)
    case 'range':
      return builtin(name, (args) => range(i, args))
    case 'len':
      return builtin(name, ([value]) => lengthOf(i, value))
    case 'int':
      return builtin(name, ([value]) => toInt(value))
    case 'float':
      return builtin(name, ([value]) => toFloat(value))
    case 'bool':
      return builtin(name, ([value]) => truth(value))
    case 'str':
    case 'repr':
    case 'type':
      return builtin(name, ([value]) => describeValue(value))
    case 'abs':
      return builtin(name, ([value]) => (isKind(value, 'tensor') ? callFunction(i.t, 'abs', [value], NO_KEYWORDS) : plainFunction('abs', value)))
    case 'round':
      return builtin(name, ([value]) => plainFunction('round', value))
    case 'pow':
      return builtin(name, ([a, b]) => callFunction(i.t, 'pow', [a, b], NO_KEYWORDS))
    case 'min':
    case 'max':
      return builtin(name, (args) => {
        const items = args.length === 1 ? iterate(i.t, args[0]) : args
        return items.reduce((best, item) => {
          const less = compare('<', item, best)
          if (typeof less !== 'boolean') throw pytorchError('PYTORCH_SHAPE', `${name}() of sizes that depend on the input; give the shape of the inputs`)
          return less === (name === 'min') ? item : best
        })
      })
    case 'sum':
      return builtin(name, ([values, start]) => iterate(i.t, values).reduce((total: Value, item) => (isKind(item, 'tensor') || isKind(total, 'tensor') ? callFunction(i.t, 'add', [total, item], NO_KEYWORDS) : arithmetic(i.t, '+', total, item)), start ?? 0))
    case 'list':
      return builtin(name, ([value]) => list(value === undefined ? [] : [...iterate(i.t, value)]))
    case 'tuple':
      return builtin(name, ([value]) => tuple(value === undefined ? [] : [...iterate(i.t, value)]))
    case 'dict':
    case 'OrderedDict':
      return builtin(name, ([value], keywords) => {
        const entries = new Map<string | number, Value>(keywords)
        if (isKind(value, 'dict')) for (const [key, item] of value.entries) entries.set(key, item)
        else if (value !== undefined) for (const pair of iterate(i.t, value)) {
          const [key, item] = iterate(i.t, pair)
          entries.set(typeof key === 'number' ? key : String(key), item)
        }
        return { kind: 'dict', entries }
      })
    case 'enumerate':
      return builtin(name, ([value, start]) => list(iterate(i.t, value).map((item, at) => tuple([at + (start === undefined ? 0 : intOf(start, 'start')), item]))))
    case 'zip':
      return builtin(name, (args) => {
        const lists = args.map((value) => iterate(i.t, value))
        return list(Array.from({ length: Math.min(...lists.map((one) => one.length)) }, (_, at) => tuple(lists.map((one) => one[at]))))
      })
    case 'reversed':
      return builtin(name, ([value]) => list([...iterate(i.t, value)].reverse()))
    case 'any':
    case 'all':
      return builtin(name, ([value]) => scriptOperation(i, name, [list([...iterate(i.t, value)])]) ?? null)
    case 'print':
      return builtin(name, () => null)
    case 'getattr':
      return builtin(name, ([object, key, fallback]) => {
        if (!isKind(object, 'module') || typeof key !== 'string') throw pytorchError('PYTORCH_ARGUMENT', `getattr of ${describeValue(object)}`)
        const value = object.attributes.get(key) ?? object.find?.(key)
        if (value === undefined && fallback === undefined) throw pytorchError('PYTORCH_SYNTAX', `the module ${object.path} (${object.type}) has no attribute ${key}`)
        return value ?? fallback ?? null
      })
    case 'hasattr':
      return builtin(name, ([object, key]) => isKind(object, 'module') && typeof key === 'string' && (object.attributes.has(key) || object.find?.(key) !== undefined || object.hasMethod(key)))
    case 'setattr':
      return builtin(name, ([object, key, value]) => {
        if (isKind(object, 'module') && typeof key === 'string') object.attributes.set(key, value)
        return null
      })
    default:
      return undefined
  }
}

