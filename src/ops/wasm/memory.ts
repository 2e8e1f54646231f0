// What the wasm kernels share: where views lie, blocks made from constants, and constants that are packed without a copy in the memory.
import { bytesPerElement, viewKernelData, type DType } from '../../tensor/dtype.ts'
import type { Numbers } from '../cpu/nest.ts'
import type { KernelContext, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import type { Places } from '../window.ts'

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

const buffers = /* @__PURE__ */ new WeakMap<ArrayBufferLike, number>()
let bufferCount = 0

/** What a key calls a constant: the same in all plans of a model, and in all threads that share the memory with it. */
export function nameOf(host: WasmHost, constant: View): string {
  const { buffer, byteOffset } = constant.data as Uint8Array
  if (buffer === host.memory.buffer) return `${byteOffset}`
  let number = buffers.get(buffer)
  if (number === undefined) buffers.set(buffer, (number = bufferCount++))
  return `${number}:${byteOffset}`
}

/** Bytes of a constant that pass through scratch at a time. */
const PIECE_BYTES = 262144

/** A range of a constant: `units` of `unitSize` elements from element `from` on. */
export interface Range {
  readonly from: number
  readonly units: number
  readonly unitSize: number
  /** Pieces are multiples of so many units, but for the last. */
  readonly together?: number
}

/**
 * Brings a range of a constant to `use` piece by piece, through scratch: `count` units from unit `first` on, at `at`. What lies in the memory already is one
 * piece. Only while kernels are made.
 */
export function eachPiece(host: WasmHost, constant: View, { from, units, unitSize, together = 1 }: Range, use: (at: number, first: number, count: number) => void): void {
  const { buffer, byteOffset } = constant.data as Uint8Array
  const bytes = bytesPerElement(constant.dtype)
  const start = byteOffset + from * bytes
  if (buffer === host.memory.buffer) {
    use(start, 0, units)
    return
  }
  const unitBytes = unitSize * bytes
  const most = Math.max(1, Math.floor(PIECE_BYTES / (unitBytes * together))) * together
  host.reserveScratch(Math.min(units, most) * unitBytes)
  for (let first = 0; first < units; first += most) {
    const count = Math.min(most, units - first)
    new Uint8Array(host.memory.buffer, host.scratchOffset).set(new Uint8Array(buffer, start + first * unitBytes, count * unitBytes))
    use(host.scratchOffset, first, count)
  }
}

/** A block with a copy of a constant. */
export function copyOnce(host: WasmHost, constant: View): number {
  const { buffer, byteOffset, byteLength } = constant.data as Uint8Array
  return blockOnce(host, `copy ${nameOf(host, constant)} ${byteLength}`, byteLength, (to) => new Uint8Array(host.memory.buffer).set(new Uint8Array(buffer, byteOffset, byteLength), to))
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
