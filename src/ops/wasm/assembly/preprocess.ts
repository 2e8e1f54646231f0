// Power transforms and quantile maps over raw memory with the bits of src/ops/cpu/preprocess.ts.
import { boxCox, boxCoxInverse, yeoJohnson, yeoJohnsonExpm1, yeoJohnsonInverse } from '../../../math/power-transform.ts'
import { normalQuantile } from '../../../math/quantile.ts'

// @ts-ignore: decorator
@inline
function transformed(form: i32, x: f64, lambda: f64): f64 {
  if (form == 0) return yeoJohnson(x, lambda)
  if (form == 1) return yeoJohnsonExpm1(x, lambda)
  if (form == 2) return boxCox(x, lambda)
  return form == 3 ? boxCoxInverse(x, lambda) : yeoJohnsonInverse(x, lambda)
}

// x [rows, features], lambdas [features] -> y like x; NaN stays
// @ts-ignore: decorator
@inline
function eachPower(form: i32, y: usize, x: usize, rows: usize, features: usize, lambdas: usize): void {
  const end = lambdas + features * 8
  for (let row: usize = 0; row < rows; row++) {
    for (let at = lambdas; at < end; at += 8, x += 8, y += 8) {
      const value = load<f64>(x)
      store<f64>(y, value != value ? value : transformed(form, value, load<f64>(at)))
    }
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
