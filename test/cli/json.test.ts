import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonText } from '../../src/cli/json.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'

test('dtypes', () => {
  assert.equal(jsonText(tensor(BigInt64Array.of(2n ** 60n, -1n))), '[1152921504606846976, -1]\n')
  assert.equal(jsonText({ dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) }), '[false, true]\n')
  assert.equal(jsonText({ dtype: 'float16', shape: [1], data: Uint16Array.of(0x3e00) }), '[1.5]\n')
  assert.equal(jsonText({ dtype: 'string', shape: [2], data: ['a"', null] }), '["a\\"", null]\n')
  assert.equal(jsonText(tensor(Float64Array.of(NaN, -Infinity, -0))), '["NaN", "-Infinity", -0.0]\n')
  assert.equal(jsonText(tensor(3)), '3\n')
})

test('shapes, also empty ones', () => {
  assert.equal(jsonText(tensor(new Float64Array(4), [2, 1, 2])), '[[[0, 0]],\n [[0, 0]]]\n')
  assert.equal(jsonText(tensor(new Float64Array(0), [0, 3])), '[]\n')
  assert.equal(jsonText(tensor(new Float64Array(0), [2, 0])), '[[],\n []]\n')
})

test('sequences, maps and empty optionals', () => {
  const probabilities = new Map<string | number, Tensor>([['yes', tensor(0.75)], [2, tensor(0.25)]])
  assert.deepEqual(JSON.parse(jsonText([probabilities, null])), [{ yes: 0.75, 2: 0.25 }, null])
})

test('finite numbers read back to the same bits', () => {
  fc.assert(fc.property(fc.float64Array({ noNaN: true }), (data) => {
    const finite = data.map((value) => (Number.isFinite(value) ? value : 0))
    assert.deepEqual(JSON.parse(jsonText(tensor(finite))), [...finite])
  }))
})
