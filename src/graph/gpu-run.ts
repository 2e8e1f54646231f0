// Runs of prepared instances: transfers, submissions, and outputs that stay on the GPU.
import { MleError } from '../error.ts'
import { isView } from '../ops/kernel.ts'
import { bufferBytes, packForDevice, unpackFromDevice } from '../ops/webgpu/storage.ts'
import { READ_MODE } from '../platform/gpu-constants.ts'
import type { StepTime, Transfer } from './device.ts'
import { runSteps, type Instance } from './execute.ts'
import type { Shared } from './gpu-compile.ts'
import { deviceBytes, hostView, storageOfView, tooWide, writeChunks, type Call, type Download, type Prepared } from './gpu-prepare.ts'
import { stepLabels, timedCalls } from './gpu-profile.ts'
import { blame, checkSource, checkTarget, createTensorBuffer, readTensor, storageFor, tensorOnGpu, type GpuInput, type GpuTensor } from './gpu-tensor.ts'

/** An output that stays: where it is copied to. */
interface Kept {
  readonly position: number
  readonly name: string
  readonly root: number
  readonly given: GPUBuffer | undefined
  /** Written at the end only: the caller's buffer is an input of this run as well, which a later segment may read. */
  readonly isLate: boolean
  buffer?: GPUBuffer
}

/** What one run takes from the caller and leaves to it. */
interface Exchange {
  readonly inputs: ReadonlyMap<number, GpuInput>
  readonly kept: readonly Kept[]
  /** Storages of which the caller wants a copy on the host. */
  readonly asked: ReadonlySet<number>
}

/**
 * One submission for each device segment; the host waits only where a host step, or the caller, reads what it computes.
 *
 * @param times filled with what each step takes, if given
 * @returns outputs that stay on the GPU, by position
 */
export async function execute(shared: Shared, own: Prepared, instance: Instance, transfer: Transfer, times?: StepTime[]): Promise<ReadonlyMap<number, GpuTensor>> {
  const exchange = exchangeOf(shared, own, instance, transfer)
  instance.workspace.scratch.begin()
  try {
    await readHostInputs(shared, own, instance, exchange)
    for (let s = 0; s < own.segments.length; s++) {
      const segment = own.segments[s]
      if (segment.place === 'device') await runSegment(shared, own, instance, s, exchange, times)
      else {
        const start = performance.now()
        runSteps(instance, segment.first, segment.end)
        if (times !== undefined) times.push({ steps: stepLabels(instance, Array.from({ length: segment.end - segment.first }, (_, i) => segment.first + i)), place: 'host', clock: 'host', ms: performance.now() - start })
      }
    }
    if (exchange.kept.length === 0) return NONE
    return await finishKept(shared, instance, exchange)
  } catch (error) {
    for (const { given, buffer } of exchange.kept) if (buffer !== given) buffer?.destroy()
    throw error
  }
}

const NONE: ReadonlyMap<number, GpuTensor> = /* @__PURE__ */ new Map()

function exchangeOf({ features }: Shared, { segments }: Prepared, instance: Instance, { inputs, outputs }: Transfer): Exchange {
  const { plan, bound } = instance
  const read = new Set([...inputs.values()].map(({ gpuBuffer }) => gpuBuffer))
  inputs.forEach((input, root) => {
    if (hostView(instance, root).size > 0) checkSource(`the buffer of input ${JSON.stringify(plan.names[root])}`, input, deviceBytes(instance, root, features))
  })
  const asked = new Set<number>()
  const kept: Kept[] = []
  plan.outputs.forEach((id, position) => {
    const root = bound.rootOf[id]
    const given = outputs.get(position)
    if (outputs.has(position)) kept.push({ position, name: `output ${JSON.stringify(plan.names[id])}`, root, given, isLate: given !== undefined && segments.length > 1 && read.has(given) })
    else if (root >= 0) asked.add(root)
  })
  return { inputs, kept, asked }
}

/** What the caller has on the GPU and steps on the host read, or the caller wants back. */
async function readHostInputs({ device, features }: Shared, { segments }: Prepared, instance: Instance, { inputs, asked }: Exchange): Promise<void> {
  for (const [root, input] of inputs) {
    if (!asked.has(root) && !segments.some(({ hostReads }) => hostReads.includes(root))) continue
    const view = hostView(instance, root)
    const { data } = await readTensor(device, input, storageOfView(view, features))
    if (Array.isArray(view.data) || Array.isArray(data)) continue
    new Uint8Array(view.data.buffer, view.data.byteOffset, view.data.byteLength).set(new Uint8Array((data as Uint8Array).buffer, (data as Uint8Array).byteOffset, view.data.byteLength))
  }
}

