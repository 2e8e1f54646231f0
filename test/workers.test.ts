// Worker threads of a model: the same bits as on the caller's thread, errors with their codes, nothing left behind.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { graphBuilder } from '../src/graph/builder.ts'
import type { Graph } from '../src/graph/graph.ts'
import { addTreeEnsemble } from '../src/import/trees.ts'
import { load, MleError, tensor, type Tensor } from '../src/index.ts'
import { encodeTrees } from '../src/ops/trees/encode.ts'
import { randomSource } from './ops/trees/support.ts'

const workerUrl = new URL('./support/worker.mjs', import.meta.url)
const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

/** Probabilities of a small forest, text labels, and int64 numbers handed through. */
function forest(): Graph {
  const random = randomSource(1)
  const trees = encodeTrees(Array.from({ length: 9 }, () => ({
    left: [1, 3, -1, -1, -1], right: [2, 4, -1, -1, -1], feature: [0, 1, 0, 0, 0], threshold: [random() - 0.5, random() - 0.5, 0, 0, 0],
    values: Array.from({ length: 10 }, () => random()),
  })), { width: 2, precision: 'float64' })
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float64', shape: ['batch', 3] })
  const n = b.input('N', { dtype: 'int64', shape: ['batch'] })
  const p = addTreeEnsemble(b, x, trees, { outputs: 2 })
  b.output('label', b.add('mle.LabelLookup', [b.add('ArgMax', [p], { axis: 1, keepdims: 0 }), b.constant(tensor(['no', 'yes'], [2]))]), { dtype: 'string', shape: ['batch'] })
  b.output('probabilities', b.add('Softmax', [p]), { dtype: 'float64', shape: ['batch', 2] })
  b.output('same', b.add('Identity', [n]), { dtype: 'int64', shape: ['batch'] })
  return b.build()
}

function rowsOf(count: number): { X: Float64Array; N: BigInt64Array } {
  const random = randomSource(count)
  return { X: Float64Array.from({ length: 3 * count }, () => random() - 0.5), N: BigInt64Array.from({ length: count }, (_, i) => BigInt(i) << 40n) }
}

test('rows shared out give the bits of one thread, on cpu and wasm', async () => {
  for (const device of ['cpu', 'wasm'] as const) {
    using alone = await load(forest(), { device })
    using model = await load(forest(), { device, workers: 2, workerUrl })
    assert.equal(alone.workers, 0)
    assert.equal(model.workers, 2)
    assert.equal(model.device.name, device)
    for (const rows of [1, 1000, 1024, 3001]) {
      const feeds = rowsOf(rows)
      const expected = await alone.run(feeds)
      assert.deepEqual(await model.run(feeds), expected)
      assert.deepEqual(model.runSync(feeds), expected)
    }
    const many = await Promise.all([2000, 1500, 1100].map((rows) => model.run(rowsOf(rows), ['probabilities'])))
    for (const [i, rows] of [2000, 1500, 1100].entries()) assert.deepEqual(many[i], await alone.run(rowsOf(rows), ['probabilities']))
  }
})

test('a bad row and an aborted run are refused by code, and the threads go on', async () => {
  using model = await load(forest(), { workers: 2, workerUrl })
  const feeds = rowsOf(2000)
  await assert.rejects(model.run({ X: feeds.X, N: feeds.N.subarray(1) }), hasCode('INPUT_SHAPE'))
  await assert.rejects(model.run(feeds, { signal: AbortSignal.abort() }), hasCode('RUN_ABORTED'))
  const controller = new AbortController()
  const running = model.run(feeds, { signal: controller.signal })
  controller.abort()
  await assert.rejects(running, hasCode('RUN_ABORTED'))
  assert.equal((await model.run(feeds)).label.data.length, 2000)
  assert.equal(model.workers, 2)
})

test('a model disposed while it runs says so', async () => {
  const model = await load(forest(), { workers: 1, workerUrl })
  const running = model.run(rowsOf(2000))
  model.dispose()
  await assert.rejects(running, hasCode('MODEL_DISPOSED'))
  assert.equal(model.workers, 0)
})

