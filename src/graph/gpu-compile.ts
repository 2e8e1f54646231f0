// Shaders and pipelines of a GPU, compiled once and shared by all models there; errors that the GPU reports caught where they arise.
import { MleError } from '../error.ts'
import type { GpuBinding, GpuDispatch, GpuFeatures, GpuUniform } from '../ops/webgpu/kernel.ts'
import { bindingCount, shaderText, uniformsOf } from '../ops/webgpu/wgsl.ts'
import { COMPUTE } from '../platform/gpu-constants.ts'

/** Pipelines by shader text, and the layouts of their bindings: shared by all models on a GPU. */
interface Compiled {
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>
  readonly layouts: Map<string, Layout>
  /** Preparations in turn: error scopes are a stack of the GPU's. */
  preparing: Promise<unknown>
}

const compiledOn = /* @__PURE__ */ new WeakMap<GPUDevice, Compiled>()

export function compiledFor(device: GPUDevice): Compiled {
  let compiled = compiledOn.get(device)
  if (compiled === undefined) compiledOn.set(device, (compiled = { pipelines: new Map(), layouts: new Map(), preparing: Promise.resolve() }))
  return compiled
}

/** What a model holds on its GPU, shared by its instances. */
export interface Shared {
  readonly device: GPUDevice
  readonly features: GpuFeatures
  readonly compiled: Compiled
  /** Constants of the model and data of kernels by their array. */
  readonly weights: Map<object, GPUBuffer>
}

/** Runs `make` with the GPU's errors caught: they come later and elsewhere otherwise. */
export async function checked<T>({ device, compiled }: Shared, make: () => Promise<T>): Promise<T> {
  const before = compiled.preparing
  const own = before.then(() => checkedAlone(device, make))
  compiled.preparing = own.catch(() => undefined)
  return own
}

async function checkedAlone<T>(device: GPUDevice, make: () => Promise<T>): Promise<T> {
  device.pushErrorScope('validation')
  device.pushErrorScope('out-of-memory')
  let result: T | undefined
  let failure: unknown
  try {
    result = await make()
  } catch (error) {
    failure = error
  }
  const memory = await device.popErrorScope()
  const validation = await device.popErrorScope()
  if (memory !== null) throw new MleError('MEMORY_LIMIT', `the GPU has no memory left for this model: ${memory.message}`)
  if (validation !== null) throw new MleError('DEVICE_GPU', `the GPU refused the model: ${validation.message}`)
  if (failure instanceof MleError) throw failure
  if (failure !== undefined) throw new MleError('DEVICE_GPU', `the GPU refused the model: ${failure instanceof Error ? failure.message : String(failure)}`)
  return result as T
}

/** The pipeline of a shader, compiled once. A compiler's complaint is ours: the text is generated. */
export function pipelineOf(shared: Shared, dispatch: GpuDispatch): Promise<GPUComputePipeline> {
  const { device, compiled: { pipelines } } = shared
  const code = shaderText(dispatch)
  let pipeline = pipelines.get(code)
  if (pipeline === undefined) {
    pipeline = device.createComputePipelineAsync({ layout: layoutOf(shared, dispatch).pipeline, compute: { module: device.createShaderModule({ code }), entryPoint: 'main' } })
    pipelines.set(code, pipeline)
    // A failure is not kept: the next binding tries again.
    pipeline.catch(() => pipelines.delete(code))
  }
  return pipeline
}

interface Layout {
  readonly group: GPUBindGroupLayout
  readonly pipeline: GPUPipelineLayout
}

/**
 * The layout of a dispatch's bindings. Written out, because an automatic one leaves out what a shader happens not to use; with the least sizes, so
 * that they are compared once and not at every dispatch (which wgpu, in Deno, gets wrong where pipelines follow one another).
 */
export function layoutOf({ device, compiled: { layouts } }: Shared, dispatch: GpuDispatch): Layout {
  const { reads, writes } = dispatch
  const sizes = (bindings: readonly GpuBinding[]): number[] => bindings.flatMap((binding) => new Array<number>(bindingCount([binding])).fill(leastBytes(binding)))
  const [readSizes, writeSizes, blockBytes] = [sizes(reads), sizes(writes), uniformWords(uniformsOf(dispatch)).byteLength]
  const key = `${readSizes.join()};${writeSizes.join()};${blockBytes}`
  let layout = layouts.get(key)
  if (layout === undefined) {
    const entries: GPUBufferBindingLayout[] = [
      ...readSizes.map((minBindingSize): GPUBufferBindingLayout => ({ type: 'read-only-storage', minBindingSize })),
      ...writeSizes.map((minBindingSize): GPUBufferBindingLayout => ({ type: 'storage', minBindingSize })),
      ...(blockBytes === 0 ? [] : [{ type: 'uniform', minBindingSize: blockBytes } as const]),
    ]
    const group = device.createBindGroupLayout({ entries: entries.map((buffer, binding) => ({ binding, visibility: COMPUTE, buffer })) })
    layout = { group, pipeline: device.createPipelineLayout({ bindGroupLayouts: [group] }) }
    layouts.set(key, layout)
  }
  return layout
}

/** One element, in whole words. */
function leastBytes({ storage, vector }: GpuBinding): number {
  return Math.max(4, storage.bytes * (vector === true ? 4 : 1))
}

/** The words of a uniform block, a multiple of 16 bytes as its type is laid out. */
export function uniformWords(uniforms: readonly GpuUniform[]): Uint32Array {
  const words = new Uint32Array(Math.ceil(uniforms.length / 4) * 4)
  const floats = new Float32Array(words.buffer)
  uniforms.forEach(({ type, value }, i) => {
    if (type === 'f32') floats[i] = value
    else words[i] = value
  })
  return words
}
