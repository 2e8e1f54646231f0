// The contract between the executor and the kernels of host backends (cpu, wasm).
import { bytesPerElement, viewKernelData, type DType, type NumericArray, type StringArray } from '../tensor/dtype.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Attributes, ValueType } from './types.ts'

/**
 * What a kernel reads and writes: one tensor in memory. Row-major and dense. 64-bit integers are pairs of 32-bit words,
 * low word first (src/tensor/int64.ts), so `data.length` is twice `size` there. Kernels never keep a view between runs.
 */
export interface View {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly size: number
  readonly data: NumericArray | StringArray
}

/** Values that host steps pass on: a tensor view, a sequence, a map, or null for an empty optional. */
export type Value = View | readonly Value[] | ReadonlyMap<string | number, Value> | null

/** Memory that a kernel may scribble on during one call; contents are undefined at the start of each. */
export interface Scratch {
  float64(length: number): Float64Array
  float32(length: number): Float32Array
  int32(length: number): Int32Array
  /** Counts memory that a kernel keeps for the life of the model: its own layout of a constant. */
  keep(byteLength: number): void
  /** All of it: scratch and what is kept. */
  readonly heldBytes: number
  /**
   * Asks for room before a run makes values: `bytes` of numbers, and `objects` bytes of the engine's own heap for lists and texts. What nobody
   * holds any more counts only until the limit is reached. Throws MEMORY_LIMIT.
   */
  take(bytes: number, objects?: number): void
  /** Counts runs of subgraphs, and other work that data make as long as they like. Throws LOOP_LIMIT. */
  spend(iterations: number): void
  /** Lists that kernels fill while subgraphs run: values in them are held. */
  readonly lists: (readonly Value[])[]
}

/** What a kernel knows when it is made: once per node and model, before any shape is bound. */
export interface KernelContext {
  readonly op: string
  readonly attributes: Attributes
  readonly inputTypes: readonly (ValueType | undefined)[]
  readonly outputTypes: readonly (ValueType | undefined)[]
  /** Inputs that are constant for the life of the model; undefined otherwise. Views of the device's memory for a preferred kernel, but for what it packs; else the graph's arrays. */
  readonly constants: readonly (View | undefined)[]
  readonly scratch: Scratch
}

/**
 * Fills `outputs`, whose shapes the schema's rule has given, from `inputs`; undefined stands for an optional one left out.
 * Must not allocate after its first call with given shapes: sessions promise no garbage.
 */
export interface Kernel {
  (inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[]): void
  /** Present where the kernel can compute what follows it, too. */
  readonly fuse?: Fuse
}

/** Makes a kernel like this one that computes an epilogue, too. Only while kernels are made. */
export interface Fuse {
  (epilogue: Epilogue): Kernel
  readonly addsRows: boolean
}

/** What is done to each element of a kernel's output, in this order; inputs by their position among the fused step's, which has them behind the kernel's own. */
export interface Epilogue {
  /** Position of a row of biases [columns], for kernels that add such. */
  readonly row?: number
  /** Position of an addend of the output's shape, which never shares the output's memory. */
  readonly residual?: number
  /** Neither NaN, and the upper one not -0: those of Clip, or 0 and Infinity of Relu. */
  readonly bounds?: readonly [low: number, high: number]
}

/**
 * For operators whose output shapes depend on data, and for strings, sequences, optionals and maps: may allocate.
 * Returned values, and tensors put into sequences, have memory of their own: that of the inputs is reused later in the run.
 */
export type HostKernel = (inputs: readonly (Value | undefined)[]) => readonly Value[]

/** Runs a subgraph of a control operator once; captured outer values are supplied by the executor. */
export type SubgraphRunner = (inputs: readonly (Value | undefined)[]) => readonly Value[]

export type KernelEntry =
  | { readonly make: (context: KernelContext) => Kernel }
  | { readonly makeHost: (context: KernelContext) => HostKernel }
  | { readonly makeControl: (context: KernelContext, bodies: ReadonlyMap<string, SubgraphRunner>) => HostKernel }

/** A backend's kernels by operator key (see `opKey`). */
export type KernelTable = ReadonlyMap<string, KernelEntry>

/**
 * Kernels of a device that go before cpu's; `make` returns undefined to leave the node to cpu. `fallback` is cpu's kernel, for shapes
 * that a kernel turns out not to cover.
 */
