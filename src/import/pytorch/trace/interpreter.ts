// Follows the statements of a forward method and lets the tracer note what it computes. Loops over constants are unrolled, conditions on settings
// and ranks decided; what only data could decide is refused. Nothing of the host is within reach: names stand for the values below and no others.
import { MleError } from '../../../error.ts'
import { EXPORT_ADVICE, pytorchError } from '../error.ts'
import { callFunction } from '../functions/index.ts'
import { comparison, binary } from '../functions/elementwise.ts'
import { subscript } from '../functions/shapes.ts'
import type { Expression, FunctionDefinition, Statement } from '../python/syntax.ts'
import { arithmetic, compare, negative } from './arithmetic.ts'
import { iterate, sliced, truth } from './items.ts'
import { callMethod, tensorAttribute } from './methods.ts'
import type { Tracer } from './tracer.ts'
import { describeValue, float, intOf, isKind, isNumberValue, list, tuple, UNKNOWN, type SliceValue, type Value } from './values.ts'

export interface Scope {
  readonly variables: Map<string, Value>
  /** Names that the function does not define itself. */
  readonly outer: (name: string) => Value | undefined
  /** Names the source in messages. */
  readonly what: string
}

export interface Interpreter {
  readonly t: Tracer
  depth: number
  /** What a namespace has: `torch.nn.functional.relu`. */
  readonly namespaceMember: (path: string) => Value | undefined
}

/** An exception that the model's own code raises. */
export class ScriptRaise extends Error {}

const MAX_DEPTH = 120
const MAX_ITERATIONS = 100_000

type Signal = { readonly kind: 'return'; readonly value: Value } | 'break' | 'continue' | undefined

/** Calls a function of the source. */
export function callDefinition(i: Interpreter, definition: FunctionDefinition, args: readonly Value[], keywords: ReadonlyMap<string, Value>, scope: Pick<Scope, 'outer' | 'what'>): Value {
  if (++i.depth > MAX_DEPTH) throw pytorchError('PYTORCH_LIMIT', `${scope.what}: calls are nested deeper than ${MAX_DEPTH}`)
  const variables = new Map<string, Value>()
  const own: Scope = { variables, ...scope }
  const taken = new Set<string>()
  let at = 0
  for (const { name, fallback, stars } of definition.parameters) {
    if (stars === 1) {
      variables.set(name, tuple(args.slice(at)))
      at = args.length
      continue
    }
    if (stars === 2) {
      const rest = new Map<string | number, Value>()
      for (const [key, value] of keywords) if (!taken.has(key)) rest.set(key, value)
      for (const key of keywords.keys()) taken.add(key)
      variables.set(name, { kind: 'dict', entries: rest })
      continue
    }
    taken.add(name)
    const given = at < args.length ? args[at++] : keywords.get(name)
    if (given !== undefined) variables.set(name, given)
    else if (fallback !== undefined) variables.set(name, evaluate(i, fallback, own))
    else throw pytorchError('PYTORCH_ARGUMENT', `${scope.what}, line ${definition.line}: ${definition.name} needs the argument ${name}`)
  }
  const extra = [...keywords.keys()].find((key) => !taken.has(key))
  if (at < args.length || extra !== undefined) throw pytorchError('PYTORCH_ARGUMENT', `${scope.what}, line ${definition.line}: ${definition.name} takes no argument ${extra ?? String(at + 1)}`)
  const signal = run(i, definition.body, own)
  i.depth--
  return typeof signal === 'object' ? signal.value : null
}

export function run(i: Interpreter, statements: readonly Statement[], scope: Scope): Signal {
  for (const statement of statements) {
    i.t.charge(1)
    let signal: Signal
    try {
      signal = execute(i, statement, scope)
    } catch (error) {
      // The innermost place is the one to name.
      if (error instanceof MleError && error.section === undefined) throw new MleError(error.code, `${scope.what}, line ${statement.line}: ${error.message}`, { section: scope.what, expected: error.expected, actual: error.actual })
      throw error
    }
    if (signal !== undefined) return signal
  }
  return undefined
}

