// Reductions, softmax and normalizations over raw memory with the bits of src/ops/cpu/reduce.ts and normalize.ts: element e goes to
// partial e modulo 16, halves are added onto halves (docs/numerics.md). Scratch holds 16 vectors of four, for partials of columns.
import { log } from '../../../math/log.ts'
import { expOf } from './parts/functions.ts'

// Terms
const ELEMENT: i32 = 0
const SQUARE: i32 = 1
const MAGNITUDE: i32 = 2
const AWAY: i32 = 3
/** Not sums: the largest, the smallest. */
const LARGEST: i32 = 4
const SMALLEST: i32 = 5

// Finishes
const MEAN: i32 = 1
const ROOT: i32 = 2

// @ts-ignore: decorator
@inline
function term<T>(kind: i32, x: v128, mean: v128): v128 {
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

/** The terms of the last elements, fewer than 16, as 16 with zeros behind them, at `to`. */
// @ts-ignore: decorator
@inline
function lastTerms<T>(kind: i32, x: usize, left: usize, mean: v128, to: usize): void {
  memory.copy(to, x, left * sizeof<T>())
  for (let at: usize = 0; at < 16 * sizeof<T>(); at += 16) v128.store(to + at, term<T>(kind, v128.load(to + at), mean))
  memory.fill(to + left * sizeof<T>(), 0, (16 - left) * sizeof<T>())
}

// x [n] -> sum of its terms
// @ts-ignore: decorator
@inline
function sumRow<T>(kind: i32, x: usize, n: usize, about: T, scratch: usize): T {
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
      lastTerms<T>(kind, x, left, mean, scratch)
      p0 = v128.add<T>(p0, v128.load(scratch))
      p1 = v128.add<T>(p1, v128.load(scratch, 16))
      p2 = v128.add<T>(p2, v128.load(scratch, 32))
      p3 = v128.add<T>(p3, v128.load(scratch, 48))
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
    lastTerms<T>(kind, x, left, mean, scratch)
    p0 = v128.add<T>(p0, v128.load(scratch))
    p1 = v128.add<T>(p1, v128.load(scratch, 16))
    p2 = v128.add<T>(p2, v128.load(scratch, 32))
    p3 = v128.add<T>(p3, v128.load(scratch, 48))
    p4 = v128.add<T>(p4, v128.load(scratch, 64))
    p5 = v128.add<T>(p5, v128.load(scratch, 80))
    p6 = v128.add<T>(p6, v128.load(scratch, 96))
    p7 = v128.add<T>(p7, v128.load(scratch, 112))
  }
  p0 = v128.add<T>(v128.add<T>(p0, p4), v128.add<T>(p2, p6))
  p1 = v128.add<T>(v128.add<T>(p1, p5), v128.add<T>(p3, p7))
  return sumOfLanes<T>(v128.add<T>(p0, p1))
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

// @ts-ignore: decorator
@inline
function finished<T>(sum: T, n: usize, finish: i32): T {
  if (finish == MEAN) return sum / <T>n
  return finish == ROOT ? sqrt<T>(sum) : sum
}

// x [n, inner], `width` neighbouring columns of it -> y [width]; width 1 element or whole vectors, up to four
// @ts-ignore: decorator
@inline
function sumColumns<T>(kind: i32, vectors: usize, x: usize, n: usize, rowBytes: usize, y: usize, finish: i32, partials: usize): void {
  const bytes: usize = vectors * 16
  memory.fill(partials, 0, 16 * bytes)
  const zero = v128.splat<T>(0)
  for (let e: usize = 0; e < n; e++) {
    const p = partials + (e & 15) * bytes
    for (let v: usize = 0; v < bytes; v += 16) v128.store(p + v, v128.add<T>(v128.load(p + v), term<T>(kind, v128.load(x + v), zero)))
    x += rowBytes
  }
  for (let half: usize = 8 * bytes; half >= bytes; half >>= 1) {
    for (let at: usize = 0; at < half; at += 16) v128.store(partials + at, v128.add<T>(v128.load(partials + at), v128.load(partials + half + at)))
  }
  const count = v128.splat<T>(<T>n)
  for (let v: usize = 0; v < bytes; v += 16) {
    const sum = v128.load(partials + v)
    v128.store(y + v, finish == MEAN ? v128.div<T>(sum, count) : finish == ROOT ? v128.sqrt<T>(sum) : sum)
  }
}

// @ts-ignore: decorator
@inline
function sumColumn<T>(kind: i32, x: usize, n: usize, rowBytes: usize, finish: i32, partials: usize): T {
  memory.fill(partials, 0, 16 * sizeof<T>())
  for (let e: usize = 0; e < n; e++) {
    const p = partials + (e & 15) * sizeof<T>()
    const value = load<T>(x)
    store<T>(p, load<T>(p) + (kind == SQUARE ? value * value : kind == MAGNITUDE ? abs<T>(value) : value))
    x += rowBytes
  }
  for (let half: usize = 8; half >= 1; half >>= 1) {
    for (let e: usize = 0; e < half; e++) store<T>(partials + e * sizeof<T>(), load<T>(partials + e * sizeof<T>()) + load<T>(partials + (e + half) * sizeof<T>()))
  }
  return finished<T>(load<T>(partials), n, finish)
}

// x [outer, n, inner] -> y [outer, inner]
// @ts-ignore: decorator
@inline
function sums<T>(kind: i32, x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  const rowBytes = inner * sizeof<T>()
  for (let row: usize = 0; row < outer; row++) {
    if (inner == 1) store<T>(y, finished<T>(sumRow<T>(kind, x, n, <T>0, scratch), n, finish))
    else {
      let at: usize = 0
      for (; at + 64 <= rowBytes; at += 64) sumColumns<T>(kind, 4, x + at, n, rowBytes, y + at, finish, scratch)
      for (; at + 16 <= rowBytes; at += 16) sumColumns<T>(kind, 1, x + at, n, rowBytes, y + at, finish, scratch)
      for (; at < rowBytes; at += sizeof<T>()) store<T>(y + at, sumColumn<T>(kind, x + at, n, rowBytes, finish, scratch))
    }
    x += n * rowBytes
    y += rowBytes
  }
}

// x [outer, n, inner] -> y [outer, inner]
// @ts-ignore: decorator
@inline
function extremes<T>(largest: bool, x: usize, y: usize, outer: usize, n: usize, inner: usize): void {
  const rowBytes = inner * sizeof<T>()
  for (let row: usize = 0; row < outer; row++) {
    if (inner == 1) store<T>(y, extremeRow<T>(largest, x, n))
    else {
      memory.copy(y, x, rowBytes)
      for (let e: usize = 1; e < n; e++) {
        const from = x + e * rowBytes
        let at: usize = 0
        for (; at + 16 <= rowBytes; at += 16) {
          v128.store(y + at, largest ? v128.max<T>(v128.load(y + at), v128.load(from + at)) : v128.min<T>(v128.load(y + at), v128.load(from + at)))
        }
        for (; at < rowBytes; at += sizeof<T>()) {
          store<T>(y + at, largest ? max<T>(load<T>(y + at), load<T>(from + at)) : min<T>(load<T>(y + at), load<T>(from + at)))
        }
      }
    }
    x += n * rowBytes
    y += rowBytes
  }
}

function reduce<T>(kind: i32, x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  if (kind == ELEMENT) sums<T>(ELEMENT, x, y, outer, n, inner, finish, scratch)
  else if (kind == SQUARE) sums<T>(SQUARE, x, y, outer, n, inner, finish, scratch)
  else if (kind == MAGNITUDE) sums<T>(MAGNITUDE, x, y, outer, n, inner, finish, scratch)
  else if (kind == LARGEST) extremes<T>(true, x, y, outer, n, inner)
  else if (kind == SMALLEST) extremes<T>(false, x, y, outer, n, inner)
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
  return sumRow<T>(ELEMENT, y, n, <T>0, scratch)
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

// x [outer, n] -> y alike, which may be x: exponentials go through scratch, 16 at a time
function logSoftmax<T>(x: usize, y: usize, outer: usize, n: usize, scratch: usize): void {
  const bytes = n * sizeof<T>()
  const part = scratch + 128
  for (let row: usize = 0; row < outer; row++) {
    const largest = extremeRow<T>(true, x, n)
    const top = v128.splat<T>(largest)
    memory.fill(part, 0, 16 * sizeof<T>())
    for (let e: usize = 0; e < n; e += 16) {
      const some = min<usize>(16, n - e)
      // Terms behind the last are e^-infinity.
      for (let at: usize = 0; at < 16 * sizeof<T>(); at += 16) v128.store(scratch + at, v128.splat<T>(<T>-Infinity))
      memory.copy(scratch, x + e * sizeof<T>(), some * sizeof<T>())
      for (let at: usize = 0; at < some * sizeof<T>(); at += 16) {
        v128.store(scratch + at, expOf<T>(v128.sub<T>(v128.load(scratch + at), top)))
      }
      memory.fill(scratch + some * sizeof<T>(), 0, (16 - some) * sizeof<T>())
      for (let at: usize = 0; at < 16 * sizeof<T>(); at += 16) v128.store(part + at, v128.add<T>(v128.load(part + at), v128.load(scratch + at)))
    }
    for (let half: usize = 8; half >= 1; half >>= 1) {
      for (let e: usize = 0; e < half; e++) store<T>(part + e * sizeof<T>(), load<T>(part + e * sizeof<T>()) + load<T>(part + (e + half) * sizeof<T>()))
    }
    const total: T = <T>log(<f64>load<T>(part))
    for (let at: usize = 0; at < bytes; at += sizeof<T>()) store<T>(y + at, load<T>(x + at) - largest - total)
    x += bytes
    y += bytes
  }
}

/** y = (x - mean) factor + shift over n elements. */
function scaled<T>(x: usize, y: usize, n: usize, mean: T, factor: T, shift: T): void {
  const a = v128.splat<T>(mean)
  const b = v128.splat<T>(factor)
  const c = v128.splat<T>(shift)
  const end = y + n * sizeof<T>()
  for (; y + 16 <= end; y += 16, x += 16) v128.store(y, v128.add<T>(v128.mul<T>(v128.sub<T>(v128.load(x), a), b), c))
  for (; y < end; y += sizeof<T>(), x += sizeof<T>()) store<T>(y, (load<T>(x) - mean) * factor + shift)
}

// x [rows, channels, plane], scale, bias, mean, variance [channels] -> y alike
function batchNorm<T>(x: usize, scale: usize, bias: usize, mean: usize, variance: usize, y: usize, rows: usize, channels: usize, plane: usize, epsilon: T): void {
  for (let n: usize = 0; n < rows; n++) {
    for (let c: usize = 0; c < channels; c++) {
      const at = c * sizeof<T>()
      scaled<T>(x, y, plane, load<T>(mean + at), load<T>(scale + at) / sqrt<T>(load<T>(variance + at) + epsilon), load<T>(bias + at))
      x += plane * sizeof<T>()
      y += plane * sizeof<T>()
    }
  }
}

// x [rows, groups, each, plane], scale, bias [groups, each] -> y alike; statistics of a group
function groupNorm<T>(x: usize, scale: usize, bias: usize, y: usize, rows: usize, groups: usize, each: usize, plane: usize, epsilon: T, scratch: usize): void {
  const n = each * plane
  for (let row: usize = 0; row < rows; row++) {
    for (let g: usize = 0; g < groups; g++) {
      const mean: T = sumRow<T>(ELEMENT, x, n, <T>0, scratch) / <T>n
      const variance: T = sumRow<T>(AWAY, x, n, mean, scratch) / <T>n
      const inverse: T = <T>1 / sqrt<T>(variance + epsilon)
      for (let e: usize = 0; e < each; e++) {
        const at = (g * each + e) * sizeof<T>()
        scaled<T>(x, y, plane, mean, load<T>(scale + at) * inverse, load<T>(bias + at))
        x += plane * sizeof<T>()
        y += plane * sizeof<T>()
      }
    }
  }
}

// x [outer, n], scale and bias [n], bias optional -> y alike
function layerNorm<T>(centered: bool, x: usize, scale: usize, bias: usize, y: usize, outer: usize, n: usize, epsilon: T, scratch: usize): void {
  const bytes = n * sizeof<T>()
  for (let row: usize = 0; row < outer; row++) {
    let mean: T = 0
    let variance: T = 0
    if (centered) {
      mean = sumRow<T>(ELEMENT, x, n, <T>0, scratch) / <T>n
      variance = sumRow<T>(AWAY, x, n, mean, scratch) / <T>n
    } else variance = sumRow<T>(SQUARE, x, n, <T>0, scratch) / <T>n
    const inverse: T = <T>1 / sqrt<T>(variance + epsilon)
    const a = v128.splat<T>(mean)
    const b = v128.splat<T>(inverse)
    let at: usize = 0
    for (; at + 16 <= bytes; at += 16) {
      const value = v128.mul<T>(v128.mul<T>(v128.sub<T>(v128.load(x + at), a), b), v128.load(scale + at))
      v128.store(y + at, bias ? v128.add<T>(value, v128.load(bias + at)) : value)
    }
    for (; at < bytes; at += sizeof<T>()) {
      const value: T = (load<T>(x + at) - mean) * inverse * load<T>(scale + at)
      store<T>(y + at, bias ? value + load<T>(bias + at) : value)
    }
    x += bytes
    y += bytes
  }
}

export function reduce32(kind: i32, x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  reduce<f32>(kind, x, y, outer, n, inner, finish, scratch)
}

export function reduce64(kind: i32, x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  reduce<f64>(kind, x, y, outer, n, inner, finish, scratch)
}

export function softmax32(x: usize, y: usize, outer: usize, n: usize, isLog: bool, scratch: usize): void {
  if (isLog) logSoftmax<f32>(x, y, outer, n, scratch)
  else softmax<f32>(x, y, outer, n, scratch)
}

export function softmax64(x: usize, y: usize, outer: usize, n: usize, isLog: bool, scratch: usize): void {
  if (isLog) logSoftmax<f64>(x, y, outer, n, scratch)
  else softmax<f64>(x, y, outer, n, scratch)
}

export function batchNorm32(x: usize, scale: usize, bias: usize, mean: usize, variance: usize, y: usize, rows: usize, channels: usize, plane: usize, epsilon: f32): void {
  batchNorm<f32>(x, scale, bias, mean, variance, y, rows, channels, plane, epsilon)
}

export function batchNorm64(x: usize, scale: usize, bias: usize, mean: usize, variance: usize, y: usize, rows: usize, channels: usize, plane: usize, epsilon: f64): void {
  batchNorm<f64>(x, scale, bias, mean, variance, y, rows, channels, plane, epsilon)
}

export function groupNorm32(x: usize, scale: usize, bias: usize, y: usize, rows: usize, groups: usize, each: usize, plane: usize, epsilon: f32, scratch: usize): void {
  groupNorm<f32>(x, scale, bias, y, rows, groups, each, plane, epsilon, scratch)
}

export function groupNorm64(x: usize, scale: usize, bias: usize, y: usize, rows: usize, groups: usize, each: usize, plane: usize, epsilon: f64, scratch: usize): void {
  groupNorm<f64>(x, scale, bias, y, rows, groups, each, plane, epsilon, scratch)
}

export function layerNorm32(centered: bool, x: usize, scale: usize, bias: usize, y: usize, outer: usize, n: usize, epsilon: f32, scratch: usize): void {
  layerNorm<f32>(centered, x, scale, bias, y, outer, n, epsilon, scratch)
}

export function layerNorm64(centered: bool, x: usize, scale: usize, bias: usize, y: usize, outer: usize, n: usize, epsilon: f64, scratch: usize): void {
  layerNorm<f64>(centered, x, scale, bias, y, outer, n, epsilon, scratch)
}
