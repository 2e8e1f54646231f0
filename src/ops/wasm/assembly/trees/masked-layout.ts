// Makes the layout for single rows that masked.ts describes: the columns that are searched, the leaves on the left of each node, the order of thresholds (order.ts),
// then nodes and the rows between them.
//
// Fields of the state, u32:
//  128 packed nodes          144 columns of rows                          160 pairs, two u32 byte offsets each           176 keys go here next
//  132 nodes                 148 by column of rows: the searched one      164 pairs so far                               180 nodes go here next
//  136 roots, u32                that stands for it, u32                  168 trees' records, with their offsets         184 the layout
//  140 kinds of columns      152 searched columns, u32 byte offsets       172 columns' records                           188 rows go here next
//      (u32 feature, u32     156 most that may be searched                192 rows of the table  196 bytes of a row  200 nodes  204 bytes of nodes between rows
//  208 keys, as many for each column  212 most keys of a column
//      kind); 0: plain
// Decisions have u32 byte offset in rows, u64 leaves on their left.

import { CODE, COLUMNS, COUNT, CURSOR, decide, DONE, ENTRIES, ENTRY_BYTES, enter, giveUp, NODE_BYTES, order, PHASE, RESULT, SIGN, SORT, TREES } from './order.ts'

const PACKED: usize = 128
const NODE_COUNT: usize = 132
const ROOTS: usize = 136
const KINDS: usize = 140
const ROW_COLUMNS: usize = 144
const STAND_INS: usize = 148
const SEARCHED: usize = 152
const MOST_SEARCHED: usize = 156
const PAIRS: usize = 160
const PAIR_COUNT: usize = 164
const SLOTS: usize = 168
const RECORDS: usize = 172
const KEY_FREE: usize = 176
const FREE: usize = 180
const LAYOUT: usize = 184
const ROW_FREE: usize = 188
const ROWS: usize = 192
const ROW_BYTES: usize = 196
const SORTED: usize = 200
const BLOCK_BYTES: usize = 204
const KEYS: usize = 208
const MOST_KEYS: usize = 212

/** Phases before thresholds are in order, and behind. */
const LOOK: u32 = 0
const SEARCH: u32 = 1
const LIST: u32 = 2

const RECORD_BYTES: usize = 16
const DECISION_BYTES: usize = NODE_BYTES
const LEAF_MASK: u32 = 0x7fffff
/** Kinds of columns (see rows.ts) that hold no values: they are searched for themselves. */
const IS_NAN: u32 = 2
const IS_ZERO: u32 = 5
/** Nothing is greater. */
const NO_KEY: u32 = 0x7fffffff
const NONE: u32 = 0xffffffff

// @ts-ignore: decorator
@inline
function standIn(s: usize, column: u32): usize {
  return load<u32>(s, STAND_INS) + (column << 2)
}

