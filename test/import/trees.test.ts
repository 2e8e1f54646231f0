import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heapScratch } from '../../src/graph/scratch.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import { bufferArena } from '../../src/graph/arena.ts'
import { createWorkspace, instantiate, runInstance } from '../../src/graph/execute.ts'
import { planGraph } from '../../src/graph/plan.ts'
import { addTreeEnsemble, addTreeLeaves } from '../../src/import/trees.ts'
import type { View } from '../../src/ops/kernel.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import { encodeTrees } from '../../src/ops/trees/encode.ts'

test('trees in a graph: sums from a base and the leaves reached', async () => {
  const stump = (threshold: number, low: number, high: number): Parameters<typeof encodeTrees>[0][number] => ({
    left: [1, -1, -1], right: [2, -1, -1], feature: [0, 0, 0], threshold: [threshold, 0, 0], values: [0, low, high], ids: [10, 11, 12],
  })
  const trees = encodeTrees([stump(0, 1, 2), stump(1, 10, 20)], { width: 1, precision: 'float64', treeTarget: [0, 1] })
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float64', shape: ['batch', 1] })
  builder.output('raw', addTreeEnsemble(builder, x, trees, { outputs: 2, base: [0.5, 0] }), { dtype: 'float64', shape: ['batch', 2] })
  builder.output('leaf', addTreeLeaves(builder, x, trees), { dtype: 'int32', shape: ['batch', 2] })
  const graph = builder.build()
  // Nodes, roots, targets, leaf values, base and ids of nodes; leaf i has vector i.
  assert.equal(graph.initializers.size, 6)

  const operators = await loadOperators(['mle.TreeEnsemble', 'mle.TreeLeaves', 'Identity'])
  const scratch = heapScratch()
  const plan = planGraph(graph, ['raw', 'leaf'], { schemas: operators.schemas, cpu: operators.cpu, scratch })
  assert.equal(plan.rowSymbol, 'batch')
  const instance = instantiate(plan, createWorkspace(bufferArena(2 ** 20)), [{ dtype: 'float64', shape: [3, 1] }], 'io')
  const at = (id: number): View => instance.bound.frame[id] as View
  ;(at(plan.inputs[0]).data as Float64Array).set([-1, 0.5, 2])
  runInstance(instance)
  assert.deepEqual(Array.from(at(plan.outputs[0]).data as Float64Array), [1.5, 10, 2.5, 10, 2.5, 20])
  assert.deepEqual(Array.from(at(plan.outputs[1]).data as Int32Array), [11, 11, 12, 11, 12, 12])
})
