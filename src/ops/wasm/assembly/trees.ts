// Tree ensembles over raw memory: the same walks and the same order of additions as src/ops/cpu/trees.ts, bit for bit.
// No static data, no globals: everything is reached through the pointers given.
//
// A plan, written once when the kernel is made, holds u32 at these byte offsets:
//    0 nodes         16 bytes each, layout nodes16/1        40 treesPerOutput, f64 [outputs]
//    4 leafIndex     u32 by node                            44 offset of derived rows in the scratch block, behind the leaves
//    8 leafValues    f64 [leaves, width]                    48 rounding: 0 trunc, 1 floor, 2 exact
//   12 categories    u32 words                              52 aggregate: 0 sum, 1 mean, 2 min, 3 max
//   16 tree table                                           56 1 if Y is float32
//   20 trees                                                60 node ids, i32 by node
//   24 width                                                64 columns of derived rows; 0: walks read X itself
//   28 outputs                                              68 column table: u32 feature, u32 kind
//   32 blockRows
//   36 start, f64 [outputs]
// The tree table has 32 bytes per tree and is padded to whole groups of 8 trees with copies of the first root:
//    0 root, 4 steps, 8 steps per look, 12 special, 16 target; in the first tree of a group also 20 steps, 24 steps per look, 28 special of the group
// `scratch` has room for max(blockRows + 8, padded trees) u32 of leaves, then for blockRows + 8 derived rows.

const CATEGORICAL: u32 = 0x40000000
const ZERO_MISSING: u32 = 0x20000000
const UNKNOWN_RIGHT: u32 = 0x10000000
const EQUAL: u32 = 0x08000000
const FEATURE_MASK: u32 = 0x07ffffff
const ZERO_THRESHOLD: f64 = 1.0000000180025095e-35

// @ts-ignore: decorator
@inline
function valueAt<T>(x: usize, feature: u32): f64 {
  return <f64>load<T>(x + (<usize>feature << alignof<T>()))
}

/** One step from the unflagged node at byte offset `node` of `nodes`. */
// @ts-ignore: decorator
@inline
function next<T>(nodes: usize, node: usize, x: usize): usize {
  const at = nodes + node
  const right = <u32>(valueAt<T>(x, load<u32>(at, 8)) > load<f64>(at))
  return <usize>((load<u32>(at, 12) + right) << 4)
}

// @ts-ignore: decorator
@inline
function atLeaf(nodes: usize, node: usize): u32 {
  return (load<u32>(nodes + node, 12) << 4) ^ <u32>node
}

// Eight walks; walk i starts at the root in the table entry `entry + i * entryStride` and reads the row at `x + i * xStride`.
// leaves [8] u32: node indices
function walkEight<T>(nodes: usize, entry: usize, entryStride: usize, x0: usize, xStride: usize, steps: u32, stepsPerLook: u32, leaves: usize): void {
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
      a = next<T>(nodes, a, x0)
      b = next<T>(nodes, b, x1)
      c = next<T>(nodes, c, x2)
      d = next<T>(nodes, d, x3)
      e = next<T>(nodes, e, x4)
      f = next<T>(nodes, f, x5)
      g = next<T>(nodes, g, x6)
      h = next<T>(nodes, h, x7)
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

/** 1 for right, with every flag honoured. */
function rightAny(at: usize, value: f64, categories: usize, rounding: u32): u32 {
  const word = load<u32>(at, 8)
  if (value != value) return word >>> 31
  if (word & CATEGORICAL) {
    const category = rounding & 1 ? floor<f64>(value) : trunc<f64>(value)
    const known = category >= 0.0 && category < <f64>load<u32>(at, 4) && (!(rounding & 2) || category == value)
    if (!known) return (word & UNKNOWN_RIGHT) >>> 28
    const bit = <u32>category
    return (load<u32>(categories + (<usize>(load<u32>(at) + (bit >>> 5)) << 2)) >>> (bit & 31)) & 1
  }
  if (word & ZERO_MISSING && abs<f64>(value) <= ZERO_THRESHOLD) return word >>> 31
  return word & EQUAL ? <u32>(value == load<f64>(at)) : <u32>(value > load<f64>(at))
}

function walkAny<T>(plan: usize, entry: usize, entryStride: usize, x: usize, xStride: usize, leaves: usize): void {
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
      node = left + rightAny(at, valueAt<T>(row, load<u32>(at, 8) & FEATURE_MASK), categories, rounding)
    }
    store<u32>(leaves + (i << 2), node)
  }
}

