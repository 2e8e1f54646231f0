// Tensors as formulas see them, random tensors, and the comparison of a result with its formula.
import fc from 'fast-check'
import type { Grid, Item } from '../../src/ops/formula/formula.ts'
import type { ErrorBound } from '../../src/ops/schema.ts'
import { allocateData, isFloat, isInteger, isMinifloat, type DType } from '../../src/tensor/dtype.ts'
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from '../../src/tensor/half.ts'
import { bitsReader, minifloatBits } from '../../src/tensor/minifloat.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

/** Half an ulp of 1. */
export function epsOf(dtype: DType): number {
  return dtype === 'float64' ? 2 ** -53 : dtype === 'float32' ? 2 ** -24 : dtype === 'float16' ? 2 ** -11 : 2 ** -8
}

export function gridOf({ dtype, shape, data }: Tensor): Grid {
  return { dtype, shape, items: Array.from(data as ArrayLike<number | bigint | string | null>, (item) => itemOf(item, dtype)) }
}

function itemOf(item: number | bigint | string | null, dtype: DType): Item {
  if (dtype === 'bool') return item === 1
  const decode = bitsReader(dtype)
  if (decode !== undefined) return decode(Number(item))
  return isInteger(dtype) ? BigInt(item as number) : item
}

/** The value of the dtype nearest to a formula's; integers wrap around. */
function rounded(item: Item, dtype: DType): Item {
  if (dtype === 'string' || dtype === 'bool') return item
  if (isFloat(dtype)) {
    const value = Number(item)
    if (dtype === 'float64') return value
    if (dtype === 'float32') return typeof item === 'bigint' ? nearestFloat32(item) : Math.fround(value)
    return dtype === 'float16' ? halfToFloat(floatToHalf(value)) : bfloatToFloat(floatToBfloat(value))
  }
  if (isMinifloat(dtype)) return bitsReader(dtype)?.(minifloatBits(dtype, { saturate: false, round: 'up' })(Number(item))) ?? NaN
  const bits = Number(dtype.replace(/\D+/, ''))
  const whole = typeof item === 'bigint' ? item : BigInt(Number(item))
  return dtype.startsWith('u') ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole)
}

/** A double would be a rounding in between. */
function nearestFloat32(item: bigint): number {
  const near = Math.fround(Number(item))
  const gap = 2 ** Math.max(0, Math.floor(Math.log2(Math.abs(near) || 1)) - 23)
  const distance = (value: number): bigint => (BigInt(value) > item ? BigInt(value) - item : item - BigInt(value))
  const [best, next] = [near - gap, near, near + gap].sort((a, b) => Number(distance(a) - distance(b)))
  const tie = distance(best) === distance(next)
  return tie && (best / gap) % 2 !== 0 ? next : best
}

/** What is wrong with a result, or undefined. */
export function mismatch(actual: Tensor, expected: Grid, bound: ErrorBound): string | undefined {
  const { dtype } = actual
  if (dtype !== expected.dtype) return `dtype ${dtype}, expected ${expected.dtype}`
  if (actual.shape.join() !== expected.shape.join()) return `shape [${actual.shape.join(', ')}], expected [${expected.shape.join(', ')}]`
  const items = gridOf(actual).items
  for (let i = 0; i < expected.items.length; i++) {
    const wanted = expected.items[i]
    const got = items[i]
    const nearest = rounded(wanted, dtype)
    if (Object.is(got, nearest)) continue
    const allowed = isFloat(dtype) ? bound(epsOf(dtype), Number(wanted), expected.magnitudes?.[i] ?? 0) : 0
    if (allowed > 0 && (got === nearest || Math.abs(Number(got) - Number(wanted)) <= allowed)) continue
    return `element ${i} of [${actual.shape.join(', ')}] ${dtype} is ${String(got)}, expected ${String(nearest)} within ${allowed}`
  }
  return undefined
}

/**
 * Which floats to draw: any at all, those whose sums and products do not overflow, whose squares do not underflow either, or factors of products of
 * any length and order. */
