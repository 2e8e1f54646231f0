// Activation functions over raw memory: those of src/math in float64, rounded once when they are stored, as cpu does. Functions are
// numbers that the loops are compiled for one by one.
import { softplus } from '../../../math/activation.ts'
import { expm1 } from '../../../math/exp.ts'
import { log1p } from '../../../math/log.ts'
import { celu, elu, gelu, geluTanh, hardSigmoid, hardSwish, mish, selu, SQRT_2_OVER_PI, swish, thresholdedRelu } from '../../../math/units.ts'
import { logisticOf } from './parts/functions.ts'

const GELU_TANH: i32 = 1
const SWISH: i32 = 8

/** `a` and `b` are what some functions need besides. */
// @ts-ignore: decorator
@inline
function value(op: i32, x: f64, a: f64, b: f64): f64 {
  if (op == 0) return gelu(x)
  if (op == GELU_TANH) return geluTanh(x)
  if (op == 2) return elu(x, a)
  if (op == 3) return selu(x, a, b)
  if (op == 4) return celu(x, a)
  if (op == 5) return hardSigmoid(x, a, b)
  if (op == 6) return hardSwish(x)
  if (op == 7) return mish(x)
  if (op == SWISH) return swish(x, a)
  if (op == 9) return thresholdedRelu(x, a)
  if (op == 10) return softplus(x)
  if (op == 11) return log1p(x)
  return expm1(x)
}

// x -> y [size]
// @ts-ignore: decorator
@inline
function each<T>(op: i32, y: usize, x: usize, size: usize, a: f64, b: f64): void {
  for (const end = y + size * sizeof<T>(); y < end; y += sizeof<T>(), x += sizeof<T>()) store<T>(y, <T>value(op, <f64>load<T>(x), a, b))
}

/** geluTanh and swish of two float64: all but the logistic function is lane by lane. */
// @ts-ignore: decorator
@inline
function gated(op: i32, x: v128, a: v128): v128 {
  const zero = f64x2.splat(0)
  if (op == SWISH) {
    const gate = logisticOf<f64>(f64x2.mul(a, x))
    return v128.bitselect(zero, f64x2.mul(x, gate), f64x2.eq(gate, zero))
  }
  const cube = f64x2.mul(f64x2.mul(f64x2.mul(f64x2.splat(0.044715), x), x), x)
  const y = f64x2.mul(x, logisticOf<f64>(f64x2.mul(f64x2.splat(2 * SQRT_2_OVER_PI), f64x2.add(x, cube))))
  return v128.bitselect(f64x2.splat(-0.0), y, f64x2.eq(x, f64x2.splat(-Infinity)))
}

// x -> y [size], two at a time
// @ts-ignore: decorator
@inline
function eachGated<T>(op: i32, y: usize, x: usize, size: usize, a: f64): void {
  const parameter = f64x2.splat(a)
  const step: usize = 2 * sizeof<T>()
  for (const end = y + (size >> 1) * step; y < end; y += step, x += step) {
    if (sizeof<T>() == 8) v128.store(y, gated(op, v128.load(x), parameter))
    else v128.store64_lane(y, f32x4.demote_f64x2_zero(gated(op, f64x2.promote_low_f32x4(v128.load64_zero(x)), parameter)), 0)
  }
  if (size & 1) each<T>(op, y, x, 1, a, 0)
}

function activate<T>(op: i32, y: usize, x: usize, size: usize, a: f64, b: f64): void {
  if (op == 0) each<T>(0, y, x, size, a, b)
  else if (op == 1) eachGated<T>(GELU_TANH, y, x, size, a)
  else if (op == 2) each<T>(2, y, x, size, a, b)
  else if (op == 3) each<T>(3, y, x, size, a, b)
  else if (op == 4) each<T>(4, y, x, size, a, b)
  else if (op == 5) each<T>(5, y, x, size, a, b)
  else if (op == 6) each<T>(6, y, x, size, a, b)
  else if (op == 7) each<T>(7, y, x, size, a, b)
  else if (op == 8) eachGated<T>(SWISH, y, x, size, a)
  else if (op == 9) each<T>(9, y, x, size, a, b)
  else if (op == 10) each<T>(10, y, x, size, a, b)
  else if (op == 11) each<T>(11, y, x, size, a, b)
  else each<T>(12, y, x, size, a, b)
}

export function activate32(op: i32, y: usize, x: usize, size: usize, a: f64, b: f64): void {
  activate<f32>(op, y, x, size, a, b)
}

export function activate64(op: i32, y: usize, x: usize, size: usize, a: f64, b: f64): void {
  activate<f64>(op, y, x, size, a, b)
}
