// What the elementwise operators mean, one element at a time. The engine's own functions are the reference for those of
// src/math where there are such.
import { digamma, erf, lgamma, normalCdf, normalQuantile } from '../../math/index.ts'
import { float, int } from '../attributes.ts'
import type { Attributes } from '../types.ts'
import { at, big, build, commonShape, needed, num, saturated, spread, type Formula, type Grid, type Item } from './formula.ts'

/** Each element of the inputs, broadcast together. */
function each(f: (items: readonly Item[], attributes: Attributes) => Item, result?: 'bool', magnitude?: (items: readonly Item[]) => number): Formula {
  return (inputs, attributes) => {
    const given = inputs.map(needed)
    const items = (index: readonly number[]): Item[] => given.map((grid) => spread(grid, index))
    return [build(result ?? given[0].dtype, commonShape(given.map((grid) => grid.shape)), (index) => f(items(index), attributes), magnitude && ((index) => magnitude(items(index))))]
  }
}

const one = (f: (x: number) => number): Formula => each(([x]) => f(num(x)))
/** A function of numbers, and the same of integers. */
const both = (f: (x: number) => number, g: (x: bigint) => bigint): Formula => each(([x]) => (typeof x === 'bigint' ? g(x) : f(num(x))))
const pair = (f: (a: number, b: number) => number, g: (a: bigint, b: bigint) => bigint): Formula =>
  each((items) => items.slice(1).reduce((a, b) => (typeof a === 'bigint' ? g(a, big(b)) : f(num(a), num(b))), items[0]))
const test = (f: (a: Item, b: Item) => boolean): Formula => each(([a, b]) => f(a, b), 'bool')
const below = (a: Item, b: Item): boolean => (typeof a === 'bigint' ? a < big(b) : num(a) < num(b))
const sizes = (items: readonly Item[]): number => items.reduce<number>((sum, x) => sum + Math.abs(num(x)), 0)

function floorMod(a: bigint, b: bigint): bigint {
  return b === 0n ? 0n : ((a % b) + b) % b
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  const nearest = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
  return nearest === 0 ? 0 * Math.sign(x) || x * 0 : nearest
}

/** Powers of integers are taken as numbers and saturate. */
const pow: Formula = ([base, exponent]) => {
  const [x, y] = [needed(base), needed(exponent)]
  return [build(x.dtype, commonShape([x.shape, y.shape]), (index) => {
    const [a, b] = [num(spread(x, index)), num(spread(y, index))]
    // IEEE 754: 1 to any power is 1, NaN included, and so is -1 to an infinite one; ** says NaN.
    const value = a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b
    return x.dtype.startsWith('int') ? saturated(value, x.dtype) : value
  })]
}

const clip: Formula = ([x, low, high]) => [build(needed(x).dtype, needed(x).shape, (index) => {
  const value = at(needed(x), index)
  if (typeof value === 'bigint') {
    const raised = low !== undefined && value < big(low.items[0]) ? big(low.items[0]) : value
    return high !== undefined && raised > big(high.items[0]) ? high.items[0] : raised
  }
  return Math.min(Math.max(num(value), low === undefined ? -Infinity : num(low.items[0])), high === undefined ? Infinity : num(high.items[0]))
})]

const where: Formula = ([condition, x, y]) => {
  const grids: [Grid, Grid, Grid] = [needed(condition), needed(x), needed(y)]
  return [build(grids[1].dtype, commonShape(grids.map((grid) => grid.shape)), (index) => spread(spread(grids[0], index) === true ? grids[1] : grids[2], index))]
}

export const elementwiseFormulas: readonly (readonly [string, Formula])[] = [
  ['Add', pair((a, b) => a + b, (a, b) => a + b)],
  ['Sub', pair((a, b) => a - b, (a, b) => a - b)],
  ['Mul', pair((a, b) => a * b, (a, b) => a * b)],
  ['Div', pair((a, b) => a / b, (a, b) => (b === 0n ? 0n : a / b))],
  ['Mod', each(([a, b], attributes) => {
    if (typeof a !== 'bigint') return num(a) % num(b)
    return int(attributes, 'fmod', 0) === 0 ? floorMod(a, big(b)) : b === 0n ? 0n : a % big(b)
  })],
  ['Pow', pow],
  ['Neg', both((x) => -x, (x) => -x)],
  ['Abs', both(Math.abs, (x) => (x < 0n ? -x : x))],
  ['Sign', both(Math.sign, (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n))],
  ['Sqrt', one(Math.sqrt)],
  ['Reciprocal', one((x) => 1 / x)],
  ['Exp', one(Math.exp)],
  ['Log', one(Math.log)],
  ['Erf', one(erf)],
  ['Sigmoid', one((x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))))],
  ['Tanh', one(Math.tanh)],
  ['Relu', both((x) => Math.max(x, 0), (x) => (x > 0n ? x : 0n))],
  ['LeakyRelu', each(([x], attributes) => (num(x) < 0 ? float(attributes, 'alpha', 0.01) * num(x) : x))],
  ['Softplus', one((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))))],
  ['Floor', one(Math.floor)],
  ['Ceil', one(Math.ceil)],
  ['Round', one(roundHalfEven)],
  ['Sin', one(Math.sin)],
  ['Cos', one(Math.cos)],
  ['Tan', one(Math.tan)],
  ['Asin', one(Math.asin)],
  ['Acos', one(Math.acos)],
  ['Atan', one(Math.atan)],
  ['Sinh', one(Math.sinh)],
  ['Cosh', one(Math.cosh)],
  ['Asinh', one(Math.asinh)],
  ['Acosh', one(Math.acosh)],
  ['Atanh', one(Math.atanh)],
  ['mle.Log1p', one(Math.log1p)],
  ['mle.Expm1', one(Math.expm1)],
  ['mle.LogGamma', one(lgamma)],
  ['mle.Digamma', one(digamma)],
  ['mle.NormalQuantile', one(normalQuantile)],
  ['mle.NormalCdf', one(normalCdf)],
  ['mle.LogExpit', one((x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))))],
  ['mle.XLogY', each(([x, y]) => (x === 0 && !Number.isNaN(y) ? 0 : num(x) * Math.log(num(y))))],
  ['Max', pair(Math.max, (a, b) => (a > b ? a : b))],
  ['Min', pair(Math.min, (a, b) => (a < b ? a : b))],
  ['Sum', each((items) => items.reduce<number>((sum, x, i) => (i === 0 ? num(x) : sum + num(x)), 0), undefined, sizes)],
  ['Mean', each((items) => items.reduce<number>((sum, x) => sum + num(x), 0) / items.length, undefined, sizes)],
  ['Clip', clip],
  ['Where', where],
  ['Equal', test((a, b) => a === b)],
  ['Less', test(below)],
  ['LessOrEqual', test((a, b) => below(a, b) || a === b)],
  ['Greater', test((a, b) => below(b, a))],
  ['GreaterOrEqual', test((a, b) => below(b, a) || a === b)],
  ['And', test((a, b) => a === true && b === true)],
  ['Or', test((a, b) => a === true || b === true)],
  ['Xor', test((a, b) => a !== b)],
  ['Not', each(([x]) => x === false, 'bool')],
  ['IsNaN', each(([x]) => Number.isNaN(x), 'bool')],
  ['IsInf', each(([x], attributes) => (x === Infinity && int(attributes, 'detect_positive', 1) === 1) || (x === -Infinity && int(attributes, 'detect_negative', 1) === 1), 'bool')],
]
