import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import { load, MleError, tensor } from '../src/index.ts'

function identityGraph(dtype: 'float64' | 'int64' | 'float32' | 'float16' = 'float64'): Graph {
  const b = graphBuilder()
  const type = { dtype, shape: ['batch', 2] } as const
  b.output('Y', b.add('Identity', [b.input('X', type)]), type)
  return b.build({ methods: [{ name: 'transform', outputs: ['Y'] }], columns: [{ name: 'a', input: 'X', index: 0 }, { name: 'b', input: 'X', index: 1 }] })
}

const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

test('nested arrays, flat arrays, tensors and objects give the same output', async () => {
  const model = await load(identityGraph())
  const expected = { dtype: 'float64', shape: [2, 2], data: Float64Array.of(1, NaN, 3, 4) }
  assert.deepEqual((await model.run({ X: [[1, null], [3, 4]] })).Y, expected)
  assert.deepEqual((await model.run({ X: Float64Array.of(1, NaN, 3, 4) })).Y, expected)
  assert.deepEqual((await model.run({ X: tensor(Float32Array.of(1, NaN, 3, 4), [2, 2]) })).Y, expected)
  assert.deepEqual((await model.run({ X: [{ b: null, a: 1 }, { a: 3, b: 4 }] })).Y, expected)
  assert.deepEqual(await model.transform([{ b: null, a: 1 }, { a: 3, b: 4 }]), expected)
  assert.deepEqual((await model.run({ X: [Float64Array.of(1, NaN), Float32Array.of(3, 4)] })).Y, expected)
  assert.deepEqual(await model.transform([Float64Array.of(1, NaN), [3, 4]]), expected)
})

test('rows as typed arrays reach inputs of other dtypes, and are checked as others are', async () => {
  const integers = await load(identityGraph('int64'))
  const expected = { dtype: 'int64', shape: [2, 2], data: BigInt64Array.of(1n, -2n, 3n, 4n) }
  assert.deepEqual((await integers.run({ X: [Int32Array.of(1, -2), BigInt64Array.of(3n, 4n)] })).Y, expected)
  assert.throws(() => integers.runSync({ X: [Float64Array.of(0.5, 1)] }), hasCode('TENSOR_VALUE'))
  const floats = await load(identityGraph())
  assert.throws(() => floats.runSync({ X: [Float64Array.of(1, 2), Float64Array.of(1, 2, 3)] }), hasCode('TENSOR_RAGGED'))
  assert.throws(() => floats.runSync({ X: [Float64Array.of(1, 2), 3] }), hasCode('TENSOR_RAGGED'))
  const halves = await load(identityGraph('float16'))
  assert.deepEqual((await halves.run({ X: [Uint16Array.of(0x3c00, 0x4000)] })).Y.data, Uint16Array.of(0x3c00, 0x4000))
  assert.deepEqual((await halves.run({ X: [Float32Array.of(1, 2)] })).Y.data, Uint16Array.of(0x3c00, 0x4000))
})

test('a batch larger than a row block comes back whole and in order', async () => {
  const model = await load(identityGraph())
  const rows = Float64Array.from({ length: 2 * 1001 }, (_, i) => i)
  const { Y } = model.runSync({ X: rows })
  assert.deepEqual(Y.shape, [1001, 2])
  assert.deepEqual(Y.data, rows)
})

test('int64 crosses the API as BigInt64Array', async () => {
  const model = await load(identityGraph('int64'))
  const { Y } = await model.run({ X: tensor(BigInt64Array.of(1n, -2n, 2n ** 62n, 4n), [2, 2]) })
  assert.deepEqual(Y.data, BigInt64Array.of(1n, -2n, 2n ** 62n, 4n))
  assert.deepEqual((await model.run({ X: [[1, -2]] })).Y.data, BigInt64Array.of(1n, -2n))
})

test('results are fresh arrays', async () => {
  const model = await load(identityGraph())
  const first = await model.run({ X: [[1, 2]] })
  await model.run({ X: [[3, 4]] })
  assert.deepEqual(first.Y.data, Float64Array.of(1, 2))
})

test('a session keeps its memory beside other runs', async () => {
  const model = await load(identityGraph())
  const session = model.session({ batch: 1 })
  session.inputs.X.data[1] = 5
  await model.run({ X: [[8, 9]] })
  session.run()
  assert.deepEqual(session.outputs.Y.data, Float64Array.of(0, 5))
})

