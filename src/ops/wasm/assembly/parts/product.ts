// Matrix products over raw memory: one accumulator per output, k ascending, multiply then add, the bits of src/ops/cpu/linear.ts.
// Vectors run over columns, so B is read in panels of 32 bytes of columns: packed once where it is constant, block by block
// into scratch where not, in place where few rows would not repay the copy. Four rows by one panel are as many accumulators as engines keep in
// registers beside the addresses: six rows were slower on Node 20 and no faster on Node 24. No static data, no globals.
//
// Panels [ceil(columns / lanes)][depth][lanes] T, lanes = 8 float32 or 4 float64; columns past the last are zero.
import { bounded, finish, residualAt } from './epilogue.ts'

/** Bytes of a panel for one k. */
export const PANEL: usize = 32
/** A block of k: a panel of it takes 16 KB of the first-level cache. */
export const DEPTH_BYTES: usize = 2048
/** Rows per block, a multiple of four: their share of A stays in the second-level cache. */
const BLOCK_ROWS: usize = 96
/** Panels packed at a time into scratch. */
const BLOCK_PANELS: usize = 16
/** Scratch for a tile that is wider than what is left of C; packed panels follow. */
export const EDGE_BYTES: usize = 128
/** B is read in place for fewer rows than this. */
const PACK_ROWS: usize = 4

// @ts-ignore: decorator
@inline
export function madd<T>(c: v128, x: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.relaxed_madd<T>(x, b, c) : v128.add<T>(c, v128.mul<T>(x, b))
}

// @ts-ignore: decorator
@inline
function begin<T>(c: usize, fresh: bool, at: usize): v128 {
  return fresh ? v128.splat<T>(0) : v128.load(c + at)
}

// Every tile: a rows `rowStep` and k `step` bytes apart; b one panel, or more `panelStep` apart, its k `bStep` apart; c rows
// `cStep` apart, zero at first where `fresh`. tile4 is inlined, because V8 unrolls loops of its size only inside of others, which is worth a tenth.

