// The webgpu device: buffers, pipelines and the asynchronous executor of bound plans whose steps run partly on a GPU.
import { MleError } from '../error.ts'
import { isView, opKey, type View } from '../ops/kernel.ts'
import type { GpuDispatch, GpuKernelTable } from '../ops/webgpu/kernel.ts'
import { requestGpuDevice } from '../platform/gpu.ts'
import { bufferArena } from './arena.ts'
import type { BindOptions, BoundStep } from './bind.ts'
import type { Accelerator, Device } from './device.ts'
import { clearTransients, refresh, runSteps, type Instance } from './execute.ts'
import { atNode } from './infer.ts'
import { partition, poolBuffers, type Segment } from './partition.ts'
import { heapScratch } from './scratch.ts'

// GPUBufferUsage and GPUMapMode by value: Dawn's bindings for Node do not put the names into the global scope.
const MAP_READ = 0x0001
const COPY_SRC = 0x0004
const COPY_DST = 0x0008
const UNIFORM = 0x0040
const STORAGE = 0x0080
const READ_MODE = 0x0001

/** Buffers are copied in whole words, and none may be empty. */
function bufferBytes(bytes: number): number {
  return Math.max(4, Math.ceil(bytes / 4) * 4)
}

/**
 * A device over the host's GPU.
 *
 * @param gpu given by callers that share theirs; requested from the host otherwise
 * @throws MleError DEVICE_UNAVAILABLE where the host has none
 */
export async function createWebgpuDevice(kernels: GpuKernelTable, maxBytes: number, gpu?: GPUDevice): Promise<Device> {
  const device = gpu ?? (await requestGpuDevice())
  const pipelines = new Map<string, GPUComputePipeline>()
  const weights = new Map<View, GPUBuffer>()
  const prepared = new Map<Instance, Prepared>()
  let lost: string | undefined
  void device.lost.then(({ message }) => (lost = message || 'no reason given'))

  const accelerate: BindOptions['accelerate'] = (step, inputs, outputs) =>
    kernels.get(opKey(step.node.domain, step.node.op))?.({ attributes: step.node.attributes, inputs, outputs })

  const accelerator: Accelerator = {
    accelerate,
    async run(instance) {
      if (lost !== undefined) throw new MleError('DEVICE_LOST', `the GPU was lost (${lost}); load the model again`)
      refresh(instance)
      let own = prepared.get(instance)
      if (own === undefined) {
        own = await checked(device, () => prepare(device, pipelines, weights, instance))
        prepared.set(instance, own)
      }
      try {
        await execute(device, own, instance)
      } finally {
        clearTransients(instance)
      }
    },
    release(instance) {
      const own = prepared.get(instance)
      prepared.delete(instance)
      for (const buffer of own?.buffers ?? []) buffer.destroy()
    },
  }
  return {
    name: 'webgpu',
    arena: bufferArena(maxBytes),
    scratch: heapScratch(),
    accelerator,
    dispose() {
      for (const own of prepared.values()) for (const buffer of own.buffers) buffer.destroy()
      for (const buffer of weights.values()) buffer.destroy()
      prepared.clear()
      weights.clear()
      if (gpu === undefined) device.destroy()
    },
  }
}

/** Runs `make` with the GPU's errors caught: they come later and elsewhere otherwise. */
async function checked<T>(device: GPUDevice, make: () => T): Promise<T> {
  device.pushErrorScope('validation')
  device.pushErrorScope('out-of-memory')
  const result = make()
  const memory = await device.popErrorScope()
  const validation = await device.popErrorScope()
  if (memory !== null) throw new MleError('MEMORY_LIMIT', `the GPU has no memory left for this model: ${memory.message}`)
  if (validation !== null) throw new MleError('DEVICE_GPU', `the GPU refused the model: ${validation.message}`)
  return result
}

/** An instance on the GPU. */
interface Prepared {
  readonly segments: readonly Segment[]
  /** Everything that the instance owns there. */
  readonly buffers: readonly GPUBuffer[]
  /** Storage by value number. */
  readonly storage: ReadonlyMap<number, GPUBuffer>
  readonly calls: ReadonlyMap<BoundStep, readonly Call[]>
  /** Mapped to read downloads back, one per segment that has any. */
  readonly staging: ReadonlyMap<Segment, GPUBuffer>
}

interface Call {
  readonly pipeline: GPUComputePipeline
  readonly bindGroup: GPUBindGroup
  readonly workgroups: GpuDispatch['workgroups']
}

