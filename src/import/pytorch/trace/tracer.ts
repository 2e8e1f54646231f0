// The graph that grows while a forward method is followed: operators with the types of their results, sizes as symbols.
import { MleError } from '../../../error.ts'
import { graphBuilder, type AttributeInput, type GraphBuilder } from '../../../graph/builder.ts'
import { isPropagated } from '../../../graph/infer.ts'
import { schemaOf } from '../../../ops/registry.ts'
import type { InferContext, OpSchema } from '../../../ops/schema.ts'
import { isTensorType, type Attribute, type ValueType } from '../../../ops/types.ts'
import { isFloat, isInteger, tensor, type DType, type Tensor } from '../../../tensor/index.ts'
import { pytorchError } from '../error.ts'
import { dimOf, float, graphShape, isKind, isNumberValue, numberOf, termsOf, wrongValue, type FloatValue, type SymbolValue, type TensorValue, type Value } from './values.ts'

export type Attributes = Readonly<Record<string, AttributeInput>>

export interface Tracer {
  /** Counts work that a small text may ask for a great deal of. Throws PYTORCH_LIMIT. */
  charge(steps: number): void
  readonly builder: GraphBuilder
  /** Counts of the graph's inputs that layers with weights ask for, by input: `x` axis 1 has 3. */
  readonly wanted: Map<string, Map<number, number>>
  /** The operator that takes an input first. */
  readonly firstUse: Map<string, string>
  /** Inputs that were used as indices. */
  readonly indices: Set<string>
  readonly notes: Set<string>
  input(name: string, dtype: DType, shape: readonly (number | string)[]): TensorValue
  constant(value: Tensor, hint?: string): TensorValue
  op(op: string, inputs: readonly (TensorValue | undefined)[], attributes?: Attributes): TensorValue
  ops(op: string, inputs: readonly (TensorValue | undefined)[], count: number, attributes?: Attributes): TensorValue[]
  /** Marks `result` as a view of `base`: a change in place of one is not seen by the other here, so it is refused. */
  view(result: TensorValue, base: TensorValue): TensorValue
}

/** Statements followed and items made: the largest scripts of real models take some hundred thousand. */
const MAX_STEPS = 20_000_000
/** Nodes of one graph: a model of a thousand layers has some ten thousand. */
const MAX_NODES = 1_000_000

export function createTracer(): Tracer {
  const builder = graphBuilder()
  const constants = new Map<string, Tensor>()
  const firstUse = new Map<string, string>()
  let symbols = 0
  let nodes = 0
  let steps = 0
  const make = (name: string, dtype: DType, shape: readonly (number | string)[], constant?: Tensor): TensorValue => ({ kind: 'tensor', name, dtype, shape, constant, alias: { version: 0 }, seen: 0 })

  const ops: Tracer['ops'] = (op, inputs, count, attributes = {}) => {
    if (++nodes > MAX_NODES) throw pytorchError('PYTORCH_LIMIT', `the model needs more than ${MAX_NODES} operators`)
    for (const input of inputs) if (input !== undefined) checkFresh(input)
    for (const input of inputs) if (input !== undefined && op !== 'Shape' && !firstUse.has(input.name)) firstUse.set(input.name, op)
    const schema = schemaOf(op)
    const types = schema.infer(contextOf(schema, inputs, attributes, count))
    const names = count === 1 ? [builder.add(op, inputs.map((input) => input?.name ?? ''), attributes)] : builder.addMany(op, inputs.map((input) => input?.name ?? ''), count, attributes)
    return names.map((name, i) => {
      const type = types[i]
      if (!isTensorType(type) || type.shape === undefined) throw pytorchError('PYTORCH_SHAPE', `the rank of what ${op} gives is not known`)
      return make(name, type.dtype, type.shape.map((dim) => dim ?? `size_${symbols++}`))
    })
  }

  const contextOf = (schema: OpSchema, inputs: readonly (TensorValue | undefined)[], attributes: Attributes, outputCount: number): InferContext => ({
    op: schema.name,
    attributes: new Map(Object.entries(attributes).map(([name, value]): [string, Attribute] => {
      const declared = schema.attributes.find((one) => one.name === name)
      if (declared === undefined) throw new MleError('GRAPH_ATTRIBUTE', `operator ${schema.name} has no attribute ${name}`)
      return [name, typeof value === 'object' && value !== null && 'kind' in value ? value : ({ kind: declared.kind, value } as Attribute)]
    })),
    inputs: inputs.map((input): ValueType | undefined => (input === undefined ? undefined : { dtype: input.dtype, shape: input.shape })),
    values: inputs.map((input) => {
      const value = input === undefined ? undefined : constants.get(input.name)
      return value !== undefined && isPropagated(value) ? value : undefined
    }),
    outputCount,
  })

  return {
    charge(count) {
      steps += count
      if (!(steps <= MAX_STEPS)) throw pytorchError('PYTORCH_LIMIT', `following the model takes more than ${MAX_STEPS} steps`)
    },
    builder,
    wanted: new Map(),
    firstUse,
    indices: new Set(),
    notes: new Set(),
    input(name, dtype, shape) {
      builder.input(name, { dtype, shape: graphShape(shape) })
      return make(name, dtype, shape)
    },
    constant(value, hint) {
      const name = builder.constant(value, hint)
      constants.set(name, value)
      return make(name, value.dtype, value.shape, value)
    },
    ops,
    op: (op, inputs, attributes) => ops(op, inputs, 1, attributes)[0],
    view(result, base) {
      result.alias = base.alias
      result.seen = base.seen
      return result
    },
  }
}

