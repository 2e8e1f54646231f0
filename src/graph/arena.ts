// Where a model's bytes live: weights, activations, inputs and outputs, scratch. Steps hold (region, relative offset);
// views are made from them and refreshed whenever `generation` changes, because growing a WebAssembly.Memory detaches
// every view of it silently.
import { MleError } from '../error.ts'

/** A range of an arena; its absolute place is asked of the arena each time views are made. */
export interface Region {
  readonly byteLength: number
  /** Offset within `arena.bufferOf(region)`. */
  readonly byteOffset: number
}

export interface Arena {
  /** Changes whenever earlier views may be detached or stale. */
  readonly generation: number
  /** Bytes in use by regions. */
  readonly allocatedBytes: number
  /** The most that has been in use at once. */
  readonly peakBytes: number
  /** A 64-byte aligned region, of zeros unless `isZeroed` is false: for what is written whole. Throws MEMORY_LIMIT past the arena's cap. */
  allocate(byteLength: number, isZeroed?: boolean): Region
  free(region: Region): void
  bufferOf(region: Region): ArrayBufferLike
}

export const ALIGNMENT = 64

export function alignUp(bytes: number, alignment: number = ALIGNMENT): number {
  return Math.ceil(bytes / alignment) * alignment
}

/** Each region its own ArrayBuffer: the cpu backend, and everywhere that Wasm is not allowed. */
export function bufferArena(maxBytes: number): Arena {
  const buffers = new Map<Region, ArrayBuffer>()
  let allocatedBytes = 0
  let peakBytes = 0
  return {
    generation: 0,
    get allocatedBytes() {
      return allocatedBytes
    },
    get peakBytes() {
      return peakBytes
    },
    allocate(byteLength) {
      if (allocatedBytes + byteLength > maxBytes) throw memoryLimit(allocatedBytes + byteLength, maxBytes)
      const region: Region = { byteLength, byteOffset: 0 }
      buffers.set(region, new ArrayBuffer(byteLength))
      allocatedBytes += byteLength
      peakBytes = Math.max(peakBytes, allocatedBytes)
      return region
    },
    free(region) {
      if (buffers.delete(region)) allocatedBytes -= region.byteLength
    },
    bufferOf(region) {
      const buffer = buffers.get(region)
      if (buffer === undefined) throw new MleError('MODEL_DISPOSED', 'the model was disposed; load it again')
      return buffer
    },
  }
}

/** @param advice what may help: memory that is shared, or WebAssembly's, has a size that no limit changes */
export function memoryLimit(needed: number, allowed: number, advice: string = 'raise limits.maxMemoryBytes or use smaller inputs or batches'): MleError {
  return new MleError('MEMORY_LIMIT', `the model needs ${needed} bytes, more than the ${allowed} allowed; ${advice}`, {
    expected: allowed,
    actual: needed,
  })
}
