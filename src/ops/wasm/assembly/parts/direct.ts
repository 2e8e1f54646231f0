// Convolutions of wide images without packed windows: rows of the input are copied with their padding, a band of output rows at a time, and taps are read where
// they lie. With stride 2 the even and the odd elements of a row lie apart, so that neighbouring outputs read neighbours.
import { madd, PANEL } from './product.ts'
import { field, strided } from './window.ts'

/** More products per output would not stay in the first-level cache for all features. */
const MAX_DEPTH: usize = 1024

/** Elements of a channel's row, each of its phases after the other. */
// @ts-ignore: decorator
@inline
function phaseLength(shape: usize): usize {
  return field(shape, 5) + (field(shape, 8) - 1) * field(shape, 14) / field(shape, 11)
}

/** Input rows that a band of output rows reads. */
// @ts-ignore: decorator
@inline
function rowsFor(shape: usize, outputs: usize): usize {
  return (outputs - 1) * field(shape, 10) + (field(shape, 7) - 1) * field(shape, 13) + 1
}

/** Output rows of a band that fits into `room`; 0 where this is not the way to compute a convolution. */
export function bandRows<T>(shape: usize, channels: usize, features: usize, room: usize): usize {
  const lanes: usize = PANEL / sizeof<T>()
  const width: usize = field(shape, 5)
  const taps: usize = field(shape, 7) * field(shape, 8)
  const isFlat = field(shape, 0) == 1 && field(shape, 3) == 1 && field(shape, 6) == 1 && field(shape, 15) == 0
  const whole = (width + lanes - 1) / lanes * lanes
  // A vector of outputs that is computed twice should be the exception.
  if (!isFlat || field(shape, 11) > 2 || width < lanes || (whole - width) * 12 > width || features < 4 || channels == 0 || taps < 2 || channels * taps > MAX_DEPTH) return 0
  const rowBytes = channels * phaseLength(shape) * field(shape, 11) * sizeof<T>()
  const rows = room / rowBytes
  const least = rowsFor(shape, 1)
  if (rows < least) return 0
  const some = min<usize>((rows - least) / field(shape, 10) + 1, field(shape, 4))
  // Rows that two bands read are copied twice.
  return some * 2 >= min<usize>(least, field(shape, 4)) ? some : 0
}

// x [width] -> phases [stride, length] of the padded row
function padRow<T>(shape: usize, x: usize, to: usize): void {
  const length = <isize>phaseLength(shape)
  const stride = field(shape, 11)
  const before = field(shape, 17)
  const width = field(shape, 2)
  for (let phase: isize = 0; phase < stride; phase++) {
    // Elements t stride + phase - before of the row, from the first that it has to the last.
    const first = max<isize>(0, min<isize>(length, (before - phase + stride - 1) / stride))
    const last = width - 1 + before - phase
    const end = last < 0 ? first : max<isize>(first, min<isize>(length, last / stride + 1))
    memory.fill(to, 0, first * sizeof<T>())
    let from = x + (first * stride + phase - before) * sizeof<T>()
    if (stride == 1) memory.copy(to + first * sizeof<T>(), from, (end - first) * sizeof<T>())
    else {
      const lanes: isize = 16 / sizeof<T>()
      let t = first
      for (; t + lanes <= end; t += lanes, from += 32) v128.store(to + t * sizeof<T>(), strided<T>(from, 2))
      for (; t < end; t++, from += 2 * sizeof<T>()) store<T>(to + t * sizeof<T>(), load<T>(from))
    }
    memory.fill(to + end * sizeof<T>(), 0, (length - end) * sizeof<T>())
    to += length * sizeof<T>()
  }
}

// @ts-ignore: decorator
@inline
function put<T>(c: usize, value: v128, bias: usize): void {
  v128.store(c, bias ? v128.add<T>(value, v128.load_splat<T>(bias)) : value)
}

