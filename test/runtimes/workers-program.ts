// What every runtime does with threads: one model alone, with two threads and with one beside the caller's. Bundled, with the threads' module beside it.
import { hashOutputs } from '../../conformance/runner/output-hash.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, type LoadOptions } from '../../src/load.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'

export interface ThreadsReport {
  readonly workers: number
  readonly why?: string
  /** Hashes of the outputs for one row and for many. */
  readonly hashes: readonly string[]
  /** How often a timer of the caller's thread fired while `run` computed many rows; 0 where the run took that thread. */
  readonly ticks: number
}

export type ThreadsReports = Readonly<Record<'alone' | 'two' | 'beside', ThreadsReport>>

const ROWS = 20_000
const FEATURES = 30

function values(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => (((i + seed) * 7919) % 1009) / 500 - 1)
}

/** Two layers and labels: numbers, and text that comes back in replies. */
function network(): Graph {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float64', shape: ['batch', FEATURES] })
  const hidden = b.add('Tanh', [b.add('MatMul', [x, b.constant(tensor(values(FEATURES * 64, 1), [FEATURES, 64]))])])
  const probabilities = b.add('Softmax', [b.add('MatMul', [hidden, b.constant(tensor(values(64 * 3, 2), [64, 3]))])])
  b.output('label', b.add('mle.LabelLookup', [b.add('ArgMax', [probabilities], { axis: 1, keepdims: 0 }), b.constant(tensor(['a', 'b', 'c'], [3]))]), { dtype: 'string', shape: ['batch'] })
  b.output('probabilities', probabilities, { dtype: 'float64', shape: ['batch', 3] })
  return b.build()
}

async function report(options: LoadOptions): Promise<ThreadsReport> {
  const model = await load(network(), options)
  const many = values(ROWS * FEATURES, 3)
  const hashes: string[] = []
  let ticks = 0
  for (const X of [many.subarray(0, FEATURES), many]) {
    let isRunning = true
    const tick = (): void => {
      if (!isRunning) return
      ticks++
      setTimeout(tick, 0)
    }
    const running = model.run({ X })
    if (X === many) setTimeout(tick, 0)
    const { label, probabilities } = await running
    isRunning = false
    hashes.push(hashOutputs([label as Tensor, probabilities as Tensor]))
  }
  const { workers, whyNoWorkers } = model
  model.dispose()
  return { workers, why: whyNoWorkers, hashes, ticks }
}

export async function reportThreads(workerUrl?: string): Promise<ThreadsReports> {
  return {
    alone: await report({ device: 'wasm' }),
    two: await report({ device: 'wasm', workers: 2, workerUrl }),
    beside: await report({ device: 'wasm', worker: true, workerUrl }),
  }
}
