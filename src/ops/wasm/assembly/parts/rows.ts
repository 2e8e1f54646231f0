// Rows of memory: sums in the order of docs/numerics.md (element e goes to partial e modulo 16, halves are added onto halves), largest
// elements, softmax. Scratch holds 48 vectors.
import { log } from '../../../../math/log.ts'
import { expOf, logOf } from './functions.ts'

// Terms of sums
export const ELEMENT: i32 = 0
export const SQUARE: i32 = 1
export const MAGNITUDE: i32 = 2
export const AWAY: i32 = 3

// @ts-ignore: decorator
@inline
export function term<T>(kind: i32, x: v128, mean: v128): v128 {
  if (kind == SQUARE) return v128.mul<T>(x, x)
  if (kind == MAGNITUDE) return v128.abs<T>(x)
  if (kind == AWAY) {
    const away = v128.sub<T>(x, mean)
    return v128.mul<T>(away, away)
  }
  return x
}

// @ts-ignore: decorator
@inline
function sumOfLanes<T>(p: v128): T {
  if (sizeof<T>() == 8) return <T>(f64x2.extract_lane(p, 0) + f64x2.extract_lane(p, 1))
  const q = v128.add<f32>(p, v128.shuffle<f32>(p, p, 2, 3, 2, 3))
  return <T>(f32x4.extract_lane(q, 0) + f32x4.extract_lane(q, 1))
}

/** The terms of `count` elements, fewer than a vector has, with zeros behind them. */
// @ts-ignore: decorator
@inline
function lastTerms<T>(kind: i32, x: usize, count: usize, mean: v128): v128 {
  const zero = v128.splat<T>(0)
  if (sizeof<T>() == 8) return term<T>(kind, v128.load64_zero(x), v128.shuffle<f64>(mean, zero, 0, 2))
  const v = count == 1 ? v128.load32_zero(x) : count == 2 ? v128.load64_zero(x) : v128.load32_lane(x + 8, v128.load64_zero(x), 2)
  return term<T>(kind, v, v128.and(mean, i32x4.gt_s(i32x4.splat(<i32>count), i32x4(0, 1, 2, 3))))
}

/** A vector of partials with what is left of a row: `whole` vectors, of which it takes the one at its place, and `last`. */
// @ts-ignore: decorator
@inline
function withRest<T>(kind: i32, p: v128, place: usize, whole: usize, x: usize, last: v128, mean: v128): v128 {
  if (place < whole) return v128.add<T>(p, term<T>(kind, v128.load(x + place * 16), mean))
  return place == whole ? v128.add<T>(p, last) : p
}

/** Partials of a row of 16 to 31 float64, added up to one vector; -0 where every element is. */
// @ts-ignore: decorator
@inline
function shortPartials(kind: i32, x: usize, whole: usize, hasLast: bool): v128 {
  const zero = f64x2.splat(0)
  const rest = x + 128
  const last = hasLast ? lastTerms<f64>(kind, rest + whole * 16, 1, zero) : zero
  const p0 = withRest<f64>(kind, term<f64>(kind, v128.load(x), zero), 0, whole, rest, last, zero)
  const p1 = withRest<f64>(kind, term<f64>(kind, v128.load(x, 16), zero), 1, whole, rest, last, zero)
  const p2 = withRest<f64>(kind, term<f64>(kind, v128.load(x, 32), zero), 2, whole, rest, last, zero)
  const p3 = withRest<f64>(kind, term<f64>(kind, v128.load(x, 48), zero), 3, whole, rest, last, zero)
  const p4 = withRest<f64>(kind, term<f64>(kind, v128.load(x, 64), zero), 4, whole, rest, last, zero)
  const p5 = withRest<f64>(kind, term<f64>(kind, v128.load(x, 80), zero), 5, whole, rest, last, zero)
  const p6 = withRest<f64>(kind, term<f64>(kind, v128.load(x, 96), zero), 6, whole, rest, last, zero)
  const p7 = withRest<f64>(kind, term<f64>(kind, v128.load(x, 112), zero), 7, whole, rest, last, zero)
  return f64x2.add(f64x2.add(f64x2.add(p0, p4), f64x2.add(p2, p6)), f64x2.add(f64x2.add(p1, p5), f64x2.add(p3, p7)))
}

