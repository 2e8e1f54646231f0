// Graphs that ask for too much end in a coded error, whatever says how much: memory, objects of the engine, iterations.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asMemoryLimit } from '../../src/error.ts'
import { load, MleError } from '../../src/index.ts'
import { body, BOOL, float32, graph, INT, int64, scalar } from '../skeleton/graphs.ts'
import { hostile, HOSTILE, LIMITS } from './hostile-graphs.ts'

const hasCode = (code: string, section?: string) => (error: unknown) => error instanceof MleError && error.code === code && (section === undefined || error.section === section)

for (const device of ['cpu', 'wasm'] as const) {
  for (const areGiven of [true, false]) {
    test(`hostile sizes, ${areGiven ? 'given at run time' : 'as constants'}, on ${device}`, async (t) => {
      for (const one of HOSTILE) {
        await t.test(one.name, async () => {
          const made = hostile(one, areGiven)
          let code = ''
          try {
            using model = await load(made.graph, { device, limits: LIMITS, optimize: !areGiven })
            model.runSync(made.inputs)
          } catch (error) {
            if (!(error instanceof MleError)) throw error
            code = error.code
          }
          assert.ok(one.codes.includes(code), `ended with ${code === '' ? 'no error' : code}, expected ${one.codes.join(', ')}`)
        })
      }
    })
  }
}

test('sizes beyond any memory are refused under the default limits, too', async () => {
  for (const name of ['Expand', 'Expand of a text', 'Tile', 'OneHot', 'Pad', 'DFT of a huge length', 'MatMul to a huge product']) {
    const one = HOSTILE.find((other) => other.name === name)
    assert.ok(one)
    const { graph: made, inputs } = hostile(one, true)
    using model = await load(made)
    await assert.rejects(model.run(inputs), (error: unknown) => hasCode('MEMORY_LIMIT')(error) && (error as MleError).section !== undefined, name)
  }
})

const MIB = 2 ** 20
const floats = (mib: number): ReturnType<typeof int64> => int64((mib * MIB) / 4)

test('values that nobody reads any more do not count', async () => {
  const limits = { maxMemoryBytes: 8 * MIB }
  // A chain of 20 values of 3 MiB, of which two live at once; with the first read at the end, three do.
  const chain = (readsFirst: boolean): ReturnType<typeof graph> => graph((b) => {
    const first = b.add('Expand', [b.constant(float32([1])), b.input('size', { dtype: 'int64', shape: [1] })])
    let value = first
    for (let i = 0; i < 20; i++) value = b.add('Neg', [value])
    b.output('y', b.add('ReduceSum', [readsFirst ? b.add('Add', [value, first]) : value], { keepdims: 0 }), { dtype: 'float32', shape: [] })
  })
  for (const device of ['cpu', 'wasm'] as const) {
    using model = await load(chain(false), { device, limits, optimize: false })
    for (let i = 0; i < 3; i++) assert.equal(model.runSync({ size: floats(3) }).y.data[0], (3 * MIB) / 4)
    assert.throws(() => model.runSync({ size: floats(5) }), hasCode('MEMORY_LIMIT', 'node 1 "Neg"'))
    assert.equal(model.runSync({ size: floats(3) }).y.data[0], (3 * MIB) / 4)
    using more = await load(chain(true), { device, limits, optimize: false })
    assert.throws(() => more.runSync({ size: floats(3) }), hasCode('MEMORY_LIMIT', 'node 2 "Neg"'))
  }
})

test('a loop may make far more than the limit in all, and not hold it', async () => {
  const make = (collects: boolean): ReturnType<typeof graph> => graph((b) => {
    const type = { dtype: 'float32', shape: [null] } as const
    const state = b.addMany('Loop', [b.input('count', { dtype: 'int64', shape: [] }), '', b.add('Expand', [b.constant(float32([1])), b.input('size', { dtype: 'int64', shape: [1] })])], collects ? 2 : 1, {
      body: body((t) => {
        t.input('i', INT)
        const goesOn = t.input('goesOn', BOOL)
        const next = t.add('Neg', [t.input('v', type)])
        t.output('again', goesOn, BOOL)
        t.output('next', next, type)
        if (collects) t.output('slice', t.add('Abs', [next]), type)
      }),
    })
    b.output('y', b.add('ReduceSum', [state[collects ? 1 : 0]], { keepdims: 0 }), { dtype: 'float32', shape: [] })
  })
  using model = await load(make(false), { limits: { maxMemoryBytes: 8 * MIB } })
  assert.equal(model.runSync({ count: scalar(100), size: floats(1) }).y.data[0], MIB / 4)
  using collecting = await load(make(true), { limits: { maxMemoryBytes: 12 * MIB } })
  assert.equal(collecting.runSync({ count: scalar(3), size: floats(1) }).y.data[0], (3 * MIB) / 4)
  assert.throws(() => collecting.runSync({ count: scalar(10), size: floats(1) }), hasCode('MEMORY_LIMIT'))
})

test('limits of runs are those that the caller sets', async () => {
  const g = graph((b) => b.output('y', b.add('Expand', [b.constant(float32([1])), b.input('size', { dtype: 'int64', shape: [1] })]), { dtype: 'float32', shape: ['n'] }))
  using model = await load(g, { limits: { maxMemoryBytes: 1000 } })
  assert.equal(model.runSync({ size: int64(50) }).y.data.length, 50)
  assert.throws(() => model.runSync({ size: int64(500) }), hasCode('MEMORY_LIMIT', 'node 0 "Expand"'))
  await assert.rejects(load(g, { limits: { maxFun: 1 } as object }), TypeError)
  await assert.rejects(load(g, { limits: { maxMemoryBytes: -1 } }), RangeError)
})

test('what the host has no memory for is MEMORY_LIMIT, with the node and what the host said', async () => {
  const one = HOSTILE.find(({ name }) => name === 'Expand')
  assert.ok(one)
  for (const device of ['cpu', 'wasm'] as const) {
    const { graph: made, inputs } = hostile(one, true)
    using model = await load(made, { device, limits: { maxMemoryBytes: Infinity } })
    assert.throws(() => model.runSync(inputs), (error: unknown) => hasCode('MEMORY_LIMIT', 'node 0 "Expand"')(error) && (error as Error).cause instanceof RangeError)
  }
  const messages = [
    'Array buffer allocation failed', 'Invalid typed array length: 5', 'Invalid array length', 'Invalid string length', 'Invalid array buffer length', 'Map maximum size exceeded', 'Out of memory',
    'WebAssembly.Memory(): could not allocate memory', 'WebAssembly.Memory.grow(): Maximum memory size exceeded',
  ]
  for (const message of messages) assert.ok(hasCode('MEMORY_LIMIT')(asMemoryLimit(new RangeError(message))), message)
  for (const error of [new RangeError('Maximum call stack size exceeded'), new RangeError('limit maxBytes is -1, expected a number of at least 0'), new TypeError('Invalid array length'), 'text', new MleError('X', 'out of memory')]) {
    assert.equal(asMemoryLimit(error), error)
  }
})
