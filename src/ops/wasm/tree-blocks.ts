// What walks of an ensemble read beside its constants, in blocks that all plans of a model and all threads of a memory share.
import type { WasmHost } from '../kernel.ts'
import type { TreeFacts } from '../trees/check.ts'
import type { DerivedColumns } from '../trees/derive.ts'
import { NODE_BYTES } from '../trees/layout.ts'
import { LANES, type TreeSchedule } from '../trees/schedule.ts'
import { blockOnce } from './memory.ts'
import { wasmFunction } from './module.ts'

/** An ensemble whose constants lie in the host's memory. */
export interface PlacedTrees {
  readonly host: WasmHost
  readonly facts: TreeFacts
  readonly schedule: TreeSchedule
  /** What nodes read instead of features, if missing values go right somewhere. */
  readonly derived: DerivedColumns | undefined
  /** Byte offsets. */
  readonly nodes: number
  readonly roots: number
  /** Nodes. */
  readonly count: number
  /** Columns that walks read. */
  readonly columns: number
}

const TABLE_BYTES = 32
const SLOT_HEADER_BYTES = 16
/** Leaves that a packed node can name, and columns that it can reach: see assembly/trees/packed.ts. */
const MAX_PACKED_LEAVES = 2 ** 23
const MAX_PACKED_COLUMNS = 2048
export const PACKED_BYTES = 8
const TOP_BYTES = 96
const TOP_LEVELS = 3
/** Words of a tree in the tops: when eight of its rows look whether their walks have ended, and after how many steps one row looks in the trees from this one on. */
const LOOK_AT = 7
const GROUP_LOOK_AT = 23
/** Looks cost a fifth of a step each, and a branch that is predicted wrongly once a walk. */
const MIN_SAVED_STEPS = 3

/** A block that is filled when it is first needed. */
export interface LazyBlock {
  readonly offset: number
  readonly fill: () => void
}

/** Names blocks that depend on nothing but the nodes, the roots, and what `more` says. */
export function treeBlockKey(name: string, { nodes, roots }: PlacedTrees, ...more: readonly number[]): string {
  return [name, nodes, roots, ...more].join(' ')
}

/** The table of trees that assembly/trees.ts describes; `treeTarget` lies at the byte offset `targetAt`. */
export function tableOnce(trees: PlacedTrees, treeTarget: Uint32Array | undefined, targetAt: number): number {
  const { host, schedule } = trees
  const { roots } = schedule
  return blockOnce(host, treeBlockKey('table of trees', trees, targetAt), Math.max(1, roots.length) * TABLE_BYTES, (offset) => {
    const table = new Uint32Array(host.memory.buffer, offset, roots.length * (TABLE_BYTES / 4))
    for (let t = 0; t < roots.length; t++) {
      const at = t * (TABLE_BYTES / 4)
      table[at] = roots[t]
      if (t < schedule.trees) {
        table[at + 1] = schedule.steps[t]
        table[at + 2] = schedule.stepsPerLook[t]
        table[at + 3] = schedule.special[t]
        table[at + 4] = treeTarget === undefined ? 0 : treeTarget[t]
      }
      if (t % LANES === 0) {
        const group = t / LANES
        table[at + 5] = schedule.groupSteps[group]
        table[at + 6] = schedule.groupStepsPerLook[group]
        table[at + 7] = schedule.groupSpecial[group]
      }
    }
  })
}

// [columns] u32 feature, u32 kind, or the byte offset of the node that is tested
export function columnTableOnce(trees: PlacedTrees): number {
  const { host, derived, nodes } = trees
  if (derived === undefined) return 0
  const { columns: { features, kinds }, tests = new Int32Array(0) } = derived
  return blockOnce(host, treeBlockKey('columns of trees', trees), Math.max(1, features.length) * 8, (offset) => {
    const table = new Uint32Array(host.memory.buffer, offset, features.length * 2)
    for (let c = 0; c < features.length; c++) {
      table[2 * c] = features[c]
      table[2 * c + 1] = kinds[c]
    }
    for (let t = 0, c = features.length - tests.length; t < tests.length; t++, c++) table[2 * c + 1] = nodes + tests[t] * NODE_BYTES
  })
}

/** Which columns nodes read (see assembly/trees/derive.ts); 0 where these are their features. */
export function slotsOnce(trees: PlacedTrees): number {
  const { host, derived } = trees
  if (derived === undefined) return 0
  const { slots, columns: { features }, tests = [] } = derived
  const table = columnTableOnce(trees)
  return SLOT_HEADER_BYTES + blockOnce(host, treeBlockKey('slots of trees', trees), SLOT_HEADER_BYTES + slots.byteLength, (offset) => {
    new Uint32Array(host.memory.buffer, offset, 3).set([table, features.length - tests.length, features.length])
    new Int32Array(host.memory.buffer, offset + SLOT_HEADER_BYTES, slots.length).set(slots)
  })
}

