// Products with weights that stay in 16 or 8 bits: panels of them are widened block by block into scratch, as float32 panels of parts/product.ts, so that the
// product has the bits that whole weights would give. Few rows take smaller blocks, which stay in the first-level cache.
//
// Panels [ceil(columns / 8)][depth][8] u16 or u8; columns past the last are 0. Of 16 bits, columns 0 to 3 are the low halves of 32-bit lanes, 4 to 7 the high ones.
import { EDGE_BYTES, PANEL, product } from './parts/product.ts'

// Kinds of weights
const HALF: i32 = 0
const BRAIN: i32 = 1
const SIGNED: i32 = 2

/** Widened panels at a time, and k of a block, for few rows and for many. */
const FEW_ROWS: usize = 4
const FEW_PANELS: usize = 4
const FEW_DEPTH: usize = 256
const MANY_PANELS: usize = 16
const MANY_DEPTH: usize = 512

// b [depth, columns] elements of `bytes`, rows `rowStep` and columns `columnStep` bytes apart -> panels
export function packWeights(b: usize, rowStep: usize, columnStep: usize, depth: usize, columns: usize, bytes: usize, to: usize): void {
  for (let j: usize = 0; j < columns; j += 8) {
    for (let k: usize = 0; k < depth; k++) {
      for (let i: usize = 0; i < 8; i++, to += bytes) {
        const column: usize = bytes == 2 ? j + (i >> 1) + (i & 1) * 4 : j + i
        const at = b + k * rowStep + column * columnStep
        const isInside = column < columns
        if (bytes == 2) store<u16>(to, isInside ? load<u16>(at) : 0)
        else store<u8>(to, isInside ? load<u8>(at) : 0)
      }
    }
  }
}

// One panel [depth, 8] of finite float16 -> float32: exponent and fraction in place, then the exponent put right by a product, which is exact
function widenHalves(from: usize, depth: usize, to: usize): void {
  const mask = i32x4.splat(0x8fffe000)
  const up = f32x4.splat(5.192296858534828e33)
  for (const end = to + depth * PANEL; to < end; to += PANEL, from += 16) {
    const h = v128.load(from)
    v128.store(to, f32x4.mul(v128.and(i32x4.shr_s(i32x4.shl(h, 16), 3), mask), up))
    v128.store(to, f32x4.mul(v128.and(i32x4.shr_s(h, 3), mask), up), 16)
  }
}

function widenBrain(from: usize, depth: usize, to: usize): void {
  const mask = i32x4.splat(0xffff0000)
  for (const end = to + depth * PANEL; to < end; to += PANEL, from += 16) {
    const h = v128.load(from)
    v128.store(to, i32x4.shl(h, 16))
    v128.store(to, v128.and(h, mask), 16)
  }
}

// One panel of bytes less zeros [8] i32, times scales [8] f32
function widenBytes(from: usize, isSigned: bool, depth: usize, scales: usize, zeros: usize, to: usize): void {
  const s0 = v128.load(scales)
  const s1 = v128.load(scales, 16)
  const z0 = v128.load(zeros)
  const z1 = v128.load(zeros, 16)
  for (const end = to + depth * PANEL; to < end; to += PANEL, from += 8) {
    const wide = isSigned ? v128.load_ext<i8>(from) : v128.load_ext<u8>(from)
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(i32x4.extend_low_i16x8_s(wide), z0)), s0))
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(i32x4.extend_high_i16x8_s(wide), z1)), s1), 16)
  }
}

/** a [rows, depth] f32 by panels of weights -> c [rows, columns] f32; scales [columns] f32 and zeros [columns] i32 of bytes as whole panels. Scratch as for products. */
export function multiplyWeights(rows: usize, depth: usize, columns: usize, a: usize, panels: usize, kind: i32, scales: usize, zeros: usize, c: usize, scratch: usize): void {
  const widened = scratch + EDGE_BYTES
  const bytes: usize = kind <= BRAIN ? 2 : 1
  const isFew = rows < FEW_ROWS
  const most = isFew ? FEW_DEPTH : MANY_DEPTH
  const width = (isFew ? FEW_PANELS : MANY_PANELS) * 8
  for (let j: usize = 0; j < columns; j += width) {
    const wide = min(width, columns - j)
    let k: usize = 0
    do {
      const some = min(most, depth - k)
      for (let i: usize = 0; i < wide; i += 8) {
        const from = panels + (((j + i) >> 3) * depth + k) * 8 * bytes
        const to = widened + (i >> 3) * some * PANEL
        if (kind == HALF) widenHalves(from, some, to)
        else if (kind == BRAIN) widenBrain(from, some, to)
        else widenBytes(from, kind == SIGNED, some, scales + (j + i) * 4, zeros + (j + i) * 4, to)
      }
      product<f32>(rows, some, wide, a + k * 4, depth * 4, 4, widened, PANEL, some * PANEL, c + j * 4, columns * 4, k == 0, 0, 0, scratch)
      k += some
    } while (k < depth)
  }
}
