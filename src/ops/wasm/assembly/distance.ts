// Distances from rows to points over raw memory with the bits of src/ops/cpu/distances.ts: one accumulator for each pair, features
// ascending. Points lie in panels of four, as B of a product does (parts/product.ts).
import { CANBERRA, CHI_SQUARED, COSINE, finished, HAMMING, LARGEST, MAGNITUDES, POWERS, roots, SQUARES, term, unit } from './parts/metric.ts'
import { pack, PANEL, product } from './parts/product.ts'

export { imputeChoice, imputeSquares } from './parts/impute.ts'
export { argPartition } from './parts/introselect.ts'
export { nearest } from './parts/neighbors.ts'

// x [n], y two panels of points `panelStep` apart -> out [8]
// @ts-ignore: decorator
@inline
function line(kind: i32, n: usize, x: usize, y: usize, panelStep: usize, power: f64, out: usize): void {
  let p = y + panelStep
  let c0 = f64x2.splat(0)
  let c1 = c0
  let c2 = c0
  let c3 = c0
  for (let f: usize = 0; f < n; f++) {
    const v = v128.load64_splat(x)
    c0 = term(kind, c0, v, v128.load(y), power)
    c1 = term(kind, c1, v, v128.load(y, 16), power)
    c2 = term(kind, c2, v, v128.load(p), power)
    c3 = term(kind, c3, v, v128.load(p, 16), power)
    x += 8
    y += PANEL
    p += PANEL
  }
  v128.store(out, finished(kind, c0, n))
  v128.store(out, finished(kind, c1, n), 16)
  v128.store(out, finished(kind, c2, n), 32)
  v128.store(out, finished(kind, c3, n), 48)
}

// x [rows, n], panels of points -> out [rows, points], row by row; scratch takes two panels, and a row for cosines
// @ts-ignore: decorator
@inline
function lines(kind: i32, rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize, power: f64 = 0): void {
  const panelStep = n * PANEL
  for (let row: usize = 0; row < rows; row++, x += n * 8) {
    let from = x
    if (kind == COSINE) {
      from = scratch + 64
      unit(x, n, from)
    }
    for (let j: usize = 0; j < points; j += 8, out += 64) {
      // Where one panel is left it stands in for the other as well.
      const some = min<usize>(8, points - j) * 8
      line(kind, n, from, panels + (j >> 2) * panelStep, some > PANEL ? panelStep : 0, power, some == 64 ? out : scratch)
      if (some < 64) {
        memory.copy(out, scratch, some)
        out -= 64 - some
      }
    }
  }
}

/** |v|^2 of each row. */
export function squaredNorms(values: usize, rows: usize, n: usize, out: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    let sum: f64 = 0
    for (let f: usize = 0; f < n; f++, values += 8) sum += load<f64>(values) * load<f64>(values)
    store<f64>(out + row * 8, sum)
  }
}

export function packPoints(y: usize, points: usize, n: usize, to: usize): void {
  pack<f64>(y, 8, n * 8, n, points, to)
}

/** `norms` of the points for the form |x|^2 - 2 x y + |y|^2, 0 for sums of squared differences; `isRoot` gives distances, not their squares. */
export function pairwise(rows: usize, n: usize, points: usize, x: usize, panels: usize, norms: usize, out: usize, isRoot: bool, scratch: usize): void {
  if (!norms) lines(SQUARES, rows, n, points, x, panels, out, scratch)
  else {
    product<f64>(rows, n, points, x, n * 8, 8, panels, PANEL, n * PANEL, out, points * 8, true, 0, 0, scratch)
    const zero = f64x2.splat(0)
    const factor = f64x2.splat(-2)
    for (let row: usize = 0; row < rows; row++) {
      squaredNorms(x + row * n * 8, 1, n, scratch)
      const xx = load<f64>(scratch)
      const own = f64x2.splat(xx)
      const to = out + row * points * 8
      let j: usize = 0
      for (; j + 2 <= points; j += 2) {
        v128.store(to + j * 8, f64x2.pmax(f64x2.add(f64x2.add(f64x2.mul(factor, v128.load(to + j * 8)), own), v128.load(norms + j * 8)), zero))
      }
      if (j < points) store<f64>(to + j * 8, max<f64>(0, -2 * load<f64>(to + j * 8) + xx + load<f64>(norms + j * 8)))
    }
  }
  if (!isRoot) return
  const end = out + rows * points * 8
  for (; out + 16 <= end; out += 16) v128.store(out, f64x2.sqrt(v128.load(out)))
  if (out < end) store<f64>(out, sqrt<f64>(load<f64>(out)))
}

