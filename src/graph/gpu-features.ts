// What a GPU offers, as far as kernels are chosen by it.
import type { GpuFeatures } from '../ops/webgpu/kernel.ts'

/** A large chip has about so many processors. */
const BUSY_WORKGROUPS = 128

export function featuresOf({ features, limits, adapterInfo }: GPUDevice): GpuFeatures {
  return {
    half: features.has('shader-f16'),
    subgroups: features.has('subgroups'),
    software: isSoftware(adapterInfo),
    busyWorkgroups: BUSY_WORKGROUPS,
    maxBindings: limits.maxStorageBuffersPerShaderStage,
    maxBindingBytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    maxBufferBytes: limits.maxBufferSize,
    maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
  }
}

/** Devices from browsers of before 2025 do not say what they are on. */
export function isSoftware(info: GPUAdapterInfo | undefined): boolean {
  return info !== undefined && (info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.vendor} ${info.architecture} ${info.description}`))
}
