// Local response normalization with the bits of src/ops/cpu/normalize.ts: vectors run along a plane, each element has the squares of its
// channels in order.
import { join, promoteHigh } from './functions.ts'
import { powersOf } from './powers.ts'

/** Where an estimate errs by less than this share of it, powers that both ends round to are those of pow. */
const ESTIMATE_ERROR: f64 = 8.881784197001252e-16

/** x^0.75, or x^0.5, rounded to float32; NaN where roundings of both ends of the estimate differ. */
// @ts-ignore: decorator
@inline
function rootPair(isHalf: bool, x: v128): v128 {
  const root = f64x2.sqrt(x)
  const estimate = isHalf ? root : f64x2.mul(root, f64x2.sqrt(root))
  const error = f64x2.mul(estimate, f64x2.splat(ESTIMATE_ERROR))
  const low = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(f64x2.sub(estimate, error)))
  const high = f64x2.promote_low_f32x4(f32x4.demote_f64x2_zero(f64x2.add(estimate, error)))
  return v128.bitselect(low, f64x2.splat(NaN), f64x2.eq(low, high))
}

/** Every lane to the power beta. */
function denominators<T>(x: v128, beta: f64): v128 {
  if (sizeof<T>() == 4 && (beta == 0.75 || beta == 0.5)) {
    const isHalf = beta == 0.5
    const roots = join(rootPair(isHalf, f64x2.promote_low_f32x4(x)), rootPair(isHalf, promoteHigh(x)))
    if (i32x4.all_true(f32x4.eq(roots, roots))) return roots
  }
  return powersOf<T>(x, f64x2.splat(beta))
}

/** A vector of x, or one element in every lane. */
// @ts-ignore: decorator
@inline
function lanesAt<T>(isOne: bool, x: usize): v128 {
  return isOne ? v128.load_splat<T>(x) : v128.load(x)
}

/** x / (bias + alpha sum)^beta, the sum over squares in `count` planes from `from` on. */
// @ts-ignore: decorator
@inline
function response<T>(isOne: bool, x: usize, from: usize, count: isize, planeBytes: usize, alpha: T, beta: f64, bias: T): v128 {
  let sum = v128.splat<T>(0)
  for (let k: isize = 0; k < count; k++, from += planeBytes) {
    const value = lanesAt<T>(isOne, from)
    sum = v128.add<T>(sum, v128.mul<T>(value, value))
  }
  return v128.div<T>(lanesAt<T>(isOne, x), denominators<T>(v128.add<T>(v128.splat<T>(bias), v128.mul<T>(v128.splat<T>(alpha), sum)), beta))
}

// x [rows, channels, plane] -> y alike; windows of channels from `below` before to `above` after
// @ts-ignore: decorator
@inline
export function responses<T>(x: usize, y: usize, rows: usize, channels: isize, plane: usize, below: isize, above: isize, alpha: T, beta: f64, bias: T): void {
  const planeBytes = plane * sizeof<T>()
  for (let row: usize = 0; row < rows; row++) {
    for (let c: isize = 0; c < channels; c++) {
      const first = max<isize>(0, c - below)
      const count = min<isize>(channels - 1, c + above) - first + 1
      let from = x - <usize>(c - first) * planeBytes
      const end = x + planeBytes
      for (; x + 16 <= end; x += 16, y += 16, from += 16) v128.store(y, response<T>(false, x, from, count, planeBytes, alpha, beta, bias))
      for (; x < end; x += sizeof<T>(), y += sizeof<T>(), from += sizeof<T>()) v128.store_lane<T>(y, response<T>(true, x, from, count, planeBytes, alpha, beta, bias), 0)
    }
  }
}
