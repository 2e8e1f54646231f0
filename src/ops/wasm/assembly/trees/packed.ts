// Packed nodes: half the size of stored ones, for rows that float32 holds exactly. Eight bytes each: i32 key of the threshold, u16 byte
// offset of the column in a group of rows, u16 distance to the left child in nodes. Rows hold keys as well: integers are compared
// in half the instructions that floats take. A leaf is at distance 0 from itself; its key is above that of infinity, so that nothing
// is greater and walks stay, and has the leaf's index in its low bits.
//
// x > t for a float32 x and a float64 t is x > t', where t' is the largest float32 that is not above t.
// Rows stand in groups of eight, column by column, so that eight walks share one base: x [groups][columns][8] i32.

import { columnOf, thresholdIn } from './derive.ts'

const GROUP_BYTES: u32 = 32
const INFINITY_KEY: i32 = 0x7f800000
const LEAF_MASK: u32 = 0x7fffff
/** Below everything: NaN is greater than nothing. */
const NAN_KEY: i32 = i32.MIN_VALUE

/** Integers in the order of floats; 0 and -0 are one. */
// @ts-ignore: decorator
@inline
export function keyOf(value: f32): i32 {
  const bits = reinterpret<i32>(value + 0)
  return select<i32>(bits ^ <i32>(<u32>(bits >> 31) >>> 1), NAN_KEY, value == value)
}

// The compiler wants the constant part of an address at the load itself, so that this takes a node's word and the row's value.
// @ts-ignore: decorator
@inline
function next(node: usize, word: u32, value: i32): usize {
  return select<usize>(node + 8, node, value > load<i32>(node)) + <usize>((word >>> 16) << 3)
}

// @ts-ignore: decorator
@inline
function valueAt(word: u32, x: usize): usize {
  return x + <usize>(word & 0xffff)
}

/** Not 0 while a walk has not reached its leaf. */
// @ts-ignore: decorator
@inline
function distance(node: usize): u32 {
  return load<u16>(node, 6)
}

// @ts-ignore: decorator
@inline
function leafOf(node: usize): u32 {
  return load<u32>(node) & LEAF_MASK
}

// nodes [count] nodes16/1, numeric and without flags but those that slots (see derive.ts; 0: none) stand for; leafIndex [count] u32, 0 for the leaves' own numbers; to [count] packed
/** Packs nodes; 0 if a distance or a column does not fit. */
export function packNodes(nodes: usize, leafIndex: usize, count: u32, to: usize, slots: usize): u32 {
  let largest: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const at = nodes + (<usize>i << 4)
    const own = to + (<usize>i << 3)
    const far = load<u32>(at, 12) - i
    if (far == 0) {
      store<u64>(own, <u64>(<u32>INFINITY_KEY | (leafIndex ? load<u32>(leafIndex + (<usize>i << 2)) : i)))
      continue
    }
    const column = columnOf(slots, at) * GROUP_BYTES
    const exact = thresholdIn(slots, at)
    const near = <f32>exact
    // Keys of neighbours differ by one.
    store<i32>(own, keyOf(near) - <i32>(<f64>near > exact))
    largest |= far | column
    store<u32>(own, column | (far << 16), 4)
  }
  return largest < 65536 ? 1 : 0
}

/** Levels that eight rows take together, with all nodes of a level compared at once: see `packTop`. */
const TOP_LEVELS: u32 = 3
const TOP_BYTES: u32 = 96
/** Looks whether all walks have ended cost a fifth of a step; after the first they come every so many steps. */
const STEPS_PER_LOOK: u32 = 3

// to: i32 keys [7 nodes of three levels], u32 first look, u32 columns [7], u32 addresses [8 nodes of the fourth level], u32 first look at a group
/** The first three levels of the tree at `root` as if they were complete: below a leaf the same leaf again. The looks are left as they are. */
export function packTop(root: usize, to: usize): void {
  const heap = to + 32
  store<u32>(heap, <u32>root)
  for (let i: usize = 0; i < 7; i++) {
    const node = <usize>load<u32>(heap + (i << 2))
    const far = <usize>load<u16>(node, 6) << 3
    const isInner = far != 0
    store<u32>(heap + (i << 3), <u32>(node + far), 4)
    store<u32>(heap + (i << 3), <u32>(node + far + (isInner ? 8 : 0)), 8)
    store<i32>(to + (i << 2), load<i32>(node))
    store<u32>(heap + (i << 2), load<u16>(node, 4))
  }
}

// @ts-ignore: decorator
@inline
function above(top: usize, x: usize, n: i32): v128 {
  return i32x4.gt_s(v128.load(x + <usize>load<u32>(top + (n << 2), 32)), v128.load_splat<i32>(top + (n << 2)))
}

