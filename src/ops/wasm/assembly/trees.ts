// Tree ensembles over raw memory: the same walks and the same order of additions as src/ops/cpu/trees.ts, bit for bit.
// No static data, no globals: everything is reached through the pointers given.
//
// A plan, written once when the kernel is made, holds u32 at these byte offsets:
//    0 nodes         16 bytes each, layout nodes16/1        40 treesPerOutput, f64 [outputs]
//    4 leafIndex     u32 by node                            44 offset of copied rows in the scratch block, behind the leaves
//    8 leafValues    f64 [leaves, width]                    48 rounding: 0 trunc, 1 floor, 2 exact
//   12 categories    u32 words                              52 aggregate: 0 sum, 1 mean, 2 min, 3 max
//   16 tree table                                           56 1 if Y is float32
//   20 trees                                                60 node ids, i32 by node
//   24 width                                                64 columns of copied rows; 0: those of X
//   28 outputs                                              68 column table: u32 feature, u32 kind, or a node's address (see trees/rows.ts)
//                                                           72 packed nodes (see trees/packed.ts); 0: none
//                                                           76 first levels of packed trees
//                                                           80 1 if float32 holds all leaf values
//                                                           84 1 if trees go to outputs of their own
//   32 blockRows                                             88 layout for batches (see trees/ranked.ts); 0: none yet
//   36 start, f64 [outputs]                                  92 1 while `nodes` is not filled
//                                                           96 layout for single rows (see trees/masked.ts); 0: none yet
//                                                          100 ids by what packed nodes call their leaves, i32
//                                                          104 exit vectors of programs (see trees/ranked.ts): u8 [256][64], where row k is all k, then results of nodes [255][64]
//                                                          108 columns before those of nodes that test for categories or equality, if there are columns
// The tree table has 32 bytes per tree and is padded to whole groups of 8 trees with copies of the last root:
//    0 root, 4 steps, 8 steps per look, 12 special, 16 target; in the first tree of a group also 20 steps, 24 steps per look, 28 special of the group
// `scratch` has room for max(blockRows + 8, trees padded to 16) u32 of leaves, then for blockRows + 8 rows of f64.

import { rightAny } from './trees/any.ts'
import { maskedRow } from './trees/masked.ts'
import { groupBytesOf, packedRow, packedTree, topOf } from './trees/packed.ts'
import { rankBlock, sumBlock } from './trees/ranked.ts'
import { copyGroups, copyRows } from './trees/rows.ts'
import { addLeaves, begin, divide } from './trees/sums.ts'

export { deriveNodes, markSlots } from './trees/derive.ts'
export { makeMasked } from './trees/masked-layout.ts'
export { packNodes, packTop } from './trees/packed.ts'
export { makeRanked } from './trees/ranked-layout.ts'
export { roundRows } from './trees/rows.ts'
export { expandTree, spreadLeaves } from './trees/stored.ts'

const FEATURE_MASK: u32 = 0x07ffffff

/** One step from the unflagged node at byte offset `node` of `nodes`. */
// @ts-ignore: decorator
@inline
function next(nodes: usize, node: usize, x: usize): usize {
  const at = nodes + node
  const right = <u32>(load<f64>(x + (<usize>load<u32>(at, 8) << 3)) > load<f64>(at))
  return <usize>((load<u32>(at, 12) + right) << 4)
}

// @ts-ignore: decorator
@inline
function atLeaf(nodes: usize, node: usize): u32 {
  return (load<u32>(nodes + node, 12) << 4) ^ <u32>node
}