async function runSegment(shared: Shared, own: Prepared, instance: Instance, s: number, exchange: Exchange, times: StepTime[] | undefined): Promise<void> {
  const { device, features } = shared
  const segment = own.segments[s]
  const { calls, downloads } = own.recorded[s]
  device.pushErrorScope('validation')
  const wanted: [root: number, download: Download][] = []
  let verdict: Promise<GPUError | null>
  try {
    let encoder = device.createCommandEncoder()
    for (const root of segment.uploads) {
      const buffer = own.storage.get(root)
      if (buffer === undefined) continue
      const source = exchange.inputs.get(root)
      const view = hostView(instance, root)
      if (source !== undefined) {
        if (view.size > 0) encoder.copyBufferToBuffer(source.gpuBuffer, source.byteOffset ?? 0, buffer, 0, deviceBytes(instance, root, features))
        continue
      }
      const bytes = packForDevice(view, storageOfView(view, features))
      if (bytes === undefined) throw tooWide(instance.plan.names[root], view)
      writeChunks(device, buffer, bytes)
    }
    if (times === undefined) encodeAll(encoder, calls)
    else {
      device.queue.submit([encoder.finish()])
      const inputsRefused = device.popErrorScope()
      await refuse(shared, exchange, await inputsRefused)
      times.push(...(await timedCalls(shared, own, instance, calls)))
      device.pushErrorScope('validation')
      encoder = device.createCommandEncoder()
    }
    for (const [root, download] of downloads) {
      const buffer = own.storage.get(root)
      if (buffer === undefined) continue
      for (const target of exchange.kept) if (target.root === root) encoder.copyBufferToBuffer(buffer, 0, targetBuffer(shared, target, download.bytes), 0, download.bytes)
      if (hostView(instance, root).size === 0 || !(exchange.asked.has(root) || own.segments.some(({ hostReads }, later) => later > s && hostReads.includes(root)))) continue
      encoder.copyBufferToBuffer(buffer, 0, download.staging, download.offset, download.bytes)
      wanted.push([root, download])
    }
    device.queue.submit([encoder.finish()])
  } finally {
    verdict = device.popErrorScope()
    verdict.catch(() => undefined)
  }
  const reading = readBack(shared, instance, wanted)
  // The verdict is thrown first; what was read is let go then.
  reading.catch(() => undefined)
  await refuse(shared, exchange, await verdict)
  await reading
}

function encodeAll(encoder: GPUCommandEncoder, calls: readonly Call[]): void {
  const pass = encoder.beginComputePass()
  for (const { pipeline, bindGroup, workgroups } of calls) {
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, bindGroup)
    pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2])
  }
  pass.end()
}

async function refuse({ device }: Shared, { inputs, kept }: Exchange, error: GPUError | null): Promise<void> {
  if (error === null) return
  const given = [...inputs.values()].map(({ gpuBuffer }, i): [string, GPUBuffer] => [`the buffer of GPU input ${i}`, gpuBuffer])
  throw await blame(device, [...given, ...kept.flatMap(({ name, given: buffer }): [string, GPUBuffer][] => (buffer === undefined ? [] : [[`the buffer for ${name}`, buffer]]))], error.message)
}

function targetBuffer({ device }: Shared, target: Kept, bytes: number): GPUBuffer {
  if (target.given !== undefined) checkTarget(`the buffer for ${target.name}`, target.given, bytes)
  return (target.buffer ??= (target.isLate ? undefined : target.given) ?? createTensorBuffer(device, bytes))
}

async function readBack({ features }: Shared, instance: Instance, wanted: readonly (readonly [root: number, download: Download])[]): Promise<void> {
  const buffers = new Set(wanted.map(([, { staging }]) => staging))
  try {
    await Promise.all([...buffers].map((staging) => staging.mapAsync(READ_MODE)))
  } catch (error) {
    throw new MleError('DEVICE_GPU', `the GPU did not give its results back: ${error instanceof Error ? error.message : String(error)}`)
  }
  for (const staging of buffers) {
    const mapped = new Uint8Array(staging.getMappedRange())
    for (const [root, download] of wanted) {
      if (download.staging !== staging) continue
      const view = hostView(instance, root)
      unpackFromDevice(mapped.subarray(download.offset, download.offset + download.bytes), view, storageOfView(view, features))
    }
    staging.unmap()
  }
}

/** Outputs that stay; those that no segment on the device has written come from the host, or are an input of the caller's. */
async function finishKept(shared: Shared, instance: Instance, exchange: Exchange): Promise<ReadonlyMap<number, GpuTensor>> {
  const { device, features } = shared
  const { plan, bound: { frame } } = instance
  const results = new Map<number, GpuTensor>()
  device.pushErrorScope('validation')
  let verdict: Promise<GPUError | null>
  try {
    for (const target of exchange.kept) {
      const value = frame[plan.outputs[target.position]]
      if (!isView(value)) throw new MleError('DEVICE_BUFFER_DTYPE', `${target.name} is no tensor, which alone can stay on a GPU`)
      const { dtype, shape, size } = value
      const storage = storageFor(target.name, dtype, features.half)
      const bytes = bufferBytes(size, storage)
      const isWritten = target.buffer !== undefined
      const buffer = targetBuffer(shared, target, bytes)
      const input = exchange.inputs.get(target.root)
      if (!isWritten && input !== undefined && size > 0) {
        const encoder = device.createCommandEncoder()
        encoder.copyBufferToBuffer(input.gpuBuffer, input.byteOffset ?? 0, buffer, 0, bytes)
        device.queue.submit([encoder.finish()])
      } else if (!isWritten && size > 0) {
        const packed = packForDevice(value, storage)
        if (packed === undefined) throw tooWide(target.name, value)
        writeChunks(device, buffer, packed)
      }
      if (target.isLate && target.given !== undefined) {
        const encoder = device.createCommandEncoder()
        encoder.copyBufferToBuffer(buffer, 0, target.given, 0, bytes)
        device.queue.submit([encoder.finish()])
        buffer.destroy()
      }
      results.set(target.position, tensorOnGpu({ gpu: device, dtype, shape, storage, buffer: target.given ?? buffer, isOwned: target.given === undefined }))
    }
  } finally {
    verdict = device.popErrorScope()
    verdict.catch(() => undefined)
  }
  await refuse(shared, exchange, await verdict)
  return results
}
