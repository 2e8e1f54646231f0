// Functions of elements beyond those of assembly/elementwise.ts, with the bits of src/math: two float64 lanes at a time where they have no
// branches of their own, one number after the other else. Each is an export of its own, which engines optimise alone.
import { logExpit } from '../../../math/activation.ts'
import { acos, asin, atan } from '../../../math/arc.ts'
import { normalCdf } from '../../../math/erf.ts'
import { acosh, asinh, atanh, cosh, sinh } from '../../../math/hyperbolic.ts'
import { normalQuantile } from '../../../math/quantile.ts'
import { tan } from '../../../math/trig.ts'
import { join, promoteHigh } from './parts/functions.ts'
import { cosFour, sinFour } from './parts/trig.ts'

// @ts-ignore: decorator
@inline
function value(op: i32, x: f64): f64 {
  if (op == 0) return tan(x)
  if (op == 1) return asin(x)
  if (op == 2) return acos(x)
  if (op == 3) return atan(x)
  if (op == 4) return sinh(x)
  if (op == 5) return cosh(x)
  if (op == 6) return asinh(x)
  if (op == 7) return acosh(x)
  if (op == 8) return atanh(x)
  if (op == 9) return normalCdf(x)
  if (op == 10) return normalQuantile(x)
  return logExpit(x)
}

// x -> y [size]
// @ts-ignore: decorator
@inline
function each<T>(op: i32, y: usize, x: usize, size: usize): void {
  for (const end = y + size * sizeof<T>(); y < end; y += sizeof<T>(), x += sizeof<T>()) store<T>(y, <T>value(op, <f64>load<T>(x)))
}

// @ts-ignore: decorator
@inline
function four(isCosine: bool, x: v128, u: v128, to: usize): void {
  if (isCosine) cosFour(x, u, to)
  else sinFour(x, u, to)
}

/** Bytes that are computed at once: four float64, or as many float32. */
const TOGETHER: usize = 32

// x -> y, four elements
// @ts-ignore: decorator
@inline
function fourOf<T>(isCosine: bool, y: usize, x: usize, scratch: usize): void {
  if (sizeof<T>() == 8) {
    four(isCosine, v128.load(x), v128.load(x, 16), y)
    return
  }
  const v = v128.load(x)
  four(isCosine, f64x2.promote_low_f32x4(v), promoteHigh(v), scratch)
  v128.store(y, join(v128.load(scratch), v128.load(scratch, 16)))
}

// x -> y [size]; scratch takes what is left of four elements, and their results as float64
// @ts-ignore: decorator
@inline
function eachFour<T>(isCosine: bool, y: usize, x: usize, size: usize, scratch: usize): void {
  const step: usize = 4 * sizeof<T>()
  const end = y + size * sizeof<T>()
  const results = scratch + TOGETHER
  for (; y < end; y += step, x += step) {
    const isLast = y + step > end
    if (isLast) {
      memory.fill(scratch, 0, step)
      memory.copy(scratch, x, end - y)
    }
    fourOf<T>(isCosine, isLast ? scratch : y, isLast ? scratch : x, results)
    if (isLast) memory.copy(y, scratch, end - y)
  }
}

export function sin32(y: usize, x: usize, size: usize, scratch: usize): void {
  eachFour<f32>(false, y, x, size, scratch)
}

export function cos32(y: usize, x: usize, size: usize, scratch: usize): void {
  eachFour<f32>(true, y, x, size, scratch)
}

export function tan32(y: usize, x: usize, size: usize): void {
  each<f32>(0, y, x, size)
}

export function asin32(y: usize, x: usize, size: usize): void {
  each<f32>(1, y, x, size)
}

export function acos32(y: usize, x: usize, size: usize): void {
  each<f32>(2, y, x, size)
}

export function atan32(y: usize, x: usize, size: usize): void {
  each<f32>(3, y, x, size)
}

export function sinh32(y: usize, x: usize, size: usize): void {
  each<f32>(4, y, x, size)
}

export function cosh32(y: usize, x: usize, size: usize): void {
  each<f32>(5, y, x, size)
}

export function asinh32(y: usize, x: usize, size: usize): void {
  each<f32>(6, y, x, size)
}

export function acosh32(y: usize, x: usize, size: usize): void {
  each<f32>(7, y, x, size)
}

export function atanh32(y: usize, x: usize, size: usize): void {
  each<f32>(8, y, x, size)
}

export function normalCdf32(y: usize, x: usize, size: usize): void {
  each<f32>(9, y, x, size)
}

export function normalQuantile32(y: usize, x: usize, size: usize): void {
  each<f32>(10, y, x, size)
}

export function logExpit32(y: usize, x: usize, size: usize): void {
  each<f32>(11, y, x, size)
}

export function sin64(y: usize, x: usize, size: usize, scratch: usize): void {
  eachFour<f64>(false, y, x, size, scratch)
}

export function cos64(y: usize, x: usize, size: usize, scratch: usize): void {
  eachFour<f64>(true, y, x, size, scratch)
}

export function tan64(y: usize, x: usize, size: usize): void {
  each<f64>(0, y, x, size)
}

export function asin64(y: usize, x: usize, size: usize): void {
  each<f64>(1, y, x, size)
}

export function acos64(y: usize, x: usize, size: usize): void {
  each<f64>(2, y, x, size)
}

export function atan64(y: usize, x: usize, size: usize): void {
  each<f64>(3, y, x, size)
}

export function sinh64(y: usize, x: usize, size: usize): void {
  each<f64>(4, y, x, size)
}

export function cosh64(y: usize, x: usize, size: usize): void {
  each<f64>(5, y, x, size)
}

export function asinh64(y: usize, x: usize, size: usize): void {
  each<f64>(6, y, x, size)
}

export function acosh64(y: usize, x: usize, size: usize): void {
  each<f64>(7, y, x, size)
}

export function atanh64(y: usize, x: usize, size: usize): void {
  each<f64>(8, y, x, size)
}

export function normalCdf64(y: usize, x: usize, size: usize): void {
  each<f64>(9, y, x, size)
}

export function normalQuantile64(y: usize, x: usize, size: usize): void {
  each<f64>(10, y, x, size)
}

export function logExpit64(y: usize, x: usize, size: usize): void {
  each<f64>(11, y, x, size)
}