// Eight walks; walk i starts at the root in the table entry `entry + i * entryStride` and reads the row at `x + i * xStride`.
// leaves [8] u32: node indices
function walkEight(nodes: usize, entry: usize, entryStride: usize, x0: usize, xStride: usize, steps: u32, stepsPerLook: u32, leaves: usize): void {
  const x1 = x0 + xStride
  const x2 = x1 + xStride
  const x3 = x2 + xStride
  const x4 = x3 + xStride
  const x5 = x4 + xStride
  const x6 = x5 + xStride
  const x7 = x6 + xStride
  let a = <usize>load<u32>(entry) << 4
  let b = <usize>load<u32>(entry + entryStride) << 4
  let c = <usize>load<u32>(entry + 2 * entryStride) << 4
  let d = <usize>load<u32>(entry + 3 * entryStride) << 4
  let e = <usize>load<u32>(entry + 4 * entryStride) << 4
  let f = <usize>load<u32>(entry + 5 * entryStride) << 4
  let g = <usize>load<u32>(entry + 6 * entryStride) << 4
  let h = <usize>load<u32>(entry + 7 * entryStride) << 4
  let step: u32 = 0
  while (step < steps) {
    const until = min(steps, step + stepsPerLook)
    for (; step < until; step++) {
      a = next(nodes, a, x0)
      b = next(nodes, b, x1)
      c = next(nodes, c, x2)
      d = next(nodes, d, x3)
      e = next(nodes, e, x4)
      f = next(nodes, f, x5)
      g = next(nodes, g, x6)
      h = next(nodes, h, x7)
    }
    if (step < steps) {
      const moving = atLeaf(nodes, a) | atLeaf(nodes, b) | atLeaf(nodes, c) | atLeaf(nodes, d) | atLeaf(nodes, e) | atLeaf(nodes, f) | atLeaf(nodes, g) | atLeaf(nodes, h)
      if (moving == 0) break
    }
  }
  store<u32>(leaves, <u32>a >>> 4)
  store<u32>(leaves, <u32>b >>> 4, 4)
  store<u32>(leaves, <u32>c >>> 4, 8)
  store<u32>(leaves, <u32>d >>> 4, 12)
  store<u32>(leaves, <u32>e >>> 4, 16)
  store<u32>(leaves, <u32>f >>> 4, 20)
  store<u32>(leaves, <u32>g >>> 4, 24)
  store<u32>(leaves, <u32>h >>> 4, 28)
}

function walkAny(plan: usize, entry: usize, entryStride: usize, x: usize, xStride: usize, leaves: usize): void {
  const nodes = <usize>load<u32>(plan)
  const categories = <usize>load<u32>(plan, 12)
  const rounding = load<u32>(plan, 48)
  for (let i: usize = 0; i < 8; i++) {
    let node = load<u32>(entry + i * entryStride)
    const row = x + i * xStride
    while (true) {
      const at = nodes + (<usize>node << 4)
      const left = load<u32>(at, 12)
      if (left == node) break
      node = left + rightAny(at, load<f64>(row + (<usize>(load<u32>(at, 8) & FEATURE_MASK) << 3)), categories, rounding)
    }
    store<u32>(leaves + (i << 2), node)
  }
}

// @ts-ignore: decorator
@inline
function walkBy(plan: usize, special: u32, entry: usize, entryStride: usize, x: usize, xStride: usize, steps: u32, look: u32, leaves: usize): void {
  if (special) walkAny(plan, entry, entryStride, x, xStride, leaves)
  else walkEight(load<u32>(plan), entry, entryStride, x, xStride, steps, look, leaves)
}

/** Leaves [rows] of one tree. From 8 rows on; the last eight may overlap the ones before, which costs nothing but time. */
function treeOverRows(plan: usize, entry: usize, x: usize, rowBytes: usize, rows: u32, leaves: usize): void {
  const special = load<u32>(entry, 12)
  const steps = load<u32>(entry, 4)
  const look = load<u32>(entry, 8)
  for (let row: u32 = 0; row < rows; row += 8) {
    const from = min(row, rows - 8)
    walkBy(plan, special, entry, 0, x + <usize>from * rowBytes, rowBytes, steps, look, leaves + (<usize>from << 2))
  }
}

/** Leaves [trees, padded to 8] of one row. */
function rowThroughTrees(plan: usize, x: usize, leaves: usize): void {
  const trees = load<u32>(plan, 20)
  const table = <usize>load<u32>(plan, 16)
  for (let tree: u32 = 0; tree < trees; tree += 8) {
    const entry = table + (<usize>tree << 5)
    walkBy(plan, load<u32>(entry, 28), entry, 32, x, 0, load<u32>(entry, 20), load<u32>(entry, 24), leaves + (<usize>tree << 2))
  }
}

