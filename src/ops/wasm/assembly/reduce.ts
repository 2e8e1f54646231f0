// Reductions, softmax and normalizations over raw memory with the bits of src/ops/cpu/reduce.ts and normalize.ts: element e goes to
// partial e modulo 16, halves are added onto halves (docs/numerics.md). Scratch holds 16 vectors of four, for partials of columns.
import { log } from '../../../math/log.ts'
import { logSumExp, softmaxColumns } from './parts/columns.ts'
import { logOf } from './parts/functions.ts'
import { firstOf, productOf, runningSum } from './parts/lines.ts'
import { AWAY, ELEMENT, extremeRow, foldHalves, gathered, logSoftmax, MAGNITUDE, NARROW, narrowSoftmax, shortSums, softmax, SQUARE, sumRow, term } from './parts/rows.ts'

// Finishes; the other one is the root, 2. Asked for nothing first: the compiler would rather compute a root in vain than branch, which takes 15 ns of two numbers below 0.
const NOTHING: i32 = 0
const MEAN: i32 = 1
const LOGARITHM: i32 = 3

// @ts-ignore: decorator
@inline
function finished<T>(sum: T, n: usize, finish: i32): T {
  if (finish == NOTHING) return sum
  if (finish == MEAN) return sum / <T>n
  return finish == LOGARITHM ? <T>log(<f64>sum) : sqrt<T>(sum)
}

