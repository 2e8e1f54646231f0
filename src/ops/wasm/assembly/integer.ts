// Products and convolutions of bytes, in 32-bit integers: exact, so order does not matter. Bytes less their zero points are 16-bit numbers,
// and one instruction multiplies eight of them and adds neighbours: panels hold pairs of k.
//
// Panels [ceil(columns / 8)][ceil(depth / 2)][8 columns, 2] i16; what is past the last column or k is 0.

import { field } from './parts/window.ts'

const PANEL: usize = 32
/** A block of k, even: four rows of it take 32 KB of scratch. */
const BLOCK: usize = 4096
/** Four rows of a tile that is wider than what is left of C; rows of A follow. */
const EDGE_BYTES: usize = 128

// @ts-ignore: decorator
@inline
function byteAt(at: usize, isSigned: bool): i32 {
  return isSigned ? <i32>load<i8>(at) : <i32>load<u8>(at)
}

/** b [depth, columns] bytes, rows `rowStep` apart, less `zeros` [columns] i32 -> panels. */
export function packBytes(b: usize, rowStep: usize, isSigned: bool, zeros: usize, depth: usize, columns: usize, to: usize): void {
  for (let j: usize = 0; j < columns; j += 8) {
    for (let k: usize = 0; k < depth; k += 2) {
      for (let i: usize = 0; i < 8; i++) {
        for (let h: usize = 0; h < 2; h++) {
          const isInside = j + i < columns && k + h < depth
          store<i16>(to, isInside ? <i16>(byteAt(b + (k + h) * rowStep + j + i, isSigned) - load<i32>(zeros + (j + i) * 4)) : 0)
          to += 2
        }
      }
    }
  }
}

// a [count] bytes less `zero` -> [count] i16, and one 0 behind an odd count
function widen(a: usize, isSigned: bool, zero: i32, count: usize, to: usize): void {
  const less = i16x8.splat(<i16>zero)
  let k: usize = 0
  for (; k + 16 <= count; k += 16) {
    const bytes = v128.load(a + k)
    const low = isSigned ? i16x8.extend_low_i8x16_s(bytes) : i16x8.extend_low_i8x16_u(bytes)
    const high = isSigned ? i16x8.extend_high_i8x16_s(bytes) : i16x8.extend_high_i8x16_u(bytes)
    v128.store(to + 2 * k, i16x8.sub(low, less))
    v128.store(to + 2 * k, i16x8.sub(high, less), 16)
  }
  for (; k < count; k++) store<i16>(to + 2 * k, <i16>(byteAt(a + k, isSigned) - zero))
  if (count & 1) store<i16>(to + 2 * count, 0)
}

// @ts-ignore: decorator
@inline
function madd(c: v128, x: v128, b: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(x, b))
}

// a [4, pairs] rows `rowStep` apart, b one panel -> c [4, 8] i32 rows `cStep` apart, added to where not `fresh`
function tile4(pairs: usize, a: usize, rowStep: usize, b: usize, c: usize, cStep: usize, fresh: bool): void {
  let a1 = a + rowStep
  let a2 = a1 + rowStep
  let a3 = a2 + rowStep
  const d1 = c + cStep
  const d2 = d1 + cStep
  const d3 = d2 + cStep
  const zero = i32x4.splat(0)
  let c00 = fresh ? zero : v128.load(c)
  let c01 = fresh ? zero : v128.load(c, 16)
  let c10 = fresh ? zero : v128.load(d1)
  let c11 = fresh ? zero : v128.load(d1, 16)
  let c20 = fresh ? zero : v128.load(d2)
  let c21 = fresh ? zero : v128.load(d2, 16)
  let c30 = fresh ? zero : v128.load(d3)
  let c31 = fresh ? zero : v128.load(d3, 16)
  for (let k: usize = 0; k < pairs; k++) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let x = v128.load32_splat(a)
    c00 = madd(c00, x, b0)
    c01 = madd(c01, x, b1)
    x = v128.load32_splat(a1)
    c10 = madd(c10, x, b0)
    c11 = madd(c11, x, b1)
    x = v128.load32_splat(a2)
    c20 = madd(c20, x, b0)
    c21 = madd(c21, x, b1)
    x = v128.load32_splat(a3)
    c30 = madd(c30, x, b0)
    c31 = madd(c31, x, b1)
    b += PANEL
    a += 4
    a1 += 4
    a2 += 4
    a3 += 4
  }
  v128.store(c, c00)
  v128.store(c, c01, 16)
  v128.store(d1, c10)
  v128.store(d1, c11, 16)
  v128.store(d2, c20)
  v128.store(d2, c21, 16)
  v128.store(d3, c30)
  v128.store(d3, c31, 16)
}

