// Splits a bound plan into runs of steps on an accelerator, each one submission, and islands of host steps between them.
import type { Bound } from './bind.ts'

/** Consecutive bound steps that run in one place, and the storages that cross over. */
export interface Segment {
  readonly place: 'device' | 'host'
  /** Positions in `bound.steps`: from `first` up to, not including, `end`. */
  readonly first: number
  readonly end: number
  /** Storages that the host has written and this segment reads: copied to the device before it. */
  readonly uploads: readonly number[]
  /** Storages that this segment writes and a later host step or the caller reads: copied back after it. */
  readonly downloads: readonly number[]
  /** Storages that this segment, of host steps, reads. */
  readonly hostReads: readonly number[]
}

/**
 * Segments in order. A storage is uploaded once, before the first segment that reads it after it was written; storages
 * are written by one step each, because bound plans for accelerators never overwrite in place.
 *
 * @param outputs value numbers that the caller reads after the run
 * @param inputs value numbers that the caller writes before the run
 */
export function partition(bound: Bound, inputs: readonly number[], outputs: readonly number[]): readonly Segment[] {
  const { steps, rootOf } = bound
  const count = rootOf.length
  const onDevice = new Uint8Array(count)
  const onHost = new Uint8Array(count)
  for (const id of inputs) if (rootOf[id] >= 0) onHost[rootOf[id]] = 1

  // Walking backward: storages that a later host step, or the caller, needs on the host.
  const neededLater = new Array<Uint8Array | undefined>(steps.length)
  const needed = new Uint8Array(count)
  for (const id of outputs) if (rootOf[id] >= 0) needed[rootOf[id]] = 1
  for (let i = steps.length - 1; i >= 0; i--) {
    const { step, work } = steps[i]
    const isSegmentEnd = work !== undefined && (i + 1 === steps.length || steps[i + 1].work === undefined)
    if (isSegmentEnd) neededLater[i] = needed.slice()
    if (work !== undefined) continue
    for (const id of step.inputs) if (id >= 0 && rootOf[id] >= 0) needed[rootOf[id]] = 1
    for (const id of step.captures) if (rootOf[id] >= 0) needed[rootOf[id]] = 1
  }

  const segments: Segment[] = []
  for (let first = 0, end = 0; first < steps.length; first = end) {
    const isDevice = steps[first].work !== undefined
    for (end = first; end < steps.length && (steps[end].work !== undefined) === isDevice; ) end++
    const uploads: number[] = []
    const downloads: number[] = []
    const hostReads: number[] = []
    for (let i = first; i < end; i++) {
      const { step } = steps[i]
      if (!isDevice) hostReads.push(...[...step.inputs, ...step.captures].flatMap((id) => (id >= 0 && rootOf[id] >= 0 ? [rootOf[id]] : [])))
      for (const id of step.inputs) {
        const root = id < 0 ? -1 : rootOf[id]
        if (!isDevice || root < 0 || onDevice[root] === 1 || onHost[root] === 0) continue
        onDevice[root] = 1
        uploads.push(root)
      }
      for (const id of step.outputs) {
        const root = id < 0 ? -1 : rootOf[id]
        if (root < 0) continue
        if (isDevice) onDevice[root] = 1
        else onHost[root] = 1
        if (isDevice && neededLater[end - 1]?.[root] === 1) {
          downloads.push(root)
          onHost[root] = 1
        }
      }
    }
    segments.push({ place: isDevice ? 'device' : 'host', first, end, uploads, downloads, hostReads })
  }
  return segments
}

/** Memory that is busy from its first to its last use. */
export interface PooledStorage {
  readonly id: number
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/** Assigns storages whose lifetimes do not meet to the same buffer; `storages` are ordered by first use. Gives a buffer number each, and sizes. */
export function poolBuffers(storages: readonly PooledStorage[]): { readonly bufferOf: ReadonlyMap<number, number>; readonly bytes: readonly number[] } {
  const bufferOf = new Map<number, number>()
  const bytes: number[] = []
  const busyUntil: number[] = []
  for (const storage of storages) {
    // The best fit among free buffers: the smallest that is large enough, else the largest, which then grows.
    let best = -1
    for (let buffer = 0; buffer < bytes.length; buffer++) {
      if (busyUntil[buffer] >= storage.first) continue
      if (best < 0) best = buffer
      else if (bytes[best] >= storage.bytes ? bytes[buffer] >= storage.bytes && bytes[buffer] < bytes[best] : bytes[buffer] > bytes[best]) best = buffer
    }
    if (best < 0) {
      best = bytes.length
      bytes.push(0)
      busyUntil.push(-1)
    }
    bytes[best] = Math.max(bytes[best], storage.bytes)
    busyUntil[best] = storage.last
    bufferOf.set(storage.id, best)
  }
  return { bufferOf, bytes }
}
