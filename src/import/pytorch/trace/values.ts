// What a name may stand for while a forward method is followed. Python's ints are numbers; floats are told apart, because dtypes follow from it.
import type { Dim } from '../../../ops/types.ts'
import type { DType, Tensor } from '../../../tensor/index.ts'
import { pytorchError } from '../error.ts'

export type Value =
  | null
  | boolean
  | number
  | string
  | FloatValue
  | TensorValue
  | SymbolValue
  | UnknownValue
  | ListValue
  | TupleValue
  | DictValue
  | DTypeValue
  | SliceValue
  | EllipsisValue
  | OpaqueValue
  | NamespaceValue
  | FunctionValue
  | ModuleValue

export interface FloatValue {
  readonly kind: 'float'
  readonly value: number
}

/** A value of the graph. In-place operators of PyTorch replace `name`: every variable that holds the tensor sees it. */
export interface TensorValue {
  readonly kind: 'tensor'
  name: string
  dtype: DType
  /** Numbers, or symbols: equal symbols are equal counts. */
  shape: readonly (number | string)[]
  /** Its content where it is a constant. */
  constant?: Tensor
  /** Every element, where torch.zeros and the like made it. */
  fill?: number
  /** Shared with its views; counts changes in place. */
  alias: { version: number }
  seen: number
}

/** A count that only the input's shape decides: `factor` times what `base` names. */
export interface SymbolValue {
  readonly kind: 'symbol'
  readonly factor: number
  readonly base: string
  /** The count as an int64 tensor [1] of the graph. */
  readonly tensor: () => TensorValue
}

/** A truth value that only data or shapes decide. */
export interface UnknownValue {
  readonly kind: 'unknown'
}

export interface ListValue {
  readonly kind: 'list'
  readonly items: Value[]
}

export interface TupleValue {
  readonly kind: 'tuple'
  readonly items: readonly Value[]
  /** Of a NamedTuple, or of torch.max(x, 1) and the like. */
  readonly names?: readonly string[]
}

export interface DictValue {
  readonly kind: 'dict'
  readonly entries: Map<string | number, Value>
}

export interface DTypeValue {
  readonly kind: 'dtype'
  readonly dtype: DType
}

export interface SliceValue {
  readonly kind: 'slice'
  readonly start: Value
  readonly stop: Value
  readonly step: Value
}

export interface EllipsisValue {
  readonly kind: 'ellipsis'
}

/** A device, a generator: nothing depends on it. */
export interface OpaqueValue {
  readonly kind: 'opaque'
  readonly what: string
}

/** `torch`, `torch.nn.functional`, `ops.prim`, `__torch__.torch.nn`. */
export interface NamespaceValue {
  readonly kind: 'namespace'
  readonly path: string
}

export interface FunctionValue {
  readonly kind: 'function'
  readonly name: string
  readonly call: (args: readonly Value[], keywords: ReadonlyMap<string, Value>) => Value
}

/** A module: settings, tensors and children by name, and how to call it. */
export interface ModuleValue {
  readonly kind: 'module'
  /** Class, for messages. */
  readonly type: string
  /** Where it stands in the model: `layers.0.attn`; '' for the model. */
  readonly path: string
  readonly attributes: Map<string, Value>
  readonly call: (method: string, args: readonly Value[], keywords: ReadonlyMap<string, Value>) => Value
  readonly hasMethod: (name: string) => boolean
  /** An attribute that is not in `attributes`: tensors are read when they are asked for. */
  readonly find?: (name: string) => Value | undefined
}

export const float = (value: number): FloatValue => ({ kind: 'float', value })
export const list = (items: Value[]): ListValue => ({ kind: 'list', items })
export const tuple = (items: readonly Value[], names?: readonly string[]): TupleValue => ({ kind: 'tuple', items, names })
export const UNKNOWN: UnknownValue = { kind: 'unknown' }

type Kinded = Exclude<Value, null | boolean | number | string>

export function isKind<K extends Kinded['kind']>(value: Value | undefined, kind: K): value is Extract<Kinded, { kind: K }> {
  return typeof value === 'object' && value !== null && value.kind === kind
}

/** What a value is, for messages. */
export function describeValue(value: Value | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'None'
  if (typeof value === 'string') return `text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`
  if (typeof value !== 'object') return String(value)
  switch (value.kind) {
    case 'float':
      return String(value.value)
    case 'tensor':
      return `a ${value.dtype} tensor [${value.shape.join(', ')}]`
    case 'symbol':
      return `a size (${dimOf(value)})`
    case 'list':
    case 'tuple':
      return `a ${value.kind} of ${value.items.length}`
    case 'module':
      return `a module ${value.type}`
    case 'dtype':
      return value.dtype
    case 'function':
      return `the function ${value.name}`
    case 'namespace':
      return value.path
    case 'opaque':
      return value.what
    default:
      return `a ${value.kind}`
  }
}

/** The dimension that a symbol is. */
export function dimOf(value: number | SymbolValue): number | string {
  return typeof value === 'number' ? value : value.factor === 1 ? value.base : `${value.factor}*${value.base}`
}

/** Reads `2*batch` back. */
export function termsOf(dim: string): { readonly factor: number; readonly base: string } {
  const star = /^(\d+)\*(.+)$/.exec(dim)
  return star === null ? { factor: 1, base: dim } : { factor: Number(star[1]), base: star[2] }
}

export function graphShape(shape: readonly (number | string)[]): Dim[] {
  // Products and sums of counts are no names; the planner infers them again.
  return shape.map((dim) => (typeof dim === 'number' || /^[A-Za-z_]\w*$/.test(dim) ? dim : null))
}

export function wrongValue(what: string, expected: string, value: Value | undefined): Error {
  return pytorchError('PYTORCH_ARGUMENT', `${what} is ${describeValue(value)}, expected ${expected}`)
}

export function isNumberValue(value: Value | undefined): value is number | FloatValue | boolean {
  return typeof value === 'number' || typeof value === 'boolean' || isKind(value, 'float')
}

/** A plain number of int, float or bool. */
export function numberOf(value: Value | undefined, what: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (isKind(value, 'float')) return value.value
  throw wrongValue(what, 'a number', value)
}

export function intOf(value: Value | undefined, what: string): number {
  if (isKind(value, 'symbol')) throw pytorchError('PYTORCH_SHAPE', `${what} depends on the input's shape; give the shape of the inputs (--input-shape NAME=1,3,224,224, or inputs of the architecture file)`)
  const number = numberOf(value, what)
  if (!Number.isInteger(number)) throw wrongValue(what, 'a whole number', value)
  return number
}

export function flagOf(value: Value | undefined, what: string): boolean {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return value !== 0
  if (value === null || value === undefined) return false
  throw wrongValue(what, 'True or False', value)
}

export function itemsOf(value: Value | undefined, what: string): readonly Value[] {
  if (isKind(value, 'list') || isKind(value, 'tuple')) return value.items
  throw wrongValue(what, 'a list', value)
}

/** A list of whole numbers; one number stands for `count` of them. */
export function intsOf(value: Value | undefined, what: string, count?: number): number[] {
  if (isKind(value, 'list') || isKind(value, 'tuple')) {
    const items = value.items.map((item, i) => intOf(item, `${what}[${i}]`))
    return count !== undefined && items.length === 1 ? new Array<number>(count).fill(items[0]) : items
  }
  const one = intOf(value, what)
  return new Array<number>(count ?? 1).fill(one)
}