function execute(i: Interpreter, s: Statement, scope: Scope): Signal {
  switch (s.kind) {
    case 'assign': {
      const value = evaluate(i, s.value, scope)
      for (const target of s.targets) assign(i, target, value, scope)
      return undefined
    }
    case 'declare':
      if (s.value !== undefined) assign(i, s.target, evaluate(i, s.value, scope), scope)
      return undefined
    case 'update': {
      const before = evaluate(i, s.target, scope)
      const value = evaluate(i, s.value, scope)
      if (isKind(before, 'tensor')) {
        const name = UPDATE_FUNCTIONS.get(s.op)
        if (name === undefined) throw pytorchError('PYTORCH_OPERATOR', `${s.op}= on a tensor is not understood`)
        callFunction(i.t, name, [before, value], new Map())
        if (s.target.kind !== 'index') return undefined
        throw pytorchError('PYTORCH_INPLACE', `a part of a tensor is changed in place, which is not supported; ${EXPORT_ADVICE}`)
      }
      if (isKind(before, 'list') && s.op === '+' && (isKind(value, 'list') || isKind(value, 'tuple'))) {
        for (const item of iterate(i.t, value).slice()) before.items.push(item)
        return undefined
      }
      assign(i, s.target, operate(i, s.op, before, value), scope)
      return undefined
    }
    case 'expression':
      if (s.value.kind !== 'text') evaluate(i, s.value, scope)
      return undefined
    case 'return':
      return { kind: 'return', value: s.value === undefined ? null : evaluate(i, s.value, scope) }
    case 'if': {
      const condition = truth(evaluate(i, s.condition, scope))
      return typeof condition === 'boolean' ? run(i, condition ? s.yes : s.no, scope) : undecided(i, s.yes, s.no, scope)
    }
    case 'for': {
      for (const item of iterate(i.t, evaluate(i, s.source, scope))) {
        assign(i, s.target, item, scope)
        const signal = run(i, s.body, scope)
        if (signal === 'break') break
        if (typeof signal === 'object') return signal
      }
      return undefined
    }
    case 'while': {
      for (let count = 0; ; count++) {
        if (count > MAX_ITERATIONS) throw pytorchError('PYTORCH_LIMIT', `a loop of more than ${MAX_ITERATIONS} rounds`)
        const condition = truth(evaluate(i, s.condition, scope))
        if (typeof condition !== 'boolean') throw undecidable('a while loop')
        if (!condition) return undefined
        const signal = run(i, s.body, scope)
        if (signal === 'break') return undefined
        if (typeof signal === 'object') return signal
      }
    }
    case 'with':
      return run(i, s.body, scope)
    case 'assert':
      if (truth(evaluate(i, s.condition, scope)) === false) throw new ScriptRaise('an assertion fails')
      return undefined
    case 'raise':
      throw new ScriptRaise('the code raises an exception')
    case 'def': {
      const definition = s
      scope.variables.set(s.name, { kind: 'function', name: s.name, call: (args, keywords) => callDefinition(i, definition, args, keywords, { outer: (name) => scope.variables.get(name) ?? scope.outer(name), what: scope.what }) })
      return undefined
    }
    case 'break':
      return 'break'
    case 'continue':
      return 'continue'
    case 'pass':
    case 'import':
      return undefined
    case 'class':
      throw pytorchError('PYTORCH_SYNTAX', 'a class inside a function is not understood')
  }
}

const UPDATE_FUNCTIONS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['+', 'add_'], ['-', 'sub_'], ['*', 'mul_'], ['/', 'div_'], ['//', 'floor_divide_'], ['%', 'remainder_'], ['**', 'pow_'], ['&', 'bitwise_and_'], ['|', 'bitwise_or_']])

function undecidable(what: string): Error {
  return pytorchError('PYTORCH_CONTROL', `${what} depends on the data or on the shape of the input, which is not known before the model runs; give the shape of the inputs, or ${EXPORT_ADVICE}`)
}

/**
 * A condition that only sizes decide. Where one way raises an exception, the other is taken: it is a check. Else both are followed, and variables that
 * come out the same are kept.
 */
function undecided(i: Interpreter, yes: readonly Statement[], no: readonly Statement[], scope: Scope): Signal {
  const follow = (statements: readonly Statement[]): { raised: boolean; signal: Signal; variables: Map<string, Value> } => {
    const variables = new Map(scope.variables)
    const { depth } = i
    try {
      return { raised: false, signal: run(i, statements, { ...scope, variables }), variables }
    } catch (error) {
      i.depth = depth
      if (error instanceof ScriptRaise) return { raised: true, signal: undefined, variables }
      throw error
    }
  }
  const [first, second] = [follow(yes), follow(no)]
  if (first.raised && second.raised) throw new ScriptRaise('both ways of a condition raise an exception')
  if (first.raised || second.raised) {
    const kept = first.raised ? second : first
    for (const [name, value] of kept.variables) scope.variables.set(name, value)
    return kept.signal
  }
  if (first.signal !== undefined || second.signal !== undefined) throw undecidable('what a function returns')
  for (const [name, value] of first.variables) {
    const other = second.variables.get(name)
    if (other === value) scope.variables.set(name, value)
    else if ((typeof value === 'boolean' || isKind(value, 'unknown')) && (typeof other === 'boolean' || isKind(other, 'unknown'))) scope.variables.set(name, UNKNOWN)
    else if (other === undefined) scope.variables.set(name, value)
    else throw undecidable(`the variable ${name}`)
  }
  for (const [name, value] of second.variables) if (!first.variables.has(name)) scope.variables.set(name, value)
  return undefined
}

