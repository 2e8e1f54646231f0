// Windows over planes of raw memory with the bits of src/ops/cpu/pool.ts: a row of outputs takes the taps of its windows one after the other, so
// that vectors run along the row and each output has its elements in row-major order.
import { powersOf } from './powers.ts'
import { field, strided } from './window.ts'

// What a pool takes of its windows; numbers that the loops are compiled for one by one.
export const LARGEST = 0
export const AVERAGE = 1
export const SUM_OF_SIZES = 2
export const ROOT_OF_SQUARES = 3
export const ROOT_OF_POWERS = 4

/** First output column whose tap at `shift` lies in the input. */
// @ts-ignore: decorator
@inline
function firstColumn(shift: isize, stride: isize): isize {
  return shift >= 0 ? 0 : (stride - 1 - shift) / stride
}

/** Past the last one. */
// @ts-ignore: decorator
@inline
function pastColumn(shift: isize, stride: isize, width: isize, columns: isize): isize {
  const last = width - 1 - shift
  return last < 0 ? 0 : min<isize>(columns, last / stride + 1)
}

/** Elements that beat the best so far: larger ones, and NaN. */
// @ts-ignore: decorator
@inline
function better<T>(best: v128, x: v128): v128 {
  return v128.bitselect(x, best, v128.or(v128.gt<T>(x, best), v128.ne<T>(x, x)))
}

/** What a sum takes of its elements. */
// @ts-ignore: decorator
@inline
function term<T>(kind: i32, x: v128, p: f64): v128 {
  if (kind < SUM_OF_SIZES) return x
  if (kind == ROOT_OF_SQUARES) return v128.mul<T>(x, x)
  return kind == SUM_OF_SIZES ? v128.abs<T>(x) : powersOf<T>(v128.abs<T>(x), f64x2.splat(p))
}

/** What outputs are with one more element each. */
// @ts-ignore: decorator
@inline
function taken<T>(kind: i32, y: v128, x: v128, p: f64): v128 {
  return kind == LARGEST ? better<T>(y, x) : v128.add<T>(y, term<T>(kind, x, p))
}

// x: `count` elements `stride` apart; y [count] takes them in
// @ts-ignore: decorator
@inline
function takeRow<T>(kind: i32, x: usize, y: usize, count: isize, stride: usize, p: f64): void {
  const lanes: isize = 16 / sizeof<T>()
  const step = <usize>lanes * stride * sizeof<T>()
  let left = count
  for (; left >= lanes; left -= lanes) {
    const value = strided<T>(x, stride)
    v128.store(y, taken<T>(kind, v128.load(y), value, p))
    x += step
    y += 16
  }
  for (; left > 0; left--) {
    v128.store_lane<T>(y, taken<T>(kind, v128.load_splat<T>(y), v128.load_splat<T>(x), p), 0)
    x += stride * sizeof<T>()
    y += sizeof<T>()
  }
}

/** Taps of the window at an output place along an axis whose elements lie in [low, high). */
function tapsIn(shape: usize, axis: usize, place: isize, low: isize, high: isize): isize {
  const at = place * field(shape, 9 + axis) - field(shape, 15 + axis)
  const step = field(shape, 12 + axis)
  const from: isize = at >= low ? 0 : (low - at + step - 1) / step
  const past: isize = high <= at ? 0 : (high - at + step - 1) / step
  return min<isize>(field(shape, 6 + axis), past) - from
}

/** Elements that an average counts: those in the input, or with `padded` those in the padding as well, whose end is field 18. */
// @ts-ignore: decorator
@inline
function countIn(shape: usize, axis: usize, place: isize, padded: bool): isize {
  if (!padded) return max<isize>(0, tapsIn(shape, axis, place, 0, field(shape, axis)))
  return tapsIn(shape, axis, place, -field(shape, 15 + axis), field(shape, axis) + field(shape, 18 + axis))
}

// sums of powers y [columns] -> their roots
// @ts-ignore: decorator
@inline
function takeRoots<T>(kind: i32, y: usize, columns: isize, p: f64): void {
  const end = y + columns * sizeof<T>()
  for (; y + 16 <= end; y += 16) v128.store(y, root<T>(kind, v128.load(y), p))
  for (; y < end; y += sizeof<T>()) v128.store_lane<T>(y, root<T>(kind, v128.load_splat<T>(y), p), 0)
}

// @ts-ignore: decorator
@inline
function root<T>(kind: i32, x: v128, p: f64): v128 {
  return kind == ROOT_OF_SQUARES ? v128.sqrt<T>(x) : powersOf<T>(x, f64x2.splat(1 / p))
}

// x [planes, input] -> y [planes, output]; averages count the padding where it is `padded`
// @ts-ignore: decorator
@inline
export function pool<T>(kind: i32, padded: bool, shape: usize, x: usize, y: usize, planes: usize, p: f64): void {
  const height = field(shape, 1)
  const width = field(shape, 2)
  const columns = field(shape, 5)
  const stride = field(shape, 11)
  const planeBytes: usize = field(shape, 0) * height * width * sizeof<T>()
  for (let plane: usize = 0; plane < planes; plane++) {
    for (let d: isize = 0; d < field(shape, 3); d++) {
      for (let h: isize = 0; h < field(shape, 4); h++) {
        for (let c: isize = 0; c < columns; c++) store<T>(y + c * sizeof<T>(), kind == LARGEST ? <T>-Infinity : <T>0)
        for (let i: isize = 0; i < field(shape, 6); i++) {
          const z = d * field(shape, 9) - field(shape, 15) + i * field(shape, 12)
          if (<u32>z >= <u32>field(shape, 0)) continue
          for (let j: isize = 0; j < field(shape, 7); j++) {
            const v = h * field(shape, 10) - field(shape, 16) + j * field(shape, 13)
            if (<u32>v >= <u32>height) continue
            for (let k: isize = 0; k < field(shape, 8); k++) {
              const shift = k * field(shape, 14) - field(shape, 17)
              const first = firstColumn(shift, stride)
              const count = pastColumn(shift, stride, width, columns) - first
              if (count > 0) takeRow<T>(kind, x + ((z * height + v) * width + first * stride + shift) * sizeof<T>(), y + first * sizeof<T>(), count, stride, p)
            }
          }
        }
        if (kind == ROOT_OF_SQUARES || kind == ROOT_OF_POWERS) takeRoots<T>(kind, y, columns, p)
        if (kind == AVERAGE) {
          const some = countIn(shape, 0, d, padded) * countIn(shape, 1, h, padded)
          for (let c: isize = 0; c < columns; c++) store<T>(y + c * sizeof<T>(), load<T>(y + c * sizeof<T>()) / <T>(some * countIn(shape, 2, c, padded)))
        }
        y += columns * sizeof<T>()
      }
    }
    x += planeBytes
  }
}
