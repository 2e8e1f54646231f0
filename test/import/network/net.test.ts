// What layers are written with: types as values are made, reshaping with open dimensions, subgraphs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNet } from '../../../src/import/network/net.ts'
import { permuted } from '../../../src/import/network/permute.ts'
import { add, channelsFirst, channelsLast, elementwise, ints, reshape, shapeTensor, sizeOfAxis } from '../../../src/import/network/tensors.ts'
import { load, tensor } from '../../../src/index.ts'
import { throwsCode } from '../../support/errors.ts'

test('several open dimensions', async () => {
  const net = createNet('float32')
  const x = net.input('x', 'float32', ['batch', 'steps', 2, 3])
  const rows = reshape(net, x, [-1, 6])
  const back = reshape(net, rows, [sizeOfAxis(x, 0), sizeOfAxis(x, 1), 3, 2])
  assert.deepEqual(back.shape, ['batch', 'steps', 3, 2])
  net.output('y', back)
  const model = await load(net.build({}))
  assert.deepEqual((await model.run({ x: tensor(new Float32Array(60), [2, 5, 2, 3]) })).y.shape, [2, 5, 3, 2])
})

test('elementwise steps keep to the form that exists', () => {
  const net = createNet('float32')
  const x = net.input('x', 'float32', ['batch', 4, 5, 3])
  const last = channelsLast(net, net.emit('Relu', [channelsFirst(net, x)]))
  const twice = elementwise(net, last, (value) => net.emit('Tanh', [value]))
  assert.deepEqual(net.twins.get(twice.name)?.shape, ['batch', 3, 4, 5])
})

test('a scan over time, in order and against it', async () => {
  for (const reverse of [false, true]) {
    const net = createNet('float32')
    const x = net.input('x', 'float32', ['batch', 'steps', 1])
    const zero = net.constant(tensor(Float32Array.of(0), [1, 1]))
    const start = net.emit('Expand', [zero, shapeTensor(net, [sizeOfAxis(x, 0), 1])])
    const { states, outputs } = net.scan([{ ...start, shape: ['batch', 1] }], [x], reverse, (inner, [sum], [slice]) => {
      const next = add(inner, sum, slice)
      return { states: [next], outputs: [next] }
    })
    net.output('total', states[0])
    net.output('sums', outputs[0])
    const model = await load(net.build({}))
    const result = await model.run({ x: tensor(Float32Array.of(1, 2, 4, 8), [1, 4, 1]) })
    assert.deepEqual([...result.sums.data], reverse ? [15, 14, 12, 8] : [1, 3, 7, 15])
    assert.deepEqual([...result.total.data], [15])
  }
})

test('permuted', () => {
  const { shape, data } = permuted(tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3]), [2, 0, 1])
  assert.deepEqual([shape, [...data]], [[3, 1, 2], [1, 4, 2, 5, 3, 6]])
})

test('IMPORT_NUMBER, IMPORT_RANK', () => {
  const net = createNet('float32')
  throwsCode('IMPORT_NUMBER', () => ints(net, [2.5]))
  const x = net.input('x', 'float32', ['batch', 4])
  const shape = net.input('shape', 'int64', ['rank'])
  throwsCode('IMPORT_RANK', () => net.emit('Reshape', [x, shape]))
})
