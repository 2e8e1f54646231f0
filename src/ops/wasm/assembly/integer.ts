// Products of matrices of bytes, in 32-bit integers: exact, so order does not matter. Bytes less their zero points are 16-bit numbers,
// and one instruction multiplies eight of them and adds neighbours: panels hold pairs of k.
//
// Panels [ceil(columns / 8)][ceil(depth / 2)][8 columns, 2] i16; what is past the last column or k is 0.

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

/** b [depth, columns] bytes less `zeros` [columns] i32 -> panels. */
export function packBytes(b: usize, isSigned: bool, zeros: usize, depth: usize, columns: usize, to: usize): void {
  for (let j: usize = 0; j < columns; j += 8) {
    for (let k: usize = 0; k < depth; k += 2) {
      for (let i: usize = 0; i < 8; i++) {
        for (let h: usize = 0; h < 2; h++) {
          const isInside = j + i < columns && k + h < depth
          store<i16>(to, isInside ? <i16>(byteAt(b + (k + h) * columns + j + i, isSigned) - load<i32>(zeros + (j + i) * 4)) : 0)
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