test('a thread that ends fails its runs by code; the model goes on', async () => {
  using model = await load(forest(), { workers: 2, workerUrl: new URL('./support/crashing-worker.mjs', import.meta.url) })
  assert.equal(model.workers, 2)
  await assert.rejects(model.run(rowsOf(2000)), hasCode('WORKER_CRASHED'))
  for (let i = 0; i < 100 && model.workers > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(model.workers, 0)
  assert.equal(model.whyNoWorkers, 'they have ended')
  assert.equal((await model.run(rowsOf(2000))).label.data.length, 2000)
})

test('worker: true takes every run', async () => {
  using alone = await load(forest())
  using model = await load(forest(), { worker: true, workerUrl })
  assert.equal(model.workers, 1)
  for (const rows of [1, 2000]) assert.deepEqual(await model.run(rowsOf(rows)), await alone.run(rowsOf(rows)))
  await assert.rejects(model.run({ X: [[1, 2, 3]], N: [[1]], M: [1] }), hasCode('INPUT_UNKNOWN'))
})

test('worker: true: a run that does not end is aborted, those that wait for it are computed', async () => {
  const b = graphBuilder()
  const type = { dtype: 'float32', shape: [] } as const
  const body = graphBuilder('body.')
  body.input('i', { dtype: 'int64', shape: [] })
  const goesOn = body.input('goesOn', { dtype: 'bool', shape: [] })
  const v = body.input('v', type)
  body.output('again', goesOn, { dtype: 'bool', shape: [] })
  body.output('next', body.add('Neg', [v]), type)
  b.output('y', b.addMany('Loop', [b.input('count', { dtype: 'int64', shape: [] }), '', b.input('x', type)], 1, { body: { kind: 'graph', value: body.build() } })[0], type)
  using model = await load(b.build(), { worker: true, workerUrl, limits: { maxIterations: 2 ** 40 } })
  const given = (count: bigint): Record<string, Tensor> => ({ count: tensor(BigInt64Array.of(count), []), x: tensor(Float32Array.of(1), []) })
  const controller = new AbortController()
  const endless = model.run(given(1n << 40n), { signal: controller.signal })
  const waiting = model.run(given(3n))
  const unwanted = model.run(given(2n), { signal: controller.signal })
  setTimeout(() => controller.abort('enough'), 20)
  await assert.rejects(endless, (error: unknown) => hasCode('RUN_ABORTED')(error) && (error as Error).cause === 'enough')
  await assert.rejects(unwanted, hasCode('RUN_ABORTED'))
  assert.deepEqual((await waiting).y.data, Float32Array.of(-1))
  assert.equal(model.workers, 1)
  assert.deepEqual((await model.run(given(2n))).y.data, Float32Array.of(1))
  await assert.rejects(model.run(given(2n), { signal: AbortSignal.abort() }), hasCode('RUN_ABORTED'))
  const last = model.run(given(1n << 40n))
  model.dispose()
  await assert.rejects(last, hasCode('MODEL_DISPOSED'))
})

test('without threads or shared memory everything runs on the caller\'s thread', async () => {
  const feeds = rowsOf(2000)
  using alone = await load(forest())
  const expected = await alone.run(feeds)
  {
    using model = await load(forest(), { workers: 2, workerUrl: new URL('./support/missing.mjs', import.meta.url) })
    assert.equal(model.workers, 0)
    assert.match(model.whyNoWorkers ?? '', /missing\.mjs/)
    assert.deepEqual(await model.run(feeds), expected)
  }
  const own = globalThis.SharedArrayBuffer
  try {
    Object.defineProperty(globalThis, 'SharedArrayBuffer', { value: undefined, configurable: true, writable: true })
    using model = await load(forest(), { workers: 2, workerUrl })
    assert.equal(model.workers, 0)
    assert.match(model.whyNoWorkers ?? '', /SharedArrayBuffer/)
    assert.deepEqual(await model.run(feeds), expected)
    // One thread beside the caller's needs no shared memory.
    using apart = await load(forest(), { worker: true, workerUrl })
    assert.equal(apart.workers, 1)
    assert.deepEqual(await apart.run(feeds), expected)
  } finally {
    Object.defineProperty(globalThis, 'SharedArrayBuffer', { value: own, configurable: true, writable: true })
  }
  await assert.rejects(load(forest(), { workers: 1.5 }), RangeError)
})

test('a process with idle threads ends by itself', () => {
  const code = `
import { graphBuilder } from ${JSON.stringify(new URL('../src/graph/builder.ts', import.meta.url).href)}
import { load } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
const b = graphBuilder()
b.output('Y', b.add('Neg', [b.input('X', { dtype: 'float64', shape: ['batch', 1] })]), { dtype: 'float64', shape: ['batch', 1] })
const model = await load(b.build(), { workers: 2, workerUrl: ${JSON.stringify(workerUrl.href)} })
console.log(model.workers, (await model.run({ X: new Float64Array(2000).fill(3) })).Y.data[1999])`
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { encoding: 'utf8', timeout: 30_000 })
  assert.equal(child.stderr, '')
  assert.equal(child.stdout, '2 -3\n')
  assert.equal(child.status, 0)
})
