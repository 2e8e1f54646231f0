// A loaded model: plans per set of outputs, bound shapes per plan, runs and sessions over them.
import { MleError } from './error.ts'
import { feedOf, type Fed, type Feed, type InputRecord, type InputValue, type RowObject } from './feed.ts'
import type { TableFeeds } from './feed-table.ts'
import type { Accelerated, ModelAccess } from './accelerated.ts'
import type { Device, Placement, StepTime } from './graph/device.ts'
import { createWorkspace, disposeWorkspace, instantiate, refresh, releaseInstance, runInstance, type Instance, type Workspace } from './graph/execute.ts'
import type { GpuTensor } from './graph/gpu-tensor.ts'
import type { Column, Graph, Metadata, ValueInfo } from './graph/graph.ts'
import { nodeLabel } from './graph/infer.ts'
import { planGraph, type Plan } from './graph/plan.ts'
import { isView, tensorOfView, viewOfTensor, type Value, type View } from './ops/kernel.ts'
import type { OperatorSet } from './ops/packs.ts'
import type { Pool, WhyNone } from './pool.ts'
import { LARGE_ROWS, type Promotion } from './promotion.ts'
import { isTensorType, type Dim, type ValueType } from './ops/types.ts'
import { allocateData, bytesPerElement, type DType } from './tensor/dtype.ts'
import { isTensor, type Nested, type Tensor } from './tensor/tensor.ts'

/** Bound shapes kept per plan. */
const MAX_INSTANCES = 16
/** Rows that a row-independent plan takes at once: activations stay in cache and memory stays flat for any batch. */
const BLOCK_ROWS = 256
/** From this many rows on, sharing them out costs less than it saves. */
const SHARED_ROWS = 1024
/** Activations of one row block; fewer rows are taken at once where a row needs more. */
const BLOCK_BYTES = 64 * 2 ** 20

/** A graph input or output as callers see it. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
  /** The training library's dtype where it differs. */
  readonly sourceDtype?: string
}

/** What an output can be: a tensor; for ONNX's container types an array, a Map, or null. */
export type OutputValue = Tensor | readonly OutputValue[] | ReadonlyMap<string | number, OutputValue> | null

/** Outputs by name; the prototype is null, so any name is safe. */
export type OutputRecord = { readonly [name: string]: Tensor }

export interface RunOptions {
  /** Names of the outputs wanted; all but explanations (method contributions) by default. Only what they need is computed. */
  readonly outputs?: readonly string[]
  /** Stops a run between row blocks. */
  readonly signal?: AbortSignal
  /**
   * On webgpu: outputs that stay on the GPU, as `GpuTensor`s for the next run or another model there; true for all, names, or names with buffers of
   * yours to write into. The rest is read back as usual.
   */
  readonly onDevice?: boolean | readonly string[] | Readonly<Record<string, GPUBuffer>>
}

/** Bytes a model holds. */
export interface ModelMemory {
  readonly weights: number
  /** Activations region shared by all bound shapes. */
  readonly activations: number
  /** Inputs and outputs of bound shapes and sessions. */
  readonly io: number
  /** The most that has been held at once: all of these, and on wasm what kernels keep beside the weights. */
  readonly peak: number
}

/** An input or output of a session: `data` is valid until the next load or session. */
export interface SessionTensor {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: Tensor['data']
}

/** Fixed shapes, memory of its own, no allocation after the first run. */
export interface Session {
  readonly inputs: { readonly [name: string]: SessionTensor }
  readonly outputs: { readonly [name: string]: SessionTensor }
  run(): void
  dispose(): void
}

export interface SessionOptions {
  /** Rows: the value of the inputs' first symbolic dimension. Default 1. */
  readonly batch?: number
  /** Values of other symbolic dimensions. */
  readonly dims?: Readonly<Record<string, number>>
  readonly outputs?: readonly string[]
}

/** For which shapes and outputs `placement` tells what runs where. */
export interface PlacementOptions {
  readonly inputs?: InputRecord
  readonly shapes?: Readonly<Record<string, readonly number[]>>
  readonly outputs?: readonly string[]
}

