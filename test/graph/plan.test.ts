// Properties of plans over random graphs of elementwise, reducing and reshaping operators.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder, type ValueName } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor } from '../../src/index.ts'

const WIDTH = 4

/** One choice per node: which operator, and which earlier values it reads. */
const recipes = fc.array(fc.tuple(fc.nat(11), fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 25 })

interface Made {
  readonly graph: Graph
  /** Every value of shape [batch, WIDTH], in order. */
  readonly values: readonly ValueName[]
}

/** A random graph over X float64 [batch, WIDTH]; all its values keep that shape, some through detours. */
function randomGraph(recipe: readonly (readonly [number, number, number])[]): Made {
  const b = graphBuilder()
  const type = { dtype: 'float64', shape: ['batch', WIDTH] } as const
  const values: ValueName[] = [b.input('X', type)]
  const weights = b.constant(tensor(Float64Array.from({ length: WIDTH * WIDTH }, (_, i) => ((i * 7) % 5) / 4 - 0.5), [WIDTH, WIDTH]))
  const axis = b.constant(tensor([1n]))
  const flat = b.constant(tensor([0n, BigInt(WIDTH)]))
  for (const [op, first, second] of recipe) {
    const x = values[first % values.length]
    const y = values[second % values.length]
    const makers: readonly (() => ValueName)[] = [
      () => b.add('Add', [x, y]),
      () => b.add('Sub', [x, y]),
      () => b.add('Mul', [x, y]),
      () => b.add('Neg', [x]),
      () => b.add('Relu', [x]),
      () => b.add('Sigmoid', [x]),
      () => b.add('Max', [x, y]),
      () => b.add('MatMul', [x, weights]),
      () => b.add('Add', [y, b.add('ReduceSum', [x, axis], { keepdims: 1 })]),
      () => b.add('Reshape', [b.add('Identity', [x]), flat]),
      () => b.add('Where', [b.add('Less', [x, y]), x, b.add('Tanh', [y])]),
      () => b.add('Softmax', [x], { axis: 1 }),
    ]
    values.push(makers[op]())
  }
  const last = values[values.length - 1]
  b.output('Y', last, type)
  return { graph: b.build(), values }
}

const rowsOf = (batch: number): Float64Array => Float64Array.from({ length: batch * WIDTH }, (_, i) => Math.fround(((i * 2654435761) % 1000) / 250 - 2))

test('sharing memory changes no bit: the output alone equals the output beside every other value', async () => {
  await fc.assert(
    fc.asyncProperty(recipes, fc.constantFrom(1, 3, 300), async (recipe, batch) => {
      const { graph, values } = randomGraph(recipe)
      const type = { dtype: 'float64', shape: ['batch', WIDTH] } as const
      const inner = values.slice(1).map((name) => ({ name, type }))
      const alone = await load(graph, { device: 'cpu' })
      // As outputs, all values live to the end and none can share memory.
      const apart = await load({ ...graph, outputs: [...inner.filter(({ name }) => name !== 'Y'), ...graph.outputs] }, { device: 'cpu' })
      const X = rowsOf(batch)
      const expected = apart.runSync({ X }).Y
      assert.deepEqual(alone.runSync({ X }).Y, expected)
      assert.deepEqual(alone.runSync({ X }).Y, expected, 'a second run in the same memory')
      assert.ok(alone.memory.activations <= apart.memory.io + apart.memory.activations)
    }),
    { numRuns: 60 },
  )
})

test('row independence: a batch equals its rows one by one, bit for bit', async () => {
  await fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      const model = await load(randomGraph(recipe).graph, { device: 'cpu' })
      const X = rowsOf(7)
      const whole = model.runSync({ X }).Y.data as Float64Array
      for (let r = 0; r < 7; r++) {
        const row = model.runSync({ X: X.slice(r * WIDTH, (r + 1) * WIDTH) }).Y.data as Float64Array
        assert.deepEqual(row, whole.slice(r * WIDTH, (r + 1) * WIDTH))
      }
    }),
    { numRuns: 60 },
  )
})

test('a batch of many row blocks equals the same rows in one block', async () => {
  await fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      const model = await load(randomGraph(recipe).graph, { device: 'cpu' })
      const X = rowsOf(700)
      const whole = model.runSync({ X }).Y.data as Float64Array
      const tail = model.runSync({ X: X.slice(600 * WIDTH) }).Y.data as Float64Array
      assert.deepEqual(tail, whole.slice(600 * WIDTH))
    }),
    { numRuns: 30 },
  )
})

test('only what an output needs is computed', async () => {
  const b = graphBuilder()
  const type = { dtype: 'float64', shape: ['batch', 2] } as const
  const x = b.input('X', type)
  b.output('cheap', b.add('Neg', [x]), type)
  // A step that must fail if it runs: a broadcast that does not fit any batch but 3.
  b.output('failing', b.add('Add', [x, b.constant(tensor(new Float64Array(6), [3, 2]))]), type)
  const model = await load(b.build(), { device: 'cpu' })
  assert.deepEqual(model.runSync({ X: [[1, 2], [3, 4]] }, ['cheap']).cheap.data, Float64Array.of(-1, -2, -3, -4))
  assert.throws(() => model.runSync({ X: [[1, 2], [3, 4]] }, ['failing']))
})