export function manhattanDistances(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize): void {
  lines(MAGNITUDES, rows, n, points, x, panels, out, scratch)
}

export function chebyshevDistances(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize): void {
  lines(LARGEST, rows, n, points, x, panels, out, scratch)
}

export function canberraDistances(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize): void {
  lines(CANBERRA, rows, n, points, x, panels, out, scratch)
}

export function hammingDistances(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize): void {
  lines(HAMMING, rows, n, points, x, panels, out, scratch)
}

export function chiSquaredDistances(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize): void {
  lines(CHI_SQUARED, rows, n, points, x, panels, out, scratch)
}

/** Points of length 1, in panels, from points in panels. */
export function unitPanels(panels: usize, count: usize, n: usize): void {
  for (const end = panels + count * n * PANEL; panels < end; panels += n * PANEL) {
    for (let lane: usize = 0; lane < PANEL; lane += 16) {
      let sum = f64x2.splat(0)
      const first = panels + lane
      for (let at = first; at < first + n * PANEL; at += PANEL) sum = f64x2.add(sum, f64x2.mul(v128.load(at), v128.load(at)))
      const length = f64x2.sqrt(sum)
      const by = v128.bitselect(length, f64x2.splat(1), f64x2.gt(length, f64x2.splat(0)))
      for (let at = first; at < first + n * PANEL; at += PANEL) v128.store(at, f64x2.div(v128.load(at), by))
    }
  }
}

/** `panels` have points of length 1. */
export function cosineDistances(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize): void {
  lines(COSINE, rows, n, points, x, panels, out, scratch)
}

export function minkowskiDistances(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize, p: f64): void {
  lines(POWERS, rows, n, points, x, panels, out, scratch, p)
  roots(out, rows * points, p)
}

/** Rows that share each read of a coefficient or of a row of a matrix: four vectors, whose sums do not wait for each other. */
const ROWS: usize = 8

// Element 0 of two rows.
// @ts-ignore: decorator
@inline
function both(first: usize, second: usize): v128 {
  return v128.load64_lane(second, v128.load64_zero(first), 1)
}

// k [rows, vectors], coefficients [classes - 1, vectors], intercepts [pairs], starts [classes + 1] u32 -> out [rows, pairs]; vectors of the
// first class come first, as in src/ops/cpu/svm.ts
export function svmDecision(rows: usize, vectors: usize, classes: usize, k: usize, coefficients: usize, intercepts: usize, starts: usize, out: usize): void {
  const rowBytes = vectors * 8
  const pairs = classes * (classes - 1) / 2
  const outBytes = pairs * 8
  for (let row: usize = 0; row < rows; row += ROWS) {
    // Rows behind the last are it once more.
    const last = k + (rows - 1) * rowBytes
    const r0 = k + row * rowBytes
    const r1 = min(last, r0 + rowBytes)
    const r2 = min(last, r0 + 2 * rowBytes)
    const r3 = min(last, r0 + 3 * rowBytes)
    const r4 = min(last, r0 + 4 * rowBytes)
    const r5 = min(last, r0 + 5 * rowBytes)
    const r6 = min(last, r0 + 6 * rowBytes)
    const r7 = min(last, r0 + 7 * rowBytes)
    let pair: usize = 0
    for (let a: usize = 0; a < classes; a++) {
      for (let b = a + 1; b < classes; b++) {
        let s0 = f64x2.splat(0)
        let s1 = s0
        let s2 = s0
        let s3 = s0
        for (let half: i32 = 0; half < 2; half++) {
          const own = half == 0 ? a : b
          const at = coefficients + (half == 0 ? b - 1 : a) * rowBytes
          const end = <usize>load<u32>(starts + (own + 1) * 4) * 8
          for (let v = <usize>load<u32>(starts + own * 4) * 8; v < end; v += 8) {
            const c = v128.load64_splat(at + v)
            s0 = f64x2.add(s0, f64x2.mul(c, both(r0 + v, r1 + v)))
            s1 = f64x2.add(s1, f64x2.mul(c, both(r2 + v, r3 + v)))
            s2 = f64x2.add(s2, f64x2.mul(c, both(r4 + v, r5 + v)))
            s3 = f64x2.add(s3, f64x2.mul(c, both(r6 + v, r7 + v)))
          }
        }
        const intercept = v128.load64_splat(intercepts + pair * 8)
        storeRows(out + row * outBytes + pair * 8, outBytes, rows - row, f64x2.add(s0, intercept), f64x2.add(s1, intercept), f64x2.add(s2, intercept), f64x2.add(s3, intercept))
        pair++
      }
    }
  }
}

