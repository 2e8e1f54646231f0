// Runs a graph as it is and optimized, and compares.
import assert from 'node:assert/strict'
import { graphBuilder, type GraphBuilder } from '../../../src/graph/builder.ts'
import type { Graph } from '../../../src/graph/graph.ts'
import { optimizeGraph, type Optimized } from '../../../src/graph/optimize/index.ts'
import type { OptimizeOptions } from '../../../src/graph/optimize/options.ts'
import { operatorsMadeFrom } from '../../../src/graph/optimize/options.ts'
import { operatorKeys } from '../../../src/graph/subgraphs.ts'
import { load, type InputRecord, type OutputRecord, type Tensor } from '../../../src/index.ts'
import { loadOperators } from '../../../src/ops/packs.ts'

export async function optimized(graph: Graph, options: OptimizeOptions = {}): Promise<Optimized> {
  const keys = operatorKeys(graph)
  return optimizeGraph(graph, await loadOperators([...keys, ...operatorsMadeFrom(keys, options)]), options)
}

export async function run(graph: Graph, feeds: InputRecord): Promise<OutputRecord> {
  const model = await load(graph, { device: 'cpu', optimize: false })
  try {
    return await model.run(feeds)
  } finally {
    model.dispose()
  }
}

export function bits(results: OutputRecord): string {
  return JSON.stringify(Object.entries(results).map(([name, { dtype, shape, data }]) => [name, dtype, shape, Array.from(data as ArrayLike<unknown>, (one) => (Object.is(one, -0) ? '-0' : String(one)))]))
}

/** A graph with one input x and the output y, and what the passes of the test make of it. */
export async function expectSame(build: (b: GraphBuilder, x: string) => string, feed: Tensor, expected: { readonly counts: Readonly<Record<string, number>>; readonly ops: readonly string[] }, options: OptimizeOptions = {}): Promise<void> {
  const b = graphBuilder()
  const x = b.input('x', { dtype: feed.dtype, shape: feed.shape })
  b.output('y', build(b, x), { dtype: feed.dtype })
  const graph = b.build()
  const { graph: small, counts } = await optimized(graph, options)
  assert.deepEqual(Object.fromEntries(counts), expected.counts)
  assert.deepEqual(small.nodes.map(({ op }) => op), expected.ops)
  const [want, got] = [await run(graph, { x: feed }), await run(small, { x: feed })]
  if (options.determinism === 'relaxed') assertClose(got, want)
  else assert.equal(bits(got), bits(want))
}

/** Within 16 float32 roundings of the largest element: sums over a few terms. */
export function assertClose(got: OutputRecord, want: OutputRecord): void {
  for (const [name, { data, shape }] of Object.entries(want)) {
    assert.deepEqual(got[name].shape, shape)
    const scale = Math.max(1e-6, ...Array.from(data as ArrayLike<number>, Math.abs).filter(Number.isFinite))
    for (let i = 0; i < data.length; i++) assert.ok(Object.is(Number(got[name].data[i]), Number(data[i])) || Math.abs(Number(got[name].data[i]) - Number(data[i])) <= 32 * 2 ** -24 * scale, `${name}[${i}] is ${String(got[name].data[i])}, expected ${String(data[i])}`)
  }
}
