// A bound plan on the GPU: buffers placed from lifetimes, weights uploaded once, dispatches ready to be encoded. Made at the first run of a shape.
import { MleError } from '../error.ts'
import { isView, type View } from '../ops/kernel.ts'
import type { GpuDispatch, GpuFeatures, GpuWindows } from '../ops/webgpu/kernel.ts'
import { bufferBytes, packForDevice, storageOf, type Storage } from '../ops/webgpu/storage.ts'
import { uniformsOf } from '../ops/webgpu/wgsl.ts'
import { COPY_DST, COPY_SRC, MAP_READ, STORAGE, UNIFORM } from '../platform/gpu-constants.ts'
import { checked, layoutOf, pipelineOf, uniformWords, type Shared } from './gpu-compile.ts'
import type { Instance } from './execute.ts'
import { storagesOf, temporaryId, unitBases, unitsOf, type Launch, type Resource, type Unit } from './gpu-units.ts'
import { partition, poolBuffers, type Segment } from './partition.ts'

/** Bytes that one copy to the device takes: the host keeps a copy of each until it has gone over. */
const UPLOAD_BYTES = 16 * 2 ** 20

/** An instance on the GPU. */
export interface Prepared {
  readonly segments: readonly Segment[]
  readonly recorded: readonly Recorded[]
  /** Everything that the instance owns there. */
  readonly buffers: GPUBuffer[]
  /** Storage by root. */
  readonly storage: ReadonlyMap<number, GPUBuffer>
  /** Made at the first profile. */
  profile?: { readonly queries: GPUQuerySet; readonly resolved: GPUBuffer; readonly read: GPUBuffer }
}

/** A segment's dispatches, ready to be encoded, and where its downloads are mapped: by storage, with buffers that hold several. */
export interface Recorded {
  readonly calls: readonly Call[]
  readonly downloads: ReadonlyMap<number, Download>
}

export interface Download {
  readonly staging: GPUBuffer
  readonly offset: number
  readonly bytes: number
}

export interface Call {
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
  readonly workgroups: Call['workgroups']
  readonly words: Uint32Array
  /** Bytes, in the buffer of uniform blocks. */
  readonly offset: number
  readonly pipeline: Promise<GPUComputePipeline>
}

export async function prepare(shared: Shared, instance: Instance): Promise<Prepared> {
  const { device, features } = shared
  const { plan, bound } = instance
  const segments = partition(bound, plan.inputs, plan.outputs)
  const outputs = new Set(plan.outputs.map((id) => bound.rootOf[id]))
  for (const { downloads } of segments) for (const root of downloads) outputs.add(root)
  const units = segments.map((segment) => (segment.place === 'device' ? unitsOf(bound, segment, features, outputs) : []))
  const buffers: GPUBuffer[] = []
  const prepared = checked(shared, async (): Promise<Prepared> => {
    const pool = poolBuffers(storagesOf(bound, segments, units, features))
    const pooled = pool.bytes.map((bytes) => device.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC | COPY_DST }))
    const storage = new Map<number, GPUBuffer>([...pool.bufferOf].map(([id, index]) => [id, pooled[index]]))
    buffers.push(...pooled)

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
          for (const { base, workgroups } of partsOf(launch.dispatch, features)) {
            const words = uniformWords(uniformsOf(launch.dispatch, base))
            pending.push({ segment, unit, index: bases[segment] + i, launch, workgroups, words, offset: uniformBytes, pipeline: pipelineOf(shared, launch.dispatch) })
            uniformBytes += Math.ceil(words.byteLength / align) * align
          }
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
    for (const { segment, unit, index, launch, workgroups, words, offset, pipeline } of pending) {
      const compiled = await pipeline
      const { reads, writes } = launch.dispatch
      const resources = [...reads, ...writes].flatMap(({ storage: own, windows }, i) => piecesOf(bufferOf(launch.resources[i], index, own), windows, features))
      const entries: GPUBindGroupEntry[] = resources.map((resource, binding) => ({ binding, resource }))
      if (uniforms !== undefined && words.length > 0) entries.push({ binding: entries.length, resource: { buffer: uniforms, offset, size: words.byteLength } })
      calls[segment].push({ unit, pipeline: compiled, bindGroup: device.createBindGroup({ layout: layoutOf(shared, launch.dispatch).group, entries }), workgroups })
    }
    const recorded = segments.map(({ downloads }, s): Recorded => ({ calls: calls[s], downloads: stagingFor(downloads) }))
    return { segments, recorded, buffers, storage }

    function stagingFor(roots: readonly number[]): Map<number, Download> {
      const placed: { readonly root: number; readonly group: number; readonly offset: number; readonly bytes: number }[] = []
      const sizes: number[] = []
      for (const root of roots) {
        const bytes = deviceBytes(instance, root, features)
        if (sizes.length === 0 || sizes[sizes.length - 1] + bytes > features.maxBufferBytes) sizes.push(0)
        const group = sizes.length - 1
        placed.push({ root, group, offset: sizes[group], bytes })
        sizes[group] += bytes
      }
      const staging = sizes.map((size) => device.createBuffer({ size, usage: MAP_READ | COPY_DST }))
      buffers.push(...staging)
      return new Map(placed.map(({ root, group, offset, bytes }) => [root, { staging: staging[group], offset, bytes }]))
    }
  })
  return prepared.catch((error: unknown) => {
    for (const buffer of buffers) buffer.destroy()
    throw error
  })
}