/** Sums of two neighbouring rows of 16 to 31 float64. Partials begin with their first term in place of 0, which only -0 could tell, and that is made 0 in the end. */
// @ts-ignore: decorator
@inline
export function shortSums(kind: i32, x: usize, n: usize): v128 {
  const whole = (n - 16) / 2
  const hasLast = (n & 1) != 0
  const a = shortPartials(kind, x, whole, hasLast)
  const b = shortPartials(kind, x + n * 8, whole, hasLast)
  return f64x2.add(f64x2.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3)), f64x2.splat(0))
}

// x [n] -> sum of its terms
// @ts-ignore: decorator
@inline
function termSum<T>(kind: i32, x: usize, n: usize, about: T): T {
  const lanes: usize = 16 / sizeof<T>()
  const mean = v128.splat<T>(about)
  const step: usize = 16 * sizeof<T>()
  let p0 = v128.splat<T>(0)
  let p1 = p0
  let p2 = p0
  let p3 = p0
  let left = n
  if (sizeof<T>() == 4) {
    for (; left >= 16; left -= 16, x += step) {
      p0 = v128.add<T>(p0, term<T>(kind, v128.load(x), mean))
      p1 = v128.add<T>(p1, term<T>(kind, v128.load(x, 16), mean))
      p2 = v128.add<T>(p2, term<T>(kind, v128.load(x, 32), mean))
      p3 = v128.add<T>(p3, term<T>(kind, v128.load(x, 48), mean))
    }
    if (left > 0) {
      const whole = left / lanes
      const last = left % lanes > 0 ? lastTerms<T>(kind, x + whole * 16, left % lanes, mean) : v128.splat<T>(0)
      p0 = withRest<T>(kind, p0, 0, whole, x, last, mean)
      p1 = withRest<T>(kind, p1, 1, whole, x, last, mean)
      p2 = withRest<T>(kind, p2, 2, whole, x, last, mean)
      p3 = withRest<T>(kind, p3, 3, whole, x, last, mean)
    }
    return sumOfLanes<T>(v128.add<T>(v128.add<T>(p0, p2), v128.add<T>(p1, p3)))
  }
  let p4 = p0
  let p5 = p0
  let p6 = p0
  let p7 = p0
  for (; left >= 16; left -= 16, x += step) {
    p0 = v128.add<T>(p0, term<T>(kind, v128.load(x), mean))
    p1 = v128.add<T>(p1, term<T>(kind, v128.load(x, 16), mean))
    p2 = v128.add<T>(p2, term<T>(kind, v128.load(x, 32), mean))
    p3 = v128.add<T>(p3, term<T>(kind, v128.load(x, 48), mean))
    p4 = v128.add<T>(p4, term<T>(kind, v128.load(x, 64), mean))
    p5 = v128.add<T>(p5, term<T>(kind, v128.load(x, 80), mean))
    p6 = v128.add<T>(p6, term<T>(kind, v128.load(x, 96), mean))
    p7 = v128.add<T>(p7, term<T>(kind, v128.load(x, 112), mean))
  }
  if (left > 0) {
    const whole = left / lanes
    const last = left % lanes > 0 ? lastTerms<T>(kind, x + whole * 16, left % lanes, mean) : v128.splat<T>(0)
    p0 = withRest<T>(kind, p0, 0, whole, x, last, mean)
    p1 = withRest<T>(kind, p1, 1, whole, x, last, mean)
    p2 = withRest<T>(kind, p2, 2, whole, x, last, mean)
    p3 = withRest<T>(kind, p3, 3, whole, x, last, mean)
    p4 = withRest<T>(kind, p4, 4, whole, x, last, mean)
    p5 = withRest<T>(kind, p5, 5, whole, x, last, mean)
    p6 = withRest<T>(kind, p6, 6, whole, x, last, mean)
    p7 = withRest<T>(kind, p7, 7, whole, x, last, mean)
  }
  p0 = v128.add<T>(v128.add<T>(p0, p4), v128.add<T>(p2, p6))
  p1 = v128.add<T>(v128.add<T>(p1, p5), v128.add<T>(p3, p7))
  return sumOfLanes<T>(v128.add<T>(p0, p1))
}

function elementSum<T>(x: usize, n: usize): T {
  return termSum<T>(ELEMENT, x, n, <T>0)
}

function squareSum<T>(x: usize, n: usize): T {
  return termSum<T>(SQUARE, x, n, <T>0)
}

function magnitudeSum<T>(x: usize, n: usize): T {
  return termSum<T>(MAGNITUDE, x, n, <T>0)
}

