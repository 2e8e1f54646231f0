// Pools over raw memory with the bits of src/ops/cpu/pool.ts: a row of outputs takes the taps of its windows one after the other, so
// that vectors run along the row and each output has its elements in row-major order.
import { field, strided } from './parts/window.ts'

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

// x: `count` elements `stride` apart; y [count] takes them in
// @ts-ignore: decorator
@inline
function takeRow<T>(isMax: bool, x: usize, y: usize, count: isize, stride: usize): void {
  const lanes: isize = 16 / sizeof<T>()
  const step = <usize>lanes * stride * sizeof<T>()
  let left = count
  for (; left >= lanes; left -= lanes) {
    const value = strided<T>(x, stride)
    v128.store(y, isMax ? better<T>(v128.load(y), value) : v128.add<T>(v128.load(y), value))
    x += step
    y += 16
  }
  for (; left > 0; left--) {
    const value = load<T>(x)
    const old = load<T>(y)
    store<T>(y, isMax ? (value > old || value != value ? value : old) : old + value)
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

// x [planes, input] -> y [planes, output]
// @ts-ignore: decorator
@inline
function pool<T>(isMax: bool, padded: bool, shape: usize, x: usize, y: usize, planes: usize): void {
  const height = field(shape, 1)
  const width = field(shape, 2)
  const columns = field(shape, 5)
  const stride = field(shape, 11)
  const planeBytes: usize = field(shape, 0) * height * width * sizeof<T>()
  for (let plane: usize = 0; plane < planes; plane++) {
    for (let d: isize = 0; d < field(shape, 3); d++) {
      for (let h: isize = 0; h < field(shape, 4); h++) {
        for (let c: isize = 0; c < columns; c++) store<T>(y + c * sizeof<T>(), isMax ? <T>-Infinity : <T>0)
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
              if (count > 0) takeRow<T>(isMax, x + ((z * height + v) * width + first * stride + shift) * sizeof<T>(), y + first * sizeof<T>(), count, stride)
            }
          }
        }
        if (!isMax) {
          const some = countIn(shape, 0, d, padded) * countIn(shape, 1, h, padded)
          for (let c: isize = 0; c < columns; c++) store<T>(y + c * sizeof<T>(), load<T>(y + c * sizeof<T>()) / <T>(some * countIn(shape, 2, c, padded)))
        }
        y += columns * sizeof<T>()
      }
    }
    x += planeBytes
  }
}

/** `kind`: 0 the largest, 1 the average of the input's elements, 2 the average with the padding's. */
export function pool32(kind: i32, shape: usize, x: usize, y: usize, planes: usize): void {
  if (kind == 0) pool<f32>(true, false, shape, x, y, planes)
  else pool<f32>(false, kind == 2, shape, x, y, planes)
}

export function pool64(kind: i32, shape: usize, x: usize, y: usize, planes: usize): void {
  if (kind == 0) pool<f64>(true, false, shape, x, y, planes)
  else pool<f64>(false, kind == 2, shape, x, y, planes)
}
