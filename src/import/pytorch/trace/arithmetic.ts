// Python's arithmetic on numbers, sizes, texts and lists; tensors are the operators' business.
import { pow } from '../../../math/index.ts'
import { pytorchError } from '../error.ts'
import { CODES } from '../storages.ts'
import { cast, countsTensor, symbol, type Tracer } from './tracer.ts'
import { describeValue, dimOf, float, isKind, isNumberValue, list, numberOf, tuple, UNKNOWN, type SymbolValue, type TensorValue, type UnknownValue, type Value } from './values.ts'

type Count = number | SymbolValue

/** Symbols compare and combine by name. */
const SYMBOL_OPERATORS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['+', 'Add'], ['-', 'Sub'], ['*', 'Mul'], ['//', 'Div'], ['%', 'Mod']])

function floorDivide(a: number, b: number): number {
  if (b === 0) throw pytorchError('PYTORCH_ARGUMENT', `division of ${a} by 0`)
  return Math.floor(a / b)
}

function plain(op: string, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      if (b === 0) throw pytorchError('PYTORCH_ARGUMENT', `division of ${a} by 0`)
      return a / b
    case '//':
      return floorDivide(a, b)
    case '%':
      return a - b * floorDivide(a, b)
    case '**':
      // Whole powers by products, so that 2 ** 3 is exact.
      return Number.isInteger(b) && b >= 0 && b <= 64 ? Array.from({ length: b }, () => a).reduce((product, one) => product * one, 1) : pow(a, b)
    case '&':
    case '|':
      if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b)) throw pytorchError('PYTORCH_ARGUMENT', `${a} ${op} ${b} is not understood`)
      return Number(op === '&' ? BigInt(a) & BigInt(b) : BigInt(a) | BigInt(b))
    default:
      throw pytorchError('PYTORCH_ARGUMENT', `the operator ${op} between numbers is not understood`)
  }
}

const factorOf = (value: Count): number => (typeof value === 'number' ? value : value.factor)
const tensorOf = (t: Tracer, value: Count): TensorValue => countsTensor(t, [value])

function symbolic(t: Tracer, op: string, a: Count, b: Count): Value {
  const graphOp = SYMBOL_OPERATORS.get(op)
  const bases = [a, b].flatMap((one) => (typeof one === 'number' ? [] : [one]))
  const make = (): TensorValue => {
    if (graphOp === undefined) throw pytorchError('PYTORCH_SHAPE', `${op} between sizes that depend on the input; give the shape of the inputs`)
    return t.op(graphOp, [tensorOf(t, a), tensorOf(t, b)])
  }
  if (op === '*') return symbol(factorOf(a) * factorOf(b), bases.map(({ base }) => base).flatMap((base) => base.split('*')).sort().join('*'), make)
  if ((op === '+' || op === '-') && typeof b === 'number' && b === 0) return a
  if (op === '+' && a === 0) return b
  const same = typeof a !== 'number' && typeof b !== 'number' && a.base === b.base
  if ((op === '+' || op === '-') && same && typeof a !== 'number') return symbol(plain(op, a.factor, factorOf(b)), a.base, make)
  if (op === '//' && same && factorOf(a) % factorOf(b) === 0) return factorOf(a) / factorOf(b)
  if (op === '//' && typeof a !== 'number' && typeof b === 'number' && b > 0 && a.factor % b === 0) return symbol(a.factor / b, a.base, make)
  if (op === '%' && typeof a !== 'number' && typeof b === 'number' && b > 0 && a.factor % b === 0) return 0
  if (op === '/' || op === '**') throw pytorchError('PYTORCH_SHAPE', `the size ${dimOf(a)} ${op} ${dimOf(b)} depends on the input's shape; give the shape of the inputs`)
  return symbol(1, `(${dimOf(a)}${op}${dimOf(b)})`, make)
}

/** `a op b` of values that are no tensors. */
export function arithmetic(t: Tracer, op: string, a: Value, b: Value): Value {
  // Initial values of parameters, which the file replaces.
  if (isKind(a, 'opaque') || isKind(b, 'opaque')) return isKind(a, 'opaque') ? a : b
  if ((isKind(a, 'symbol') || typeof a === 'number') && (isKind(b, 'symbol') || typeof b === 'number') && (isKind(a, 'symbol') || isKind(b, 'symbol'))) return symbolic(t, op, a, b)
  if (isNumberValue(a) && isNumberValue(b)) {
    const value = plain(op, numberOf(a, 'operand'), numberOf(b, 'operand'))
    return op === '/' || isKind(a, 'float') || isKind(b, 'float') || !Number.isInteger(value) ? float(value) : value
  }
  if (op === '+') {
    if (typeof a === 'string' && typeof b === 'string') {
      t.charge(a.length + b.length)
      return a + b
    }
    for (const one of [a, b]) if (isKind(one, 'list') || isKind(one, 'tuple')) t.charge(one.items.length)
    if (isKind(a, 'tuple') && isKind(b, 'tuple')) return tuple([...a.items, ...b.items])
    if ((isKind(a, 'list') || isKind(a, 'tuple')) && (isKind(b, 'list') || isKind(b, 'tuple'))) return isKind(a, 'list') ? list([...a.items, ...b.items]) : tuple([...a.items, ...b.items])
  }
  if (op === '*') {
    const [many, count] = isKind(a, 'list') || isKind(a, 'tuple') ? [a, b] : [b, a]
    if ((isKind(many, 'list') || isKind(many, 'tuple')) && typeof count === 'number' && count * many.items.length < 100_000) {
      t.charge(Math.max(0, count) * (1 + many.items.length))
      const items = Array.from({ length: Math.max(0, count) }, () => many.items).flat()
      return isKind(many, 'list') ? list(items) : tuple(items)
    }
  }
  // Texts are only made for messages.
  if (op === '%' && typeof a === 'string') return a
  throw pytorchError('PYTORCH_ARGUMENT', `${describeValue(a)} ${op} ${describeValue(b)} is not understood`)
}

