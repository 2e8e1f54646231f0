// A loaded model: what callers hold. Feeds inputs in, asks runs.ts or what runs elsewhere, and names the training library's methods.
import { asMemoryLimit, MleError } from './error.ts'
import type { Accelerated } from './accelerated.ts'
import { feedOf, isRowObjects, type Fed, type InputRecord, type InputValue, type Row, type RowObject } from './feed.ts'
import type { TableFeeds } from './feed-table.ts'
import type { Device, Placement, StepTime } from './graph/device.ts'
import type { GpuTensor } from './graph/gpu-tensor.ts'
import type { Column, Graph, Metadata, ValueInfo } from './graph/graph.ts'
import { nodeLabel } from './graph/infer.ts'
import { isTensorType, type Dim } from './ops/types.ts'
import type { OperatorSet } from './ops/packs.ts'
import type { Pool, WhyNone } from './pool.ts'
import type { runOnPool } from './pooled.ts'
import { LARGE_ROWS, promotedSession, whileThereIsRoom, type Promotion } from './promotion.ts'
import { Runs, type OutputRecord, type RunOptions } from './runs.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import { bytesPerElement, type DType } from './tensor/dtype.ts'
import { isTensor, type Tensor } from './tensor/tensor.ts'

/** A graph input or output as callers see it. */
export interface TensorInfo {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
  /** The training library's dtype where it differs. */
  readonly sourceDtype?: string
}

/** Bytes a model holds. */
export interface ModelMemory {
  readonly weights: number
  /** Activations region shared by all bound shapes. */
  readonly activations: number
  /** Inputs and outputs of bound shapes and sessions. */
  readonly io: number
  /** The most that has been held at once: all of these, and what kernels keep beside the weights; on wasm copies of the weights that kernels read in its memory too. */
  readonly peak: number
}

/** For which shapes and outputs `placement` tells what runs where. */
export interface PlacementOptions {
  readonly inputs?: InputRecord
  readonly shapes?: Readonly<Record<string, readonly number[]>>
  readonly outputs?: readonly string[]
}

/** What some models have and others do without. */
export interface ModelParts {
  readonly pool?: Pool | WhyNone
  /** With a pool: what shares runs out to it. */
  readonly runOnPool?: typeof runOnPool
  /** For small models that 'auto' has left on cpu. */
  readonly promotion?: Promotion
  /** For models with named columns. */
  readonly tableFeeds?: TableFeeds
  /** On a device that has an accelerator. */
  readonly accelerated?: (runs: Runs, feedInputs: (inputs: InputRecord) => ReadonlyMap<string, Fed>) => Accelerated
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
  readonly #runs: Runs
  readonly #parts: ModelParts
  readonly #pool: Pool | undefined
  readonly #accelerated: Accelerated | undefined

  constructor(graph: Graph, device: Device, operators: OperatorSet, parts: ModelParts = {}) {
    this.graph = graph
    this.device = device
    this.metadata = graph.metadata
    this.inputs = graph.inputs.map(tensorInfo)
    this.outputs = graph.outputs.map(tensorInfo)
    this.#runs = new Runs(graph, device, operators)
    this.#parts = parts
    this.#pool = typeof parts.pool === 'string' ? undefined : parts.pool
    this.#accelerated = parts.accelerated?.(this.#runs, (inputs) => this.#feedInputs(inputs))
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
    const { pool } = this.#parts
    if (typeof pool === 'string') return pool
    return pool?.size === 0 ? 'they have ended' : undefined
  }

  /** Where runs and sessions of 32 rows and more are computed now: small models that 'auto' keeps on cpu move them to wasm once that pays. */
  get batchDevice(): Device['name'] {
    return this.#parts.promotion?.model?.device.name ?? this.device.name
  }

