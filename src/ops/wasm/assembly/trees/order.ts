// What layouts for batches (ranked-layout.ts) and for single rows (masked-layout.ts) are made from: the thresholds of each column in order, and groups of trees
// that have at most 255 of them in any column. It goes on for as long as it is given, a piece with every call, so that no run of a model waits for all of it.
//
// The state, u32; 0 where nothing has been done yet:
//    0 the layout when it is done; 0: none, it does not pay or does not fit    44 decisions so far
//    4 belongs to who calls                                                    48 cursor of a phase      52, 56, 60: its own
//    8 phase                                                                   64 width of sorted runs
//   12 trees                                                                   68 distinct thresholds
//   16 columns                                                                 72 groups so far          76 most groups
//   20 decisions, 12 bytes each (see ranked.ts), of which u16 at 10 is the     80 first unit of the group
//      threshold's place in its column while groups are made                   84 units
//   24 thresholds: entries [2 x decisions], 16 bytes: u64 in the order of      88 ends of units, u32 decisions
//      f64, u32 column, u32 decision; then f64 in order, distinct              92 maps of groups: i8 [groups][thresholds + columns]
//   28 columns' thresholds: u32 address, u32 count                             96 columns' thresholds in a group, u32
//   32 groups: u32 unit behind the last, u32 map
// Layouts have fields of their own from 128 on.

export const RESULT: usize = 0
export const PHASE: usize = 8
export const TREES: usize = 12
export const COLUMNS: usize = 16
export const CODE: usize = 20
export const ENTRIES: usize = 24
export const TABLE: usize = 28
export const GROUPS: usize = 32
export const COUNT: usize = 44
export const CURSOR: usize = 48
const LEFT: usize = 52
const RIGHT: usize = 56
const TO: usize = 60
const RUN: usize = 64
const DISTINCT: usize = 68
export const GROUP_COUNT: usize = 72
export const MOST_GROUPS: usize = 76
const FIRST_UNIT: usize = 80
export const UNITS: usize = 84
export const UNIT_ENDS: usize = 88
export const MAPS: usize = 92
export const OWN_COUNTS: usize = 96

/** Phases of `order`, before and behind which layouts have others. */
export const SORT: u32 = 8
const PLACE: u32 = 9
const MARK: u32 = 10
const MAP: u32 = 11
const ASSIGN: u32 = 12
export const ORDERED: u32 = 13
export const DONE: u32 = 32

export const NODE_BYTES: usize = 12
export const ENTRY_BYTES: usize = 16
const MAX_LOCAL: u32 = 255
export const SIGN: u64 = 0x8000000000000000
/** Runs that are sorted by insertion; twice as many where that makes the number of merges even, so that the last one ends where the first began. */
const RUN_ENTRIES: u32 = 8

export function enter(s: usize, phase: u32): void {
  store<u32>(s, phase, PHASE)
  store<u32>(s, 0, CURSOR)
}

/** Ends without a layout. */
export function giveUp(s: usize): void {
  store<u32>(s, 0)
  enter(s, DONE)
}

/** Adds a decision on `column`. */
export function decide(s: usize, decision: u32, column: u32, threshold: f64): void {
  const entry = load<u32>(s, ENTRIES) + decision * <u32>ENTRY_BYTES
  // 0 and -0 are one.
  const bits = reinterpret<u64>(threshold + 0)
  store<u64>(entry, bits ^ (<u64>(<i64>bits >> 63) | SIGN))
  store<u32>(entry, column, 8)
  store<u32>(entry, decision, 12)
  store<u32>(load<u32>(s, CODE) + decision * <u32>NODE_BYTES, column << 6)
}

// @ts-ignore: decorator
@inline
function isBefore(a: usize, b: usize): bool {
  const columnA = load<u32>(a, 8)
  const columnB = load<u32>(b, 8)
  return columnA < columnB || (columnA == columnB && load<u64>(a) < load<u64>(b))
}

