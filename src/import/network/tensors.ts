// Small steps that layers are made of: constants, casts, reshaping, dimensions that are known at run time only.
import { MleError } from '../../error.ts'
import { allocateData, isFloat, type DType, type Tensor } from '../../tensor/index.ts'
import { floatToHalf, halfToFloat, bfloatToFloat } from '../../tensor/half.ts'
import type { Dim } from '../../ops/types.ts'
import type { Net, Value } from './net.ts'

/** A scalar of the network's float dtype, or of `dtype`. */
export function scalar(net: Net, value: number, dtype: DType = net.dtype): Value {
  return net.constant(floats([value], [], dtype), 'scalar')
}

/** Whole numbers as a constant; throws IMPORT_NUMBER for others, which only a damaged file leads to. */
export function ints(net: Net, values: readonly number[]): Value {
  const wrong = values.find((value) => !Number.isSafeInteger(value))
  if (wrong !== undefined) throw new MleError('IMPORT_NUMBER', `a size, an axis or a place is ${wrong}, expected a whole number; the file is damaged`, { actual: wrong })
  return net.constant({ dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }, 'ints')
}

/** More than any real layer has. */
const MAX_LISTED = 1 << 20

/** The length of a list of numbers that a file says in one or two of them; throws IMPORT_LIMIT for what no layer needs (CWE-789). */
export function listLength(length: number): number {
  if (!(length <= MAX_LISTED)) throw new MleError('IMPORT_LIMIT', `a layer asks for a list of ${length} numbers, expected at most ${MAX_LISTED}; the file is damaged`, { expected: MAX_LISTED, actual: length })
  return length
}

/** A tensor of floats or whole numbers. */
export function floats(values: ArrayLike<number>, shape: readonly number[], dtype: DType): Tensor {
  const data = allocateData(dtype, values.length)
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) for (let i = 0; i < values.length; i++) data[i] = BigInt(Math.trunc(values[i]))
  else for (let i = 0; i < values.length; i++) data[i] = dtype === 'float16' ? floatToHalf(values[i]) : values[i]
  return { dtype, shape, data }
}

/** The numbers of a tensor, whatever its dtype. */
export function numbersOf({ dtype, data }: Tensor): Float64Array {
  const result = new Float64Array(data.length)
  for (let i = 0; i < data.length; i++) result[i] = dtype === 'float16' ? halfToFloat(Number(data[i])) : dtype === 'bfloat16' ? bfloatToFloat(Number(data[i])) : Number(data[i])
  return result
}

/** The same numbers in another dtype; the tensor itself where it has that dtype. */
export function converted(tensor: Tensor, dtype: DType): Tensor {
  return tensor.dtype === dtype ? tensor : floats(numbersOf(tensor), tensor.shape, dtype)
}

export function cast(net: Net, value: Value, dtype: DType): Value {
  return value.dtype === dtype ? value : net.emit('Cast', [value], { to: dtype })
}

/** The value in the network's float dtype. */
export function asFloat(net: Net, value: Value): Value {
  return cast(net, value, net.dtype)
}

/** The value itself where it is of any float dtype, else cast to the network's. */
export function anyFloat(net: Net, value: Value): Value {
  return isFloat(value.dtype) ? value : asFloat(net, value)
}

export function add(net: Net, a: Value, b: Value): Value {
  return net.emit('Add', [a, b])
}

export function mul(net: Net, a: Value, b: Value): Value {
  return net.emit('Mul', [a, b])
}

export function sub(net: Net, a: Value, b: Value): Value {
  return net.emit('Sub', [a, b])
}

export function div(net: Net, a: Value, b: Value): Value {
  return net.emit('Div', [a, b])
}

export function unsqueeze(net: Net, value: Value, axes: readonly number[]): Value {
  return net.emit('Unsqueeze', [value, ints(net, axes)])
}

export function squeeze(net: Net, value: Value, axes: readonly number[]): Value {
  return net.emit('Squeeze', [value, ints(net, axes)])
}

export function transpose(net: Net, value: Value, perm: readonly number[]): Value {
  return perm.every((axis, i) => axis === i) ? value : net.emit('Transpose', [value], { perm })
}

export function concat(net: Net, values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0] : net.emit('Concat', values, { axis })
}

export function reduce(net: Net, op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd', value: Value, axes: readonly number[], keepdims = false): Value {
  return net.emit(op, [value, ints(net, axes)], { keepdims: keepdims ? 1 : 0 })
}

export function slice(net: Net, value: Value, axis: number, start: number, end: number, step = 1): Value {
  return net.emit('Slice', [value, ints(net, [start]), ints(net, [end]), ints(net, [axis]), ints(net, [step])])
}

