// Trees on the wasm device through the public API: the bits of cpu, whatever the batch, and sessions that outlive growth.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, type Tensor } from '../../src/index.ts'
import { wasmModule } from '../../src/ops/wasm/module.ts'
import { encodeTrees } from '../../src/ops/trees/encode.ts'
import { randomRows, randomSource, randomTrees } from '../ops/trees/support.ts'

const FEATURES = 6

/** A boosted ensemble followed by cpu operators: sigmoid of the sums, and the leaves beside it. */
function forest(trees: number, seed: number): { graph: Graph; rows: (count: number) => Tensor } {
  const random = randomSource(seed)
  const described = randomTrees(random, { trees, features: FEATURES, width: 1, maxDepth: 6, precision: 'float64', comparisons: ['le'], wild: true })
  const encoded = encodeTrees(described, { width: 1, precision: 'float64' })
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float64', shape: ['batch', FEATURES] })
  const constants = [encoded.nodes, encoded.leafIndex, encoded.roots, encoded.leafValues].map((constant) => b.constant(constant))
  const inputs = [x, ...constants, '', encoded.categories === undefined ? '' : b.constant(encoded.categories)]
  const margin = b.add('mle.TreeEnsemble', inputs, { outputs: 1, layout: 'nodes16/1' })
  b.output('p', b.add('Sigmoid', [margin]), { dtype: 'float64', shape: ['batch', 1] })
  return { graph: b.build(), rows: (count) => randomRows(random, described, count, FEATURES, 'float64', true) }
}

test('wasm equals cpu in every bit, for one row, few rows and several row blocks', async () => {
  const { graph, rows } = forest(30, 1)
  const [wasm, cpu] = [await load(graph, { device: 'wasm' }), await load(graph, { device: 'cpu' })]
  assert.equal(wasm.device.name, 'wasm')
  for (const count of [0, 1, 3, 8, 255, 700]) {
    const X = rows(count)
    assert.deepEqual(wasm.runSync({ X }).p, cpu.runSync({ X }).p, `${count} rows`)
  }
})

test("device 'auto' takes wasm for a large ensemble and cpu for a small one", async () => {
  assert.equal((await load(forest(300, 2).graph)).device.name, 'wasm')
  assert.equal((await load(forest(2, 3).graph)).device.name, 'cpu')
})

test('a session on wasm outlives growth of the memory that models share', async () => {
  const { graph, rows } = forest(20, 4)
  const [wasm, cpu] = [await load(graph, { device: 'wasm' }), await load(graph, { device: 'cpu' })]
  const X = rows(1)
  const session = wasm.session()
  ;(session.inputs.X.data as Float64Array).set(X.data as Float64Array)
  session.run()
  const { generation } = wasm.device.arena
  const others = []
  for (let seed = 5; seed < 100 && wasm.device.arena.generation === generation; seed++) {
    const other = await load(forest(100, seed).graph, { device: 'wasm' })
    others.push(other, other.session())
  }
  assert.notEqual(wasm.device.arena.generation, generation)
  session.run()
  assert.deepEqual(session.outputs.p.data, cpu.runSync({ X }).p.data)
  assert.deepEqual(session.inputs.X.data, X.data)
})

test('a module that the caller has compiled is used', async () => {
  const { graph, rows } = forest(10, 6)
  const model = await load(graph, { device: 'wasm', wasm: { trees: await wasmModule('trees') } })
  const X = rows(4)
  assert.deepEqual(model.runSync({ X }).p, (await load(graph, { device: 'cpu' })).runSync({ X }).p)
})
