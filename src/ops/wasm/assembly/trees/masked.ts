// One row through whole trees of at most 64 leaves: QuickScorer (Lucchese et al., SIGIR 2015) with a table in place of most of its nodes. A node that sends the row
// right rules out the leaves on its left; the first leaf that is left over is the row's. Which nodes of a column do is known from how many of its thresholds the value is
// above: of every so many there is a row with the leaves that they rule out in all trees together. A row of X takes one from each column, sixteen bytes at
// once, and the nodes between it and the value's place one by one.
//
// The layout, u32:
//    0 columns, a multiple of 4                                  16 pairs of columns that must be equal: u32 byte offsets in x, two a pair
//    4 columns' records                                          20 pairs
//    8 bytes of a row, whole lines of 64                         24 row of zeros
//   12 trees' records                                            28 bytes of the nodes between two rows
//                                                                32 keys of a column, a power of two
// A column's record: 0 byte offset in x, 4 keys behind which there are rows, i32, ascending, the greatest number behind the column's own, 8 where the row of
// no key would be, 12 nodes.
// Rows are words of 64 bits, in each of which are the leaves of some trees. A tree's record: u32 byte offset of its word, u32 first leaf less the place of its bit,
// u64 bits of its leaves.
// A node: i32 key, u32 byte offset of a word, u64 leaves that are ruled out; those of a column ascend, and end with such that send no row right.

const RECORD_BYTES: usize = 16
const LINE: usize = 64

// @ts-ignore: decorator
@inline
function keyAt(x: usize, column: usize): i32 {
  return load<i32>(x + <usize>load<u32>(column))
}

// @ts-ignore: decorator
@inline
function ruleOut(node: usize, value: i32, masks: usize): void {
  const at = masks + <usize>load<u32>(node, 4)
  store<u64>(at, load<u64>(at) | (load<u64>(node, 8) & <u64>((<i64>load<i32>(node) - <i64>value) >> 63)))
}

// keys: those that a search goes on with, twice as many as `bytes` hold
// @ts-ignore: decorator
@inline
function halve(keys: usize, bytes: usize, value: i32): usize {
  const middle = keys + bytes
  return select<usize>(middle, keys, load<i32>(middle - 4) < value)
}

/** Takes the row of the table behind `at` of a column's keys, and the nodes behind that. */
// @ts-ignore: decorator
@inline
function take(layout: usize, column: usize, at: usize, value: i32, masks: usize): u32 {
  const place = <u32>(at - <usize>load<u32>(column, 4)) >>> 2
  const nodeBytes = <usize>load<u32>(layout, 28)
  let node = <usize>load<u32>(column, 12) + <usize>place * nodeBytes
  for (const end = node + nodeBytes; node < end; node += 32) {
    ruleOut(node, value, masks)
    ruleOut(node + 16, value, masks)
  }
  return select<u32>(load<u32>(column, 8) + place * load<u32>(layout, 8), load<u32>(layout, 24), place != 0)
}

// rows [columns] u32: addresses
/** Which rows of the table a row of X takes; the masks get what the nodes behind them rule out. As many steps for each column, four columns at a time. */
function findRows(layout: usize, x: usize, masks: usize, rows: usize): void {
  const most = <usize>load<u32>(layout, 32) << 1
  let column = <usize>load<u32>(layout, 4)
  for (const end = column + <usize>load<u32>(layout) * RECORD_BYTES; column < end; column += 4 * RECORD_BYTES) {
    const a = keyAt(x, column)
    const b = keyAt(x, column + RECORD_BYTES)
    const c = keyAt(x, column + 2 * RECORD_BYTES)
    const d = keyAt(x, column + 3 * RECORD_BYTES)
    let atA = <usize>load<u32>(column, 4)
    let atB = <usize>load<u32>(column + RECORD_BYTES, 4)
    let atC = <usize>load<u32>(column + 2 * RECORD_BYTES, 4)
    let atD = <usize>load<u32>(column + 3 * RECORD_BYTES, 4)
    for (let bytes = most; bytes >= 4; bytes >>>= 1) {
      atA = halve(atA, bytes, a)
      atB = halve(atB, bytes, b)
      atC = halve(atC, bytes, c)
      atD = halve(atD, bytes, d)
    }
    store<u32>(rows, take(layout, column, atA, a, masks))
    store<u32>(rows, take(layout, column + RECORD_BYTES, atB, b, masks), 4)
    store<u32>(rows, take(layout, column + 2 * RECORD_BYTES, atC, c, masks), 8)
    store<u32>(rows, take(layout, column + 3 * RECORD_BYTES, atD, d, masks), 12)
    rows += 16
  }
}

/** Adds rows to the masks. */
function takeRows(masks: usize, rowBytes: usize, rows: usize, end: usize): void {
  for (let line: usize = 0; line < rowBytes; line += LINE) {
    let a = i32x4.splat(0)
    let b = i32x4.splat(0)
    let c = i32x4.splat(0)
    let d = i32x4.splat(0)
    for (let at = rows; at < end; at += 8) {
      const first = line + <usize>load<u32>(at)
      const second = line + <usize>load<u32>(at, 4)
      a = v128.or(a, v128.or(v128.load(first), v128.load(second)))
      b = v128.or(b, v128.or(v128.load(first, 16), v128.load(second, 16)))
      c = v128.or(c, v128.or(v128.load(first, 32), v128.load(second, 32)))
      d = v128.or(d, v128.or(v128.load(first, 48), v128.load(second, 48)))
    }
    v128.store(masks, v128.or(a, v128.load(masks)))
    v128.store(masks, v128.or(b, v128.load(masks, 16)), 16)
    v128.store(masks, v128.or(c, v128.load(masks, 32)), 32)
    v128.store(masks, v128.or(d, v128.load(masks, 48)), 48)
    masks += LINE
  }
}

// x [columns of rows][8] i32 keys, of which the first lane is read; room: a row and a line, then a u32 for each column and one more; leaves [trees] u32
/** The leaves that a row reaches; false where columns differ that this layout takes for one. */
export function maskedRow(layout: usize, trees: u32, x: usize, room: usize, leaves: usize): bool {
  let pair = <usize>load<u32>(layout, 16)
  for (const end = pair + (<usize>load<u32>(layout, 20) << 3); pair < end; pair += 8) if (keyAt(x, pair) != keyAt(x, pair + 4)) return false
  const masks = (room + LINE - 1) & ~(LINE - 1)
  const rowBytes = <usize>load<u32>(layout, 8)
  const rows = masks + rowBytes + 16
  for (let at = masks; at < rows; at += 16) v128.store(at, i32x4.splat(0))
  findRows(layout, x, masks, rows)
  takeRows(masks, rowBytes, rows, rows + (<usize>load<u32>(layout) << 2))
  let tree = <usize>load<u32>(layout, 12)
  for (const end = leaves + (<usize>trees << 2); leaves < end; leaves += 4) {
    store<u32>(leaves, load<u32>(tree, 4) + <u32>ctz<u64>(~load<u64>(masks + <usize>load<u32>(tree)) & load<u64>(tree, 8)))
    tree += 16
  }
  return true
}
