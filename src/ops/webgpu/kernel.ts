// The contract between the WebGPU executor and its kernels: a kernel turns shapes into dispatches of WGSL.
import type { View } from '../kernel.ts'
import type { Attributes } from '../types.ts'
import type { Scalar, Storage } from './storage.ts'

/** What the device offers, as far as kernels decide by it. */
export interface GpuFeatures {
  readonly half: boolean
  /** Threads of a subgroup exchange values without memory. */
  readonly subgroups: boolean
  /** No parallel hardware: threads that wait for one another cost more than they bring, and their shaders take seconds to compile. */
  readonly software: boolean
  /** Workgroups that keep the chip busy. */
  readonly busyWorkgroups: number
  /** Storage bindings of one dispatch. */
  readonly maxBindings: number
  /** One binding; larger tensors are bound in several windows. */
  readonly maxBindingBytes: number
  readonly maxBufferBytes: number
  readonly maxWorkgroupBytes: number
  /** Workgroups along one dimension of a dispatch; larger ones are dispatched in parts. */
  readonly maxWorkgroups: number
}

/** What a kernel knows when a plan is bound. */
export interface GpuContext {
  readonly op: string
  readonly attributes: Attributes
  /** Dtypes and shapes; no data. */
  readonly inputs: readonly (View | undefined)[]
  readonly outputs: readonly (View | undefined)[]
  /** Inputs whose values are known now: constants, and small integers computed from shapes. */
  readonly constants: readonly (View | undefined)[]
  readonly features: GpuFeatures
}

/** What a binding is bound to: an input or output of the node, memory between its dispatches, or data that the kernel made. */
export type GpuSource =
  | { readonly input: number }
  | { readonly output: number }
  | { readonly temporary: number; readonly size: number }
  | GpuData

/** Data that a kernel has made: of the shapes at hand, or `shared` by all shapes, and then always the same array. */
export interface GpuData {
  readonly data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>
  readonly shared: boolean
}

export interface GpuBinding {
  /**
   * Shaders have the array NAME, reads the function NAME_at(i), writes the function NAME_put(i, value). Tensors that exceed one binding
   * are reached through the functions only: a kernel that reads or writes the array itself does not get them.
   */
  readonly name: string
  readonly source: GpuSource
  readonly storage: Storage
  /** The array holds vectors of four, read by NAME_vec(i); there are no NAME_at and NAME_put then. */
  readonly vector?: boolean
  /** Elements are atomic<u32>, and there are no functions. */
  readonly atomic?: boolean
  /** Set by the executor for what exceeds one binding. */
  readonly windows?: GpuWindows
}

/** A tensor bound in pieces: `count` bindings, each of `bytes` but the last, which has the rest of `total`. */
export interface GpuWindows {
  readonly count: number
  readonly bytes: number
  readonly total: number
}

/** A field of the uniform block `u`. */
export interface GpuUniform {
  readonly name: string
  readonly type: 'u32' | 'i32' | 'f32'
  readonly value: number
}

export interface GpuDispatch {
  readonly reads: readonly GpuBinding[]
  readonly writes: readonly GpuBinding[]
  readonly uniforms: readonly GpuUniform[]
  /** Declarations at module scope: workgroup memory and functions. */
  readonly declarations?: string
  /** Threads of a workgroup. */
  readonly threads: readonly [x: number, y: number, z: number]
  readonly workgroups: readonly [x: number, y: number, z: number]
  /** Statements of `main`, which has `id`, `local`, `lane`, `group` and `groups` of WGSL's compute built-ins. */
  readonly body: string
  /** The first write is filled by one NAME_put for each element with its index: elementwise steps may be fused into it. */
  readonly fusable?: boolean
  /** Set by the executor for what exceeds the workgroups of one dispatch: `group`, `id` and `groups` then come from uniform fields. */
  readonly inParts?: boolean
}

/** A step that computes each element of its output from one element of each input; such steps are fused into others. */
export interface GpuElementwise {
  /** An expression of WGSL over expressions of the inputs' elements. */
  readonly expression: (inputs: readonly string[]) => string
}

/** Dispatches in order, an elementwise step, or in words why the node is left to cpu. */
export type GpuWork = readonly GpuDispatch[] | GpuElementwise | string

export type GpuKernel = (context: GpuContext) => GpuWork

/** Kernels by operator key. */
export type GpuKernelTable = ReadonlyMap<string, GpuKernel>

export function isElementwise(work: GpuWork): work is GpuElementwise {
  return typeof work === 'object' && 'expression' in work
}

export type { Scalar, Storage }
