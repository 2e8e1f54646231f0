// The k nearest points over raw memory with the bits of src/ops/cpu/neighbors.ts: points of a leaf lie in panels of four, features one
// after the other, so that four distances are summed at once; a scan of all points is a tree of one leaf.
import { canEstimate, CANBERRA, ESTIMATE_LEAST, estimateError, ESTIMATES, EXPANDED, finished, HAMMING, LARGEST, MAGNITUDES, POWERS, roots, SQUARES, term } from './metric.ts'
import { powLanes } from './powers.ts'
import { EDGE_BYTES, PANEL, product } from './product.ts'

// Bounds of nodes
const NONE: i32 = 0
const BOXES: i32 = 1

// A search in memory, 32-bit words: kind, k, features, later ones kept of ties, panels, first panel of each node (u32), norms in panels,
// nodes [nodes, 3] i32, order [points] i32, bounds f64, radii f64, form of bounds, nodes; from 56 on the power, float64.
const K: usize = 4
const FEATURES: usize = 8
const LATER: usize = 12
const PANELS: usize = 16
const FIRST: usize = 20
const NORMS: usize = 24
const NODES: usize = 28
const ORDER: usize = 32
const BOUNDS: usize = 36
const RADII: usize = 40
const FORM: usize = 44
const COUNT: usize = 48
const POWER: usize = 56

/** The heap's root is the farthest; see pushHeap in src/ops/cpu/neighbors.ts. */
function push(values: usize, indices: usize, k: usize, isLaterKept: bool, value: f64, index: i32): void {
  const top = load<f64>(values)
  if (isLaterKept ? value > top : value >= top) return
  let at: usize = 0
  for (;;) {
    const left: usize = 2 * at + 1
    if (left >= k) break
    const right: usize = left + 1
    // Which child is larger nobody can guess: no branch.
    const child: usize = right < k ? left + <usize>!(load<f64>(values + left * 8) >= load<f64>(values + right * 8)) : left
    const next = load<f64>(values + child * 8)
    if (!(value < next)) break
    store<f64>(values + at * 8, next)
    store<i32>(indices + at * 4, load<i32>(indices + child * 4))
    at = child
  }
  store<f64>(values + at * 8, value)
  store<i32>(indices + at * 4, index)
}

function sort(values: usize, indices: usize, k: usize): void {
  for (let i: usize = 1; i < k; i++) {
    const value = load<f64>(values + i * 8)
    const index = load<i32>(indices + i * 4)
    let at = i
    for (; at > 0; at--) {
      const before = load<f64>(values + (at - 1) * 8)
      if (!(before > value)) break
      store<f64>(values + at * 8, before)
      store<i32>(indices + at * 4, load<i32>(indices + (at - 1) * 4))
    }
    store<f64>(values + at * 8, value)
    store<i32>(indices + at * 4, index)
  }
}

/** Rows whose products with a tile of points are computed at once, which are offered to their heaps while they are in the first-level cache. */
const TILE_ROWS: usize = 4
const TILE_POINTS: usize = 64