for (const device of ['cpu', 'wasm'] as const) {
  test(`on ${device} a session that was disposed, or whose model was, is refused: its memory may be another model's`, async () => {
    const model = await load(identityGraph(), { device })
    const [own, left] = [model.session({ batch: 1 }), model.session({ batch: 1 })]
    const { X } = own.inputs
    own.dispose()
    own.dispose()
    left.run()
    model.dispose()
    const other = (await load(identityGraph(), { device })).session({ batch: 1 })
    other.inputs.X.data[1] = 5
    for (const session of [own, left]) {
      assert.throws(() => session.run(), hasCode('MODEL_DISPOSED'))
      assert.throws(() => session.outputs.Y.data, hasCode('MODEL_DISPOSED'))
    }
    assert.throws(() => X.data, hasCode('MODEL_DISPOSED'))
    other.run()
    assert.deepEqual(other.outputs.Y.data, Float64Array.of(0, 5))
  })
}

test('inputs that do not fit are refused by code', async () => {
  const model = await load(identityGraph())
  assert.throws(() => model.runSync({ X: [[1, 2, 3]] }), hasCode('INPUT_SHAPE'))
  assert.throws(() => model.runSync({ X: Float64Array.of(1, 2, 3) }), hasCode('INPUT_SHAPE'))
  assert.throws(() => model.runSync({ X: [[1, 2], [3]] }), hasCode('TENSOR_RAGGED'))
  assert.throws(() => model.runSync({ X: [[1, 'two']] as never }), hasCode('INPUT_VALUE'))
  assert.throws(() => model.runSync({}), hasCode('INPUT_MISSING'))
  assert.throws(() => model.runSync({ Z: [[1, 2]] }), hasCode('INPUT_UNKNOWN'))
  assert.throws(() => model.runSync({ X: [{ a: 1, c: 2 }] }), hasCode('INPUT_COLUMNS'))
  assert.throws(() => model.runSync({ X: [[1, 2]] }, ['nope']), hasCode('GRAPH_OUTPUT'))
  await assert.rejects(model.predict([[1, 2]]), hasCode('METHOD_UNKNOWN'))
  const integers = await load(identityGraph('int64'))
  assert.throws(() => integers.runSync({ X: Float64Array.of(1, 2) }), hasCode('INPUT_DTYPE'))
})

test('a disposed model says so', async () => {
  const model = await load(identityGraph())
  model.dispose()
  assert.throws(() => model.runSync({ X: [[1, 2]] }), hasCode('MODEL_DISPOSED'))
})

test('an aborted run stops between row blocks', async () => {
  const model = await load(identityGraph())
  await assert.rejects(model.run({ X: new Float64Array(2000) }, { signal: AbortSignal.abort() }), hasCode('RUN_ABORTED'))
})

test('wide activations take few rows at once, whatever the batch', async () => {
  const width = 400_000
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float64', shape: ['batch', 1] })
  const wide = b.add('Mul', [x, b.constant(tensor(new Float64Array(width).fill(0.5), [1, width]))])
  const axis = b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })
  b.output('Y', b.add('ReduceSum', [wide, axis], { keepdims: 0 }), { dtype: 'float64', shape: ['batch'] })
  const graph = b.build()
  for (const device of ['cpu', 'wasm'] as const) {
    using model = await load(graph, { device })
    for (const rows of [2, 200, 300]) {
      const { Y } = model.runSync({ X: Float64Array.from({ length: rows }, (_, r) => r) })
      assert.deepEqual(Array.from(Y.data, Number), Array.from({ length: rows }, (_, r) => r * 0.5 * width))
    }
    assert.ok(model.memory.activations <= 64 * 2 ** 20, `${device}: ${model.memory.activations} bytes`)
  }
})

test('memory counts the weights wherever they are: in the graph, and once more where a kernel has a layout of its own', async () => {
  const size = 700
  const productBy = (op: string, attributes: Record<string, number> = {}): Graph => {
    const b = graphBuilder()
    const x = b.input('X', { dtype: 'float64', shape: ['batch', size] })
    b.output('Y', b.add(op, [x, b.constant(tensor(new Float64Array(size * size), [size, size]))], attributes), { dtype: 'float64', shape: ['batch', size] })
    return b.build()
  }
  const weights = size * size * 8
  const slack = 2 ** 20
  const cases = [[productBy('MatMul'), 'cpu', 2], [productBy('MatMul'), 'wasm', 2], [productBy('Gemm', { transB: 1 }), 'cpu', 1], [productBy('Gemm', { transB: 1 }), 'wasm', 2]] as const
  for (const [graph, device, copies] of cases) {
    using model = await load(graph, { device })
    assert.equal(model.memory.weights, weights)
    model.runSync({ X: new Float64Array(size) })
    const { peak } = model.memory
    assert.ok(peak >= copies * weights && peak < copies * weights + slack, `${device}: ${peak} bytes for ${weights} of weights`)
    model.runSync({ X: new Float64Array(size) })
    assert.equal(model.memory.peak, peak)
  }
})