export interface PreferredEntry {
  /** Inputs that its kernels read as `context.constants` alone, while they are made: such a constant has no copy in the device's memory. */
  readonly packs?: readonly number[]
  readonly make: (context: KernelContext, fallback: Kernel) => Kernel | undefined
}

export type PreferredTable = ReadonlyMap<string, PreferredEntry>

/** A range of a kernel's memory that lives as long as the model: a private layout of constants. */
export interface KernelBlock {
  readonly offset: number
  /** Calls `write` unless the block has been written, by whichever thread; it is when this returns. */
  fill(write: (offset: number) => void): void
}

/**
 * What wasm kernels are made from. Byte offsets in the memory never change, so kernels keep those of constants
 * (`constants[i].data.byteOffset`) and of blocks they allocate; typed arrays over it die whenever the memory grows.
 */
export interface WasmHost {
  readonly exports: WebAssembly.Exports
  readonly memory: WebAssembly.Memory
  /** Byte offset of a 64-byte aligned block that lives as long as the model, of zeros unless `isZeroed` is false: private layouts of weights. Constants' views follow where the memory grows. Only while kernels are made. */
  allocate(byteLength: number, isZeroed?: boolean): number
  /**
   * The block of this name, made where there is none: 64-byte aligned, of zeros unless `isZeroed` is false. All plans of a model have it in common, and all
   * threads that share the memory, which write the same into it. It may hold addresses of constants, and of blocks that were asked for before it.
   * Only while kernels are made; it may be filled later.
   */
  block(key: string, byteLength: number, isZeroed?: boolean): KernelBlock
  /** Makes `scratchOffset` point at `byteLength` bytes or more, and constants' views follow. Only while kernels are made; shape-dependent needs are met by blocking. */
  reserveScratch(byteLength: number): void
  /** Read at each call: bytes that any kernel may scribble on, undefined at its start. */
  readonly scratchOffset: number
}

/** 'Gemm' for ai.onnx, 'mle.TreeEnsemble', 'ai.onnx.ml.Scaler' otherwise. */
export function opKey(domain: string, name: string): string {
  return domain === 'ai.onnx' ? name : `${domain}.${name}`
}

/** A view, as against a sequence, a map or an empty optional. */
export function isView(value: Value | undefined): value is View {
  return typeof value === 'object' && value !== null && 'dtype' in value
}

/** What a view takes of the engine's heap, about; and a reference, in a list or an array of strings. */
export const VIEW_OBJECTS = 256
export const REFERENCE_BYTES = 8

/** Zeroed memory of its own for a tensor; `scratch` counts it where a run makes it. */
export function allocateView(dtype: DType, shape: readonly number[], scratch?: Scratch): View {
  const size = sizeOf(shape)
  scratch?.take(size * bytesPerElement(dtype), VIEW_OBJECTS + (dtype === 'string' ? size * REFERENCE_BYTES : 0))
  if (dtype === 'string') return { dtype, shape, size, data: new Array<string>(size).fill('') }
  return { dtype, shape, size, data: viewKernelData(dtype, new ArrayBuffer(size * bytesPerElement(dtype)), 0, size) }
}

/** A copy with memory of its own; `scratch` counts it where a run makes it. */
export function cloneView(view: View, scratch?: Scratch): View {
  scratch?.take(view.size * bytesPerElement(view.dtype), VIEW_OBJECTS + (view.dtype === 'string' ? view.size * REFERENCE_BYTES : 0))
  return { dtype: view.dtype, shape: view.shape, size: view.size, data: view.data.slice() }
}

/** A view of a tensor as kernels read it; shares its memory. */
export function viewOfTensor(tensor: Tensor): View {
  const { dtype, shape, data } = tensor
  if (data instanceof BigInt64Array) return { dtype, shape, size: data.length, data: new Int32Array(data.buffer, data.byteOffset, data.length * 2) }
  if (data instanceof BigUint64Array) return { dtype, shape, size: data.length, data: new Uint32Array(data.buffer, data.byteOffset, data.length * 2) }
  return { dtype, shape, size: data.length, data }
}

/** The API's tensor over a view's memory. */
export function tensorOfView(view: View): Tensor {
  const { dtype, shape, data } = view
  if (dtype === 'int64' && !Array.isArray(data)) return { dtype, shape, data: new BigInt64Array(data.buffer, data.byteOffset, view.size) }
  if (dtype === 'uint64' && !Array.isArray(data)) return { dtype, shape, data: new BigUint64Array(data.buffer, data.byteOffset, view.size) }
  return { dtype, shape, data }
}