function awaySum<T>(x: usize, n: usize, mean: T): T {
  return termSum<T>(AWAY, x, n, mean)
}

// x [n] -> sum of its terms; a function for each kind of them, whose loops would otherwise be there at each place that sums
// @ts-ignore: decorator
@inline
export function sumRow<T>(kind: i32, x: usize, n: usize, mean: T): T {
  if (kind == SQUARE) return squareSum<T>(x, n)
  if (kind == MAGNITUDE) return magnitudeSum<T>(x, n)
  return kind == AWAY ? awaySum<T>(x, n, mean) : elementSum<T>(x, n)
}

/** The largest (or smallest) of n, which does not depend on order: NaN wins, 0 is above -0. */
// @ts-ignore: decorator
@inline
export function extremeRow<T>(largest: bool, x: usize, n: usize): T {
  const lanes: usize = 16 / sizeof<T>()
  let best: T = largest ? <T>-Infinity : <T>Infinity
  if (n >= lanes) {
    let p = v128.load(x)
    let e: usize = lanes
    for (; e + lanes <= n; e += lanes) p = largest ? v128.max<T>(p, v128.load(x + e * sizeof<T>())) : v128.min<T>(p, v128.load(x + e * sizeof<T>()))
    if (sizeof<T>() == 8) {
      const a = <T>f64x2.extract_lane(p, 0)
      const b = <T>f64x2.extract_lane(p, 1)
      best = largest ? max<T>(a, b) : min<T>(a, b)
    } else {
      const q = v128.shuffle<f32>(p, p, 2, 3, 0, 1)
      const r = largest ? f32x4.max(p, q) : f32x4.min(p, q)
      const a = <T>f32x4.extract_lane(r, 0)
      const b = <T>f32x4.extract_lane(r, 1)
      best = largest ? max<T>(a, b) : min<T>(a, b)
    }
    x += e * sizeof<T>()
    n -= e
  }
  for (; n > 0; n--, x += sizeof<T>()) best = largest ? max<T>(best, load<T>(x)) : min<T>(best, load<T>(x))
  return best
}

/** y[i] = e^(x[i] - largest), and the sum of all of them. Scratch has room for 16 elements. */
// @ts-ignore: decorator
@inline
function exponentials<T>(x: usize, y: usize, n: usize, largest: T, scratch: usize): T {
  const top = v128.splat<T>(largest)
  const bytes = n * sizeof<T>()
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) v128.store(y + at, expOf<T>(v128.sub<T>(v128.load(x + at), top)))
  if (at < bytes) {
    v128.store(scratch, top)
    memory.copy(scratch, x + at, bytes - at)
    v128.store(scratch, expOf<T>(v128.sub<T>(v128.load(scratch), top)))
    memory.copy(y + at, scratch, bytes - at)
  }
  return sumRow<T>(ELEMENT, y, n, <T>0)
}

/** Rows of up to so many elements are taken several at once, one in each lane. */
export const NARROW: usize = 16

/** Element 0 of as many rows as a vector has lanes. */
// @ts-ignore: decorator
@inline
export function gathered<T>(x: usize, rowBytes: usize): v128 {
  if (sizeof<T>() == 8) return v128.load64_lane(x + rowBytes, v128.load64_zero(x), 1)
  let v = v128.load32_lane(x + rowBytes, v128.load32_zero(x), 1)
  v = v128.load32_lane(x + 2 * rowBytes, v, 2)
  return v128.load32_lane(x + 3 * rowBytes, v, 3)
}

// @ts-ignore: decorator
@inline
function scattered<T>(y: usize, rowBytes: usize, v: v128): void {
  if (sizeof<T>() == 8) {
    v128.store64_lane(y, v, 0)
    v128.store64_lane(y + rowBytes, v, 1)
  } else {
    v128.store32_lane(y, v, 0)
    v128.store32_lane(y + rowBytes, v, 1)
    v128.store32_lane(y + 2 * rowBytes, v, 2)
    v128.store32_lane(y + 3 * rowBytes, v, 3)
  }
}

/** Adds halves of n partials, up to 16 vectors, onto halves; one that got no term is 0, which changes nothing. Leaves the sum in the first. */
// @ts-ignore: decorator
@inline
export function foldHalves<T>(n: usize, partials: usize): void {
  for (let half: usize = n > 8 ? 8 : n > 4 ? 4 : n > 2 ? 2 : 1; half > 0; half >>= 1) {
    for (let e: usize = 0; e < half && e + half < n; e++) v128.store(partials + e * 16, v128.add<T>(v128.load(partials + e * 16), v128.load(partials + (e + half) * 16)))
  }
}