/** Byte offsets among the eight nodes of the fourth level, for four rows. */
// @ts-ignore: decorator
@inline
function belowTop(top: usize, x: usize): v128 {
  const first = above(top, x, 0)
  const second = v128.bitselect(above(top, x, 2), above(top, x, 1), first)
  const third = v128.bitselect(
    v128.bitselect(above(top, x, 6), above(top, x, 5), second),
    v128.bitselect(above(top, x, 4), above(top, x, 3), second),
    first,
  )
  return v128.or(v128.or(v128.and(first, i32x4.splat(16)), v128.and(second, i32x4.splat(8))), v128.and(third, i32x4.splat(4)))
}

// @ts-ignore: decorator
@inline
function nodeOf(top: usize, offset: usize): usize {
  return <usize>load<u32>(top + <usize>load<u32>(offset), 60)
}

/** Eight nodes: to [8] u32 their leaves, or their addresses where they may not have ended. */
// @ts-ignore: decorator
@inline
function storeReached(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize, to: usize, hasEnded: bool): void {
  store<u32>(to, hasEnded ? leafOf(a) : <u32>a)
  store<u32>(to, hasEnded ? leafOf(b) : <u32>b, 4)
  store<u32>(to, hasEnded ? leafOf(c) : <u32>c, 8)
  store<u32>(to, hasEnded ? leafOf(d) : <u32>d, 12)
  store<u32>(to, hasEnded ? leafOf(e) : <u32>e, 16)
  store<u32>(to, hasEnded ? leafOf(f) : <u32>f, 20)
  store<u32>(to, hasEnded ? leafOf(g) : <u32>g, 24)
  store<u32>(to, hasEnded ? leafOf(h) : <u32>h, 28)
}

/** Eight rows from eight nodes on; `to` [8] u32: their leaves, or addresses of nodes where they may not have ended. */
// @ts-ignore: decorator
@inline
function walkOn(a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, g: usize, h: usize, x: usize, step: u32, steps: u32, firstLook: u32, to: usize, hasEnded: bool): void {
  let word: u32
  let until = min(steps, firstLook)
  while (step < steps) {
    for (; step < until; step++) {
      word = load<u32>(a, 4)
      a = next(a, word, load<i32>(valueAt(word, x)))
      word = load<u32>(b, 4)
      b = next(b, word, load<i32>(valueAt(word, x), 4))
      word = load<u32>(c, 4)
      c = next(c, word, load<i32>(valueAt(word, x), 8))
      word = load<u32>(d, 4)
      d = next(d, word, load<i32>(valueAt(word, x), 12))
      word = load<u32>(e, 4)
      e = next(e, word, load<i32>(valueAt(word, x), 16))
      word = load<u32>(f, 4)
      f = next(f, word, load<i32>(valueAt(word, x), 20))
      word = load<u32>(g, 4)
      g = next(g, word, load<i32>(valueAt(word, x), 24))
      word = load<u32>(h, 4)
      h = next(h, word, load<i32>(valueAt(word, x), 28))
    }
    until = min(steps, step + STEPS_PER_LOOK)
    if (step < steps && (distance(a) | distance(b) | distance(c) | distance(d) | distance(e) | distance(f) | distance(g) | distance(h)) == 0) break
  }
  storeReached(a, b, c, d, e, f, g, h, to, hasEnded)
}

// x [columns][8] i32; leaves [8] u32: indices of leaves
/** One tree, eight rows. */
function walkRows(top: usize, x: usize, steps: u32, leaves: usize): void {
  v128.store(leaves, belowTop(top, x))
  v128.store(leaves, belowTop(top, x + 16), 16)
  let a = nodeOf(top, leaves)
  let b = nodeOf(top, leaves + 4)
  let c = nodeOf(top, leaves + 8)
  let d = nodeOf(top, leaves + 12)
  let e = nodeOf(top, leaves + 16)
  let f = nodeOf(top, leaves + 20)
  let g = nodeOf(top, leaves + 24)
  let h = nodeOf(top, leaves + 28)
  walkOn(a, b, c, d, e, f, g, h, x, TOP_LEVELS, steps, load<u32>(top, 28), leaves, true)
}

// @ts-ignore: decorator
@inline
function stepOf(node: usize, x: usize): usize {
  const word = load<u32>(node, 4)
  return next(node, word, load<i32>(valueAt(word, x)))
}

// @ts-ignore: decorator
@inline
function rootAt(nodes: usize, entry: usize): usize {
  return nodes + (<usize>load<u32>(entry) << 3)
}

