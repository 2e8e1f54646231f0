// What a model's owner and its worker threads say to each other. Everything survives structured cloning.
import type { MleErrorDetail } from './error.ts'
import type { DeviceName } from './graph/device.ts'
import type { Graph } from './graph/graph.ts'
import type { RunLimits } from './graph/run-limits.ts'
import type { MemoryPart, SharedTensor } from './graph/shared-weights.ts'
import type { DType } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'

/** The first message: the model. */
export interface Start {
  readonly kind: 'start'
  readonly device: DeviceName
  readonly determinism?: 'strict' | 'relaxed'
  readonly limits?: RunLimits
  /** Without constants where they are shared. */
  readonly graph: Graph
  readonly shared?: { readonly part: MemoryPart; readonly constants: readonly (readonly [string, SharedTensor])[] }
}

/** Rows to share out: each thread takes the next block until none is left. */
export interface RowsJob {
  readonly kind: 'rows'
  readonly id: number
  readonly rows: number
  readonly blockRows: number
  readonly outputs: readonly string[]
  /** Int32: the next block; 1 once the run was aborted. */
  readonly control: SharedArrayBuffer
  readonly inputs: readonly RowsArray[]
  readonly results: readonly RowsArray[]
}

/** All rows of an input or output. */
export interface RowsArray {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly buffer?: SharedArrayBuffer
  /** Text of inputs; text of outputs comes back in replies. */
  readonly strings?: readonly (string | null)[]
}

/** One whole run. */
export interface RunJob {
  readonly kind: 'run'
  readonly id: number
  readonly outputs: readonly string[]
  readonly inputs: Readonly<Record<string, Tensor>>
}

export type Job = RowsJob | RunJob

/** Text of an output's rows from `first` on. */
export interface TextRows {
  readonly name: string
  readonly first: number
  readonly strings: readonly (string | null)[]
}

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly text?: readonly TextRows[]; readonly outputs?: Readonly<Record<string, Tensor>> }
  | { readonly kind: 'error'; readonly id: number; readonly name: string; readonly message: string; readonly code?: string; readonly detail?: MleErrorDetail }

/** Places in a job's control words. */
export const NEXT_BLOCK = 0
export const IS_ABORTED = 1
