// Nodes that read columns in which missing values are replaced, as src/ops/trees/derive.ts has them. Where nodes that test for categories or equality have columns
// of their own, these are the last ones. Before the slots: u32 the table of columns, the first such column, columns.

const MISSING_RIGHT: u32 = 0x80000000
const CATEGORICAL: u32 = 0x40000000
const ZERO_MISSING: u32 = 0x20000000
const EQUAL: u32 = 0x08000000
const FEATURE_MASK: u32 = 0x07ffffff
const KINDS: u32 = 6

// @ts-ignore: decorator
@inline
function kindOf(word: u32, threshold: f64): u32 {
  if (word & (CATEGORICAL | EQUAL)) return 0
  const zero: u32 = word & ZERO_MISSING ? 1 : 0
  if (!(word & MISSING_RIGHT)) return 3 * zero
  return 3 * zero + (threshold == Infinity ? 2 : 1)
}

// @ts-ignore: decorator
@inline
function slotAt(slots: usize, word: u32, kind: u32): usize {
  return slots + (<usize>((word & FEATURE_MASK) * KINDS + kind) << 2)
}

// @ts-ignore: decorator
@inline
function hasColumn(slots: usize, word: u32): bool {
  return (word & (CATEGORICAL | EQUAL)) != 0 && load<u32>(slots - 12) < load<u32>(slots - 8)
}

/** The column of a node that has one of its own: the table has them by feature, then by address. */
function ownColumn(slots: usize, node: usize): u32 {
  const table = <usize>load<u32>(slots - 16)
  const feature = load<u32>(node, 8) & FEATURE_MASK
  let low = load<u32>(slots - 12)
  let high = load<u32>(slots - 8)
  while (low < high) {
    const middle = (low + high) >>> 1
    const column = table + (<usize>middle << 3)
    if (load<u32>(column) < feature || (load<u32>(column) == feature && <usize>load<u32>(column, 4) < node)) low = middle + 1
    else high = middle
  }
  return low
}

/** The column that an inner node reads: its feature where there are no slots. */
export function columnOf(slots: usize, node: usize): u32 {
  const word = load<u32>(node, 8)
  if (!slots) return word & FEATURE_MASK
  return hasColumn(slots, word) ? ownColumn(slots, node) : load<u32>(slotAt(slots, word, kindOf(word, load<f64>(node)))) - 1
}

/** The threshold of an inner node in its column. */
export function thresholdIn(slots: usize, node: usize): f64 {
  const threshold = load<f64>(node)
  if (!slots) return threshold
  const word = load<u32>(node, 8)
  if (hasColumn(slots, word)) return 0.5
  if (threshold != Infinity) return threshold
  const kind = kindOf(word, threshold)
  return kind == 2 || kind == 5 ? 0.5 : threshold
}

// nodes [count] nodes16/1; slots [features, kinds] i32
/** Sets the slots of all inner nodes to 1. */
export function markSlots(nodes: usize, count: u32, slots: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(nodes, 12) != i) store<u32>(slotAt(slots, load<u32>(nodes, 8), kindOf(load<u32>(nodes, 8), load<f64>(nodes))), 1)
    nodes += 16
  }
}

// nodes [count], to [count] nodes16/1; slots [features, kinds] i32: 1 + the column
export function deriveNodes(nodes: usize, count: u32, slots: usize, to: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    v128.store(to, v128.load(nodes))
    if (load<u32>(nodes, 12) != i) {
      const word = load<u32>(nodes, 8)
      store<f64>(to, thresholdIn(slots, nodes))
      store<u32>(to, (word & (CATEGORICAL | EQUAL) && !hasColumn(slots, word) ? word & ~FEATURE_MASK : 0) | columnOf(slots, nodes), 8)
    }
    nodes += 16
    to += 16
  }
}
