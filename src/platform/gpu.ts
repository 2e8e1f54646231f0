// The host's WebGPU: the browser's and Deno's own, or in Node and Bun the npm package `webgpu` (Dawn's bindings).
import { MleError } from '../error.ts'

/** What to ask of the host. */
export interface GpuRequest {
  /** Which of several GPUs: 'high-performance' (default) or 'low-power'. */
  readonly powerPreference?: GPUPowerPreference
  /** True for the host's software adapter, where it has one. */
  readonly forceFallbackAdapter?: boolean
  /** Features that the caller needs besides those that models use (shader-f16, timestamp-query): the request fails where the adapter lacks one. */
  readonly requiredFeatures?: readonly GPUFeatureName[]
  /** Limits in place of the adapter's: models use the largest buffers, bindings and numbers of bindings that it has. */
  readonly requiredLimits?: Readonly<Record<string, number>>
}

/**
 * A device with the largest buffers and the features that its adapter has.
 *
 * @throws MleError DEVICE_UNAVAILABLE saying what is missing
 */
export async function requestGpuDevice(request: GpuRequest = {}): Promise<GPUDevice> {
  return requestDeviceOf(await hostGpu(), request)
}

/** The same of a given instance. */
export async function requestDeviceOf(gpu: GPU, request: GpuRequest = {}): Promise<GPUDevice> {
  const { powerPreference = 'high-performance', forceFallbackAdapter = false, requiredFeatures = [], requiredLimits = {} } = request
  const adapter = await gpu.requestAdapter({ powerPreference, forceFallbackAdapter })
  if (adapter === null) throw unavailable('WebGPU found no adapter: the machine has no graphics driver that it can use')
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits
  const features = new Set([...FEATURES.filter((feature) => adapter.features.has(feature)), ...requiredFeatures])
  try {
    return await adapter.requestDevice({ requiredFeatures: [...features], requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, ...requiredLimits } })
  } catch (error) {
    throw unavailable(`the adapter does not give what is asked: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** What kernels and measurements use where the adapter has it. */
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query']

let dawn: GPU | undefined

async function hostGpu(): Promise<GPU> {
  const own = typeof navigator === 'object' ? navigator.gpu : undefined
  if (own !== undefined) return own
  if (!('process' in globalThis)) throw unavailable('this browser has no WebGPU, or the page is not served over https')
  return (dawn ??= await createDawn('webgpu'))
}

/** The package is named by a variable, so that bundlers leave the import to run time. */
async function createDawn(name: string): Promise<GPU> {
  let loaded: unknown
  try {
    loaded = await import(/* @vite-ignore */ /* webpackIgnore: true */ name)
  } catch {
    throw unavailable(`this host has no WebGPU of its own; install Dawn's bindings: npm install ${name}`)
  }
  if (typeof loaded !== 'object' || loaded === null || !('create' in loaded) || typeof loaded.create !== 'function') {
    throw unavailable(`the package ${name} is not Dawn's bindings; install version 0.3 or later`)
  }
  return loaded.create([]) as GPU
}

function unavailable(reason: string): MleError {
  return new MleError('DEVICE_UNAVAILABLE', `device webgpu is not available here: ${reason}; or use device 'cpu'`, { actual: 'webgpu' })
}