// a [1, pairs], b one panel -> c [1, 8] i32
function tile1(pairs: usize, a: usize, b: usize, c: usize, fresh: bool): void {
  const zero = i32x4.splat(0)
  let c0 = fresh ? zero : v128.load(c)
  let c1 = fresh ? zero : v128.load(c, 16)
  for (let k: usize = 0; k < pairs; k++) {
    const x = v128.load32_splat(a)
    c0 = madd(c0, x, v128.load(b))
    c1 = madd(c1, x, v128.load(b, 16))
    b += PANEL
    a += 4
  }
  v128.store(c, c0)
  v128.store(c, c1, 16)
}

/** a [rows, depth] bytes, panels of b -> c [rows, columns] i32. */
export function multiplyBytes(rows: usize, depth: usize, columns: usize, a: usize, isSigned: bool, zero: i32, panels: usize, c: usize, scratch: usize): void {
  const wide = scratch + EDGE_BYTES
  const panelStep = ((depth + 1) >> 1) * PANEL
  const cStep = columns * 4
  const rowStep = (min<usize>(BLOCK, depth) + 1) * 2
  for (let row: usize = 0; row < rows; ) {
    const some: usize = rows - row >= 4 ? 4 : 1
    const d = c + row * cStep
    let k: usize = 0
    do {
      const count = min<usize>(BLOCK, depth - k)
      const pairs = (count + 1) >> 1
      for (let i: usize = 0; i < some; i++) widen(a + (row + i) * depth + k, isSigned, zero, count, wide + i * rowStep)
      const fresh = k == 0
      for (let j: usize = 0; j < columns; j += 8) {
        const b = panels + (j >> 3) * panelStep + (k >> 1) * PANEL
        const isWhole = j + 8 <= columns
        const bytes = min<usize>(8, columns - j) * 4
        const to = isWhole ? d + j * 4 : scratch
        const toStep = isWhole ? cStep : PANEL
        if (!isWhole && !fresh) for (let i: usize = 0; i < some; i++) memory.copy(scratch + i * PANEL, d + i * cStep + j * 4, bytes)
        if (some == 4) tile4(pairs, wide, rowStep, b, to, toStep, fresh)
        else tile1(pairs, wide, b, to, fresh)
        if (!isWhole) for (let i: usize = 0; i < some; i++) memory.copy(d + i * cStep + j * 4, scratch + i * PANEL, bytes)
      }
      k += count
    } while (k < depth)
    row += some
  }
}

/**
 * sums [count] i32 plus `added`, times factors f64 (`factorStep` bytes apart), rounded to even, plus the zero point, kept within `low` and `high` -> bytes.
 * Reads whole vectors of sums and factors.
 */
