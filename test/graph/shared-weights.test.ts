// Devices of several threads over one memory: constants and what kernels make from them are there once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../../src/graph/builder.ts'
import { createDevice, type Device } from '../../src/graph/device.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import type { SharedRange } from '../../src/graph/shared-blocks.ts'
import { shareWeights } from '../../src/graph/shared-weights.ts'
import { addTreeEnsemble, addTreeLeaves } from '../../src/import/trees.ts'
import { tensor } from '../../src/index.ts'
import { Model } from '../../src/model.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import { encodeTrees } from '../../src/ops/trees/encode.ts'
import { randomSource, randomTrees } from '../ops/trees/support.ts'

const WIDTH = 512
const LAYERS = 3

/** A perceptron with a megabyte of weights in each layer. */
function perceptron(): Graph {
  const b = graphBuilder()
  let x = b.input('x', { dtype: 'float32', shape: ['n', WIDTH] })
  for (let layer = 0; layer < LAYERS; layer++) {
    const w = tensor(Float32Array.from({ length: WIDTH * WIDTH }, (_, i) => Math.sin(i * (layer + 1)) / 20), [WIDTH, WIDTH])
    const bias = tensor(Float32Array.from({ length: WIDTH }, (_, i) => Math.cos(i)))
    x = b.add('Relu', [b.add('Gemm', [x, b.constant(w), b.constant(bias)])])
  }
  b.output('y', x, { dtype: 'float32', shape: ['n', WIDTH] })
  return b.build()
}

/** The graph on two devices that share a memory, and on cpu. */
async function openTwice(given: Graph): Promise<{ first: Model; second: Model; alone: Model; blocks: SharedRange }> {
  const operators = await loadOperators(operatorKeys(given))
  const open = async (graph: Graph, device: Promise<Device>): Promise<Model> => new Model(graph, await device, operators)
  const schemas = async (): Promise<typeof operators.schemas> => operators.schemas
  const shared = shareWeights(given, 2)
  assert.ok(shared !== undefined)
  const [first, second] = await Promise.all(shared.parts.map((part) => open(shared.graph, createDevice('wasm', shared.graph, schemas, { part }))))
  return { first, second, alone: await open(given, createDevice('cpu', given, schemas)), blocks: shared.parts[0].blocks }
}

test('threads find the panels of the first', async () => {
  const { first, second, alone } = await openTwice(perceptron())
  const x = Float32Array.from({ length: 5 * WIDTH }, (_, i) => Math.sin(i))
  const expected = alone.runSync({ x })
  const panels = LAYERS * WIDTH * WIDTH * 4
  for (const model of [first, second]) {
    assert.deepEqual(model.runSync({ x }), expected)
    assert.ok(model.device.arena.allocatedBytes < panels / 2, 'panels are not in the parts of threads')
    assert.ok(model.memory.peak >= model.memory.weights + panels && model.memory.peak < model.memory.weights + 1.5 * panels, 'every thread counts them')
  }
})

/** Trees of which some send missing values right, so that rows that float32 does not hold need nodes of their own. */
function forest(): Graph {
  const random = randomSource(4)
  const described = randomTrees(random, { trees: 60, features: 5, width: 1, maxDepth: 9, precision: 'float64', comparisons: ['le'], wild: false })
  const b = graphBuilder()
  const x = b.input('x', { dtype: 'float64', shape: ['n', 5] })
  const trees = encodeTrees(described, { width: 1, precision: 'float64' })
  b.output('y', addTreeEnsemble(b, x, trees, { outputs: 1 }), { dtype: 'float64', shape: ['n', 1] })
  b.output('leaves', addTreeLeaves(b, x, trees), { dtype: 'int32', shape: ['n', described.length] })
  return b.build()
}

test('threads find the trees of the first, whole, packed and ranked', async () => {
  const given = forest()
  const { first, second, alone, blocks } = await openTwice(given)
  const stored = [...given.initializers.values()].find(({ dtype }) => dtype === 'uint8')?.data as Uint8Array
  const nodes = 16 * new DataView(stored.buffer, stored.byteOffset).getUint32(0, true)
  assert.ok(nodes > 100_000)
  const random = randomSource(9)
  const inexact = Float64Array.from({ length: 300 * 5 }, () => 10 * random() - 5)
  const feeds = [inexact, inexact.map(Math.fround), inexact.subarray(0, 5)]
  for (const x of feeds) {
    const expected = alone.runSync({ x })
    for (const model of [second, first, second]) assert.deepEqual(model.runSync({ x }), expected)
  }
  // Threads run at the same time: what they share must stay as it is.
  const common = new Uint8Array(blocks.memory.buffer, blocks.start, blocks.end - blocks.start)
  const before = Buffer.from(common)
  for (const x of feeds) first.runSync({ x: x.map((value) => -value) })
  assert.ok(before.equals(common), 'a run has written into blocks of all threads')
  for (const model of [first, second]) assert.ok(model.device.arena.allocatedBytes < nodes / 2, 'nodes are not in the parts of threads')
})

test('constants that leave no room for threads are not shared', () => {
  const x = graphBuilder()
  x.output('y', x.add('Relu', [x.input('x', { dtype: 'float32', shape: [1] })]), { dtype: 'float32', shape: [1] })
  const graph = x.build()
  assert.equal(shareWeights(graph, 4)?.parts.length, 4)
  assert.equal(shareWeights(graph, 64), undefined)
})
