// Where a model computes: its memory and the kernels it prefers.
import { MleError } from '../error.ts'
import type { OpSchema } from '../ops/schema.ts'
import type { PreferredTable, View } from '../ops/kernel.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { GpuRequest } from '../platform/gpu.ts'
import type * as Wasm from '../ops/wasm/index.ts'
import type { GivenModules } from '../ops/wasm/index.ts'
import { loadKernelFamily } from '../ops/wasm/kernels.ts'
import { isWorthWasm, wasmModulesFor } from '../ops/wasm/operators.ts'
import { bufferArena, type Arena } from './arena.ts'
import type { BindOptions } from './bind.ts'
import type { Instance } from './execute.ts'
import type { fuseSteps } from './fuse-steps.ts'
import type { GpuInput, GpuTensor } from './gpu-tensor.ts'
import type { Graph } from './graph.ts'
import type { MemoryPart } from './shared-weights.ts'
import { operatorKeys } from './subgraphs.ts'
import { RUN_LIMITS, type RunLimits } from './run-limits.ts'
import { heapScratch, type HeapScratch } from './scratch.ts'
import type * as WasmDevice from './wasm-device.ts'
import { weightBytesOf } from './weights.ts'

export type DeviceName = 'auto' | 'cpu' | 'wasm' | 'webgpu'

/** Constants where a device's kernels read them; absent where kernels read the graph's own tensors. */
export interface WeightStore {
  /** The same tensor gives the same view, whose `data` follows the memory when `refresh` is called. */
  view(tensor: Tensor): View
  /** Called before each run; does nothing unless the memory has grown. */
  refresh(): void
}

/** Hardware beside the host that takes some of a plan's steps, asynchronously. */
export interface Accelerator {
  /** See BindOptions. */
  readonly accelerate: BindOptions['accelerate']
  /** Runs an instance, one at a time on a model. Gives the outputs that stay, by position. */
  run(instance: Instance, transfer: Transfer): Promise<ReadonlyMap<number, GpuTensor>>
  /** Runs an instance and measures what each step takes. */
  profile(instance: Instance, transfer: Transfer): Promise<readonly StepTime[]>
  /** What runs where. */
  describe(instance: Instance): readonly Placement[]
  /** Copies of tensors to the host and from it, for runs that the host takes over. */
  read(input: GpuInput): Promise<Tensor>
  put(tensor: Tensor, into: GPUBuffer | undefined): GpuTensor
  release(instance: Instance): void
}

/** What stays on an accelerator before and after a run. */
export interface Transfer {
  /** By the number of the input's value. */
  readonly inputs: ReadonlyMap<number, GpuInput>
  /** By the output's position in the plan, each with the caller's buffer for it, if there is one. */
  readonly outputs: ReadonlyMap<number, GPUBuffer | undefined>
}

/** Milliseconds that some steps took together: one, or several that run as one. */
export interface StepTime {
  /** Nodes, such as `node 3 "Relu"`. */
  readonly steps: readonly string[]
  readonly place: 'device' | 'host'
  /** 'gpu': between two timestamps there. 'host': by the host's clock, which for steps on the GPU includes some of the way there and back. */
  readonly clock: 'gpu' | 'host'
  readonly ms: number
}

/** Consecutive steps that run in one place. */
export interface Placement {
  readonly place: 'device' | 'host'
  readonly steps: readonly { readonly node: string; readonly reason?: string }[]
  /** How many dispatches the steps became. */
  readonly dispatches?: number
  /** Why device 'auto' has not taken the GPU for any of them. */
  readonly reason?: string
}

export interface Device {
  readonly name: Exclude<DeviceName, 'auto'>
  readonly arena: Arena
  /** Kernels used instead of cpu's where values are in this device's memory. */
  readonly preferred?: PreferredTable
  /** Joins steps of a plan whose preferred kernels compute what follows them. */
  readonly fuse?: typeof fuseSteps
  readonly weights?: WeightStore
  readonly scratch: HeapScratch
  /** Present on devices that cannot run synchronously. */
  readonly accelerator?: Accelerator
  /** The GPU that the model is on: for buffers that stay there. */
  readonly gpu?: GPUDevice
  dispose(): void
}

/** What a device may be told beside its name. */
export interface DeviceOptions {
  /** WebAssembly modules that the caller has compiled, for hosts that forbid compiling from bytes. */
  readonly wasm?: GivenModules
  /** See LoadOptions. */
  readonly determinism?: 'strict' | 'relaxed'
  /** A GPU of the caller's, or what to request. */
  readonly gpu?: GPUDevice | GpuRequest
  /** What the graph was narrowed to: operators that take float64 only have kept it, and run on cpu. */
  readonly precision?: 'float32'
  /** True where small models too will compute many rows at once. */
  readonly hasLargeBatches?: boolean
  /** Where a thread of several computes; see shared-weights.ts. */
  readonly part?: MemoryPart
  readonly limits?: RunLimits
}

/** Kept once they are there: an import takes hosts a while each time. */
let wasmModules: readonly [typeof WasmDevice, typeof Wasm] | undefined

/**
 * The device for a graph; 'auto' picks the fastest that gives cpu's bits.
 *
 * @param schemas of the graph's operators, asked for only where they are needed: kernels and packs are fetched at the same time
 * @throws MleError DEVICE_UNAVAILABLE when the machine lacks it, DEVICE_WASM where compiling WebAssembly is forbidden, DEVICE_FLOAT64 for
 *   float64 graphs on webgpu
 */
export async function createDevice(name: DeviceName, graph: Graph, schemas: () => Promise<ReadonlyMap<string, OpSchema>>, options: DeviceOptions = {}): Promise<Device> {
  const { limits = RUN_LIMITS } = options
  if (name === 'cpu') return cpuDevice(limits)
  if (name === 'webgpu') {
    const [{ createWebgpuDevice }, { gpuKernels }, { refuseFloat64 }] = await Promise.all([import('./webgpu-device.ts'), import('../ops/webgpu/index.ts'), import('./narrow.ts')])
    if (options.precision === undefined) refuseFloat64(graph, await schemas())
    return createWebgpuDevice(gpuKernels, limits, options.gpu)
  }
  const keys = operatorKeys(graph)
  if (name === 'auto' && !isWorthWasm(keys, options.hasLargeBatches ? Infinity : weightBytesOf(graph))) return cpuDevice(limits)
  ;[wasmModules] = await Promise.all([
    wasmModules ?? Promise.all([import('./wasm-device.ts'), import('../ops/wasm/index.ts')]),
    ...wasmModulesFor(keys).map(loadKernelFamily),
  ])
  const [{ createWasmDevice }, { wasmKernelsGiven }] = wasmModules
  const kernels = wasmKernelsGiven(options.wasm, options.determinism)
  const wasmOptions = { kernels, limits, part: options.part }
  if (name === 'wasm') return createWasmDevice(graph, wasmOptions)
  try {
    return await createWasmDevice(graph, wasmOptions)
  } catch (error) {
    // Forbidden by a content security policy, or missing: the same bits come from cpu.
    if (error instanceof MleError && (error.code === 'DEVICE_WASM' || error.code === 'DEVICE_UNAVAILABLE')) return cpuDevice(limits)
    throw error
  }
}

/** The portable backend in plain TypeScript. */
export function cpuDevice(limits: RunLimits = RUN_LIMITS): Device {
  const arena = bufferArena(limits.maxMemoryBytes)
  return { name: 'cpu', arena, scratch: heapScratch(limits, arena), dispose() {} }
}
