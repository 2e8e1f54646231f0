// The layout of trees for batches (see assembly/trees/ranked.ts), made when the first batch has come: sorting thresholds costs as much as some hundred rows.
import type { WasmHost } from '../kernel.ts'
import { columnOf, thresholdIn } from '../trees/derive.ts'
import { MAX_EXITS, programmer, type Program } from '../trees/programs.ts'
import { groupsOf, placesOf, type Decisions } from './threshold-groups.ts'
import { treeBlockKey, type LazyBlock, type PlacedTrees } from './tree-blocks.ts'

/** What exits of trees lead to; places in the host's memory. */
export interface RankedLeaves {
  readonly leafIndex: number
  readonly leafValues: number
  readonly width: number
  /** Sums are float32 and leaf values too. */
  readonly isSingle: boolean
  /** Packed nodes; 0 for none: then programs must reach every leaf. */
  readonly packed: number
}

/** Roots by tree, and what is known of the nodes. */
interface RankedSource extends RankedLeaves {
  readonly nodes: number
  /** Which columns nodes read where these are not their features. */
  readonly slots: Int32Array | undefined
  readonly count: number
  readonly columns: number
  readonly roots: Int32Array
  readonly depth: Uint32Array
  readonly meanDepth: Float64Array
}

const HEADER_BYTES = 8
const LAYOUT_BYTES = 32
const TREE_BYTES = 32
const NODE_BYTES = 12
const CHUNK = 64
/** Fewer rows do not pay for their ranks. */
export const MIN_RANKED_ROWS = 16
const MIN_WALKED_ROWS = 48
/** Maps from ranks to those within a group must not outgrow the trees; ranks among all thresholds of a column are 16 bits. */
const MAX_GROUPS = 16
/** Constant vectors of exits, then room for results. */
const VECTOR_BYTES = 2 * MAX_EXITS * CHUNK
/** The ranks of a block of rows should stay in the second-level cache. */
const BLOCK_BYTES = 65536
const MAX_BLOCK_ROWS = 512

export function rankedBlockRows(columns: number): number {
  return Math.min(MAX_BLOCK_ROWS, Math.max(CHUNK, Math.floor(BLOCK_BYTES / (7 * Math.max(1, columns)) / CHUNK) * CHUNK))
}

/** Scratch for a block: ranks, ranks within a group, exits, leaves, rows in groups of eight. */
export function rankedScratchBytes(columns: number): number {
  return rankedBlockRows(columns) * (7 * columns + 8)
}

/** Exits as programs read them, and room for what they write: of one thread. */
export function placeExits(host: WasmHost): number {
  const at = host.allocate(VECTOR_BYTES, false)
  const bytes = new Uint8Array(host.memory.buffer, at, VECTOR_BYTES)
  for (let exit = 0; exit < MAX_EXITS; exit++) bytes.fill(exit, exit * CHUNK, (exit + 1) * CHUNK)
  return at
}

/** A block for the layout, whose first word is its byte offset once it is filled: 0 where there is none, or it does not fit. */
export function rankedBlock(trees: PlacedTrees, leaves: RankedLeaves): LazyBlock {
  const { host, nodes, count, columns, schedule, derived, facts: { depth, meanDepth } } = trees
  const source: RankedSource = { ...leaves, nodes, slots: derived?.slots, count, columns, roots: schedule.roots.subarray(0, schedule.trees), depth, meanDepth }
  const room = rankedBytes(source)
  const { leafIndex, leafValues, packed } = leaves
  const block = host.block(treeBlockKey('ranked trees', trees, leafIndex, leafValues, packed, Number(leaves.isSingle)), HEADER_BYTES + room, false)
  return {
    offset: block.offset,
    fill: () => block.fill((at) => {
      new Uint32Array(host.memory.buffer, at, 1)[0] = makeRanked(host, source, at + HEADER_BYTES, room)
    }),
  }
}

