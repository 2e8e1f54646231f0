// The host's WebGPU: the browser's and Deno's own, or in Node and Bun the npm package `webgpu` (Dawn's bindings).
import { MleError } from '../error.ts'

/**
 * A device with the largest buffers and the features that its adapter has.
 *
 * @throws MleError DEVICE_UNAVAILABLE saying what is missing
 */
export async function requestGpuDevice(): Promise<GPUDevice> {
  const gpu = await hostGpu()
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (adapter === null) throw unavailable('WebGPU found no adapter: the machine has no graphics driver that it can use')
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits
  return adapter.requestDevice({
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  })
}

/** What kernels and measurements use where the adapter has it. */
const FEATURES: readonly GPUFeatureName[] = ['shader-f16', 'timestamp-query']

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
