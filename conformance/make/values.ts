// Numbers to compute with: those at which implementations differ, and ordinary ones from a fixed sequence.
import { isFloat, type DType } from '../../src/tensor/dtype.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import type { Item } from '../../src/ops/formula/formula.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { tensorOf } from './grids.ts'

/** Where floats are told apart: signed zeros, NaN, infinities, the ends of the normal and subnormal ranges of each dtype, halves. */
const SPECIAL: Readonly<Record<string, readonly number[]>> = {
  float64: [0, -0, NaN, Infinity, -Infinity, 2 ** -1074, -(2 ** -1074), 2 ** -1022, 1.7976931348623157e308, -1e300, 4503599627370497.5, 709, -744],
  float32: [0, -0, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -149), 2 ** -126, 3.4028234663852886e38, -1e38, 16777215, 88, -103],
  float16: [0, -0, NaN, Infinity, -Infinity, 2 ** -24, -(2 ** -24), 2 ** -14, 65504, -60000, 2049, 11, -17],
  bfloat16: [0, -0, NaN, Infinity, -Infinity, 2 ** -133, -(2 ** -133), 2 ** -126, 3.3e38, -1e38, 257, 88, -90],
}
const ORDINARY = [1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 0.1, -0.3, 0.9, -0.99, 2, 10, -10, 100]

/** Uniform numbers from 0 to 1 by a linear congruential sequence (Numerical Recipes). */
export function sequence(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export type Kind = 'special' | 'moderate' | 'positive' | 'unit' | 'whole'

/** A tensor of a dtype and shape, filled by kind; the seed makes it another one. */
export function fill(dtype: DType, shape: readonly number[], kind: Kind = 'moderate', seed: number = 1): Tensor {
  const next = sequence(seed)
  const special = kind === 'special' && isFloat(dtype) ? [...SPECIAL[dtype], ...ORDINARY] : []
  const items = Array.from({ length: sizeOf(shape) }, (_, i): Item => special.length > 0 ? special[(i * (2 * seed - 1)) % special.length] : drawn(dtype, kind, next()))
  return tensorOf(dtype, shape, items)
}

/** All special and ordinary floats of a dtype in a row. */
export function specials(dtype: DType): Tensor {
  const items = [...SPECIAL[dtype], ...ORDINARY]
  return tensorOf(dtype, [items.length], items)
}

/** Every pair of a few special floats, as two tensors. */
export function pairs(dtype: DType, limit: number = 9): [Tensor, Tensor] {
  const items = [...SPECIAL[dtype].slice(0, limit - 3), 1.5, -3, 0.1]
  return [tensorOf(dtype, [items.length, 1], items), tensorOf(dtype, [items.length], items)]
}

const TEXTS = ['a', 'b', '', 'é', 'a b', '12', '漢']

function drawn(dtype: DType, kind: Kind, u: number): Item {
  if (dtype === 'string') return TEXTS[Math.floor(u * TEXTS.length)]
  if (dtype === 'bool') return u < 0.5
  if (!isFloat(dtype)) {
    const low = dtype.startsWith('u') ? 0 : kind === 'positive' ? 1 : -9
    return BigInt(low + Math.floor(u * (10 - low)))
  }
  if (kind === 'positive') return 0.1 + 5 * u
  if (kind === 'unit') return 2 * u - 1
  return kind === 'whole' ? Math.floor(19 * u) - 9 : 8 * u - 4
}

/** The ends of an integer dtype and what lies around 0. */
export function integers(dtype: DType): Tensor {
  const bits = BigInt(dtype.replace(/\D+/, ''))
  const [low, high] = dtype.startsWith('u') ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n]
  const items = [low, low + 1n, high, high - 1n, 0n, 1n, 2n, 3n, 7n, ...(low < 0n ? [-1n, -2n, -3n, -7n] : [5n, 6n, 9n, 10n])]
  return tensorOf(dtype, [items.length], items)
}

export const int64 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => tensorOf('int64', shape, values.map(BigInt))
export const f64 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => tensorOf('float64', shape, values)
export const f32 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => tensorOf('float32', shape, values)
export const texts = (values: readonly (string | null)[], shape: readonly number[] = [values.length]): Tensor => tensorOf('string', shape, values)
export const bools = (values: readonly boolean[], shape: readonly number[] = [values.length]): Tensor => tensorOf('bool', shape, values)
