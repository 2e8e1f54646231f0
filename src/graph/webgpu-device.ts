// The webgpu device: what it offers to kernels, which steps it takes, and the life of what models keep there.
import { MleError } from '../error.ts'
import { opKey } from '../ops/kernel.ts'
import type { GpuFeatures, GpuKernelTable } from '../ops/webgpu/kernel.ts'
import { bufferBytes, storageOf } from '../ops/webgpu/storage.ts'
import { bindingCount, hasRawAccess, windowsOf } from '../ops/webgpu/wgsl.ts'
import { requestGpuDevice, type GpuRequest } from '../platform/gpu.ts'
import { bufferArena } from './arena.ts'
import type { BindOptions } from './bind.ts'
import type { Accelerator, Device, Placement, StepTime } from './device.ts'
import { clearTransients, refresh, type Instance } from './execute.ts'
import { compiledFor, type Shared } from './gpu-compile.ts'
import { featuresOf } from './gpu-features.ts'
import { prepare, type Prepared } from './gpu-prepare.ts'
import { execute } from './gpu-run.ts'
import { putTensor, readTensor, storageFor } from './gpu-tensor.ts'
import { elementsOf, inWindows, unitsOf } from './gpu-units.ts'
import { nodeLabel } from './infer.ts'
import { partition } from './partition.ts'
import type { RunLimits } from './run-limits.ts'
import { heapScratch } from './scratch.ts'

/**
 * A device over the host's GPU.
 *
 * @param gpu given by callers that share theirs; or what to request from the host
 * @param assume features in place of those that the GPU says, for tests
 * @throws MleError DEVICE_UNAVAILABLE where the host has none
 */
export async function createWebgpuDevice(kernels: GpuKernelTable, limits: RunLimits, gpu: GPUDevice | GpuRequest = {}, assume: Partial<GpuFeatures> = {}): Promise<Device> {
  const isGiven = 'queue' in gpu
  const device = isGiven ? gpu : await requestGpuDevice(gpu)
  const shared: Shared = { device, features: { ...featuresOf(device), ...assume }, compiled: compiledFor(device), weights: new Map() }
  const prepared = new Map<Instance, Prepared>()
  let lost: string | undefined
  let uncaptured: string | undefined
  let isDisposed = false
  void device.lost.then(({ message }) => (lost = message || 'no reason given'))
  // On a GPU of the caller's such errors may be others'.
  if (!isGiven) device.addEventListener('uncapturederror', ({ error }) => (uncaptured ??= error.message))

  const destroy = (instance: Instance): void => {
    const own = prepared.get(instance)
    prepared.delete(instance)
    for (const buffer of own?.buffers ?? []) buffer.destroy()
    own?.profile?.queries.destroy()
  }
  const ready = async (instance: Instance): Promise<Prepared> => {
    refresh(instance)
    let own = prepared.get(instance)
    if (own === undefined) {
      own = await prepare(shared, instance)
      prepared.set(instance, own)
      if (isDisposed) destroy(instance)
    }
    if (isDisposed) throw disposed()
    return own
  }
  const checkGpu = (): void => {
    if (lost !== undefined) throw new MleError('DEVICE_LOST', `the GPU was lost (${lost}); load the model again`)
    if (uncaptured !== undefined) {
      const message = uncaptured
      uncaptured = undefined
      throw new MleError('DEVICE_GPU', `the GPU reported an error: ${message}`)
    }
  }
  /** Runs on the GPU; whatever fails because it was lost says so. */
  const attempt = async <T>(instance: Instance, run: (own: Prepared) => Promise<T>): Promise<T> => {
    checkGpu()
    try {
      const result = await run(await ready(instance))
      checkGpu()
      return result
    } catch (error) {
      // The news of the loss may be a turn behind the failure.
      await new Promise((turn) => setTimeout(turn, 0))
      if (isDisposed) throw disposed()
      if (lost !== undefined) checkGpu()
      throw error
    } finally {
      clearTransients(instance)
    }
  }
  const accelerator: Accelerator = {
    accelerate: acceleratorOf(kernels, shared.features),
    run: (instance, transfer) => attempt(instance, (own) => execute(shared, own, instance, transfer)),
    profile: (instance, transfer) =>
      attempt(instance, async (own) => {
        const times: StepTime[] = []
        await execute(shared, own, instance, transfer, times)
        return times
      }),
    describe: (instance) => describe(instance, shared.features),
    read: (input) => readTensor(device, input, storageFor('the buffer', input.dtype, shared.features.half)),
    put: (tensor, into) => putTensor(device, tensor, into, shared.features.half),
    release: destroy,
  }
  const arena = bufferArena(limits.maxMemoryBytes)
  return {
    name: 'webgpu',
    arena,
    scratch: heapScratch(limits, arena),
    accelerator,
    gpu: device,
    dispose() {
      isDisposed = true
      for (const instance of prepared.keys()) destroy(instance)
      for (const buffer of shared.weights.values()) buffer.destroy()
      shared.weights.clear()
      if (!isGiven) device.destroy()
    },
  }
}