// @ts-ignore: decorator
@inline
function walkBy<T>(plan: usize, special: u32, entry: usize, entryStride: usize, x: usize, xStride: usize, steps: u32, look: u32, leaves: usize): void {
  if (special) walkAny<T>(plan, entry, entryStride, x, xStride, leaves)
  else walkEight<T>(load<u32>(plan), entry, entryStride, x, xStride, steps, look, leaves)
}

/** What a column of a kind holds for a value; the kinds are those of src/ops/trees/derive.ts. */
// @ts-ignore: decorator
@inline
function replaced<T>(kind: u32, value: T): T {
  const isNaN = value != value
  if (kind == 0) return value
  if (kind == 1) return isNaN ? <T>Infinity : value
  if (kind == 2) return <T>(isNaN ? 1.0 : 0.0)
  const isMissing = isNaN || abs<f64>(<f64>value) <= ZERO_THRESHOLD
  if (kind == 5) return <T>(isMissing ? 1.0 : 0.0)
  return !isMissing ? value : kind == 3 ? <T>NaN : <T>Infinity
}

// x [rows, features] T; to [rows, columns] T
function deriveRows<T>(plan: usize, x: usize, rows: u32, rowBytes: usize, to: usize): void {
  const first = <usize>load<u32>(plan, 68)
  const end = first + (<usize>load<u32>(plan, 64) << 3)
  for (let row: u32 = 0; row < rows; row++) {
    for (let column = first; column < end; column += 8) {
      store<T>(to, replaced<T>(load<u32>(column, 4), load<T>(x + (<usize>load<u32>(column) << alignof<T>()))))
      to += sizeof<T>()
    }
    x += rowBytes
  }
}

/** Leaves [rows] of one tree. From 8 rows on; the last eight may overlap the ones before, which costs nothing but time. */
function treeOverRows<T>(plan: usize, entry: usize, x: usize, rowBytes: usize, rows: u32, leaves: usize): void {
  const special = load<u32>(entry, 12)
  const steps = load<u32>(entry, 4)
  const look = load<u32>(entry, 8)
  for (let row: u32 = 0; row < rows; row += 8) {
    const from = min(row, rows - 8)
    walkBy<T>(plan, special, entry, 0, x + <usize>from * rowBytes, rowBytes, steps, look, leaves + (<usize>from << 2))
  }
}

/** Leaves [trees, padded to 8] of one row. */
function rowThroughTrees<T>(plan: usize, x: usize, leaves: usize): void {
  const trees = load<u32>(plan, 20)
  const table = <usize>load<u32>(plan, 16)
  for (let tree: u32 = 0; tree < trees; tree += 8) {
    const entry = table + (<usize>tree << 5)
    walkBy<T>(plan, load<u32>(entry, 28), entry, 32, x, 0, load<u32>(entry, 20), load<u32>(entry, 24), leaves + (<usize>tree << 2))
  }
}

/** Adds the vector of the leaf in node `node` to the sums at `y`. */
// @ts-ignore: decorator
@inline
function add<Y>(leafIndex: usize, values: usize, width: u32, aggregate: u32, node: u32, y: usize): void {
  let from = values + (<usize>load<u32>(leafIndex + (<usize>node << 2)) * width << 3)
  for (let j: u32 = 0; j < width; j++) {
    const value = load<f64>(from)
    const sum = <f64>load<Y>(y)
    store<Y>(y, <Y>(aggregate < 2 ? sum + value : aggregate == 2 ? min<f64>(sum, value) : max<f64>(sum, value)))
    from += 8
    y += sizeof<Y>()
  }
}

