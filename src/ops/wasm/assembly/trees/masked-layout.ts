// Makes the layout for single rows that masked.ts describes: the columns that are searched, the leaves on the left of each node, the order of thresholds (order.ts),
// then keys by group and nodes by chunk of sixteen trees.
//
// Fields of the state, u32:
//  128 packed nodes          144 columns of rows                          160 pairs, two u32 byte offsets each   176 chunks' records
//  132 nodes                 148 by column of rows: the searched one      164 pairs so far                       180 where nodes and keys go next
//  136 roots, u32                that stands for it, u32                  168 first leaf of each tree, u32       184 the layout
//  140 kinds of columns      152 searched columns, u32 byte offsets       172 groups' records                    188 by tree: its first decision, u32 [trees + 1]
//      (u32 feature, u32     156 searched columns so far
//      kind); 0: plain
// Decisions have the leaves on their left, u32 at 4.

import {
  CODE, COLUMNS, columnIn, COUNT, CURSOR, decide, DONE, ENTRIES, enter, giveUp, GROUP_COUNT, GROUPS, mapOf, order, ORDERED, PHASE, RESULT, SORT, TABLE, TREES, UNIT_ENDS, UNITS,
} from './order.ts'

const PACKED: usize = 128
const NODES: usize = 132
const ROOTS: usize = 136
const KINDS: usize = 140
const ROW_COLUMNS: usize = 144
const STAND_INS: usize = 148
const SEARCHED: usize = 152
const SEARCHED_COUNT: usize = 156
const PAIRS: usize = 160
const PAIR_COUNT: usize = 164
const FIRST_LEAVES: usize = 168
const GROUP_RECORDS: usize = 172
const CHUNKS: usize = 176
const FREE: usize = 180
const LAYOUT: usize = 184
const STARTS: usize = 188

/** Phases before thresholds are in order, and behind. */
const LOOK: u32 = 0
const SEARCH: u32 = 1
const LIST: u32 = 2
const KEYS: u32 = ORDERED
const LAY: u32 = ORDERED + 1

/** The ranks of a row fill as many vectors of 16. */
const MAX_COLUMNS: u32 = 64
/** Searching the thresholds of a column costs what masks spare two or three trees. */
const MIN_TREES_PER_COLUMN: u32 = 3
const LANES: u32 = 16
const LEAF_MASK: u32 = 0x7fffff
/** Kinds of columns (see rows.ts) that hold no values: they are searched for themselves. */
const IS_NAN: u32 = 2
const IS_ZERO: u32 = 5
/** Nothing is greater. */
const NO_KEY: u32 = 0x7fffffff
/** The place of no threshold. */
const NEVER_RIGHT: u32 = 127
const NONE: u32 = 0xffffffff

// @ts-ignore: decorator
@inline
function standIn(s: usize, column: u32): usize {
  return load<u32>(s, STAND_INS) + (column << 2)
}

/** Finds out which columns are read: their stand-ins become 1. */
function look(s: usize, budget: i32): i32 {
  const count = load<u32>(s, NODES)
  const packed = <usize>load<u32>(s, PACKED)
  let at = load<u32>(s, CURSOR)
  if (at == 0) memory.fill(<usize>load<u32>(s, STAND_INS), 0, <usize>load<u32>(s, ROW_COLUMNS) << 2)
  for (; at < count && budget > 0; at++) {
    const word = load<u32>(packed + (<usize>at << 3), 4)
    if (word >>> 16) store<u32>(standIn(s, (word & 0xffff) >>> 5), 1)
    budget--
  }
  store<u32>(s, at, CURSOR)
  if (at == count) enter(s, SEARCH)
  return budget
}

// @ts-ignore: decorator
@inline
function isOfValues(kind: u32): bool {
  return kind != IS_NAN && kind < IS_ZERO
}

/** Columns of one feature that differ only where a value is missing are searched once. */
function search(s: usize): void {
  const columns = load<u32>(s, ROW_COLUMNS)
  const kinds = <usize>load<u32>(s, KINDS)
  const searched = <usize>load<u32>(s, SEARCHED)
  let count: u32 = 0
  let pairs: u32 = 0
  for (let column: u32 = 0; column < columns; column++) {
    const own = standIn(s, column)
    if (load<u32>(own) == 0) {
      store<u32>(own, NONE)
      continue
    }
    const kind = kinds ? load<u32>(kinds + (<usize>column << 3), 4) : IS_NAN
    let known = NONE
    if (isOfValues(kind)) {
      const feature = load<u32>(kinds + (<usize>column << 3))
      // Columns of a feature follow each other.
      for (let before = column - 1; <i32>before >= 0 && load<u32>(kinds + (<usize>before << 3)) == feature; before--) {
        const its = load<u32>(kinds + (<usize>before << 3), 4)
        if (isOfValues(its) && load<u32>(standIn(s, before)) != NONE) known = load<u32>(standIn(s, before))
      }
    }
    if (known != NONE) {
      const pair = <usize>load<u32>(s, PAIRS) + (<usize>pairs << 3)
      store<u32>(pair, load<u32>(searched + (<usize>known << 2)))
      store<u32>(pair, column << 5, 4)
      pairs++
    } else {
      if (count == MAX_COLUMNS) {
        giveUp(s)
        return
      }
      known = count++
      store<u32>(searched + (<usize>known << 2), column << 5)
    }
    store<u32>(own, known)
  }
  store<u32>(s, count, COLUMNS)
  store<u32>(s, pairs, PAIR_COUNT)
  if (count == 0 || load<u32>(s, TREES) < MIN_TREES_PER_COLUMN * count) {
    giveUp(s)
    return
  }
  // Four columns are searched side by side.
  for (; count & 3; count++) store<u32>(searched + (<usize>count << 2), load<u32>(searched))
  store<u32>(s, count, SEARCHED_COUNT)
  enter(s, LIST)
}