/** Finds out which columns are read: their stand-ins become 1. */
function look(s: usize, budget: i32): i32 {
  const count = load<u32>(s, NODE_COUNT)
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
      if (count == load<u32>(s, MOST_SEARCHED)) {
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
  if (count == 0) giveUp(s)
  else enter(s, LIST)
}

/** Lists the decisions below a node of a tree whose leaves on the left are `leaves`; those with its own, or NONE where leaves are not called as they follow each other. */
function list(s: usize, tree: u32, node: usize, leaves: u32): u32 {
  const word = load<u32>(node, 4)
  const far = word >>> 16
  const slot = <usize>load<u32>(s, SLOTS) + (<usize>tree << 4)
  if (far == 0) {
    const leaf = load<u32>(node) & LEAF_MASK
    if (leaves == 0) store<u32>(slot, leaf - <u32>ctz<u64>(load<u64>(slot, 8)), 4)
    return leaf == load<u32>(slot, 4) + <u32>ctz<u64>(load<u64>(slot, 8)) + leaves ? leaves + 1 : NONE
  }
  const left = node + (<usize>far << 3)
  const before = list(s, tree, left, leaves)
  if (before == NONE) return NONE
  const count = load<u32>(s, COUNT)
  decide(s, count, load<u32>(standIn(s, (word & 0xffff) >>> 5)), <f64>load<i32>(node))
  const decision = <usize>load<u32>(s, CODE) + <usize>count * DECISION_BYTES
  store<u32>(decision, load<u32>(slot))
  // At least one leaf is on the right, so that no shift is by 64.
  store<u64>(decision, ((<u64>1 << <u64>before) - (<u64>1 << <u64>leaves)) << ctz<u64>(load<u64>(slot, 8)), 4)
  store<u32>(s, count + 1, COUNT)
  return list(s, tree, left + 8, before)
}

function listAll(s: usize, budget: i32): i32 {
  const trees = load<u32>(s, TREES)
  let tree = load<u32>(s, CURSOR)
  for (; tree < trees && budget > 0; tree++) {
    const before = load<u32>(s, COUNT)
    if (list(s, tree, <usize>load<u32>(s, PACKED) + (<usize>load<u32>(load<u32>(s, ROOTS) + (tree << 2)) << 3), 0) == NONE) {
      giveUp(s)
      return budget
    }
    budget -= <i32>(8 * (load<u32>(s, COUNT) - before)) + 8
  }
  store<u32>(s, tree, CURSOR)
  if (tree == trees) enter(s, SORT)
  return budget
}

/** Nodes that send no row right, up to the next place of a row. */
function pad(s: usize, to: usize): usize {
  const nodes = <usize>load<u32>(s, SORTED)
  const blockBytes = <usize>load<u32>(s, BLOCK_BYTES)
  for (; (to - nodes) & (blockBytes - 1); to += ENTRY_BYTES) {
    store<u32>(to, NO_KEY)
    store<u32>(to, 0, 4)
    store<u64>(to, 0, 8)
  }
  return to
}

/** A row behind the nodes that end at `end`, of which those before their block are in the row before, if there is one. */
function layRow(s: usize, end: usize, hasBefore: bool): void {
  const rowBytes = <usize>load<u32>(s, ROW_BYTES)
  const row = <usize>load<u32>(s, ROW_FREE)
  const before = hasBefore ? row - rowBytes : <usize>load<u32>(s, ROWS)
  for (let at: usize = 0; at < rowBytes; at += 16) v128.store(row + at, v128.load(before + at))
  for (let node = end - <usize>load<u32>(s, BLOCK_BYTES); node < end; node += ENTRY_BYTES) {
    const at = row + <usize>load<u32>(node, 4)
    store<u64>(at, load<u64>(at) | load<u64>(node, 8))
  }
  store<u32>(s, <u32>(row + rowBytes), ROW_FREE)
}

/** Adds a key, before which a row belongs. */
function layKey(s: usize, key: u32): void {
  const to = load<u32>(s, KEY_FREE)
  store<u32>(to, key)
  store<u32>(s, to + 4, KEY_FREE)
}

// @ts-ignore: decorator
@inline
function recordOf(s: usize, column: u32): usize {
  return <usize>load<u32>(s, RECORDS) + <usize>column * RECORD_BYTES
}

/** Ends a column whose last node ends at `to`. Where there are rows behind all nodes no node is looked at. */
function endColumn(s: usize, column: u32, to: usize): usize {
  if (<usize>load<u32>(s, BLOCK_BYTES) == ENTRY_BYTES) {
    layRow(s, to, load<u32>(s, KEY_FREE) != load<u32>(recordOf(s, column), 4))
    layKey(s, load<u32>(to - ENTRY_BYTES))
  }
  store<u32>(s, max(load<u32>(s, MOST_KEYS), (load<u32>(s, KEY_FREE) - load<u32>(recordOf(s, column), 4)) >>> 2), MOST_KEYS)
  return pad(s, to)
}

/** Nodes in the order of their columns and keys, with rows between them. */
function layNodes(s: usize, budget: i32): i32 {
  const count = load<u32>(s, COUNT)
  const entries = <usize>load<u32>(s, ENTRIES)
  const nodes = <usize>load<u32>(s, SORTED)
  const blockBytes = <usize>load<u32>(s, BLOCK_BYTES)
  const rowBytes = load<u32>(s, ROW_BYTES)
  let to = <usize>load<u32>(s, FREE)
  let at = load<u32>(s, CURSOR)
  if (at == 0) {
    memory.fill(<usize>load<u32>(s, ROWS), 0, rowBytes)
    store<u32>(s, load<u32>(s, ROWS) + rowBytes, ROW_FREE)
  }
  for (; at < count && budget > 0; at++) {
    const entry = entries + <usize>at * ENTRY_BYTES
    const column = load<u32>(entry, 8)
    const record = recordOf(s, column)
    if (at == 0 || load<u32>(entry - ENTRY_BYTES, 8) != column) {
      if (at) to = endColumn(s, load<u32>(entry - ENTRY_BYTES, 8), to)
      store<u32>(record, load<u32>(load<u32>(s, SEARCHED) + (column << 2)))
      store<u32>(record, load<u32>(s, KEY_FREE), 4)
      store<u32>(record, load<u32>(s, ROW_FREE) - rowBytes, 8)
      store<u32>(record, <u32>to, 12)
    } else if (((to - nodes) & (blockBytes - 1)) == 0) {
      layRow(s, to, load<u32>(s, KEY_FREE) != load<u32>(record, 4))
      layKey(s, load<u32>(to - ENTRY_BYTES))
      budget -= <i32>(rowBytes >>> 5)
    }
    const bits = load<u64>(entry)
    const decision = <usize>load<u32>(s, CODE) + <usize>load<u32>(entry, 12) * DECISION_BYTES
    store<i32>(to, <i32>reinterpret<f64>(bits & SIGN ? bits ^ SIGN : ~bits))
    store<u32>(to, load<u32>(decision), 4)
    store<u64>(to, load<u64>(decision, 4), 8)
    to += ENTRY_BYTES
    budget -= 2
  }
  if (at == count) {
    to = endColumn(s, load<u32>(s, COLUMNS) - 1, to)
    finish(s, to)
  }
  store<u32>(s, at, CURSOR)
  store<u32>(s, <u32>to, FREE)
  return budget
}

/** Spreads keys so that those of each column are as many, one of them greater than all. */
function finish(s: usize, end: usize): void {
  const layout = <usize>load<u32>(s, LAYOUT)
  const columns = load<u32>(s, COLUMNS)
  let keyCount: u32 = 1
  while (keyCount <= load<u32>(s, MOST_KEYS)) keyCount <<= 1
  let to = <usize>load<u32>(s, KEYS)
  let column: u32 = 0
  for (; column < columns || column & 3; column++) {
    const record = recordOf(s, column)
    const isOwn = column < columns
    let from = isOwn ? load<u32>(record, 4) : 0
    const last = isOwn ? (column + 1 < columns ? load<u32>(record + RECORD_BYTES, 4) : load<u32>(s, KEY_FREE)) : 0
    if (!isOwn) {
      store<u32>(record, load<u32>(load<u32>(s, SEARCHED)))
      // Nodes behind the last of all send no row right.
      store<u32>(record, <u32>end, 12)
    }
    store<u32>(record, <u32>to, 4)
    for (const until = to + (<usize>keyCount << 2); to < until; to += 4) {
      store<u32>(to, from < last ? load<u32>(from) : NO_KEY)
      from += 4
    }
  }
  const blockBytes = <usize>load<u32>(s, BLOCK_BYTES)
  for (let at: usize = 0; at < blockBytes; at += ENTRY_BYTES) {
    store<u32>(end + at, NO_KEY)
    store<u32>(end + at, 0, 4)
    store<u64>(end + at, 0, 8)
  }
  store<u32>(layout, column)
  store<u32>(layout, load<u32>(s, RECORDS), 4)
  store<u32>(layout, load<u32>(s, ROW_BYTES), 8)
  store<u32>(layout, load<u32>(s, SLOTS), 12)
  store<u32>(layout, load<u32>(s, PAIRS), 16)
  store<u32>(layout, load<u32>(s, PAIR_COUNT), 20)
  store<u32>(layout, load<u32>(s, ROWS), 24)
  store<u32>(layout, blockBytes == ENTRY_BYTES ? 0 : <u32>blockBytes, 28)
  store<u32>(layout, keyCount, 32)
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
    else if (phase == SORT) budget = order(s, phase, budget)
    else budget = layNodes(s, budget)
  }
  return 0
}
