// Attention of one head over raw memory with the bits of src/ops/cpu/attention.ts. Scores exist for a block of queries at a time: softmax wants a
// row's largest score before its first exponential, so rows are whole, but never all of them.
import { tanhOf } from './parts/functions.ts'
import { DEPTH_BYTES, EDGE_BYTES, PANEL, pack, product, scale, unpacked } from './parts/product.ts'
import { extremeRow, softmax } from './parts/rows.ts'

/** Scratch: that of products, then scaled queries, then rows of scores, then what softmax takes. */
const PACKED_AT: usize = EDGE_BYTES
const PANELS: usize = 16
const QUERIES_AT: usize = EDGE_BYTES + 16 * 16384
const QUERIES_BYTES: usize = 131072
const SCORES_AT: usize = QUERIES_AT + QUERIES_BYTES
const SCORES_BYTES: usize = 524288
const SOFTMAX_AT: usize = SCORES_AT + SCORES_BYTES
/** Queries of a block: keys are packed anew for each. */
const MAX_QUERIES: usize = 64

// Kinds of masks
const NONE: i32 = 0
const BOOL: i32 = 1

// q [rows, size] scaled, k [keys, size] rows `kStep` apart -> scores [rows, keys] rows `scoreStep` apart
function scoresOf<T>(rows: usize, q: usize, size: usize, k: usize, kStep: usize, keys: usize, factor: T, scores: usize, scoreStep: usize, scratch: usize): void {
  const lanes: usize = PANEL / sizeof<T>()
  const packed = scratch + PACKED_AT
  const most = DEPTH_BYTES / sizeof<T>()
  for (let j: usize = 0; j < keys; j += PANELS * lanes) {
    const width = min(PANELS * lanes, keys - j)
    const panels = (width + lanes - 1) / lanes
    let e: usize = 0
    do {
      const some = min(most, size - e)
      pack<T>(k + j * kStep + e * sizeof<T>(), sizeof<T>(), kStep, some, width, packed)
      scale<T>(packed, panels * some * lanes, factor)
      product<T>(rows, some, width, q + e * sizeof<T>(), size * sizeof<T>(), sizeof<T>(), packed, PANEL, some * PANEL, scores + j * sizeof<T>(), scoreStep, e == 0, 0, 0, scratch)
      e += some
    } while (e < size)
  }
}

function capped<T>(scores: usize, n: usize, cap: T): void {
  const by = v128.splat<T>(cap)
  // Rows have whole vectors.
  for (const end = scores + n * sizeof<T>(); scores < end; scores += 16) v128.store(scores, v128.mul<T>(by, tanhOf<T>(v128.div<T>(v128.load(scores), by))))
}

function masked<T>(scores: usize, n: usize, mask: usize, step: usize, kind: i32): void {
  const end = scores + n * sizeof<T>()
  if (kind == BOOL) {
    for (; scores < end; scores += sizeof<T>(), mask += step) if (load<u8>(mask) == 0) store<T>(scores, <T>-Infinity)
    return
  }
  if (step == sizeof<T>()) for (; scores + 16 <= end; scores += 16, mask += 16) v128.store(scores, v128.add<T>(v128.load(scores), v128.load(mask)))
  for (; scores < end; scores += sizeof<T>(), mask += step) store<T>(scores, load<T>(scores) + load<T>(mask))
}

/** Whether each of n elements is a number and no infinity. */
function isFinite<T>(x: usize, n: usize): bool {
  for (const end = x + n * sizeof<T>(); x < end; x += sizeof<T>()) {
    const value: T = load<T>(x)
    if (value - value != 0) return false
  }
  return true
}

// weights [keys], v [keys, width] -> y [width], added to; keys of weight 0 do not count, whatever their value
function weigh<T>(weights: usize, keys: usize, v: usize, vStep: usize, width: usize, y: usize): void {
  for (let j: usize = 0; j < keys; j++, v += vStep) {
    const weight: T = load<T>(weights + j * sizeof<T>())
    if (weight == 0) continue
    for (let c: usize = 0; c < width; c++) {
      const at = y + c * sizeof<T>()
      store<T>(at, load<T>(at) + weight * load<T>(v + c * sizeof<T>()))
    }
  }
}

/**
 * q [queries, size], past and new k [keys, size], v [keys, width] -> y [queries, width]. Steps in bytes; past rows are dense. Query i sees keys before
 * `visible` and, where `causal`, up to i + `offset`; `maskKeys` is the number of columns that the mask has.
 */
