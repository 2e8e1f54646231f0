// Scratch arrays of cpu kernels.
import type { Scratch } from '../ops/kernel.ts'

/** Scratch arrays that grow to the largest size asked for and stay. */
export function heapScratch(): Scratch {
  let kept = 0
  let float64 = new Float64Array(0)
  let float32 = new Float32Array(0)
  let int32 = new Int32Array(0)
  return {
    float64: (length) => (float64.length >= length ? float64 : (float64 = new Float64Array(length))),
    float32: (length) => (float32.length >= length ? float32 : (float32 = new Float32Array(length))),
    int32: (length) => (int32.length >= length ? int32 : (int32 = new Int32Array(length))),
    keep: (byteLength) => void (kept += byteLength),
    get heldBytes() {
      return kept + float64.byteLength + float32.byteLength + int32.byteLength
    },
  }
}
