// Floats of 8 and 4 bits: the values that ONNX's tables give, and rounding against a search through all of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DType } from '../../src/tensor/dtype.ts'
import { minifloatBits, minifloatValues } from '../../src/tensor/minifloat.ts'
import { tensor } from '../../src/tensor/tensor.ts'

const EIGHTS: readonly DType[] = ['float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz']

test('the ends of each format', () => {
  const ends: readonly (readonly [DType, number, number])[] = [
    ['float8e4m3fn', 448, 2 ** -9], ['float8e4m3fnuz', 240, 2 ** -10], ['float8e5m2', 57344, 2 ** -16], ['float8e5m2fnuz', 57344, 2 ** -17], ['float4e2m1', 6, 0.5], ['float8e8m0', 2 ** 127, 2 ** -127],
  ]
  for (const [dtype, largest, smallest] of ends) {
    const values = Array.from(minifloatValues(dtype)).filter((value) => Number.isFinite(value) && value > 0)
    assert.equal(Math.max(...values), largest, dtype)
    assert.equal(Math.min(...values), smallest, dtype)
  }
})

test('every value keeps its bits', () => {
  for (const dtype of [...EIGHTS, 'float4e2m1', 'float8e8m0'] as const) {
    const values = minifloatValues(dtype)
    const bits = minifloatBits(dtype, { saturate: false, round: 'nearest' })
    for (let i = 0; i < (dtype === 'float4e2m1' ? 16 : 256); i++) {
      if (Number.isNaN(values[i])) assert.ok(Number.isNaN(values[bits(NaN)]))
      else assert.equal(bits(values[i]), i, `${dtype} ${i}`)
    }
  }
})

test('numbers become the nearest value, ties to even', () => {
  for (const dtype of [...EIGHTS, 'float4e2m1'] as const) {
    const values = minifloatValues(dtype)
    const bits = minifloatBits(dtype)
    const finite = Array.from({ length: dtype === 'float4e2m1' ? 16 : 256 }, (_, i) => i).filter((i) => Number.isFinite(values[i]))
    fc.assert(fc.property(fc.oneof(fc.double({ min: -500, max: 500, noNaN: true }), fc.double({ min: -0.01, max: 0.01, noNaN: true }), fc.constantFrom(...finite).map((i) => (values[i] + values[Math.max(0, i - 1)]) / 2)), (x) => {
      if (!Number.isFinite(x)) return
      const got = values[bits(x)]
      const best = Math.min(...finite.map((i) => Math.abs(values[i] - x)))
      assert.equal(Math.abs(got - x), best, `${dtype} ${x} gives ${got}`)
      if (finite.filter((i) => Math.abs(values[i] - x) === best && values[i] !== 0).length > 1) assert.equal(bits(x) % 2, 0)
    }), { seed: 7 })
  }
})

test('what is beyond the largest', () => {
  const all = (dtype: DType, saturate: boolean): number[] => [1e9, Infinity, -Infinity, NaN].map((x) => minifloatValues(dtype)[minifloatBits(dtype, { saturate, round: 'up' })(x)])
  assert.deepEqual(all('float8e4m3fn', true), [448, 448, -448, NaN])
  assert.deepEqual(all('float8e4m3fn', false), [NaN, NaN, NaN, NaN])
  assert.deepEqual(all('float8e5m2', true), [57344, 57344, -57344, NaN])
  assert.deepEqual(all('float8e5m2', false), [Infinity, Infinity, -Infinity, NaN])
  assert.deepEqual(all('float8e4m3fnuz', true), [240, 240, -240, NaN])
  assert.deepEqual(all('float8e5m2fnuz', false), [NaN, NaN, NaN, NaN])
  assert.deepEqual(all('float4e2m1', false), [6, 6, -6, -0])
})

test('float8e8m0 takes a power of two', () => {
  const of = (x: number, round: 'up' | 'down' | 'nearest', saturate = true): number => minifloatValues('float8e8m0')[minifloatBits('float8e8m0', { saturate, round })(x)]
  assert.deepEqual([of(5, 'up'), of(5, 'down'), of(5, 'nearest'), of(6, 'nearest'), of(8, 'up')], [8, 4, 4, 8, 8])
  assert.deepEqual([of(0, 'up'), of(1e39, 'up'), of(0, 'nearest', false), of(Infinity, 'nearest', false), of(-1, 'up')], [2 ** -127, 2 ** 127, NaN, NaN, NaN])
})

test('tensors of few bits', () => {
  assert.deepEqual(tensor([1, -7.5], undefined, 'float8e4m3fn').data, Uint8Array.of(0x38, 0xcf))
  assert.deepEqual(tensor(Uint8Array.of(0x38), [1], 'float8e4m3fn').data, Uint8Array.of(0x38))
  assert.deepEqual(tensor([-8, 7], undefined, 'int4').data, Int8Array.of(-8, 7))
  assert.throws(() => tensor([8], undefined, 'int4'), { code: 'TENSOR_VALUE' })
})
