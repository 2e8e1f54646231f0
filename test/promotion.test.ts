// Small models that 'auto' keeps on cpu: large batches move to wasm once that pays, with the same bits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import { load, MleError, tensor, type Model } from '../src/index.ts'
import { promotedSession, Promotion } from '../src/promotion.ts'
import { noise } from './ops/wasm/equal.ts'

const ROWS = 600

function logistic(): Graph {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float64', shape: ['batch', 5] })
  const scores = b.add('Gemm', [x, b.constant(noise(1, 'float64', [3, 5], 0)), b.constant(tensor(Float64Array.of(0.1, -0.2, 0.3)))], { transB: 1 })
  b.output('probabilities', b.add('Softmax', [scores]), { dtype: 'float64', shape: ['batch', 3] })
  return b.build()
}

async function promoted(model: Model, X: Float64Array): Promise<void> {
  while (model.batchDevice === 'cpu') {
    for (let i = 0; i < 20; i++) model.runSync({ X })
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

test('large batches of a small model move to wasm and keep their bits; rows stay on cpu', async () => {
  using model = await load(logistic())
  using cpu = await load(logistic(), { device: 'cpu' })
  assert.equal(model.device.name, 'cpu')
  assert.equal(model.batchDevice, 'cpu')
  const X = noise(2, 'float64', [ROWS, 5], 0.05).data as Float64Array
  const before = model.session({ batch: ROWS })
  ;(before.inputs.X.data as Float64Array).set(X)
  const expected = cpu.runSync({ X })
  assert.deepEqual(model.runSync({ X }), expected)
  const memory = model.memory
  await promoted(model, X)
  assert.equal(model.batchDevice, 'wasm')
  assert.deepEqual(model.runSync({ X }), expected)
  assert.deepEqual(await model.run({ X }), expected)
  assert.deepEqual(model.runSync({ X: X.subarray(0, 5) }), cpu.runSync({ X: X.subarray(0, 5) }))
  before.run()
  assert.deepEqual(before.outputs.probabilities.data, expected.probabilities.data)
  const after = model.session({ batch: ROWS })
  ;(after.inputs.X.data as Float64Array).set(X)
  after.run()
  assert.deepEqual(after.outputs.probabilities.data, expected.probabilities.data)
  assert.ok(model.memory.peak > memory.peak, 'memory on wasm counts')
  assert.equal(cpu.batchDevice, 'cpu')
})

test('a session of large batches moves by itself, and its arrays stay where they are', async () => {
  using model = await load(logistic())
  using cpu = await load(logistic(), { device: 'cpu' })
  const session = model.session({ batch: ROWS })
  const [input, output] = [session.inputs.X.data as Float64Array, session.outputs.probabilities.data as Float64Array]
  input.set(noise(3, 'float64', [ROWS, 5], 0.05).data as Float64Array)
  while (model.batchDevice === 'cpu') {
    for (let i = 0; i < 20; i++) session.run()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const before = model.memory
  for (let seed = 4; seed < 7; seed++) {
    const X = noise(seed, 'float64', [ROWS, 5], 0.05).data as Float64Array
    input.set(X)
    session.run()
    assert.deepEqual(output, cpu.runSync({ X }).probabilities.data)
  }
  assert.equal(session.inputs.X.data, input)
  assert.equal(session.outputs.probabilities.data, output)
  assert.ok(model.memory.io >= before.io + ROWS * 8 * 8, 'wasm has computed it, over inputs and outputs of its own')
  session.dispose()
  assert.ok(model.memory.io < before.io, 'both sessions are given back')
})

test('where wasm has no room for a session, it stays on cpu; other errors show', async () => {
  using model = await load(logistic(), { device: 'cpu' })
  const options = { batch: ROWS }
  const promotion = new Promotion(async () => ({ session: () => { throw new MleError(code, 'as asked') }, dispose() {} }) as unknown as Model)
  let code = 'MEMORY_LIMIT'
  promotion.spent(100)
  await new Promise((resolve) => setTimeout(resolve, 1))
  const session = promotedSession(model.session(options), promotion, options)
  const X = noise(3, 'float64', [ROWS, 5], 0.05).data as Float64Array
  ;(session.inputs.X.data as Float64Array).set(X)
  session.run()
  assert.deepEqual(session.outputs.probabilities.data, model.runSync({ X }).probabilities.data)
  code = 'SESSION_DIMENSION'
  session.run()
  assert.throws(() => promotedSession(model.session(options), promotion, options).run(), { code })
  session.dispose()
  assert.throws(() => session.run(), { code: 'MODEL_DISPOSED' })
})

test('32 rows are a large batch, 31 are not', async () => {
  using model = await load(logistic())
  const X = noise(2, 'float64', [32, 5], 0).data as Float64Array
  const few = model.session({ batch: 31 })
  for (const end = performance.now() + 20; performance.now() < end; ) {
    model.runSync({ X: X.subarray(0, 31 * 5) })
    few.run()
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(model.batchDevice, 'cpu')
  while (model.batchDevice === 'cpu') {
    for (let i = 0; i < 100; i++) model.runSync({ X })
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.equal(model.batchDevice, 'wasm')
})

test('single rows and an explicit cpu never start WebAssembly', async () => {
  using model = await load(logistic())
  using cpu = await load(logistic(), { device: 'cpu' })
  const single = model.session({ batch: 5 })
  const X = noise(2, 'float64', [ROWS, 5], 0).data as Float64Array
  const end = performance.now() + 30
  while (performance.now() < end) {
    model.runSync({ X: X.subarray(0, 5) })
    cpu.runSync({ X })
    single.run()
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(model.batchDevice, 'cpu')
  assert.equal(cpu.batchDevice, 'cpu')
})

test('where wasm cannot be had, cpu goes on and nobody asks again', async () => {
  let asked = 0
  const promotion = new Promotion(async () => {
    asked++
    throw new Error('forbidden')
  })
  promotion.spent(1)
  assert.equal(asked, 0)
  promotion.spent(100)
  await new Promise((resolve) => setTimeout(resolve, 1))
  promotion.spent(100)
  assert.equal(asked, 1)
  assert.equal(promotion.model, undefined)
})

test('a model disposed before its wasm twin is there disposes of it too', async () => {
  const twin = await load(logistic(), { device: 'wasm' })
  const promotion = new Promotion(async () => twin)
  promotion.spent(100)
  promotion.dispose()
  await new Promise((resolve) => setTimeout(resolve, 1))
  assert.equal(promotion.model, undefined)
  assert.throws(() => twin.runSync({ X: new Float64Array(5) }), { code: 'MODEL_DISPOSED' })
})
