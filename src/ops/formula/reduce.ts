// What reductions and operators along an axis mean.
import { int } from '../attributes.ts'
import type { Attributes } from '../types.ts'
import { at, big, build, front, indicesOf, list, needed, num, type Formula, type Grid, type Item } from './formula.ts'

/** Lists along `axes`, each in row-major order, and the index of each list in the shape without them. */
function along(x: Grid, axes: readonly number[], kept: readonly number[]): Item[] {
  const inside = axes.map((axis) => x.shape[axis])
  return indicesOf(inside).map((place) => {
    let next = 0
    return at(x, x.shape.map((_, axis) => (axes.includes(axis) ? place[axes.indexOf(axis)] : kept[next++])))
  })
}

/** A function of the list of elements that each output combines; the second gives the magnitude of its terms. */
function reduction(f: (items: readonly Item[]) => Item, magnitude?: (items: readonly Item[]) => number): Formula {
  return ([input, axesInput], attributes) => {
    const x = needed(input)
    const given = axesInput === undefined ? [] : list(axesInput).map((axis) => front(axis, x.shape.length))
    const all = int(attributes, 'noop_with_empty_axes', 0) === 0 ? x.shape.map((_, axis) => axis) : []
    const axes = (given.length > 0 ? given : all).sort((a, b) => a - b)
    return [reduceTo(x, axes, int(attributes, 'keepdims', 1) === 1, x.dtype, f, magnitude)]
  }
}

function reduceTo(x: Grid, axes: readonly number[], keep: boolean, dtype: Grid['dtype'], f: (items: readonly Item[]) => Item, magnitude?: (items: readonly Item[]) => number): Grid {
  const rest = x.shape.filter((_, axis) => !axes.includes(axis))
  const grid = build(dtype, rest, (index) => f(along(x, axes, index)), magnitude && ((index) => magnitude(along(x, axes, index))))
  return keep ? { ...grid, shape: x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) } : grid
}

const isBig = (items: readonly Item[]): boolean => items.some((x) => typeof x === 'bigint')
const total = (items: readonly Item[]): number => items.reduce<number>((sum, x) => sum + num(x), 0)
const sizes = (items: readonly Item[]): number => items.reduce<number>((sum, x) => sum + Math.abs(num(x)), 0)
const squares = (items: readonly Item[]): number => items.reduce<number>((sum, x) => sum + num(x) * num(x), 0)
/** A sum of integers where there are such. */
const exactly = (items: readonly Item[], f: (x: bigint) => bigint): bigint => items.reduce<bigint>((sum, x) => sum + f(big(x)), 0n)

function extreme(sign: number): Formula {
  return ([input, axesInput], attributes, outputs) => {
    const { dtype } = needed(input)
    const none = dtype === 'bool' ? sign < 0 : dtype.startsWith('float') || dtype === 'bfloat16' ? -sign * Infinity : sign > 0 ? lowest(dtype) : highest(dtype)
    const beyond = (a: Item, b: Item): boolean => (typeof a === 'number' && typeof b === 'number' ? Number.isNaN(a) || sign * a > sign * b || Object.is(a, sign > 0 ? 0 : -0) && b === 0 : sign > 0 ? big2(a) > big2(b) : big2(a) < big2(b))
    return reduction((items) => items.reduce<Item>((best, x) => (!Number.isNaN(best) && beyond(x, best) ? x : best), none))([input, axesInput], attributes, outputs)
  }
}

const big2 = (item: Item): bigint => (typeof item === 'boolean' ? (item ? 1n : 0n) : big(item))
const lowest = (dtype: string): bigint => (dtype.startsWith('u') ? 0n : -(2n ** (BigInt(dtype.slice(3)) - 1n)))
const highest = (dtype: string): bigint => (dtype.startsWith('u') ? 2n ** BigInt(dtype.slice(4)) - 1n : 2n ** (BigInt(dtype.slice(3)) - 1n) - 1n)

function logSumExp(items: readonly Item[]): number {
  const max = Math.max(...items.map(num))
  return Number.isFinite(max) ? max + Math.log(items.reduce<number>((sum, x) => sum + Math.exp(num(x) - max), 0)) : max
}

/** The element that the search is for: NaN above all, the first of equals, or the last. */
function arg(sign: number): Formula {
  return ([input], attributes) => {
    const last = int(attributes, 'select_last_index', 0) === 1
    const x = needed(input)
    return [reduceTo(x, [front(int(attributes, 'axis', 0), x.shape.length)], int(attributes, 'keepdims', 1) === 1, 'int64', (items) => {
      const order = items.map((_, i) => i).sort((i, j) => compare(items[i], items[j], sign) || (last ? j - i : i - j))
      return BigInt(order[0] ?? 0)
    })]
  }
}

/** Negative when a goes first: larger first for sign 1, NaN always first. */
function compare(a: Item, b: Item, sign: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return (Number.isNaN(b) ? 1 : 0) - (Number.isNaN(a) ? 1 : 0)
  return a === b ? 0 : (typeof a === 'bigint' ? a > big(b) : num(a) > num(b)) ? -sign : sign
}

