// Plans per set of outputs, bound shapes per plan, and runs over them on the host.
import { asMemoryLimit, MleError } from './error.ts'
import type { Fed, Feed } from './feed.ts'
import type { Device } from './graph/device.ts'
import { createWorkspace, disposeWorkspace, instantiate, refresh, releaseInstance, runInstance, type Instance, type Workspace } from './graph/execute.ts'
import type { Graph } from './graph/graph.ts'
import { planGraph, type Plan } from './graph/plan.ts'
import { isView, tensorOfView, viewOfTensor, type Value, type View } from './ops/kernel.ts'
import type { OperatorSet } from './ops/packs.ts'
import { isTensorType, type ValueType } from './ops/types.ts'
import { allocateData } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'

/** Bound shapes kept per plan. */
const MAX_INSTANCES = 16
/** Rows that a row-independent plan takes at once: activations stay in cache and memory stays flat for any batch. */
const BLOCK_ROWS = 256
/** Activations of one row block; fewer rows are taken at once where a row needs more. */
const BLOCK_BYTES = 64 * 2 ** 20
/** Activations of a batch that is no larger than a row block; with more, as of wide vectorizers, it is taken in blocks too. */
const BATCH_BYTES = 512 * 2 ** 20

/** What an output can be: a tensor; for ONNX's container types an array, a Map, or null. */
export type OutputValue = Tensor | readonly OutputValue[] | ReadonlyMap<string | number, OutputValue> | null

/** Outputs by name; the prototype is null, so any name is safe. */
export type OutputRecord = { readonly [name: string]: Tensor }

export interface RunOptions {
  /** Names of the outputs wanted; all but explanations (method contributions) by default. Only what they need is computed. */
  readonly outputs?: readonly string[]
  /**
   * Stops a run: between blocks of rows; with `load(..., { worker: true })` at once, as the thread is ended and another one started. On the caller's
   * own thread nothing fires while a block is computed: `limits.maxIterations` ends loops there.
   */
  readonly signal?: AbortSignal
  /**
   * On webgpu: outputs that stay on the GPU, as `GpuTensor`s for the next run or another model there; true for all, names, or names with buffers of
   * yours to write into. The rest is read back as usual.
   */
  readonly onDevice?: boolean | readonly string[] | Readonly<Record<string, GPUBuffer>>
}

/** A plan for some outputs, and its bound shapes by key. */
export interface PlanEntry {
  readonly plan: Plan
  readonly names: readonly string[]
  readonly instances: Map<string, Instance>
  last: Instance | undefined
}

/** The runs of one model on one device. */
export class Runs {
  readonly graph: Graph
  readonly device: Device
  readonly workspace: Workspace
  /** Instances that sessions own. */
  readonly sessions: Set<Instance> = new Set()
  readonly #operators: OperatorSet
  readonly #plans = new Map<string, PlanEntry>()
  #disposed = false

  constructor(graph: Graph, device: Device, operators: OperatorSet) {
    this.graph = graph
    this.device = device
    this.workspace = createWorkspace(device.arena, device.weights, device.scratch)
    this.#operators = operators
  }

  get isDisposed(): boolean {
    return this.#disposed
  }

