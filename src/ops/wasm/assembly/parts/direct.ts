// Convolutions without packed windows: rows of the input are copied with their padding, a band of output rows at a time, and taps are read where they lie.
// Vectors run over features, whose weights are panels (see product.ts) made once, so that any four neighbouring outputs are a tile. With stride 2 the
// even and the odd elements of a row lie apart, so that neighbouring outputs read neighbours.
import { bounded, residualAt } from './epilogue.ts'
import { madd, PANEL } from './product.ts'
import { field, strided } from './window.ts'

/** Products of an output at the most: places of so many taps have room. */
const MAX_DEPTH: usize = 8192
/** Outputs of a tile. */
const TILE: usize = 4
/** Products of a block: its weights, 8 KB of a panel, and the inputs that they meet stay in the first-level cache. */
const BLOCK: usize = 256
/** Outputs whose sums are kept from one block to the next. */
const STRIP: usize = 128
/** Scratch of a convolution: places of taps, sums of a strip, a band of rows. */
const SUMS_AT: usize = MAX_DEPTH * 4
const ROWS_AT: usize = SUMS_AT + STRIP * PANEL

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

/** Bytes of a channel's rows of a band: an odd number of cache lines, so that channels do not all lie in the same few sets of a cache. */
// @ts-ignore: decorator
@inline
function channelBytes(rows: usize, rowBytes: usize): usize {
  return ((rows * rowBytes + 63) / 64 | 1) * 64
}

/** Output rows of a band that fits into `scratchBytes`; 0 where this is not the way to compute a convolution. */
export function bandRows<T>(shape: usize, channels: usize, scratchBytes: usize): usize {
  const isFlat = field(shape, 0) == 1 && field(shape, 3) == 1 && field(shape, 6) == 1 && field(shape, 15) == 0
  const depth: usize = channels * field(shape, 7) * field(shape, 8)
  // In rows of four outputs and more a tile lies in two rows at the most.
  if (!isFlat || field(shape, 11) > 2 || <usize>field(shape, 5) < TILE || depth == 0 || depth > MAX_DEPTH) return 0
  const rowBytes: usize = phaseLength(shape) * field(shape, 11) * sizeof<T>()
  const room = (scratchBytes - ROWS_AT) / channels
  const least = rowsFor(shape, 1)
  if (channelBytes(least, rowBytes) > room) return 0
  // What `channelBytes` adds is less than two lines.
  const rows = max<usize>(least, (max<usize>(128, room) - 128) / rowBytes)
  const some = min<usize>((rows - least) / field(shape, 10) + 1, field(shape, 4))
  // Rows that two bands read are copied twice.
  return some * 2 >= min<usize>(least, field(shape, 4)) ? some : 0
}

// @ts-ignore: decorator
@inline
function fillZeros<T>(to: usize, count: isize): void {
  for (let i: isize = 0; i < count; i++) store<T>(to + i * sizeof<T>(), <T>0)
}

// @ts-ignore: decorator
@inline
function copyEvery<T>(from: usize, stride: usize, count: isize, to: usize): void {
  const lanes: isize = 16 / sizeof<T>()
  let i: isize = 0
  for (; i + lanes <= count; i += lanes, from += 16 * stride) v128.store(to + i * sizeof<T>(), strided<T>(from, stride))
  for (; i < count; i++, from += stride * sizeof<T>()) store<T>(to + i * sizeof<T>(), load<T>(from))
}

// x [channels, rows of the input from `first` on] -> band [channels, `count` rows, phases of the padded row]
function padRows<T>(shape: usize, x: usize, channels: usize, first: isize, count: usize, bandBytes: usize, to: usize): void {
  const length = <isize>phaseLength(shape)
  const stride = field(shape, 11)
  const before = field(shape, 17)
  const height = field(shape, 1)
  const width = field(shape, 2)
  const rowBytes: usize = stride * length * sizeof<T>()
  for (let phase: isize = 0; phase < stride; phase++, to += length * sizeof<T>()) {
    // Elements t stride + phase - before of a row, from the first that it has to the last.
    const begin = max<isize>(0, min<isize>(length, (before - phase + stride - 1) / stride))
    const last = width - 1 + before - phase
    const end = last < 0 ? begin : max<isize>(begin, min<isize>(length, last / stride + 1))
    for (let c: usize = 0; c < channels; c++) {
      let at = to + c * bandBytes
      for (let r: usize = 0; r < count; r++, at += rowBytes) {
        const row = first + <isize>r
        if (<u32>row >= <u32>height) {
          fillZeros<T>(at, length)
          continue
        }
        const from = x + ((<isize>c * height + row) * width + begin * stride + phase - before) * sizeof<T>()
        fillZeros<T>(at, begin)
        if (stride == 1) copyEvery<T>(from, 1, end - begin, at + begin * sizeof<T>())
        else copyEvery<T>(from, 2, end - begin, at + begin * sizeof<T>())
        fillZeros<T>(at + end * sizeof<T>(), length - end)
      }
    }
  }
}