/** `a == b` by value; unknown where sizes of the input decide. */
export function equal(a: Value, b: Value): boolean | UnknownValue {
  if (isKind(a, 'unknown') || isKind(b, 'unknown')) return UNKNOWN
  if (isKind(a, 'symbol') || isKind(b, 'symbol')) {
    const sides = [a, b].map((side) => (isKind(side, 'symbol') ? dimOf(side) : isNumberValue(side) ? numberOf(side, 'operand') : undefined))
    if (sides.includes(undefined)) return false
    return sides[0] === sides[1] ? true : UNKNOWN
  }
  if (isNumberValue(a) && isNumberValue(b)) return numberOf(a, 'operand') === numberOf(b, 'operand')
  if ((isKind(a, 'list') || isKind(a, 'tuple')) && (isKind(b, 'list') || isKind(b, 'tuple'))) {
    if (a.items.length !== b.items.length) return false
    const parts = a.items.map((item, i) => equal(item, b.items[i]))
    return parts.includes(false) ? false : parts.some((part) => part !== true) ? UNKNOWN : true
  }
  if (isKind(a, 'dtype') && isKind(b, 'dtype')) return a.dtype === b.dtype
  // Scripts call dtypes by number.
  if (isKind(a, 'dtype') && typeof b === 'number') return a.dtype === CODES[b]
  if (isKind(b, 'dtype') && typeof a === 'number') return b.dtype === CODES[a]
  if (isKind(a, 'opaque') && isKind(b, 'opaque')) return true
  return a === b
}

/** `a op b` as a truth value. */
export function compare(op: string, a: Value, b: Value): boolean | UnknownValue {
  const negated = (value: boolean | UnknownValue): boolean | UnknownValue => (typeof value === 'boolean' ? !value : value)
  if (op === '==') return equal(a, b)
  if (op === '!=') return negated(equal(a, b))
  if (op === 'is' || op === 'is not') {
    const same = a === null || b === null ? a === b : equal(a, b)
    return op === 'is' ? same : negated(same)
  }
  if (op === 'in' || op === 'not in') {
    const found = isKind(b, 'dict') ? (typeof a === 'string' || typeof a === 'number') && b.entries.has(a) : isKind(b, 'list') || isKind(b, 'tuple') ? b.items.some((item) => equal(a, item) === true) : typeof b === 'string' && typeof a === 'string' && b.includes(a)
    return op === 'in' ? found : !found
  }
  if (isKind(a, 'unknown') || isKind(b, 'unknown')) return UNKNOWN
  if (isKind(a, 'symbol') || isKind(b, 'symbol')) {
    // A size is at least 0, and for all that can be run at least 1.
    const [count, other, way] = isKind(a, 'symbol') ? [a, b, op] : [b, a, op.replace(/[<>]/, (sign) => (sign === '<' ? '>' : '<'))]
    if (isKind(count, 'symbol') && isNumberValue(other)) {
      const limit = numberOf(other, 'operand')
      if (way === '>' && limit <= 0) return true
      if (way === '>=' && limit <= 1) return true
      if (way === '<' && limit <= 1) return false
      if (way === '<=' && limit <= 0) return false
    }
    return UNKNOWN
  }
  if (typeof a === 'string' && typeof b === 'string') return op === '<' ? a < b : op === '>' ? a > b : op === '<=' ? a <= b : a >= b
  const [x, y] = [numberOf(a, `left side of ${op}`), numberOf(b, `right side of ${op}`)]
  return op === '<' ? x < y : op === '>' ? x > y : op === '<=' ? x <= y : x >= y
}

export function negative(t: Tracer, value: Value): Value {
  if (typeof value === 'number') return -value
  if (isKind(value, 'float')) return float(-value.value)
  if (isKind(value, 'symbol')) return symbol(1, `(-${dimOf(value)})`, () => t.op('Neg', [cast(t, value.tensor(), 'int64')]))
  return arithmetic(t, '-', 0, value)
}