function quantize(sums: usize, count: usize, added: f64, factors: usize, factorStep: usize, zero: f64, low: f64, high: f64, to: usize): void {
  const more = f64x2.splat(added)
  const shift = f64x2.splat(zero)
  const least = f64x2.splat(low)
  const most = f64x2.splat(high)
  for (let i: usize = 0; i < count; i += 4) {
    const sum = v128.load(sums + i * 4)
    const factor = factors + i * factorStep
    let a = f64x2.mul(f64x2.add(f64x2.convert_low_i32x4_s(sum), more), v128.load(factor))
    let b = f64x2.mul(f64x2.add(f64x2.convert_low_i32x4_s(v128.shuffle<i32>(sum, sum, 2, 3, 2, 3)), more), v128.load(factor + 2 * factorStep))
    a = f64x2.min(f64x2.max(f64x2.add(f64x2.nearest(a), shift), least), most)
    b = f64x2.min(f64x2.max(f64x2.add(f64x2.nearest(b), shift), least), most)
    const whole = v128.shuffle<i32>(i32x4.trunc_sat_f64x2_s_zero(a), i32x4.trunc_sat_f64x2_s_zero(b), 0, 1, 4, 5)
    const bytes = v128.shuffle<i8>(whole, whole, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12)
    if (i + 4 <= count) v128.store_lane<i32>(to + i, bytes, 0)
    else for (let e: usize = i; e < count; e++) store<u8>(to + e, <u8>(i32x4.extract_lane(bytes, 0) >>> (<i32>(e - i) * 8)))
  }
}

/** a [rows, depth] bytes, panels of b, factors [columns] f64 -> y [rows, columns] bytes; scratch as for multiplyBytes, sums [4, columns] i32 behind it. */
export function multiplyQuantized(rows: usize, depth: usize, columns: usize, a: usize, isSigned: bool, zero: i32, panels: usize, factors: usize, zeroY: f64, low: f64, high: f64, y: usize, scratch: usize, sums: usize): void {
  for (let row: usize = 0; row < rows; row += 4) {
    const some = min<usize>(4, rows - row)
    multiplyBytes(some, depth, columns, a + row * depth, isSigned, zero, panels, sums, scratch)
    for (let i: usize = 0; i < some; i++) quantize(sums + i * columns * 4, columns, 0, factors, 8, zeroY, low, high, y + (row + i) * columns)
  }
}

// Convolutions of bytes: weights w [features, channel pairs, taps, 2] i16, windows packed as panels [pairs of channels, taps, 8 places, 2] i16.

/** Scratch: eight input places of a panel as offsets, -1 in the padding; packed panels; sums of a block of places. */
const PLACES_BYTES: usize = 128
const PACKED_BYTES: usize = 131072
const SUMS_BYTES: usize = 262144
/** Pairs of a block: a panel of it takes 16 KB. */
const BLOCK_PAIRS: usize = 512

/** Writes where one tap reads for eight places from `from` on; true where they lie side by side. */
function placeTap(shape: usize, from: usize, places: usize, i: isize, j: isize, k: isize, to: usize): bool {
  const height = field(shape, 4)
  const width = field(shape, 5)
  let isRow = true
  let first: i32 = -1
  for (let lane: usize = 0; lane < 8; lane++) {
    const place = <isize>min(from + lane, places - 1)
    const row = place / width
    const z = (row / height) * field(shape, 9) - field(shape, 15) + i * field(shape, 12)
    const y = (row % height) * field(shape, 10) - field(shape, 16) + j * field(shape, 13)
    const x = (place % width) * field(shape, 11) - field(shape, 17) + k * field(shape, 14)
    const isInside = <u32>z < <u32>field(shape, 0) && <u32>y < <u32>field(shape, 1) && <u32>x < <u32>field(shape, 2)
    const at: i32 = isInside ? <i32>((z * field(shape, 1) + y) * field(shape, 2) + x) : -1
    store<i32>(to + lane * 4, at)
    if (lane == 0) first = at
    else if (at != first + <i32>lane) isRow = false
  }
  return isRow && first >= 0
}