function assign(i: Interpreter, target: Expression, value: Value, scope: Scope): void {
  switch (target.kind) {
    case 'name':
      scope.variables.set(target.name, value)
      return
    case 'tuple':
    case 'list': {
      const items = iterate(i.t, value)
      const star = target.items.findIndex((item) => item.kind === 'star')
      if (star < 0 && items.length !== target.items.length) throw pytorchError('PYTORCH_ARGUMENT', `${items.length} values for ${target.items.length} names`)
      target.items.forEach((item, at) => {
        if (item.kind === 'star') assign(i, item.value, list(items.slice(at, items.length - (target.items.length - 1 - at))), scope)
        else assign(i, item, items[star >= 0 && at > star ? items.length - (target.items.length - at) : at], scope)
      })
      return
    }
    case 'attribute': {
      const object = evaluate(i, target.object, scope)
      if (!isKind(object, 'module')) throw pytorchError('PYTORCH_OPERATOR', `an attribute of ${describeValue(object)} is set`)
      object.attributes.set(target.name, value)
      return
    }
    case 'index': {
      const object = evaluate(i, target.object, scope)
      const index = evaluate(i, target.index, scope)
      if (isKind(object, 'list') && typeof index === 'number' && index < object.items.length) object.items[index < 0 ? index + object.items.length : index] = value
      else if (isKind(object, 'dict') && (typeof index === 'string' || typeof index === 'number')) object.entries.set(index, value)
      else if (isKind(object, 'module') && typeof index === 'string') object.attributes.set(index, value)
      else throw pytorchError('PYTORCH_INPLACE', `a part of ${describeValue(object)} is set in place, which is not supported; ${EXPORT_ADVICE}`)
      return
    }
    default:
      throw pytorchError('PYTORCH_SYNTAX', `${target.kind} cannot be assigned to`)
  }
}

const OPERATORS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['+', 'Add'], ['-', 'Sub'], ['*', 'Mul'], ['/', 'Div'], ['//', 'Div'], ['%', 'Mod']])
const BY_FUNCTION: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['@', 'matmul'], ['**', 'pow'], ['&', 'bitwise_and'], ['|', 'bitwise_or'], ['^', 'bitwise_xor']])
const COMPARISONS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['==', 'Equal'], ['!=', 'Equal'], ['<', 'Less'], ['<=', 'LessOrEqual'], ['>', 'Greater'], ['>=', 'GreaterOrEqual']])

function operate(i: Interpreter, op: string, a: Value, b: Value): Value {
  if (!isKind(a, 'tensor') && !isKind(b, 'tensor')) return arithmetic(i.t, op, a, b)
  const name = OPERATORS.get(op)
  if (name !== undefined) return binary(i.t, op, name, a, b)
  const fn = BY_FUNCTION.get(op)
  if (fn === undefined) throw pytorchError('PYTORCH_OPERATOR', `${op} between tensors is not understood`)
  return callFunction(i.t, fn, [a, b], new Map())
}

