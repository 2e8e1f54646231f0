// Batches of rows over ranks. Each column's thresholds are sorted once; a row's value becomes the number of thresholds below it, and "x > threshold"
// becomes "rank of x > place of the threshold", exactly, whatever the dtype. Trees come in groups that have at most 255 thresholds a column, so that
// ranks within a group are bytes and one comparison decides a node for sixteen rows.
//
// The top of a tree, or all of it, is a program that decides every node for 64 rows at once, children before their parents: the value of a node is a
// vector of exits (numbers of leaves, or of nodes to walk on from), chosen between its children's by the comparison. Nodes between two exits come
// first: their exits have neighbouring numbers, so that the comparison is subtracted from the number (it is -1 where it holds).
//
// Threads share a layout, so that runs write nothing into it. A layout, u32:
//    0 columns                                             16 trees, 32 bytes each
//    4 columns' thresholds: u32 address of f64, u32 count  20 1 if walks go on below some programs
//    8 groups                                              24 rows of a block, a multiple of 64
//   12 groups: u32 first tree behind, u32 address of map  28 fewest rows that this pays for
// A map, i8: by column, by how many of its thresholds are below a value, how many of the group's are, less 128.
// A tree: 0 program, 4 nodes between exits, 8 other nodes, 12 offset of the last result in the plan's exit vectors, 16 exits: values of leaves (f64, or f32
// where sums are float32 and that is exact) [exits][width], or u32 addresses of packed nodes, 20 1 for the latter, 24 steps below the program, 28 steps
// that all rows take together.
// A node, 12 bytes: u32 offset of the column in a chunk of rows, u16 offset of the left child's exits in the exit vectors, u16 of the right one's,
// i8 place of the threshold - 128, u8 number of the left exit, u16 place of the threshold in its column.

import { testRows } from './any.ts'
import { groupBytesOf, packedFrom } from './packed.ts'
import { copyGroups, replaced } from './rows.ts'
import { addLeaves } from './sums.ts'

const NODE_BYTES: usize = 12
const CHUNK: u32 = 64

/** How many of `count` ascending thresholds are below the value; none for NaN. */
// @ts-ignore: decorator
@inline
function rankOf(thresholds: usize, count: u32, value: f64): u32 {
  let at = thresholds
  for (; count > 1; ) {
    const half = count >>> 1
    const middle = at + (<usize>half << 3)
    at = select<usize>(middle, at, load<f64>(middle - 8) < value)
    count -= half
  }
  return (<u32>(at - thresholds) >>> 3) + <u32>(load<f64>(at) < value)
}

// @ts-ignore: decorator
@inline
function decide(x: usize, rank: v128): v128 {
  return i8x16.gt_s(v128.load(x), rank)
}

/** Runs a program for 16 `vectors` rows of a chunk. */
// @ts-ignore: decorator
@inline
function decideAll(tree: usize, x: usize, exits: usize, vectors: u32): void {
  let node = <usize>load<u32>(tree)
  let result = exits + 16384
  let end = node + <usize>load<u32>(tree, 4) * NODE_BYTES
  for (; node < end; node += NODE_BYTES) {
    const at = x + <usize>load<u32>(node)
    const rank = v128.load_splat<i8>(node, 8)
    const exit = v128.load_splat<i8>(node, 9)
    v128.store(result, i8x16.sub(exit, decide(at, rank)))
    if (vectors > 1) v128.store(result, i8x16.sub(exit, decide(at + 16, rank)), 16)
    if (vectors > 2) {
      v128.store(result, i8x16.sub(exit, decide(at + 32, rank)), 32)
      v128.store(result, i8x16.sub(exit, decide(at + 48, rank)), 48)
    }
    result += 64
  }
  end += <usize>load<u32>(tree, 8) * NODE_BYTES
  for (; node < end; node += NODE_BYTES) {
    const at = x + <usize>load<u32>(node)
    const left = exits + <usize>load<u16>(node, 4)
    const right = exits + <usize>load<u16>(node, 6)
    const rank = v128.load_splat<i8>(node, 8)
    v128.store(result, v128.bitselect(v128.load(right), v128.load(left), decide(at, rank)))
    if (vectors > 1) v128.store(result, v128.bitselect(v128.load(right, 16), v128.load(left, 16), decide(at + 16, rank)), 16)
    if (vectors > 2) {
      v128.store(result, v128.bitselect(v128.load(right, 32), v128.load(left, 32), decide(at + 32, rank)), 32)
      v128.store(result, v128.bitselect(v128.load(right, 48), v128.load(left, 48), decide(at + 48, rank)), 48)
    }
    result += 64
  }
}