// x [rows, n] -> y alike for as many rows as fill vectors; gives their number. Scratch holds three times 16 vectors.
export function narrowSoftmax<T>(isLog: bool, x: usize, y: usize, outer: usize, n: usize, scratch: usize): usize {
  const lanes: usize = 16 / sizeof<T>()
  const rowBytes = n * sizeof<T>()
  const partials = scratch + 256
  const terms = scratch + 512
  let row: usize = 0
  for (; row + lanes <= outer; row += lanes) {
    let top = v128.splat<T>(<T>-Infinity)
    for (let e: usize = 0; e < n; e++) {
      const v = gathered<T>(x + e * sizeof<T>(), rowBytes)
      v128.store(scratch + e * 16, v)
      // NaN, which this passes over, makes the sum NaN, and so every result.
      top = v128.pmax<T>(top, v)
    }
    for (let e: usize = 0; e < n; e++) {
      const t = expOf<T>(v128.sub<T>(v128.load(scratch + e * 16), top))
      v128.store(partials + e * 16, t)
      v128.store(terms + e * 16, t)
    }
    foldHalves<T>(n, partials)
    const sum = isLog ? logOf<T>(v128.load(partials)) : v128.load(partials)
    for (let e: usize = 0; e < n; e++) {
      const value = isLog ? v128.sub<T>(v128.sub<T>(v128.load(scratch + e * 16), top), sum) : v128.div<T>(v128.load(terms + e * 16), sum)
      scattered<T>(y + e * sizeof<T>(), rowBytes, value)
    }
    x += lanes * rowBytes
    y += lanes * rowBytes
  }
  return row
}

// x [outer, n] -> y alike
export function softmax<T>(x: usize, y: usize, outer: usize, n: usize, scratch: usize): void {
  const bytes = n * sizeof<T>()
  for (let row: usize = 0; row < outer; row++) {
    const sum = exponentials<T>(x, y, n, extremeRow<T>(true, x, n), scratch)
    const divisor = v128.splat<T>(sum)
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) v128.store(y + at, v128.div<T>(v128.load(y + at), divisor))
    for (; at < bytes; at += sizeof<T>()) store<T>(y + at, load<T>(y + at) / sum)
    x += bytes
    y += bytes
  }
}

/** The logarithm of the sum of e^(x[i] - largest). Scratch holds 16 elements, and 16 partials. */
// @ts-ignore: decorator
@inline
export function logSumRow<T>(x: usize, n: usize, largest: T, scratch: usize): T {
  const part = scratch + 128
  const bytes: usize = 16 * sizeof<T>()
  const top = v128.splat<T>(largest)
  memory.fill(part, 0, bytes)
  for (let left = n; left > 0; x += bytes) {
    const some = min<usize>(16, left)
    let from = x
    if (some < 16) {
      // Terms behind the last are e^-infinity, which is 0.
      for (let at: usize = 0; at < bytes; at += 16) v128.store(scratch + at, v128.splat<T>(<T>-Infinity))
      memory.copy(scratch, x, some * sizeof<T>())
      from = scratch
    }
    for (let at: usize = 0; at < some * sizeof<T>(); at += 16) {
      v128.store(part + at, v128.add<T>(v128.load(part + at), expOf<T>(v128.sub<T>(v128.load(from + at), top))))
    }
    left -= some
  }
  for (let half: usize = 8; half >= 1; half >>= 1) {
    for (let e: usize = 0; e < half; e++) store<T>(part + e * sizeof<T>(), load<T>(part + e * sizeof<T>()) + load<T>(part + (e + half) * sizeof<T>()))
  }
  return <T>log(<f64>load<T>(part))
}

// x [outer, n] -> y alike, which may be x
export function logSoftmax<T>(x: usize, y: usize, outer: usize, n: usize, scratch: usize): void {
  const bytes = n * sizeof<T>()
  for (let row: usize = 0; row < outer; row++) {
    const largest = extremeRow<T>(true, x, n)
    const total = logSumRow<T>(x, n, largest, scratch)
    for (let at: usize = 0; at < bytes; at += sizeof<T>()) store<T>(y + at, load<T>(x + at) - largest - total)
    x += bytes
    y += bytes
  }
}
