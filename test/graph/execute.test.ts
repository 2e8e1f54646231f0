// What the executor refuses while running, where files and callers may have lied about types.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, MleError, tensor } from '../../src/index.ts'
import { body, BOOL, float32, graph, int64, scalar } from '../skeleton/graphs.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

test('a value of another dtype than planned never reaches a kernel', async () => {
  const g = graph((b) => {
    const s = b.input('s', { sequence: { dtype: 'float32' } })
    b.output('y', b.add('Relu', [b.add('SequenceAt', [s, b.constant(scalar(0))])]), { dtype: 'float32' })
  })
  const model = await load(g, { device: 'cpu' })
  assert.deepEqual((await model.run({ s: [float32([-1, 1])] })).y, float32([0, 1]))
  await assert.rejects(model.run({ s: [tensor([-1, 1])] }), hasCode('GRAPH_DTYPE'))
})

test('an output of a step that was bound to a shape is held to it', async () => {
  // Both branches declare [2]; the operator's rule keeps what both have, so the sum after it is static.
  const g = graph((b) => {
    const cond = b.input('cond', BOOL)
    const x = b.input('x', { dtype: 'float32', shape: [2] })
    const make = (name: string) => body((t) => t.output(name, t.add('Relu', [x]), { dtype: 'float32', shape: [2] }))
    b.output('y', b.add('Add', [b.add('If', [cond], { then_branch: make('t'), else_branch: make('e') }), b.constant(float32([1, 1]))]), { dtype: 'float32', shape: [2] })
  })
  const model = await load(g, { device: 'cpu' })
  const session = model.session({ batch: 1 })
  ;(session.inputs.x.data as Float32Array).set([3, -3])
  session.run()
  assert.deepEqual(session.outputs.y.data, float32([4, 1]).data)
})

test('an error of a kernel names its node and keeps its code', async () => {
  const g = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['n'] })
    const at = b.input('at', { dtype: 'int64', shape: [1] })
    b.output('y', b.add('Gather', [b.add('Relu', [x]), at], { axis: 0 }), { dtype: 'float32', shape: [1] })
  })
  const model = await load(g, { device: 'cpu' })
  await assert.rejects(model.run({ x: float32([1]), at: int64(7) }), (error: unknown) => error instanceof MleError && /graph node 1 "Gather"/.test(error.message))
  assert.deepEqual((await model.run({ x: float32([1]), at: int64(0) })).y, float32([1]))
})

test('loading with unknown operators or undefined values fails by name', async () => {
  const g = graph((b) => b.output('y', b.add('Relu', [b.input('x', { dtype: 'float32', shape: [1] })]), { dtype: 'float32', shape: [1] }))
  await assert.rejects(load({ ...g, nodes: g.nodes.map((node) => ({ ...node, op: 'Nope' })) }), hasCode('GRAPH_OPERATOR'))
  await assert.rejects(load({ ...g, nodes: g.nodes.map((node) => ({ ...node, version: 9999 })) }).then((model) => model.run({ x: [1] })), hasCode('GRAPH_VERSION'))
  await assert.rejects(load({ ...g, nodes: g.nodes.map((node, i) => (i === 0 ? { ...node, inputs: ['gone'] } : node)) }).then((model) => model.run({ x: [1] })), hasCode('GRAPH_UNDEFINED'))
  const [info] = g.inputs
  for (const inputs of [[info, info], [info, { ...info, name: '' }], [{ ...info, name: g.nodes[0].outputs[0] }, info]]) {
    await assert.rejects(load({ ...g, inputs }).then((model) => model.run(Object.fromEntries(inputs.map(({ name }) => [name, [1]])))), hasCode('GRAPH_NAME'))
  }
  await assert.rejects(load({ ...g, initializers: new Map([['x', float32([1])]]) }).then((model) => model.run({ x: [1] })), hasCode('GRAPH_NAME'))
  const model = await load(g, { device: 'cpu' })
  assert.throws(() => model.runSync({ x: [1] }, ['nope']), hasCode('GRAPH_OUTPUT'))
})