// w [4, depth], x one panel at each of `places` [depth] u32 -> c [4, 1 panel]
function tile4<T>(depth: usize, w: usize, x: usize, places: usize, c: usize, cStep: usize, bias: usize): void {
  const step = depth * sizeof<T>()
  let w1 = w + step
  let w2 = w1 + step
  let w3 = w2 + step
  let c00 = v128.splat<T>(0)
  let c01 = c00
  let c10 = c00
  let c11 = c00
  let c20 = c00
  let c21 = c00
  let c30 = c00
  let c31 = c00
  for (const end = places + depth * 4; places < end; places += 4) {
    const at = x + load<u32>(places)
    const b0 = v128.load(at)
    const b1 = v128.load(at, 16)
    let f = v128.load_splat<T>(w)
    c00 = madd<T>(c00, f, b0)
    c01 = madd<T>(c01, f, b1)
    f = v128.load_splat<T>(w1)
    c10 = madd<T>(c10, f, b0)
    c11 = madd<T>(c11, f, b1)
    f = v128.load_splat<T>(w2)
    c20 = madd<T>(c20, f, b0)
    c21 = madd<T>(c21, f, b1)
    f = v128.load_splat<T>(w3)
    c30 = madd<T>(c30, f, b0)
    c31 = madd<T>(c31, f, b1)
    w += sizeof<T>()
    w1 += sizeof<T>()
    w2 += sizeof<T>()
    w3 += sizeof<T>()
  }
  put<T>(c, c00, bias)
  put<T>(c + 16, c01, bias)
  c += cStep
  if (bias) bias += sizeof<T>()
  put<T>(c, c10, bias)
  put<T>(c + 16, c11, bias)
  c += cStep
  if (bias) bias += sizeof<T>()
  put<T>(c, c20, bias)
  put<T>(c + 16, c21, bias)
  c += cStep
  if (bias) bias += sizeof<T>()
  put<T>(c, c30, bias)
  put<T>(c + 16, c31, bias)
}

// w [depth], x one panel at each of `places` -> c [1 panel]
function tile1<T>(depth: usize, w: usize, x: usize, places: usize, c: usize, bias: usize): void {
  let c0 = v128.splat<T>(0)
  let c1 = c0
  for (const end = places + depth * 4; places < end; places += 4) {
    const at = x + load<u32>(places)
    const f = v128.load_splat<T>(w)
    c0 = madd<T>(c0, f, v128.load(at))
    c1 = madd<T>(c1, f, v128.load(at, 16))
    w += sizeof<T>()
  }
  put<T>(c, c0, bias)
  put<T>(c + 16, c1, bias)
}

// x [channels, plane], w [features, channels, taps] -> y [features, places]; `places` has room for MAX_DEPTH u32, `room` for a band of `rows` output rows
export function direct<T>(shape: usize, x: usize, channels: usize, w: usize, features: usize, bias: usize, y: usize, rows: usize, places: usize, room: usize): void {
  const lanes: usize = PANEL / sizeof<T>()
  const height: usize = field(shape, 4)
  const width: usize = field(shape, 5)
  const inHeight = field(shape, 1)
  const inWidth: usize = field(shape, 2)
  const stride: usize = field(shape, 11)
  const length = phaseLength(shape)
  const rowBytes = stride * length * sizeof<T>()
  const kh: usize = field(shape, 7)
  const kw: usize = field(shape, 8)
  const depth = channels * kh * kw
  const bandBytes = rowsFor(shape, rows) * rowBytes
  for (let c: usize = 0, at = places; c < channels; c++) {
    for (let i: usize = 0; i < kh; i++) {
      for (let j: usize = 0; j < kw; j++, at += 4) {
        const k: usize = j * field(shape, 14)
        store<u32>(at, <u32>(c * bandBytes + i * field(shape, 13) * rowBytes + (k % stride * length + k / stride) * sizeof<T>()))
      }
    }
  }
  const cStep = height * width * sizeof<T>()
  for (let row: usize = 0; row < height; row += rows) {
    const some = min(rows, height - row)
    const first = <isize>row * field(shape, 10) - field(shape, 16)
    for (let c: usize = 0; c < channels; c++) {
      for (let r: usize = 0; r < rowsFor(shape, some); r++) {
        const to = room + c * bandBytes + r * rowBytes
        const from = first + <isize>r
        if (<u32>from < <u32>inHeight) padRow<T>(shape, x + ((c * inHeight + from) * inWidth) * sizeof<T>(), to)
        else memory.fill(to, 0, rowBytes)
      }
    }
    for (let r: usize = 0; r < some; r++) {
      const from = room + r * field(shape, 10) * rowBytes
      for (let o: usize = 0; o < width; o += lanes) {
        // The last panel begins so that it ends with the row.
        const place = min(o, width - lanes)
        const at = from + place * sizeof<T>()
        let c = y + ((row + r) * width + place) * sizeof<T>()
        let m: usize = 0
        for (; m + 4 <= features; m += 4, c += 4 * cStep) tile4<T>(depth, w + m * depth * sizeof<T>(), at, places, c, cStep, bias ? bias + m * sizeof<T>() : 0)
        for (; m < features; m++, c += cStep) tile1<T>(depth, w + m * depth * sizeof<T>(), at, places, c, bias ? bias + m * sizeof<T>() : 0)
      }
    }
  }
}
