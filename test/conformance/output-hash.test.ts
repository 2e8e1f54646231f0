import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOutputs } from '../../conformance/runner/output-hash.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

const float64 = (...data: number[]): Tensor => ({ dtype: 'float64', shape: [data.length], data: Float64Array.from(data) })

test('one bit, a shape or a dtype makes another hash; which NaN it is does not', () => {
  const base = hashOutputs([float64(1, 2)])
  assert.match(base, /^[0-9a-f]{64}$/)
  const float32: Tensor = { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }
  for (const other of [[float64(1, 2 + 2 ** -51)], [{ ...float64(1, 2), shape: [1, 2] }], [float32], [float64(1), float64(2)], [[float64(1, 2)]], [null]]) assert.notEqual(hashOutputs(other), base)
  assert.notEqual(hashOutputs([float64(0)]), hashOutputs([float64(-0)]))
  const signalling = new Float64Array(BigUint64Array.of(0xfff0000000000001n).buffer)
  assert.equal(hashOutputs([{ dtype: 'float64', shape: [1], data: signalling }]), hashOutputs([float64(NaN)]))
  const half = (bits: number): Tensor => ({ dtype: 'float16', shape: [1], data: Uint16Array.of(bits) })
  assert.equal(hashOutputs([half(0xfe01)]), hashOutputs([half(0x7e00)]))
  assert.notEqual(hashOutputs([half(0x7c00)]), hashOutputs([half(0xfc00)]))
})

test('texts are told apart however they are cut, missing ones too; maps and sequences have their own hashes', () => {
  const texts = (...data: (string | null)[]): Tensor => ({ dtype: 'string', shape: [data.length], data })
  const hashes = [[texts('ab', 'c')], [texts('a', 'bc')], [texts('ab', null)], [texts('ab', 'null')], [new Map([['ab', float64(1)]])], [new Map([['ab', float64(2)]])], [[], []], [[]]].map(hashOutputs)
  assert.equal(new Set(hashes).size, hashes.length)
})
