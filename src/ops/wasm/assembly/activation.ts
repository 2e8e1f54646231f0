// Activation functions over raw memory with the bits of src/math/units.ts and, where float32 is stored, of src/math/units-single.ts: two
// float64 lanes at a time, rounded once. The loops are compiled for each function by its number, and each is an export of its own: an engine
// optimises a loop that runs without the others.
import { SQRT_HALF } from '../../../math/single.ts'
import { SQRT_2_OVER_PI } from '../../../math/units.ts'
import { PAST_SINGLE } from '../../../math/units-single.ts'
import { erfcLanes } from './parts/erf.ts'
import { expm1Double, expOf, join, log1pDouble, logisticOf, promoteHigh, softplusDouble } from './parts/functions.ts'
import { constant } from './parts/polynomial.ts'
import { expm1Pair, expPair, logisticPair, normalCdfPair, softplusPair } from './parts/single.ts'

/** x; where float32 is stored, finite. */
// @ts-ignore: decorator
@inline
function finite<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? x : f64x2.pmin(f64x2.pmax(x, constant(-PAST_SINGLE)), constant(PAST_SINGLE))
}

/** `value`, but -0 where x is -infinity; where float32 is stored it is that already. */
// @ts-ignore: decorator
@inline
function unlessLowest<T>(value: v128, x: v128): v128 {
  return sizeof<T>() == 8 ? v128.bitselect(constant(-0.0), value, f64x2.eq(x, constant(-Infinity))) : value
}

// @ts-ignore: decorator
@inline
function logisticLanes<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? logisticOf<f64>(x) : logisticPair(x)
}

// @ts-ignore: decorator
@inline
function expm1Of<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? expm1Double(x) : expm1Pair(x)
}

/** `table` is the place of that of erf. */
// @ts-ignore: decorator
@inline
function geluOf<T>(x: v128, table: v128): v128 {
  if (sizeof<T>() == 4) return f64x2.mul(finite<T>(x), normalCdfPair(x))
  const beyond = erfcLanes(f64x2.mul(f64x2.neg(x), constant(SQRT_HALF)), <usize>f64x2.extract_lane(table, 0))
  return unlessLowest<T>(f64x2.mul(f64x2.mul(constant(0.5), x), beyond), x)
}

// @ts-ignore: decorator
@inline
function geluTanhOf<T>(x: v128): v128 {
  const cube = f64x2.mul(f64x2.mul(f64x2.mul(constant(0.044715), x), x), x)
  return unlessLowest<T>(f64x2.mul(finite<T>(x), logisticLanes<T>(f64x2.mul(constant(2 * SQRT_2_OVER_PI), f64x2.add(x, cube)))), x)
}

// @ts-ignore: decorator
@inline
function mishOf<T>(x: v128): v128 {
  const bounded = f64x2.pmin(x, constant(40))
  const e = sizeof<T>() == 8 ? expOf<f64>(bounded) : expPair(bounded)
  const p = f64x2.mul(e, f64x2.add(e, constant(2)))
  return unlessLowest<T>(f64x2.mul(finite<T>(x), f64x2.div(p, f64x2.add(p, constant(2)))), x)
}

// @ts-ignore: decorator
@inline
function swishOf<T>(x: v128, alpha: v128): v128 {
  const gate = logisticLanes<T>(f64x2.mul(alpha, x))
  const value = f64x2.mul(finite<T>(x), gate)
  return sizeof<T>() == 8 ? v128.andnot(value, f64x2.eq(gate, constant(0))) : value
}

/** x cut at 0 and 1 */
// @ts-ignore: decorator
@inline
function unit(x: v128): v128 {
  return f64x2.max(constant(0), f64x2.min(constant(1), x))
}