/** One row, eight trees: `entry` is in the table of trees, 32 bytes each; to [8] u32: their leaves, or addresses of nodes where they may not have ended. */
function walkTrees(nodes: usize, entry: usize, x: usize, steps: u32, to: usize, hasEnded: bool): void {
  let a = rootAt(nodes, entry)
  let b = rootAt(nodes, entry + 32)
  let c = rootAt(nodes, entry + 64)
  let d = rootAt(nodes, entry + 96)
  let e = rootAt(nodes, entry + 128)
  let f = rootAt(nodes, entry + 160)
  let g = rootAt(nodes, entry + 192)
  let h = rootAt(nodes, entry + 224)
  for (let step: u32 = 0; step < steps; step++) {
    a = stepOf(a, x)
    b = stepOf(b, x)
    c = stepOf(c, x)
    d = stepOf(d, x)
    e = stepOf(e, x)
    f = stepOf(f, x)
    g = stepOf(g, x)
    h = stepOf(h, x)
  }
  storeReached(a, b, c, d, e, f, g, h, to, hasEnded)
}

/** One tree over a block of rows in groups; leaves [rows, padded to 8]. */
export function packedTree(top: usize, x: usize, groupBytes: usize, rows: u32, steps: u32, leaves: usize): void {
  for (let row: u32 = 0; row < rows; row += 8) {
    walkRows(top, x, steps, leaves)
    x += groupBytes
    leaves += 32
  }
}

/** Rows in groups from the nodes at `addresses` that `exits` [rows] u8 name, `steps` further; nodes [rows, padded to 8]: their addresses. */
function stepAll(addresses: usize, exits: usize, x: usize, groupBytes: usize, rows: u32, steps: u32, nodes: usize): void {
  for (let row: u32 = 0; row < rows; row += 8) {
    walkOn(
      exitAt(addresses, exits), exitAt(addresses, exits + 1), exitAt(addresses, exits + 2), exitAt(addresses, exits + 3),
      exitAt(addresses, exits + 4), exitAt(addresses, exits + 5), exitAt(addresses, exits + 6), exitAt(addresses, exits + 7),
      x, 0, steps, steps, nodes, false,
    )
    exits += 8
    x += groupBytes
    nodes += 32
  }
}

/** Lists the rows that have not reached their leaves; how many. */
function listMoving(nodes: usize, rows: u32, list: usize): u32 {
  let to = list
  for (let row: u32 = 0; row < rows; row++) {
    store<u16>(to, row)
    to += <usize>(distance(load<u32>(nodes + (<usize>row << 2))) != 0) << 1
  }
  return <u32>(to - list) >>> 1
}

// @ts-ignore: decorator
@inline
function rowAt(x: usize, groupBytes: usize, row: u32): usize {
  return x + <usize>(row >>> 3) * groupBytes + <usize>((row & 7) << 2)
}

/** Where the node of the n-th of a list stands. */
// @ts-ignore: decorator
@inline
function listedAt(nodes: usize, list: usize, n: usize): usize {
  return nodes + (<usize>load<u16>(list + 2 * n) << 2)
}

/** Stores the node that the n-th of a list has reached, and lists it again at `to` unless that is a leaf; what follows `to`. The list is read before it is written. */
// @ts-ignore: decorator
@inline
function relist(nodes: usize, at: usize, n: usize, node: usize, to: usize): usize {
  const one = <u32>load<u16>(at + 2 * n)
  store<u32>(nodes + (<usize>one << 2), <u32>node)
  store<u16>(to, one)
  return to + (<usize>(distance(node) != 0) << 1)
}

const LISTED_STEPS: u32 = 3

/** Takes the rows of a list some steps further, four at a time, and keeps those of them that still have not reached their leaves; how many. */
function stepListed(nodes: usize, x: usize, groupBytes: usize, list: usize, count: u32): u32 {
  // The list is filled up to four with its last row: twice the same steps.
  const last = list + (<usize>count << 1)
  const row = load<u16>(last - 2)
  store<u16>(last, row)
  store<u16>(last, row, 2)
  store<u16>(last, row, 4)
  let to = list
  for (let at = list; at < last; at += 8) {
    const xA = rowAt(x, groupBytes, load<u16>(at))
    const xB = rowAt(x, groupBytes, load<u16>(at, 2))
    const xC = rowAt(x, groupBytes, load<u16>(at, 4))
    const xD = rowAt(x, groupBytes, load<u16>(at, 6))
    let a = <usize>load<u32>(listedAt(nodes, at, 0))
    let b = <usize>load<u32>(listedAt(nodes, at, 1))
    let c = <usize>load<u32>(listedAt(nodes, at, 2))
    let d = <usize>load<u32>(listedAt(nodes, at, 3))
    for (let step: u32 = 0; step < LISTED_STEPS; step++) {
      a = stepOf(a, xA)
      b = stepOf(b, xB)
      c = stepOf(c, xC)
      d = stepOf(d, xD)
    }
    to = relist(nodes, at, 0, a, to)
    to = relist(nodes, at, 1, b, to)
    to = relist(nodes, at, 2, c, to)
    to = relist(nodes, at, 3, d, to)
  }
  return <u32>(to - list) >>> 1
}