function prepare(device: GPUDevice, pipelines: Map<string, GPUComputePipeline>, weights: Map<View, GPUBuffer>, instance: Instance): Prepared {
  const { plan, bound } = instance
  const pool = poolBuffers(bound.deviceStorages)
  const pooled = pool.bytes.map((bytes) => device.createBuffer({ size: bufferBytes(bytes), usage: STORAGE | COPY_SRC | COPY_DST }))
  const storage = new Map<number, GPUBuffer>([...pool.bufferOf].map(([id, index]) => [id, pooled[index]]))
  const buffers = [...pooled]
  const segments = partition(bound, plan.inputs, plan.outputs)

  const constantOf = (id: number): GPUBuffer => {
    const view = bound.frame[id]
    if (!isView(view) || Array.isArray(view.data)) throw new MleError('INTERNAL', `value ${plan.names[id]} has no storage`)
    let buffer = weights.get(view)
    if (buffer === undefined) {
      buffer = device.createBuffer({ size: bufferBytes(view.data.byteLength), usage: STORAGE | COPY_DST })
      write(device, buffer, view)
      // Constants of the plan are shared by its instances; values folded for these shapes belong to this one.
      if (plan.constants.has(id)) weights.set(view, buffer)
      else buffers.push(buffer)
    }
    return buffer
  }

  const callOf = (step: BoundStep, dispatch: GpuDispatch): Call => {
    let pipeline = pipelines.get(dispatch.code)
    if (pipeline === undefined) {
      pipeline = device.createComputePipeline({ layout: 'auto', compute: { module: device.createShaderModule({ code: dispatch.code }), entryPoint: 'main' } })
      pipelines.set(dispatch.code, pipeline)
    }
    const uniform = device.createBuffer({ size: Math.ceil(dispatch.uniforms.length / 4) * 16, usage: UNIFORM | COPY_DST })
    device.queue.writeBuffer(uniform, 0, Uint32Array.from(dispatch.uniforms))
    buffers.push(uniform)
    const values = [...dispatch.reads.map((i) => step.step.inputs[i]), ...dispatch.writes.map((i) => step.step.outputs[i])]
    const bound_ = values.map((id) => storage.get(bound.rootOf[id]) ?? constantOf(id))
    const entries = [...bound_, uniform].map((buffer, binding): GPUBindGroupEntry => ({ binding, resource: { buffer } }))
    return { pipeline, bindGroup: device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }), workgroups: dispatch.workgroups }
  }

  const calls = new Map<BoundStep, readonly Call[]>()
  for (const step of bound.steps) if (step.dispatches !== undefined) calls.set(step, step.dispatches.map((dispatch) => callOf(step, dispatch)))
  const staging = new Map<Segment, GPUBuffer>()
  for (const segment of segments) {
    if (segment.downloads.length === 0) continue
    const size = segment.downloads.reduce((sum, root) => sum + bufferBytes(hostBytes(instance, root)), 0)
    const buffer = device.createBuffer({ size, usage: MAP_READ | COPY_DST })
    staging.set(segment, buffer)
    buffers.push(buffer)
  }
  return { segments, buffers, storage, calls, staging }
}

function hostView(instance: Instance, root: number): View {
  const view = instance.bound.frame[root]
  if (!isView(view)) throw new MleError('INTERNAL', 'a value that crosses to the host has no view')
  return view
}

function hostBytes(instance: Instance, root: number): number {
  const { data } = hostView(instance, root)
  return Array.isArray(data) ? 0 : data.byteLength
}

function write(device: GPUDevice, buffer: GPUBuffer, view: View): void {
  if (Array.isArray(view.data) || view.data.byteLength === 0) return
  const bytes = new Uint8Array(view.data.byteLength % 4 === 0 ? view.data.byteLength : bufferBytes(view.data.byteLength))
  bytes.set(new Uint8Array(view.data.buffer, view.data.byteOffset, view.data.byteLength))
  device.queue.writeBuffer(buffer, 0, bytes)
}

/** One submission for each device segment; the host waits only where a host step, or the caller, reads what it computes. */
async function execute(device: GPUDevice, own: Prepared, instance: Instance): Promise<void> {
  const { steps } = instance.bound
  for (const segment of own.segments) {
    if (segment.place === 'host') {
      runSteps(instance, segment.first, segment.end)
      continue
    }
    for (const root of segment.uploads) {
      const buffer = own.storage.get(root)
      if (buffer !== undefined) write(device, buffer, hostView(instance, root))
    }
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (let i = segment.first; i < segment.end; i++) {
      for (const { pipeline, bindGroup, workgroups } of own.calls.get(steps[i]) ?? []) {
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, bindGroup)
        pass.dispatchWorkgroups(...workgroups)
      }
    }
    pass.end()
    const staging = own.staging.get(segment)
    let offset = 0
    if (staging !== undefined) {
      for (const root of segment.downloads) {
        const buffer = own.storage.get(root)
        const bytes = hostBytes(instance, root)
        if (buffer !== undefined && bytes > 0) encoder.copyBufferToBuffer(buffer, 0, staging, offset, bufferBytes(bytes))
        offset += bufferBytes(bytes)
      }
    }
    device.queue.submit([encoder.finish()])
    if (staging !== undefined) await readBack(staging, segment, instance, steps[segment.end - 1])
  }
}

async function readBack(staging: GPUBuffer, segment: Segment, instance: Instance, last: BoundStep): Promise<void> {
  try {
    await staging.mapAsync(READ_MODE)
  } catch (error) {
    throw atNode(new MleError('DEVICE_GPU', `the GPU did not give its results back: ${error instanceof Error ? error.message : String(error)}`), last.step.node, last.step.index)
  }
  const mapped = new Uint8Array(staging.getMappedRange())
  let offset = 0
  for (const root of segment.downloads) {
    const { data } = hostView(instance, root)
    if (Array.isArray(data)) continue
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).set(mapped.subarray(offset, offset + data.byteLength))
    offset += bufferBytes(data.byteLength)
  }
  staging.unmap()
}
