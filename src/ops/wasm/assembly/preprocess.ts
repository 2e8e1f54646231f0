// Power transforms and quantile maps over raw memory with the bits of src/ops/cpu/preprocess.ts.
import { boxCox, boxCoxInverse, yeoJohnson, yeoJohnsonExpm1, yeoJohnsonInverse } from '../../../math/power-transform.ts'
import { normalQuantile } from '../../../math/quantile.ts'
import { expm1Double, log1pDouble } from './parts/functions.ts'
import { powLanes } from './parts/powers.ts'

// @ts-ignore: decorator
@inline
function transformed(form: i32, x: f64, lambda: f64): f64 {
  if (x != x) return x
  if (form == 0) return yeoJohnson(x, lambda)
  if (form == 1) return yeoJohnsonExpm1(x, lambda)
  if (form == 2) return boxCox(x, lambda)
  return form == 3 ? boxCoxInverse(x, lambda) : yeoJohnsonInverse(x, lambda)
}

/** Forms of Yeo and Johnson for two numbers; those whose exponent is about 0 take the scalar form. */
// @ts-ignore: decorator
@inline
function lanes(form: i32, x: v128, lambda: v128): v128 {
  const isBelow = f64x2.lt(x, f64x2.splat(0))
  const size = v128.bitselect(f64x2.neg(x), x, isBelow)
  const exponent = v128.bitselect(f64x2.sub(f64x2.splat(2), lambda), lambda, isBelow)
  if (!i64x2.all_true(v128.and(f64x2.gt(f64x2.abs(exponent), f64x2.splat(1e-15)), f64x2.eq(x, x)))) {
    return f64x2(transformed(form, f64x2.extract_lane(x, 0), f64x2.extract_lane(lambda, 0)), transformed(form, f64x2.extract_lane(x, 1), f64x2.extract_lane(lambda, 1)))
  }
  const value = form == 0 ? f64x2.sub(powLanes(f64x2.add(size, f64x2.splat(1)), exponent), f64x2.splat(1)) : expm1Double(f64x2.mul(exponent, log1pDouble(size)))
  const y = f64x2.div(value, exponent)
  return v128.bitselect(f64x2.neg(y), y, isBelow)
}

// x [rows, features], lambdas [features] -> y like x; NaN stays
// @ts-ignore: decorator
@inline
function eachPower(form: i32, y: usize, x: usize, rows: usize, features: usize, lambdas: usize): void {
  const end = y + rows * features * 8
  const last = lambdas + features * 8
  let at = lambdas
  if (form <= 1) {
    for (; y + 16 <= end; y += 16, x += 16) {
      const next = at + 8 == last ? lambdas : at + 8
      v128.store(y, lanes(form, v128.load(x), f64x2(load<f64>(at), load<f64>(next))))
      at = next + 8 == last ? lambdas : next + 8
    }
  }
  for (; y < end; y += 8, x += 8) {
    store<f64>(y, transformed(form, load<f64>(x), load<f64>(at)))
    at = at + 8 == last ? lambdas : at + 8
  }
}

export function yeoJohnsonOf(y: usize, x: usize, rows: usize, features: usize, lambdas: usize): void {
  eachPower(0, y, x, rows, features, lambdas)
}

export function yeoJohnsonExpm1Of(y: usize, x: usize, rows: usize, features: usize, lambdas: usize): void {
  eachPower(1, y, x, rows, features, lambdas)
}

export function boxCoxOf(y: usize, x: usize, rows: usize, features: usize, lambdas: usize): void {
  eachPower(2, y, x, rows, features, lambdas)
}

export function boxCoxInverseOf(y: usize, x: usize, rows: usize, features: usize, lambdas: usize): void {
  eachPower(3, y, x, rows, features, lambdas)
}

export function yeoJohnsonInverseOf(y: usize, x: usize, rows: usize, features: usize, lambdas: usize): void {
  eachPower(4, y, x, rows, features, lambdas)
}

/** True where one of n numbers is 0 or below. */
export function hasNotPositive(x: usize, n: usize): bool {
  for (const end = x + n * 8; x < end; x += 8) if (load<f64>(x) <= 0) return true
  return false
}

/** Knot or value i of `count`, `step` bytes apart; from the last to the first, negated, where it is backward. */
// @ts-ignore: decorator
@inline
function entry(isBackward: bool, list: usize, step: usize, count: usize, i: usize): f64 {
  return isBackward ? -load<f64>(list + (count - 1 - i) * step) : load<f64>(list + i * step)
}

/** interpolate of src/ops/cpu/preprocess.ts. */
// @ts-ignore: decorator
@inline
function interpolated(isBackward: bool, x: f64, knots: usize, step: usize, count: usize, values: usize): f64 {
  if (x > entry(isBackward, knots, step, count, count - 1)) return entry(isBackward, values, 8, count, count - 1)
  // Number of knots <= x.
  let low: usize = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (x >= entry(isBackward, knots, step, count, middle)) low = middle + 1
    else high = middle
  }
  if (low == 0) return entry(isBackward, values, 8, count, 0)
  const j = low - 1
  const knot = entry(isBackward, knots, step, count, j)
  const value = entry(isBackward, values, 8, count, j)
  if (low == count || knot == x) return value
  return ((entry(isBackward, values, 8, count, low) - value) / (entry(isBackward, knots, step, count, low) - knot)) * (x - knot) + value
}

// x [rows, features], quantiles [levels, features], references [levels] -> y like x: places between 0 and 1, or their normal quantiles
export function quantileMap(isNormal: bool, y: usize, x: usize, rows: usize, features: usize, quantiles: usize, levels: usize, references: usize, bound: f64, lowest: f64, highest: f64): void {
  const step = features * 8
  for (let row: usize = 0; row < rows; row++) {
    for (let f: usize = 0; f < step; f += 8, x += 8, y += 8) {
      const at = load<f64>(x)
      if (at != at) {
        store<f64>(y, at)
        continue
      }
      const knots = quantiles + f
      const low = load<f64>(knots)
      const high = load<f64>(knots + (levels - 1) * step)
      let place = 0.5 * (interpolated(false, at, knots, step, levels, references) - interpolated(true, -at, knots, step, levels, references))
      if (isNormal ? at + bound > high : at == high) place = 1
      if (isNormal ? at - bound < low : at == low) place = 0
      store<f64>(y, isNormal ? min<f64>(max<f64>(normalQuantile(place), lowest), highest) : place)
    }
  }
}