// Eight bytes less the zero point
// @ts-ignore: decorator
@inline
function eight(at: usize, isSigned: bool, less: v128): v128 {
  return i16x8.sub(isSigned ? v128.load_ext<i8>(at) : v128.load_ext<u8>(at), less)
}

// @ts-ignore: decorator
@inline
function byteLess(plane: usize, offset: i32, isSigned: bool, zero: i32): i32 {
  return offset < 0 ? 0 : byteAt(plane + <usize>offset, isSigned) - zero
}

// x [channels, plane] bytes -> panel of eight places
function packWindows(shape: usize, x: usize, isSigned: bool, zero: i32, channels: usize, from: usize, places: usize, lanes: usize, to: usize): void {
  const plane: usize = field(shape, 0) * field(shape, 1) * field(shape, 2)
  const pairs = (channels + 1) >> 1
  const kd = field(shape, 6)
  const kh = field(shape, 7)
  const kw = field(shape, 8)
  const pairStep: usize = kd * kh * kw * PANEL
  const less = i16x8.splat(<i16>zero)
  for (let i: isize = 0; i < kd; i++) {
    for (let j: isize = 0; j < kh; j++) {
      for (let k: isize = 0; k < kw; k++, to += PANEL) {
        const isRow = placeTap(shape, from, places, i, j, k, lanes)
        for (let pair: usize = 0; pair < pairs; pair++) {
          const a: usize = x + (pair << 1) * plane
          const hasTwo = (pair << 1) + 1 < channels
          const out = to + pair * pairStep
          if (isRow) {
            const offset = <usize>load<i32>(lanes)
            const p = eight(a + offset, isSigned, less)
            const q = hasTwo ? eight(a + plane + offset, isSigned, less) : i16x8.splat(0)
            v128.store(out, v128.shuffle<i16>(p, q, 0, 8, 1, 9, 2, 10, 3, 11))
            v128.store(out, v128.shuffle<i16>(p, q, 4, 12, 5, 13, 6, 14, 7, 15), 16)
          } else {
            for (let lane: usize = 0; lane < 8; lane++) {
              const offset = load<i32>(lanes + lane * 4)
              const low = byteLess(a, offset, isSigned, zero)
              const high = hasTwo ? byteLess(a + plane, offset, isSigned, zero) : 0
              store<i32>(out + lane * 4, (low & 0xffff) | (high << 16))
            }
          }
        }
      }
    }
  }
}

/**
 * x [channels, plane] bytes, w as above -> y [features, places]: sums in i32 where `factors` is 0, else bytes, feature m by factors [features, 2] f64 (each
 * twice) and `bias` [features] i32 or 0.
 */
export function convBytes(shape: usize, x: usize, isSigned: bool, zero: i32, channels: usize, w: usize, features: usize, y: usize, factors: usize, bias: usize, zeroY: f64, low: f64, high: f64, scratch: usize): void {
  const places: usize = field(shape, 3) * field(shape, 4) * field(shape, 5)
  const taps: usize = field(shape, 6) * field(shape, 7) * field(shape, 8)
  const plane: usize = field(shape, 0) * field(shape, 1) * field(shape, 2)
  const rowStep = ((channels + 1) >> 1) * taps * 4
  const perBlock = max<usize>(1, BLOCK_PAIRS / max<usize>(1, taps)) * 2
  const panelStep = ((min(perBlock, channels) + 1) >> 1) * taps * PANEL
  const packed = scratch + PLACES_BYTES
  const sums = packed + PACKED_BYTES
  const width = max<usize>(1, min(PACKED_BYTES / max(PANEL, panelStep), SUMS_BYTES / (features * PANEL))) * 8
  for (let p: usize = 0; p < places; p += width) {
    const some = min(width, places - p)
    const sumStep = ((some + 7) & ~7) * 4
    for (let c: usize = 0; c < channels; c += perBlock) {
      const count = min(perBlock, channels - c)
      const pairs = ((count + 1) >> 1) * taps
      const weights = w + (c >> 1) * taps * 4
      for (let q: usize = 0; q < some; q += 8) {
        const panel = packed + (q >> 3) * panelStep
        packWindows(shape, x + c * plane, isSigned, zero, count, p + q, places, scratch, panel)
        let m: usize = 0
        for (; m + 4 <= features; m += 4) tile4(pairs, weights + m * rowStep, rowStep, panel, sums + m * sumStep + q * 4, sumStep, c == 0)
        for (; m < features; m++) tile1(pairs, weights + m * rowStep, panel, sums + m * sumStep + q * 4, c == 0)
      }
    }
    for (let m: usize = 0; m < features; m++) {
      const row = sums + m * sumStep
      if (channels == 0) memory.fill(row, 0, some * 4)
      if (factors) quantize(row, some, bias ? <f64>load<i32>(bias + m * 4) : 0, factors + m * 16, 0, zeroY, low, high, y + m * places + p)
      else memory.copy(y + (m * places + p) * 4, row, some * 4)
    }
  }
}

