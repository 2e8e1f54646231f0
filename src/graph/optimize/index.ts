// The optimizer: small passes over a graph, each of which can be switched off. What changes no bit runs always; what changes bits runs with
// determinism 'relaxed' only, and never on float64.
import { opKey } from '../../ops/kernel.ts'
import type { OperatorSet } from '../../ops/packs.ts'
import type { Graph } from '../graph.ts'
import type { KnownTypes } from '../infer.ts'
import { pruneGraph } from '../prune.ts'
import { cancelQuantization } from './cancel-quantization.ts'
import { editsOf, lookAt, type Look, type Pass } from './edit.ts'
import { foldBatchNorm } from './fold-batch-norm.ts'
import { foldConstants } from './fold-constants.ts'
import { foldShapes } from './fold-shapes.ts'
import { fuseBias } from './fuse-bias.ts'
import { fuseGelu } from './fuse-gelu.ts'
import { fuseLayerNorm } from './fuse-layer-norm.ts'
import { mergeDuplicates } from './merge-duplicates.ts'
import { mergeReshapes } from './merge-reshapes.ts'
import { mergeTransposes } from './merge-transposes.ts'
import { reciprocals } from './reciprocals.ts'
import { removeNoOps } from './remove-no-ops.ts'
import type { OptimizeOptions } from './options.ts'

/** In this order, round after round: what one pass leaves, another may need. */
const PASSES: readonly Pass[] = [foldShapes, foldConstants, removeNoOps, mergeTransposes, mergeReshapes, mergeDuplicates, cancelQuantization, fuseGelu, fuseLayerNorm, fuseBias, foldBatchNorm, reciprocals]
const REMOVE_DEAD = 'remove-dead'

/** A graph that settles needs three rounds; one that does not is left as it is by then. */
const MAX_ROUNDS = 8

export interface Optimized {
  readonly graph: Graph
  /** Edits by the name of the pass. */
  readonly counts: ReadonlyMap<string, number>
}

/** Names of all passes, in the order in which they run. */
export function passNames(): readonly string[] {
  return [...PASSES.map(({ name }) => name), REMOVE_DEAD]
}

/**
 * The graph with its passes applied until nothing changes: the same inputs and outputs, the same bits unless `determinism` is 'relaxed'.
 *
 * @param operators schemas and cpu kernels of the graph's operators
 * @throws RangeError for the name of a pass that does not exist; MleError GRAPH_* for a graph whose types do not fit
 */
export function optimizeGraph(graph: Graph, operators: OperatorSet, { determinism = 'strict', passes, fusible = () => true }: OptimizeOptions = {}): Optimized {
  const names = passNames()
  const unknown = passes?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new RangeError(`there is no optimizer pass ${unknown}; passes are ${names.join(', ')}`)
  const isOn = (name: string): boolean => passes === undefined || passes.includes(name)
  const counts = new Map<string, number>()
  const active = PASSES.filter((pass) => isOn(pass.name) && (pass.relaxed !== true || determinism === 'relaxed') && (pass.makes === undefined || fusible(pass.makes)))
  let current = graph
  let look: Look | undefined
  const known: KnownTypes = { nodes: new Map(), constants: new Map() }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = current
    for (const pass of active) {
      if (!concerns(pass, current)) continue
      // Types are inferred anew only where a pass has changed something.
      look = look?.graph === current ? look : lookAt(current, operators, known)
      current = applied(pass, look, counts)
    }
    if (isOn(REMOVE_DEAD)) {
      const pruned = pruneGraph(current)
      const dead = current.nodes.length - pruned.nodes.length
      // Nodes that another pass has left without readers were counted by it.
      if (round === 0 && before === current && dead > 0) counts.set(REMOVE_DEAD, dead)
      if (dead > 0 || pruned.initializers.size < current.initializers.size) current = pruned
    }
    if (current === before) break
  }
  return { graph: current, counts }
}

function concerns({ needs }: Pass, graph: Graph): boolean {
  return needs.every((key) => graph.nodes.some(({ domain, op }) => opKey(domain, op) === key))
}

function applied(pass: Pass, look: Look, counts: Map<string, number>): Graph {
  const edits = editsOf(look.graph)
  pass.run(look, edits)
  if (edits.count === 0) return look.graph
  counts.set(pass.name, (counts.get(pass.name) ?? 0) + edits.count)
  return edits.apply()
}