/** Sorts entries from `from` to `end` by insertion. */
function insertAll(from: usize, end: usize): void {
  for (let at = from + ENTRY_BYTES; at < end; at += ENTRY_BYTES) {
    const key = load<u64>(at)
    const column = load<u32>(at, 8)
    const decision = load<u32>(at, 12)
    let to = at
    for (; to > from; to -= ENTRY_BYTES) {
      const before = to - ENTRY_BYTES
      const own = load<u32>(before, 8)
      if (own < column || (own == column && load<u64>(before) <= key)) break
      v128.store(to, v128.load(before))
    }
    store<u64>(to, key)
    store<u32>(to, column, 8)
    store<u32>(to, decision, 12)
  }
}

function mergesOf(count: u32, run: u32): u32 {
  let merges: u32 = 0
  for (; run < count; run <<= 1) merges++
  return merges
}

/** Runs of `RUN`, 0 at first, become runs of twice as many; returns what is left of the budget. */
function sort(s: usize, budget: i32): i32 {
  const count = load<u32>(s, COUNT)
  const entries = <usize>load<u32>(s, ENTRIES)
  const other = entries + <usize>count * ENTRY_BYTES
  let run = load<u32>(s, RUN)
  if (run == 0) {
    const first = RUN_ENTRIES << (mergesOf(count, RUN_ENTRIES) & 1)
    let at = load<u32>(s, CURSOR)
    for (; at < count && budget > 0; at += first) {
      insertAll(entries + <usize>at * ENTRY_BYTES, entries + <usize>min(count, at + first) * ENTRY_BYTES)
      budget -= 4 * first
    }
    store<u32>(s, at, CURSOR)
    if (at < count) return budget
    run = first
    store<u32>(s, 0, CURSOR)
    store<u32>(s, run, RUN)
    store<u32>(s, 0, LEFT)
    store<u32>(s, 0, RIGHT)
    store<u32>(s, 0, TO)
  }
  while (run < count) {
    const isBack = mergesOf(count, run) & 1
    const from = isBack ? other : entries
    const into = isBack ? entries : other
    // The pair of runs from `pair` on: how far each has been taken.
    let pair = load<u32>(s, CURSOR)
    let left = load<u32>(s, LEFT)
    let right = load<u32>(s, RIGHT)
    while (pair < count) {
      const middle = min(count, pair + run)
      const end = min(count, middle + run)
      let a = from + <usize>(pair + left) * ENTRY_BYTES
      let b = from + <usize>(middle + right) * ENTRY_BYTES
      let to = into + <usize>(pair + left + right) * ENTRY_BYTES
      const lastA = from + <usize>middle * ENTRY_BYTES
      const lastB = from + <usize>end * ENTRY_BYTES
      const until = to + <usize>max(budget, 0) * ENTRY_BYTES
      const start = to
      while (a < lastA && b < lastB && to < until) {
        const takesB = isBefore(b, a)
        v128.store(to, v128.load(select<usize>(b, a, takesB)))
        a += select<usize>(0, ENTRY_BYTES, takesB)
        b += select<usize>(ENTRY_BYTES, 0, takesB)
        to += ENTRY_BYTES
      }
      for (; a < lastA && b == lastB && to < until; a += ENTRY_BYTES) {
        v128.store(to, v128.load(a))
        to += ENTRY_BYTES
      }
      for (; b < lastB && a == lastA && to < until; b += ENTRY_BYTES) {
        v128.store(to, v128.load(b))
        to += ENTRY_BYTES
      }
      budget -= <i32>((to - start) / ENTRY_BYTES)
      left = <u32>((a - from) / ENTRY_BYTES) - pair
      right = <u32>((b - from) / ENTRY_BYTES) - middle
      if (a < lastA || b < lastB) {
        store<u32>(s, pair, CURSOR)
        store<u32>(s, left, LEFT)
        store<u32>(s, right, RIGHT)
        return budget
      }
      pair = end
      left = right = 0
    }
    run <<= 1
    store<u32>(s, run, RUN)
    store<u32>(s, 0, CURSOR)
    store<u32>(s, 0, LEFT)
    store<u32>(s, 0, RIGHT)
  }
  enter(s, PLACE)
  return budget
}