export function checkFresh(value: TensorValue): void {
  if (value.seen !== value.alias.version) {
    throw pytorchError('PYTORCH_INPLACE', `a tensor is used whose memory a view of it has changed in place since; use operators that make new tensors, or export the model in Python with torch.onnx.export`)
  }
}

/** `target` becomes `result`, as an in-place operator of PyTorch does. */
export function replace(target: TensorValue, result: TensorValue): TensorValue {
  checkFresh(target)
  target.name = result.name
  target.dtype = result.dtype
  target.shape = result.shape
  target.constant = undefined
  target.fill = undefined
  target.alias.version++
  target.seen = target.alias.version
  return target
}

// Constants.

const VIEWS: ReadonlyMap<DType, (value: number) => Tensor['data']> = /* @__PURE__ */ new Map<DType, (value: number) => Tensor['data']>([
  ['int64', (value) => BigInt64Array.of(BigInt(Math.trunc(value)))],
  ['uint64', (value) => BigUint64Array.of(BigInt(Math.trunc(value)))],
])

/** A scalar constant of a dtype. */
export function scalar(t: Tracer, value: number, dtype: DType): TensorValue {
  const wide = VIEWS.get(dtype)
  if (wide !== undefined && !Number.isFinite(value)) throw pytorchError('PYTORCH_ARGUMENT', `${value} is no ${dtype}`)
  return t.constant(wide === undefined ? tensor([value], [], dtype === 'bool' || isFloat(dtype) || Number.isInteger(value) ? dtype : 'float32') : { dtype, shape: [], data: wide(value) }, 'scalar')
}

export function int64s(t: Tracer, values: readonly number[], shape: readonly number[] = [values.length]): TensorValue {
  return t.constant({ dtype: 'int64', shape, data: BigInt64Array.from(values, (value) => BigInt(Math.max(Math.min(value, 2 ** 53), -(2 ** 53)))) }, 'counts')
}

export function cast(t: Tracer, value: TensorValue, dtype: DType): TensorValue {
  return value.dtype === dtype ? value : t.op('Cast', [value], { to: dtype })
}

/** A tensor, whatever stands for it: a number becomes a scalar of `dtype` or of its own. */
export function toTensor(t: Tracer, value: Value | undefined, what: string, dtype?: DType): TensorValue {
  if (isKind(value, 'tensor')) return value
  if (isKind(value, 'symbol')) {
    const count = t.op('Squeeze', [value.tensor(), int64s(t, [0])])
    return cast(t, count, dtype ?? 'int64')
  }
  if (isNumberValue(value)) return scalar(t, numberOf(value, what), dtype ?? ownDType(value))
  throw wrongValue(what, 'a tensor', value)
}