/** Finishes and stores four outputs of one feature: 16 bytes of float32, 32 of float64. */
// @ts-ignore: decorator
@inline
function put<T>(c: usize, low: v128, high: v128, bias: usize, epilogue: usize): void {
  if (bias) {
    const more = v128.load_splat<T>(bias)
    low = v128.add<T>(low, more)
    if (sizeof<T>() == 8) high = v128.add<T>(high, more)
  }
  if (epilogue) {
    const away = residualAt(epilogue)
    if (away) {
      low = v128.add<T>(low, v128.load(c + away))
      if (sizeof<T>() == 8) high = v128.add<T>(high, v128.load(c + away, 16))
    }
    low = bounded<T>(low, epilogue)
    if (sizeof<T>() == 8) high = bounded<T>(high, epilogue)
  }
  v128.store(c, low)
  if (sizeof<T>() == 8) v128.store(c, high, 16)
}

/** Two (float64) or four (float32) features of four outputs each, of which `count` exist -> c [features, 4]. */
// @ts-ignore: decorator
@inline
function putHalf<T>(count: usize, v0: v128, v1: v128, v2: v128, v3: v128, c: usize, cStep: usize, bias: usize, epilogue: usize): void {
  const by: usize = bias ? sizeof<T>() : 0
  if (sizeof<T>() == 8) {
    put<T>(c, v128.shuffle<f64>(v0, v1, 0, 2), v128.shuffle<f64>(v2, v3, 0, 2), bias, epilogue)
    if (count > 1) put<T>(c + cStep, v128.shuffle<f64>(v0, v1, 1, 3), v128.shuffle<f64>(v2, v3, 1, 3), bias + by, epilogue)
    return
  }
  const t0 = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5)
  const t1 = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5)
  const t2 = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7)
  const t3 = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7)
  put<T>(c, v128.shuffle<f32>(t0, t1, 0, 1, 4, 5), t0, bias, epilogue)
  if (count > 1) put<T>(c + cStep, v128.shuffle<f32>(t0, t1, 2, 3, 6, 7), t0, bias + by, epilogue)
  if (count > 2) put<T>(c + 2 * cStep, v128.shuffle<f32>(t2, t3, 0, 1, 4, 5), t0, bias + 2 * by, epilogue)
  if (count > 3) put<T>(c + 3 * cStep, v128.shuffle<f32>(t2, t3, 2, 3, 6, 7), t0, bias + 3 * by, epilogue)
}

// Four outputs of a panel of features, of which `count` exist -> c [features, 4]
function putTile<T>(count: usize, c00: v128, c01: v128, c10: v128, c11: v128, c20: v128, c21: v128, c30: v128, c31: v128, c: usize, cStep: usize, bias: usize, epilogue: usize): void {
  const half: usize = 16 / sizeof<T>()
  putHalf<T>(count, c00, c10, c20, c30, c, cStep, bias, epilogue)
  if (count > half) putHalf<T>(count - half, c01, c11, c21, c31, c + half * cStep, cStep, bias ? bias + 16 : 0, epilogue)
}

// @ts-ignore: decorator
@inline
function begin<T>(acc: usize, fresh: bool, at: usize): v128 {
  return fresh ? v128.splat<T>(0) : v128.load(acc + at)
}

// w panel [depth]; inputs of the first `split` outputs from x, of the others from z, at each of `places` [depth] u32 -> c [`count` features, 4], or where
// `count` is 0 sums that go on in another block, at acc
// @ts-ignore: decorator
@inline
function sums<T>(split: usize, depth: usize, w: usize, x: usize, z: usize, places: usize, acc: usize, fresh: bool, count: usize, c: usize, cStep: usize, bias: usize, epilogue: usize): void {
  let c00 = begin<T>(acc, fresh, 0)
  let c01 = begin<T>(acc, fresh, 16)
  let c10 = begin<T>(acc, fresh, 32)
  let c11 = begin<T>(acc, fresh, 48)
  let c20 = begin<T>(acc, fresh, 64)
  let c21 = begin<T>(acc, fresh, 80)
  let c30 = begin<T>(acc, fresh, 96)
  let c31 = begin<T>(acc, fresh, 112)
  for (const end = places + depth * 4; places < end; places += 4, w += PANEL) {
    const at: usize = load<u32>(places)
    const w0 = v128.load(w)
    const w1 = v128.load(w, 16)
    let f = v128.load_splat<T>(x + at)
    c00 = madd<T>(c00, f, w0)
    c01 = madd<T>(c01, f, w1)
    f = v128.load_splat<T>((split > 1 ? x : z) + at, sizeof<T>())
    c10 = madd<T>(c10, f, w0)
    c11 = madd<T>(c11, f, w1)
    f = v128.load_splat<T>((split > 2 ? x : z) + at, 2 * sizeof<T>())
    c20 = madd<T>(c20, f, w0)
    c21 = madd<T>(c21, f, w1)
    f = v128.load_splat<T>((split > 3 ? x : z) + at, 3 * sizeof<T>())
    c30 = madd<T>(c30, f, w0)
    c31 = madd<T>(c31, f, w1)
  }
  if (count == 0) {
    v128.store(acc, c00)
    v128.store(acc, c01, 16)
    v128.store(acc, c10, 32)
    v128.store(acc, c11, 48)
    v128.store(acc, c20, 64)
    v128.store(acc, c21, 80)
    v128.store(acc, c30, 96)
    v128.store(acc, c31, 112)
  } else putTile<T>(count, c00, c01, c10, c11, c20, c21, c30, c31, c, cStep, bias, epilogue)
}

