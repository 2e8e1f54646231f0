// What the wasm kernels share: where views lie, and blocks made from constants.
import { viewKernelData, type DType } from '../../tensor/dtype.ts'
import type { Numbers } from '../cpu/nest.ts'
import type { KernelContext, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import type { Places } from '../window.ts'

/** What kernels of elements need of the scratch: a vector's tail. */
export const TAIL_BYTES = 16

/** Where a view lies in the host's memory. */
export function offsetOf(view: View): number {
  return (view.data as Uint8Array).byteOffset
}

/** A block that `write` fills unless that has been done; before, it holds zeros unless `isZeroed` is false. */
export function blockOnce(host: WasmHost, key: string, byteLength: number, write: (offset: number) => void, isZeroed = true): number {
  const block = host.block(key, byteLength, isZeroed)
  block.fill(write)
  return block.offset
}

/** Numbers at a place in the host's memory, as it is now. */
export function numbersAt(host: WasmHost, dtype: DType, offset: number, length: number): Numbers {
  return viewKernelData(dtype, host.memory.buffer, offset, length) as Numbers
}

/** The host's memory as 32-bit words; a new view only when it has grown. */
export function wordsOf(host: WasmHost): () => Int32Array {
  let words = new Int32Array(0)
  return () => {
    if (words.buffer !== host.memory.buffer) words = new Int32Array(host.memory.buffer)
    return words
  }
}

/** Bytes of an element of input 0; undefined where its dtype has no kernels here. */
export function bytesOf(context: KernelContext): number | undefined {
  const type = context.inputTypes[0]
  if (!isTensorType(type)) return undefined
  return type.dtype === 'float32' ? 4 : type.dtype === 'float64' ? 8 : undefined
}

/** Writes dimensions of a window as assembly/parts/window.ts describes them. */
export function writePlaces(words: Int32Array, at: number, { input, output, kernel, strides, dilations, before, after }: Places): void {
  for (let axis = 0; axis < 3; axis++) {
    words[at + axis] = input[axis]
    words[at + 3 + axis] = output[axis]
    words[at + 6 + axis] = kernel[axis]
    words[at + 9 + axis] = strides[axis]
    words[at + 12 + axis] = dilations[axis]
    words[at + 15 + axis] = before[axis]
    words[at + 18 + axis] = after[axis]
  }
}