/** x [count] f32 over `scale`, rounded to even, plus `zero`, kept within `low` and `high` -> bytes; NaN gives 0. */
export function quantizeFloats(x: usize, count: usize, scale: f32, zero: f32, low: f32, high: f32, to: usize): void {
  const by = f32x4.splat(scale)
  const shift = f32x4.splat(zero)
  const least = f32x4.splat(low)
  const most = f32x4.splat(high)
  let i: usize = 0
  for (; i + 4 <= count; i += 4) {
    const y = f32x4.min(f32x4.max(f32x4.add(f32x4.nearest(f32x4.div(v128.load(x + i * 4), by)), shift), least), most)
    const whole = i32x4.trunc_sat_f32x4_s(y)
    v128.store_lane<i32>(to + i, v128.shuffle<i8>(whole, whole, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), 0)
  }
  for (; i < count; i++) {
    const y = f32x4.min(f32x4.max(f32x4.add(f32x4.nearest(f32x4.div(f32x4.splat(load<f32>(x + i * 4)), by)), shift), least), most)
    store<u8>(to + i, <u8>i32x4.extract_lane(i32x4.trunc_sat_f32x4_s(y), 0))
  }
}

/** x [count] bytes less `zero`, times scale -> y [count] f32. */
export function floatsOfBytes(x: usize, count: usize, isSigned: bool, zero: i32, scale: f32, y: usize): void {
  const less = i16x8.splat(<i16>zero)
  const by = f32x4.splat(scale)
  let i: usize = 0
  for (; i + 8 <= count; i += 8) {
    const wide = eight(x + i, isSigned, less)
    v128.store(y + i * 4, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(wide)), by))
    v128.store(y + i * 4, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(wide)), by), 16)
  }
  for (; i < count; i++) store<f32>(y + i * 4, <f32>(byteAt(x + i, isSigned) - zero) * scale)
}

/** The least and the largest of x [count] f32 and 0 -> two f32; NaN wins. */
export function rangeOfFloats(x: usize, count: usize, to: usize): void {
  let low: f32 = 0
  let high: f32 = 0
  let least = f32x4.splat(0)
  let most = least
  let i: usize = 0
  for (; i + 4 <= count; i += 4) {
    const v = v128.load(x + i * 4)
    least = f32x4.min(least, v)
    most = f32x4.max(most, v)
  }
  for (; i < count; i++) {
    low = min<f32>(low, load<f32>(x + i * 4))
    high = max<f32>(high, load<f32>(x + i * 4))
  }
  least = f32x4.min(least, v128.shuffle<f32>(least, least, 2, 3, 0, 1))
  most = f32x4.max(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1))
  store<f32>(to, min<f32>(low, min<f32>(f32x4.extract_lane(least, 0), f32x4.extract_lane(least, 1))))
  store<f32>(to, max<f32>(high, max<f32>(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1))), 4)
}