// x [chunks][columns][64] i8; to [chunks][64] u8
/** The exits of a tree for a block of rows. */
function exitsOf(tree: usize, x: usize, chunkBytes: usize, rows: u32, vectors: usize, to: usize): void {
  const last = vectors + <usize>load<u32>(tree, 12)
  for (;;) {
    if (rows > 32) decideAll(tree, x, vectors, 4)
    else if (rows > 16) decideAll(tree, x, vectors, 2)
    else decideAll(tree, x, vectors, 1)
    v128.store(to, v128.load(last))
    v128.store(to, v128.load(last, 16), 16)
    v128.store(to, v128.load(last, 32), 32)
    v128.store(to, v128.load(last, 48), 48)
    if (rows <= CHUNK) return
    rows -= CHUNK
    x += chunkBytes
    to += CHUNK
  }
}

// x [rows, features] T; to [columns][blockRows] u16
function rankRows<T>(plan: usize, layout: usize, x: usize, rows: u32, features: u32, to: usize): void {
  const derived = load<u32>(plan, 64)
  const columns = load<u32>(layout)
  const blockRows = <usize>load<u32>(layout, 24)
  const valued = derived ? load<u32>(plan, 108) : columns
  const rowBytes = <usize>features << alignof<T>()
  const columnBytes = blockRows << 1
  // The categories of a column, where leaves will be.
  const list = to + blockRows * (3 * <usize>columns + 4)
  let table = <usize>load<u32>(plan, 68)
  let own = <usize>load<u32>(layout, 4)
  for (let c: u32 = 0; c < valued; c++) {
    const thresholds = <usize>load<u32>(own)
    const count = load<u32>(own, 4)
    const kind = derived ? load<u32>(table, 4) : 0
    let from = x + (<usize>(derived ? load<u32>(table) : c) << alignof<T>())
    if (count > 0) {
      for (let at = to, end = to + (<usize>rows << 1); at < end; at += 2) {
        store<u16>(at, rankOf(thresholds, count, replaced(kind, <f64>load<T>(from))))
        from += rowBytes
      }
    }
    to += columnBytes
    own += 8
    table += 8
  }
  if (valued < columns) testRows(plan, x, sizeof<T>() == 8, rows, features, to, columnBytes, list)
}

// ranks [columns][blockRows] u16; map: the group's, i8; to [chunks][columns][64] i8
function localRanks(layout: usize, map: usize, ranks: usize, rows: u32, to: usize): void {
  const columns = load<u32>(layout)
  const chunkBytes = <usize>columns * CHUNK
  const columnBytes = <usize>load<u32>(layout, 24) << 1
  let own = <usize>load<u32>(layout, 4)
  for (let c: u32 = 0; c < columns; c++) {
    const count = <usize>load<u32>(own, 4)
    // The group reads the column if it has thresholds of it.
    if (count && load<i8>(map + count) != -128) {
      let at = to
      for (let row: u32 = 0; row < rows; row += CHUNK) {
        const count = min(CHUNK, rows - row)
        const from = ranks + (<usize>row << 1)
        for (let i: u32 = 0; i < count; i++) store<i8>(at + i, load<i8>(map + load<u16>(from + (i << 1))))
        at += chunkBytes
      }
    }
    map += count + 1
    ranks += columnBytes
    own += 8
    to += CHUNK
  }
}

// exits [rows] u8; values [exits][width] V; y [rows] of `width` sums Y each, `stride` bytes apart
function addExits<V, Y>(values: usize, width: u32, exits: usize, rows: u32, y: usize, stride: usize): void {
  const leafBytes = width << alignof<V>()
  for (const end = exits + rows; exits < end; exits++) {
    let from = values + <usize>(load<u8>(exits) * leafBytes)
    let to = y
    for (const last = from + leafBytes; from < last; from += sizeof<V>()) {
      store<Y>(to, <Y>(<V>load<Y>(to) + load<V>(from)))
      to += sizeof<Y>()
    }
    y += stride
  }
}

// @ts-ignore: decorator
@inline
function plus<V, Y>(sum: Y, values: usize, exit: usize): Y {
  return <Y>(<V>sum + load<V>(values + (<usize>load<u8>(exit) << alignof<V>())))
}