export type Kind = 'any' | 'moderate' | 'coarse' | 'factor' | 'positive'

const SPECIAL = [NaN, Infinity, -Infinity, -0, 0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 2 ** -149, -(2 ** -149), 2 ** -126, 5e-324, 3e38, -3e38, 1e300, 745, -745, 88.7, -103.9, 16777217, 4503599627370497.5]

function arbitraryFloat(kind: Kind): fc.Arbitrary<number> {
  if (kind === 'positive') return fc.oneof(fc.integer({ min: 1, max: 9 }), fc.double({ min: 0.01, max: 50, noNaN: true }))
  if (kind === 'factor') return fc.oneof({ weight: 20, arbitrary: fc.constantFrom(1, -1, 2, -2, 0.5, -0.5, 1.5, 0.75) }, { weight: 1, arbitrary: fc.constantFrom(0, NaN) })
  const moderate = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.double({ min: -30, max: 30, noNaN: true }))
  const coarse = moderate.map((x) => Math.round(x * 64) / 64)
  if (kind !== 'any') return fc.oneof({ weight: 30, arbitrary: kind === 'coarse' ? coarse : moderate }, { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -0) })
  return fc.oneof(moderate, fc.constantFrom(...SPECIAL), fc.double(), fc.double({ min: 0, max: 1, noNaN: true }))
}

export function arbitraryItem(dtype: DType, kind: Kind = 'any'): fc.Arbitrary<number | bigint | string> {
  if (dtype === 'bool') return fc.constantFrom(0, 1)
  if (dtype === 'string') return fc.constantFrom('', 'a', 'b', 'ab', 'é', '12')
  if (isFloat(dtype)) {
    const floats = arbitraryFloat(kind)
    return dtype === 'float16' ? floats.map(floatToHalf) : dtype === 'bfloat16' ? floats.map(floatToBfloat) : floats
  }
  if (isMinifloat(dtype)) return fc.integer({ min: 0, max: dtype === 'float4e2m1' ? 15 : 255 })
  const bits = Number(dtype.replace(/\D+/, ''))
  const [low, high] = dtype.startsWith('u') ? [0n, 2n ** BigInt(bits) - 1n] : [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n]
  const small = fc.bigInt(low < -5n ? -5n : low, high < 5n ? high : 5n)
  const large = fc.oneof(fc.constantFrom(low, high, high - 1n, low + 1n), fc.bigInt(low, high))
  const items = kind === 'any' ? fc.oneof(small, large) : small
  return bits === 64 ? items : items.map(Number)
}

/** A tensor of a dtype and shape. */
export function arbitraryTensor(dtype: DType, shape: readonly number[], kind: Kind = 'any'): fc.Arbitrary<Tensor> {
  const size = shape.reduce((count, dim) => count * dim, 1)
  return fc.array(arbitraryItem(dtype, kind), { minLength: size, maxLength: size }).map((items) => {
    const data = allocateData(dtype, size)
    items.forEach((item, i) => (data[i] = item as never))
    return { dtype, shape, data }
  })
}

/** Shapes with zeros, ones and scalars among them. */
export function arbitraryShape(minRank: number = 0, maxRank: number = 4): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 4 }) }, { weight: 1, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 5, max: 19 }) }), { minLength: minRank, maxLength: maxRank })
    .filter((shape) => shape.reduce((count, dim) => count * dim, 1) <= 400)
}

/** `count` shapes that broadcast together. */
export function broadcastingShapes(count: number): fc.Arbitrary<number[][]> {
  return arbitraryShape().chain((whole) =>
    fc.array(fc.record({ lead: fc.integer({ min: 0, max: whole.length }), ones: fc.array(fc.boolean(), { minLength: whole.length, maxLength: whole.length }) }), { minLength: count, maxLength: count })
      .map((cuts) => cuts.map(({ lead, ones }, i) => (i === 0 && lead % 2 === 0 ? whole : whole.map((dim, axis) => (ones[axis] ? 1 : dim)).slice(lead)))))
}
