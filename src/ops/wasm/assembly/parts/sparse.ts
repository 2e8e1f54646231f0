// One row, many of whose elements are 0, by a matrix of finite numbers: products with 0 are +0 or -0, which change no sum that began at +0, so that they
// can be left out without changing a bit. Images of digits and what Relu leaves are such rows.
import { finish } from './epilogue.ts'
import { PANEL } from './product.ts'

/** Vectors of the row that are looked at before the rest is. */
const SAMPLES: usize = 32
/** Rows with more elements than this share, in sixteenths, are multiplied as they are. */
const MOST: usize = 9

// @ts-ignore: decorator
@inline
function zeros<T>(a: usize): usize {
  return sizeof<T>() == 8 ? <usize>popcnt<i32>(i64x2.bitmask(f64x2.eq(v128.load(a), f64x2.splat(0)))) : <usize>popcnt<i32>(i32x4.bitmask(f32x4.eq(v128.load(a), f32x4.splat(0))))
}

/** Whether enough of a dense row is 0, by samples. */
function isSparse<T>(a: usize, depth: usize): bool {
  const lanes: usize = 16 / sizeof<T>()
  const vectors = depth / lanes
  const count = min(SAMPLES, vectors)
  const step: usize = vectors / max<usize>(1, count) * 16
  let none: usize = 0
  for (let i: usize = 0; i < count; i++) none += zeros<T>(a + i * step)
  return (count * lanes - none) * 16 <= count * lanes * MOST
}

// Elements that are not 0, at `values` [count], and where their rows of a panel begin, at `places` [count] u32
function gather<T>(a: usize, depth: usize, values: usize, places: usize): usize {
  let count: usize = 0
  for (let k: usize = 0; k < depth; k++) {
    const x: T = load<T>(a + k * sizeof<T>())
    store<T>(values + count * sizeof<T>(), x)
    store<u32>(places + count * 4, <u32>(k * PANEL))
    // Written over unless it counts.
    count += x != 0 ? 1 : 0
  }
  return count
}

// values, places [count], b 4 panels -> c [1, 4 panels]
function tile4<T>(count: usize, values: usize, places: usize, b: usize, panelStep: usize, c: usize): void {
  const p = b + panelStep
  const q = p + panelStep
  const r = q + panelStep
  let c0 = v128.splat<T>(0)
  let c1 = c0
  let c2 = c0
  let c3 = c0
  let c4 = c0
  let c5 = c0
  let c6 = c0
  let c7 = c0
  for (let i: usize = 0; i < count; i++) {
    const x = v128.load_splat<T>(values)
    const at: usize = load<u32>(places)
    c0 = v128.add<T>(c0, v128.mul<T>(x, v128.load(b + at)))
    c1 = v128.add<T>(c1, v128.mul<T>(x, v128.load(b + at, 16)))
    c2 = v128.add<T>(c2, v128.mul<T>(x, v128.load(p + at)))
    c3 = v128.add<T>(c3, v128.mul<T>(x, v128.load(p + at, 16)))
    c4 = v128.add<T>(c4, v128.mul<T>(x, v128.load(q + at)))
    c5 = v128.add<T>(c5, v128.mul<T>(x, v128.load(q + at, 16)))
    c6 = v128.add<T>(c6, v128.mul<T>(x, v128.load(r + at)))
    c7 = v128.add<T>(c7, v128.mul<T>(x, v128.load(r + at, 16)))
    values += sizeof<T>()
    places += 4
  }
  v128.store(c, c0)
  v128.store(c, c1, 16)
  v128.store(c, c2, 32)
  v128.store(c, c3, 48)
  v128.store(c, c4, 64)
  v128.store(c, c5, 80)
  v128.store(c, c6, 96)
  v128.store(c, c7, 112)
}

// values, places [count], b 1 panel -> c [1, 1 panel]
function tile1<T>(count: usize, values: usize, places: usize, b: usize, c: usize): void {
  let c0 = v128.splat<T>(0)
  let c1 = c0
  for (let i: usize = 0; i < count; i++) {
    const x = v128.load_splat<T>(values)
    const at: usize = load<u32>(places)
    c0 = v128.add<T>(c0, v128.mul<T>(x, v128.load(b + at)))
    c1 = v128.add<T>(c1, v128.mul<T>(x, v128.load(b + at, 16)))
    values += sizeof<T>()
    places += 4
  }
  v128.store(c, c0)
  v128.store(c, c1, 16)
}

/** a [1, depth] dense, panels of finite numbers -> c [1, columns]; false, and nothing done, where few elements are 0. Scratch: an edge, then `room` bytes. */
export function sparseRow<T>(depth: usize, columns: usize, a: usize, panels: usize, c: usize, bias: usize, epilogue: usize, edge: usize, room: usize, from: usize): bool {
  if (depth * (sizeof<T>() + 4) + 16 > room || !isSparse<T>(a, depth)) return false
  const lanes: usize = 32 / sizeof<T>()
  const panelStep = depth * PANEL
  const places = from + depth * sizeof<T>() + 8
  const count = gather<T>(a, depth, from, places)
  let left = columns
  let d = c
  for (; left >= 4 * lanes; left -= 4 * lanes) {
    tile4<T>(count, from, places, panels, panelStep, d)
    panels += 4 * panelStep
    d += 4 * PANEL
  }
  for (; left >= lanes; left -= lanes) {
    tile1<T>(count, from, places, panels, d)
    panels += panelStep
    d += PANEL
  }
  if (left > 0) {
    tile1<T>(count, from, places, panels, edge)
    memory.copy(d, edge, left * sizeof<T>())
  }
  finish<T>(1, columns * sizeof<T>(), c, 0, bias, epilogue)
  return true
}

/** Whether each of `count` elements is a number and no infinity. */
export function allFinite<T>(b: usize, count: usize): bool {
  const end = b + count * sizeof<T>()
  // Differences of finite numbers with themselves are 0, others NaN, which stays.
  let away = v128.splat<T>(0)
  for (; b + 16 <= end; b += 16) away = v128.add<T>(away, v128.sub<T>(v128.load(b), v128.load(b)))
  let rest: T = 0
  for (; b < end; b += sizeof<T>()) rest += load<T>(b) - load<T>(b)
  return rest == 0 && !v128.any_true(away)
}
