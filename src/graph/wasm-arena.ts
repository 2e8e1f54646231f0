// Regions inside a WebAssembly.Memory, and shares of it for models that have one in common.
import { MleError } from '../error.ts'
import { alignUp, ALIGNMENT, memoryLimit, type Arena, type Region } from './arena.ts'
import { giveBack, type FreeRange } from './free-list.ts'

/** An arena of one user within a shared one: frees everything of its own at once, and nothing of others. */
export interface ArenaShare extends Arena {
  dispose(): void
}

/** A share of `arena` that holds at most `maxBytes`; given back when it is collected, should nobody dispose it. */
export function shareArena(arena: Arena, maxBytes: number): ArenaShare {
  const regions = new Set<Region>()
  let allocatedBytes = 0
  let peakBytes = 0
  const share: ArenaShare = {
    get generation() {
      return arena.generation
    },
    get allocatedBytes() {
      return allocatedBytes
    },
    get peakBytes() {
      return peakBytes
    },
    allocate(byteLength, isZeroed) {
      if (allocatedBytes + byteLength > maxBytes) throw memoryLimit(allocatedBytes + byteLength, maxBytes)
      const region = arena.allocate(byteLength, isZeroed)
      regions.add(region)
      allocatedBytes += byteLength
      peakBytes = Math.max(peakBytes, allocatedBytes)
      return region
    },
    free(region) {
      if (!regions.delete(region)) return
      allocatedBytes -= region.byteLength
      arena.free(region)
    },
    bufferOf: (region) => arena.bufferOf(region),
    dispose() {
      freeAll(arena, regions)
      allocatedBytes = 0
    },
  }
  // Whoever still runs on the share holds it; the callback must not.
  registry ??= new FinalizationRegistry(([lender, left]) => freeAll(lender, left))
  registry.register(share, [arena, regions])
  return share
}

let registry: FinalizationRegistry<readonly [Arena, Set<Region>]> | undefined

function freeAll(arena: Arena, regions: Set<Region>): void {
  for (const region of regions) arena.free(region)
  regions.clear()
}

const PAGE_BYTES = 65536
/** Growing detaches every view, so a memory grows by an eighth at least, and by 16 MiB at most beyond what is asked for. */
const MAX_SLACK_BYTES = 2 ** 24
const WASM_MAX_BYTES = 4294901760

/** What helps where the memory itself ends. */
export const USE_LESS = "use smaller inputs or batches, or device 'cpu'"

/**
 * Regions inside one WebAssembly.Memory, first fit over a sorted free list. Several models may share one arena: small
 * ones do, because an engine allows few memories (Chromium 124, Node about 13,000).
 */
export function wasmArena(memory: WebAssembly.Memory, reservedBytes: number, maxBytes?: number): Arena {
  const cap = Math.min(maxBytes ?? WASM_MAX_BYTES, WASM_MAX_BYTES)
  // Memory is zeros until something is written: to fill pages that nobody had would only make the host fetch them. A part of a memory may have had other users.
  let used = maxBytes === undefined ? alignUp(reservedBytes) : cap
  let generation = 0
  let allocatedBytes = 0
  let peakBytes = 0
  let end = alignUp(reservedBytes)
  const free: FreeRange[] = []
  const live = new Map<Region, number>()

  const grow = (needed: number): void => {
    const size = memory.buffer.byteLength
    if (needed <= size) return
    const target = Math.min(cap, Math.max(needed, size + Math.min(MAX_SLACK_BYTES, size / 8)))
    try {
      memory.grow(Math.ceil((target - size) / PAGE_BYTES))
    } catch {
      throw memoryLimit(needed, size, USE_LESS)
    }
    generation++
  }

  return {
    get generation() {
      return generation
    },
    get allocatedBytes() {
      return allocatedBytes
    },
    get peakBytes() {
      return peakBytes
    },
    allocate(byteLength, isZeroed = true) {
      const bytes = Math.max(ALIGNMENT, alignUp(byteLength))
      const slot = free.findIndex((range) => range.bytes >= bytes)
      let offset: number
      if (slot >= 0) {
        const range = free[slot]
        offset = range.offset
        if (range.bytes === bytes) free.splice(slot, 1)
        else free[slot] = { offset: range.offset + bytes, bytes: range.bytes - bytes }
      } else {
        if (end + bytes > cap) throw memoryLimit(end + bytes, cap, USE_LESS)
        grow(end + bytes)
        offset = end
        end += bytes
      }
      const region: Region = { byteLength, byteOffset: offset }
      live.set(region, bytes)
      allocatedBytes += bytes
      peakBytes = Math.max(peakBytes, allocatedBytes)
      if (isZeroed && offset < used) new Uint8Array(memory.buffer, offset, Math.min(bytes, used - offset)).fill(0)
      used = Math.max(used, offset + bytes)
      return region
    },
    free(region) {
      const bytes = live.get(region)
      if (bytes === undefined) return
      live.delete(region)
      allocatedBytes -= bytes
      giveBack(free, region.byteOffset, bytes)
      const last = free[free.length - 1]
      if (last !== undefined && last.offset + last.bytes === end) {
        end = last.offset
        free.pop()
      }
    },
    bufferOf(region) {
      if (!live.has(region)) throw new MleError('MODEL_DISPOSED', 'the model was disposed; load it again')
      return memory.buffer
    },
  }
}