/** One element of each of up to eight rows. */
// @ts-ignore: decorator
@inline
function storeRows(to: usize, step: usize, rows: usize, s0: v128, s1: v128, s2: v128, s3: v128): void {
  v128.store64_lane(to, s0, 0)
  if (rows > 1) v128.store64_lane(to + step, s0, 1)
  if (rows > 2) v128.store64_lane(to + 2 * step, s1, 0)
  if (rows > 3) v128.store64_lane(to + 3 * step, s1, 1)
  if (rows > 4) v128.store64_lane(to + 4 * step, s2, 0)
  if (rows > 5) v128.store64_lane(to + 5 * step, s2, 1)
  if (rows > 6) v128.store64_lane(to + 6 * step, s3, 0)
  if (rows > 7) v128.store64_lane(to + 7 * step, s3, 1)
}

// b [rows, n], l [n, n] lower triangular -> out [rows, n] with l out = b for each row; scratch takes n times eight elements
export function triangularSolve(rows: usize, n: usize, b: usize, l: usize, out: usize, scratch: usize): void {
  const rowBytes = n * 8
  for (let row: usize = 0; row < rows; row += ROWS) {
    const last = b + (rows - 1) * rowBytes
    const r0 = b + row * rowBytes
    const r1 = min(last, r0 + rowBytes)
    const r2 = min(last, r0 + 2 * rowBytes)
    const r3 = min(last, r0 + 3 * rowBytes)
    const r4 = min(last, r0 + 4 * rowBytes)
    const r5 = min(last, r0 + 5 * rowBytes)
    const r6 = min(last, r0 + 6 * rowBytes)
    const r7 = min(last, r0 + 7 * rowBytes)
    for (let i: usize = 0; i < rowBytes; i += 8) {
      let s0 = both(r0 + i, r1 + i)
      let s1 = both(r2 + i, r3 + i)
      let s2 = both(r4 + i, r5 + i)
      let s3 = both(r6 + i, r7 + i)
      let at = l + (i >> 3) * rowBytes
      const end = scratch + i * ROWS
      for (let x = scratch; x < end; x += 64) {
        const value = v128.load64_splat(at)
        s0 = f64x2.sub(s0, f64x2.mul(value, v128.load(x)))
        s1 = f64x2.sub(s1, f64x2.mul(value, v128.load(x, 16)))
        s2 = f64x2.sub(s2, f64x2.mul(value, v128.load(x, 32)))
        s3 = f64x2.sub(s3, f64x2.mul(value, v128.load(x, 48)))
        at += 8
      }
      const pivot = v128.load64_splat(at)
      v128.store(end, f64x2.div(s0, pivot))
      v128.store(end, f64x2.div(s1, pivot), 16)
      v128.store(end, f64x2.div(s2, pivot), 32)
      v128.store(end, f64x2.div(s3, pivot), 48)
    }
    for (let i: usize = 0; i < rowBytes; i += 8) {
      const x = scratch + i * ROWS
      storeRows(out + row * rowBytes + i, rowBytes, rows - row, v128.load(x), v128.load(x, 16), v128.load(x, 32), v128.load(x, 48))
    }
  }
}

// index [rows, k] i32, labels [points] i32, weights [rows, k] f64 or none -> out [rows, classes] f64; true where an index or a label lies outside
export function classSums(out: usize, index: usize, labels: usize, points: u32, weights: usize, rows: usize, k: usize, classes: u32): bool {
  memory.fill(out, 0, rows * classes * 8)
  for (let row: usize = 0; row < rows; row++, out += classes * 8) {
    for (let i: usize = 0; i < k; i++, index += 4) {
      const point = load<u32>(index)
      if (point >= points) return true
      const label = load<u32>(labels + <usize>point * 4)
      if (label >= classes) return true
      const cell = out + <usize>label * 8
      let weight: f64 = 1
      if (weights) {
        weight = load<f64>(weights)
        weights += 8
      }
      store<f64>(cell, load<f64>(cell) + weight)
    }
  }
  return false
}