export function evaluate(i: Interpreter, e: Expression, scope: Scope): Value {
  switch (e.kind) {
    case 'number':
      return e.isFloat ? float(e.value) : e.value
    case 'text':
      return e.value
    case 'constant':
      return e.value
    case 'ellipsis':
      return { kind: 'ellipsis' }
    case 'name': {
      const value = scope.variables.get(e.name) ?? (scope.variables.has(e.name) ? null : scope.outer(e.name))
      if (value === undefined) throw pytorchError('PYTORCH_SYNTAX', `the name ${e.name} is not known`)
      return value
    }
    case 'attribute':
      return attribute(i, evaluate(i, e.object, scope), e.name)
    case 'call':
      return call(i, e, scope)
    case 'index':
      return index(i, evaluate(i, e.object, scope), evaluate(i, e.index, scope))
    case 'slice': {
      const part = (one: Expression | undefined): Value => (one === undefined ? null : evaluate(i, one, scope))
      const value: SliceValue = { kind: 'slice', start: part(e.start), stop: part(e.stop), step: part(e.step) }
      return value
    }
    case 'tuple':
    case 'list': {
      const items: Value[] = []
      for (const item of e.items) {
        if (item.kind === 'star') items.push(...iterate(i.t, evaluate(i, item.value, scope)))
        else items.push(evaluate(i, item, scope))
      }
      return e.kind === 'list' ? list(items) : tuple(items)
    }
    case 'dict': {
      const entries = new Map<string | number, Value>()
      for (const [key, value] of e.entries) {
        const own = evaluate(i, key, scope)
        if (typeof own !== 'string' && typeof own !== 'number') throw pytorchError('PYTORCH_SYNTAX', `${describeValue(own)} as the key of a dict`)
        entries.set(own, evaluate(i, value, scope))
      }
      return { kind: 'dict', entries }
    }
    case 'unary': {
      const value = evaluate(i, e.value, scope)
      if (e.op === 'not') {
        const known = truth(value)
        return typeof known === 'boolean' ? !known : known
      }
      if (e.op === '~') return callFunction(i.t, 'bitwise_not', [value], new Map())
      if (e.op === '+') return value
      return isKind(value, 'tensor') ? callFunction(i.t, 'neg', [value], new Map()) : negative(i.t, value)
    }
    case 'binary':
      return operate(i, e.op, evaluate(i, e.left, scope), evaluate(i, e.right, scope))
    case 'compare': {
      const [a, b] = [evaluate(i, e.left, scope), evaluate(i, e.right, scope)]
      const op = COMPARISONS.get(e.op)
      if ((isKind(a, 'tensor') || isKind(b, 'tensor')) && op !== undefined) return comparison(i.t, e.op, op, a, b)
      return compare(e.op, a, b)
    }
    case 'and':
    case 'or': {
      const left = evaluate(i, e.left, scope)
      const known = truth(left)
      if (typeof known === 'boolean') return known === (e.kind === 'or') ? left : evaluate(i, e.right, scope)
      const right = truth(evaluate(i, e.right, scope))
      return right === (e.kind === 'or') ? right : UNKNOWN
    }
    case 'choice': {
      const condition = truth(evaluate(i, e.condition, scope))
      if (typeof condition !== 'boolean') throw undecidable('a choice (x if c else y)')
      return evaluate(i, condition ? e.yes : e.no, scope)
    }
    case 'comprehension': {
      const items: Value[] = []
      const own: Scope = { ...scope, variables: new Map(scope.variables) }
      for (const item of iterate(i.t, evaluate(i, e.source, scope))) {
        assign(i, e.target, item, own)
        if (e.condition !== undefined && truth(evaluate(i, e.condition, own)) !== true) continue
        items.push(evaluate(i, e.item, own))
      }
      return list(items)
    }
    case 'star':
      throw pytorchError('PYTORCH_SYNTAX', 'a star outside a list of arguments')
  }
}

export function attribute(i: Interpreter, object: Value, name: string): Value {
  if (isKind(object, 'module')) {
    const value = object.attributes.get(name) ?? (object.attributes.has(name) ? null : object.find?.(name))
    if (value !== undefined) return value
    if (object.hasMethod(name)) return { kind: 'function', name, call: (args, keywords) => object.call(name, args, keywords) }
    throw pytorchError('PYTORCH_SYNTAX', `the module ${object.path === '' ? object.type : `${object.path} (${object.type})`} has no attribute ${name}`)
  }
  if (isKind(object, 'namespace')) {
    const value = i.namespaceMember(`${object.path}.${name}`)
    if (value === undefined) throw pytorchError('PYTORCH_OPERATOR', `${object.path}.${name} is not supported; ${EXPORT_ADVICE}`)
    return value
  }
  if (isKind(object, 'tensor')) {
    const value = tensorAttribute(i.t, object, name)
    if (value !== undefined) return value
  }
  if (isKind(object, 'tuple')) {
    const at = object.names?.indexOf(name) ?? -1
    if (at >= 0) return object.items[at]
  }
  if (isKind(object, 'opaque')) return { kind: 'opaque', what: `${object.what}.${name}` }
  return { kind: 'function', name, call: (args, keywords) => callMethod(i.t, object, name, args, keywords) }
}