/** Each element from the list along its axis and its place there. */
function line(f: (items: readonly Item[], place: number, attributes: Attributes) => Item, magnitude?: (items: readonly Item[], place: number) => number): Formula {
  return ([input], attributes) => {
    const x = needed(input)
    const axis = front(int(attributes, 'axis', -1), x.shape.length)
    const items = (index: readonly number[]): Item[] => along(x, [axis], index.filter((_, i) => i !== axis))
    return [build(x.dtype, x.shape, (index) => f(items(index), index[axis], attributes), magnitude && ((index) => magnitude(items(index), index[axis])))]
  }
}

const shifted = (items: readonly Item[], place: number): number => num(items[place]) - Math.max(...items.map(num))
const expSum = (items: readonly Item[]): number => items.reduce<number>((sum, _, i) => sum + Math.exp(shifted(items, i)), 0)
const softmax = (items: readonly Item[], place: number): number => Math.exp(shifted(items, place)) / expSum(items)
const logSoftmax = (items: readonly Item[], place: number): number => shifted(items, place) - Math.log(expSum(items))

const cumSum: Formula = ([input, axisInput], attributes) => {
  const x = needed(input)
  const axis = front(list(axisInput)[0], x.shape.length)
  const terms = (index: readonly number[]): Item[] => {
    const items = along(x, [axis], index.filter((_, i) => i !== axis))
    const own = int(attributes, 'exclusive', 0) === 1 ? 0 : 1
    return int(attributes, 'reverse', 0) === 1 ? items.slice(index[axis] + 1 - own) : items.slice(0, index[axis] + own)
  }
  return [build(x.dtype, x.shape, (index) => (isBig(terms(index)) ? exactly(terms(index), (v) => v) : x.dtype.includes('float') ? total(terms(index)) : 0n), (index) => sizes(terms(index)))]
}

const topK: Formula = ([input, kInput], attributes) => {
  const x = needed(input)
  const axis = front(int(attributes, 'axis', -1), x.shape.length)
  const largest = int(attributes, 'largest', 1) === 1
  const shape = x.shape.map((dim, i) => (i === axis ? list(kInput)[0] : dim))
  const chosen = (index: readonly number[]): { value: Item; from: number } => {
    const items = along(x, [axis], index.filter((_, i) => i !== axis))
    // NaN is the largest: first among the largest, last among the smallest.
    const order = items.map((_, i) => i).sort((i, j) => (largest ? compare(items[i], items[j], 1) : -compare(items[i], items[j], 1)) || i - j)
    return { value: items[order[index[axis]]], from: order[index[axis]] }
  }
  return [build(x.dtype, shape, (index) => chosen(index).value), build('int64', shape, (index) => BigInt(chosen(index).from))]
}

const sumOf = (items: readonly Item[]): Item => (isBig(items) ? exactly(items, (x) => x) : total(items))

export const reduceFormulas: readonly (readonly [string, Formula])[] = [
  ['ReduceSum', reduction(sumOf, sizes)],
  ['ReduceMean', reduction((items) => (isBig(items) ? exactly(items, (x) => x) / BigInt(items.length) : total(items) / items.length), (items) => sizes(items) / items.length)],
  ['ReduceMax', extreme(1)],
  ['ReduceMin', extreme(-1)],
  ['ReduceProd', reduction((items) => (isBig(items) ? items.reduce<bigint>((p, x) => p * big(x), 1n) : items.reduce<number>((p, x) => p * num(x), 1)), (items) => items.length * Math.abs(items.reduce<number>((p, x) => p * num(x), 1)))],
  ['ReduceSumSquare', reduction((items) => (isBig(items) ? exactly(items, (x) => x * x) : squares(items)), squares)],
  ['ReduceL1', reduction((items) => (isBig(items) ? exactly(items, (x) => (x < 0n ? -x : x)) : sizes(items)), sizes)],
  ['ReduceL2', reduction((items) => Math.sqrt(squares(items)), (items) => Math.sqrt(squares(items)))],
  ['ReduceLogSum', reduction((items) => Math.log(total(items)), (items) => Math.abs(Math.log(total(items))) + sizes(items) / Math.abs(total(items)))],
  ['ReduceLogSumExp', reduction(logSumExp, (items) => 1 + Math.abs(logSumExp(items)) + sizes(items))],
  ['ArgMax', arg(1)],
  ['ArgMin', arg(-1)],
  ['CumSum', cumSum],
  ['TopK', topK],
  ['Softmax', line(softmax, (items, place) => softmax(items, place) * (1 + Math.abs(shifted(items, place))))],
  ['LogSoftmax', line(logSoftmax, (items, place) => 1 + Math.abs(logSoftmax(items, place)))],
  ['Hardmax', line((items, place) => (items.map((_, i) => i).sort((i, j) => compare(items[i], items[j], 1) || i - j)[0] === place ? 1 : 0))],
  ['LpNormalization', line((items, place, attributes) => {
    const norm = int(attributes, 'p', 2) === 1 ? sizes(items) : Math.sqrt(squares(items))
    return norm === 0 ? 0 : num(items[place]) / norm
  }, (items, place) => Math.abs(num(items[place])) / (Math.sqrt(squares(items)) || 1))],
]
