// The straight way through: static shapes, symbolic shapes, shape values, data-dependent shapes, sessions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../../src/graph/builder.ts'
import { load, MleError, tensor } from '../../src/index.ts'
import { body, BOOL, float32, graph, INT, int64, run, scalar } from './graphs.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

/** Probabilities of a binary logistic regression as scikit-learn computes them. */
function logisticRegression() {
  return graph((b) => {
    const x = b.input('X', { dtype: 'float64', shape: ['batch', 3] })
    const score = b.add('Add', [b.add('MatMul', [x, b.constant(tensor([[0.5], [-1.25], [2]]))]), b.constant(tensor([0.125]))])
    const p = b.add('Sigmoid', [score])
    const q = b.add('Sub', [b.constant(tensor([1])), p])
    b.output('probabilities', b.add('Concat', [q, p], { axis: 1 }), { dtype: 'float64', shape: ['batch', 2] })
    b.output('label', b.add('ArgMax', [b.add('Concat', [q, p], { axis: 1 })], { axis: 1, keepdims: 0 }), { dtype: 'int64', shape: ['batch'] })
  })
}

test('float64 logistic regression', async () => {
  const X = [[0.1, 0.2, 0.3], [-1, 2, -3], [0, 0, 0]]
  const { probabilities, label } = await run(logisticRegression(), { X })
  const expected = X.map(([a, b, c]) => 1 / (1 + Math.exp(-(0.5 * a - 1.25 * b + 2 * c + 0.125))))
  expected.forEach((p, i) => {
    assert.ok(Math.abs(Number(probabilities.data[2 * i + 1]) - p) <= 4e-16)
    assert.ok(Math.abs(Number(probabilities.data[2 * i]) - (1 - p)) <= 4e-16)
  })
  assert.deepEqual(label, int64(1, 0, 1))
})

test('a batch over the row block gives the rows of single runs, bit for bit', async () => {
  const model = await load(logisticRegression(), { device: 'cpu' })
  const X = Float64Array.from({ length: 3 * 700 }, (_, i) => ((i * 7919) % 1000) / 250 - 2)
  const whole = model.runSync({ X }).probabilities
  for (const row of [0, 255, 256, 257, 511, 512, 699]) {
    assert.deepEqual(whole.data.slice(2 * row, 2 * row + 2), model.runSync({ X: X.slice(3 * row, 3 * row + 3) }).probabilities.data, `row ${row}`)
  }
})

/** Attention scores over a symbolic sequence length; Shape -> Concat -> Reshape folds when a length is bound. */
function attention() {
  return graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['batch', 'sequence', 4] })
    const rows = b.add('Slice', [b.add('Shape', [x]), b.constant(int64(0)), b.constant(int64(2))])
    const heads = b.add('Reshape', [x, b.add('Concat', [rows, b.constant(int64(2, 2))], { axis: 0 })])
    const q = b.add('Transpose', [heads], { perm: [0, 2, 1, 3] })
    const k = b.add('Transpose', [heads], { perm: [0, 2, 3, 1] })
    b.output('scores', b.add('Softmax', [b.add('MatMul', [q, k])], { axis: -1 }), { dtype: 'float32', shape: ['batch', 2, 'sequence', 'sequence'] })
  })
}

function naiveAttention(x: Float32Array, batch: number, length: number): number[] {
  const out: number[] = []
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < 2; h++) {
      for (let i = 0; i < length; i++) {
        const at = (t: number, d: number): number => x[(b * length + t) * 4 + h * 2 + d]
        const scores = Array.from({ length }, (_, j) => Math.exp(at(i, 0) * at(j, 0) + at(i, 1) * at(j, 1)))
        const sum = scores.reduce((all, score) => all + score, 0)
        out.push(...scores.map((score) => score / sum))
      }
    }
  }
  return out
}

test('MatMul and Softmax over a symbolic sequence length', async () => {
  const model = await load(attention(), { device: 'cpu' })
  for (const [batch, length] of [[1, 1], [2, 5], [1, 7], [2, 5], [3, 2]]) {
    const x = Float32Array.from({ length: batch * length * 4 }, (_, i) => ((i * 37) % 19) / 10 - 0.9)
    const { scores } = await model.run({ x: float32([...x], [batch, length, 4]) })
    assert.deepEqual(scores.shape, [batch, 2, length, length])
    naiveAttention(x, batch, length).forEach((value, i) => assert.ok(Math.abs(Number(scores.data[i]) - value) <= 2e-6, `[${batch}, ${length}] element ${i}`))
  }
})

test('shape values fold when a shape is bound: a session has every output in place', async () => {
  const model = await load(attention(), { device: 'cpu' })
  const session = model.session({ batch: 1, dims: { sequence: 3 } })
  assert.deepEqual(session.outputs.scores.shape, [1, 2, 3, 3])
  session.run()
  assert.ok((session.outputs.scores.data as Float32Array).every((value) => Math.abs(value - 1 / 3) < 1e-6))
})

