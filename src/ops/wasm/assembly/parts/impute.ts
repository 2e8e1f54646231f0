// Estimates of distances from a row with missing values to training rows, and the choice of the nearest; see src/ops/cpu/knn-impute.ts, which computes
// exactly what estimates cannot tell apart.
import { argPartition } from './introselect.ts'
import { PANEL } from './product.ts'

// A training set in memory, 32-bit words: rows, features, panels of rows (zeros for what is missing, an even number of panels), squares of their lengths,
// number of missing values, their rows, their features.
const FEATURES: usize = 4
const PANELS: usize = 8
const NORMS: usize = 12
const MISSING: usize = 16
const ROWS_OF: usize = 20
const FEATURES_OF: usize = 24

/** Of squared distances: those of a pair of rows. */
// @ts-ignore: decorator
@inline
function finish(product: v128, lacked: v128, own: v128, norms: usize, onlyRow: usize, notShared: usize, has: v128, features: v128): v128 {
  const zero = f64x2.splat(0)
  const square = f64x2.max(zero, f64x2.add(f64x2.add(f64x2.mul(f64x2.splat(-2), product), own), v128.load(norms)))
  const shared = f64x2.sub(has, v128.load(notShared))
  const scaled = f64x2.mul(f64x2.div(f64x2.max(zero, f64x2.sub(f64x2.sub(square, v128.load(onlyRow)), lacked)), shared), features)
  return v128.bitselect(f64x2.splat(NaN), scaled, f64x2.eq(shared, zero))
}

/**
 * x [features] with NaN -> squares [rows, rounded up to 8]; NaN where no feature is shared. `norm` is the square of x's length. Scratch takes two numbers for each
 * of these, and four for each feature.
 */
export function imputeSquares(training: usize, x: usize, norm: f64, squares: usize, scratch: usize): void {
  const count = (<usize>load<u32>(training) + 7) / 8 * 8
  const n = <usize>load<u32>(training, FEATURES)
  const panels = <usize>load<u32>(training, PANELS)
  const onlyRow = scratch
  const notShared = onlyRow + count * 8
  const row = notShared + count * 8
  const rowSquares = row + n * 8
  const present = rowSquares + n * 8
  const lacking = present + n * 8
  let lackingEnd = lacking
  let nHas: f64 = 0
  for (let f: usize = 0; f < n * 8; f += 8) {
    const value = load<f64>(x + f)
    const isPresent = value == value
    const filled = isPresent ? value : 0
    store<f64>(row + f, filled)
    store<f64>(rowSquares + f, filled * filled)
    store<f64>(present + f, isPresent ? 1 : 0)
    if (isPresent) nHas += 1
    else {
      store<u32>(lackingEnd, <u32>(f * (PANEL / 8)))
      lackingEnd += 4
    }
  }
  // What training rows lack, one after the other.
  memory.fill(onlyRow, 0, count * 16)
  const features = <usize>load<u32>(training, FEATURES_OF)
  let rows = <usize>load<u32>(training, ROWS_OF)
  const end = features + <usize>load<u32>(training, MISSING) * 4
  for (let at = features; at < end; at += 4, rows += 4) {
    const place = <usize>load<u32>(rows) * 8
    const f = <usize>load<u32>(at) * 8
    store<f64>(onlyRow + place, load<f64>(onlyRow + place) + load<f64>(rowSquares + f))
    store<f64>(notShared + place, load<f64>(notShared + place) + load<f64>(present + f))
  }
  const norms = <usize>load<u32>(training, NORMS)
  const panelStep = n * PANEL
  const own = f64x2.splat(norm)
  const has = f64x2.splat(nHas)
  const all = f64x2.splat(<f64>n)
  for (let i: usize = 0; i < count * 8; i += 64) {
    let y = panels + (i >> 5) * panelStep
    const first = y
    let p = y + panelStep
    let c0 = f64x2.splat(0)
    let c1 = c0
    let c2 = c0
    let c3 = c0
    for (let f: usize = 0; f < n * 8; f += 8) {
      const v = v128.load64_splat(row + f)
      c0 = f64x2.add(c0, f64x2.mul(v, v128.load(y)))
      c1 = f64x2.add(c1, f64x2.mul(v, v128.load(y, 16)))
      c2 = f64x2.add(c2, f64x2.mul(v, v128.load(p)))
      c3 = f64x2.add(c3, f64x2.mul(v, v128.load(p, 16)))
      y += PANEL
      p += PANEL
    }
    let l0 = f64x2.splat(0)
    let l1 = l0
    let l2 = l0
    let l3 = l0
    for (let at = lacking; at < lackingEnd; at += 4) {
      const z = first + <usize>load<u32>(at)
      const q = z + panelStep
      l0 = f64x2.add(l0, f64x2.mul(v128.load(z), v128.load(z)))
      l1 = f64x2.add(l1, f64x2.mul(v128.load(z, 16), v128.load(z, 16)))
      l2 = f64x2.add(l2, f64x2.mul(v128.load(q), v128.load(q)))
      l3 = f64x2.add(l3, f64x2.mul(v128.load(q, 16), v128.load(q, 16)))
    }
    v128.store(squares + i, finish(c0, l0, own, norms + i, onlyRow + i, notShared + i, has, all))
    v128.store(squares + i, finish(c1, l1, own, norms + i + 16, onlyRow + i + 16, notShared + i + 16, has, all), 16)
    v128.store(squares + i, finish(c2, l2, own, norms + i + 32, onlyRow + i + 32, notShared + i + 32, has, all), 32)
    v128.store(squares + i, finish(c3, l3, own, norms + i + 48, onlyRow + i + 48, notShared + i + 48, has, all), 48)
  }
}

/**
 * The k nearest of `count` training rows, as places in `rows`, first in `order`. Scratch takes `count` numbers and what argPartition needs.
 *
 * @returns 0 where none can be reached, 1 where estimates are too close, 2 else
 */
export function imputeChoice(squares: usize, rows: usize, count: usize, k: usize, within: f64, order: usize, scratch: usize): i32 {
  let isReachable: i32 = 0
  for (let i: usize = 0; i < count; i++) {
    const square = load<f64>(squares + <usize>load<u32>(rows + i * 4) * 8)
    store<f64>(scratch + i * 8, square)
    isReachable |= <i32>(square == square)
  }
  if (!isReachable) return 0
  return argPartition(scratch, order, count, k, within, scratch + count * 8) ? 1 : 2
}