function ownDType(value: number | boolean | FloatValue): DType {
  return typeof value === 'boolean' ? 'bool' : typeof value === 'number' ? 'int64' : 'float32'
}

export function tensorArgument(value: Value | undefined, what: string): TensorValue {
  if (isKind(value, 'tensor')) return value
  throw wrongValue(what, 'a tensor', value)
}

export function optionalTensor(value: Value | undefined, what: string): TensorValue | undefined {
  return value === null || value === undefined ? undefined : tensorArgument(value, what)
}

/** A number that a constant scalar of the file holds, so that it takes part as Python's numbers do; undefined for other tensors. */
export function scalarOf(value: TensorValue): number | FloatValue | boolean | undefined {
  const { constant } = value
  if (constant === undefined || constant.data.length !== 1 || constant.shape.length !== 0) return undefined
  const [element] = constant.data
  if (typeof element === 'bigint') return Number(element)
  if (typeof element !== 'number') return undefined
  if (constant.dtype === 'bool') return element !== 0
  if (constant.dtype === 'float32' || constant.dtype === 'float64') return float(element)
  return isInteger(constant.dtype) ? element : undefined
}

// dtypes.

const RANK: readonly DType[] = ['bool', 'uint8', 'int8', 'int16', 'int32', 'int64', 'float16', 'bfloat16', 'float32', 'float64']
const category = (dtype: DType): number => (dtype === 'bool' ? 0 : isFloat(dtype) ? 2 : 1)

function wider(a: DType, b: DType): DType {
  if ((a === 'uint8' && b === 'int8') || (a === 'int8' && b === 'uint8')) return 'int16'
  if ((a === 'float16' && b === 'bfloat16') || (a === 'bfloat16' && b === 'float16')) return 'float32'
  return RANK.indexOf(a) >= RANK.indexOf(b) ? a : b
}

/** The dtype that torch computes in: tensors with dimensions count before those without, and these before numbers, inside a kind of number. */
export function promoted(values: readonly Value[]): DType {
  const levels: (DType | undefined)[] = [undefined, undefined, undefined]
  for (const value of values) {
    const level = isKind(value, 'tensor') ? (value.shape.length > 0 ? 0 : 1) : 2
    const dtype: DType = isKind(value, 'tensor') ? value.dtype : isKind(value, 'float') ? 'float32' : typeof value === 'boolean' ? 'bool' : 'int64'
    const before = levels[level]
    levels[level] = before === undefined ? dtype : wider(before, dtype)
  }
  let result: DType | undefined
  for (const dtype of levels) {
    if (dtype !== undefined && (result === undefined || category(dtype) > category(result))) result = dtype
  }
  return result ?? 'float32'
}

/** Values as tensors of one dtype. */
export function together(t: Tracer, values: readonly Value[], dtype: DType = promoted(values)): TensorValue[] {
  return values.map((value) => cast(t, toTensor(t, value, 'an operand', dtype), dtype))
}

// Sizes.

export function symbol(factor: number, base: string, make: () => TensorValue): number | SymbolValue {
  if (factor === 0) return 0
  let made: TensorValue | undefined
  return { kind: 'symbol', factor, base, tensor: () => (made ??= make()) }
}

/** Axis counted from the front. */
export function axisOf(axis: number, rank: number, what: string): number {
  const own = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(own) || own < 0 || own >= Math.max(1, rank)) throw pytorchError('PYTORCH_ARGUMENT', `${what}: axis ${axis} of a tensor of ${rank} dimensions`)
  return own
}

export function sizeOf(t: Tracer, value: TensorValue, axis: number): number | SymbolValue {
  const dim = value.shape[axisOf(axis, value.shape.length, 'size')]
  if (typeof dim === 'number') return dim
  const { factor, base } = termsOf(dim)
  return symbol(factor, base, () => t.op('Gather', [t.op('Shape', [value]), int64s(t, [axisOf(axis, value.shape.length, 'size')])], { axis: 0 }))
}

