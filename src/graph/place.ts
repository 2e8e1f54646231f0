// Memory planner: gives values with known sizes and lifetimes byte offsets in one region, so that no two live values
// overlap. Pure arithmetic over intervals; knows neither tensors nor arenas.
import { alignUp } from './arena.ts'
import { giveBack, type FreeRange } from './free-list.ts'

/** A value to place: bytes, the step that writes it first and the last step that reads it. */
export interface Lifetime {
  readonly bytes: number
  readonly first: number
  readonly last: number
}

export interface Placement {
  /** Byte offset of each lifetime, in the order given. */
  readonly offsets: readonly number[]
  /** Size of the region. */
  readonly totalBytes: number
}

/**
 * Linear scan: values in order of first use, best fit among the ranges that earlier values have left.
 * `lifetimes` must be ordered by `first`.
 */
export function place(lifetimes: readonly Lifetime[]): Placement {
  const offsets = new Array<number>(lifetimes.length)
  const free: FreeRange[] = []
  /** Those still alive come first. */
  const active = new Array<number>(lifetimes.length)
  let activeCount = 0
  let end = 0
  for (let index = 0; index < lifetimes.length; index++) {
    const lifetime = lifetimes[index]
    let kept = 0
    for (let i = 0; i < activeCount; i++) {
      const other = active[i]
      if (lifetimes[other].last < lifetime.first) giveBack(free, offsets[other], alignUp(lifetimes[other].bytes))
      else active[kept++] = other
    }
    activeCount = kept
    const bytes = alignUp(lifetime.bytes)
    let best = -1
    for (let i = 0; i < free.length; i++) {
      if (free[i].bytes >= bytes && (best < 0 || free[i].bytes < free[best].bytes)) best = i
    }
    if (best >= 0 && bytes > 0) {
      offsets[index] = free[best].offset
      if (free[best].bytes === bytes) free.splice(best, 1)
      else free[best] = { offset: free[best].offset + bytes, bytes: free[best].bytes - bytes }
    } else {
      // A free range that touches the end may be extended instead of leaving a hole.
      const tail = free.length - 1
      if (bytes > 0 && tail >= 0 && free[tail].offset + free[tail].bytes === end) {
        offsets[index] = free[tail].offset
        free.pop()
      } else offsets[index] = end
      end = offsets[index] + bytes
    }
    active[activeCount++] = index
  }
  return { offsets, totalBytes: end }
}
