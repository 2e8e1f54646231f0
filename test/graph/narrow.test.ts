import assert from 'node:assert/strict'
import { test } from 'node:test'
import { narrowGraph, refuseFloat64 } from '../../src/graph/narrow.ts'
import { load, MleError, tensor } from '../../src/index.ts'
import { allSchemas } from '../../src/ops/registry.ts'
import { body, bool, BOOL, float32, graph } from '../skeleton/graphs.ts'

/** float64 in every place it can hide: inputs, constants, casts, subgraphs, sequences. */
const wide = graph((b) => {
  const x = b.input('x', { dtype: 'float64', shape: ['n'] })
  const cond = b.input('cond', BOOL)
  const sum = b.add('Add', [b.add('Cast', [b.add('Cast', [x], { to: 'int32' })], { to: 'float64' }), b.constant(tensor([0.5]))])
  const chosen = b.add('If', [cond], {
    then_branch: body((t) => t.output('t', t.add('Add', [sum, t.constant(tensor([1]))]), { dtype: 'float64' })),
    else_branch: body((t) => t.output('e', t.add('SequenceAt', [t.add('SequenceInsert', [t.add('SequenceEmpty', [], { dtype: 'float64' }), sum]), t.constant(tensor(BigInt64Array.of(0n), []))]), { dtype: 'float64' })),
  })
  b.output('y', chosen, { dtype: 'float64' })
})

test('a float64 graph is refused by the name of a value', () => {
  assert.throws(() => refuseFloat64(wide, allSchemas()), (error: unknown) => error instanceof MleError && error.code === 'DEVICE_FLOAT64' && error.message.includes('"x"'))
})

test('float64 in a subgraph alone is found', () => {
  const hidden = graph((b) => {
    const cond = b.input('cond', BOOL)
    const branch = body((t) => t.output('t', t.add('Cast', [t.add('Cast', [cond], { to: 'float64' })], { to: 'float32' }), { dtype: 'float32' }))
    b.output('y', b.add('If', [cond], { then_branch: branch, else_branch: branch }), { dtype: 'float32' })
  })
  assert.throws(() => refuseFloat64(hidden, allSchemas()), (error: unknown) => error instanceof MleError && error.code === 'DEVICE_FLOAT64')
  refuseFloat64(narrowGraph(hidden), allSchemas())
})

test('the narrowed graph computes in float32 everywhere', async () => {
  refuseFloat64(narrowGraph(wide), allSchemas())
  const model = await load(wide, { device: 'cpu', precision: 'float32' })
  assert.deepEqual((await model.run({ x: Float64Array.of(1.25, 2), cond: bool(true) })).y, float32([2.5, 3.5]))
  assert.deepEqual((await model.run({ x: Float64Array.of(1.25, 2), cond: bool(false) })).y, float32([1.5, 2.5]))
})

test('an operator that takes float64 only keeps it, between casts', async () => {
  const distances = graph((b) => {
    const x = b.input('x', { dtype: 'float64', shape: ['n', 2] })
    const points = b.constant({ dtype: 'float64', shape: [2, 2], data: Float64Array.of(0, 0, 1 / 3, 1) }, 'points')
    b.output('y', b.add('Sqrt', [b.add('mle.CircularConvolution', [b.add('Add', [x, points]), points])]), { dtype: 'float64' })
  })
  const narrowed = narrowGraph(distances, allSchemas())
  assert.deepEqual(narrowed.nodes.map(({ op, attributes }) => `${op}${String(attributes.get('to')?.value ?? '')}`), ['Add', 'Castfloat64', 'CircularConvolution', 'Castfloat32', 'Sqrt', 'Identity'])
  assert.deepEqual([...narrowed.initializers].map(([name, { dtype }]) => [name, dtype]), [['points.0', 'float32'], ['points.0.float64', 'float64']])
  assert.deepEqual(narrowed.outputs[0].type, { dtype: 'float32' })
})
