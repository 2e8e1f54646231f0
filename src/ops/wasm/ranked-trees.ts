// The layout of trees for batches (see assembly/trees/ranked.ts), made when the first batch has come: sorting thresholds costs as much as some hundred rows.
import type { WasmHost } from '../kernel.ts'
import { orderFields, orderRegions, treeSizes, type LayoutPlan, type OrderPlan } from './tree-layouts.ts'
import { slotsOnce, type PlacedTrees } from './tree-blocks.ts'

/** What exits of trees lead to; places in the host's memory. */
export interface RankedLeaves {
  readonly leafIndex: number
  readonly leafValues: number
  readonly width: number
  /** Sums are float32 and leaf values too. */
  readonly isSingle: boolean
  /** Packed nodes; 0 for none: then programs must reach every leaf. */
  readonly packed: number
  /** The table of trees. */
  readonly table: number
}

/** Exits are numbered in a byte. */
const MAX_EXITS = 256
const CHUNK = 64
/** Fewer rows do not pay for their ranks. */
export const MIN_RANKED_ROWS = 16
/** Maps from ranks to those within a group must not outgrow the trees; ranks among all thresholds of a column are 16 bits. */
const MAX_GROUPS = 16
/** Constant vectors of exits, then room for results. */
const VECTOR_BYTES = 2 * MAX_EXITS * CHUNK
/** Room to plan a tree: its nodes, their children, their numbers. */
const PLAN_BYTES = 9 * MAX_EXITS
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

export function rankedPlan(trees: PlacedTrees, { leafIndex, leafValues, width, isSingle, packed, table }: RankedLeaves): LayoutPlan {
  const { host, nodes, columns, facts: { meanDepth } } = trees
  const sizes = treeSizes(trees)
  const decisions = sizes.reduce((sum, size) => sum + Math.min(MAX_EXITS - 1, size >>> 1), 0)
  const order: OrderPlan = { decisions, columns, units: sizes.length, groups: MAX_GROUPS }
  const exitBytes = (decisions + sizes.length) * Math.max(4, 8 * width) + 8 * sizes.length
  const slots = slotsOnce(trees)
  return {
    name: 'ranked',
    more: [leafIndex, leafValues, packed, Number(isSingle)],
    regions: [32, 32 * sizes.length, exitBytes, PLAN_BYTES, 8 * sizes.length, ...orderRegions(order)],
    describe(layout, records, exits, plan, meanDepths, ...regions) {
      new Float64Array(host.memory.buffer, meanDepths, sizes.length).set(meanDepth)
      return [
        ...orderFields(sizes.length, order, regions),
        [128, nodes], [132, trees.roots], [136, slots], [144, packed], [148, leafIndex], [152, leafValues], [156, width], [160, Number(isSingle)], [164, meanDepths], [168, table],
        [172, records], [176, exits], [180, plan], [184, layout], [188, rankedBlockRows(columns)],
      ]
    },
  }
}
