// Tensors in buffers of a GPU: what callers give as inputs, and what stays there of a run's outputs.
import { MleError } from '../error.ts'
import { allocateView, tensorOfView, viewOfTensor } from '../ops/kernel.ts'
import { bufferBytes, packForDevice, storageOf, unpackFromDevice, type Storage } from '../ops/webgpu/storage.ts'
import { COPY_DST, COPY_SRC, MAP_READ, READ_MODE, STORAGE } from '../platform/gpu-constants.ts'
import type { DType } from '../tensor/dtype.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Elements in a GPU's buffer, row-major, as docs/webgpu.md says for each dtype: an input of a model on that GPU. */
export interface GpuInput {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** With the usage COPY_SRC. The caller's: it is read while a run lasts, never changed and never destroyed. */
  readonly gpuBuffer: GPUBuffer
  /** Of the first element; a multiple of 4. Default 0. */
  readonly byteOffset?: number
}

/** A tensor on a GPU. `data` throws DEVICE_BUFFER_HOST: `read` brings it over. */
export interface GpuTensor extends Tensor {
  readonly gpu: GPUDevice
  /** With the usages STORAGE, COPY_SRC and COPY_DST, if it was made here. */
  readonly gpuBuffer: GPUBuffer
  /** A copy on the host. */
  read(): Promise<Tensor>
  /** Destroys the buffer, unless it was given by the caller. */
  dispose(): void
}

/** What a dtype is on a device. */
export interface GpuLayout {
  readonly element: 'f32' | 'f16' | 'i32' | 'u32'
  readonly bytesPerElement: number
}

/** How elements of a dtype lie in buffers of this GPU; undefined for float64, bfloat16 and strings, which no GPU holds. */
export function gpuLayout(gpu: GPUDevice, dtype: DType): GpuLayout | undefined {
  const storage = storageOf(dtype, hasHalf(gpu))
  return storage === undefined ? undefined : { element: storage.element, bytesPerElement: storage.bytes }
}

export function hasHalf(gpu: GPUDevice): boolean {
  return gpu.features.has('shader-f16')
}

/** @throws MleError DEVICE_BUFFER_DTYPE for a dtype that the GPU does not hold */
export function storageFor(name: string, dtype: DType, half: boolean): Storage {
  const storage = storageOf(dtype, half)
  if (storage === undefined) throw new MleError('DEVICE_BUFFER_DTYPE', `${name} is ${dtype}, which a GPU's buffer does not hold; leave it on the host, or cast it in the model`, { actual: dtype })
  return storage
}

interface Own {
  readonly gpu: GPUDevice
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly storage: Storage
  readonly buffer: GPUBuffer
  /** Whether `dispose` destroys the buffer. */
  readonly isOwned: boolean
}

/** A tensor over a buffer. */
export function tensorOnGpu({ gpu, dtype, shape, storage, buffer, isOwned }: Own): GpuTensor {
  return {
    dtype,
    shape,
    gpu,
    gpuBuffer: buffer,
    get data(): Tensor['data'] {
      throw new MleError('DEVICE_BUFFER_HOST', 'this tensor is on a GPU: await tensor.read() brings it to the host')
    },
    read: () => readTensor(gpu, { dtype, shape, gpuBuffer: buffer }, storage),
    dispose() {
      if (isOwned) buffer.destroy()
    },
  }
}

/** Memory for a tensor that stays. */
export function createTensorBuffer(gpu: GPUDevice, bytes: number): GPUBuffer {
  return gpu.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC | COPY_DST })
}

/**
 * Copies a tensor to a GPU, into a buffer of its own or one of the caller's.
 *
 * @throws MleError DEVICE_BUFFER_DTYPE for a dtype that a GPU does not hold, DEVICE_INT64 for integers beyond 32 bits, DEVICE_BUFFER_SIZE and
 *   DEVICE_BUFFER_USAGE for a buffer that does not fit
 */
export function putTensor(gpu: GPUDevice, tensor: Tensor, into?: GPUBuffer, half: boolean = hasHalf(gpu)): GpuTensor {
  const { dtype, shape } = tensor
  const storage = storageFor('a tensor', dtype, half)
  const bytes = packForDevice(viewOfTensor(tensor), storage)
  if (bytes === undefined) throw new MleError('DEVICE_INT64', `a tensor of ${dtype} holds a number that 32 bits do not hold, and WebGPU has no 64-bit integers`, { expected: 'int32', actual: dtype })
  if (into !== undefined) checkTarget('the buffer', into, bytes.byteLength)
  const buffer = into ?? createTensorBuffer(gpu, bytes.byteLength)
  gpu.queue.writeBuffer(buffer, 0, bytes)
  return tensorOnGpu({ gpu, dtype, shape, storage, buffer, isOwned: into === undefined })
}