export interface PlanEntry {
  readonly plan: Plan
  readonly names: readonly string[]
  readonly instances: Map<string, Instance>
  last: Instance | undefined
}

/** What some models have and others do without. */
export interface ModelParts {
  readonly pool?: Pool | WhyNone
  /** For small models that 'auto' has left on cpu. */
  readonly promotion?: Promotion
  /** For models with named columns. */
  readonly tableFeeds?: TableFeeds
  /** On a device that has an accelerator. */
  readonly accelerated?: (access: ModelAccess) => Accelerated
  /** Why device 'auto' has not taken the GPU. */
  readonly declined?: string
}

/** A model ready to run. Made by `load`. */
export class Model {
  readonly graph: Graph
  readonly device: Device
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  readonly metadata: Metadata
  readonly #operators: OperatorSet
  readonly #pool: Pool | undefined
  readonly #whyNoWorkers: WhyNone | undefined
  readonly #promotion: Promotion | undefined
  readonly #tableFeeds: TableFeeds | undefined
  readonly #accelerated: Accelerated | undefined
  readonly #declined: string | undefined
  readonly #workspace: Workspace
  readonly #plans = new Map<string, PlanEntry>()
  readonly #sessions = new Set<Instance>()
  #disposed = false

  constructor(graph: Graph, device: Device, operators: OperatorSet, { pool, promotion, tableFeeds, accelerated, declined }: ModelParts = {}) {
    this.graph = graph
    this.device = device
    this.metadata = graph.metadata
    this.inputs = graph.inputs.map(tensorInfo)
    this.outputs = graph.outputs.map(tensorInfo)
    this.#operators = operators
    this.#pool = typeof pool === 'string' ? undefined : pool
    this.#whyNoWorkers = typeof pool === 'string' ? pool : undefined
    this.#promotion = promotion
    this.#tableFeeds = tableFeeds
    this.#declined = declined
    this.#workspace = createWorkspace(device.arena, device.weights)
    this.#accelerated = accelerated?.({
      graph,
      workspace: this.#workspace,
      checkAlive: () => this.#checkAlive(),
      feedInputs: (inputs) => this.#feedInputs(inputs),
      planFor: (outputs) => this.#planFor(outputs),
      instanceFor: (entry, fed) => {
        this.#checkSymbols(fed)
        return this.#instanceFor(entry, fed, undefined)
      },
    })
  }

  /** Names of the training library's methods that this model has: predict, predict_proba, transform, ... */
  get methods(): readonly string[] {
    return (this.metadata.methods ?? []).map((method) => method.name)
  }

  /** Threads besides the caller's: 0 where none were asked for, or the host has none, or they cannot share memory (`whyNoWorkers`). */
  get workers(): number {
    return this.#pool?.size ?? 0
  }

  /** Why `workers` is 0 although threads were asked for: a page that is not isolated from other origins, a module that cannot be loaded, ... */
  get whyNoWorkers(): string | undefined {
    return this.#pool !== undefined && this.#pool.size === 0 ? 'they have ended' : this.#whyNoWorkers
  }

  /** Where runs of 256 rows and more are computed now: small models that 'auto' keeps on cpu move them to wasm once that pays. */
  get batchDevice(): Device['name'] {
    return this.#promotion?.model?.device.name ?? this.device.name
  }

  get memory(): ModelMemory {
    let weights = 0
    for (const tensor of this.graph.initializers.values()) weights += tensor.data.length * bytesPerElement(tensor.dtype)
    let io = 0
    for (const { instances } of this.#plans.values()) for (const instance of instances.values()) io += instance.io.byteLength
    for (const instance of this.#sessions) io += instance.io.byteLength
    const { arena, weights: resident } = this.device
    const own = { weights, activations: this.#workspace.activations?.byteLength ?? 0, io, peak: arena.peakBytes + (resident === undefined ? weights : 0) }
    const large = this.#promotion?.model?.memory
    return large === undefined ? own : { weights, activations: own.activations + large.activations, io: io + large.io, peak: own.peak + large.peak }
  }

  /**
   * Computes outputs from inputs by graph input name. Returns fresh tensors.
   *
   * @param inputs tensors, flat typed arrays, or nested arrays; numbers are converted to the input's dtype
   * @throws MleError INPUT_* when an input does not fit, RUN_ABORTED when the signal fires
   * @example const { probabilities } = await model.run({ X: [[5.1, 3.5, 1.4, 0.2]] })
   * @example const { logits, cache } = await model.run({ ids, past: cache }, { onDevice: ['cache'] })   // on webgpu: cache.gpuBuffer
   */
  async run<const Name extends string>(inputs: InputRecord, options: RunOptions & { readonly onDevice: readonly Name[] | Readonly<Record<Name, GPUBuffer>> }): Promise<OutputRecord & { readonly [name in Name]: GpuTensor }>
  async run(inputs: InputRecord, options: RunOptions & { readonly onDevice: true }): Promise<{ readonly [name: string]: GpuTensor }>
  async run(inputs: InputRecord, options?: RunOptions | readonly string[]): Promise<OutputRecord>
  async run(inputs: InputRecord, options: RunOptions | readonly string[] = {}): Promise<OutputRecord> {
    return this.#runAnywhere(this.#feedInputs(inputs), isNameList(options) ? { outputs: options } : options)
  }

  /** As `run`, at once; on cpu and wasm. Throws DEVICE_ASYNC on webgpu. */
  runSync(inputs: InputRecord, options: RunOptions | readonly string[] = {}): OutputRecord {
    return this.#execute(this.#feedInputs(inputs), isNameList(options) ? { outputs: options } : options)
  }

  #feedInputs(inputs: InputRecord): ReadonlyMap<string, Fed> {
    const given = new Map(Object.entries(inputs))
    const known = new Set(this.graph.inputs.map((info) => info.name))
    for (const name of given.keys()) {
      if (!known.has(name)) throw new MleError('INPUT_UNKNOWN', `the model has no input ${JSON.stringify(name)}; it has ${[...known].join(', ')}`, { actual: name })
    }
    const { columns } = this.metadata
    const single = this.graph.inputs.length === 1 ? given.get(this.graph.inputs[0].name) : undefined
    return columns !== undefined && isRowObjects(single)
      ? this.#tables(columns, single)
      : new Map(this.graph.inputs.map((info): [string, Fed] => [info.name, feedOf(info, given.get(info.name))]))
  }

  /**
   * Calls a method of the training library by its name there, on rows as it takes them: nested arrays, a flat typed array
   * or tensor, or objects keyed by column name.
   *
   * @returns the method's array; several for methods that return a list, such as predict_proba of multi-output models
   * @throws MleError METHOD_UNKNOWN
   */
  async call(method: string, rows: InputValue | InputRecord, options: Pick<RunOptions, 'signal'> = {}): Promise<Tensor[]> {
    const found = this.metadata.methods?.find((m) => m.name === method)
    if (found === undefined) throw new MleError('METHOD_UNKNOWN', `the model has no method ${method}; it has ${this.methods.join(', ') || 'none'}`, { actual: method })
    const results = await this.#runAnywhere(this.#feedRows(rows), { ...options, outputs: found.outputs })
    return found.outputs.map((name) => results[name])
  }

  /** Labels of classifiers, values of regressors, cluster numbers: the training library's predict. */
  async predict(rows: InputValue | InputRecord): Promise<Tensor> {
    return (await this.call('predict', rows))[0]
  }

  /** Class probabilities [rows, classes]; of the first output for multi-output models (`call` gives all). */
  async predictProba(rows: InputValue | InputRecord): Promise<Tensor> {
    return (await this.call('predict_proba', rows))[0]
  }

  async decisionFunction(rows: InputValue | InputRecord): Promise<Tensor> {
    return (await this.call('decision_function', rows))[0]
  }

  async transform(rows: InputValue | InputRecord): Promise<Tensor> {
    return (await this.call('transform', rows))[0]
  }

  async scoreSamples(rows: InputValue | InputRecord): Promise<Tensor> {
    return (await this.call('score_samples', rows))[0]
  }

  /**
   * Fixes shapes once and runs without allocating: write into `inputs.NAME.data`, call `run()`, read `outputs.NAME.data`.
   *
   * @throws MleError SESSION_DYNAMIC when an output's shape depends on data, SESSION_DIMENSION when a dimension is not given
   */
  session(options: SessionOptions = {}): Session {
    this.#checkAlive()
    this.#checkSync()
    const { batch = 1, dims = {}, outputs } = options
    if (batch >= LARGE_ROWS && this.#promotion?.model !== undefined) return this.#promotion.model.session(options)
    const entry = this.#planFor(outputs)
    const firstType = this.graph.inputs[0]?.type
    const batchSymbol = isTensorType(firstType) ? firstType.shape?.[0] : undefined
    const given = new Map(Object.entries(dims))
    if (typeof batchSymbol === 'string' && !given.has(batchSymbol)) given.set(batchSymbol, batch)
    const types = this.graph.inputs.map(({ name, type }): ValueType => {
      if (!isTensorType(type) || type.shape === undefined) throw new MleError('SESSION_DYNAMIC', `input ${JSON.stringify(name)} has no fixed rank; sessions need tensors`)
      const shape = type.shape.map((dim) => {
        const value = typeof dim === 'number' ? dim : typeof dim === 'string' ? given.get(dim) : undefined
        if (value === undefined) throw new MleError('SESSION_DIMENSION', `input ${JSON.stringify(name)}: dimension ${dim ?? '?'} is not known; pass it in session({ dims })`)
        return value
      })
      return { dtype: type.dtype, shape }
    })
    const instance = instantiate(entry.plan, this.#workspace, types, 'io')
    const { frame } = instance.bound
    let records: [inputs: Session['inputs'], outputs: Session['outputs']]
    try {
      records = [
        sessionRecord(instance, this.graph.inputs.map((info, i) => [info.name, frame[entry.plan.inputs[i]]])),
        sessionRecord(instance, entry.names.map((name, i) => [name, frame[entry.plan.outputs[i]]])),
      ]
    } catch (error) {
      releaseInstance(instance)
      throw error
    }
    this.#sessions.add(instance)
    return {
      inputs: records[0],
      outputs: records[1],
      run: () => runInstance(instance),
      dispose: () => {
        if (this.#sessions.delete(instance)) releaseInstance(instance)
      },
    }
  }

  /** Gives back all memory; the model cannot be used afterwards. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    for (const { instances } of this.#plans.values()) for (const instance of instances.values()) this.#release(instance)
    for (const instance of this.#sessions) releaseInstance(instance)
    this.#plans.clear()
    this.#sessions.clear()
    disposeWorkspace(this.#workspace)
    this.#pool?.dispose()
    this.#promotion?.dispose()
    this.device.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #checkAlive(): void {
    if (this.#disposed) throw new MleError('MODEL_DISPOSED', 'the model was disposed; load it again')
  }

  #tables(columns: readonly Column[], rows: readonly RowObject[] | readonly (readonly unknown[])[]): Map<string, Fed> {
    if (this.#tableFeeds === undefined) throw new MleError('INTERNAL', 'a model with columns was made without what reads tables')
    return this.#tableFeeds(this.graph.inputs, columns, rows)
  }

  #feedRows(rows: InputValue | InputRecord): Map<string, Fed> {
    const { inputs } = this.graph
    const { columns } = this.metadata
    if (columns !== undefined && (isRowObjects(rows) || (Array.isArray(rows) && (inputs.length > 1 || columns.some((column) => column.input === '' || column.categories !== undefined))))) {
      return this.#tables(columns, rows as readonly RowObject[])
    }
    if (columns !== undefined && isTensor(rows) && rows.shape.length === 2 && rows.shape[1] === columns.length && columns.some((column) => column.input !== inputs[0].name)) {
      return this.#tables(columns, tensorRows(rows))
    }
    if (inputs.length === 1 && (isTensor(rows) || Array.isArray(rows) || ArrayBuffer.isView(rows))) {
      return new Map([[inputs[0].name, feedOf(inputs[0], rows as InputValue)]])
    }
    if (typeof rows === 'object' && rows !== null && !Array.isArray(rows) && !isTensor(rows) && !ArrayBuffer.isView(rows)) {
      const given = new Map(Object.entries(rows as InputRecord))
      return new Map(inputs.map((info): [string, Fed] => [info.name, feedOf(info, given.get(info.name))]))
    }
    throw new MleError('INPUT_ROWS', `the model has ${inputs.length} inputs (${inputs.map((i) => i.name).join(', ')}); pass rows as objects keyed by column, or an object of inputs`)
  }

  #planFor(outputs: readonly string[] | undefined): PlanEntry {
    const names = outputs ?? defaultOutputs(this.graph)
    const key = names.join('\0')
    let entry = this.#plans.get(key)
    if (entry === undefined) {
      const plan = planGraph(this.graph, names, { schemas: this.#operators.schemas, cpu: this.#operators.cpu, preferred: this.device.preferred, weights: this.device.weights, scratch: this.device.scratch })
      entry = { plan, names, instances: new Map(), last: undefined }
      this.#plans.set(key, entry)
    }
    return entry
  }

  /**
   * What runs where on webgpu: partitions in order, each one submission or a stay on the host, and why steps are on the host. Where device
   * 'auto' has not taken the GPU, one stay on the host that says why. Empty on devices that were asked for and have one place only.
   *
   * @param options inputs as for `run`, or their shapes; dimensions that have a symbol are 1 where nothing is given
   */
  placement(options: PlacementOptions = {}): readonly Placement[] {
    this.#checkAlive()
    if (this.#accelerated !== undefined) return this.#accelerated.placement(options)
    return this.#declined === undefined ? [] : [{ place: 'host', steps: this.graph.nodes.map((node, index) => ({ node: nodeLabel(node, index) })), reason: this.#declined }]
  }

  /**
   * A run on webgpu that measures each step: on the GPU between two timestamps, where it has them, on the host by its clock. Fused steps count as one.
   *
   * @throws MleError DEVICE_PROFILE on other devices
   */
  async profile(inputs: InputRecord, options: Pick<RunOptions, 'outputs'> = {}): Promise<readonly StepTime[]> {
    this.#checkAlive()
    if (this.#accelerated === undefined) throw new MleError('DEVICE_PROFILE', `device ${this.device.name} does not measure its steps; load the model with device: 'webgpu'`, { expected: 'webgpu', actual: this.device.name })
    return this.#accelerated.profile(this.#feedInputs(inputs), options)
  }

  async #runAnywhere(feeds: ReadonlyMap<string, Fed>, options: RunOptions): Promise<OutputRecord> {
    return this.#runOnPool(feeds, options) ?? this.#accelerated?.run(feeds, options) ?? this.#execute(feeds, options)
  }

  /** What worker threads take: many rows, or everything; undefined for the rest. */
  #runOnPool(feeds: ReadonlyMap<string, Fed>, options: RunOptions): Promise<OutputRecord> | undefined {
    const pool = this.#pool
    if (pool === undefined || pool.size === 0 || this.#disposed || options.onDevice) return undefined
    const fed: Feed[] = []
    for (const { name } of this.graph.inputs) {
      const feed = feeds.get(name)
      if (feed === undefined || 'value' in feed) return undefined
      fed.push(feed)
    }
    const names = options.outputs ?? defaultOutputs(this.graph)
    if (pool.takesAll) {
      if (options.signal?.aborted) return undefined
      const inputs: Record<string, Tensor> = Object.create(null)
      this.graph.inputs.forEach(({ name, type }, i) => (inputs[name] = filledTensor(fed[i], isTensorType(type) ? type.dtype : 'float32')))
      return pool.run({ ...inputs }, names).then((results) => recordOf(names, (name) => results[name]))
    }
    const entry = this.#planFor(options.outputs)
    if (entry.plan.rowSymbol === undefined || fed[0].shape[0] < SHARED_ROWS || options.signal?.aborted) return undefined
    this.#checkSymbols(fed)
    return this.#shareRows(pool, entry, fed, options.signal)
  }

  async #shareRows(pool: Pool, entry: PlanEntry, fed: readonly Feed[], signal: AbortSignal | undefined): Promise<OutputRecord> {
    const [rows] = fed[0].shape
    const { blockRows, instance } = this.#blocksOf(entry, fed, rows)
    const { frame } = instance.bound
    const inputs = this.graph.inputs.map(({ name, type }, i) => ({ name, dtype: isTensorType(type) ? type.dtype : 'float32', feed: fed[i] }))
    const outputs = entry.names.map((name, i) => {
      const { dtype, shape } = rowsView(frame[entry.plan.outputs[i]])
      return { name, dtype, shape: [rows, ...shape.slice(1)] }
    })
    const results = await pool.runRows({ rows, blockRows, inputs, outputs, signal })
    return recordOf(entry.names, (name) => results.get(name))
  }

  /** Rows that are taken at once, and an instance for them. */
  #blocksOf(entry: PlanEntry, fed: readonly Feed[], rows: number): { blockRows: number; instance: Instance } {
    const blockRows = Math.min(rows, BLOCK_ROWS)
    const instance = this.#instanceFor(entry, fed, blockRows)
    const { activationBytes } = instance.bound
    if (activationBytes <= BLOCK_BYTES) return { blockRows, instance }
    const fewer = Math.max(1, Math.floor((blockRows * BLOCK_BYTES) / activationBytes))
    return { blockRows: fewer, instance: this.#instanceFor(entry, fed, fewer) }
  }

  #checkSync(): void {
    if (this.device.accelerator !== undefined) throw new MleError('DEVICE_ASYNC', `device ${this.device.name} computes asynchronously: use run(), or device 'cpu' or 'wasm'`, { actual: this.device.name })
  }

  #release(instance: Instance): void {
    this.device.accelerator?.release(instance)
    releaseInstance(instance)
  }

  /** Runs on the host; a small model's large batches where they are fastest. */
  #execute(feeds: ReadonlyMap<string, Fed>, options: RunOptions): OutputRecord {
    this.#checkAlive()
    const promotion = this.#promotion
    if (promotion === undefined || !isLarge(feeds.values().next().value)) return this.#executeHere(feeds, options)
    if (promotion.model !== undefined) return promotion.model.#executeHere(feeds, options)
    const start = performance.now()
    const outputs = this.#executeHere(feeds, options)
    promotion.spent(performance.now() - start)
    return outputs
  }

  #executeHere(feeds: ReadonlyMap<string, Fed>, options: RunOptions): OutputRecord {
    this.#checkSync()
    if (options.onDevice) throw new MleError('DEVICE_BUFFER_HOST', `outputs stay on a GPU only where the model is: device ${this.device.name} has none; load it with device: 'webgpu'`, { expected: 'webgpu', actual: this.device.name })
    const entry = this.#planFor(options.outputs)
    const fed = this.graph.inputs.map((info) => feeds.get(info.name) as Fed)
    this.#checkSymbols(fed)
    const rows = entry.plan.rowSymbol === undefined ? 0 : (fed[0] as Feed).shape[0]
    if (rows > BLOCK_ROWS) return this.#executeBlocks(entry, fed as Feed[], rows, options.signal)
    const instance = this.#instanceFor(entry, fed, undefined)
    fill(instance, fed, 0, undefined)
    runInstance(instance)
    return outputsOf(entry, instance)
  }

  #executeBlocks(entry: PlanEntry, fed: readonly Feed[], rows: number, signal: AbortSignal | undefined): OutputRecord {
    const blocks = this.#blocksOf(entry, fed, rows)
    const { blockRows } = blocks
    let { instance } = blocks
    let outputs: Tensor[] | undefined
    for (let first = 0; first < rows; first += blockRows) {
      if (signal?.aborted) throw new MleError('RUN_ABORTED', `the run was aborted after ${first} of ${rows} rows`, { cause: signal.reason } as object)
      const count = Math.min(blockRows, rows - first)
      if (count < blockRows) instance = this.#instanceFor(entry, fed, count)
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

  /** The bound plan for the feeds' shapes, or for `rows` rows of them. */
  #instanceFor(entry: PlanEntry, fed: readonly Fed[], rows: number | undefined): Instance {
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
      instance = instantiate(entry.plan, this.#workspace, types, 'io', this.device.accelerator?.accelerate)
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
  #checkSymbols(fed: readonly Fed[]): void {
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
}

/** What runs beside the host is fetched for devices that have it. */
export async function acceleratedOn({ accelerator }: Device): Promise<ModelParts> {
  return accelerator === undefined ? {} : { accelerated: (await import('./accelerated.ts')).acceleratedBy(accelerator) }
}

/** Every output but those that only explain: they cost far more than a prediction. */
function defaultOutputs({ outputs, metadata: { methods = [] } }: Graph): readonly string[] {
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

function tensorInfo(info: ValueInfo): TensorInfo {
  const { name, type, sourceDtype } = info
  if (!isTensorType(type)) return { name, dtype: 'float32', shape: [], sourceDtype: JSON.stringify(type) }
  return sourceDtype === undefined ? { name, dtype: type.dtype, shape: type.shape ?? [] } : { name, dtype: type.dtype, shape: type.shape ?? [], sourceDtype }
}

function isLarge(fed: Fed | undefined): boolean {
  return fed !== undefined && !('value' in fed) && fed.shape[0] >= LARGE_ROWS
}

function isNameList(options: RunOptions | readonly string[]): options is readonly string[] {
  return Array.isArray(options)
}

/** The rows of a matrix, for tables whose columns go different ways. */
function tensorRows({ shape, data }: Tensor): unknown[][] {
  const [rows, width] = shape
  return Array.from({ length: rows }, (_, r) => Array.from({ length: width }, (_cell, c) => data[r * width + c]))
}

function isRowObjects(rows: unknown): rows is readonly RowObject[] {
  if (!Array.isArray(rows) || rows.length === 0) return false
  const first: unknown = rows[0]
  return typeof first === 'object' && first !== null && !Array.isArray(first) && !isTensor(first) && !ArrayBuffer.isView(first)
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

function rowsView(value: Value | undefined): View {
  if (!isView(value)) throw new MleError('GRAPH_ROWS', 'a row-independent plan produced a value without rows')
  return value
}

function recordOf(names: readonly string[], find: (name: string) => Tensor | undefined): OutputRecord {
  const results = Object.create(null) as Record<string, Tensor>
  for (const name of names) {
    const tensor = find(name)
    if (tensor !== undefined) results[name] = tensor
  }
  return results
}

/** A feed's data in a tensor of its own. */
function filledTensor(feed: Feed, dtype: DType): Tensor {
  const { shape } = feed
  const tensor: Tensor = { dtype, shape, data: allocateData(dtype, shape.reduce((product, dim) => product * dim, 1)) }
  feed.fill(viewOfTensor(tensor), 0, shape.length === 0 ? 1 : shape[0])
  return tensor
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

/** Named session tensors whose `data` getters follow the memory when it moves, and allocate only then. */
function sessionRecord(instance: Instance, entries: readonly (readonly [string, Value | undefined])[]): { readonly [name: string]: SessionTensor } {
  const record = Object.create(null) as Record<string, SessionTensor>
  for (const [name, value] of entries) {
    if (!isView(value)) throw new MleError('SESSION_DYNAMIC', `${JSON.stringify(name)} has no fixed shape in this model; use model.run`)
    let source: View['data'] | undefined
    let data: Tensor['data'] = []
    record[name] = {
      name,
      dtype: value.dtype,
      shape: value.shape,
      get data() {
        refresh(instance)
        if (source !== value.data) {
          source = value.data
          data = tensorOfView(value).data
        }
        return data
      },
    }
  }
  return record
}

export type { Nested }
