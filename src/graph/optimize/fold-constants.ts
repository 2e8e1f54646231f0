// Computes what depends on constants alone, by the cpu kernels that would compute it at every run.
import { MleError } from '../../error.ts'
import { opKey } from '../../ops/kernel.ts'
import { isView, tensorOfView } from '../../ops/kernel.ts'
import { bytesPerElement } from '../../tensor/dtype.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { createWorkspace, disposeWorkspace, instantiate, runInstance } from '../execute.ts'
import type { Graph, Node } from '../graph.ts'
import { subgraphsOf } from '../subgraphs.ts'
import { planGraph } from '../plan.ts'
import { RUN_LIMITS, type RunLimits } from '../run-limits.ts'
import { heapScratch } from '../scratch.ts'
import { bufferArena } from '../arena.ts'
import type { Pass } from './edit.ts'
import { staticShape, type Look } from './edit.ts'

/** Random operators give another value at every run. */
const RANDOM: ReadonlySet<string> = /* @__PURE__ */ new Set(['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Multinomial', 'Bernoulli', 'Dropout'])
/** What widens weights is computed once at load; anything else must not grow a model by more than this. */
const WIDENING: ReadonlySet<string> = /* @__PURE__ */ new Set(['Cast', 'DequantizeLinear'])
const MAX_GROWTH_BYTES = 1 << 20
const MAX_BYTES = 1 << 30
/** Loading waits for it: what takes longer is left to runs. */
const FOLDING_LIMITS: RunLimits = { ...RUN_LIMITS, maxIterations: 65_536 }

export function isRandom(node: Node): boolean {
  return node.domain === 'ai.onnx' && RANDOM.has(node.op)
}

export const foldConstants: Pass = {
  name: 'fold-constants',
  needs: [],
  run(look, edits) {
    const { graph } = look
    const known = new Set(graph.initializers.keys())
    const folded: Node[] = []
    for (const node of graph.nodes) if (isFoldable(look, node, known)) {
      folded.push(node)
      for (const name of node.outputs) known.add(name)
    }
    if (folded.length === 0) return
    const inner = new Set(folded)
    // Only what is read outside is kept.
    const wanted = folded.flatMap(({ outputs }) => outputs).filter((name) => name !== '' && (look.isOutput(name) || look.readsOf(name) > look.readersOf(name).filter((reader) => inner.has(reader)).length))
    const values = evaluate(look, folded, wanted)
    if (values === undefined) return
    for (const node of folded) {
      // A graph output stays the output of a node.
      if (node.outputs.some((name) => look.isOutput(name))) continue
      if (!edits.claim(node)) continue
      edits.remove(node)
      edits.counted()
      for (const name of node.outputs) {
        const value = values.get(name)
        if (value !== undefined) edits.redirect(name, edits.constant(value, name))
      }
    }
  },
}

function isFoldable(look: Look, node: Node, known: ReadonlySet<string>): boolean {
  if (node.inputs.some((name) => name !== '' && !known.has(name)) || isRandom(node) || subgraphsOf(node).length > 0) return false
  if (node.op === 'Identity' || node.outputs.some((name) => look.isOutput(name))) return false
  // A node without inputs is a generator, cheap to store when it is small.
  const key = opKey(node.domain, node.op)
  const entry = look.operators.cpu.get(key)
  if (entry === undefined ? look.operators.schemas.get(key)?.alias !== true : !('make' in entry)) return false
  let outputBytes = 0
  for (const name of node.outputs) {
    const shape = name === '' ? [0] : staticShape(look.typeOf(name))
    if (shape === undefined) return false
    outputBytes += shape.reduce((size, dim) => size * dim, 1) * bytesPerElement(look.typeOf(name)?.dtype ?? 'float64')
  }
  if (outputBytes > MAX_BYTES) return false
  if (WIDENING.has(node.op)) return true
  const inputBytes = node.inputs.reduce((sum, name) => {
    const shape = staticShape(look.typeOf(name))
    return shape === undefined ? sum : sum + shape.reduce((size, dim) => size * dim, 1) * bytesPerElement(look.typeOf(name)?.dtype ?? 'float64')
  }, 0)
  return outputBytes - inputBytes <= MAX_GROWTH_BYTES
}

function evaluate(look: Look, nodes: readonly Node[], wanted: readonly string[]): Map<string, Tensor> | undefined {
  const { graph, operators } = look
  const part: Graph = {
    inputs: [], outputs: wanted.map((name) => ({ name, type: look.typeOf(name) ?? { dtype: 'float32' } })), nodes,
    initializers: graph.initializers, metadata: {},
  }
  const arena = bufferArena(2 * MAX_BYTES)
  const scratch = heapScratch(FOLDING_LIMITS, arena)
  const workspace = createWorkspace(arena, undefined, scratch)
  try {
    const plan = planGraph(part, wanted, { ...operators, scratch })
    const instance = instantiate(plan, workspace, [], 'io')
    runInstance(instance)
    const values = new Map<string, Tensor>()
    plan.outputs.forEach((id, i) => {
      const value = instance.bound.frame[id]
      if (!isView(value)) throw new MleError('INTERNAL', 'a constant is no tensor')
      const { dtype, shape, data } = tensorOfView({ ...value, data: value.data.slice() })
      values.set(wanted[i], { dtype, shape: [...shape], data })
    })
    return values
  } catch (error) {
    // What cannot be computed says so when it is run, with the name of its node.
    if (error instanceof MleError) return undefined
    throw error
  } finally {
    disposeWorkspace(workspace)
  }
}