/** Places of thresholds in their columns, and distinct thresholds in place of the entries. */
function place(s: usize, budget: i32): i32 {
  const count = load<u32>(s, COUNT)
  const entries = <usize>load<u32>(s, ENTRIES)
  const code = <usize>load<u32>(s, CODE)
  const table = <usize>load<u32>(s, TABLE)
  const most = load<u32>(s, MOST_GROUPS) * MAX_LOCAL
  let distinct = load<u32>(s, DISTINCT)
  let at = load<u32>(s, CURSOR)
  if (at == 0) memory.fill(table, 0, <usize>load<u32>(s, COLUMNS) << 3)
  for (; at < count && budget > 0; at++) {
    const entry = entries + <usize>at * ENTRY_BYTES
    const key = load<u64>(entry)
    const threshold = reinterpret<f64>(key & SIGN ? key ^ SIGN : ~key)
    const own = table + (<usize>load<u32>(entry, 8) << 3)
    const decision = <usize>load<u32>(entry, 12)
    let inColumn = load<u32>(own, 4)
    if (inColumn == 0 || load<f64>(entries + (<usize>(distinct - 1) << 3)) != threshold) {
      const to = entries + (<usize>distinct << 3)
      if (inColumn == 0) store<u32>(own, <u32>to)
      store<f64>(to, threshold)
      store<u32>(own, ++inColumn, 4)
      distinct++
    }
    if (inColumn > most) {
      giveUp(s)
      return budget
    }
    store<u16>(code + decision * NODE_BYTES, inColumn - 1, 10)
    budget -= 2
  }
  store<u32>(s, at, CURSOR)
  store<u32>(s, distinct, DISTINCT)
  if (at == count) enter(s, MARK)
  return budget
}

// @ts-ignore: decorator
@inline
function mapBytes(s: usize): u32 {
  return load<u32>(s, DISTINCT) + load<u32>(s, COLUMNS)
}

/** The map of a group: what each place of a column's thresholds, and the one behind the last, is among those of the group, less 128. */
// @ts-ignore: decorator
@inline
export function mapOf(s: usize, group: u32): usize {
  return load<u32>(s, MAPS) + group * mapBytes(s)
}

/** The part of a column in a map. */
// @ts-ignore: decorator
@inline
export function columnIn(map: usize, entries: usize, table: usize, column: u32): usize {
  return map + <usize>((load<u32>(table + (<usize>column << 3)) - <u32>entries) >>> 3) + <usize>column
}

// @ts-ignore: decorator
@inline
function placeIn(map: usize, entries: usize, table: usize, node: usize): usize {
  return columnIn(map, entries, table, load<u32>(node) >>> 6) + <usize>load<u16>(node, 10)
}

// @ts-ignore: decorator
@inline
function startOf(s: usize, unit: u32): u32 {
  return unit == 0 ? 0 : load<u32>(load<u32>(s, UNIT_ENDS) + (unit << 2) - 4)
}

/** Adds a unit's thresholds to a group; false, and nothing added, where a column would have too many. */
function markUnit(s: usize, unit: u32, map: usize): bool {
  const entries = <usize>load<u32>(s, ENTRIES)
  const table = <usize>load<u32>(s, TABLE)
  const counts = <usize>load<u32>(s, OWN_COUNTS)
  const code = <usize>load<u32>(s, CODE)
  const from = code + <usize>startOf(s, unit) * NODE_BYTES
  const end = code + <usize>startOf(s, unit + 1) * NODE_BYTES
  let most: u32 = 0
  for (let node = from; node < end; node += NODE_BYTES) {
    const mark = placeIn(map, entries, table, node)
    if (load<u8>(mark)) continue
    store<u8>(mark, 2)
    const own = counts + (<usize>(load<u32>(node) >>> 6) << 2)
    const count = load<u32>(own) + 1
    store<u32>(own, count)
    most = max(most, count)
  }
  const fits = most <= MAX_LOCAL
  for (let node = from; node < end; node += NODE_BYTES) {
    const mark = placeIn(map, entries, table, node)
    if (load<u8>(mark) == 2) store<u8>(mark, fits ? 1 : 0)
  }
  return fits
}