function index(i: Interpreter, object: Value, at: Value): Value {
  if (isKind(object, 'list') || isKind(object, 'tuple')) {
    if (isKind(at, 'slice')) {
      const items = sliced(object.items, at)
      return isKind(object, 'list') ? list(items) : tuple(items)
    }
    const place = intOf(at, 'index')
    const item = object.items[place < 0 ? place + object.items.length : place]
    if (item === undefined) throw pytorchError('PYTORCH_ARGUMENT', `index ${place} of a ${object.kind} of ${object.items.length}`)
    return item
  }
  if (isKind(object, 'dict') && (typeof at === 'string' || typeof at === 'number')) {
    const item = object.entries.get(at)
    if (item === undefined) throw pytorchError('PYTORCH_ARGUMENT', `a dict has no key ${JSON.stringify(at)}`)
    return item
  }
  if (isKind(object, 'module')) {
    const children = iterate(i.t, object)
    if (isKind(at, 'slice')) return list(sliced(children, at))
    const child = typeof at === 'string' ? object.attributes.get(at) : children[intOf(at, 'index') < 0 ? intOf(at, 'index') + children.length : intOf(at, 'index')]
    if (child === undefined) throw pytorchError('PYTORCH_ARGUMENT', `the module ${object.path} has no child ${describeValue(at)}`)
    return child
  }
  if (isKind(object, 'tensor')) return subscript(i.t, object, isKind(at, 'tuple') ? at.items : [at])
  throw pytorchError('PYTORCH_ARGUMENT', `${describeValue(object)} has no elements`)
}

function call(i: Interpreter, e: Extract<Expression, { kind: 'call' }>, scope: Scope): Value {
  const { callee } = e
  // What annotates only: annotate(T, x), unchecked_cast(T, x), uninitialized(T).
  if (callee.kind === 'name' && !scope.variables.has(callee.name)) {
    const last = e.args[e.args.length - 1]
    if ((callee.name === 'annotate' || callee.name === 'unchecked_cast') && last !== undefined) return evaluate(i, last.value, scope)
    if (callee.name === 'uninitialized') return null
    if (callee.name === 'isinstance' && e.args.length === 2) return isInstance(evaluate(i, e.args[0].value, scope), e.args[1].value)
  }
  const fn = evaluate(i, callee, scope)
  const args: Value[] = []
  const keywords = new Map<string, Value>()
  for (const { name, stars, value } of e.args) {
    const own = evaluate(i, value, scope)
    if (stars === 1) args.push(...iterate(i.t, own))
    else if (stars === 2) {
      if (!isKind(own, 'dict')) throw pytorchError('PYTORCH_ARGUMENT', `** of ${describeValue(own)}`)
      for (const [key, item] of own.entries) keywords.set(String(key), item)
    } else if (name !== undefined) keywords.set(name, own)
    else args.push(own)
  }
  return callValue(fn, args, keywords)
}

export function callValue(fn: Value, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value {
  if (isKind(fn, 'function')) return fn.call(args, keywords)
  if (isKind(fn, 'module')) return fn.call('forward', args, keywords)
  // super().__init__(), torch.device('cpu'), a dtype of a tensor's type.
  if (isKind(fn, 'opaque')) return { kind: 'opaque', what: fn.what }
  if (isKind(fn, 'namespace')) throw pytorchError('PYTORCH_OPERATOR', `${fn.path} is not supported; ${EXPORT_ADVICE}`)
  throw pytorchError('PYTORCH_ARGUMENT', `${describeValue(fn)} is called`)
}

function isInstance(value: Value, type: Expression): boolean {
  const names = type.kind === 'tuple' ? type.items : [type]
  return names.some((one) => {
    const name = one.kind === 'attribute' ? one.name : one.kind === 'name' ? one.name : one.kind === 'index' && one.object.kind === 'name' ? one.object.name : ''
    if (isKind(value, 'module')) return value.type === name || name === 'Module'
    if (name === 'Tensor') return isKind(value, 'tensor')
    if (name === 'int') return typeof value === 'number' || isKind(value, 'symbol')
    if (name === 'float') return isKind(value, 'float')
    if (name === 'bool') return typeof value === 'boolean'
    if (name === 'str') return typeof value === 'string'
    if (name === 'list' || name === 'List') return isKind(value, 'list')
    if (name === 'tuple' || name === 'Tuple' || name === 'Size') return isKind(value, 'tuple')
    return name === 'dict' || name === 'Dict' ? isKind(value, 'dict') : isNumberValue(value) && name === 'number'
  })
}