  get memory(): ModelMemory {
    let weights = 0
    for (const tensor of this.graph.initializers.values()) weights += tensor.data.length * bytesPerElement(tensor.dtype)
    const { ioBytes: io, workspace } = this.#runs
    // The graph keeps its arrays; the arena has copies of those that kernels read there, and layouts of kernels.
    const own = { weights, activations: workspace.activations?.byteLength ?? 0, io, peak: this.device.arena.peakBytes + this.device.scratch.heldBytes + weights }
    const large = this.#parts.promotion?.model?.memory
    return large === undefined ? own : { weights, activations: own.activations + large.activations, io: io + large.io, peak: own.peak + large.peak - weights }
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
   * On wasm tree ensembles lay their nodes out anew when 256 rows have come: a piece with each of the next runs, which take up to some tenths of a millisecond more.
   *
   * @throws MleError SESSION_DYNAMIC when an output's shape depends on data, SESSION_DIMENSION when a dimension is not given
   */
  session(options: SessionOptions = {}): Session {
    this.#runs.checkAlive()
    this.#runs.checkSync()
    const { promotion } = this.#parts
    if (promotion === undefined || (options.batch ?? 1) < LARGE_ROWS) return openSession(this.#runs, options)
    const { model } = promotion
    if (model === undefined) return promotedSession(openSession(this.#runs, options), promotion, options)
    return whileThereIsRoom(() => model.session(options), () => openSession(this.#runs, options))
  }

  /** Gives back all memory; the model cannot be used afterwards. */
  dispose(): void {
    if (this.#runs.isDisposed) return
    this.#runs.dispose()
    this.#pool?.dispose()
    this.#parts.promotion?.dispose()
    this.device.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #tables(columns: readonly Column[], rows: readonly RowObject[] | readonly Row[]): Map<string, Fed> {
    if (this.#parts.tableFeeds === undefined) throw new MleError('INTERNAL', 'a model with columns was made without what reads tables')
    return this.#parts.tableFeeds(this.graph.inputs, columns, rows)
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

  /**
   * What runs where on webgpu: partitions in order, each one submission or a stay on the host, and why steps are on the host. Where device
   * 'auto' has not taken the GPU, one stay on the host that says why. Empty on devices that were asked for and have one place only.
   *
   * @param options inputs as for `run`, or their shapes; dimensions that have a symbol are 1 where nothing is given
   */
  placement(options: PlacementOptions = {}): readonly Placement[] {
    this.#runs.checkAlive()
    if (this.#accelerated !== undefined) return this.#accelerated.placement(options)
    return this.#parts.declined === undefined ? [] : [{ place: 'host', steps: this.graph.nodes.map((node, index) => ({ node: nodeLabel(node, index) })), reason: this.#parts.declined }]
  }

  /**
   * A run on webgpu that measures each step: on the GPU between two timestamps, where it has them, on the host by its clock. Fused steps count as one.
   *
   * @throws MleError DEVICE_PROFILE on other devices
   */
  async profile(inputs: InputRecord, options: Pick<RunOptions, 'outputs'> = {}): Promise<readonly StepTime[]> {
    this.#runs.checkAlive()
    if (this.#accelerated === undefined) throw new MleError('DEVICE_PROFILE', `device ${this.device.name} does not measure its steps; load the model with device: 'webgpu'`, { expected: 'webgpu', actual: this.device.name })
    return this.#accelerated.profile(this.#feedInputs(inputs), options)
  }

  async #runAnywhere(feeds: ReadonlyMap<string, Fed>, options: RunOptions): Promise<OutputRecord> {
    try {
      const shared = this.#pool === undefined ? undefined : this.#parts.runOnPool?.(this.#pool, this.#runs, feeds, options)
      return await (shared ?? this.#accelerated?.run(feeds, options) ?? this.#execute(feeds, options))
    } catch (error) {
      throw asMemoryLimit(error)
    }
  }

  /** Runs on the host; a small model's large batches where they are fastest. */
  #execute(feeds: ReadonlyMap<string, Fed>, options: RunOptions): OutputRecord {
    this.#runs.checkAlive()
    const { promotion } = this.#parts
    if (promotion === undefined || !isLarge(feeds.values().next().value)) return this.#runs.execute(feeds, options)
    const { model } = promotion
    if (model !== undefined) return whileThereIsRoom(() => model.#runs.execute(feeds, options), () => this.#runs.execute(feeds, options))
    const start = performance.now()
    const outputs = this.#runs.execute(feeds, options)
    promotion.spent(performance.now() - start)
    return outputs
  }
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
