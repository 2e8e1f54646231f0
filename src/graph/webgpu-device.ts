// The webgpu device: buffers, pipelines and the asynchronous executor of bound plans whose steps run partly on a GPU.
import { MleError } from '../error.ts'
import { isView, opKey, type View } from '../ops/kernel.ts'
import type { GpuDispatch, GpuFeatures, GpuKernelTable, GpuUniform } from '../ops/webgpu/kernel.ts'
import { bufferBytes, packForDevice, storageOf, unpackFromDevice, type Storage } from '../ops/webgpu/storage.ts'
import { shaderText } from '../ops/webgpu/wgsl.ts'
import { requestGpuDevice } from '../platform/gpu.ts'
import { bufferArena } from './arena.ts'
import type { BindOptions } from './bind.ts'
import type { Accelerator, Device, Placement, StepTime, TransferOptions } from './device.ts'
import { clearTransients, refresh, runSteps, type Instance } from './execute.ts'
import { storagesOf, temporaryId, unitBases, unitsOf, type Launch, type Resource, type Unit } from './gpu-units.ts'
import { atNode, nodeLabel } from './infer.ts'
import { partition, poolBuffers, type Segment } from './partition.ts'
import { heapScratch } from './scratch.ts'

// GPUBufferUsage and GPUMapMode by value: Dawn's bindings for Node do not put the names into the global scope.
const MAP_READ = 0x0001
const COPY_SRC = 0x0004
const COPY_DST = 0x0008
const UNIFORM = 0x0040
const STORAGE = 0x0080
const QUERY_RESOLVE = 0x0200
const READ_MODE = 0x0001
/** GPUShaderStage. */
const COMPUTE = 0x0004
/** Bytes that one copy to the device takes: the host keeps a copy of each until it has gone over. */
const UPLOAD_BYTES = 16 * 2 ** 20
/** A large chip has about so many processors. */
const BUSY_WORKGROUPS = 128
/** What a query set holds. */
const MAX_TIMESTAMPS = 4096

/** Pipelines by shader text, and the layouts of their bindings: shared by all models on a GPU. */
interface Compiled {
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>
  readonly layouts: Map<string, Layout>
}

const compiledOn = /* @__PURE__ */ new WeakMap<GPUDevice, Compiled>()

function compiledFor(device: GPUDevice): Compiled {
  let compiled = compiledOn.get(device)
  if (compiled === undefined) compiledOn.set(device, (compiled = { pipelines: new Map(), layouts: new Map() }))
  return compiled
}

/** What a model holds on its GPU, shared by its instances. */
interface Shared extends Compiled {
  readonly device: GPUDevice
  readonly features: GpuFeatures
  /** Constants of the model and data of kernels by their array. */
  readonly weights: Map<object, GPUBuffer>
}

/**
 * A device over the host's GPU.
 *
 * @param gpu given by callers that share theirs; requested from the host otherwise
 * @param assume features in place of those that the GPU says, for tests
 * @throws MleError DEVICE_UNAVAILABLE where the host has none
 */
export async function createWebgpuDevice(kernels: GpuKernelTable, maxBytes: number, gpu?: GPUDevice, assume: Partial<GpuFeatures> = {}): Promise<Device> {
  const device = gpu ?? (await requestGpuDevice())
  const shared: Shared = { device, features: { ...featuresOf(device), ...assume }, ...compiledFor(device), weights: new Map() }
  const prepared = new Map<Instance, Prepared>()
  let lost: string | undefined
  void device.lost.then(({ message }) => (lost = message || 'no reason given'))

  const ready = async (instance: Instance): Promise<Prepared> => {
    if (lost !== undefined) throw new MleError('DEVICE_LOST', `the GPU was lost (${lost}); load the model again`)
    refresh(instance)
    let own = prepared.get(instance)
    if (own === undefined) {
      own = await prepare(shared, instance)
      prepared.set(instance, own)
    }
    return own
  }
  const accelerator: Accelerator = {
    accelerate: acceleratorOf(kernels, shared.features),
    async run(instance, transfer = {}) {
      const own = await ready(instance)
      try {
        await execute(shared, own, instance, transfer)
      } catch (error) {
        if (lost !== undefined) throw new MleError('DEVICE_LOST', `the GPU was lost (${lost}); load the model again`)
        throw error
      } finally {
        clearTransients(instance)
      }
    },
    async profile(instance) {
      const own = await ready(instance)
      const times: StepTime[] = []
      try {
        await execute(shared, own, instance, {}, times)
      } finally {
        clearTransients(instance)
      }
      return times
    },
    describe: (instance) => describe(instance, shared.features),
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
    gpu: device,
    dispose() {
      for (const own of prepared.values()) for (const buffer of own.buffers) buffer.destroy()
      for (const buffer of shared.weights.values()) buffer.destroy()
      prepared.clear()
      shared.weights.clear()
      if (gpu === undefined) device.destroy()
    },
  }
}

