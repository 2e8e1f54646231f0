// In which order and how far trees are walked, worked out once: shared by the backends.
import type { TreeFacts } from './check.ts'

/** Trees, or rows, that are walked side by side. */
export const LANES = 8
/** A block's rows should stay in the first-level cache beside a tree. */
const BLOCK_BYTES = 24576

/** Plain numbers, which stay when memory moves. */
export interface TreeSchedule {
  readonly trees: number
  /** [trees, padded to whole groups of 8]: first node of each tree; padding walks the last tree and is dropped. */
  readonly roots: Int32Array
  /** [trees]: steps after which every row has reached its leaf. */
  readonly steps: Int32Array
  /** [trees]: steps between looks whether all walks have ended. */
  readonly stepsPerLook: Int32Array
  /** [trees]: 1 if some node has a flag that plain walks do not honour. */
  readonly special: Int32Array
  /** [groups of 8 trees] */
  readonly groupSteps: Int32Array
  readonly groupStepsPerLook: Int32Array
  readonly groupSpecial: Int32Array
}

/** @param special flags that plain walks do not honour */
export function treeSchedule(facts: TreeFacts, roots: Uint32Array, special: number): TreeSchedule {
  const trees = roots.length
  const groups = Math.ceil(trees / LANES)
  const schedule: TreeSchedule = {
    trees,
    roots: new Int32Array(groups * LANES),
    steps: Int32Array.from(facts.depth),
    stepsPerLook: new Int32Array(trees),
    special: Int32Array.from(facts.flags, (flags) => Number((flags & special) !== 0)),
    groupSteps: new Int32Array(groups),
    groupStepsPerLook: new Int32Array(groups),
    groupSpecial: new Int32Array(groups),
  }
  // Padding shares the depth and the flags of its group.
  if (trees > 0) schedule.roots.fill(roots[trees - 1])
  schedule.roots.set(roots)
  for (let group = 0; group < groups; group++) {
    let mean = 0
    for (let t = group * LANES; t < Math.min(trees, (group + 1) * LANES); t++) {
      schedule.stepsPerLook[t] = stepsBetweenLooks(facts.depth[t], facts.meanDepth[t])
      schedule.groupSteps[group] = Math.max(schedule.groupSteps[group], facts.depth[t])
      schedule.groupSpecial[group] |= schedule.special[t]
      mean = Math.max(mean, facts.meanDepth[t])
    }
    schedule.groupStepsPerLook[group] = stepsBetweenLooks(schedule.groupSteps[group], mean)
  }
  return schedule
}

/** Looking whether all walks have ended costs about one step; it pays only where the deepest leaf is far below most. */
function stepsBetweenLooks(depth: number, meanDepth: number): number {
  return depth > 3 * meanDepth ? Math.max(4, Math.ceil(meanDepth)) : Math.max(1, depth)
}

/** Rows of `columns` float64 to walk together: a multiple of the lanes. */
export function blockRows(columns: number): number {
  return Math.max(LANES, Math.floor(BLOCK_BYTES / (8 * Math.max(1, columns)) / LANES) * LANES)
}