/** Whole nodes that read columns instead of features; to be filled before the first walk of them. */
export function derivedNodes(trees: PlacedTrees): LazyBlock {
  const { host, nodes, count } = trees
  const slots = slotsOnce(trees)
  const block = host.block(treeBlockKey('derived trees', trees), count * NODE_BYTES, false)
  return { offset: block.offset, fill: () => block.fill((to) => wasmFunction(host.exports, 'deriveNodes')(nodes, count, slots, to)) }
}

/**
 * Half-sized nodes for rows that float32 holds exactly; 0 where some node has a flag or does not fit.
 *
 * @param leafIndex byte offset of what leaves are called; 0: their own numbers, of which there are `leaves`
 */
export function packedOnce(trees: PlacedTrees, leafIndex: number, leaves: number): number {
  const { host, schedule, columns, nodes, count } = trees
  if (schedule.special.includes(1) || columns > MAX_PACKED_COLUMNS || leaves > MAX_PACKED_LEAVES) return 0
  const slots = slotsOnce(trees)
  const end = count * PACKED_BYTES
  const key = treeBlockKey('packed trees', trees, leafIndex)
  // Behind the nodes: 1 if all of them fit.
  const packed = blockOnce(host, key, end + 4, (to) => {
    const fits = wasmFunction(host.exports, 'packNodes')(nodes, leafIndex, count, to, slots)
    new Uint32Array(host.memory.buffer, to + end, 1)[0] = fits
  }, false)
  return new Uint32Array(host.memory.buffer, packed + end, 1)[0] === 1 ? packed : 0
}

/** Ids of leaves, i32 by leaf index; 0 where leaves share one. `nodeIds` are those by node. */
export function leafIdsOnce(trees: PlacedTrees, leafIndex: number, nodeIds: number): number {
  const { host, nodes, count } = trees
  const end = count * 4
  const key = treeBlockKey('ids of leaves', trees, leafIndex, nodeIds)
  // Behind the ids: 1 if no two leaves share one.
  const block = blockOnce(host, key, end + 4, (to) => {
    const words = new Uint32Array(host.memory.buffer)
    const isTaken = new Uint8Array(count)
    let areApart = 1
    for (let i = 0; i < count; i++) {
      if (words[nodes / 4 + 4 * i + 3] !== i) continue
      const leaf = words[leafIndex / 4 + i]
      if (leaf >= count || isTaken[leaf] === 1) areApart = 0
      else {
        isTaken[leaf] = 1
        words[to / 4 + leaf] = words[nodeIds / 4 + i]
      }
    }
    words[(to + end) / 4] = areApart
  }, false)
  return new Uint32Array(host.memory.buffer, block + end, 1)[0] === 1 ? block : 0
}

/** What packed walks take together, and when they look whether they have ended. */
export function topsOnce(trees: PlacedTrees, packed: number): number {
  const { host, schedule, facts: { meanDepth } } = trees
  const { trees: treeCount, steps, groupSteps, roots } = schedule
  return blockOnce(host, treeBlockKey('tops of trees', trees, packed), Math.max(1, treeCount) * TOP_BYTES, (to) => {
    const words = new Uint32Array(host.memory.buffer, to, treeCount * (TOP_BYTES / 4))
    const pack = wasmFunction(host.exports, 'packTop')
    for (let t = 0; t < treeCount; t++) {
      pack(packed + roots[t] * PACKED_BYTES, to + t * TOP_BYTES)
      const at = t * (TOP_BYTES / 4)
      words[at + LOOK_AT] = firstLook(steps[t], meanDepth[t])
      if (t % LANES !== 0) continue
      let mean = 0
      for (let i = t; i < Math.min(treeCount, t + LANES); i++) mean += meanDepth[i] / Math.min(LANES, treeCount - t)
      words[at + GROUP_LOOK_AT] = firstLook(groupSteps[t / LANES], mean, 1)
    }
  })
}

/** Eight walks seldom all end before the mean of one; those of one row go on by themselves from there. */
function firstLook(steps: number, meanDepth: number, means = 1.1): number {
  const first = Math.max(TOP_LEVELS, Math.ceil(means * meanDepth))
  return steps - first >= MIN_SAVED_STEPS ? first : Math.max(TOP_LEVELS, steps)
}