/** Function `op` of two lanes whose result is stored as T; `a` and `b` are what some need besides. */
// @ts-ignore: decorator
@inline
function value<T>(op: i32, x: v128, a: v128, b: v128): v128 {
  const zero = constant(0)
  if (op == 0) return geluOf<T>(x, a)
  if (op == 1) return geluTanhOf<T>(x)
  if (op == 2) return v128.bitselect(f64x2.mul(a, expm1Of<T>(f64x2.pmin(x, zero))), x, f64x2.lt(x, zero))
  if (op == 3) return v128.bitselect(f64x2.mul(a, expm1Of<T>(f64x2.pmin(x, zero))), f64x2.mul(b, x), f64x2.le(x, zero))
  if (op == 4) return f64x2.add(f64x2.max(zero, x), f64x2.min(zero, f64x2.mul(a, expm1Of<T>(f64x2.div(x, a)))))
  if (op == 5) return unit(f64x2.add(f64x2.mul(a, x), b))
  if (op == 6) return v128.bitselect(constant(-0.0), f64x2.mul(x, unit(f64x2.add(f64x2.div(x, constant(6)), constant(0.5)))), f64x2.eq(x, constant(-Infinity)))
  if (op == 7) return mishOf<T>(x)
  if (op == 8) return swishOf<T>(x, a)
  if (op == 9) return v128.andnot(x, f64x2.le(x, a))
  if (op == 10) return sizeof<T>() == 8 ? softplusDouble(x) : softplusPair(x)
  if (op == 11) return log1pDouble(x)
  return expm1Of<T>(x)
}

// x -> y [size]; scratch takes what is left of a vector
// @ts-ignore: decorator
@inline
function each<T>(op: i32, y: usize, x: usize, size: usize, first: f64, second: f64, scratch: usize): void {
  const a = constant(first)
  const b = constant(second)
  const end = y + size * sizeof<T>()
  for (; y < end; y += 16, x += 16) {
    const isLast = y + 16 > end
    if (isLast) {
      v128.store(scratch, constant(0))
      memory.copy(scratch, x, end - y)
    }
    const v = v128.load(isLast ? scratch : x)
    const result = sizeof<T>() == 8 ? value<T>(op, v, a, b) : join(value<T>(op, f64x2.promote_low_f32x4(v), a, b), value<T>(op, promoteHigh(v), a, b))
    v128.store(isLast ? scratch : y, result)
    if (isLast) memory.copy(y, scratch, end - y)
  }
}

export function gelu32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(0, y, x, size, a, b, scratch)
}

export function geluTanh32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(1, y, x, size, a, b, scratch)
}

export function elu32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(2, y, x, size, a, b, scratch)
}

export function selu32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(3, y, x, size, a, b, scratch)
}

export function celu32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(4, y, x, size, a, b, scratch)
}

export function hardSigmoid32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(5, y, x, size, a, b, scratch)
}

export function hardSwish32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(6, y, x, size, a, b, scratch)
}

export function mish32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(7, y, x, size, a, b, scratch)
}

export function swish32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(8, y, x, size, a, b, scratch)
}

export function thresholdedRelu32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(9, y, x, size, a, b, scratch)
}

export function softplus32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(10, y, x, size, a, b, scratch)
}

export function log1p32(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(11, y, x, size, a, b, scratch)
}

export function expm132(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f32>(12, y, x, size, a, b, scratch)
}

export function gelu64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(0, y, x, size, a, b, scratch)
}

export function geluTanh64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(1, y, x, size, a, b, scratch)
}

export function elu64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(2, y, x, size, a, b, scratch)
}

export function selu64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(3, y, x, size, a, b, scratch)
}

export function celu64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(4, y, x, size, a, b, scratch)
}

export function hardSigmoid64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(5, y, x, size, a, b, scratch)
}

export function hardSwish64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(6, y, x, size, a, b, scratch)
}

export function mish64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(7, y, x, size, a, b, scratch)
}

export function swish64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(8, y, x, size, a, b, scratch)
}

export function thresholdedRelu64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(9, y, x, size, a, b, scratch)
}

export function softplus64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(10, y, x, size, a, b, scratch)
}

export function log1p64(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(11, y, x, size, a, b, scratch)
}

export function expm164(y: usize, x: usize, size: usize, a: f64, b: f64, scratch: usize): void {
  each<f64>(12, y, x, size, a, b, scratch)
}