test('shapes that depend on data', async () => {
  const g = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['n'] })
    const positions = b.add('Reshape', [b.add('NonZero', [x]), b.constant(int64(-1))])
    const found = b.add('Gather', [x, positions], { axis: 0 })
    b.output('found', b.add('Add', [found, b.constant(float32([10]))]), { dtype: 'float32', shape: [null] })
    b.output('count', b.add('Shape', [found]), { dtype: 'int64', shape: [1] })
  })
  const model = await load(g, { device: 'cpu' })
  for (const values of [[0, 1, 0, 2], [0, 0, 0, 0], [5, 6, 7, 8]]) {
    const kept = values.filter((value) => value !== 0)
    const { found, count } = await model.run({ x: float32(values) })
    assert.deepEqual(found, float32(kept.map((value) => value + 10)))
    assert.deepEqual(count, int64(kept.length))
  }
  assert.throws(() => model.session({ batch: 4 }), hasCode('SESSION_DYNAMIC'))
})

test('a Reshape to a shape that a run computes is checked against its input', async () => {
  const g = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['n'] })
    const size = b.add('Size', [b.add('NonZero', [x])])
    b.output('y', b.add('Reshape', [x, b.add('Unsqueeze', [size, b.constant(int64(0))])]), { dtype: 'float32', shape: [null] })
  })
  const model = await load(g, { device: 'cpu' })
  assert.deepEqual((await model.run({ x: float32([1, 2]) })).y, float32([1, 2]))
  await assert.rejects(model.run({ x: float32([1, 0]) }), MleError)
})

test('a Loop whose tensor state grows', async () => {
  const g = graph((b) => {
    const start = b.input('start', { dtype: 'float32', shape: ['n'] })
    const step = b.input('step', { dtype: 'float32', shape: [1] })
    const loopBody = body((inner) => {
      inner.input('i', INT)
      inner.output('c_out', inner.input('c', BOOL), BOOL)
      const state = inner.input('s', { dtype: 'float32' })
      const last = inner.add('Slice', [state, inner.constant(int64(-1)), inner.constant(int64(2 ** 40))])
      const grown = inner.add('Concat', [state, inner.add('Add', [last, step])], { axis: 0 })
      inner.output('s_out', grown, { dtype: 'float32' })
      inner.output('sum', inner.add('ReduceSum', [grown], { keepdims: 0 }), { dtype: 'float32' })
    })
    const [state, sums] = b.addMany('Loop', [b.input('M', INT), '', start], 2, { body: loopBody })
    b.output('state', state, { dtype: 'float32' })
    b.output('sums', sums, { dtype: 'float32' })
  })
  // More iterations than bound shapes are kept, twice.
  for (const m of [0, 1, 40]) {
    const { state, sums } = await run(g, { start: float32([1, 2]), step: float32([0.5]), M: scalar(m) })
    const expected = [1, 2]
    const expectedSums: number[] = []
    for (let i = 0; i < m; i++) {
      expected.push((expected.at(-1) ?? 0) + 0.5)
      expectedSums.push(expected.reduce((all, value) => all + value, 0))
    }
    assert.deepEqual(state, float32(expected))
    assert.deepEqual(sums, float32(expectedSums))
  }
})

test('values of one run are not seen by the next, and in-place steps spare what is read later', async () => {
  const g = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['n'] })
    const a = b.add('Neg', [x])
    const c = b.add('Relu', [a])
    const d = b.add('Add', [a, c])
    const e = b.add('Abs', [b.add('Reshape', [d, b.constant(int64(-1, 1))])])
    b.output('a', a, { dtype: 'float32', shape: ['n'] })
    b.output('sum', b.add('Add', [b.add('Reshape', [e, b.constant(int64(-1))]), d]), { dtype: 'float32', shape: ['n'] })
  })
  const x = [1, -2, 3, -4]
  const { a, sum } = await run(g, { x: float32(x) })
  assert.deepEqual(a, float32(x.map((value) => -value)))
  assert.deepEqual(sum, float32(x.map((value) => {
    const d = -value + Math.max(-value, 0)
    return Math.abs(d) + d
  })))
})

test('outputs that are inputs, constants or folded values come back as copies', async () => {
  const b = graphBuilder()
  const x = b.input('x', { dtype: 'float32', shape: ['n'] })
  b.output('same', x, { dtype: 'float32', shape: ['n'] })
  b.output('constant', b.constant(float32([1, 2])), { dtype: 'float32', shape: [2] })
  b.output('shape', b.add('Shape', [x]), { dtype: 'int64', shape: [1] })
  const model = await load(b.build(), { device: 'cpu' })
  const given = float32([7])
  const first = await model.run({ x: given })
  assert.deepEqual(first, Object.assign(Object.create(null), { same: float32([7]), constant: float32([1, 2]), shape: int64(1) }))
  ;(first.same.data as Float32Array).fill(0)
  ;(first.constant.data as Float32Array).fill(0)
  ;(first.shape.data as BigInt64Array).fill(0n)
  assert.deepEqual(given, float32([7]))
  assert.deepEqual(await model.run({ x: given }), Object.assign(Object.create(null), { same: float32([7]), constant: float32([1, 2]), shape: int64(1) }))
})
