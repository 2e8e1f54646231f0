// The contract between the WebGPU executor and its kernels: a kernel turns shapes into dispatches of WGSL.
import type { View } from '../kernel.ts'
import type { Attributes } from '../types.ts'

/** What a kernel knows when a plan is bound; views carry dtypes and shapes here, never data. */
export interface GpuContext {
  readonly attributes: Attributes
  readonly inputs: readonly (View | undefined)[]
  readonly outputs: readonly (View | undefined)[]
}

/** One dispatch. Bindings come in order: `reads`, then `writes`, then the uniform block if there is one. */
export interface GpuDispatch {
  /** WGSL of a compute shader with the entry point `main`; pipelines are cached by this text. */
  readonly code: string
  /** Positions of the node's inputs. */
  readonly reads: readonly number[]
  /** Positions of the node's outputs. */
  readonly writes: readonly number[]
  /** Words of the uniform block. */
  readonly uniforms: readonly number[]
  readonly workgroups: readonly [x: number, y: number, z: number]
}

/** Dispatches for these shapes, in order; undefined leaves the node to cpu. */
export type GpuKernel = (context: GpuContext) => readonly GpuDispatch[] | undefined

/** Kernels by operator key. */
export type GpuKernelTable = ReadonlyMap<string, GpuKernel>