/** Past any end of an axis. */
const FAR = 0x7fff_ffff

/** The axis in opposite order. */
export function flip(net: Net, value: Value, axis: number): Value {
  return { ...slice(net, value, axis, -1, -FAR, -1), shape: value.shape }
}

/** The whole number at an index of an axis, which falls away. */
export function pick(net: Net, value: Value, axis: number, index: number): Value {
  return net.emit('Gather', [value, net.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(index)) }, 'index')], { axis })
}

export function split(net: Net, value: Value, axis: number, count: number): Value[] {
  return count === 1 ? [value] : net.emitMany('Split', [value], count, { axis, num_outputs: count })
}

/** A dimension of a shape that is asked for: a count, or the count that an axis of a value has. */
export type Wanted = number | { readonly of: Value; readonly axis: number }

export function sizeOfAxis(of: Value, axis: number): Wanted {
  const dim = of.shape[axis]
  return typeof dim === 'number' ? dim : { of, axis }
}

function dimOf(wanted: Wanted): Dim {
  return typeof wanted === 'number' ? wanted : wanted.of.shape[wanted.axis]
}

/** A shape as an int64 tensor, from counts and from dimensions known at run time only. */
export function shapeTensor(net: Net, wanted: readonly Wanted[]): Value {
  if (wanted.every((one) => typeof one === 'number')) return ints(net, wanted as readonly number[])
  const parts: Value[] = []
  for (const one of wanted) {
    parts.push(typeof one === 'number' ? ints(net, [one]) : net.emit('Shape', [one.of], { start: one.axis, end: one.axis + 1 }))
  }
  return concat(net, parts, 0)
}

/** Another shape of the same elements. */
export function reshape(net: Net, value: Value, wanted: readonly Wanted[]): Value {
  const open = wanted.filter((one) => typeof one !== 'number').length
  const isCopy = (one: Wanted, axis: number): boolean => typeof one !== 'number' && one.of.name === value.name && one.axis === axis
  let target: Value
  // One open dimension follows from the others; those that stay where they are need no arithmetic either.
  if (open <= 1 && !wanted.includes(-1) && !wanted.includes(0)) target = ints(net, wanted.map((one) => (typeof one === 'number' ? one : -1)))
  else if (!wanted.includes(0) && wanted.every((one, axis) => typeof one === 'number' || isCopy(one, axis))) target = ints(net, wanted.map((one) => (typeof one === 'number' ? one : 0)))
  else target = shapeTensor(net, wanted)
  const result = net.emit('Reshape', [value, target])
  return { ...result, shape: wanted.map((one, i) => (one === -1 ? result.shape[i] : dimOf(one))) }
}

/** The value repeated along dimensions of length 1. */
export function expand(net: Net, value: Value, wanted: readonly Wanted[]): Value {
  return { ...net.emit('Expand', [value, shapeTensor(net, wanted)]), shape: wanted.map(dimOf) }
}

/** Zeros of the network's dtype in a shape. */
export function zeros(net: Net, wanted: readonly Wanted[]): Value {
  return expand(net, scalar(net, 0), wanted)
}

/** An axis counted from the front; the value's rank is given. Throws IMPORT_NUMBER outside of the value. */
export function frontAxis(axis: number, rank: number): number {
  const front = axis < 0 ? axis + rank : axis
  // A new axis may stand behind all.
  if (!(front >= 0 && front <= rank)) throw new MleError('IMPORT_NUMBER', `axis ${axis} of a value with ${rank} dimensions; the file is damaged`, { expected: rank, actual: axis })
  return front
}

/** [batch, channels, ...spatial] of [batch, ...spatial, channels]; remembered, so that neighbours share it. */
export function channelsFirst(net: Net, value: Value): Value {
  const known = net.twins.get(value.name)
  if (known !== undefined) return known
  const rank = value.shape.length
  const first = transpose(net, value, [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)])
  net.twins.set(value.name, first)
  return first
}

/** The channels-last form of a channels-first value, which stays known: what is not used of the two is dropped at the end. */
export function channelsLast(net: Net, first: Value): Value {
  const rank = first.shape.length
  const last = transpose(net, first, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1])
  net.twins.set(last.name, first)
  return last
}

/** Applies an elementwise step to whichever form of a value exists already. */
export function elementwise(net: Net, value: Value, step: (value: Value) => Value): Value {
  const first = net.twins.get(value.name)
  if (first === undefined) return step(value)
  const result = step(first)
  return result === first ? value : channelsLast(net, result)
}