/**
 * Rows in groups from the nodes at `addresses` that `exits` [rows] u8 name; leaves [rows, padded to 8]. First all rows together, up to where most have
 * ended; then those that have not, which would keep eight others waiting: list [rows + 4] u16.
 */
export function packedFrom(addresses: usize, exits: usize, x: usize, groupBytes: usize, rows: u32, steps: u32, first: u32, list: usize, leaves: usize): void {
  stepAll(addresses, exits, x, groupBytes, rows, first, leaves)
  if (first < steps) {
    let count = listMoving(leaves, rows, list)
    while (count > 0) count = stepListed(leaves, x, groupBytes, list, count)
  }
  for (const end = leaves + (<usize>rows << 2); leaves < end; leaves += 4) store<u32>(leaves, leafOf(load<u32>(leaves)))
}

// @ts-ignore: decorator
@inline
function exitAt(addresses: usize, exit: usize): usize {
  return <usize>load<u32>(addresses + (<usize>load<u8>(exit) << 2))
}

/** Takes one row some steps further in the trees of a list, eight at a time, and keeps those of them where it still has not reached a leaf; how many. */
function stepTrees(nodes: usize, x: usize, list: usize, count: u32): u32 {
  const last = list + (<usize>count << 1)
  // Filled up to eight with the last tree: the same steps again.
  for (let at = last; at < last + 14; at += 2) store<u16>(at, load<u16>(last - 2))
  let to = list
  for (let at = list; at < last; at += 16) {
    let a = <usize>load<u32>(listedAt(nodes, at, 0))
    let b = <usize>load<u32>(listedAt(nodes, at, 1))
    let c = <usize>load<u32>(listedAt(nodes, at, 2))
    let d = <usize>load<u32>(listedAt(nodes, at, 3))
    let e = <usize>load<u32>(listedAt(nodes, at, 4))
    let f = <usize>load<u32>(listedAt(nodes, at, 5))
    let g = <usize>load<u32>(listedAt(nodes, at, 6))
    let h = <usize>load<u32>(listedAt(nodes, at, 7))
    for (let step: u32 = 0; step < LISTED_STEPS; step++) {
      a = stepOf(a, x)
      b = stepOf(b, x)
      c = stepOf(c, x)
      d = stepOf(d, x)
      e = stepOf(e, x)
      f = stepOf(f, x)
      g = stepOf(g, x)
      h = stepOf(h, x)
    }
    to = relist(nodes, at, 0, a, to)
    to = relist(nodes, at, 1, b, to)
    to = relist(nodes, at, 2, c, to)
    to = relist(nodes, at, 3, d, to)
    to = relist(nodes, at, 4, e, to)
    to = relist(nodes, at, 5, f, to)
    to = relist(nodes, at, 6, g, to)
    to = relist(nodes, at, 7, h, to)
  }
  return <u32>(to - list) >>> 1
}

/**
 * One row, in the first lane of a group, through all trees; leaves [trees, padded to 8]. First as far as most walks go, where some go much further, then those that have
 * not ended, which would keep seven others waiting: list [trees + 8] u16.
 */
export function packedRow(nodes: usize, table: usize, tops: usize, trees: u32, x: usize, list: usize, leaves: usize): void {
  let isListed: u32 = 0
  for (let tree: u32 = 0; tree < trees; tree += 8) isListed |= <u32>(trees < 65536) & <u32>(load<u32>(topOf(tops, tree), 92) < load<u32>(table + (<usize>tree << 5), 20))
  for (let tree: u32 = 0; tree < trees; tree += 8) {
    const entry = table + (<usize>tree << 5)
    const to = leaves + (<usize>tree << 2)
    if (isListed) walkTrees(nodes, entry, x, min(load<u32>(topOf(tops, tree), 92), load<u32>(entry, 20)), to, false)
    else walkTrees(nodes, entry, x, load<u32>(entry, 20), to, true)
  }
  if (isListed == 0) return
  let count = listMoving(leaves, trees, list)
  while (count > 0) count = stepTrees(leaves, x, list, count)
  for (const end = leaves + (<usize>trees << 2); leaves < end; leaves += 4) store<u32>(leaves, leafOf(load<u32>(leaves)))
}

// @ts-ignore: decorator
@inline
export function topOf(tops: usize, tree: u32): usize {
  return tops + <usize>(tree * TOP_BYTES)
}

// @ts-ignore: decorator
@inline
export function groupBytesOf(columns: u32): usize {
  return <usize>(columns * GROUP_BYTES)
}