/** Adds leaf vectors: walk w, which ended in node leaves[w], to the sums at `y + w * stride`, further on by its tree's target if there is a table. */
function add<Y>(plan: usize, y: usize, stride: usize, table: usize, leaves: usize, count: u32): void {
  const leafIndex = <usize>load<u32>(plan, 4)
  const values = <usize>load<u32>(plan, 8)
  const width = load<u32>(plan, 24)
  const aggregate = load<u32>(plan, 52)
  for (let w: u32 = 0; w < count; w++) {
    let to = y
    if (table) to += <usize>load<u32>(table + (<usize>w << 5), 16) << alignof<Y>()
    let from = values + (<usize>load<u32>(leafIndex + (<usize>load<u32>(leaves + (<usize>w << 2)) << 2)) * width << 3)
    const end = from + (<usize>width << 3)
    if (aggregate < 2) {
      do {
        store<Y>(to, <Y>(<f64>load<Y>(to) + load<f64>(from)))
        to += sizeof<Y>()
        from += 8
      } while (from < end)
    } else {
      do {
        const sum = <f64>load<Y>(to)
        const value = load<f64>(from)
        store<Y>(to, <Y>(aggregate == 2 ? min<f64>(sum, value) : max<f64>(sum, value)))
        to += sizeof<Y>()
        from += 8
      } while (from < end)
    }
    y += stride
  }
}

/** As `addLeaves` for one row whose trees all go to every output. Sums stay in registers: through memory each addition would wait for the one before. */
function addRow<Y>(plan: usize, y: usize, leaves: usize, count: u32): void {
  const values = <usize>load<u32>(plan, 8)
  const leafBytes = load<u32>(plan, 24) << 3
  const isSingle = load<u32>(plan, 80)
  const end = leaves + (<usize>count << 2)
  let j: u32 = 0
  if (sizeof<Y>() == 8) {
    for (; j + 8 < leafBytes; j += 16) {
      let sums = v128.load(y)
      for (let at = leaves; at < end; at += 4) sums = f64x2.add(sums, v128.load(values + <usize>(load<u32>(at) * leafBytes + j)))
      v128.store(y, sums)
      y += 16
    }
  }
  for (; j < leafBytes; j += 8) {
    let sum = load<Y>(y)
    if (isSingle) for (let at = leaves; at < end; at += 4) sum += <Y>load<f64>(values + <usize>(load<u32>(at) * leafBytes + j))
    else for (let at = leaves; at < end; at += 4) sum = <Y>(<f64>sum + load<f64>(values + <usize>(load<u32>(at) * leafBytes + j)))
    store<Y>(y, sum)
    y += sizeof<Y>()
  }
}

/** 1 if float32 holds every value: then adding in float32 gives what rounding the float64 sum would. */
export function areSingle(values: usize, count: u32): u32 {
  let differs: u32 = 0
  for (let end = values + (<usize>count << 3); values < end; values += 8) differs |= <u32>(<f64><f32>load<f64>(values) != load<f64>(values))
  return differs == 0 ? 1 : 0
}

