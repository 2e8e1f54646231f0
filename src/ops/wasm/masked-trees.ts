// The layout of small trees for single rows (see assembly/trees/masked.ts), made when some rows have come one by one.
import { orderFields, orderRegions, treeSizes, type LayoutPlan, type OrderPlan } from './tree-layouts.ts'
import { columnTableOnce, type PlacedTrees } from './tree-blocks.ts'

/** Trees of a chunk. */
const LANES = 16
/** A mask has a bit for each. */
const MAX_LEAVES = 32
/** Keys of a column that are searched, with one greater than all. */
const MAX_KEYS = 256
/** The ranks of a row fill as many vectors of 16. */
const MAX_COLUMNS = 64
const MAX_GROUPS = 8

/** How to make the layout; undefined where some tree is too large. */
export function maskedPlan(trees: PlacedTrees, packed: number): LayoutPlan | undefined {
  const { schedule, count, columns } = trees
  const sizes = treeSizes(trees)
  if (packed === 0 || sizes.length < LANES || sizes.some((nodes) => nodes > 2 * MAX_LEAVES - 1)) return undefined
  const chunks = Math.ceil(sizes.length / LANES)
  const order: OrderPlan = { decisions: (count - sizes.length) / 2, columns: Math.min(columns, MAX_COLUMNS), units: chunks, groups: MAX_GROUPS }
  const searched = order.columns + 3
  let nodeBytes = 0
  for (let chunk = 0; chunk < chunks; chunk++) {
    const most = (Math.max(...sizes.slice(chunk * LANES, (chunk + 1) * LANES)) - 1) / 2
    nodeBytes += most * (most < 16 ? 64 : 96)
  }
  const kinds = columnTableOnce(trees)
  const free = nodeBytes + MAX_GROUPS * searched * MAX_KEYS * 4
  return {
    name: 'masked',
    more: [packed],
    regions: [32, 4 * columns, 4 * searched, 8 * columns, 4 * schedule.trees, 16 * MAX_GROUPS, 12 * chunks, free, 4 * (schedule.trees + 1), ...orderRegions(order)],
    describe: (layout, standIns, read, pairs, firstLeaves, groups, chunkTable, freeAt, starts, ...regions) => [
      ...orderFields(schedule.trees, order, regions),
      [128, packed], [132, count], [136, trees.roots], [140, kinds], [144, columns], [148, standIns], [152, read], [160, pairs], [168, firstLeaves], [172, groups], [176, chunkTable],
      [180, freeAt], [184, layout], [188, starts],
    ],
  }
}
