// What quantization means. Divisions are rounded to the scale's dtype, as the definition says.
import { floatToHalf, halfToFloat } from '../../tensor/half.ts'
import { isMinifloat, type DType } from '../../tensor/dtype.ts'
import { bitsReader, minifloatBits } from '../../tensor/minifloat.ts'
import { int, text } from '../attributes.ts'
import { at, build, front, needed, num, type Formula, type Grid } from './formula.ts'

function tieToEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
}

const rounded = (x: number, dtype: DType): number => (dtype === 'float16' ? halfToFloat(floatToHalf(x)) : dtype === 'float32' ? Math.fround(x) : x)

/** The scale or zero point of an element: one for all, one along an axis, or one for each block along it. */
function along(values: Grid, index: readonly number[], axis: number, block: number): number {
  if (values.items.length === 1) return num(values.items[0])
  if (block === 0) return num(at(values, [index[axis]]))
  return num(at(values, index.map((i, a) => (a === axis ? Math.floor(i / block) : i))))
}

function range(dtype: DType): readonly [number, number] {
  const bits = Number(dtype.replace(/\D+/, ''))
  return dtype.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
}

function saturate(x: number, dtype: DType): bigint {
  const [low, high] = range(dtype)
  return BigInt(Math.min(Math.max(x, low), high))
}

const quantize: Formula = ([input, scaleInput, zero], attributes) => {
  const [x, scale] = [needed(input), needed(scaleInput)]
  const axis = front(int(attributes, 'axis', 1), x.shape.length)
  const block = int(attributes, 'block_size', 0)
  const to = zero?.dtype ?? (text(attributes, 'output_dtype', 'uint8') as DType)
  return [build(to, x.shape, (index) => {
    const q = rounded(num(at(x, index)) / along(scale, index, axis, block), scale.dtype)
    const z = zero === undefined ? 0 : along(zero, index, axis, block)
    return isMinifloat(to) ? (bitsReader(to)?.(minifloatBits(to)(q)) ?? NaN) : saturate(tieToEven(q) + z, to)
  })]
}

const dequantize: Formula = ([input, scaleInput, zero], attributes) => {
  const [x, scale] = [needed(input), needed(scaleInput)]
  const axis = front(int(attributes, 'axis', 1), x.shape.length)
  const block = int(attributes, 'block_size', 0)
  return [build(text(attributes, 'output_dtype', scale.dtype) as DType, x.shape, (index) =>
    (num(at(x, index)) - (zero === undefined ? 0 : along(zero, index, axis, block))) * along(scale, index, axis, block))]
}

/** One matrix by one matrix, zero points by row and by column. */
const matMulInteger: Formula = ([a, b, zeroA, zeroB]) => {
  const [left, right] = [needed(a), needed(b)]
  const zero = (grid: Grid | undefined, i: number): number => (grid === undefined ? 0 : num(grid.items[grid.items.length === 1 ? 0 : i]))
  return [build('int32', [left.shape[0], right.shape[1]], ([i, j]) =>
    BigInt(Array.from({ length: left.shape[1] }, (_, k) => (num(at(left, [i, k])) - zero(zeroA, i)) * (num(at(right, [k, j])) - zero(zeroB, j))).reduce((sum, term) => sum + term, 0)))]
}

const qLinearMatMul: Formula = ([a, scaleA, zeroA, b, scaleB, zeroB, scaleY, zeroY]) => {
  const [sums] = matMulInteger([a, b, zeroA, zeroB], new Map(), 1)
  const one = (grid: Grid | undefined, i: number): number => num(needed(grid).items[needed(grid).items.length === 1 ? 0 : i])
  const f = (x: number): number => rounded(x, needed(scaleY).dtype)
  const to = needed(zeroY).dtype
  return [build(to, sums.shape, ([i, j]) => saturate(tieToEven(num(at(sums, [i, j])) * f(f(one(scaleA, i) * one(scaleB, j)) / one(scaleY, 0))) + one(zeroY, 0), to))]
}

const weightMatMul: Formula = ([a, w, scale, zero], attributes) => {
  const [left, right] = [needed(a), needed(w)]
  const isTransposed = int(attributes, 'transB', 0) !== 0
  const columns = right.shape[isTransposed ? 0 : 1]
  const one = (grid: Grid | undefined, j: number, none: number): number => (grid === undefined ? none : num(grid.items[grid.items.length === 1 ? 0 : j]))
  const terms = (index: readonly number[]): number[] => {
    const j = index[index.length - 1]
    return Array.from({ length: left.shape[left.shape.length - 1] }, (_, k) =>
      num(at(left, [...index.slice(0, -1), k])) * ((num(at(right, isTransposed ? [j, k] : [k, j])) - one(zero, j, 0)) * one(scale, j, 1)))
  }
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, x) => total + x, 0)
  return [build('float32', [...left.shape.slice(0, -1), columns], (index) => sum(terms(index)), (index) => sum(terms(index).map(Math.abs)))]
}

export const quantizeFormulas: readonly (readonly [string, Formula])[] = [
  ['QuantizeLinear', quantize],
  ['DequantizeLinear', dequantize],
  ['mle.WeightMatMul', weightMatMul],
  ['MatMulInteger', matMulInteger],
  ['QLinearMatMul', qLinearMatMul],
]