// @ts-ignore: decorator
@inline
function finishedLanes<T>(sum: v128, n: usize, finish: i32): v128 {
  if (finish == NOTHING) return sum
  if (finish == MEAN) return v128.div<T>(sum, v128.splat<T>(<T>n))
  return finish == LOGARITHM ? logOf<T>(sum) : v128.sqrt<T>(sum)
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
  for (let v: usize = 0; v < bytes; v += 16) v128.store(y + v, finishedLanes<T>(v128.load(partials + v), n, finish))
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

// x [outer, n] -> y [outer] for as many rows as fill vectors; gives their number
// @ts-ignore: decorator
@inline
function narrowSums<T>(kind: i32, x: usize, y: usize, outer: usize, n: usize, finish: i32, scratch: usize): usize {
  const lanes: usize = 16 / sizeof<T>()
  const rowBytes = n * sizeof<T>()
  const zero = v128.splat<T>(0)
  let row: usize = 0
  for (; row + lanes <= outer; row += lanes) {
    v128.store(scratch, zero)
    for (let e: usize = 0; e < n; e++) v128.store(scratch + e * 16, v128.add<T>(zero, term<T>(kind, gathered<T>(x + e * sizeof<T>(), rowBytes), zero)))
    foldHalves<T>(n, scratch)
    v128.store(y, finishedLanes<T>(v128.load(scratch), n, finish))
    x += lanes * rowBytes
    y += 16
  }
  return row
}

// x [outer, n] -> y [outer], rows of 16 to 31 float64, for as many pairs of rows as there are; gives the number of rows
function shortRows(kind: i32, x: usize, y: usize, outer: usize, n: usize, finish: i32): usize {
  let row: usize = 0
  for (; row + 2 <= outer; row += 2) {
    const sum = kind == SQUARE ? shortSums(SQUARE, x, n) : kind == MAGNITUDE ? shortSums(MAGNITUDE, x, n) : shortSums(ELEMENT, x, n)
    v128.store(y, finishedLanes<f64>(sum, n, finish))
    x += n * 16
    y += 16
  }
  return row
}

// x [outer, n, inner] -> y [outer, inner]
// @ts-ignore: decorator
@inline
function sums<T>(kind: i32, x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  const rowBytes = inner * sizeof<T>()
  let done: usize = 0
  if (inner == 1) {
    if (sizeof<T>() == 8 && n >= 16 && n < 32) done = shortRows(kind, x, y, outer, n, finish)
    else if (n <= NARROW) done = narrowSums<T>(kind, x, y, outer, n, finish, scratch)
  }
  x += done * n * sizeof<T>()
  y += done * sizeof<T>()
  for (let row = done; row < outer; row++) {
    if (inner == 1) store<T>(y, finished<T>(sumRow<T>(kind, x, n, <T>0), n, finish))
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

// x [outer, n, inner] -> y [outer, inner]
// @ts-ignore: decorator
@inline
function products<T>(x: usize, y: usize, outer: usize, n: usize, inner: usize, scratch: usize): void {
  const step = inner * sizeof<T>()
  for (let row: usize = 0; row < outer; row++, x += n * step) {
    for (let at: usize = 0; at < step; at += sizeof<T>(), y += sizeof<T>()) store<T>(y, productOf<T>(x + at, step, n, scratch))
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
function groupNorm<T>(x: usize, scale: usize, bias: usize, y: usize, rows: usize, groups: usize, each: usize, plane: usize, epsilon: T): void {
  const n = each * plane
  for (let row: usize = 0; row < rows; row++) {
    for (let g: usize = 0; g < groups; g++) {
      const mean: T = sumRow<T>(ELEMENT, x, n, <T>0) / <T>n
      const variance: T = sumRow<T>(AWAY, x, n, mean) / <T>n
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
function layerNorm<T>(centered: bool, x: usize, scale: usize, bias: usize, y: usize, outer: usize, n: usize, epsilon: T): void {
  const bytes = n * sizeof<T>()
  for (let row: usize = 0; row < outer; row++) {
    let mean: T = 0
    let variance: T = 0
    if (centered) {
      mean = sumRow<T>(ELEMENT, x, n, <T>0) / <T>n
      variance = sumRow<T>(AWAY, x, n, mean) / <T>n
    } else variance = sumRow<T>(SQUARE, x, n, <T>0) / <T>n
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

export function sums32(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  sums<f32>(ELEMENT, x, y, outer, n, inner, finish, scratch)
}

export function squares32(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  sums<f32>(SQUARE, x, y, outer, n, inner, finish, scratch)
}

export function magnitudes32(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  sums<f32>(MAGNITUDE, x, y, outer, n, inner, finish, scratch)
}

export function largest32(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  extremes<f32>(true, x, y, outer, n, inner)
}

export function smallest32(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  extremes<f32>(false, x, y, outer, n, inner)
}

export function products32(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  products<f32>(x, y, outer, n, inner, scratch)
}

export function logSumExp32(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  logSumExp<f32>(x, y, outer, n, inner, scratch)
}

export function sums64(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  sums<f64>(ELEMENT, x, y, outer, n, inner, finish, scratch)
}

export function squares64(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  sums<f64>(SQUARE, x, y, outer, n, inner, finish, scratch)
}

export function magnitudes64(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  sums<f64>(MAGNITUDE, x, y, outer, n, inner, finish, scratch)
}

export function largest64(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  extremes<f64>(true, x, y, outer, n, inner)
}

export function smallest64(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  extremes<f64>(false, x, y, outer, n, inner)
}

export function products64(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  products<f64>(x, y, outer, n, inner, scratch)
}

export function logSumExp64(x: usize, y: usize, outer: usize, n: usize, inner: usize, finish: i32, scratch: usize): void {
  logSumExp<f64>(x, y, outer, n, inner, scratch)
}

// x [outer, n, inner] -> y alike
// @ts-ignore: decorator
@inline
function softmaxOf<T>(x: usize, y: usize, outer: usize, n: usize, inner: usize, isLog: bool, scratch: usize): void {
  if (inner > 1) {
    softmaxColumns<T>(isLog, x, y, outer, n, inner, scratch)
    return
  }
  const done = n <= NARROW ? narrowSoftmax<T>(isLog, x, y, outer, n, scratch) : 0
  const at = done * n * sizeof<T>()
  if (isLog) logSoftmax<T>(x + at, y + at, outer - done, n, scratch)
  else softmax<T>(x + at, y + at, outer - done, n, scratch)
}

export function softmax32(x: usize, y: usize, outer: usize, n: usize, inner: usize, isLog: bool, scratch: usize): void {
  softmaxOf<f32>(x, y, outer, n, inner, isLog, scratch)
}

export function softmax64(x: usize, y: usize, outer: usize, n: usize, inner: usize, isLog: bool, scratch: usize): void {
  softmaxOf<f64>(x, y, outer, n, inner, isLog, scratch)
}

// x [outer, n, inner] -> y alike
// @ts-ignore: decorator
@inline
function runningSums<T>(x: usize, y: usize, outer: usize, n: usize, inner: usize, isExclusive: bool, isReverse: bool): void {
  const step = inner * sizeof<T>()
  for (let row: usize = 0; row < outer; row++, x += n * step, y += n * step) {
    const start = isReverse ? (n - 1) * step : 0
    for (let at: usize = 0; at < step; at += sizeof<T>()) runningSum<T>(x + start + at, y + start + at, isReverse ? -(<isize>step) : <isize>step, n, isExclusive)
  }
}

export function runningSums32(x: usize, y: usize, outer: usize, n: usize, inner: usize, isExclusive: bool, isReverse: bool): void {
  runningSums<f32>(x, y, outer, n, inner, isExclusive, isReverse)
}

export function runningSums64(x: usize, y: usize, outer: usize, n: usize, inner: usize, isExclusive: bool, isReverse: bool): void {
  runningSums<f64>(x, y, outer, n, inner, isExclusive, isReverse)
}

// x [outer, n, inner] -> values [outer, k, inner] and indices alike i64, each optional; scratch [k] i64 and [k] u32
// @ts-ignore: decorator
@inline
function firsts<T>(isLargest: bool, x: usize, values: usize, indices: usize, outer: usize, n: usize, inner: usize, k: usize, scratch: usize): void {
  const step = inner * sizeof<T>()
  const places = scratch + k * 8
  for (let row: usize = 0; row < outer; row++, x += n * step) {
    for (let column: usize = 0; column < inner; column++) {
      const from = x + column * sizeof<T>()
      firstOf<T>(isLargest, from, step, n, k, scratch, places)
      for (let e: usize = 0; e < k; e++) {
        const place: usize = load<u32>(places + e * 4)
        const to = (row * k + e) * inner + column
        if (values) store<T>(values + to * sizeof<T>(), load<T>(from + place * step))
        if (indices) store<u64>(indices + to * 8, place)
      }
    }
  }
}

export function firsts32(isLargest: bool, x: usize, values: usize, indices: usize, outer: usize, n: usize, inner: usize, k: usize, scratch: usize): void {
  firsts<f32>(isLargest, x, values, indices, outer, n, inner, k, scratch)
}

export function firsts64(isLargest: bool, x: usize, values: usize, indices: usize, outer: usize, n: usize, inner: usize, k: usize, scratch: usize): void {
  firsts<f64>(isLargest, x, values, indices, outer, n, inner, k, scratch)
}

// The place of the largest (or smallest) of n elements `step` bytes apart, for as many lines as a vector has lanes, `apart` bytes from
// each other; NaN counts as beyond all, of equal elements the first is it. Pairs of 32-bit words, low word first, at `to`.
// @ts-ignore: decorator
@inline
function places<T>(largest: bool, x: usize, apart: usize, n: usize, step: usize, to: usize): void {
  let best = gathered<T>(x, apart)
  let index = i64x2.splat(0)
  const one = sizeof<T>() == 8 ? i64x2.splat(1) : i32x4.splat(1)
  let e = one
  for (let k: usize = 1; k < n; k++) {
    x += step
    const v = gathered<T>(x, apart)
    const further = largest ? v128.gt<T>(v, best) : v128.lt<T>(v, best)
    const isBeyond = v128.or(further, v128.andnot(v128.ne<T>(v, v), v128.ne<T>(best, best)))
    best = v128.bitselect(v, best, isBeyond)
    index = v128.bitselect(e, index, isBeyond)
    e = sizeof<T>() == 8 ? i64x2.add(e, one) : i32x4.add(e, one)
  }
  if (sizeof<T>() == 8) v128.store(to, index)
  else {
    v128.store(to, i64x2.extend_low_i32x4_u(index))
    v128.store(to, i64x2.extend_high_i32x4_u(index), 16)
  }
}

// x [outer, n, inner] -> y [outer, inner] i64
function extremePlaces<T>(largest: bool, x: usize, y: usize, outer: usize, n: usize, inner: usize, scratch: usize): void {
  const lanes: usize = 16 / sizeof<T>()
  const step = inner * sizeof<T>()
  const apart = inner == 1 ? n * sizeof<T>() : sizeof<T>()
  const lines = inner == 1 ? outer : inner
  const groups: usize = inner == 1 ? 1 : outer
  for (let group: usize = 0; group < groups; group++) {
    let line: usize = 0
    for (; line + lanes <= lines; line += lanes) {
      places<T>(largest, x + line * apart, apart, n, step, y)
      y += lanes * 8
    }
    for (; line < lines; line++) {
      places<T>(largest, x + line * apart, 0, n, step, scratch)
      store<u64>(y, load<u64>(scratch))
      y += 8
    }
    x += n * step
  }
}

export function places32(largest: bool, x: usize, y: usize, outer: usize, n: usize, inner: usize, scratch: usize): void {
  extremePlaces<f32>(largest, x, y, outer, n, inner, scratch)
}

export function places64(largest: bool, x: usize, y: usize, outer: usize, n: usize, inner: usize, scratch: usize): void {
  extremePlaces<f64>(largest, x, y, outer, n, inner, scratch)
}

export function batchNorm32(x: usize, scale: usize, bias: usize, mean: usize, variance: usize, y: usize, rows: usize, channels: usize, plane: usize, epsilon: f32): void {
  batchNorm<f32>(x, scale, bias, mean, variance, y, rows, channels, plane, epsilon)
}

export function batchNorm64(x: usize, scale: usize, bias: usize, mean: usize, variance: usize, y: usize, rows: usize, channels: usize, plane: usize, epsilon: f64): void {
  batchNorm<f64>(x, scale, bias, mean, variance, y, rows, channels, plane, epsilon)
}

export function groupNorm32(x: usize, scale: usize, bias: usize, y: usize, rows: usize, groups: usize, each: usize, plane: usize, epsilon: f32): void {
  groupNorm<f32>(x, scale, bias, y, rows, groups, each, plane, epsilon)
}

export function groupNorm64(x: usize, scale: usize, bias: usize, y: usize, rows: usize, groups: usize, each: usize, plane: usize, epsilon: f64): void {
  groupNorm<f64>(x, scale, bias, y, rows, groups, each, plane, epsilon)
}

export function layerNorm32(centered: bool, x: usize, scale: usize, bias: usize, y: usize, outer: usize, n: usize, epsilon: f32): void {
  layerNorm<f32>(centered, x, scale, bias, y, outer, n, epsilon)
}

export function layerNorm64(centered: bool, x: usize, scale: usize, bias: usize, y: usize, outer: usize, n: usize, epsilon: f64): void {
  layerNorm<f64>(centered, x, scale, bias, y, outer, n, epsilon)
}
