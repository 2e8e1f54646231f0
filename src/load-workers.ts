// load with threads: fetched only when they are asked for.
import { limitsOf } from './format/limits.ts'
import { createDevice } from './graph/device.ts'
import type { Graph } from './graph/graph.ts'
import { operatorKeys } from './graph/subgraphs.ts'
import type { LoadOptions } from './load.ts'
import { Model } from './model.ts'
import { loadOperators } from './ops/packs.ts'
import { acceleratedOn, tableFeedsFor } from './parts.ts'
import { preparePool } from './pool.ts'
import { runOnPool } from './pooled.ts'

/** A model with threads. Errors as `load`; RangeError for a number of threads that is none. */
export async function loadWithWorkers(graph: Graph, options: LoadOptions): Promise<Model> {
  const { workers = 1, worker = false, workerUrl, device = 'auto', wasm, gpu, determinism } = options
  const limits = limitsOf(options.limits)
  if (!Number.isInteger(workers) || workers < 0) throw new RangeError(`workers is a number of threads, got ${workers}`)
  const prepared = device === 'webgpu' && !worker ? 'webgpu computes beside the caller\'s thread by itself' : preparePool(graph, worker ? 1 : workers, worker)
  const shared = typeof prepared === 'string' ? undefined : prepared.shared
  const own = shared?.graph ?? graph
  const operators = await loadOperators(operatorKeys(own))
  const made = await createDevice(device, own, async () => operators.schemas, { wasm, gpu, determinism, limits, part: shared?.parts[0], hasLargeBatches: true })
  try {
    const pool = typeof prepared === 'string' ? prepared : await prepared.open({ device: made.name, determinism, limits, url: workerUrl })
    return new Model(own, made, operators, { pool, runOnPool, tableFeeds: await tableFeedsFor(own), ...(await acceleratedOn(made)) })
  } catch (error) {
    made.dispose()
    throw error
  }
}
