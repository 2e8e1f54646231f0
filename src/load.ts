// load: bytes from anywhere -> checked graph -> model on a device.
import { asMemoryLimit, MleError } from './error.ts'
import { read } from './format/read.ts'
import { limitsOf, type Limits } from './format/limits.ts'
import type { ReadOptions } from './format/types.ts'
import { createDevice, type Device, type DeviceName } from './graph/device.ts'
import type { Graph } from './graph/graph.ts'
import { operatorKeys } from './graph/subgraphs.ts'
import { Model } from './model.ts'
import { loadOperators, type OperatorSet } from './ops/packs.ts'
import type { GivenModules } from './ops/wasm/index.ts'
import { wasmModulesFor } from './ops/wasm/operators.ts'
import { acceleratedOn, tableFeedsFor } from './parts.ts'
import type { GpuRequest } from './platform/gpu.ts'
import type { SourceInput } from './platform/source.ts'
import { Promotion } from './promotion.ts'
import type { TrustPolicy } from './security/policy.ts'

export interface LoadOptions {
  /**
   * Where to compute. 'auto' is the fastest that gives cpu's bits here; of a small model row by row on cpu, and large batches on wasm once they have
   * taken some milliseconds. With determinism 'relaxed' also the GPU, for models of enough work for it (`model.placement()` says why not).
   */
  readonly device?: DeviceName
  /** 'float32' computes float64 graphs in float32, with other digits: what webgpu needs, which has no float64. */
  readonly precision?: 'float32'
  /**
   * 'strict' (default): every device on the host gives the same bits. 'relaxed' allows what changes the last digits of float32 numbers, within the
   * error bounds of docs/operators.md: fused multiply-add where the engine has it (Node from 22 on, current browsers), fused layers, folded batch
   * normalization, reciprocals.
   */
  readonly determinism?: 'strict' | 'relaxed'
  /** false leaves the graph as it is, true optimizes small graphs too, a list names the passes (docs/optimizer.md). By default networks of 24 nodes and more are optimized. */
  readonly optimize?: boolean | readonly string[]
  /** WebAssembly modules by name, compiled by the caller: for edge workers, which forbid compiling from bytes. */
  readonly wasm?: GivenModules
  /**
   * A GPU to share: buffers can then go from one model, or from a renderer, to the next. Without one a model on webgpu requests its own, as these
   * options say.
   */
  readonly gpu?: GPUDevice | GpuRequest
  /** 'crc32' (default) finds damage; 'sha256' also checks the hash of every section and chunk. */
  readonly integrity?: 'crc32' | 'sha256'
  /**
   * Threads that share the rows of large batches; weights are in memory once. Fewer rows are computed on the caller's thread, and all of them where the host
   * has no threads or does not let them share memory (pages that are not isolated from other origins): see `model.workers` and `model.whyNoWorkers`.
   */
  readonly workers?: number
  /** Computes in one thread besides the caller's, which stays free: for pages. `runSync` and sessions stay on the caller's. */
  readonly worker?: boolean
  /** Where the threads' module is (`mle-runtime/worker`), for bundlers that do not keep it beside the package's other files. */
  readonly workerUrl?: string | URL
  /** Caps for files and inputs of unknown origin: of files docs/format.md lists the defaults, of runs src/graph/run-limits.ts. */
  readonly limits?: Partial<Limits>
  /** Trust: only a signed file that satisfies this policy is used, every hash of it checked. A Graph and foreign files are refused. */
  readonly verify?: TrustPolicy
  /** Opens an encrypted file: 32 bytes. */
  readonly key?: Uint8Array
  /** Opens an encrypted file. */
  readonly passphrase?: string
  /** Names of the outputs wanted: no weights but those they need are read, over http by ranges, each checked by its SHA-256. */
  readonly outputs?: readonly string[]
  /** Called while weights arrive and are checked: stored bytes done and bytes in all. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
}

/**
 * Loads a model.
 *
 * @param source a path (Node, Deno, Bun), URL, Request, Response, Blob, ArrayBuffer or Uint8Array of a .mle file, or a Graph from
 *   `importModel`. Strings are http(s) or file URLs, else paths, else URLs relative to the page.
 * @throws MleError TRUST_* for files that `verify` does not trust, ENCRYPTION_* for keys that open nothing, FORMAT_* for damaged or foreign files, GRAPH_* for graphs this version cannot run, DEVICE_* for missing devices
 * @example const model = await load('fraud.mle')
 */
export async function load(source: SourceInput | Graph, options: LoadOptions = {}): Promise<Model> {
  try {
    return await loadWithin(source, options)
  } catch (error) {
    throw asMemoryLimit(error)
  }
}

async function loadWithin(source: SourceInput | Graph, options: LoadOptions): Promise<Model> {
  const limits = limitsOf(options.limits)
  const stored = await whole(isGraph(source) ? await given(source, options) : await read(source, await readOptions(options)), options)
  const narrowed = options.precision === 'float32' ? await narrow(stored) : stored
  const graph = isWorthOptimizing(narrowed, options) ? await optimized(narrowed, options) : narrowed
  if (options.workers !== undefined || options.worker === true) return (await import('./load-workers.ts')).loadWithWorkers(graph, options)
  const loading = loadOperators(operatorKeys(graph))
  const { device: name = 'auto', wasm, gpu, determinism, precision } = options
  const tables = tableFeedsFor(graph)
  const chosen = name === 'auto' ? await autoGpu(graph, loading, options) : undefined
  const making = typeof chosen === 'object' ? Promise.resolve(chosen) : createDevice(name, graph, async () => (await loading).schemas, { wasm, gpu, determinism, precision, limits })
  const [operators, device] = await both(loading, making)
  const declined = typeof chosen === 'string' ? chosen : undefined
  return new Model(graph, device, operators, { promotion: promotionOf(graph, device, operators, options), tableFeeds: await tables, declined, ...(await acceleratedOn(device)) })
}

/** The GPU, where 'auto' may and should take it; else why not. */
async function autoGpu(graph: Graph, loading: Promise<OperatorSet>, { determinism, gpu, precision, limits }: LoadOptions): Promise<Device | string> {
  if (determinism !== 'relaxed') return "a GPU gives other last digits, which determinism: 'relaxed' allows"
  const [{ chooseWebgpu }, operators] = await Promise.all([import('./graph/webgpu-choice.ts'), loading])
  return chooseWebgpu(graph, operators, { gpu, precision, limits: limitsOf(limits) })
}

/** Where 'auto' has left a model on cpu only because it is small. */
function promotionOf(graph: Graph, device: Device, operators: OperatorSet, { device: wanted = 'auto', wasm, determinism, limits }: LoadOptions): Promotion | undefined {
  if (wanted !== 'auto' || device.name !== 'cpu' || typeof WebAssembly !== 'object' || wasmModulesFor(operatorKeys(graph)).length === 0) return undefined
  return new Promotion(async () => new Model(graph, await createDevice('wasm', graph, async () => operators.schemas, { wasm, determinism, limits: limitsOf(limits) }), operators))
}

async function readOptions(options: LoadOptions): Promise<ReadOptions> {
  const { integrity, limits, outputs, onProgress, verify, key, passphrase } = options
  const guarded = verify !== undefined || key !== undefined || passphrase !== undefined
  const guard = guarded ? (await import('./security/index.ts')).guardOf({ verify, key, passphrase }) : undefined
  return { integrity, limits, outputs, onProgress, guard }
}

async function given(graph: Graph, { verify, key, passphrase, outputs }: LoadOptions): Promise<Graph> {
  if (verify !== undefined || key !== undefined || passphrase !== undefined) {
    throw new MleError('TRUST_SOURCE', 'verify, key and passphrase are for .mle files: a graph in memory has no signature and no seal')
  }
  return outputs === undefined ? graph : (await import('./format/select.ts')).cutGraph(graph, outputs)
}

async function narrow(graph: Graph): Promise<Graph> {
  const [{ narrowGraph }, { schemas }] = await Promise.all([import('./graph/narrow.ts'), loadOperators(operatorKeys(graph))])
  return narrowGraph(graph, schemas)
}

/** Weights of products stay in the fewer bits that they are stored in where they would take so many bytes: less memory, and no slower from there on but for single rows. */
const KEEP_PACKED_BYTES = 4 * 2 ** 20

/** Weights that are stored in fewer bits become constants of the graph, but for large ones on the host's own devices. */
async function whole(graph: Graph, { device = 'auto' }: LoadOptions): Promise<Graph> {
  const packed = graph.nodes.some(({ op, inputs }) => (op === 'Cast' || op === 'DequantizeLinear') && graph.initializers.has(inputs[0]))
  return packed ? (await import('./graph/unpack.ts')).unpackWeights(graph, device === 'webgpu' ? {} : { keepBytes: KEEP_PACKED_BYTES }) : graph
}

/** Smaller graphs gain less than fetching the optimizer costs, unless the caller asks. */
const WORTH_NODES = 24

/** Models of tables come from importers that write few nodes: there the optimizer costs more than it saves. */
function isWorthOptimizing({ nodes, metadata }: Graph, { optimize }: LoadOptions): boolean {
  return optimize === undefined ? nodes.length >= WORTH_NODES && metadata.methods === undefined : optimize !== false
}

/** The passes are fetched at the same time as the graph's operators, which they compute constants by. */
async function optimized(graph: Graph, options: LoadOptions): Promise<Graph> {
  const [{ optimizeForLoad }] = await Promise.all([import('./optimized.ts'), loadOperators(operatorKeys(graph))])
  return optimizeForLoad(graph, options)
}

/** Both, or the first failure; then a device that is made nevertheless is given back. */
async function both(loading: Promise<OperatorSet>, making: Promise<Device>): Promise<[OperatorSet, Device]> {
  try {
    return await Promise.all([loading, making])
  } catch (error) {
    making.then((device) => device.dispose(), () => undefined)
    throw error
  }
}

function isGraph(source: SourceInput | Graph): source is Graph {
  return typeof source === 'object' && 'nodes' in source && 'initializers' in source
}