/** Four trees of one value a leaf, exits [4][exitBytes] u8: sums stay in registers. */
function addFour<V, Y>(tree: usize, exits: usize, exitBytes: usize, rows: u32, y: usize, stride: usize): void {
  const first = <usize>load<u32>(tree, 16)
  const second = <usize>load<u32>(tree + 32, 16)
  const third = <usize>load<u32>(tree + 64, 16)
  const fourth = <usize>load<u32>(tree + 96, 16)
  const secondExits = exits + exitBytes
  const thirdExits = secondExits + exitBytes
  const fourthExits = thirdExits + exitBytes
  for (let row: usize = 0; row < rows; row++) {
    const one = plus<V, Y>(load<Y>(y), first, exits + row)
    const two = plus<V, Y>(one, second, secondExits + row)
    const three = plus<V, Y>(two, third, thirdExits + row)
    store<Y>(y, plus<V, Y>(three, fourth, fourthExits + row))
    y += stride
  }
}

// @ts-ignore: decorator
@inline
function isWhole(tree: usize): bool {
  return load<u32>(tree, 20) == 0
}

// The scratch block: ranks [columns][rows of a block] u16, ranks within a group [chunks][columns][64] i8, exits [4][rows] u8 (where walks go on those of one tree
// and a list of rows), leaves [rows] u32, keys in groups of rows as walks read them.

// x [rows, features] T
/** Ranks of a block of rows; false where walks would go on from rows that float32 does not hold. */
export function rankBlock<T>(plan: usize, layout: usize, x: usize, rows: u32, features: u32, scratch: usize): bool {
  if (load<u32>(layout, 20) && !copyGroups<T>(plan, x, rows, features, keysOf(layout, scratch))) return false
  rankRows<T>(plan, layout, x, rows, features, scratch)
  return true
}

// @ts-ignore: decorator
@inline
function keysOf(layout: usize, scratch: usize): usize {
  return scratch + <usize>load<u32>(layout, 24) * (3 * <usize>load<u32>(layout) + 8)
}

// y [rows, outputs] Y
/** Sums of a block of rows whose ranks are in `scratch`. */
export function sumBlock<Y>(plan: usize, layout: usize, rows: u32, y: usize, scratch: usize): void {
  const columns = <usize>load<u32>(layout)
  const blockRows = <usize>load<u32>(layout, 24)
  const ranks = scratch
  const own = ranks + 2 * columns * blockRows
  const exits = own + columns * blockRows
  const leaves = exits + 4 * blockRows
  const keys = keysOf(layout, scratch)
  const vectors = <usize>load<u32>(plan, 104)
  const chunkBytes = columns * CHUNK
  const width = load<u32>(plan, 24)
  const isSingle = sizeof<Y>() == 4 && load<u32>(plan, 80)
  const stride = <usize>load<u32>(plan, 28) << alignof<Y>()
  const goesInFours = width == 1 && !load<u32>(plan, 84)
  let table = <usize>load<u32>(plan, 16)
  let tree = <usize>load<u32>(layout, 16)
  let group = <usize>load<u32>(layout, 12)
  const groups = group + (<usize>load<u32>(layout, 8) << 3)
  for (; group < groups; group += 8) {
    localRanks(layout, load<u32>(group, 4), ranks, rows, own)
    const end = <usize>load<u32>(layout, 16) + (<usize>load<u32>(group) << 5)
    while (tree < end) {
      exitsOf(tree, own, chunkBytes, rows, vectors, exits)
      if (goesInFours && tree + 128 <= end && isWhole(tree) && isWhole(tree + 32) && isWhole(tree + 64) && isWhole(tree + 96)) {
        exitsOf(tree + 32, own, chunkBytes, rows, vectors, exits + blockRows)
        exitsOf(tree + 64, own, chunkBytes, rows, vectors, exits + 2 * blockRows)
        exitsOf(tree + 96, own, chunkBytes, rows, vectors, exits + 3 * blockRows)
        if (isSingle) addFour<f32, Y>(tree, exits, blockRows, rows, y, stride)
        else addFour<f64, Y>(tree, exits, blockRows, rows, y, stride)
        tree += 128
        table += 128
        continue
      }
      const to = y + (<usize>load<u32>(table, 16) << alignof<Y>())
      if (!isWhole(tree)) {
        packedFrom(load<u32>(tree, 16), exits, keys, groupBytesOf(<u32>columns), rows, load<u32>(tree, 24), load<u32>(tree, 28), exits + blockRows, leaves)
        addLeaves<Y>(plan, to, stride, 0, leaves, rows)
      } else if (isSingle) addExits<f32, Y>(load<u32>(tree, 16), width, exits, rows, to, stride)
      else addExits<f64, Y>(load<u32>(tree, 16), width, exits, rows, to, stride)
      tree += 32
      table += 32
    }
  }
}