/** Room that the layout of most ensembles fits; `makeRanked` makes none where it does not. */
function rankedBytes({ roots, count, columns, width }: RankedSource): number {
  let nodes = 0
  for (let t = 0; t < roots.length; t++) nodes += Math.min(MAX_EXITS - 1, ((t + 1 < roots.length ? roots[t + 1] : count) - roots[t]) >>> 1)
  return bytesFor({ nodes, trees: roots.length, columns, groups: MAX_GROUPS, thresholds: nodes, valueBytes: Math.max(8 * width, 4) })
}

interface Counts {
  readonly nodes: number
  readonly trees: number
  readonly columns: number
  readonly groups: number
  readonly thresholds: number
  readonly valueBytes: number
}

/** No block is larger than this: each is rounded up to 8 bytes. */
function bytesFor({ nodes, trees, columns, groups, thresholds, valueBytes }: Counts): number {
  const fixed = LAYOUT_BYTES + 8 * 5
  return fixed + trees * (TREE_BYTES + valueBytes + 16) + nodes * (NODE_BYTES + valueBytes) + thresholds * 8 + columns * 8 + groups * (16 + thresholds + columns * 13)
}

/** Writes the layout into the `room` bytes at `at`; its offset, or 0 where it does not fit. */
function makeRanked(host: WasmHost, source: RankedSource, at: number, room: number): number {
  const { buffer } = host.memory
  const { roots, count, columns, width, isSingle, packed, depth, meanDepth } = source
  const trees = roots.length
  const words = new Int32Array(buffer, source.nodes, count * 4)
  const thresholds = new Float64Array(buffer, source.nodes, count * 2)
  const programs = programsOf(source, words)
  if (programs === undefined) return 0
  const decisions = decisionsOf(programs, words, thresholds, source.slots)
  const { sorted, first, place } = placesOf(decisions, columns)
  const groups = groupsOf(decisions, { sorted, first, place })
  const nodes = place.length
  const distinct = sorted.reduce((sum, own) => sum + own.length, 0)
  const needed = bytesFor({ nodes, trees, columns, groups: groups.length, thresholds: distinct, valueBytes: Math.max(8 * width, 4) })
  if (groups.length > MAX_GROUPS || needed > room) return 0

  const u32 = new Uint32Array(buffer)
  const bytes = new Uint8Array(buffer)
  const f64 = new Float64Array(buffer)
  const leafIndex = u32.subarray(source.leafIndex >>> 2)
  const leafValues = f64.subarray(source.leafValues >>> 3)
  let end = at
  const take = (byteLength: number): number => {
    const offset = end
    end = Math.ceil((end + byteLength) / 8) * 8
    return offset
  }
  const layout = take(LAYOUT_BYTES)
  const records = take(trees * TREE_BYTES)
  const table = take(columns * 8)
  const groupTable = take(groups.length * 8)
  for (let c = 0; c < columns; c++) {
    const own = sorted[c]
    const offset = take(own.length * 8)
    f64.set(own, offset >>> 3)
    u32[(table >>> 2) + 2 * c] = offset
    u32[(table >>> 2) + 2 * c + 1] = own.length
  }
  const maps: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(columns)
  let goesOn = false
  let tree = 0
  for (let g = 0; g < groups.length; g++) {
    const { end: endTree, marks } = groups[g]
    const addresses = take(columns * 4)
    u32[(groupTable >>> 2) + 2 * g] = endTree
    u32[(groupTable >>> 2) + 2 * g + 1] = addresses
    for (let c = 0; c < columns; c++) {
      const own = sorted[c].length
      const offset = take(own + 1)
      const map = bytes.subarray(offset, offset + own + 1)
      let below = -128
      for (let i = 0; i < own; i++) {
        map[i] = below
        below += marks[first[c] + i]
      }
      map[own] = below
      maps[c] = map
      u32[(addresses >>> 2) + c] = own === 0 || below === -128 ? 0 : offset
    }
    for (; tree < endTree; tree++) {
      const program = programs[tree]
      const { nodes, choices, exits } = program
      const record = (records >>> 2) + tree * (TREE_BYTES / 4)
      const code = take(nodes.length * NODE_BYTES)
      u32[record] = code
      u32[record + 1] = program.nodesBetweenExits
      u32[record + 2] = nodes.length - program.nodesBetweenExits
      u32[record + 3] = nodes.length === 0 ? 0 : vectorOf(MAX_EXITS + nodes.length - 1)
      for (let n = 0; n < nodes.length; n++) {
        const to = code + n * NODE_BYTES
        const at = decisions.start[tree] + n
        const column = decisions.column[at]
        u32[to >>> 2] = column * CHUNK
        u32[(to >>> 2) + 1] = vectorOf(choices[2 * n]) | (vectorOf(choices[2 * n + 1]) << 16)
        bytes[to + 8] = maps[column]?.[place[at] - first[column]] ?? 0
        bytes[to + 9] = choices[2 * n]
      }
      if (program.goesOn) {
        goesOn = true
        const addressesOfExits = take(exits.length * 4)
        for (let k = 0; k < exits.length; k++) u32[(addressesOfExits >>> 2) + k] = packed + exits[k] * 8
        const below = depth[tree] - program.levels
        // As far as most rows go; those that go further are taken by themselves.
        const together = Math.max(1, Math.ceil(meanDepth[tree]) - program.levels)
        u32[record + 4] = addressesOfExits
        u32[record + 5] = 1
        u32[record + 6] = below
        u32[record + 7] = below - together >= 3 ? together : below
        continue
      }
      const values = take(exits.length * width * (isSingle ? 4 : 8))
      u32[record + 4] = values
      u32[record + 5] = 0
      const to = isSingle ? new Float32Array(buffer, values, exits.length * width) : new Float64Array(buffer, values, exits.length * width)
      for (let k = 0; k < exits.length; k++) for (let j = 0; j < width; j++) to[k * width + j] = leafValues[leafIndex[exits[k]] * width + j]
    }
  }
  u32.set([columns, table, groups.length, groupTable, records, Number(goesOn), rankedBlockRows(columns), goesOn ? MIN_WALKED_ROWS : MIN_RANKED_ROWS], layout >>> 2)
  return layout
}

