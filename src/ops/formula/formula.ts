// The language of formulas: naive arrays, indexed by lists of numbers. Floats are numbers in float64, integers bigints without
// bounds, bools true and false. Formulas are for tests: clear before fast, and outside the bundle.
import type { DType } from '../../tensor/dtype.ts'
import type { Attributes } from '../types.ts'

export type Item = number | bigint | boolean | string | null

export interface Grid {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly items: readonly Item[]
  /** For operators that add: the sum of the magnitudes of each element's terms, which scales its error bound. */
  readonly magnitudes?: readonly number[]
}

export type Formula = (inputs: readonly (Grid | undefined)[], attributes: Attributes, outputCount: number) => readonly Grid[]

/** All indices of a shape in row-major order. */
export function indicesOf(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>((all, dim) => all.flatMap((index) => Array.from({ length: dim }, (_, i) => [...index, i])), [[]])
}

/** The grid whose element at each index is f(index). */
export function build(dtype: DType, shape: readonly number[], f: (index: readonly number[]) => Item, magnitude?: (index: readonly number[]) => number): Grid {
  const indices = indicesOf(shape)
  return { dtype, shape, items: indices.map(f), magnitudes: magnitude && indices.map(magnitude) }
}

/** The element at an index. */
export function at(grid: Grid, index: readonly number[]): Item {
  return grid.items[grid.shape.reduce((place, dim, axis) => place * dim + index[axis], 0)]
}

/** The element that broadcasting puts at an index of a larger shape. */
export function spread(grid: Grid, index: readonly number[]): Item {
  const own = index.slice(index.length - grid.shape.length)
  return at(grid, own.map((i, axis) => (grid.shape[axis] === 1 ? 0 : i)))
}

/** The shape that shapes broadcast to. */
export function commonShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length))
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1)
    return dims.find((dim) => dim !== 1) ?? 1
  })
}

export function needed(grid: Grid | undefined): Grid {
  if (grid === undefined) throw new TypeError('a formula was called without an input that it needs')
  return grid
}

export function num(item: Item): number {
  return Number(item)
}

export function big(item: Item): bigint {
  if (typeof item !== 'bigint') throw new TypeError(`${String(item)} is no integer`)
  return item
}

/** The integers of a grid as numbers. */
export function list(grid: Grid | undefined): number[] {
  return needed(grid).items.map(num)
}

/** An axis counted from the front. */
export function front(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis
}

/** A float as an integer of a dtype: truncated, kept within its range; NaN is 0. */
export function saturated(value: number, to: DType): bigint {
  const bits = BigInt(to.replace(/\D+/, ''))
  const [low, high] = to.startsWith('u') ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
  if (Number.isNaN(value)) return 0n
  if (!Number.isFinite(value)) return value > 0 ? high : low
  const whole = BigInt(Math.trunc(value))
  return whole < low ? low : whole > high ? high : whole
}