/** A tensor of zeros, as buffers are made. */
export function zeroTensor(gpu: GPUDevice, dtype: DType, shape: readonly number[]): GpuTensor {
  const storage = storageFor('a tensor', dtype, hasHalf(gpu))
  return tensorOnGpu({ gpu, dtype, shape, storage, buffer: createTensorBuffer(gpu, bufferBytes(sizeOf(shape), storage)), isOwned: true })
}

/** Brings elements to the host. */
export async function readTensor(gpu: GPUDevice, input: GpuInput, storage: Storage): Promise<Tensor> {
  const { dtype, shape, gpuBuffer, byteOffset = 0 } = input
  const view = allocateView(dtype, shape)
  if (view.size === 0) return tensorOfView(view)
  const bytes = bufferBytes(view.size, storage)
  checkSource('the buffer', input, bytes)
  const staging = gpu.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST })
  try {
    gpu.pushErrorScope('validation')
    const encoder = gpu.createCommandEncoder()
    encoder.copyBufferToBuffer(gpuBuffer, byteOffset, staging, 0, bytes)
    gpu.queue.submit([encoder.finish()])
    const refused = await gpu.popErrorScope()
    if (refused !== null) throw await blame(gpu, [['the buffer', gpuBuffer]], refused.message)
    await staging.mapAsync(READ_MODE)
    unpackFromDevice(new Uint8Array(staging.getMappedRange()), view, storage)
  } catch (error) {
    if (error instanceof MleError) throw error
    throw new MleError('DEVICE_GPU', `the GPU did not give a tensor back: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    staging.destroy()
  }
  return tensorOfView(view)
}

/** @throws MleError DEVICE_BUFFER_SIZE, DEVICE_BUFFER_USAGE */
export function checkSource(name: string, { gpuBuffer, byteOffset = 0 }: GpuInput, bytes: number): void {
  if (!Number.isInteger(byteOffset) || byteOffset < 0 || byteOffset % 4 !== 0) throw new MleError('DEVICE_BUFFER_SIZE', `${name} begins at byte ${byteOffset}, expected a multiple of 4`, { actual: byteOffset })
  checkBuffer(name, gpuBuffer, byteOffset + bytes, COPY_SRC, 'COPY_SRC')
}

/** @throws MleError DEVICE_BUFFER_SIZE, DEVICE_BUFFER_USAGE */
export function checkTarget(name: string, buffer: GPUBuffer, bytes: number): void {
  checkBuffer(name, buffer, bytes, COPY_DST, 'COPY_DST')
}

function checkBuffer(name: string, buffer: GPUBuffer, bytes: number, usage: number, usageName: string): void {
  if (buffer.size < bytes) throw new MleError('DEVICE_BUFFER_SIZE', `${name} has ${buffer.size} bytes, needed are ${bytes}`, { expected: bytes, actual: buffer.size })
  if ((buffer.usage & usage) === 0) throw new MleError('DEVICE_BUFFER_USAGE', `${name} was created without the usage ${usageName}`, { expected: usageName, actual: buffer.usage })
  if (buffer.mapState !== 'unmapped') throw new MleError('DEVICE_BUFFER_USAGE', `${name} is mapped; unmap it first`, { expected: 'unmapped', actual: buffer.mapState })
}

/**
 * Why the GPU refused commands with buffers of the caller. A buffer does not say whose it is or whether it was destroyed, so a copy of four
 * bytes is tried for each: one of another GPU fails when it is encoded, a destroyed one when it is submitted.
 */
export async function blame(gpu: GPUDevice, buffers: readonly (readonly [name: string, buffer: GPUBuffer])[], message: string): Promise<MleError> {
  const scratch = gpu.createBuffer({ size: 4, usage: COPY_SRC | COPY_DST })
  try {
    for (const [name, buffer] of buffers) {
      const encoder = gpu.createCommandEncoder()
      const isForeign = await fails(gpu, () => {
        if ((buffer.usage & COPY_SRC) !== 0) encoder.copyBufferToBuffer(buffer, 0, scratch, 0, 4)
        else encoder.copyBufferToBuffer(scratch, 0, buffer, 0, 0)
        return encoder.finish()
      })
      if (isForeign.failed) return new MleError('DEVICE_BUFFER_FOREIGN', `${name} belongs to another GPU device than the model; load both with the same { gpu }`)
      const { commands } = isForeign
      if (commands !== undefined && (await fails(gpu, () => void gpu.queue.submit([commands]))).failed) return new MleError('DEVICE_BUFFER_DESTROYED', `${name} was destroyed`)
    }
  } finally {
    scratch.destroy()
  }
  return new MleError('DEVICE_GPU', `the GPU refused a run: ${message}`)
}

async function fails<T>(gpu: GPUDevice, attempt: () => T): Promise<{ readonly failed: boolean; readonly commands?: T }> {
  gpu.pushErrorScope('validation')
  let commands: T | undefined
  let thrown = false
  try {
    commands = attempt()
  } catch {
    thrown = true
  }
  const error = await gpu.popErrorScope()
  return { failed: thrown || error !== null, commands }
}
