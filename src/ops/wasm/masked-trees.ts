// The layout of small trees for single rows (see assembly/trees/masked.ts), made when some rows have come one by one.
import { treeSizes, type LayoutPlan } from './tree-layouts.ts'
import { columnTableOnce, type PlacedTrees } from './tree-blocks.ts'

/** Fewer are walked faster. */
const MIN_TREES = 16
/** A mask has a bit for each. */
const MAX_LEAVES = 64
const LINE = 64
const NODE_BYTES = 16
/** Nodes between two rows of the table: as few as leave it small enough for the second-level cache beside what else is there. */
const BLOCKS = [1, 2, 4, 8, 16]
const MAX_TABLE_BYTES = 768 * 1024
/** What a column costs, for itself, for each line of its row and for each node behind that, and what a step of a walk, in nanoseconds. */
const COLUMN_COST = 8
const LINE_COST = 1.3
const DECISION_COST = 1.3
const STEP_COST = 1.1

/** Where each tree has the bits of its leaves: the first of them, so that those of a tree lie in one word. */
function placeBits(leaves: readonly number[]): { readonly bits: readonly number[]; readonly end: number } {
  let end = 0
  const bits = leaves.map((count) => {
    if ((end % MAX_LEAVES) + count > MAX_LEAVES) end = Math.ceil(end / MAX_LEAVES) * MAX_LEAVES
    end += count
    return end - count
  })
  return { bits, end }
}

/** Scratch for one row: masks and addresses. */
export function maskedScratchBytes({ schedule, columns }: PlacedTrees): number {
  return 9 * schedule.trees + 8 * LINE + 4 * columns
}

/** How to make the layout; undefined where some tree is too large, or the table would be. */
export function maskedPlan(trees: PlacedTrees, packed: number): LayoutPlan | undefined {
  const { schedule, count, columns, host, facts: { meanDepth } } = trees
  const sizes = treeSizes(trees)
  if (packed === 0 || sizes.length < MIN_TREES || sizes.some((nodes) => nodes > 2 * MAX_LEAVES - 1)) return undefined
  const leaves = sizes.map((nodes) => (nodes + 1) / 2)
  const { bits, end } = placeBits(leaves)
  const rowBytes = Math.ceil(end / (8 * LINE)) * LINE
  const decisions = (count - sizes.length) / 2
  const rowsOf = (block: number): number => Math.floor(decisions / block) + 1
  const block = BLOCKS.find((nodes) => rowsOf(nodes) * rowBytes <= MAX_TABLE_BYTES)
  if (block === undefined) return undefined
  const walks = meanDepth.reduce((sum, steps) => sum + steps * STEP_COST, 0)
  const mostColumns = Math.floor(walks / (COLUMN_COST + (LINE_COST * rowBytes) / LINE + DECISION_COST * block))
  const kinds = columnTableOnce(trees)
  const padded = Math.ceil(columns / 4) * 4
  const mostKeys = 1 << (32 - Math.clz32(rowsOf(block)))
  return {
    name: 'masked',
    more: [packed],
    regions: [
      rowsOf(block) * rowBytes + LINE, 40, 4 * columns, 4 * columns, 8 * columns, 16 * schedule.trees, 16 * padded, 4 * rowsOf(block), 4 * padded * mostKeys,
      NODE_BYTES * (decisions + (columns + 1) * block), 12 * decisions, 32 * decisions,
    ],
    describe(rows, layout, standIns, searched, pairs, records, columnRecords, keys, spreadKeys, nodes, code, entries) {
      const view = new DataView(host.memory.buffer, records, 16 * leaves.length)
      leaves.forEach((count, t) => {
        view.setUint32(16 * t, 8 * Math.floor(bits[t] / MAX_LEAVES), true)
        view.setBigUint64(16 * t + 8, ((1n << BigInt(count)) - 1n) << BigInt(bits[t] % MAX_LEAVES), true)
      })
      return [
        [12, schedule.trees], [20, code], [24, entries],
        [128, packed], [132, count], [136, trees.roots], [140, kinds], [144, columns], [148, standIns], [152, searched], [156, Math.min(columns, mostColumns)], [160, pairs], [168, records],
        [172, columnRecords], [176, keys], [180, nodes], [184, layout], [192, rows], [196, rowBytes], [200, nodes], [204, NODE_BYTES * block], [208, spreadKeys],
      ]
    },
  }
}