/** A list of counts as an int64 tensor. */
export function countsTensor(t: Tracer, counts: readonly (number | SymbolValue)[]): TensorValue {
  if (counts.every((count) => typeof count === 'number')) return int64s(t, counts)
  const parts: TensorValue[] = counts.map((count) => (typeof count === 'number' ? int64s(t, [count]) : count.tensor()))
  return parts.length === 1 ? parts[0] : t.op('Concat', parts, { axis: 0 })
}

export function countOf(value: Value | undefined, what: string): number | SymbolValue {
  if (isKind(value, 'symbol')) return value
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  if (isKind(value, 'float') && Number.isInteger(value.value)) return value.value
  throw wrongValue(what, 'a count', value)
}

/** What is left of the elements of `from` when the other axes of `to` are taken; undefined where symbols do not cancel. */
function remaining(from: readonly (number | string)[], to: readonly (number | SymbolValue)[]): number | string | undefined {
  let factor = 1
  const bases: string[] = []
  for (const dim of from) {
    if (typeof dim === 'number') factor *= dim
    else {
      const terms = termsOf(dim)
      factor *= terms.factor
      bases.push(...terms.base.split('*'))
    }
  }
  let divisor = 1
  for (const count of to) {
    if (count === -1) continue
    if (typeof count === 'number') divisor *= count
    else {
      divisor *= count.factor
      for (const base of count.base.split('*')) {
        const at = bases.indexOf(base)
        if (at < 0) return undefined
        bases.splice(at, 1)
      }
    }
  }
  if (divisor === 0 || factor % divisor !== 0) return undefined
  const quotient = factor / divisor
  if (bases.length === 0) return quotient
  return `${quotient === 1 ? '' : `${quotient}*`}${bases.sort().join('*')}`
}

/** Reshape by counts, one of which may be -1; sizes that are those of the input at the same place need no computation. */
export function reshape(t: Tracer, value: TensorValue, counts: readonly (number | SymbolValue)[]): TensorValue {
  const shape: (number | string)[] = counts.map((count) => dimOf(count))
  const open = counts.indexOf(-1)
  if (open >= 0) {
    const rest = remaining(value.shape, counts)
    shape[open] = rest ?? '?'
  } else if (shape.length === value.shape.length && shape.every((dim, i) => dim === value.shape[i])) return value
  const plain: (number | undefined)[] = counts.map((count, i) => (typeof count === 'number' ? (count === 0 ? undefined : count) : i < value.shape.length && value.shape[i] === dimOf(count) ? 0 : undefined))
  let isPlain = plain.filter((count) => count === undefined).length
  const last = plain.indexOf(undefined)
  if (open < 0 && isPlain === 1 && counts[last] !== 0) {
    plain[last] = -1
    isPlain = 0
  } else if (open >= 0 && typeof shape[open] === 'number' && isPlain === 1 && counts[last] !== 0) {
    // The one that is open is known, another takes its place.
    plain[open] = Number(shape[open])
    plain[last] = -1
    isPlain = 0
  }
  const target = isPlain === 0 && !counts.includes(0) ? int64s(t, plain.map(Number)) : countsTensor(t, counts)
  const result = t.op('Reshape', [value, target], counts.includes(0) ? { allowzero: 1 } : {})
  // Symbols name what inference cannot know.
  result.shape = result.shape.map((dim, i) => (typeof dim === 'number' || shape[i] === '?' ? dim : shape[i]))
  return t.view(result, value)
}

/** A layer's weights say how many `axis` of its input has: kept for inputs of the graph. */
export function want(t: Tracer, value: TensorValue, axis: number, count: number): void {
  const own = axis < 0 ? axis + value.shape.length : axis
  if (typeof value.shape[own] !== 'string') return
  const known = t.wanted.get(value.name) ?? new Map<number, number>()
  known.set(own, count)
  t.wanted.set(value.name, known)
}