/** Lists the decisions below a node of a tree whose leaves on the left are `leaves`; those with its own, or NONE where leaves are not called as they follow each other. */
function list(s: usize, tree: u32, node: usize, leaves: u32): u32 {
  const word = load<u32>(node, 4)
  const far = word >>> 16
  if (far == 0) {
    const leaf = load<u32>(node) & LEAF_MASK
    const first = <usize>load<u32>(s, FIRST_LEAVES) + (<usize>tree << 2)
    if (leaves == 0) store<u32>(first, leaf)
    return leaf == load<u32>(first) + leaves ? leaves + 1 : NONE
  }
  const left = node + (<usize>far << 3)
  const before = list(s, tree, left, leaves)
  if (before == NONE) return NONE
  const count = load<u32>(s, COUNT)
  decide(s, count, load<u32>(standIn(s, (word & 0xffff) >>> 5)), <f64>load<i32>(node))
  // At least one leaf is on the right, so that no shift is by 32.
  store<u32>(load<u32>(s, CODE) + count * 12, (1 << before) - (1 << leaves), 4)
  store<u32>(s, count + 1, COUNT)
  return list(s, tree, left + 8, before)
}

function listAll(s: usize, budget: i32): i32 {
  const trees = load<u32>(s, TREES)
  const starts = <usize>load<u32>(s, STARTS)
  let tree = load<u32>(s, CURSOR)
  if (tree == 0) store<u32>(starts, 0)
  for (; tree < trees && budget > 0; tree++) {
    const before = load<u32>(s, COUNT)
    if (list(s, tree, <usize>load<u32>(s, PACKED) + (<usize>load<u32>(load<u32>(s, ROOTS) + (tree << 2)) << 3), 0) == NONE) {
      giveUp(s)
      return budget
    }
    const count = load<u32>(s, COUNT)
    store<u32>(starts + (<usize>tree << 2), count, 4)
    store<u32>(load<u32>(s, UNIT_ENDS) + (tree / LANES << 2), count)
    budget -= <i32>(8 * (count - before)) + 8
  }
  store<u32>(s, tree, CURSOR)
  if (tree == trees) enter(s, SORT)
  return budget
}

/** Keys of one group after the other. */
function layKeys(s: usize, budget: i32): i32 {
  const entries = <usize>load<u32>(s, ENTRIES)
  const table = <usize>load<u32>(s, TABLE)
  const columns = load<u32>(s, COLUMNS)
  const searched = load<u32>(s, SEARCHED_COUNT)
  const groups = load<u32>(s, GROUP_COUNT)
  if (load<u32>(s, TREES) < MIN_TREES_PER_COLUMN * columns * groups) {
    giveUp(s)
    return budget
  }
  let group = load<u32>(s, CURSOR)
  for (; group < groups && budget > 0; group++) {
    const map = mapOf(s, group)
    let most: u32 = 0
    for (let column: u32 = 0; column < columns; column++) {
      const count = load<u32>(table + (<usize>column << 3), 4)
      if (count) most = max<u32>(most, <u32>(<i32>load<i8>(columnIn(map, entries, table, column) + <usize>count) + 128))
    }
    let keyCount: u32 = 1
    while (keyCount <= most) keyCount <<= 1
    const keys = <usize>load<u32>(s, FREE)
    const end = keys + (<usize>(searched * keyCount) << 2)
    store<u32>(s, <u32>end, FREE)
    for (let at = keys; at < end; at += 4) store<u32>(at, NO_KEY)
    for (let column: u32 = 0; column < columns; column++) {
      const count = load<u32>(table + (<usize>column << 3), 4)
      if (count == 0) continue
      const own = columnIn(map, entries, table, column)
      let from = <usize>load<u32>(table + (<usize>column << 3))
      let to = keys + (<usize>(column * keyCount) << 2)
      for (let i: u32 = 0; i < count; i++) {
        store<i32>(to, <i32>load<f64>(from))
        from += 8
        to += load<i8>(own + <usize>i) != load<i8>(own + <usize>i, 1) ? 4 : 0
      }
      // What was written behind the last is not of this group.
      if (to < keys + (<usize>((column + 1) * keyCount) << 2)) store<u32>(to, NO_KEY)
      budget -= <i32>count
    }
    const record = <usize>load<u32>(s, GROUP_RECORDS) + (<usize>group << 4)
    const first = group == 0 ? 0 : load<u32>(load<u32>(s, GROUPS) + (group << 3) - 8)
    store<u32>(record, keyCount)
    store<u32>(record, <u32>keys, 4)
    store<u32>(record, load<u32>(s, CHUNKS) + first * 12, 8)
    store<u32>(record, load<u32>(load<u32>(s, GROUPS) + (group << 3)) - first, 12)
    budget -= <i32>(searched * keyCount)
  }
  store<u32>(s, group, CURSOR)
  if (group == groups) enter(s, LAY)
  return budget
}

