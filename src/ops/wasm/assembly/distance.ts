// Euclidean distances from rows to points over raw memory with the bits of src/ops/cpu/distances.ts: one accumulator for each pair, features
// ascending. Points lie in panels of four, as B of a product does (parts/product.ts).
import { pack, PANEL, product } from './parts/product.ts'

// @ts-ignore: decorator
@inline
function away(sum: v128, x: v128, y: v128): v128 {
  const d = f64x2.sub(x, y)
  return f64x2.add(sum, f64x2.mul(d, d))
}

// x [4, n] rows `rowStep` apart, y one panel of points -> out [4, 4] rows PANEL apart
function squares4(n: usize, x: usize, rowStep: usize, y: usize, out: usize): void {
  let x1 = x + rowStep
  let x2 = x1 + rowStep
  let x3 = x2 + rowStep
  let c00 = f64x2.splat(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  for (let f: usize = 0; f < n; f++) {
    const y0 = v128.load(y)
    const y1 = v128.load(y, 16)
    let v = v128.load64_splat(x)
    c00 = away(c00, v, y0)
    c01 = away(c01, v, y1)
    v = v128.load64_splat(x1)
    c10 = away(c10, v, y0)
    c11 = away(c11, v, y1)
    v = v128.load64_splat(x2)
    c20 = away(c20, v, y0)
    c21 = away(c21, v, y1)
    v = v128.load64_splat(x3)
    c30 = away(c30, v, y0)
    c31 = away(c31, v, y1)
    y += PANEL
    x += 8
    x1 += 8
    x2 += 8
    x3 += 8
  }
  v128.store(out, c00)
  v128.store(out, c01, 16)
  v128.store(out, c10, 32)
  v128.store(out, c11, 48)
  v128.store(out, c20, 64)
  v128.store(out, c21, 80)
  v128.store(out, c30, 96)
  v128.store(out, c31, 112)
}

// x [n], y two panels of points `panelStep` apart -> out [8]
function squares1(n: usize, x: usize, y: usize, panelStep: usize, out: usize): void {
  let p = y + panelStep
  let c0 = f64x2.splat(0)
  let c1 = c0
  let c2 = c0
  let c3 = c0
  for (let f: usize = 0; f < n; f++) {
    const v = v128.load64_splat(x)
    c0 = away(c0, v, v128.load(y))
    c1 = away(c1, v, v128.load(y, 16))
    c2 = away(c2, v, v128.load(p))
    c3 = away(c3, v, v128.load(p, 16))
    x += 8
    y += PANEL
    p += PANEL
  }
  v128.store(out, c0)
  v128.store(out, c1, 16)
  v128.store(out, c2, 32)
  v128.store(out, c3, 48)
}

// x [rows, n], panels of points -> out [rows, points]; scratch takes a tile
function direct(rows: usize, n: usize, points: usize, x: usize, panels: usize, out: usize, scratch: usize): void {
  const panelStep = n * PANEL
  const rowStep = n * 8
  let row: usize = 0
  for (; row + 4 <= rows; row += 4) {
    for (let j: usize = 0; j < points; j += 4) {
      squares4(n, x + row * rowStep, rowStep, panels + (j >> 2) * panelStep, scratch)
      const some = min<usize>(4, points - j) * 8
      for (let i: usize = 0; i < 4; i++) memory.copy(out + ((row + i) * points + j) * 8, scratch + i * PANEL, some)
    }
  }
  for (; row < rows; row++) {
    for (let j: usize = 0; j < points; j += 8) {
      // Where one panel is left it stands in for the other as well.
      squares1(n, x + row * rowStep, panels + (j >> 2) * panelStep, j + 4 < points ? panelStep : 0, scratch)
      memory.copy(out + (row * points + j) * 8, scratch, min<usize>(8, points - j) * 8)
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
  if (!norms) direct(rows, n, points, x, panels, out, scratch)
  else {
    product<f64>(rows, n, points, x, n * 8, 8, panels, PANEL, n * PANEL, out, points * 8, true, 0, scratch)
    const zero = f64x2.splat(0)
    const factor = f64x2.splat(-2)
    for (let row: usize = 0; row < rows; row++) {
      squaredNorms(x + row * n * 8, 1, n, scratch)
      const xx = load<f64>(scratch)
      const own = f64x2.splat(xx)
      const to = out + row * points * 8
      let j: usize = 0
      for (; j + 2 <= points; j += 2) {
        v128.store(to + j * 8, f64x2.max(zero, f64x2.add(f64x2.add(f64x2.mul(factor, v128.load(to + j * 8)), own), v128.load(norms + j * 8))))
      }
      if (j < points) store<f64>(to + j * 8, max<f64>(0, -2 * load<f64>(to + j * 8) + xx + load<f64>(norms + j * 8)))
    }
  }
  if (!isRoot) return
  const end = out + rows * points * 8
  for (; out + 16 <= end; out += 16) v128.store(out, f64x2.sqrt(v128.load(out)))
  if (out < end) store<f64>(out, sqrt<f64>(load<f64>(out)))
}
