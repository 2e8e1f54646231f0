// mle-runtime/webgpu: GPUs and tensors on them, for pipelines that stay there.
import { featuresOf } from './graph/gpu-features.ts'
import { putTensor, zeroTensor, type GpuTensor } from './graph/gpu-tensor.ts'
import type { DType } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'

export { imageToGpu, type ImageOptions, type ImageSource } from './graph/gpu-image.ts'
export { gpuLayout, type GpuInput, type GpuLayout, type GpuTensor } from './graph/gpu-tensor.ts'
export { requestGpuDevice as requestGpu, type GpuRequest } from './platform/gpu.ts'

/** What a GPU offers, as far as models use it. */
export interface GpuReport {
  /** As the adapter says it; empty where the host hides it. */
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  /** True where the processor does the GPU's work. */
  readonly isSoftware: boolean
  /** float16 storage (shader-f16). */
  readonly float16: boolean
  /** `model.profile` by timestamps of the GPU (timestamp-query). */
  readonly timestamps: boolean
  /** Larger tensors are computed on cpu. */
  readonly maxTensorBytes: number
  /** Larger tensors are bound in several pieces. */
  readonly maxBindingBytes: number
  /** Pieces and tensors of one dispatch. */
  readonly maxBindings: number
  /** Larger dispatches are made in parts. */
  readonly maxWorkgroups: number
}

/** Features and limits of a GPU. */
export function describeGpu(gpu: GPUDevice): GpuReport {
  const { half, software, maxBindings, maxBindingBytes, maxBufferBytes, maxWorkgroups } = featuresOf(gpu)
  // Devices from browsers of before 2025 do not say what they are on.
  const info: GPUAdapterInfo | undefined = gpu.adapterInfo
  return {
    vendor: info?.vendor ?? '', architecture: info?.architecture ?? '', description: info?.description ?? '',
    isSoftware: software, float16: half, timestamps: gpu.features.has('timestamp-query'),
    maxTensorBytes: maxBufferBytes, maxBindingBytes, maxBindings, maxWorkgroups,
  }
}

/**
 * Copies a tensor to a GPU, into a buffer of its own or one of yours (COPY_DST).
 *
 * @throws MleError DEVICE_BUFFER_DTYPE for float64, bfloat16 and strings, DEVICE_INT64 for integers beyond 32 bits, DEVICE_BUFFER_SIZE and
 *   DEVICE_BUFFER_USAGE for a buffer that does not fit
 * @example const X = toGpu(gpu, tensor(pixels, [1, 3, 224, 224]))
 */
export function toGpu(gpu: GPUDevice, tensor: Tensor, into?: GPUBuffer): GpuTensor {
  return putTensor(gpu, tensor, into)
}

/** A tensor of zeros on a GPU: a cache at its start, or memory that runs write into (`onDevice`). */
export function zerosOnGpu(gpu: GPUDevice, dtype: DType, shape: readonly number[]): GpuTensor {
  return zeroTensor(gpu, dtype, shape)
}
