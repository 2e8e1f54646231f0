// Makes the layout for batches that ranked.ts describes: programs of trees, then the order of their thresholds (order.ts).
//
// How a tree is cut: level by level from its root, as far as deciding every node for many rows at once costs less than the steps of walks.
//
// Fields of the state, u32:
//  128 nodes nodes16/1      144 packed nodes, 0: none   160 1: sums and leaf values are float32   176 where exits go next
//  132 roots, u32           148 leafIndex               164 mean depths of trees, f64             180 room to plan a tree, 2048 bytes
//  136 slots (derive.ts)    152 leafValues              168 table of trees, as plans have it      184 the layout
//  140 1: walks go on       156 width                   172 records of trees                      188 rows of a block

import { columnOf, thresholdIn } from './derive.ts'
import { CODE, COLUMNS, COUNT, CURSOR, decide, DONE, enter, giveUp, GROUP_COUNT, GROUPS, order, ORDERED, PHASE, RESULT, SORT, TABLE, TREES, UNIT_ENDS } from './order.ts'

const NODES: usize = 128
const ROOTS: usize = 132
const SLOTS: usize = 136
const GOES_ON: usize = 140
const PACKED: usize = 144
const LEAF_INDEX: usize = 148
const LEAF_VALUES: usize = 152
const WIDTH: usize = 156
const IS_SINGLE: usize = 160
const MEAN_DEPTHS: usize = 164
const TREE_TABLE: usize = 168
const RECORDS: usize = 172
const FREE: usize = 176
const PLAN: usize = 180
const LAYOUT: usize = 184
const BLOCK_ROWS: usize = 188

/** Exits are numbered in a byte. */
const MAX_EXITS: u32 = 256
const MAX_DECISIONS: u32 = MAX_EXITS - 1
/** What a decision by a program costs a row, what a step of a walk, and what beginning and ending one, in nanoseconds. */
const DECISION_COST: f64 = 0.045
const STEP_COST: f64 = 0.87
const WALK_COST: f64 = 1.5
/** Fewer rows do not pay for their ranks. */
const MIN_ROWS: u32 = 16
const MIN_WALKED_ROWS: u32 = 48
/** Steps that looking for rows which go further must spare. */
const MIN_LISTED_STEPS: i32 = 3

/** Of a tree that is planned: decided nodes, parents first, u32; the places of their children among them, u16, LEAF for leaves; their numbers in the program, u8. */
const CHILDREN: usize = 1024
const NUMBERS: usize = 1024 + 2 * 2 * 256
const LEAF: u32 = 0xffff

// @ts-ignore: decorator
@inline
function leftOf(nodes: usize, node: u32): u32 {
  return load<u32>(nodes + (<usize>node << 4), 12)
}

/** Exit `exit` of the program whose exits are at `exits` is the node `node`. */
function addExit(s: usize, exits: usize, exit: u32, node: u32, goesOn: bool): void {
  if (goesOn) {
    store<u32>(exits + (<usize>exit << 2), load<u32>(s, PACKED) + (node << 3))
    return
  }
  const width = load<u32>(s, WIDTH)
  let from = <usize>load<u32>(s, LEAF_VALUES) + (<usize>(load<u32>(load<u32>(s, LEAF_INDEX) + (node << 2)) * width) << 3)
  const isSingle = load<u32>(s, IS_SINGLE)
  let to = exits + (<usize>(exit * width) << (isSingle ? 2 : 3))
  for (const end = from + (<usize>width << 3); from < end; from += 8) {
    if (isSingle) store<f32>(to, <f32>load<f64>(from))
    else store<f64>(to, load<f64>(from))
    to += isSingle ? 4 : 8
  }
}

/** The place in vectors of exits and results of what a decision chooses. */
// @ts-ignore: decorator
@inline
function choose(s: usize, plan: usize, exits: usize, child: u32, best: u32, exit: u32, node: u32, goesOn: bool): u32 {
  if (child < best) return (MAX_EXITS + load<u8>(plan + <usize>child, NUMBERS)) << 6
  addExit(s, exits, exit, node, goesOn)
  return exit << 6
}