function featuresOf({ features, limits, adapterInfo }: GPUDevice): GpuFeatures {
  return {
    half: features.has('shader-f16'),
    software: isSoftware(adapterInfo),
    busyWorkgroups: BUSY_WORKGROUPS,
    maxBindings: limits.maxStorageBuffersPerShaderStage,
    maxBindingBytes: Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize),
    maxWorkgroupBytes: limits.maxComputeWorkgroupStorageSize,
  }
}

/** Devices from browsers of before 2025 do not say what they are on. */
function isSoftware(info: GPUAdapterInfo | undefined): boolean {
  return info !== undefined && (info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.vendor} ${info.architecture} ${info.description}`))
}

/** Asks the kernel of a step, once the device can hold all its values. */
function acceleratorOf(kernels: GpuKernelTable, features: GpuFeatures): NonNullable<BindOptions['accelerate']> {
  return (step, inputs, outputs, constants) => {
    const { node } = step
    const kernel = kernels.get(opKey(node.domain, node.op))
    if (kernel === undefined) return 'no kernel for this operator'
    for (const view of [...inputs, ...outputs]) {
      // Kernels bring constants that the device cannot hold into a form of their own, or decline.
      if (view === undefined || (constants.includes(view) && view.dtype === 'float64')) continue
      const storage = storageOf(view.dtype, features.half)
      if (storage === undefined) return `no storage for ${view.dtype}`
      const bytes = bufferBytes(view.size, storage)
      if (bytes > features.maxBindingBytes) return `a tensor of ${bytes} bytes exceeds the ${features.maxBindingBytes} that the GPU binds`
    }
    const work = kernel({ op: node.op, attributes: node.attributes, inputs, outputs, constants, features })
    if (typeof work === 'string' || 'expression' in work) return work
    if (work.some(({ reads, writes }) => reads.length + writes.length > features.maxBindings)) return `more than ${features.maxBindings} tensors at once`
    return work
  }
}

/** Runs `make` with the GPU's errors caught: they come later and elsewhere otherwise. */
async function checked<T>(device: GPUDevice, make: () => Promise<T>): Promise<T> {
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

/** An instance on the GPU. */
interface Prepared {
  readonly segments: readonly Segment[]
  readonly recorded: readonly Recorded[]
  /** Everything that the instance owns there. */
  readonly buffers: GPUBuffer[]
  /** Storage by root. */
  readonly storage: ReadonlyMap<number, GPUBuffer>
  /** Made at the first profile. */
  profile?: { readonly queries: GPUQuerySet; readonly resolved: GPUBuffer; readonly read: GPUBuffer }
}

/** A segment's dispatches, ready to be encoded, and where its downloads are mapped. */
interface Recorded {
  readonly calls: readonly Call[]
  readonly staging?: GPUBuffer
}

interface Call {
  readonly unit: Unit
  readonly pipeline: GPUComputePipeline
  readonly bindGroup: GPUBindGroup
  readonly workgroups: readonly [number, number, number]
}

/** A dispatch whose pipeline is being compiled. */
interface Pending {
  readonly segment: number
  readonly unit: Unit
  /** Number of the unit in the whole run. */
  readonly index: number
  readonly launch: Launch
  readonly words: Uint32Array
  /** Bytes, in the buffer of uniform blocks. */
  readonly offset: number
  readonly pipeline: Promise<GPUComputePipeline>
}

async function prepare(shared: Shared, instance: Instance): Promise<Prepared> {
  const { device, features } = shared
  const { plan, bound } = instance
  const segments = partition(bound, plan.inputs, plan.outputs)
  const outputs = new Set(plan.outputs.map((id) => bound.rootOf[id]))
  for (const { downloads } of segments) for (const root of downloads) outputs.add(root)
  const units = segments.map((segment) => (segment.place === 'device' ? unitsOf(bound, segment, features, outputs) : []))
  return checked(device, async () => {
    const pool = poolBuffers(storagesOf(bound, segments, units, features))
    const pooled = pool.bytes.map((bytes) => device.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC | COPY_DST }))
    const storage = new Map<number, GPUBuffer>([...pool.bufferOf].map(([id, index]) => [id, pooled[index]]))
    const buffers = [...pooled]

    const upload = (key: object, bytes: Uint8Array<ArrayBuffer>, isOwn: boolean): GPUBuffer => {
      let buffer = shared.weights.get(key)
      if (buffer === undefined) {
        buffer = device.createBuffer({ size: bytes.byteLength, usage: STORAGE | COPY_DST })
        writeChunks(device, buffer, bytes)
        // Constants of the plan are shared by its instances; values folded for these shapes belong to this one.
        if (isOwn) buffers.push(buffer)
        else shared.weights.set(key, buffer)
      }
      return buffer
    }
    const folded = new Map<View, GPUBuffer>()
    const bufferOf = (resource: Resource, unit: number, own: Storage): GPUBuffer => {
      if ('root' in resource) return found(storage.get(resource.root))
      if ('temporary' in resource) return found(storage.get(temporaryId(unit, resource.temporary)))
      if ('data' in resource) {
        const { data } = resource
        return upload(data, data.byteLength === 0 ? new Uint8Array(4) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength), !resource.shared)
      }
      const view = bound.frame[resource.value]
      if (!isView(view)) throw new MleError('INTERNAL', `value ${plan.names[resource.value]} has no storage`)
      const isOwn = !plan.constants.has(resource.value)
      const before = folded.get(view)
      if (before !== undefined) return before
      const known = shared.weights.get(view)
      if (known !== undefined) return known
      const bytes = packForDevice(view, own)
      if (bytes === undefined) throw tooWide(plan.names[resource.value], view)
      const buffer = upload(view, bytes, isOwn)
      if (isOwn) folded.set(view, buffer)
      return buffer
    }

    // One buffer holds the uniform blocks of all dispatches, each at an offset that every device accepts.
    const align = device.limits.minUniformBufferOffsetAlignment
    let uniformBytes = 0
    const pending: Pending[] = []
    const bases = unitBases(units)
    units.forEach((own, segment) => {
      own.forEach((unit, i) => {
        for (const launch of unit.launches) {
          const words = uniformWords(launch.dispatch.uniforms)
          pending.push({ segment, unit, index: bases[segment] + i, launch, words, offset: uniformBytes, pipeline: pipelineOf(shared, launch.dispatch) })
          uniformBytes += Math.ceil(words.byteLength / align) * align
        }
      })
    })
    // Nobody waits for the others while the first is awaited: a failure must not be an unhandled rejection.
    for (const { pipeline } of pending) pipeline.catch(() => undefined)
    const uniforms = uniformBytes === 0 ? undefined : device.createBuffer({ size: uniformBytes, usage: UNIFORM | COPY_DST })
    if (uniforms !== undefined) {
      buffers.push(uniforms)
      const all = new Uint32Array(uniformBytes / 4)
      for (const { words, offset } of pending) all.set(words, offset / 4)
      device.queue.writeBuffer(uniforms, 0, all)
    }
    const calls = segments.map((): Call[] => [])
    for (const { segment, unit, index, launch, words, offset, pipeline } of pending) {
      const compiled = await pipeline
      const { reads, writes, workgroups } = launch.dispatch
      const entries: GPUBindGroupEntry[] = [...reads, ...writes].map((binding, i) => ({ binding: i, resource: { buffer: bufferOf(launch.resources[i], index, binding.storage) } }))
      if (uniforms !== undefined && words.length > 0) entries.push({ binding: entries.length, resource: { buffer: uniforms, offset, size: words.byteLength } })
      calls[segment].push({ unit, pipeline: compiled, bindGroup: device.createBindGroup({ layout: layoutOf(shared, launch.dispatch).group, entries }), workgroups })
    }
    const recorded = segments.map(({ downloads }, s): Recorded => {
      if (downloads.length === 0) return { calls: calls[s] }
      const size = downloads.reduce((sum, root) => sum + deviceBytes(instance, root, features), 0)
      const staging = device.createBuffer({ size, usage: MAP_READ | COPY_DST })
      buffers.push(staging)
      return { calls: calls[s], staging }
    })
    return { segments, recorded, buffers, storage }
  })
}

function found(buffer: GPUBuffer | undefined): GPUBuffer {
  if (buffer === undefined) throw new MleError('INTERNAL', 'a value of the device has no buffer')
  return buffer
}

function tooWide(name: string, { dtype }: View): MleError {
  return new MleError('DEVICE_INT64', `value ${JSON.stringify(name)} holds a number of ${dtype} that 32 bits do not hold, and WebGPU has no 64-bit integers; use device 'cpu' or 'wasm'`, { expected: 'int32', actual: dtype })
}

/** The pipeline of a shader, compiled once. A compiler's complaint is ours: the text is generated. */
function pipelineOf(shared: Shared, dispatch: GpuDispatch): Promise<GPUComputePipeline> {
  const { device, pipelines } = shared
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

/** The layout of a dispatch's bindings. Written out, because an automatic one leaves out what a shader happens not to use. */
function layoutOf({ device, layouts }: Shared, { reads, writes, uniforms }: GpuDispatch): Layout {
  const key = `${reads.length},${writes.length},${uniforms.length === 0 ? 0 : 1}`
  let layout = layouts.get(key)
  if (layout === undefined) {
    const types: GPUBufferBindingType[] = [...reads.map((): GPUBufferBindingType => 'read-only-storage'), ...writes.map((): GPUBufferBindingType => 'storage')]
    if (uniforms.length > 0) types.push('uniform')
    const group = device.createBindGroupLayout({ entries: types.map((type, binding) => ({ binding, visibility: COMPUTE, buffer: { type } })) })
    layout = { group, pipeline: device.createPipelineLayout({ bindGroupLayouts: [group] }) }
    layouts.set(key, layout)
  }
  return layout
}

/** The words of a uniform block, a multiple of 16 bytes as its type is laid out. */
function uniformWords(uniforms: readonly GpuUniform[]): Uint32Array {
  const words = new Uint32Array(Math.ceil(uniforms.length / 4) * 4)
  const floats = new Float32Array(words.buffer)
  uniforms.forEach(({ type, value }, i) => {
    if (type === 'f32') floats[i] = value
    else words[i] = value
  })
  return words
}

function writeChunks(device: GPUDevice, buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer>): void {
  for (let at = 0; at < bytes.byteLength; at += UPLOAD_BYTES) device.queue.writeBuffer(buffer, at, bytes, at, Math.min(UPLOAD_BYTES, bytes.byteLength - at))
}

function hostView(instance: Instance, root: number): View {
  const view = instance.bound.frame[root]
  if (!isView(view)) throw new MleError('INTERNAL', 'a value that crosses to the host has no view')
  return view
}

function storageOfView({ dtype }: View, features: GpuFeatures): Storage {
  const storage = storageOf(dtype, features.half)
  if (storage === undefined) throw new MleError('INTERNAL', `${dtype} has no storage on the device`)
  return storage
}

function deviceBytes(instance: Instance, root: number, features: GpuFeatures): number {
  const view = hostView(instance, root)
  return bufferBytes(view.size, storageOfView(view, features))
}

/** One submission for each device segment; the host waits only where a host step, or the caller, reads what it computes. */
async function execute(shared: Shared, own: Prepared, instance: Instance, transfer: TransferOptions, times?: StepTime[]): Promise<void> {
  const { device, features } = shared
  const { steps } = instance.bound
  for (let s = 0; s < own.segments.length; s++) {
    const segment = own.segments[s]
    if (segment.place === 'host') {
      const start = performance.now()
      runSteps(instance, segment.first, segment.end)
      if (times !== undefined) times.push({ steps: labels(instance, range(segment)), place: 'host', ms: performance.now() - start })
      continue
    }
    const { calls, staging } = own.recorded[s]
    const encoder = device.createCommandEncoder()
    for (const root of segment.uploads) {
      const buffer = own.storage.get(root)
      if (buffer === undefined) continue
      const source = transfer.inputs?.get(root)
      if (source !== undefined) {
        encoder.copyBufferToBuffer(source, 0, buffer, 0, deviceBytes(instance, root, features))
        continue
      }
      const view = hostView(instance, root)
      const bytes = packForDevice(view, storageOfView(view, features))
      if (bytes === undefined) throw tooWide(instance.plan.names[root], view)
      writeChunks(device, buffer, bytes)
    }
    if (times === undefined) {
      const pass = encoder.beginComputePass()
      for (let i = 0; i < calls.length; i++) encode(pass, calls[i])
      pass.end()
    } else await profileCalls(shared, own, instance, calls, times)
    let offset = 0
    let isRead = false
    for (const root of segment.downloads) {
      const buffer = own.storage.get(root)
      const bytes = deviceBytes(instance, root, features)
      const target = transfer.outputs?.get(root)
      if (buffer !== undefined && target !== undefined) encoder.copyBufferToBuffer(buffer, 0, target, 0, bytes)
      else if (buffer !== undefined && staging !== undefined && hostView(instance, root).size > 0) {
        encoder.copyBufferToBuffer(buffer, 0, staging, offset, bytes)
        isRead = true
      }
      offset += bytes
    }
    device.queue.submit([encoder.finish()])
    if (staging !== undefined && isRead) await readBack(staging, segment, instance, steps[segment.end - 1], features, transfer)
  }
}

function encode(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: Call): void {
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, bindGroup)
  pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2])
}

async function readBack(staging: GPUBuffer, segment: Segment, instance: Instance, last: Instance['bound']['steps'][number], features: GpuFeatures, transfer: TransferOptions): Promise<void> {
  try {
    await staging.mapAsync(READ_MODE)
  } catch (error) {
    throw atNode(new MleError('DEVICE_GPU', `the GPU did not give its results back: ${error instanceof Error ? error.message : String(error)}`), last.step.node, last.step.index)
  }
  const mapped = new Uint8Array(staging.getMappedRange())
  let offset = 0
  for (const root of segment.downloads) {
    const view = hostView(instance, root)
    const bytes = deviceBytes(instance, root, features)
    if (view.size > 0 && transfer.outputs?.has(root) !== true) unpackFromDevice(mapped.subarray(offset, offset + bytes), view, storageOfView(view, features))
    offset += bytes
  }
  staging.unmap()
}

/** Each unit in a pass of its own between two timestamps; where the device has none, the host's clock around a submission. */
async function profileCalls(shared: Shared, own: Prepared, instance: Instance, calls: readonly Call[], times: StepTime[]): Promise<void> {
  const { device } = shared
  if (calls.length === 0) return
  const count = 2 * Math.max(...own.recorded.map((recorded) => recorded.calls.length))
  const isTimed = device.features.has('timestamp-query') && count <= MAX_TIMESTAMPS
  if (isTimed && own.profile === undefined) {
    const bytes = count * 8
    own.profile = {
      queries: device.createQuerySet({ type: 'timestamp', count }),
      resolved: device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC }),
      read: device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST }),
    }
    own.buffers.push(own.profile.resolved, own.profile.read)
  }
  if (!isTimed || own.profile === undefined) {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (const call of calls) encode(pass, call)
    pass.end()
    const start = performance.now()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    times.push({ steps: labels(instance, calls.flatMap(({ unit }) => unit.steps)), place: 'device', ms: performance.now() - start })
    return
  }
  const { queries, resolved, read } = own.profile
  const timed = device.createCommandEncoder()
  calls.forEach((call, i) => {
    const pass = timed.beginComputePass({ timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 } })
    encode(pass, call)
    pass.end()
  })
  timed.resolveQuerySet(queries, 0, 2 * calls.length, resolved, 0)
  timed.copyBufferToBuffer(resolved, 0, read, 0, 16 * calls.length)
  device.queue.submit([timed.finish()])
  await read.mapAsync(READ_MODE, 0, 16 * calls.length)
  const stamps = new BigUint64Array(read.getMappedRange(0, 16 * calls.length))
  let unit: Unit | undefined
  calls.forEach((call, i) => {
    const ms = Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6
    const last = times.at(-1)
    if (call.unit === unit && last !== undefined) times[times.length - 1] = { ...last, ms: last.ms + ms }
    else times.push({ steps: labels(instance, call.unit.steps), place: 'device', ms })
    unit = call.unit
  })
  read.unmap()
}

function range({ first, end }: Segment): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i)
}

function labels({ bound }: Instance, positions: readonly number[]): string[] {
  return positions.map((position) => nodeLabel(bound.steps[position].step.node, bound.steps[position].step.index))
}

/** What runs where, for tools: segments in order, and why steps are on the host. */
function describe(instance: Instance, features: GpuFeatures): readonly Placement[] {
  const { plan, bound } = instance
  const segments = partition(bound, plan.inputs, plan.outputs)
  const outputs = new Set(plan.outputs.map((id) => bound.rootOf[id]))
  for (const { downloads } of segments) for (const root of downloads) outputs.add(root)
  return segments.map((segment): Placement => {
    const steps = range(segment).map((position) => {
      const { step, declined } = bound.steps[position]
      const node = nodeLabel(step.node, step.index)
      if (segment.place === 'device') return { node }
      return { node, reason: declined ?? (step.host !== undefined ? 'it allocates, or decides shapes' : 'its shape depends on data') }
    })
    return segment.place === 'host' ? { place: 'host', steps } : { place: 'device', steps, dispatches: unitsOf(bound, segment, features, outputs).reduce((sum, { launches }) => sum + launches.length, 0) }
  })
}