// x [rows, features] T; y [rows, outputs] Y
// @ts-ignore: decorator
@inline
function ensemble<T, Y>(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): void {
  const leafIndex = <usize>load<u32>(plan, 4)
  const values = <usize>load<u32>(plan, 8)
  const table = <usize>load<u32>(plan, 16)
  const trees = load<u32>(plan, 20)
  const width = load<u32>(plan, 24)
  const outputs = load<u32>(plan, 28)
  const blockRows = load<u32>(plan, 32)
  const aggregate = load<u32>(plan, 52)
  const leaves = scratch
  const columns = load<u32>(plan, 64)
  const rowBytes = <usize>features << alignof<T>()
  const walkedBytes = columns ? <usize>columns << alignof<T>() : rowBytes
  const sumBytes = <usize>outputs << alignof<Y>()
  while (rows > 0) {
    // A rest below eight rows is added to the block before it, where rows go side by side.
    const count = rows < blockRows + 8 ? rows : blockRows
    let walked = x
    if (columns) {
      walked = scratch + <usize>load<u32>(plan, 44)
      deriveRows<T>(plan, x, count, rowBytes, walked)
    }
    let to = y
    for (let row: u32 = 0; row < count; row++) {
      for (let j: u32 = 0; j < outputs; j++) {
        store<Y>(to, <Y>load<f64>(<usize>load<u32>(plan, 36) + (<usize>j << 3)))
        to += sizeof<Y>()
      }
    }
    if (count < 8) {
      for (let row: u32 = 0; row < count; row++) {
        rowThroughTrees<T>(plan, walked + <usize>row * walkedBytes, leaves)
        const sums = y + <usize>row * sumBytes
        for (let tree: u32 = 0; tree < trees; tree++) {
          const target = <usize>load<u32>(table + (<usize>tree << 5), 16) << alignof<Y>()
          add<Y>(leafIndex, values, width, aggregate, load<u32>(leaves + (<usize>tree << 2)), sums + target)
        }
      }
    } else {
      for (let tree: u32 = 0; tree < trees; tree++) {
        const entry = table + (<usize>tree << 5)
        treeOverRows<T>(plan, entry, walked, walkedBytes, count, leaves)
        let sums = y + (<usize>load<u32>(entry, 16) << alignof<Y>())
        for (let row: u32 = 0; row < count; row++) {
          add<Y>(leafIndex, values, width, aggregate, load<u32>(leaves + (<usize>row << 2)), sums)
          sums += sumBytes
        }
      }
    }
    if (aggregate == 1) {
      to = y
      for (let row: u32 = 0; row < count; row++) {
        for (let j: u32 = 0; j < outputs; j++) {
          store<Y>(to, <Y>(<f64>load<Y>(to) / max<f64>(1.0, load<f64>(<usize>load<u32>(plan, 40) + (<usize>j << 3)))))
          to += sizeof<Y>()
        }
      }
    }
    rows -= count
    x += <usize>count * rowBytes
    y += <usize>count * sumBytes
  }
}

export function treeEnsemble32(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): void {
  if (load<u32>(plan, 56)) ensemble<f32, f32>(plan, x, rows, features, y, scratch)
  else ensemble<f32, f64>(plan, x, rows, features, y, scratch)
}

export function treeEnsemble64(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): void {
  if (load<u32>(plan, 56)) ensemble<f64, f32>(plan, x, rows, features, y, scratch)
  else ensemble<f64, f64>(plan, x, rows, features, y, scratch)
}

// x [rows, features] T; y [rows, trees] i32
// @ts-ignore: decorator
@inline
function leavesOf<T>(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): void {
  const table = <usize>load<u32>(plan, 16)
  const trees = load<u32>(plan, 20)
  const blockRows = load<u32>(plan, 32)
  const ids = <usize>load<u32>(plan, 60)
  const leaves = scratch
  const columns = load<u32>(plan, 64)
  const rowBytes = <usize>features << alignof<T>()
  const walkedBytes = columns ? <usize>columns << alignof<T>() : rowBytes
  const resultBytes = <usize>trees << 2
  while (rows > 0) {
    const count = rows < blockRows + 8 ? rows : blockRows
    let walked = x
    if (columns) {
      walked = scratch + <usize>load<u32>(plan, 44)
      deriveRows<T>(plan, x, count, rowBytes, walked)
    }
    if (count < 8) {
      for (let row: u32 = 0; row < count; row++) {
        rowThroughTrees<T>(plan, walked + <usize>row * walkedBytes, leaves)
        for (let tree: u32 = 0; tree < trees; tree++) {
          const to = y + <usize>row * resultBytes + (<usize>tree << 2)
          store<u32>(to, load<u32>(ids + (<usize>load<u32>(leaves + (<usize>tree << 2)) << 2)))
        }
      }
    } else {
      for (let tree: u32 = 0; tree < trees; tree++) {
        treeOverRows<T>(plan, table + (<usize>tree << 5), walked, walkedBytes, count, leaves)
        for (let row: u32 = 0; row < count; row++) {
          const to = y + <usize>row * resultBytes + (<usize>tree << 2)
          store<u32>(to, load<u32>(ids + (<usize>load<u32>(leaves + (<usize>row << 2)) << 2)))
        }
      }
    }
    rows -= count
    x += <usize>count * rowBytes
    y += <usize>count * resultBytes
  }
}

export function treeLeaves32(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): void {
  leavesOf<f32>(plan, x, rows, features, y, scratch)
}

export function treeLeaves64(plan: usize, x: usize, rows: u32, features: u32, y: usize, scratch: usize): void {
  leavesOf<f64>(plan, x, rows, features, y, scratch)
}
