// A model's runs on worker threads: fetched by `load` only for models that have them.
import type { Fed, Feed } from './feed.ts'
import { viewOfTensor } from './ops/kernel.ts'
import { isTensorType } from './ops/types.ts'
import type { Pool } from './pool.ts'
import { defaultOutputs, rowsView, type OutputRecord, type PlanEntry, type RunOptions, type Runs } from './runs.ts'
import { allocateData, type DType } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'

/** From this many rows on, sharing them out costs less than it saves. */
const SHARED_ROWS = 1024

/** What worker threads take: many rows, or everything; undefined for the rest. */
export function runOnPool(pool: Pool, runs: Runs, feeds: ReadonlyMap<string, Fed>, options: RunOptions): Promise<OutputRecord> | undefined {
  const { graph } = runs
  if (pool.size === 0 || runs.isDisposed || options.onDevice) return undefined
  const fed: Feed[] = []
  for (const { name } of graph.inputs) {
    const feed = feeds.get(name)
    if (feed === undefined || 'value' in feed) return undefined
    fed.push(feed)
  }
  const names = options.outputs ?? defaultOutputs(graph)
  if (pool.takesAll) {
    if (options.signal?.aborted) return undefined
    const inputs: Record<string, Tensor> = Object.create(null)
    graph.inputs.forEach(({ name, type }, i) => (inputs[name] = filledTensor(fed[i], isTensorType(type) ? type.dtype : 'float32')))
    return pool.run({ ...inputs }, names, options.signal).then((results) => recordOf(names, (name) => results[name]))
  }
  const entry = runs.planFor(options.outputs)
  if (entry.plan.rowSymbol === undefined || fed[0].shape[0] < SHARED_ROWS || options.signal?.aborted) return undefined
  runs.checkSymbols(fed)
  return shareRows(pool, runs, entry, fed, options.signal)
}

async function shareRows(pool: Pool, runs: Runs, entry: PlanEntry, fed: readonly Feed[], signal: AbortSignal | undefined): Promise<OutputRecord> {
  const [rows] = fed[0].shape
  const { blockRows, instance } = runs.blocksOf(entry, fed, rows)
  const { frame } = instance.bound
  const inputs = runs.graph.inputs.map(({ name, type }, i) => ({ name, dtype: isTensorType(type) ? type.dtype : 'float32', feed: fed[i] }))
  const outputs = entry.names.map((name, i) => {
    const { dtype, shape } = rowsView(frame[entry.plan.outputs[i]])
    return { name, dtype, shape: [rows, ...shape.slice(1)] }
  })
  const results = await pool.runRows({ rows, blockRows, inputs, outputs, signal })
  return recordOf(entry.names, (name) => results.get(name))
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