/** What a buffer is bound as: whole, or in windows. */
function piecesOf(buffer: GPUBuffer, windows: GpuWindows | undefined, { maxBindingBytes }: GpuFeatures): GPUBufferBinding[] {
  // A buffer may be shared with a larger tensor.
  if (windows === undefined) return [buffer.size > maxBindingBytes ? { buffer, size: maxBindingBytes - (maxBindingBytes % 4) } : { buffer }]
  const { count, bytes, total } = windows
  return Array.from({ length: count }, (_, i) => ({ buffer, offset: i * bytes, size: Math.min(bytes, total - i * bytes) }))
}

interface Part {
  readonly base: readonly [number, number, number]
  readonly workgroups: readonly [number, number, number]
}

/** A dispatch cut into ones within the device's limit. */
function partsOf({ workgroups, inParts }: GpuDispatch, { maxWorkgroups }: GpuFeatures): readonly Part[] {
  if (inParts !== true) return [{ base: [0, 0, 0], workgroups }]
  const parts: Part[] = []
  const [x, y, z] = workgroups
  const part = (from: number, whole: number): number => Math.min(maxWorkgroups, whole - from)
  for (let k = 0; k < z; k += maxWorkgroups) {
    for (let j = 0; j < y; j += maxWorkgroups) {
      for (let i = 0; i < x; i += maxWorkgroups) parts.push({ base: [i, j, k], workgroups: [part(i, x), part(j, y), part(k, z)] })
    }
  }
  return parts
}

function found(buffer: GPUBuffer | undefined): GPUBuffer {
  if (buffer === undefined) throw new MleError('INTERNAL', 'a value of the device has no buffer')
  return buffer
}

export function tooWide(name: string, { dtype }: View): MleError {
  return new MleError('DEVICE_INT64', `value ${JSON.stringify(name)} holds a number of ${dtype} that 32 bits do not hold, and WebGPU has no 64-bit integers; use device 'cpu' or 'wasm'`, { expected: 'int32', actual: dtype })
}

export function writeChunks(device: GPUDevice, buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer>): void {
  for (let at = 0; at < bytes.byteLength; at += UPLOAD_BYTES) device.queue.writeBuffer(buffer, at, bytes, at, Math.min(UPLOAD_BYTES, bytes.byteLength - at))
}

export function hostView(instance: Instance, root: number): View {
  const view = instance.bound.frame[root]
  if (!isView(view)) throw new MleError('INTERNAL', 'a value that crosses to the host has no view')
  return view
}

export function storageOfView({ dtype }: View, features: GpuFeatures): Storage {
  const storage = storageOf(dtype, features.half)
  if (storage === undefined) throw new MleError('INTERNAL', `${dtype} has no storage on the device`)
  return storage
}

export function deviceBytes(instance: Instance, root: number, features: GpuFeatures): number {
  const view = hostView(instance, root)
  return bufferBytes(view.size, storageOfView(view, features))
}

