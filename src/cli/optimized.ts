// A graph after the optimizer, for commands that show or run what it makes.
import type { Graph } from '../graph/graph.ts'
import type { Optimized } from '../graph/optimize/index.ts'
import { operatorsMadeFrom, type OptimizeOptions } from '../graph/optimize/options.ts'
import { operatorKeys } from '../graph/subgraphs.ts'
import { loadOperators } from '../ops/packs.ts'

export async function optimizedGraph(graph: Graph, options: OptimizeOptions): Promise<Optimized> {
  const keys = operatorKeys(graph)
  const [{ optimizeGraph }, operators] = await Promise.all([import('../graph/optimize/index.ts'), loadOperators([...keys, ...operatorsMadeFrom(keys, options)])])
  return optimizeGraph(graph, operators, options)
}
