// What matrix products mean.
import { float, int } from '../attributes.ts'
import { at, big, build, commonShape, needed, num, spread, type Formula, type Grid, type Item } from './formula.ts'

/** Sum of products of paired items, and the same of magnitudes. */
function dot(a: readonly Item[], b: readonly Item[]): { value: Item; magnitude: number } {
  if (a.some((x) => typeof x === 'bigint')) return { value: a.reduce<bigint>((sum, x, k) => sum + big(x) * big(b[k]), 0n), magnitude: 0 }
  const terms = a.map((x, k) => num(x) * num(b[k]))
  return { value: terms.reduce((sum, x) => sum + x, 0), magnitude: terms.reduce((sum, x) => sum + Math.abs(x), 0) }
}

const matMul: Formula = ([left, right]) => {
  const a = asMatrix(needed(left), 0)
  const b = asMatrix(needed(right), 1)
  const depth = a.shape[a.shape.length - 1]
  const batch = commonShape([a.shape.slice(0, -2), b.shape.slice(0, -2)])
  const shape = [...batch, a.shape[a.shape.length - 2], b.shape[b.shape.length - 1]]
  const cell = (index: readonly number[]): ReturnType<typeof dot> => {
    const [i, j] = index.slice(-2)
    const along = Array.from({ length: depth }, (_, k) => k)
    const pick = (grid: Grid, place: readonly number[]): Item => matrixAt(grid, index.slice(0, -2), place)
    return dot(along.map((k) => pick(a, [i, k])), along.map((k) => pick(b, [k, j])))
  }
  const whole = build(a.dtype, shape, (index) => cell(index).value, (index) => cell(index).magnitude)
  const kept = [...batch, ...(needed(left).shape.length > 1 ? [a.shape[a.shape.length - 2]] : []), ...(needed(right).shape.length > 1 ? [b.shape[b.shape.length - 1]] : [])]
  return [{ ...whole, shape: kept }]
}

/** A vector as a row (side 0) or a column (side 1). */
function asMatrix(grid: Grid, side: number): Grid {
  if (grid.shape.length > 1) return grid
  return { ...grid, shape: side === 0 ? [1, grid.shape[0]] : [grid.shape[0], 1] }
}

function matrixAt(grid: Grid, batch: readonly number[], place: readonly number[]): Item {
  const own = grid.shape.slice(0, -2)
  const index = own.map((dim, axis) => (dim === 1 ? 0 : batch[axis + batch.length - own.length]))
  return at(grid, [...index, ...place])
}

const gemm: Formula = ([left, right, c], attributes) => {
  const [a, b] = [needed(left), needed(right)]
  const [transA, transB] = [int(attributes, 'transA', 0), int(attributes, 'transB', 0)]
  const [alpha, beta] = [float(attributes, 'alpha', 1), float(attributes, 'beta', 1)]
  const shape = [a.shape[transA ? 1 : 0], b.shape[transB ? 0 : 1]]
  const along = Array.from({ length: a.shape[transA ? 0 : 1] }, (_, k) => k)
  const cell = ([i, j]: readonly number[]): { value: number; magnitude: number } => {
    const { value, magnitude } = dot(along.map((k) => num(at(a, transA ? [k, i] : [i, k]))), along.map((k) => num(at(b, transB ? [j, k] : [k, j]))))
    const added = c === undefined ? 0 : beta * num(spread(c, [i, j]))
    return { value: alpha * num(value) + added, magnitude: Math.abs(alpha) * magnitude + Math.abs(added) }
  }
  return [build(a.dtype, shape, (index) => cell(index).value, (index) => cell(index).magnitude)]
}

export const linearFormulas: readonly (readonly [string, Formula])[] = [
  ['MatMul', matMul],
  ['Gemm', gemm],
]