// x [rows, features] f64 or f32; y [rows, outputs] f32 where sums are rounded after each tree, else f64
/** 1, or 0 if it has stopped because whole nodes are needed and not there. */
function ensemble(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize, isDouble: u32): u32 {
  const table = <usize>load<u32>(plan, 16)
  const trees = load<u32>(plan, 20)
  const blockRows = load<u32>(plan, 32)
  const columns = load<u32>(plan, 64)
  const rowBytes = <usize>(columns ? columns : features) << 3
  const isSingle = load<u32>(plan, 56)
  const sumShift: usize = isSingle ? 2 : 3
  const sumBytes = <usize>load<u32>(plan, 28) << sumShift
  const leaves = scratch
  const walked = scratch + <usize>load<u32>(plan, 44)
  const packed = <usize>load<u32>(plan, 72)
  const tops = <usize>load<u32>(plan, 76)
  const ranked = <usize>load<u32>(plan, 88)
  const masked = <usize>load<u32>(plan, 96)
  const room = walked + (rowBytes << 2)
  while (rows > 0) {
    const isRanked = ranked != 0 && rows >= load<u32>(ranked, 28)
    // A rest below eight rows is added to the block before it, where rows go side by side.
    let count = isRanked ? min(rows, load<u32>(ranked, 24)) : rows < blockRows + 8 ? rows : blockRows
    if (isRanked && (isDouble ? rankBlock<f64>(plan, ranked, x, count, features, scratch) : rankBlock<f32>(plan, ranked, x, count, features, scratch))) {
      beginAll(isSingle, plan, y, count)
      if (isSingle) sumBlock<f32>(plan, ranked, count, y, scratch)
      else sumBlock<f64>(plan, ranked, count, y, scratch)
    } else {
      count = min(count, blockRows + 7)
      beginAll(isSingle, plan, y, count)
      if (packed && (isDouble ? copyGroups<f64>(plan, x, count, features, walked) : copyGroups<f32>(plan, x, count, features, walked))) {
        if (count < 8) {
          for (let row: u32 = 0; row < count; row++) {
            const at = walked + (<usize>row << 2)
            if (!masked || !maskedRow(masked, trees, at, room, leaves)) packedRow(packed, table, tops, trees, at, room, leaves)
            const to = y + <usize>row * sumBytes
            if (load<u32>(plan, 84)) addAllLeaves(isSingle, plan, to, 0, table, leaves, trees)
            else if (isSingle) addRow<f32>(plan, to, leaves, trees)
            else addRow<f64>(plan, to, leaves, trees)
          }
        } else {
          for (let tree: u32 = 0; tree < trees; tree++) {
            const entry = table + (<usize>tree << 5)
            packedTree(topOf(tops, tree), walked, rowBytes << 2, count, load<u32>(entry, 4), leaves)
            addAllLeaves(isSingle, plan, y + (<usize>load<u32>(entry, 16) << sumShift), sumBytes, 0, leaves, count)
          }
        }
      } else {
        if (load<u32>(plan, 92)) return 0
        copyWhole(isDouble, plan, x, count, features, walked)
        if (count < 8) {
          for (let row: u32 = 0; row < count; row++) {
            rowThroughTrees(plan, walked + <usize>row * rowBytes, leaves)
            addAll(isSingle, plan, y + <usize>row * sumBytes, 0, table, leaves, trees)
          }
        } else {
          for (let tree: u32 = 0; tree < trees; tree++) {
            const entry = table + (<usize>tree << 5)
            treeOverRows(plan, entry, walked, rowBytes, count, leaves)
            addAll(isSingle, plan, y + (<usize>load<u32>(entry, 16) << sumShift), sumBytes, 0, leaves, count)
          }
        }
      }
    }
    if (load<u32>(plan, 52) == 1) {
      if (isSingle) divide<f32>(plan, y, count)
      else divide<f64>(plan, y, count)
    }
    rows -= count
    x += (<usize>count * features) << (isDouble ? 3 : 2)
    y += <usize>count * sumBytes
  }
  return 1
}

function beginAll(isSingle: u32, plan: usize, y: usize, rows: u32): void {
  if (isSingle) begin<f32>(plan, y, rows)
  else begin<f64>(plan, y, rows)
}

function addAll(isSingle: u32, plan: usize, y: usize, stride: usize, table: usize, leaves: usize, count: u32): void {
  if (isSingle) add<f32>(plan, y, stride, table, leaves, count)
  else add<f64>(plan, y, stride, table, leaves, count)
}

function addAllLeaves(isSingle: u32, plan: usize, y: usize, stride: usize, table: usize, leaves: usize, count: u32): void {
  if (isSingle) addLeaves<f32>(plan, y, stride, table, leaves, count)
  else addLeaves<f64>(plan, y, stride, table, leaves, count)
}

export function treeEnsemble32(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): u32 {
  return ensemble(plan, x, rows, features, y, scratch, 0)
}

export function treeEnsemble64(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): u32 {
  return ensemble(plan, x, rows, features, y, scratch, 1)
}

// x [rows, features] f64 or f32; y [rows, trees] i32
/** As `ensemble`. */
function leavesOf(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize, isDouble: u32): u32 {
  const table = <usize>load<u32>(plan, 16)
  const trees = load<u32>(plan, 20)
  const blockRows = load<u32>(plan, 32)
  const columns = load<u32>(plan, 64)
  const rowBytes = <usize>(columns ? columns : features) << 3
  const resultBytes = <usize>trees << 2
  const leaves = scratch
  const walked = scratch + <usize>load<u32>(plan, 44)
  const packed = <usize>load<u32>(plan, 72)
  const tops = <usize>load<u32>(plan, 76)
  while (rows > 0) {
    const count = rows < blockRows + 8 ? rows : blockRows
    const isPacked = packed != 0 && (isDouble ? copyGroups<f64>(plan, x, count, features, walked) : copyGroups<f32>(plan, x, count, features, walked))
    const ids = <usize>(isPacked ? load<u32>(plan, 100) : load<u32>(plan, 60))
    if (!isPacked) {
      if (load<u32>(plan, 92)) return 0
      copyWhole(isDouble, plan, x, count, features, walked)
    }
    if (count < 8) {
      for (let row: u32 = 0; row < count; row++) {
        if (isPacked) packedRow(packed, table, tops, trees, walked + (<usize>row << 2), walked + (rowBytes << 2), leaves)
        else rowThroughTrees(plan, walked + <usize>row * rowBytes, leaves)
        name(ids, leaves, trees, y + <usize>row * resultBytes, 4)
      }
    } else {
      for (let tree: u32 = 0; tree < trees; tree++) {
        const entry = table + (<usize>tree << 5)
        if (isPacked) packedTree(topOf(tops, tree), walked, rowBytes << 2, count, load<u32>(entry, 4), leaves)
        else treeOverRows(plan, entry, walked, rowBytes, count, leaves)
        name(ids, leaves, count, y + (<usize>tree << 2), resultBytes)
      }
    }
    rows -= count
    x += (<usize>count * features) << (isDouble ? 3 : 2)
    y += <usize>count * resultBytes
  }
  return 1
}