/** Units in order, as many together as have at most 255 thresholds in every column. */
function mark(s: usize, budget: i32): i32 {
  const units = load<u32>(s, UNITS)
  const group = load<u32>(s, GROUP_COUNT)
  const map = mapOf(s, group)
  const first = load<u32>(s, FIRST_UNIT)
  let unit = load<u32>(s, CURSOR)
  if (unit == first) {
    memory.fill(map, 0, <usize>mapBytes(s))
    memory.fill(<usize>load<u32>(s, OWN_COUNTS), 0, <usize>load<u32>(s, COLUMNS) << 2)
  }
  let isFull = false
  for (; unit < units && budget > 0; unit++) {
    budget -= <i32>(4 * (startOf(s, unit + 1) - startOf(s, unit))) + 4
    if (!markUnit(s, unit, map)) {
      isFull = true
      break
    }
  }
  store<u32>(s, unit, CURSOR)
  if (isFull && unit == first) giveUp(s)
  else if (isFull || unit == units) {
    const own = <usize>load<u32>(s, GROUPS) + (<usize>group << 3)
    store<u32>(own, unit)
    store<u32>(own, <u32>map, 4)
    enter(s, MAP)
  }
  return budget
}

/** Marks of a group become places in it. */
function map(s: usize, budget: i32): i32 {
  const table = <usize>load<u32>(s, TABLE)
  const entries = <usize>load<u32>(s, ENTRIES)
  const columns = load<u32>(s, COLUMNS)
  const map = mapOf(s, load<u32>(s, GROUP_COUNT))
  let column = load<u32>(s, CURSOR)
  for (; column < columns && budget > 0; column++) {
    const count = load<u32>(table + (<usize>column << 3), 4)
    budget -= <i32>count + 4
    if (count == 0) continue
    let at = columnIn(map, entries, table, column)
    let below = -128
    for (const end = at + <usize>count; at < end; at++) {
      const own = load<u8>(at)
      store<i8>(at, below)
      below += own
    }
    store<i8>(at, below)
  }
  store<u32>(s, column, CURSOR)
  if (column == columns) {
    enter(s, ASSIGN)
    store<u32>(s, startOf(s, load<u32>(s, FIRST_UNIT)), CURSOR)
  }
  return budget
}

/** Decisions of a group get their thresholds' places in it. */
function assign(s: usize, budget: i32): i32 {
  const table = <usize>load<u32>(s, TABLE)
  const entries = <usize>load<u32>(s, ENTRIES)
  const code = <usize>load<u32>(s, CODE)
  const group = load<u32>(s, GROUP_COUNT)
  const map = mapOf(s, group)
  const unit = load<u32>(load<u32>(s, GROUPS) + (group << 3))
  const end = startOf(s, unit)
  let at = load<u32>(s, CURSOR)
  for (; at < end && budget > 0; at++) {
    const node = code + <usize>at * NODE_BYTES
    store<u8>(node, load<u8>(placeIn(map, entries, table, node)), 8)
    budget -= 2
  }
  store<u32>(s, at, CURSOR)
  if (at < end) return budget
  store<u32>(s, group + 1, GROUP_COUNT)
  if (unit == load<u32>(s, UNITS)) enter(s, ORDERED)
  else if (group + 1 == load<u32>(s, MOST_GROUPS)) giveUp(s)
  else {
    enter(s, MARK)
    store<u32>(s, unit, CURSOR)
    store<u32>(s, unit, FIRST_UNIT)
  }
  return budget
}

/** A piece of one of the phases from SORT on; what is left of the budget. */
export function order(s: usize, phase: u32, budget: i32): i32 {
  if (phase == SORT) return sort(s, budget)
  if (phase == PLACE) return place(s, budget)
  if (phase == MARK) return mark(s, budget)
  if (phase == MAP) return map(s, budget)
  return assign(s, budget)
}
