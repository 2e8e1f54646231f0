// A graph's constants in one shared memory, for threads that compute in it side by side: constants once, and for each thread a
// part of its own. The memory has its full size from the start, which costs address space only: pages are made when they are first
// written, and memory that never grows never moves.
import { viewData } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { alignUp } from './arena.ts'
import type { Graph } from './graph.ts'
import type { SharedRange } from './shared-blocks.ts'

/** Where one thread may allocate. */
export interface MemoryPart extends SharedRange {
  /** Where all threads keep what their kernels make from constants; see shared-blocks.ts. */
  readonly blocks: SharedRange
}

/** A constant as it is told to another thread. */
export interface SharedTensor {
  readonly dtype: Tensor['dtype']
  readonly shape: readonly number[]
  /** Where it lies in the memory; text is copied instead. */
  readonly byteOffset?: number
  readonly length: number
  readonly strings?: Tensor['data']
}

export interface SharedGraph {
  /** The same graph, its constants in the memory. */
  readonly graph: Graph
  readonly constants: readonly (readonly [name: string, tensor: SharedTensor])[]
  /** The caller's part first. */
  readonly parts: readonly MemoryPart[]
}

const PAGE_BYTES = 65536
const MAX_BYTES = 65536 * PAGE_BYTES
/** Activations of a block of rows, inputs, outputs and scratch. */
const WORK_BYTES = 128 * 2 ** 20
/** A thread that has less than this may fail where one alone would not. */
const LEAST_WORK_BYTES = 96 * 2 ** 20
/** Room for what kernels make from constants beside their size: few constants, or small ones, may become more, and trees as kernels walk them several times more. */
const BLOCK_BYTES = 16 * 2 ** 20
const MAX_BLOCK_BYTES = 256 * 2 ** 20

/** Moves constants into a new shared memory with parts for `threads` threads; undefined where there is none, or too little for so many. */
export function shareWeights(graph: Graph, threads: number): SharedGraph | undefined {
  let weightBytes = PAGE_BYTES
  for (const { data } of graph.initializers.values()) if (ArrayBuffer.isView(data)) weightBytes += alignUp(data.byteLength)
  const blocksAt = alignUp(weightBytes, PAGE_BYTES)
  // Layouts of kernels are seldom larger than the constants; those that find no room here are made by each thread in its part.
  const left = MAX_BYTES - blocksAt - threads * LEAST_WORK_BYTES
  if (left < weightBytes) return undefined
  const first = blocksAt + alignUp(Math.min(left, 2 * weightBytes + Math.max(BLOCK_BYTES, Math.min(MAX_BLOCK_BYTES, 8 * weightBytes))), PAGE_BYTES)
  const bytes = Math.floor(Math.min(WORK_BYTES + weightBytes, (MAX_BYTES - first) / threads) / PAGE_BYTES) * PAGE_BYTES
  const pages = (first + threads * bytes) / PAGE_BYTES
  let memory: WebAssembly.Memory
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  } catch {
    return undefined
  }
  let at = PAGE_BYTES
  const initializers = new Map<string, Tensor>()
  const constants: [string, SharedTensor][] = []
  for (const [name, tensor] of graph.initializers) {
    const { dtype, shape, data } = tensor
    if (!ArrayBuffer.isView(data)) {
      initializers.set(name, tensor)
      constants.push([name, { dtype, shape, length: data.length, strings: data }])
      continue
    }
    new Uint8Array(memory.buffer, at, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    const shared: SharedTensor = { dtype, shape, byteOffset: at, length: data.length }
    initializers.set(name, sharedTensor(memory, shared))
    constants.push([name, shared])
    at += alignUp(data.byteLength)
  }
  const blocks: SharedRange = { memory, start: blocksAt, end: first }
  const parts = Array.from({ length: threads }, (_, i): MemoryPart => ({ memory, start: first + i * bytes, end: first + (i + 1) * bytes, blocks }))
  return { graph: { ...graph, initializers }, constants, parts }
}

/** A constant over the memory. */
export function sharedTensor(memory: WebAssembly.Memory, { dtype, shape, byteOffset, length, strings }: SharedTensor): Tensor {
  return { dtype, shape, data: byteOffset === undefined ? (strings ?? []) : viewData(dtype, memory.buffer, byteOffset, length) }
}