/** The program of a tree, and its decisions; how many, or -1 where there can be none. */
function addTree(s: usize, tree: u32): i32 {
  const nodes = <usize>load<u32>(s, NODES)
  const plan = <usize>load<u32>(s, PLAN)
  const root = load<u32>(load<u32>(s, ROOTS) + (tree << 2))
  const depth = load<u32>(load<u32>(s, TREE_TABLE) + (tree << 5), 4)
  const meanDepth = load<f64>(load<u32>(s, MEAN_DEPTHS) + (tree << 3))
  const canGoOn = load<u32>(s, PACKED) != 0
  const walked = min<f64>(depth, ceil(1.1 * meanDepth) + 1)
  let best: i32 = -1
  let bestLevels: u32 = 0
  let least = Infinity
  let first: u32 = 0
  let end: u32 = leftOf(nodes, root) == root ? 0 : 1
  store<u32>(plan, root)
  for (let levels: u32 = 0; ; levels++) {
    const cost = <f64>first * DECISION_COST + (levels < depth ? WALK_COST + max<f64>(0, walked - <f64>levels) * STEP_COST : 0)
    if ((levels >= depth || canGoOn) && cost < least) {
      least = cost
      best = first
      bestLevels = levels
    }
    if (levels >= depth || end > MAX_DECISIONS) break
    for (const last = end; first < last; first++) {
      const left = leftOf(nodes, load<u32>(plan + (<usize>first << 2)))
      for (let side: u32 = 0; side < 2; side++) {
        const child = left + side
        const isLeaf = leftOf(nodes, child) == child
        store<u16>(plan + (<usize>(2 * first + side) << 1), isLeaf ? LEAF : end, CHILDREN)
        if (isLeaf) continue
        if (end < MAX_DECISIONS) store<u32>(plan + (<usize>end << 2), child)
        end++
      }
    }
  }
  if (best < 0) return -1
  const count: u32 = best

  let goesOn = count == 0 && leftOf(nodes, root) != root
  let between: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const left = <u32>load<u16>(plan + (<usize>i << 2), CHILDREN)
    const right = <u32>load<u16>(plan + (<usize>i << 2), CHILDREN + 2)
    between += <u32>(left >= count && right >= count)
    goesOn = goesOn || (left >= count && left != LEAF) || (right >= count && right != LEAF)
  }
  const exits = <usize>load<u32>(s, FREE)
  const exitBytes: u32 = goesOn ? 4 : load<u32>(s, WIDTH) << (load<u32>(s, IS_SINGLE) ? 2 : 3)
  store<u32>(s, <u32>exits + (((count + 1) * exitBytes + 7) & ~7), FREE)
  if (count == 0) addExit(s, exits, 0, root, goesOn)
  const base = load<u32>(s, COUNT)
  const code = <usize>load<u32>(s, CODE)
  const slots = <usize>load<u32>(s, SLOTS)
  let nextBetween: u32 = 0
  let nextOther = between
  let nextExit: u32 = 0
  let nextPair = count + 1 - 2 * between
  for (let i = best - 1; i >= 0; i--) {
    const node = load<u32>(plan + (<usize>i << 2))
    const left = leftOf(nodes, node)
    const leftChild = <u32>load<u16>(plan + (<usize>i << 2), CHILDREN)
    const rightChild = <u32>load<u16>(plan + (<usize>i << 2), CHILDREN + 2)
    const isBetween = leftChild >= count && rightChild >= count
    const number = isBetween ? nextBetween++ : nextOther++
    const own = code + <usize>(base + number) * 12
    const at = nodes + (<usize>node << 4)
    decide(s, base + number, columnOf(slots, at), thresholdIn(slots, at))
    let exit = isBetween ? nextPair : nextExit
    const leftVector = choose(s, plan, exits, leftChild, count, exit, left, goesOn)
    exit += <u32>(leftChild >= count)
    const rightVector = choose(s, plan, exits, rightChild, count, exit, left + 1, goesOn)
    exit += <u32>(rightChild >= count)
    if (isBetween) nextPair = exit
    else nextExit = exit
    store<u16>(own, leftVector, 4)
    store<u16>(own, rightVector, 6)
    store<u8>(own, leftVector >>> 6, 9)
    store<u8>(plan + <usize>i, number, NUMBERS)
  }
  store<u32>(s, base + count, COUNT)

  const record = <usize>load<u32>(s, RECORDS) + (<usize>tree << 5)
  store<u32>(record, <u32>code + base * 12)
  store<u32>(record, between, 4)
  store<u32>(record, count - between, 8)
  store<u32>(record, count == 0 ? 0 : (MAX_EXITS + count - 1) << 6, 12)
  store<u32>(record, <u32>exits, 16)
  store<u32>(record, <u32>goesOn, 20)
  if (goesOn) {
    store<u32>(s, 1, GOES_ON)
    const below = <i32>depth - <i32>bestLevels
    // As far as most rows go; those that go further are taken by themselves.
    const together = max<i32>(1, <i32>ceil(meanDepth) - <i32>bestLevels)
    store<u32>(record, below, 24)
    store<u32>(record, below - together >= MIN_LISTED_STEPS ? together : below, 28)
  }
  return best
}

function addTrees(s: usize, budget: i32): i32 {
  const trees = load<u32>(s, TREES)
  let tree = load<u32>(s, CURSOR)
  for (; tree < trees && budget > 0; tree++) {
    const count = addTree(s, tree)
    if (count < 0) {
      giveUp(s)
      return budget
    }
    store<u32>(load<u32>(s, UNIT_ENDS) + (tree << 2), load<u32>(s, COUNT))
    budget -= 16 + (8 + <i32>load<u32>(s, WIDTH)) * count
  }
  store<u32>(s, tree, CURSOR)
  if (tree == trees) enter(s, SORT)
  return budget
}

function finish(s: usize): void {
  const layout = <usize>load<u32>(s, LAYOUT)
  const goesOn = load<u32>(s, GOES_ON)
  store<u32>(layout, load<u32>(s, COLUMNS))
  store<u32>(layout, load<u32>(s, TABLE), 4)
  store<u32>(layout, load<u32>(s, GROUP_COUNT), 8)
  store<u32>(layout, load<u32>(s, GROUPS), 12)
  store<u32>(layout, load<u32>(s, RECORDS), 16)
  store<u32>(layout, goesOn, 20)
  store<u32>(layout, load<u32>(s, BLOCK_ROWS), 24)
  store<u32>(layout, goesOn ? MIN_WALKED_ROWS : MIN_ROWS, 28)
  store<u32>(s, <u32>layout, RESULT)
  enter(s, DONE)
}

/** Goes on with a layout for about `budget` small steps; 1 when it is done. */
export function makeRanked(s: usize, budget: i32): u32 {
  while (budget > 0) {
    const phase = load<u32>(s, PHASE)
    if (phase == DONE) return 1
    if (phase < SORT) budget = addTrees(s, budget)
    else if (phase < ORDERED) budget = order(s, phase, budget)
    else finish(s)
  }
  return 0
}