// a [4, depth], b [depth, 1 panel] -> c [4, 1 panel]
// @ts-ignore: decorator
@inline
function tile4<T>(depth: usize, a: usize, rowStep: usize, step: usize, b: usize, bStep: usize, c: usize, cStep: usize, fresh: bool, bias: usize, epilogue: usize): void {
  let a1 = a + rowStep
  let a2 = a1 + rowStep
  let a3 = a2 + rowStep
  const d1 = c + cStep
  const d2 = d1 + cStep
  const d3 = d2 + cStep
  let c00 = begin<T>(c, fresh, 0)
  let c01 = begin<T>(c, fresh, 16)
  let c10 = begin<T>(d1, fresh, 0)
  let c11 = begin<T>(d1, fresh, 16)
  let c20 = begin<T>(d2, fresh, 0)
  let c21 = begin<T>(d2, fresh, 16)
  let c30 = begin<T>(d3, fresh, 0)
  let c31 = begin<T>(d3, fresh, 16)
  for (let k: usize = 0; k < depth; k++) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let x = v128.load_splat<T>(a)
    c00 = madd<T>(c00, x, b0)
    c01 = madd<T>(c01, x, b1)
    x = v128.load_splat<T>(a1)
    c10 = madd<T>(c10, x, b0)
    c11 = madd<T>(c11, x, b1)
    x = v128.load_splat<T>(a2)
    c20 = madd<T>(c20, x, b0)
    c21 = madd<T>(c21, x, b1)
    x = v128.load_splat<T>(a3)
    c30 = madd<T>(c30, x, b0)
    c31 = madd<T>(c31, x, b1)
    b += bStep
    a += step
    a1 += step
    a2 += step
    a3 += step
  }
  if (bias) {
    const b0 = v128.load(bias)
    const b1 = v128.load(bias, 16)
    c00 = v128.add<T>(c00, b0)
    c01 = v128.add<T>(c01, b1)
    c10 = v128.add<T>(c10, b0)
    c11 = v128.add<T>(c11, b1)
    c20 = v128.add<T>(c20, b0)
    c21 = v128.add<T>(c21, b1)
    c30 = v128.add<T>(c30, b0)
    c31 = v128.add<T>(c31, b1)
  }
  if (epilogue) {
    const away = residualAt(epilogue)
    if (away) {
      c00 = v128.add<T>(c00, v128.load(c + away))
      c01 = v128.add<T>(c01, v128.load(c + away, 16))
      c10 = v128.add<T>(c10, v128.load(d1 + away))
      c11 = v128.add<T>(c11, v128.load(d1 + away, 16))
      c20 = v128.add<T>(c20, v128.load(d2 + away))
      c21 = v128.add<T>(c21, v128.load(d2 + away, 16))
      c30 = v128.add<T>(c30, v128.load(d3 + away))
      c31 = v128.add<T>(c31, v128.load(d3 + away, 16))
    }
    c00 = bounded<T>(c00, epilogue)
    c01 = bounded<T>(c01, epilogue)
    c10 = bounded<T>(c10, epilogue)
    c11 = bounded<T>(c11, epilogue)
    c20 = bounded<T>(c20, epilogue)
    c21 = bounded<T>(c21, epilogue)
    c30 = bounded<T>(c30, epilogue)
    c31 = bounded<T>(c31, epilogue)
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

// a [2, depth], b [depth, 2 panels] -> c [2, 2 panels]: additions of one accumulator wait for each other, so few rows take more columns
function tile2Wide<T>(depth: usize, a: usize, rowStep: usize, step: usize, b: usize, bStep: usize, panelStep: usize, c: usize, cStep: usize, fresh: bool): void {
  let a1 = a + rowStep
  let p = b + panelStep
  const d1 = c + cStep
  let c00 = begin<T>(c, fresh, 0)
  let c01 = begin<T>(c, fresh, 16)
  let c02 = begin<T>(c, fresh, 32)
  let c03 = begin<T>(c, fresh, 48)
  let c10 = begin<T>(d1, fresh, 0)
  let c11 = begin<T>(d1, fresh, 16)
  let c12 = begin<T>(d1, fresh, 32)
  let c13 = begin<T>(d1, fresh, 48)
  for (let k: usize = 0; k < depth; k++) {
    const x = v128.load_splat<T>(a)
    const z = v128.load_splat<T>(a1)
    let w = v128.load(b)
    c00 = madd<T>(c00, x, w)
    c10 = madd<T>(c10, z, w)
    w = v128.load(b, 16)
    c01 = madd<T>(c01, x, w)
    c11 = madd<T>(c11, z, w)
    w = v128.load(p)
    c02 = madd<T>(c02, x, w)
    c12 = madd<T>(c12, z, w)
    w = v128.load(p, 16)
    c03 = madd<T>(c03, x, w)
    c13 = madd<T>(c13, z, w)
    b += bStep
    p += bStep
    a += step
    a1 += step
  }
  v128.store(c, c00)
  v128.store(c, c01, 16)
  v128.store(c, c02, 32)
  v128.store(c, c03, 48)
  v128.store(d1, c10)
  v128.store(d1, c11, 16)
  v128.store(d1, c12, 32)
  v128.store(d1, c13, 48)
}

// a [1, depth], b [depth, 4 panels] -> c [1, 4 panels]
function tile1Wide<T>(depth: usize, a: usize, step: usize, b: usize, bStep: usize, panelStep: usize, c: usize, fresh: bool): void {
  let p = b + panelStep
  let q = p + panelStep
  let r = q + panelStep
  let c0 = begin<T>(c, fresh, 0)
  let c1 = begin<T>(c, fresh, 16)
  let c2 = begin<T>(c, fresh, 32)
  let c3 = begin<T>(c, fresh, 48)
  let c4 = begin<T>(c, fresh, 64)
  let c5 = begin<T>(c, fresh, 80)
  let c6 = begin<T>(c, fresh, 96)
  let c7 = begin<T>(c, fresh, 112)
  for (let k: usize = 0; k < depth; k++) {
    const x = v128.load_splat<T>(a)
    c0 = madd<T>(c0, x, v128.load(b))
    c1 = madd<T>(c1, x, v128.load(b, 16))
    c2 = madd<T>(c2, x, v128.load(p))
    c3 = madd<T>(c3, x, v128.load(p, 16))
    c4 = madd<T>(c4, x, v128.load(q))
    c5 = madd<T>(c5, x, v128.load(q, 16))
    c6 = madd<T>(c6, x, v128.load(r))
    c7 = madd<T>(c7, x, v128.load(r, 16))
    a += step
    b += bStep
    p += bStep
    q += bStep
    r += bStep
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

// a [1, depth], b [depth, 1 panel] -> c [1, 1 panel]
function tile1<T>(depth: usize, a: usize, step: usize, b: usize, bStep: usize, c: usize, fresh: bool): void {
  let c0 = begin<T>(c, fresh, 0)
  let c1 = begin<T>(c, fresh, 16)
  for (let k: usize = 0; k < depth; k++) {
    const x = v128.load_splat<T>(a)
    c0 = madd<T>(c0, x, v128.load(b))
    c1 = madd<T>(c1, x, v128.load(b, 16))
    a += step
    b += bStep
  }
  v128.store(c, c0)
  v128.store(c, c1, 16)
}

// a [rows, depth], b [depth, 1 panel] -> c [rows, 1 panel]
function column<T>(rows: usize, depth: usize, a: usize, rowStep: usize, step: usize, b: usize, bStep: usize, c: usize, cStep: usize, fresh: bool, bias: usize, epilogue: usize): void {
  let left = rows
  for (; left >= 4; left -= 4) {
    tile4<T>(depth, a, rowStep, step, b, bStep, c, cStep, fresh, bias, epilogue)
    a += 4 * rowStep
    c += 4 * cStep
  }
  for (; left > 0; left--) {
    tile1<T>(depth, a, step, b, bStep, c, fresh)
    if (bias || epilogue) finish<T>(1, PANEL, c, 0, bias, epilogue)
    a += rowStep
    c += cStep
  }
}

// a [rows, depth], b [depth, columns in panels] -> c [rows, columns], rows at most a block's
function block<T>(rows: usize, depth: usize, columns: usize, a: usize, rowStep: usize, step: usize, b: usize, bStep: usize, panelStep: usize, c: usize, cStep: usize, fresh: bool, bias: usize, epilogue: usize, edge: usize): void {
  if (rows >= 4) {
    byPanels<T>(rows, depth, columns, a, rowStep, step, b, bStep, panelStep, c, cStep, fresh, bias, epilogue, edge)
    return
  }
  const lanes: usize = 32 / sizeof<T>()
  // Pairs of rows by two panels, then the last row by four.
  let row: usize = 0
  for (; row + 2 <= rows; row += 2) {
    const from = a + row * rowStep
    let p = b
    let d = c + row * cStep
    let left = columns
    for (; left >= 2 * lanes; left -= 2 * lanes) {
      tile2Wide<T>(depth, from, rowStep, step, p, bStep, panelStep, d, cStep, fresh)
      p += 2 * panelStep
      d += 2 * PANEL
    }
    byPanels<T>(2, depth, left, from, rowStep, step, p, bStep, panelStep, d, cStep, fresh, 0, 0, edge)
  }
  if (row < rows) {
    const from = a + row * rowStep
    let d = c + row * cStep
    let left = columns
    for (; left >= 4 * lanes; left -= 4 * lanes) {
      tile1Wide<T>(depth, from, step, b, bStep, panelStep, d, fresh)
      b += 4 * panelStep
      d += 4 * PANEL
    }
    byPanels<T>(1, depth, left, from, rowStep, step, b, bStep, panelStep, d, cStep, fresh, 0, 0, edge)
  }
  if (bias || epilogue) finish<T>(rows, columns * sizeof<T>(), c, cStep, bias, epilogue)
}

/** Copies less than a panel, without the call that memory.copy is. */
// @ts-ignore: decorator
@inline
function copyPart<T>(to: usize, from: usize, bytes: usize): void {
  if (bytes & 16) {
    v128.store(to, v128.load(from))
    to += 16
    from += 16
  }
  if (bytes & 8) {
    store<u64>(to, load<u64>(from))
    to += 8
    from += 8
  }
  if (sizeof<T>() == 4 && (bytes & 4)) store<u32>(to, load<u32>(from))
}

/** One panel after the other; the last one may be wider than what is left of C. */
function byPanels<T>(rows: usize, depth: usize, columns: usize, a: usize, rowStep: usize, step: usize, b: usize, bStep: usize, panelStep: usize, c: usize, cStep: usize, fresh: bool, bias: usize, epilogue: usize, edge: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  let left = columns
  for (; left >= lanes; left -= lanes) {
    column<T>(rows, depth, a, rowStep, step, b, bStep, c, cStep, fresh, bias, epilogue)
    if (bias) bias += PANEL
    b += panelStep
    c += PANEL
  }
  if (left == 0) return
  const bytes = <usize>left * sizeof<T>()
  let d = c
  for (let row: usize = 0; row < rows; row += 4) {
    const some = min<usize>(4, rows - row)
    if (!fresh) for (let i: usize = 0; i < some; i++) copyPart<T>(edge + i * PANEL, d + i * cStep, bytes)
    column<T>(some, depth, a, rowStep, step, b, bStep, edge, PANEL, fresh, 0, 0)
    for (let i: usize = 0; i < some; i++) copyPart<T>(d + i * cStep, edge + i * PANEL, bytes)
    a += 4 * rowStep
    d += 4 * cStep
  }
  if (bias || epilogue) finish<T>(rows, bytes, c, cStep, bias, epilogue)
}

/** A product with B in panels or in place; blocks of k in the outer loop, which continue the accumulators in C. At the end come `bias` and `epilogue`; see epilogue.ts. */
export function product<T>(rows: usize, depth: usize, columns: usize, a: usize, rowStep: usize, step: usize, b: usize, bStep: usize, panelStep: usize, c: usize, cStep: usize, fresh: bool, bias: usize, epilogue: usize, edge: usize): void {
  const most = rows < PACK_ROWS ? depth : DEPTH_BYTES / sizeof<T>()
  let k: usize = 0
  do {
    const some = min(most, depth - k)
    const isLast = k + some == depth
    for (let row: usize = 0; row < rows; row += BLOCK_ROWS) {
      block<T>(
        min(BLOCK_ROWS, rows - row), some, columns, a + row * rowStep + k * step, rowStep, step, b + k * bStep, bStep, panelStep,
        c + row * cStep, cStep, fresh && k == 0, isLast ? bias : 0, isLast ? epilogue : 0, edge,
      )
    }
    k += some
  } while (k < depth)
}

// b [depth, columns], rows `rowStep` and columns `columnStep` bytes apart -> panels
export function pack<T>(b: usize, rowStep: usize, columnStep: usize, depth: usize, columns: usize, to: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  for (let j: usize = 0; j < columns; j += lanes) {
    const from = b + j * columnStep
    const some = min(lanes, columns - j)
    if (some == lanes && columnStep == sizeof<T>()) {
      let at = from
      for (let k: usize = 0; k < depth; k++) {
        v128.store(to, v128.load(at))
        v128.store(to, v128.load(at, 16), 16)
        at += rowStep
        to += PANEL
      }
    } else if (some == lanes && rowStep == sizeof<T>()) {
      packTransposed<T>(from, columnStep, depth, to)
      to += depth * PANEL
    } else {
      for (let k: usize = 0; k < depth; k++) {
        let at = from + k * rowStep
        for (let i: usize = 0; i < lanes; i++) {
          store<T>(to + i * sizeof<T>(), i < some ? load<T>(at) : <T>0)
          at += columnStep
        }
        to += PANEL
      }
    }
  }
}

// b [1 panel, depth], columns `columnStep` apart -> panel [depth, lanes]
function packTransposed<T>(b: usize, columnStep: usize, depth: usize, to: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  const half: usize = lanes / 2
  let k: usize = 0
  for (; k + half <= depth; k += half) {
    for (let h: usize = 0; h < 2; h++) {
      const at = b + h * half * columnStep + k * sizeof<T>()
      const out = to + h * 16
      if (sizeof<T>() == 4) {
        const r0 = v128.load(at)
        const r1 = v128.load(at + columnStep)
        const r2 = v128.load(at + 2 * columnStep)
        const r3 = v128.load(at + 3 * columnStep)
        const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
        const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
        const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
        const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
        v128.store(out, v128.shuffle<f32>(t0, t1, 0, 1, 4, 5))
        v128.store(out, v128.shuffle<f32>(t0, t1, 2, 3, 6, 7), 32)
        v128.store(out, v128.shuffle<f32>(t2, t3, 0, 1, 4, 5), 64)
        v128.store(out, v128.shuffle<f32>(t2, t3, 2, 3, 6, 7), 96)
      } else {
        const r0 = v128.load(at)
        const r1 = v128.load(at + columnStep)
        v128.store(out, v128.shuffle<f64>(r0, r1, 0, 2))
        v128.store(out, v128.shuffle<f64>(r0, r1, 1, 3), 32)
      }
    }
    to += half * PANEL
  }
  for (; k < depth; k++) {
    for (let i: usize = 0; i < lanes; i++) store<T>(to + i * sizeof<T>(), load<T>(b + i * columnStep + k * sizeof<T>()))
    to += PANEL
  }
}

/** A product with B as it lies: in place for few rows, else packed block by block into scratch behind the edge. Added to C where not `fresh`. */
export function unpacked<T>(rows: usize, depth: usize, columns: usize, a: usize, rowStep: usize, step: usize, b: usize, bRowStep: usize, bColumnStep: usize, c: usize, cStep: usize, fresh: bool, bias: usize, epilogue: usize, scratch: usize): void {
  const lanes: usize = 32 / sizeof<T>()
  const packed = scratch + EDGE_BYTES
  let j: usize = 0
  if (rows < PACK_ROWS && bColumnStep == sizeof<T>()) {
    j = columns / lanes * lanes
    if (j > 0) product<T>(rows, depth, j, a, rowStep, step, b, bRowStep, PANEL, c, cStep, fresh, bias, epilogue, scratch)
  }
  const most = DEPTH_BYTES / sizeof<T>()
  for (; j < columns; j += BLOCK_PANELS * lanes) {
    const width = min(BLOCK_PANELS * lanes, columns - j)
    let k: usize = 0
    do {
      const some = min(most, depth - k)
      pack<T>(b + k * bRowStep + j * bColumnStep, bRowStep, bColumnStep, some, width, packed)
      const isLast = k + some == depth
      const by = bias && isLast ? bias + j * sizeof<T>() : 0
      product<T>(rows, some, width, a + k * step, rowStep, step, packed, PANEL, some * PANEL, c + j * sizeof<T>(), cStep, fresh && k == 0, by, isLast ? epilogue : 0, scratch)
      k += some
    } while (k < depth)
  }
}

/** c [size] times alpha. */
export function scale<T>(c: usize, size: usize, alpha: T): void {
  const end = c + size * sizeof<T>()
  const factor = v128.splat<T>(alpha)
  for (; c + 16 <= end; c += 16) v128.store(c, v128.mul<T>(v128.load(c), factor))
  for (; c < end; c += sizeof<T>()) store<T>(c, load<T>(c) * alpha)
}

/** c [rows, columns] + beta * d, d's rows and columns `rowStep` and `columnStep` bytes apart. */
export function addScaled<T>(c: usize, rows: usize, columns: usize, d: usize, rowStep: usize, columnStep: usize, beta: T): void {
  const factor = v128.splat<T>(beta)
  for (let row: usize = 0; row < rows; row++) {
    let at = d + row * rowStep
    const end = c + columns * sizeof<T>()
    if (columnStep == 0 && c < end) {
      const value: T = load<T>(at)
      const addend = v128.splat<T>(beta == 1 ? value : beta * value)
      for (; c + 16 <= end; c += 16) v128.store(c, v128.add<T>(v128.load(c), addend))
    } else if (columnStep == sizeof<T>()) {
      if (beta == 1) for (; c + 16 <= end; c += 16, at += 16) v128.store(c, v128.add<T>(v128.load(c), v128.load(at)))
      else for (; c + 16 <= end; c += 16, at += 16) v128.store(c, v128.add<T>(v128.load(c), v128.mul<T>(factor, v128.load(at))))
    }
    for (; c < end; c += sizeof<T>()) {
      const value: T = load<T>(at)
      store<T>(c, load<T>(c) + (beta == 1 ? value : beta * value))
      at += columnStep
    }
  }
}
