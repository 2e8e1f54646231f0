// Broadcasting on the wasm device: three loops there, further axes are walked here.
import { broadcastNest } from '../cpu/nest.ts'
import type { View } from '../kernel.ts'

/** Operands that need more calls than this for one run are left to cpu. */
const MAX_CALLS = 256

export interface Broadcast {
  readonly rows: number
  readonly columns: number
  readonly inner: number
  /** Steps of rows, columns and elements of each input in bytes. */
  readonly steps: readonly (readonly number[])[]
  /** Byte offsets of the output and each input, so many for each call. */
  readonly starts: readonly (readonly number[])[]
}

/**
 * Calls for inputs that broadcast to output 0; undefined where too many would be needed.
 *
 * @param bytes of an element of the output and of each input
 */
export function broadcastOf(inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[], bytes: readonly number[]): Broadcast | undefined {
  const { rows, sizes, strides, inner, steps } = broadcastNest(inputs, outputs)
  const outer = Math.max(0, sizes.length - 2)
  const calls = sizes.slice(0, outer).reduce((product, size) => product * size, 1)
  if (calls > MAX_CALLS) return undefined
  const own = (operand: number): number[] => [strides[operand][sizes.length - 2] ?? 0, strides[operand][sizes.length - 1] ?? 0, steps[operand]].map((step) => step * bytes[operand])
  let starts = [bytes.map(() => 0)]
  for (let axis = 0; axis < outer; axis++) starts = starts.flatMap((start) => Array.from({ length: sizes[axis] }, (_, i) => start.map((at, operand) => at + i * strides[operand][axis] * bytes[operand])))
  return { rows: rows === 0 ? 0 : sizes[sizes.length - 2] ?? 1, columns: sizes[sizes.length - 1] ?? 1, inner, steps: inputs.map((_, i) => own(i + 1)), starts }
}