function vectorOf(value: number): number {
  return value * CHUNK
}

function programsOf({ roots, count, packed, depth, meanDepth }: RankedSource, words: Int32Array): Program[] | undefined {
  let largest = 1
  for (let t = 0; t < roots.length; t++) largest = Math.max(largest, (t + 1 < roots.length ? roots[t + 1] : count) - roots[t])
  const plan = programmer(words, largest)
  const programs: Program[] = []
  for (let t = 0; t < roots.length; t++) {
    const program = plan(roots[t], depth[t], meanDepth[t], packed !== 0)
    if (program === undefined) return undefined
    programs.push(program)
  }
  return programs
}

/** What the programs decide, one tree after the other. */
function decisionsOf(programs: readonly Program[], words: Int32Array, thresholds: Float64Array, slots: Int32Array | undefined): Decisions {
  const start = new Int32Array(programs.length)
  const total = programs.reduce((sum, { nodes }) => sum + nodes.length, 0)
  const column = new Int32Array(total)
  const threshold = new Float64Array(total)
  let at = 0
  for (let t = 0; t < programs.length; t++) {
    const { nodes } = programs[t]
    start[t] = at
    for (let n = 0; n < nodes.length; n++, at++) {
      const word = words[4 * nodes[n] + 2]
      const stored = thresholds[2 * nodes[n]]
      column[at] = slots === undefined ? word : columnOf(slots, word, stored)
      threshold[at] = slots === undefined ? stored : thresholdIn(word, stored)
    }
  }
  return { column, threshold, start }
}
