// Softmax, its logarithm and log(sum(exp)) along an axis behind which others follow: neighbouring columns lie in the lanes of a vector. Scratch
// holds 16 partials, one for each element modulo 16, and a vector for what is left of a row.
import { expOf, logOf } from './functions.ts'
import { extremeRow, foldHalves, gathered, logSumRow, NARROW } from './rows.ts'

const SPARE: usize = 256

/** `bytes` of a row, up to a vector. */
// @ts-ignore: decorator
@inline
function loadSome(from: usize, bytes: usize, scratch: usize): v128 {
  if (bytes == 16) return v128.load(from)
  memory.copy(scratch + SPARE, from, bytes)
  return v128.load(scratch + SPARE)
}

// @ts-ignore: decorator
@inline
function storeSome(to: usize, bytes: usize, value: v128, scratch: usize): void {
  if (bytes == 16) v128.store(to, value)
  else {
    v128.store(scratch + SPARE, value)
    memory.copy(to, scratch + SPARE, bytes)
  }
}

// @ts-ignore: decorator
@inline
function largestOf<T>(x: usize, n: usize, step: usize, bytes: usize, scratch: usize): v128 {
  let top = v128.splat<T>(<T>-Infinity)
  for (let e: usize = 0; e < n; e++) top = v128.max<T>(top, loadSome(x + e * step, bytes, scratch))
  return top
}

/** Adds e^(value - top) to the partial of element e. */
// @ts-ignore: decorator
@inline
function addTerm<T>(e: usize, value: v128, top: v128, scratch: usize): v128 {
  const t = expOf<T>(v128.sub<T>(value, top))
  const p = scratch + (e & 15) * 16
  v128.store(p, v128.add<T>(v128.load(p), t))
  return t
}

/** The logarithm of a sum of e^(x - top), and top: top itself where it is infinite, which must not be subtracted from itself. */
// @ts-ignore: decorator
@inline
function logSum<T>(sum: v128, top: v128): v128 {
  return v128.bitselect(top, v128.add<T>(logOf<T>(sum), top), v128.ne<T>(v128.sub<T>(top, top), v128.splat<T>(0)))
}

// x [outer, n, inner] -> y alike, which may be x
export function softmaxColumns<T>(isLog: bool, x: usize, y: usize, outer: usize, n: usize, inner: usize, scratch: usize): void {
  const step = inner * sizeof<T>()
  v128.store(scratch + SPARE, v128.splat<T>(0))
  for (let row: usize = 0; row < outer; row++) {
    for (let at: usize = 0; at < step; at += 16) {
      const bytes = min<usize>(16, step - at)
      const from = x + at
      const to = y + at
      const top = largestOf<T>(from, n, step, bytes, scratch)
      memory.fill(scratch, 0, SPARE)
      for (let e: usize = 0; e < n; e++) {
        const t = addTerm<T>(e, loadSome(from + e * step, bytes, scratch), top, scratch)
        if (!isLog) storeSome(to + e * step, bytes, t, scratch)
      }
      foldHalves<T>(16, scratch)
      const sum = isLog ? logOf<T>(v128.load(scratch)) : v128.load(scratch)
      for (let e: usize = 0; e < n; e++) {
        const value = isLog ? v128.sub<T>(v128.sub<T>(loadSome(from + e * step, bytes, scratch), top), sum) : v128.div<T>(loadSome(to + e * step, bytes, scratch), sum)
        storeSome(to + e * step, bytes, value, scratch)
      }
    }
    x += n * step
    y += n * step
  }
}

// x [outer, n] -> y [outer] for as many rows as fill vectors; gives their number
// @ts-ignore: decorator
@inline
function narrowLogSumExp<T>(x: usize, y: usize, outer: usize, n: usize, scratch: usize): usize {
  const lanes: usize = 16 / sizeof<T>()
  const rowBytes = n * sizeof<T>()
  let row: usize = 0
  for (; row + lanes <= outer; row += lanes) {
    let top = v128.splat<T>(<T>-Infinity)
    for (let e: usize = 0; e < n; e++) top = v128.max<T>(top, gathered<T>(x + e * sizeof<T>(), rowBytes))
    memory.fill(scratch, 0, SPARE)
    for (let e: usize = 0; e < n; e++) addTerm<T>(e, gathered<T>(x + e * sizeof<T>(), rowBytes), top, scratch)
    foldHalves<T>(n, scratch)
    v128.store(y, logSum<T>(v128.load(scratch), top))
    x += lanes * rowBytes
    y += 16
  }
  return row
}

// x [outer, n, inner] -> y [outer, inner]
export function logSumExp<T>(x: usize, y: usize, outer: usize, n: usize, inner: usize, scratch: usize): void {
  const step = inner * sizeof<T>()
  const done = inner == 1 && n <= NARROW ? narrowLogSumExp<T>(x, y, outer, n, scratch) : 0
  x += done * n * step
  y += done * step
  v128.store(scratch + SPARE, v128.splat<T>(0))
  for (let row = done; row < outer; row++) {
    if (inner == 1) {
      const largest = extremeRow<T>(true, x, n)
      store<T>(y, largest - largest != 0 ? largest : logSumRow<T>(x, n, largest, scratch) + largest)
    } else {
      for (let at: usize = 0; at < step; at += 16) {
        const bytes = min<usize>(16, step - at)
        const top = largestOf<T>(x + at, n, step, bytes, scratch)
        memory.fill(scratch, 0, SPARE)
        for (let e: usize = 0; e < n; e++) addTerm<T>(e, loadSome(x + at + e * step, bytes, scratch), top, scratch)
        foldHalves<T>(16, scratch)
        storeSome(y + at, bytes, logSum<T>(v128.load(scratch), top), scratch)
      }
    }
    x += n * step
    y += step
  }
}
