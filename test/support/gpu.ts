// One GPU for the tests of a file: the machine's, or the software one that scripts/test.ts puts into the environment.
import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { create } from 'webgpu'
import { acceleratedBy } from '../../src/accelerated.ts'
import { RUN_LIMITS } from '../../src/graph/run-limits.ts'
import { createWebgpuDevice } from '../../src/graph/webgpu-device.ts'
import type { Device } from '../../src/graph/device.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { MleError } from '../../src/error.ts'
import { Model } from '../../src/model.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import type { GpuFeatures } from '../../src/ops/webgpu/kernel.ts'
import { gpuKernels } from '../../src/ops/webgpu/index.ts'
import { requestGpuDevice } from '../../src/platform/gpu.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import type { Platform } from './run-op.ts'

/** Numbers below it are zero to a GPU. */
export const SMALLEST_NORMAL: number = 2 ** -126

let shared: Promise<GPUDevice | string> | undefined

/** The file's GPU, or why there is none. */
export function sharedGpu(): Promise<GPUDevice | string> {
  shared ??= requestGpuDevice().catch((error: unknown) => {
    if (error instanceof MleError && error.code === 'DEVICE_UNAVAILABLE') return error.message
    throw error
  })
  return shared
}

/** Kept for as long as the process lives: devices outlive their instance badly. */
let instance: GPU | undefined

/** Dawn's GPU of no hardware: it has every feature, validates all that it is given, and computes nothing, so that all results are zeros. */
export async function nullGpu(): Promise<GPUDevice> {
  const adapter = await (instance ??= create(['backend=null'])).requestAdapter()
  assert.ok(adapter)
  const gpu = await adapter.requestDevice({ requiredFeatures: (['shader-f16', 'subgroups'] as const).filter((feature) => adapter.features.has(feature)) })
  const createBuffer = gpu.createBuffer.bind(gpu)
  // Its memory is the process's, with whatever that last held there: steps on cpu would take it for shapes and paddings of gigabytes.
  gpu.createBuffer = (descriptor) => {
    const buffer = createBuffer({ ...descriptor, mappedAtCreation: true })
    new Uint8Array(buffer.getMappedRange()).fill(0)
    if (descriptor.mappedAtCreation !== true) buffer.unmap()
    return buffer
  }
  return gpu
}

/** A test that needs a GPU; skipped where there is none. */
export function gpuTest(name: string, run: (gpu: GPUDevice, t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    const gpu = await sharedGpu()
    if (typeof gpu === 'string') t.skip(`needs a WebGPU adapter: ${gpu}`)
    else await run(gpu, t)
  })
}

/** Dawn keeps threads alive, which would keep the process. */
after(async () => {
  const gpu = await shared
  if (typeof gpu === 'object') gpu.destroy()
  setTimeout(() => process.exit(), 100)
})

/** A model on the GPU; `assume` makes it choose the kernels of other hardware. */
export async function gpuModel(graph: Graph, gpu: GPUDevice, assume: Partial<GpuFeatures> = {}): Promise<{ model: Model; device: Device }> {
  const device = await createWebgpuDevice(gpuKernels, { ...RUN_LIMITS, maxMemoryBytes: 2 ** 31 }, gpu, assume)
  const accelerated = device.accelerator === undefined ? undefined : acceleratedBy(device.accelerator)
  return { model: new Model(graph, device, await loadOperators(operatorKeys(graph)), { accelerated }), device }
}

/** webgpu as a platform of the suites of operators. */
export const webgpu: Platform = {
  name: 'webgpu',
  async run(graph, feeds) {
    const gpu = await sharedGpu()
    if (typeof gpu === 'string') throw new Error(gpu)
    const { model } = await gpuModel(graph, gpu)
    try {
      const results = await model.run(Object.fromEntries(feeds))
      return graph.outputs.map(({ name }) => results[name])
    } finally {
      model.dispose()
    }
  },
}

/** The tensor with subnormal numbers as zeros of their sign. */
export function withoutSubnormals(tensor: Tensor): Tensor {
  const { dtype, data } = tensor
  if (!(data instanceof Float32Array)) return tensor
  return { dtype, shape: tensor.shape, data: data.map((x) => (Math.abs(x) < SMALLEST_NORMAL ? 0 * Math.sign(x) || (Object.is(x, -0) || x < 0 ? -0 : 0) : x)) }
}