/** Rows for walks of whole nodes. */
function copyWhole(isDouble: u32, plan: usize, x: usize, rows: u32, features: u32, to: usize): void {
  if (isDouble) copyRows<f64>(plan, x, rows, features, to)
  else copyRows<f32>(plan, x, rows, features, to)
}

/** Stores the ids of the nodes leaves [count], `stride` bytes apart. */
function name(ids: usize, leaves: usize, count: u32, y: usize, stride: usize): void {
  for (let w: u32 = 0; w < count; w++) {
    store<u32>(y, load<u32>(ids + (<usize>load<u32>(leaves + (<usize>w << 2)) << 2)))
    y += stride
  }
}

export function treeLeaves32(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): u32 {
  return leavesOf(plan, x, rows, features, y, scratch, 0)
}

export function treeLeaves64(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): u32 {
  return leavesOf(plan, x, rows, features, y, scratch, 1)
}

// nodes [end] nodes16/1; level [end - start + 2] u32, anything; found: f64 sum of the leaves' levels, u32 bad, deepest, flags, i32 largest feature (kept if larger)
/** Checks one tree, as `scanTree` of src/ops/trees/check.ts explains; here `level` counts from the tree's root. */
export function scanTree(nodes: usize, level: usize, start: i32, end: i32, found: usize): void {
  const spare = end - start + 1
  const last = end - 2
  let bad = 0
  let odd = 0
  let deepest = 1
  let leafLevels: i64 = 0
  let flags = 0
  let maxFeature = load<i32>(found, 20)
  memory.fill(level, 0, <usize>(spare + 1) << 2)
  store<i32>(level, 1)
  for (let i = start; i < end; i++) {
    const at = nodes + (<usize>i << 4)
    const low = load<i32>(at)
    const high = load<i32>(at, 4)
    const word = load<i32>(at, 8)
    const left = load<i32>(at, 12)
    const place = i - start
    const own = load<i32>(level + (<usize>(place + (place & 1)) << 2))
    const inner = (i - left) >> 31
    bad |= left | (left - i) | (own - 1) | ((last - left) & inner)
    // A child outside the tree has set `bad`; its level goes to the spare place.
    const child = level + (<usize>select<i32>(left - start + 1, spare, inner != 0 && <u32>(left - start) < <u32>spare) << 2)
    bad |= -load<i32>(child)
    store<i32>(child, (own + 1) & inner)
    odd |= ((left - start - 1) & inner & 1) | ((word | low | (high ^ 0x7ff00000)) & ~inner)
    bad |= (0x7ff00000 - (high & 0x7fffffff) - <i32>(<u32>(low | -low) >>> 31)) & inner & ~(word << 1)
    flags |= word
    leafLevels += <i64>(own & ~inner)
    deepest = max(deepest, own)
    maxFeature = max(maxFeature, (word & <i32>FEATURE_MASK) | ~inner)
  }
  store<f64>(found, <f64>leafLevels)
  store<i32>(found, <i32>(<u32>bad >>> 31) | odd, 8)
  store<i32>(found, deepest, 12)
  store<i32>(found, flags, 16)
  store<i32>(found, maxFeature, 20)
}

/** 1 if every leaf's index is below `leaves` and every inner node's is 0. */
export function leavesFit(nodes: usize, leafIndex: usize, count: u32, leaves: u32): u32 {
  for (let i: u32 = 0; i < count; i++) {
    const most = load<u32>(nodes + (<usize>i << 4), 12) == i ? leaves : 1
    if (load<u32>(leafIndex + (<usize>i << 2)) >= most) return 0
  }
  return 1
}