function disposed(): MleError {
  return new MleError('MODEL_DISPOSED', 'the model was disposed while it ran')
}

/** Asks the kernel of a step, once the device can hold all its values. */
function acceleratorOf(kernels: GpuKernelTable, features: GpuFeatures): NonNullable<BindOptions['accelerate']> {
  return (step, inputs, outputs, constants) => {
    const { node } = step
    const kernel = kernels.get(opKey(node.domain, node.op))
    if (kernel === undefined) return 'no kernel for this operator'
    let windows = 0
    for (const view of [...inputs, ...outputs]) {
      // Kernels bring constants that the device cannot hold into a form of their own, or decline.
      if (view === undefined || (constants.includes(view) && view.dtype === 'float64')) continue
      const storage = storageOf(view.dtype, features.half)
      if (storage === undefined) return `no storage for ${view.dtype}`
      const bytes = bufferBytes(view.size, storage)
      if (bytes > features.maxBufferBytes) return `a tensor of ${bytes} bytes exceeds the ${features.maxBufferBytes} of the GPU's buffers`
      windows += windowsOf(bytes, features.maxBindingBytes)?.count ?? 1
    }
    const work = kernel({ op: node.op, attributes: node.attributes, inputs, outputs, constants, features })
    if (typeof work === 'string') return work
    const tooMany = `more than ${features.maxBindings} bindings at once`
    if ('expression' in work) return windows > features.maxBindings ? tooMany : work
    for (const dispatch of work) {
      const bindings = [...dispatch.reads, ...dispatch.writes].map((binding) => inWindows(binding, elementsOf(binding, inputs, outputs), features))
      if (bindingCount(bindings) > features.maxBindings) return tooMany
      const whole = bindings.find((binding) => binding.windows !== undefined && (binding.atomic === true || hasRawAccess(dispatch, binding)))
      if (whole?.windows !== undefined) return `a tensor of ${whole.windows.total} bytes exceeds the ${features.maxBindingBytes} that the GPU binds, and its kernel needs it in one piece`
    }
    return work
  }
}

/** What runs where, for tools: segments in order, and why steps are on the host. */
function describe(instance: Instance, features: GpuFeatures): readonly Placement[] {
  const { plan, bound } = instance
  const segments = partition(bound, plan.inputs, plan.outputs)
  const outputs = new Set(plan.outputs.map((id) => bound.rootOf[id]))
  for (const { downloads } of segments) for (const root of downloads) outputs.add(root)
  return segments.map((segment): Placement => {
    const steps = Array.from({ length: segment.end - segment.first }, (_, i) => segment.first + i).map((position) => {
      const { step, declined } = bound.steps[position]
      const node = nodeLabel(step.node, step.index)
      if (segment.place === 'device') return { node }
      return { node, reason: declined ?? (step.host !== undefined ? 'it allocates, or decides shapes' : 'its shape depends on data') }
    })
    return segment.place === 'host' ? { place: 'host', steps } : { place: 'device', steps, dispatches: unitsOf(bound, segment, features, outputs).reduce((sum, { launches }) => sum + launches.length, 0) }
  })
}