function tile<T>(depth: usize, w: usize, x: usize, places: usize, acc: usize, fresh: bool, count: usize, c: usize, cStep: usize, bias: usize, epilogue: usize): void {
  sums<T>(4, depth, w, x, x, places, acc, fresh, count, c, cStep, bias, epilogue)
}

/** A tile whose first `split` outputs end a row. */
function splitTile<T>(split: usize, depth: usize, w: usize, x: usize, z: usize, places: usize, acc: usize, fresh: bool, count: usize, c: usize, cStep: usize, bias: usize, epilogue: usize): void {
  if (split == 1) sums<T>(1, depth, w, x, z, places, acc, fresh, count, c, cStep, bias, epilogue)
  else if (split == 2) sums<T>(2, depth, w, x, z, places, acc, fresh, count, c, cStep, bias, epilogue)
  else sums<T>(3, depth, w, x, z, places, acc, fresh, count, c, cStep, bias, epilogue)
}

/** Byte offsets of the taps from an output's place in the band's rows [channels, rows]. */
function placeTaps<T>(shape: usize, channels: usize, bandBytes: usize, rowBytes: usize, places: usize): void {
  const length = phaseLength(shape)
  const stride: usize = field(shape, 11)
  for (let c: usize = 0; c < channels; c++) {
    for (let i: isize = 0; i < field(shape, 7); i++) {
      for (let j: isize = 0; j < field(shape, 8); j++, places += 4) {
        const k: usize = j * field(shape, 14)
        store<u32>(places, <u32>(c * bandBytes + i * field(shape, 13) * rowBytes + (k % stride * length + k / stride) * sizeof<T>()))
      }
    }
  }
}

// x [channels, plane], w [features in panels, depth] -> y [features, places], by bands of `rows` output rows
export function direct<T>(shape: usize, x: usize, channels: usize, w: usize, features: usize, bias: usize, epilogue: usize, y: usize, rows: usize, scratch: usize): void {
  const height: usize = field(shape, 4)
  const width: usize = field(shape, 5)
  const rowBytes: usize = field(shape, 11) * phaseLength(shape) * sizeof<T>()
  const bandBytes = channelBytes(rowsFor(shape, rows), rowBytes)
  placeTaps<T>(shape, channels, bandBytes, rowBytes, scratch)
  for (let row: usize = 0; row < height; row += rows) {
    const some = min(rows, height - row)
    padRows<T>(shape, x, channels, row * field(shape, 10) - field(shape, 16), rowsFor(shape, some), bandBytes, scratch + ROWS_AT)
    band<T>(width, some * width, channels * field(shape, 7) * field(shape, 8), field(shape, 10) * rowBytes, w, features, bias, epilogue, y + row * width * sizeof<T>(), height * width * sizeof<T>(), scratch)
  }
}

/** Outputs `end` of a band, whose rows of inputs are `downBytes` apart; c's features are `cStep` apart. */
function band<T>(width: usize, end: usize, depth: usize, downBytes: usize, w: usize, features: usize, bias: usize, epilogue: usize, c: usize, cStep: usize, scratch: usize): void {
  const lanes: usize = PANEL / sizeof<T>()
  const blocks = (depth + BLOCK - 1) / BLOCK
  const block = (depth + blocks - 1) / blocks
  for (let s: usize = 0; s < end; s += STRIP) {
    const stop = min(end, s + STRIP)
    for (let m: usize = 0; m < features; m += lanes) {
      const by = bias ? bias + m * sizeof<T>() : 0
      for (let k: usize = 0; k < depth; k += block) {
        const some = min(block, depth - k)
        const count = k + some == depth ? min(lanes, features - m) : 0
        const panel = w + (m / lanes * depth + k) * PANEL
        const places = scratch + k * 4
        let acc = scratch + SUMS_AT
        let column = s % width
        let at = scratch + ROWS_AT + s / width * downBytes
        for (let p = s; p < stop; p += TILE, acc += TILE * PANEL) {
          // The last tile begins so that it ends with the last row.
          const over = p + TILE > end ? p + TILE - end : 0
          const from = at + (column - over) * sizeof<T>()
          const to = c + m * cStep + (p - over) * sizeof<T>()
          const left = width + over - column
          if (left >= TILE) tile<T>(some, panel, from, places, acc, k == 0, count, to, cStep, by, epilogue)
          else splitTile<T>(left, some, panel, from, at + downBytes - left * sizeof<T>(), places, acc, k == 0, count, to, cStep, by, epilogue)
          column += TILE
          if (column >= width) {
            column -= width
            at += downBytes
          }
        }
      }
    }
  }
}
