// Scratch arrays of cpu kernels, and the count of what runs make besides the arena.
import { MleError } from '../error.ts'
import type { Scratch, Value } from '../ops/kernel.ts'
import { memoryLimit, type Arena } from './arena.ts'
import { RUN_LIMITS, type RunLimits } from './run-limits.ts'

/** What values take that runs have made and that are held. */
export interface HeldValues {
  bytes: number
  objects: number
}

export interface HeapScratch extends Scratch {
  /** Set by who runs plans: counts the values that are held now. */
  measure?: () => HeldValues
  /** Begins a run: iterations count anew. */
  begin(): void
}

/** Scratch arrays that grow to the largest size asked for and stay. `arena` is what else the model holds. */
export function heapScratch({ maxMemoryBytes, maxObjectBytes, maxIterations }: RunLimits = RUN_LIMITS, arena?: Arena): HeapScratch {
  let kept = 0
  let float64 = new Float64Array(0)
  let float32 = new Float32Array(0)
  let int32 = new Int32Array(0)
  // What values took when they were measured last, and what has been taken since: never less than is held.
  let taken: HeldValues = { bytes: 0, objects: 0 }
  let iterations = 0
  const lists: (readonly Value[])[] = []
  /** Throws where there is no room for so much besides what is held. */
  const check = (bytes: number, objects: number): void => {
    let needed = taken.bytes + bytes + scratch.heldBytes + (arena?.allocatedBytes ?? 0)
    if (needed <= maxMemoryBytes && taken.objects + objects <= maxObjectBytes) return
    const held = scratch.measure?.() ?? { bytes: 0, objects: 0 }
    needed += held.bytes - taken.bytes
    taken = held
    if (needed > maxMemoryBytes) throw memoryLimit(needed, maxMemoryBytes)
    if (held.objects + objects > maxObjectBytes) throw memoryLimit(held.objects + objects, maxObjectBytes, 'raise limits.maxObjectBytes or use fewer texts and values')
  }
  const scratch: HeapScratch = {
    float64: (length) => (float64.length >= length ? float64 : (check(length * 8, 0), (float64 = new Float64Array(length)))),
    float32: (length) => (float32.length >= length ? float32 : (check(length * 4, 0), (float32 = new Float32Array(length)))),
    int32: (length) => (int32.length >= length ? int32 : (check(length * 4, 0), (int32 = new Int32Array(length)))),
    keep: (byteLength) => void (kept += byteLength),
    get heldBytes() {
      return kept + float64.byteLength + float32.byteLength + int32.byteLength
    },
    take(bytes, objects = 0) {
      check(bytes, objects)
      taken.bytes += bytes
      taken.objects += objects
    },
    begin() {
      iterations = 0
    },
    spend(count) {
      iterations += count
      if (iterations > maxIterations) throw new MleError('LOOP_LIMIT', `the run has not ended after ${maxIterations} iterations of its loops; raise limits.maxIterations if they are to go on`, { expected: maxIterations })
    },
    lists,
  }
  return scratch
}
