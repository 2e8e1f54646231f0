// One row through whole trees of at most 32 leaves, sixteen trees at a time: QuickScorer (Lucchese et al., SIGIR 2015) with trees in lanes. A node that
// sends the row right rules out the leaves on its left; the first leaf that is left over is the row's. Nodes are taken in any order and wait for nothing.
// As in ranked.ts a value becomes its place among its column's thresholds, of which a group of trees has at most 255: ranks of all columns fit a few
// vectors, from which one instruction takes sixteen, one a tree.
//
// The layout, u32:
//    0 columns, a multiple of 4                              16 columns: u32 byte offsets in x
//    4 groups                                                20 pairs of columns that must be equal: u32 byte offsets in x, two a pair
//    8 groups' records                                       24 pairs
//   12 first leaf of each tree, u32
// A group's record: 0 keys of a column, a power of two, at most 256, 4 keys: i32 [columns][keys], ascending, the greatest number behind the column's own,
// 8 records of its chunks of 16 trees, 12 chunks.
// A chunk's record: 0 nodes, 4 how many, 8 quarters of a mask that they have: 2 or 4.
// A node: u8 columns [16], i8 places - 128 [16], u8 leaves that are ruled out [quarters][16].

// keys: those that a search goes on with, twice as many as `bytes` hold
// @ts-ignore: decorator
@inline
function halve(keys: usize, bytes: usize, value: i32): usize {
  const middle = keys + bytes
  return select<usize>(middle, keys, load<i32>(middle - 4) < value)
}

// @ts-ignore: decorator
@inline
function keyAt(x: usize, column: usize): i32 {
  return load<i32>(x + <usize>load<u32>(column))
}

// ranks [columns] i8: less 128
/** As many steps for each column, four columns at a time. */
function rankRow(keys: usize, keyCount: u32, columns: usize, end: usize, x: usize, ranks: usize): void {
  const most = <usize>keyCount << 2
  for (; columns < end; columns += 16) {
    const a = keyAt(x, columns)
    const b = keyAt(x, columns + 4)
    const c = keyAt(x, columns + 8)
    const d = keyAt(x, columns + 12)
    const second = keys + most
    const third = second + most
    const fourth = third + most
    let atA = keys
    let atB = second
    let atC = third
    let atD = fourth
    for (let bytes = most >>> 1; bytes >= 4; bytes >>>= 1) {
      atA = halve(atA, bytes, a)
      atB = halve(atB, bytes, b)
      atC = halve(atC, bytes, c)
      atD = halve(atD, bytes, d)
    }
    store<u8>(ranks, (<u32>(atA - keys) >>> 2) - 128)
    store<u8>(ranks, (<u32>(atB - second) >>> 2) - 128, 1)
    store<u8>(ranks, (<u32>(atC - third) >>> 2) - 128, 2)
    store<u8>(ranks, (<u32>(atD - fourth) >>> 2) - 128, 3)
    ranks += 4
    keys = fourth + most
  }
}

// ranks [columns] i8; masks [16] u32: leaves that are ruled out
function ruleOut(node: usize, count: u32, quarters: u32, columns: u32, ranks: usize, masks: usize): void {
  const ranks0 = v128.load(ranks)
  const ranks1 = v128.load(ranks, 16)
  const ranks2 = v128.load(ranks, 32)
  const ranks3 = v128.load(ranks, 48)
  let out0 = i32x4.splat(0)
  let out1 = i32x4.splat(0)
  let out2 = i32x4.splat(0)
  let out3 = i32x4.splat(0)
  const nodeBytes: usize = (<usize>quarters << 4) + 32
  for (const end = node + <usize>count * nodeBytes; node < end; node += nodeBytes) {
    const column = v128.load(node)
    let rank = i8x16.swizzle(ranks0, column)
    if (columns > 16) rank = v128.or(rank, i8x16.swizzle(ranks1, i8x16.sub(column, i8x16.splat(16))))
    if (columns > 32) {
      rank = v128.or(rank, i8x16.swizzle(ranks2, i8x16.sub(column, i8x16.splat(32))))
      rank = v128.or(rank, i8x16.swizzle(ranks3, i8x16.sub(column, i8x16.splat(48))))
    }
    const isRight = i8x16.gt_s(rank, v128.load(node, 16))
    out0 = v128.or(out0, v128.and(isRight, v128.load(node, 32)))
    out1 = v128.or(out1, v128.and(isRight, v128.load(node, 48)))
    if (quarters > 2) {
      out2 = v128.or(out2, v128.and(isRight, v128.load(node, 64)))
      out3 = v128.or(out3, v128.and(isRight, v128.load(node, 80)))
    }
  }
  const low01 = i8x16.shuffle(out0, out1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
  const low23 = i8x16.shuffle(out2, out3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
  const high01 = i8x16.shuffle(out0, out1, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
  const high23 = i8x16.shuffle(out2, out3, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
  v128.store(masks, i16x8.shuffle(low01, low23, 0, 8, 1, 9, 2, 10, 3, 11))
  v128.store(masks, i16x8.shuffle(low01, low23, 4, 12, 5, 13, 6, 14, 7, 15), 16)
  v128.store(masks, i16x8.shuffle(high01, high23, 0, 8, 1, 9, 2, 10, 3, 11), 32)
  v128.store(masks, i16x8.shuffle(high01, high23, 4, 12, 5, 13, 6, 14, 7, 15), 48)
}

// x [columns of rows][8] i32 keys, of which the first lane is read; ranks [64] i8; leaves [trees, padded to 16] u32
/** The leaves that a row reaches; false where columns differ that this layout takes for one. */
export function maskedRow(layout: usize, trees: u32, x: usize, ranks: usize, leaves: usize): bool {
  let pair = <usize>load<u32>(layout, 20)
  for (const end = pair + (<usize>load<u32>(layout, 24) << 3); pair < end; pair += 8) if (keyAt(x, pair) != keyAt(x, pair + 4)) return false
  const columnCount = load<u32>(layout)
  const columns = <usize>load<u32>(layout, 16)
  let group = <usize>load<u32>(layout, 8)
  let masks = leaves
  for (const end = group + (<usize>load<u32>(layout, 4) << 4); group < end; group += 16) {
    rankRow(load<u32>(group, 4), load<u32>(group), columns, columns + (<usize>columnCount << 2), x, ranks)
    let chunk = <usize>load<u32>(group, 8)
    for (const last = chunk + <usize>load<u32>(group, 12) * 12; chunk < last; chunk += 12) {
      ruleOut(load<u32>(chunk), load<u32>(chunk, 4), load<u32>(chunk, 8), columnCount, ranks, masks)
      masks += 64
    }
  }
  let first = <usize>load<u32>(layout, 12)
  for (const end = leaves + (<usize>trees << 2); leaves < end; leaves += 4) {
    store<u32>(leaves, load<u32>(first) + <u32>ctz<u32>(~load<u32>(leaves)))
    first += 4
  }
  return true
}
