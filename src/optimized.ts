// The optimizer before planning: fetched for graphs that it may be worth, and by commands that show what it makes.
import { MleError } from './error.ts'
import type { Graph } from './graph/graph.ts'
import { optimizeGraph, type Optimized } from './graph/optimize/index.ts'
import { operatorsMadeFrom, type OptimizeOptions } from './graph/optimize/options.ts'
import { operatorKeys } from './graph/subgraphs.ts'
import type { LoadOptions } from './load.ts'
import { loadOperators } from './ops/packs.ts'
import { isWorthFusing, wasmModulesFor } from './ops/wasm/operators.ts'

/** A graph after the optimizer; the operators that it makes are loaded besides the graph's. */
export async function optimizedGraph(graph: Graph, options: OptimizeOptions): Promise<Optimized> {
  const keys = operatorKeys(graph)
  return optimizeGraph(graph, await loadOperators([...keys, ...operatorsMadeFrom(keys, options)]), options)
}

/** What `load` plans. */
export async function optimizeForLoad(graph: Graph, { determinism, optimize, device }: LoadOptions): Promise<Graph> {
  // A fused operator that has no kernel on the device is slower there than the several that have.
  const fusible = (key: string): boolean => device === 'cpu' || (device === 'webgpu' ? wasmModulesFor(new Set([key])).length > 0 : isWorthFusing(key))
  try {
    return (await optimizedGraph(graph, { determinism, passes: typeof optimize === 'object' ? optimize : undefined, fusible })).graph
  } catch (error) {
    // What is wrong with a graph is said where an output is planned that needs the part.
    if (error instanceof MleError) return graph
    throw error
  }
}