/** Decisions of one tree, a lane of a chunk's nodes. */
function layTree(from: usize, end: usize, most: u32, quarters: u32, to: usize): void {
  const stride: usize = 32 + (<usize>quarters << 4)
  const last = to + <usize>most * stride
  for (; from < end; from += 12) {
    store<u8>(to, load<u32>(from) >>> 6)
    store<u8>(to, load<u8>(from, 8), 16)
    for (let quarter: u32 = 0; quarter < quarters; quarter++) store<u8>(to + (<usize>quarter << 4), load<u32>(from, 4) >>> (8 * quarter), 32)
    to += stride
  }
  for (; to < last; to += stride) store<u8>(to, NEVER_RIGHT, 16)
}

/** Nodes of one chunk after the other. */
function layNodes(s: usize, budget: i32): i32 {
  const units = load<u32>(s, UNITS)
  const trees = load<u32>(s, TREES)
  const starts = <usize>load<u32>(s, STARTS)
  const code = <usize>load<u32>(s, CODE)
  let chunk = load<u32>(s, CURSOR)
  for (; chunk < units && budget > 0; chunk++) {
    const first = chunk * LANES
    let most: u32 = 0
    for (let tree = first; tree < min(trees, first + LANES); tree++) most = max(most, load<u32>(starts + (<usize>tree << 2), 4) - load<u32>(starts + (<usize>tree << 2)))
    const quarters: u32 = most < 16 ? 2 : 4
    const nodes = <usize>load<u32>(s, FREE)
    const bytes = <usize>(most * (32 + 16 * quarters))
    store<u32>(s, <u32>(nodes + bytes), FREE)
    memory.fill(nodes, 0, bytes)
    for (let lane: u32 = 0; lane < LANES; lane++) {
      const from = code + <usize>load<u32>(starts + (<usize>min(trees, first + lane) << 2)) * 12
      layTree(from, code + <usize>load<u32>(starts + (<usize>min(trees, first + lane + 1) << 2)) * 12, most, quarters, nodes + <usize>lane)
    }
    const record = <usize>load<u32>(s, CHUNKS) + <usize>(chunk * 12)
    store<u32>(record, <u32>nodes)
    store<u32>(record, most, 4)
    store<u32>(record, quarters, 8)
    budget -= <i32>(64 * most) + 64
  }
  store<u32>(s, chunk, CURSOR)
  if (chunk == units) finish(s)
  return budget
}

function finish(s: usize): void {
  const layout = <usize>load<u32>(s, LAYOUT)
  store<u32>(layout, load<u32>(s, SEARCHED_COUNT))
  store<u32>(layout, load<u32>(s, GROUP_COUNT), 4)
  store<u32>(layout, load<u32>(s, GROUP_RECORDS), 8)
  store<u32>(layout, load<u32>(s, FIRST_LEAVES), 12)
  store<u32>(layout, load<u32>(s, SEARCHED), 16)
  store<u32>(layout, load<u32>(s, PAIRS), 20)
  store<u32>(layout, load<u32>(s, PAIR_COUNT), 24)
  store<u32>(s, <u32>layout, RESULT)
  enter(s, DONE)
}

/** Goes on with a layout for about `budget` small steps; 1 when it is done. */
export function makeMasked(s: usize, budget: i32): u32 {
  while (budget > 0) {
    const phase = load<u32>(s, PHASE)
    if (phase == DONE) return 1
    if (phase == LOOK) budget = look(s, budget)
    else if (phase == SEARCH) search(s)
    else if (phase == LIST) budget = listAll(s, budget)
    else if (phase < ORDERED) budget = order(s, phase, budget)
    else if (phase == KEYS) budget = layKeys(s, budget)
    else budget = layNodes(s, budget)
  }
  return 0
}