/** All points by |x|^2 - 2 x y + |y|^2. Scratch takes a product's edge, a tile, and a number for each of its rows. */
function scanExpanded(search: usize, rows: usize, x: usize, distances: usize, indices: usize, scratch: usize): void {
  const count = <usize>load<i32>(<usize>load<u32>(search, NODES), 4)
  const order = <usize>load<u32>(search, ORDER)
  const norms = <usize>load<u32>(search, NORMS)
  const panels = <usize>load<u32>(search, PANELS)
  const n = <usize>load<u32>(search, FEATURES)
  const k = <usize>load<u32>(search, K)
  const isLaterKept = load<u32>(search, LATER) != 0
  const tile = scratch + EDGE_BYTES
  const lengths = tile + TILE_ROWS * TILE_POINTS * 8
  const factor = f64x2.splat(-2)
  for (let row: usize = 0, at = x; row < rows; row++) {
    let xx: f64 = 0
    for (const end = at + n * 8; at < end; at += 8) xx += load<f64>(at) * load<f64>(at)
    store<f64>(lengths + row * 8, xx)
  }
  for (let j: usize = 0; j < count; j += TILE_POINTS) {
    const some = min(TILE_POINTS, count - j)
    product<f64>(rows, n, (some + 3) / 4 * 4, x, n * 8, 8, panels + (j >> 2) * n * PANEL, PANEL, n * PANEL, tile, TILE_POINTS * 8, true, 0, 0, scratch)
    for (let row: usize = 0; row < rows; row++) {
      const own = v128.load64_splat(lengths + row * 8)
      const values = distances + row * k * 8
      const places = indices + row * k * 4
      const from = tile + row * TILE_POINTS * 8
      const xx = load<f64>(lengths + row * 8)
      // The first points fill the heap, so that nearly every one changes what is too far.
      const step: usize = j == 0 ? 8 : TILE_POINTS
      for (let start: usize = 0; start < some; start += step) {
        const top = v128.load64_splat(values)
        const stop = min(start + step, some)
        // A bit for each point that is not too far, as far as the heap knows now. What is below 0 is 0, and never too far.
        let near: u64 = 0
        for (let i = start; i < stop; i += 8) {
          const at = from + i * 8
          const norm = norms + (j + i) * 8
          const far0 = f64x2.gt(f64x2.add(f64x2.add(f64x2.mul(factor, v128.load(at)), own), v128.load(norm)), top)
          const far1 = f64x2.gt(f64x2.add(f64x2.add(f64x2.mul(factor, v128.load(at, 16)), own), v128.load(norm, 16)), top)
          const far2 = f64x2.gt(f64x2.add(f64x2.add(f64x2.mul(factor, v128.load(at, 32)), own), v128.load(norm, 32)), top)
          const far3 = f64x2.gt(f64x2.add(f64x2.add(f64x2.mul(factor, v128.load(at, 48)), own), v128.load(norm, 48)), top)
          const far01 = v128.shuffle<f32>(far0, far1, 0, 2, 4, 6)
          const far23 = v128.shuffle<f32>(far2, far3, 0, 2, 4, 6)
          near |= <u64>(255 ^ (i32x4.bitmask(far01) | (i32x4.bitmask(far23) << 4))) << i
        }
        near &= <u64>-1 >> (TILE_POINTS - some)
        for (; near != 0; near &= near - 1) {
          const i = <usize>ctz<u64>(near)
          const square = max<f64>(0, -2 * load<f64>(from + i * 8) + xx + load<f64>(norms + (j + i) * 8))
          push(values, places, k, isLaterKept, square, load<i32>(order + (j + i) * 4))
          // Behind NaN in the heap nothing is too far.
          if (square != square) near = (<u64>-1 >> (TILE_POINTS - stop)) & (<u64>-1 << i)
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function scan(kind: i32, search: usize, x: usize, node: usize, values: usize, indices: usize): void {
  const nodes = <usize>load<u32>(search, NODES) + node * 12
  const start = <usize>load<i32>(nodes)
  const count = <usize>load<i32>(nodes, 4) - start
  const order = <usize>load<u32>(search, ORDER) + start * 4
  const n = <usize>load<u32>(search, FEATURES)
  const p = load<f64>(search, POWER)
  const k = <usize>load<u32>(search, K)
  const isLaterKept = load<u32>(search, LATER) != 0
  const first = <usize>load<u32>(<usize>load<u32>(search, FIRST) + node * 4)
  let y = <usize>load<u32>(search, PANELS) + first * n * PANEL
  const isEstimated = kind == POWERS && canEstimate(p)
  for (let j: usize = 0; j < count; j += 4) {
    if (isEstimated) {
      // What estimates find to be too far needs no powers.
      let e0 = f64x2.splat(0)
      let e1 = e0
      for (let f: usize = 0; f < n; f++) {
        const v = v128.load64_splat(x + f * 8)
        e0 = term(ESTIMATES, e0, v, v128.load(y + f * PANEL), p)
        e1 = term(ESTIMATES, e1, v, v128.load(y + f * PANEL, 16), p)
      }
      const most = f64x2.splat(load<f64>(values) * (1 + estimateError(n)) + ESTIMATE_LEAST)
      if (i64x2.bitmask(v128.and(f64x2.gt(e0, most), f64x2.gt(e1, most))) == 3) {
        y += n * PANEL
        continue
      }
    }
    let low = f64x2.splat(0)
    let high = low
    for (const end = y + n * PANEL; y < end; y += PANEL) {
      const v = v128.load64_splat(x)
      low = term(kind, low, v, v128.load(y), p)
      high = term(kind, high, v, v128.load(y, 16), p)
      x += 8
    }
    x -= n * 8
    low = finished(kind, low, n)
    high = finished(kind, high, n)
    // Four that are all too far go by at once.
    const top = v128.load64_splat(values)
    if (i64x2.bitmask(v128.and(f64x2.gt(low, top), f64x2.gt(high, top))) == 3) continue
    const at = order + j * 4
    push(values, indices, k, isLaterKept, f64x2.extract_lane(low, 0), load<i32>(at))
    if (j + 1 < count) push(values, indices, k, isLaterKept, f64x2.extract_lane(low, 1), load<i32>(at, 4))
    if (j + 2 < count) push(values, indices, k, isLaterKept, f64x2.extract_lane(high, 0), load<i32>(at, 8))
    if (j + 3 < count) push(values, indices, k, isLaterKept, f64x2.extract_lane(high, 1), load<i32>(at, 12))
  }
}

// @ts-ignore: decorator
@inline
function both(first: usize, second: usize): v128 {
  return v128.load64_lane(second, v128.load64_zero(first), 1)
}

/** Distances to two nodes from below, in reduced form. */
// @ts-ignore: decorator
@inline
function bound(kind: i32, search: usize, x: usize, first: usize, second: usize): v128 {
  const n = <usize>load<u32>(search, FEATURES)
  const p = load<f64>(search, POWER)
  const bounds = <usize>load<u32>(search, BOUNDS)
  const a = bounds + first * n * 8
  const b = bounds + second * n * 8
  let sum = f64x2.splat(0)
  if (load<u32>(search, FORM) == BOXES) {
    const highest = <usize>load<u32>(search, COUNT) * n * 8
    const zero = sum
    for (let f: usize = 0; f < n * 8; f += 8) {
      const v = v128.load64_splat(x + f)
      const low = f64x2.sub(both(a + f, b + f), v)
      const high = f64x2.sub(v, both(a + highest + f, b + highest + f))
      const d = f64x2.mul(f64x2.splat(0.5), f64x2.add(f64x2.add(low, f64x2.abs(low)), f64x2.add(high, f64x2.abs(high))))
      sum = term(kind, sum, d, zero, p)
    }
    return sum
  }
  for (let f: usize = 0; f < n * 8; f += 8) sum = term(kind, sum, v128.load64_splat(x + f), both(a + f, b + f), p)
  sum = finished(kind, sum, n)
  const radii = <usize>load<u32>(search, RADII)
  if (kind == SQUARES) sum = f64x2.sqrt(sum)
  if (kind == POWERS) sum = powLanes(sum, f64x2.splat(1 / p))
  const away = f64x2.max(f64x2.splat(0), f64x2.sub(sum, both(radii + first * 8, radii + second * 8)))
  if (kind == POWERS) return powLanes(away, f64x2.splat(p))
  return kind == SQUARES ? f64x2.mul(away, away) : away
}

function scanOf(kind: i32, search: usize, x: usize, node: usize, values: usize, indices: usize): void {
  if (kind == SQUARES) scan(SQUARES, search, x, node, values, indices)
  else if (kind == MAGNITUDES) scan(MAGNITUDES, search, x, node, values, indices)
  else if (kind == LARGEST) scan(LARGEST, search, x, node, values, indices)
  else if (kind == CANBERRA) scan(CANBERRA, search, x, node, values, indices)
  else if (kind == POWERS) scan(POWERS, search, x, node, values, indices)
  else scan(HAMMING, search, x, node, values, indices)
}

/** Bounds by estimates, where boxes are bounded and there are such; see walk. */
function boundsOf(kind: i32, search: usize, x: usize, first: usize, second: usize): v128 {
  if (kind == POWERS && isEstimated(search)) return bound(ESTIMATES, search, x, first, second)
  return boundOf(kind, search, x, first, second)
}

function isEstimated(search: usize): bool {
  return load<u32>(search, FORM) == BOXES && canEstimate(load<f64>(search, POWER))
}

function boundOf(kind: i32, search: usize, x: usize, first: usize, second: usize): v128 {
  if (kind == SQUARES) return bound(SQUARES, search, x, first, second)
  if (kind == MAGNITUDES) return bound(MAGNITUDES, search, x, first, second)
  if (kind == LARGEST) return bound(LARGEST, search, x, first, second)
  if (kind == POWERS) return bound(POWERS, search, x, first, second)
  return kind == CANBERRA ? bound(CANBERRA, search, x, first, second) : bound(HAMMING, search, x, first, second)
}

/** Whether a bound is above the farthest that is kept; `lowest` may be an estimate. */
function isBeyond(kind: i32, search: usize, x: usize, node: usize, lowest: f64, top: f64): bool {
  if (kind != POWERS || !isEstimated(search)) return lowest > top
  const error = estimateError(<usize>load<u32>(search, FEATURES))
  if (lowest > top * (1 + error) + ESTIMATE_LEAST) return true
  if (lowest * (1 + error) + ESTIMATE_LEAST < top) return false
  return f64x2.extract_lane(boundOf(kind, search, x, node, node), 0) > top
}

/** Whether the left of two nodes comes first; bounds may be estimates. */
function isLeftFirst(kind: i32, search: usize, x: usize, left: usize, toLeft: f64, toRight: f64): bool {
  if (kind != POWERS || !isEstimated(search)) return toLeft <= toRight
  const error = estimateError(<usize>load<u32>(search, FEATURES))
  if (abs<f64>(toLeft - toRight) > (toLeft + toRight) * error + ESTIMATE_LEAST) return toLeft < toRight
  const both = boundOf(kind, search, x, left, left + 1)
  return f64x2.extract_lane(both, 0) <= f64x2.extract_lane(both, 1)
}

function walk(kind: i32, search: usize, x: usize, node: usize, lowest: f64, values: usize, indices: usize): void {
  if (isBeyond(kind, search, x, node, lowest, load<f64>(values))) return
  const nodes = <usize>load<u32>(search, NODES)
  if (load<i32>(nodes + node * 12, 8) != 0) {
    scanOf(kind, search, x, node, values, indices)
    return
  }
  const left: usize = 2 * node + 1
  const right = left + 1
  const both = boundsOf(kind, search, x, left, right)
  const toLeft = f64x2.extract_lane(both, 0)
  const toRight = f64x2.extract_lane(both, 1)
  if (isLeftFirst(kind, search, x, left, toLeft, toRight)) {
    walk(kind, search, x, left, toLeft, values, indices)
    walk(kind, search, x, right, toRight, values, indices)
  } else {
    walk(kind, search, x, right, toRight, values, indices)
    walk(kind, search, x, left, toLeft, values, indices)
  }
}

// x [rows, n] f64 -> distances [rows, k] f64, indices [rows, k] i32; scratch takes what scanExpanded does
export function nearest(search: usize, rows: usize, x: usize, distances: usize, indices: usize, isRoot: bool, scratch: usize): void {
  const first = distances
  const kind = load<i32>(search)
  const k = <usize>load<u32>(search, K)
  const n = <usize>load<u32>(search, FEATURES)
  const isTree = load<u32>(search, FORM) != NONE
  memory.fill(indices, 0, rows * k * 4)
  for (let i: usize = 0; i < rows * k; i++) store<f64>(distances + i * 8, Infinity)
  if (kind == EXPANDED) {
    for (let row: usize = 0; row < rows; row += TILE_ROWS) scanExpanded(search, min(TILE_ROWS, rows - row), x + row * n * 8, distances + row * k * 8, indices + row * k * 4, scratch)
  }
  for (let row: usize = 0; row < rows; row++) {
    if (kind != EXPANDED) {
      const lowest: f64 = isTree ? f64x2.extract_lane(boundsOf(kind, search, x, 0, 0), 0) : 0
      walk(kind, search, x, 0, lowest, distances, indices)
    }
    sort(distances, indices, k)
    x += n * 8
    distances += k * 8
    indices += k * 4
  }
  if (isRoot) roots(first, rows * k, load<f64>(search, POWER))
}
