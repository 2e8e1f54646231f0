// What one feature adds to a distance, for each kind of distances of src/ops/distances.ts that is a sum of terms or the largest of them.
import { pow } from '../../../../math/pow.ts'
import { powLanes } from './powers.ts'

export const SQUARES: i32 = 0
export const MAGNITUDES: i32 = 1
export const LARGEST: i32 = 2
/** The product, of |x|^2 - 2 x y + |y|^2. */
export const EXPANDED: i32 = 3
export const CANBERRA: i32 = 4
/** Features that differ; divided by their number in the end. */
export const HAMMING: i32 = 5
export const CHI_SQUARED: i32 = 6
/** Of rows and points of length 1; see unit. */
export const COSINE: i32 = 7
/** Magnitudes to a power; its root in the end. */
export const POWERS: i32 = 8
/** The same by products and square roots, for powers that canEstimate; pow rounds otherwise. */
export const ESTIMATES: i32 = 9

/** Powers up to 8 and a half are estimated where they are halves of integers. */
export function canEstimate(p: f64): bool {
  return p >= 1 && p < 9 && 2 * p == floor(2 * p)
}

/**
 * A share of a sum of n powers, so small that an estimate and the sum itself cannot be in another order than numbers further apart: each of n additions, of at most
 * nine factors and of pow errs by less than 2^-52.
 */
export function estimateError(n: usize): f64 {
  return <f64>(4 * n + 64) * 2.220446049250313e-16
}

/** Far above what products of estimates lose that underflow. */
export const ESTIMATE_LEAST: f64 = 1e-290

/** x to the power p, x not negative. */
// @ts-ignore: decorator
@inline
function estimate(x: v128, p: f64): v128 {
  let y = x
  let left = p - 1
  for (; left >= 1; left -= 1) y = f64x2.mul(y, x)
  return left > 0 ? f64x2.mul(y, f64x2.sqrt(x)) : y
}

// @ts-ignore: decorator
@inline
export function term(kind: i32, sum: v128, x: v128, y: v128, p: f64): v128 {
  if (kind == EXPANDED || kind == COSINE) return f64x2.add(sum, f64x2.mul(x, y))
  if (kind == HAMMING) return f64x2.add(sum, v128.and(f64x2.ne(x, y), f64x2.splat(1)))
  const d = f64x2.sub(x, y)
  if (kind == SQUARES) return f64x2.add(sum, f64x2.mul(d, d))
  if (kind == LARGEST) return f64x2.max(sum, f64x2.abs(d))
  if (kind == MAGNITUDES) return f64x2.add(sum, f64x2.abs(d))
  if (kind == POWERS) return f64x2.add(sum, powLanes(f64x2.abs(d), f64x2.splat(p)))
  if (kind == ESTIMATES) return f64x2.add(sum, estimate(f64x2.abs(d), p))
  const bottom = kind == CANBERRA ? f64x2.add(f64x2.abs(x), f64x2.abs(y)) : f64x2.add(x, y)
  const share = f64x2.div(kind == CANBERRA ? f64x2.abs(d) : f64x2.mul(d, d), bottom)
  return f64x2.add(sum, v128.andnot(share, f64x2.eq(bottom, f64x2.splat(0))))
}

/** A distance from the sum of n terms, in reduced form. */
// @ts-ignore: decorator
@inline
export function finished(kind: i32, sum: v128, n: usize): v128 {
  if (kind == COSINE) return f64x2.min(f64x2.max(f64x2.sub(f64x2.splat(1), sum), f64x2.splat(0)), f64x2.splat(2))
  return kind == HAMMING ? f64x2.div(sum, f64x2.splat(<f64>n)) : sum
}

/** Distances from their reduced forms, [count]. */
export function roots(at: usize, count: usize, p: f64): void {
  for (const end = at + count * 8; at < end; at += 8) store<f64>(at, p == 2 ? sqrt<f64>(load<f64>(at)) : pow(load<f64>(at), 1 / p))
}

/** x [n] divided by its length, or by 1 where that is 0 or no number. */
export function unit(x: usize, n: usize, to: usize): void {
  let sum: f64 = 0
  for (let f: usize = 0; f < n * 8; f += 8) sum += load<f64>(x + f) * load<f64>(x + f)
  const length = sqrt<f64>(sum)
  const by: f64 = length > 0 ? length : 1
  for (let f: usize = 0; f < n * 8; f += 8) store<f64>(to + f, load<f64>(x + f) / by)
}