  /** Bytes of inputs and outputs of bound shapes and sessions. */
  get ioBytes(): number {
    let bytes = 0
    for (const { instances } of this.#plans.values()) for (const instance of instances.values()) bytes += instance.io.byteLength
    for (const instance of this.sessions) bytes += instance.io.byteLength
    return bytes
  }

  dispose(): void {
    this.#disposed = true
    for (const { instances } of this.#plans.values()) for (const instance of instances.values()) this.#release(instance)
    for (const instance of this.sessions) releaseInstance(instance)
    this.#plans.clear()
    this.sessions.clear()
    disposeWorkspace(this.workspace)
  }

  checkAlive(): void {
    if (this.#disposed) throw new MleError('MODEL_DISPOSED', 'the model was disposed; load it again')
  }

  planFor(outputs: readonly string[] | undefined): PlanEntry {
    const names = outputs ?? defaultOutputs(this.graph)
    const key = names.join('\0')
    let entry = this.#plans.get(key)
    if (entry === undefined) {
      const plan = planGraph(this.graph, names, { schemas: this.#operators.schemas, cpu: this.#operators.cpu, preferred: this.device.preferred, fuse: this.device.fuse, weights: this.device.weights, scratch: this.device.scratch })
      entry = { plan, names, instances: new Map(), last: undefined }
      this.#plans.set(key, entry)
    }
    return entry
  }

  /** The bound plan for the feeds' shapes, or for `rows` rows of them; where its activations take more than `maxBytes`, only how many. */
  instanceFor(entry: PlanEntry, fed: readonly Fed[], rows: number | undefined): Instance
  instanceFor(entry: PlanEntry, fed: readonly Fed[], rows: number | undefined, maxBytes: number): Instance | number
  instanceFor(entry: PlanEntry, fed: readonly Fed[], rows: number | undefined, maxBytes: number = Infinity): Instance | number {
    const { last } = entry
    if (last !== undefined && fits(last, fed, rows)) return last
    const types = fed.map((feed, i): ValueType => {
      const { type } = this.graph.inputs[i]
      if ('value' in feed || !isTensorType(type)) return type
      return { dtype: type.dtype, shape: rows === undefined ? feed.shape : [rows, ...feed.shape.slice(1)] }
    })
    const key = types.map((type) => (isTensorType(type) ? type.shape?.join() : '')).join(';')
    let instance = entry.instances.get(key)
    if (instance === undefined) {
      const made = instantiate(entry.plan, this.workspace, types, 'io', this.device.accelerator?.accelerate, maxBytes)
      if (typeof made === 'number') return made
      instance = made
      if (entry.instances.size >= MAX_INSTANCES) {
        const [oldest, evicted] = entry.instances.entries().next().value as [string, Instance]
        entry.instances.delete(oldest)
        this.#release(evicted)
      }
    } else entry.instances.delete(key)
    entry.instances.set(key, instance)
    entry.last = instance
    return instance
  }

  /** Equal symbols must be equal counts across inputs. */
  checkSymbols(fed: readonly Fed[]): void {
    if (fed.length < 2) return
    const counts = new Map<string, number>()
    this.graph.inputs.forEach(({ name, type }, i) => {
      const feed = fed[i]
      if ('value' in feed || !isTensorType(type)) return
      type.shape?.forEach((dim, axis) => {
        if (typeof dim !== 'string') return
        const before = counts.get(dim)
        if (before === undefined) counts.set(dim, feed.shape[axis])
        else if (before !== feed.shape[axis]) {
          throw new MleError('INPUT_SHAPE', `input ${JSON.stringify(name)}: dimension ${axis} ("${dim}") is ${feed.shape[axis]}, but another input has ${before}`, { section: `input ${name}`, expected: before, actual: feed.shape[axis] })
        }
      })
    })
  }

  /** Rows that are taken at once, and an instance for them. */
  blocksOf(entry: PlanEntry, fed: readonly Feed[], rows: number): { blockRows: number; instance: Instance } {
    const blockRows = Math.min(rows, BLOCK_ROWS)
    const instance = this.instanceFor(entry, fed, blockRows, BLOCK_BYTES)
    if (typeof instance !== 'number') return { blockRows, instance }
    const fewer = Math.max(1, Math.floor((blockRows * BLOCK_BYTES) / instance))
    return { blockRows: fewer, instance: this.instanceFor(entry, fed, fewer) }
  }

  checkSync(): void {
    if (this.device.accelerator !== undefined) throw new MleError('DEVICE_ASYNC', `device ${this.device.name} computes asynchronously: use run(), or device 'cpu' or 'wasm'`, { actual: this.device.name })
  }

  #release(instance: Instance): void {
    this.device.accelerator?.release(instance)
    releaseInstance(instance)
  }

  /** Computes on the host. */
  execute(feeds: ReadonlyMap<string, Fed>, options: RunOptions): OutputRecord {
    try {
      return this.#execute(feeds, options)
    } catch (error) {
      throw asMemoryLimit(error)
    }
  }

  #execute(feeds: ReadonlyMap<string, Fed>, options: RunOptions): OutputRecord {
    this.checkSync()
    if (options.signal?.aborted) throw new MleError('RUN_ABORTED', 'the run was aborted before it began', { cause: options.signal.reason })
    if (options.onDevice) throw new MleError('DEVICE_BUFFER_HOST', `outputs stay on a GPU only where the model is: device ${this.device.name} has none; load it with device: 'webgpu'`, { expected: 'webgpu', actual: this.device.name })
    const entry = this.planFor(options.outputs)
    const fed = this.graph.inputs.map((info) => feeds.get(info.name) as Fed)
    this.checkSymbols(fed)
    const rows = entry.plan.rowSymbol === undefined ? 0 : (fed[0] as Feed).shape[0]
    if (rows > BLOCK_ROWS) return this.#executeBlocks(entry, fed as Feed[], rows, options.signal)
    const instance = this.instanceFor(entry, fed, undefined, rows > 1 ? BATCH_BYTES : Infinity)
    if (typeof instance === 'number') return this.#executeBlocks(entry, fed as Feed[], rows, options.signal)
    fill(instance, fed, 0, undefined)
    runInstance(instance)
    const results = outputsOf(entry, instance)
    // The caller has copies: what is as large as the data want is not kept until the next run.
    for (const id of instance.bound.freshOutputs) instance.bound.frame[id] = undefined
    return results
  }

  #executeBlocks(entry: PlanEntry, fed: readonly Feed[], rows: number, signal: AbortSignal | undefined): OutputRecord {
    const blocks = this.blocksOf(entry, fed, rows)
    const { blockRows } = blocks
    let { instance } = blocks
    let outputs: Tensor[] | undefined
    for (let first = 0; first < rows; first += blockRows) {
      if (signal?.aborted) throw new MleError('RUN_ABORTED', `the run was aborted after ${first} of ${rows} rows`, { cause: signal.reason })
      const count = Math.min(blockRows, rows - first)
      if (count < blockRows) instance = this.instanceFor(entry, fed, count)
      const { frame } = instance.bound
      fill(instance, fed, first, count)
      runInstance(instance)
      outputs ??= entry.plan.outputs.map((id) => wholeOutput(frame[id], rows))
      entry.plan.outputs.forEach((id, i) => copyRows(frame[id] as View, outputs as Tensor[], i, first, count))
    }
    const results = Object.create(null) as Record<string, Tensor>
    entry.names.forEach((name, i) => (results[name] = (outputs as Tensor[])[i]))
    return results
  }
}

/** Every output but those that only explain: they cost far more than a prediction. */
export function defaultOutputs({ outputs, metadata: { methods = [] } }: Graph): readonly string[] {
  const explaining = methods.find(({ name }) => name === 'contributions')?.outputs ?? []
  return outputs.map(({ name }) => name).filter((name) => outputs.length === 1 || !explaining.includes(name))
}

/** Copies of a finished run's outputs by name, but for those that are elsewhere, by position. */
export function outputsOf(entry: PlanEntry, instance: Instance, elsewhere?: ReadonlyMap<number, Tensor>): OutputRecord {
  const { frame } = instance.bound
  const results = Object.create(null) as Record<string, Tensor>
  // Sequence and map outputs exist in ONNX only; the record's type names the common case.
  entry.names.forEach((name, i) => (results[name] = elsewhere?.get(i) ?? (outputOf(frame[entry.plan.outputs[i]]) as Tensor)))
  return results
}

function fits(instance: Instance, fed: readonly Fed[], rows: number | undefined): boolean {
  const { inputTypes } = instance.bound
  for (let i = 0; i < fed.length; i++) {
    const feed = fed[i]
    const shape = inputTypes[i]?.shape
    if ('value' in feed || shape === undefined || shape.length !== feed.shape.length) return false
    for (let axis = 0; axis < shape.length; axis++) {
      if (shape[axis] !== (axis === 0 && rows !== undefined ? rows : feed.shape[axis])) return false
    }
  }
  return true
}

/** Writes the feeds into the instance's inputs, whose memory may have moved since it ran last. */
export function fill(instance: Instance, fed: readonly Fed[], firstRow: number, rows: number | undefined): void {
  refresh(instance)
  const { plan, bound: { frame } } = instance
  for (let i = 0; i < fed.length; i++) {
    const feed = fed[i]
    const id = plan.inputs[i]
    if ('value' in feed) frame[id] = feed.value
    else feed.fill(frame[id] as View, firstRow, rows ?? (feed.shape.length === 0 ? 1 : feed.shape[0]))
  }
}

/** A copy of a value for the caller. */
function outputOf(value: Value | undefined): OutputValue {
  if (value === undefined || value === null) return null
  if (isView(value)) {
    const { dtype, shape, data } = tensorOfView(value)
    return { dtype, shape, data: data.slice() }
  }
  if (Array.isArray(value)) return value.map(outputOf)
  return new Map([...(value as ReadonlyMap<string | number, Value>)].map(([key, item]): [string | number, OutputValue] => [key, outputOf(item)]))
}

export function rowsView(value: Value | undefined): View {
  if (!isView(value)) throw new MleError('GRAPH_ROWS', 'a row-independent plan produced a value without rows')
  return value
}

function wholeOutput(output: Value | undefined, rows: number): Tensor {
  const value = rowsView(output)
  const shape = [rows, ...value.shape.slice(1)]
  return { dtype: value.dtype, shape, data: allocateData(value.dtype, rows * (value.shape[0] === 0 ? 0 : value.size / value.shape[0])) }
}

function copyRows(view: View, outputs: readonly Tensor[], index: number, firstRow: number, rows: number): void {
  const target = viewOfTensor(outputs[index]).data
  const at = firstRow * (view.data.length / rows)
  if (Array.isArray(target)) for (let i = 0; i < view.data.length; i++) target[at + i] = view.data[i] as string | null
  else (target as Float64Array).set(view.data as Float64Array, at)
}