function attend<T>(
  queries: usize, size: usize, width: usize, q: usize, qStep: usize, k: usize, kStep: usize, v: usize, vStep: usize, fresh: usize, pastK: usize, pastV: usize, past: usize, y: usize, yStep: usize,
  factor: T, cap: T, kind: i32, mask: usize, maskRowStep: usize, maskStep: usize, maskKeys: usize, visible: usize, causal: bool, offset: isize, scratch: usize,
): void {
  const total = min<usize>(past + fresh, min<usize>(visible, kind == NONE ? visible : maskKeys))
  const scaledQ = scratch + QUERIES_AT
  const scores = scratch + SCORES_AT
  const block = min<usize>(MAX_QUERIES, min<usize>(QUERIES_BYTES / (size * sizeof<T>() + 1), SCORES_BYTES / (total * sizeof<T>() + 16)))
  for (let i: usize = 0; i < queries; i += block) {
    const rows = min(block, queries - i)
    const limit = causal ? <usize>max<isize>(0, min<isize>(<isize>total, <isize>(i + rows) + offset)) : total
    const scoreStep: usize = (limit * sizeof<T>() + 15) & ~15
    const before = min(past, limit)
    for (let row: usize = 0; row < rows; row++) {
      const at = scaledQ + row * size * sizeof<T>()
      memory.copy(at, q + (i + row) * qStep, size * sizeof<T>())
      scale<T>(at, size, factor)
    }
    scoresOf<T>(rows, scaledQ, size, pastK, size * sizeof<T>(), before, factor, scores, scoreStep, scratch)
    scoresOf<T>(rows, scaledQ, size, k, kStep, limit - before, factor, scores + before * sizeof<T>(), scoreStep, scratch)
    for (let row: usize = 0; row < rows; row++) {
      const at = scores + row * scoreStep
      const n = causal ? <usize>max<isize>(0, min<isize>(<isize>limit, <isize>(i + row) + offset + 1)) : limit
      if (cap > 0) capped<T>(at, n, cap)
      if (kind != NONE) masked<T>(at, n, mask + (i + row) * maskRowStep, maskStep, kind)
      let hidden: usize = 0
      if (n > 0 && extremeRow<T>(true, at, n) != <T>-Infinity) {
        softmax<T>(at, at, 1, n, scratch + SOFTMAX_AT)
        hidden = n
      }
      memory.fill(at + hidden * sizeof<T>(), 0, (limit - hidden) * sizeof<T>())
    }
    const to = y + i * yStep
    unpacked<T>(rows, before, width, scores, scoreStep, sizeof<T>(), pastV, width * sizeof<T>(), sizeof<T>(), to, yStep, true, 0, 0, scratch)
    unpacked<T>(rows, limit - before, width, scores + before * sizeof<T>(), scoreStep, sizeof<T>(), v, vStep, sizeof<T>(), to, yStep, false, 0, 0, scratch)
    // Only then may a value that is no finite number have met a weight of 0.
    for (let row: usize = 0; row < rows; row++) {
      const at = to + row * yStep
      if (isFinite<T>(at, width)) continue
      memory.fill(at, 0, width * sizeof<T>())
      weigh<T>(scores + row * scoreStep, before, pastV, width * sizeof<T>(), width, at)
      weigh<T>(scores + row * scoreStep + before * sizeof<T>(), limit - before, v, vStep, width, at)
    }
  }
}

export function attend32(
  queries: usize, size: usize, width: usize, q: usize, qStep: usize, k: usize, kStep: usize, v: usize, vStep: usize, fresh: usize, pastK: usize, pastV: usize, past: usize, y: usize, yStep: usize,
  factor: f32, cap: f32, kind: i32, mask: usize, maskRowStep: usize, maskStep: usize, maskKeys: usize, visible: usize, causal: bool, offset: isize, scratch: usize,
): void {
  attend<f32>(queries, size, width, q, qStep, k, kStep, v, vStep, fresh, pastK, pastV, past, y, yStep, factor, cap, kind, mask, maskRowStep, maskStep, maskKeys, visible, causal, offset, scratch)
}

export function attend64(
  queries: usize, size: usize, width: usize, q: usize, qStep: usize, k: usize, kStep: usize, v: usize, vStep: usize, fresh: usize, pastK: usize, pastV: usize, past: usize, y: usize, yStep: usize,
  factor: f64, cap: f64, kind: i32, mask: usize, maskRowStep: usize, maskStep: usize, maskKeys: usize, visible: usize, causal: bool, offset: isize, scratch: usize,
): void {
  attend<f64>(queries, size, width, q, qStep, k, kStep, v, vStep, fresh, pastK, pastV, past, y, yStep, factor, cap, kind, mask, maskRowStep, maskStep, maskKeys, visible, causal, offset, scratch)
}

/** Copies `rows` of `bytes`, `step` apart, side by side. */
export function copyRows(from: usize, step: usize, rows: usize, bytes: usize, to: usize): void {
  for (let row: usize = 0; row < rows; row++) memory.copy(to + row * bytes, from + row * step, bytes)
}
