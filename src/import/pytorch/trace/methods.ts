// Methods and attributes of values: tensors as torch's functions, lists, dicts and texts as Python's.
import { EXPORT_ADVICE, pytorchError } from '../error.ts'
import { callFunction } from '../functions/index.ts'
import { compare } from './arithmetic.ts'
import { iterate } from './items.ts'
import { sizeOf, type Tracer } from './tracer.ts'
import { describeValue, intOf, isKind, list, tuple, type TensorValue, type Value } from './values.ts'

/** x.shape, x.T and the like; undefined for methods. */
export function tensorAttribute(t: Tracer, x: TensorValue, name: string): Value | undefined {
  switch (name) {
    case 'shape':
      return tuple(x.shape.map((_, axis) => sizeOf(t, x, axis)))
    case 'dtype':
      return { kind: 'dtype', dtype: x.dtype }
    case 'device':
    case 'layout':
      return { kind: 'opaque', what: name }
    case 'ndim':
      return x.shape.length
    case 'is_cuda':
    case 'is_nested':
    case 'is_sparse':
    case 'is_quantized':
      return false
    case 'requires_grad':
      return false
    case 'T':
      return callFunction(t, 't', [x], new Map())
    case 'mT':
      return callFunction(t, 'transpose', [x, -2, -1], new Map())
    case 'data':
      return x
    default:
      return undefined
  }
}

/** Functions whose list of numbers may also be given one by one: x.view(2, 3). */
const SPREAD: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ['view', 1], ['reshape', 1], ['permute', 1], ['expand', 1], ['repeat', 1], ['tile', 1], ['flip', 1], ['new_zeros', 1], ['new_ones', 1], ['zeros', 0], ['ones', 0], ['empty', 0], ['rand', 0], ['randn', 0],
])
const LISTED: ReadonlySet<string> = /* @__PURE__ */ new Set(['meshgrid', 'block_diag', 'broadcast_tensors'])

/** Arguments as the functions' table has them: several sizes become one list. */
export function gathered(name: string, args: readonly Value[]): readonly Value[] {
  const from = SPREAD.get(name)
  if (from !== undefined && args.length > from && (typeof args[from] === 'number' || isKind(args[from], 'symbol'))) return [...args.slice(0, from), tuple(args.slice(from))]
  if (LISTED.has(name) && args.length > 0 && isKind(args[0], 'tensor')) return [tuple(args)]
  return args
}

export function callMethod(t: Tracer, object: Value, name: string, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value {
  if (isKind(object, 'tensor')) {
    if (name === 'item' || name === 'tolist') throw pytorchError('PYTORCH_CONTROL', `.${name}() takes a number out of the data, which is not known before the model runs; ${EXPORT_ADVICE}`)
    return callFunction(t, name, gathered(name, [object, ...args]), keywords)
  }
  if (isKind(object, 'list')) {
    switch (name) {
      case 'append':
        object.items.push(args[0])
        return null
      case 'extend':
        for (const item of iterate(t, args[0]).slice()) object.items.push(item)
        return null
      case 'insert':
        object.items.splice(intOf(args[0], 'index'), 0, args[1])
        return null
      case 'pop': {
        const [item] = object.items.splice(args.length === 0 ? -1 : intOf(args[0], 'index'), 1)
        return item ?? null
      }
      case 'reverse':
        object.items.reverse()
        return null
      case 'copy':
        return list([...iterate(t, object)])
      case 'index':
        return object.items.findIndex((item) => compare('==', item, args[0]) === true)
      case 'clear':
        object.items.length = 0
        return null
    }
  }
  if (isKind(object, 'tuple') && name === 'numel') return object.items.reduce((product: Value, size) => callFunction(t, 'mul', [product, size], new Map()), 1)
  if (isKind(object, 'dict')) {
    const key = typeof args[0] === 'string' || typeof args[0] === 'number' ? args[0] : ''
    switch (name) {
      case 'items':
        return list([...object.entries].map(([own, value]) => tuple([own, value])))
      case 'keys':
        return list([...object.entries.keys()])
      case 'values':
        return list([...object.entries.values()])
      case 'get':
        return object.entries.get(key) ?? args[1] ?? null
      case 'update':
        if (isKind(args[0], 'dict')) for (const [own, value] of args[0].entries) object.entries.set(own, value)
        return null
      case 'copy':
        return { kind: 'dict', entries: new Map(object.entries) }
    }
  }
  if (typeof object === 'string') {
    if (name === 'format' || name === 'join' || name === 'strip' || name === 'upper') return object
    if (name === 'lower') return object.toLowerCase()
    if (name === 'startswith' && typeof args[0] === 'string') return object.startsWith(args[0])
    if (name === 'endswith' && typeof args[0] === 'string') return object.endsWith(args[0])
  }
  throw pytorchError('PYTORCH_OPERATOR', `the method ${name} of ${describeValue(object)} is not supported; ${EXPORT_ADVICE}`)
}
