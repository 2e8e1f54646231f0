import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allocateData, bytesPerElement, dtypeOfArray, is64BitInteger, isDType, isFloat, isInteger, viewData, viewKernelData, type DType } from '../../src/tensor/dtype.ts'

const BYTES: readonly (readonly [DType, number])[] = [
  ['float32', 4], ['float64', 8], ['float16', 2], ['bfloat16', 2], ['int8', 1], ['int16', 2], ['int32', 4], ['int64', 8], ['uint8', 1], ['uint16', 2], ['uint32', 4], ['uint64', 8], ['bool', 1], ['string', 0],
  ['float8e4m3fn', 1], ['float8e4m3fnuz', 1], ['float8e5m2', 1], ['float8e5m2fnuz', 1], ['float8e8m0', 1], ['float4e2m1', 1], ['int4', 1], ['uint4', 1], ['int2', 1], ['uint2', 1],
]

test('sizes and kinds', () => {
  for (const [dtype, bytes] of BYTES) {
    assert.equal(bytesPerElement(dtype), bytes, dtype)
    assert.ok(isDType(dtype))
  }
  const named = (rule: (dtype: DType) => boolean): string[] => BYTES.map(([dtype]) => dtype).filter(rule)
  assert.deepEqual(named(isFloat), ['float32', 'float64', 'float16', 'bfloat16'])
  assert.deepEqual(named(isInteger), ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'int4', 'uint4', 'int2', 'uint2'])
  assert.deepEqual(named(is64BitInteger), ['int64', 'uint64'])
})

test('isDType knows names only, not what objects inherit', () => {
  for (const other of ['', 'float', 'Float32', 'toString', '__proto__', 'constructor', null, 5, ['float32']]) assert.ok(!isDType(other), String(other))
})

test('allocateData gives zeros of the array that the API shows', () => {
  for (const [dtype, bytes] of BYTES) {
    const data = allocateData(dtype, 3)
    assert.equal(data.length, 3)
    if (Array.isArray(data)) assert.deepEqual(data, ['', '', ''])
    else {
      assert.equal(data.byteLength, 3 * bytes, dtype)
      assert.ok(Array.from<number | bigint>(data).every((value) => Number(value) === 0))
    }
  }
  assert.ok(allocateData('int64', 1) instanceof BigInt64Array)
})

test('views: 64-bit integers are pairs of words to kernels', () => {
  const buffer = new ArrayBuffer(32)
  new BigInt64Array(buffer)[1] = -2n
  assert.deepEqual(viewData('int64', buffer, 8, 1), BigInt64Array.of(-2n))
  assert.deepEqual(viewKernelData('int64', buffer, 8, 1), Int32Array.of(-2, -1))
  assert.deepEqual(viewKernelData('uint64', buffer, 8, 1), Uint32Array.of(0xfffffffe, 0xffffffff))
  assert.deepEqual(viewKernelData('float32', buffer, 0, 2), new Float32Array(2))
  assert.throws(() => viewData('float64', buffer, 4, 1), RangeError)
  assert.throws(() => viewData('string', buffer, 0, 1), TypeError)
})

test('dtypeOfArray goes by what the array is', () => {
  for (const dtype of ['float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'] as const) {
    const data = allocateData(dtype, 1)
    assert.ok(!Array.isArray(data))
    assert.equal(dtypeOfArray(data), dtype)
  }
  class Mine extends Float32Array {}
  assert.equal(dtypeOfArray(new Mine(1)), 'float32')
  assert.equal(dtypeOfArray(Buffer.alloc(1)), 'uint8')
  assert.throws(() => dtypeOfArray(new Uint8ClampedArray(1) as unknown as Uint8Array), TypeError)
})
