import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MleError } from '../../src/error.ts'
import { isNumericArray, isTensor, tensor, type DType, type Nested } from '../../src/tensor/index.ts'

const code = (expected: string) => (error: unknown): boolean => error instanceof Error && (error as MleError).code === expected

test('nested arrays give their shape and a dtype', () => {
  assert.deepEqual(tensor([[1, 2, 3], [4, 5, 6]]), { dtype: 'float64', shape: [2, 3], data: Float64Array.of(1, 2, 3, 4, 5, 6) })
  assert.deepEqual(tensor(7), { dtype: 'float64', shape: [], data: Float64Array.of(7) })
  assert.deepEqual(tensor([]), { dtype: 'float64', shape: [0], data: new Float64Array(0) })
  assert.deepEqual(tensor([[], []]), { dtype: 'float64', shape: [2, 0], data: new Float64Array(0) })
  assert.deepEqual(tensor([1n, -2n]), { dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, -2n) })
  assert.deepEqual(tensor([true, false]), { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) })
  assert.deepEqual(tensor([['a', null]]), { dtype: 'string', shape: [1, 2], data: ['a', null] })
  assert.deepEqual(tensor([null, 1]), { dtype: 'float64', shape: [2], data: Float64Array.of(NaN, 1) })
})

test('booleans beside numbers or missing values become float64, not silently bool', () => {
  assert.deepEqual(tensor([true, 2.5]), { dtype: 'float64', shape: [2], data: Float64Array.of(1, 2.5) })
  assert.deepEqual(tensor([true, null]), { dtype: 'float64', shape: [2], data: Float64Array.of(1, NaN) })
})

test('rows that are typed arrays give their dtype, and are held to the shape', () => {
  assert.deepEqual(tensor([Float32Array.of(1, 2), Float32Array.of(3, 4)]), { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) })
  assert.deepEqual(tensor([[Int8Array.of(1)], [Int8Array.of(-2)]]), { dtype: 'int8', shape: [2, 1, 1], data: Int8Array.of(1, -2) })
  assert.deepEqual(tensor([BigInt64Array.of(1n)]), { dtype: 'int64', shape: [1, 1], data: BigInt64Array.of(1n) })
  assert.throws(() => tensor([Float64Array.of(1, 2), Float64Array.of(3)]), code('TENSOR_RAGGED'))
  assert.throws(() => tensor([Int8Array.of(1), Float64Array.of(0.5)]), code('TENSOR_VALUE'))
})

test('typed arrays are taken, not copied, and may be given a shape', () => {
  const data = new Float32Array(6)
  const made = tensor(data, [2, 3])
  assert.equal(made.data, data)
  assert.deepEqual([made.dtype, made.shape], ['float32', [2, 3]])
  const raw = Uint16Array.of(0x3c00)
  assert.equal(tensor(raw, [1], 'float16').data, raw)
  const bytes = Uint8Array.of(1, 0)
  assert.equal(tensor(bytes, [2], 'bool').data, bytes)
  assert.equal(tensor(Buffer.from([1, 2])).dtype, 'uint8')
})

test('a dtype converts', () => {
  const cases: readonly (readonly [Nested, DType, unknown])[] = [
    [[1, -1], 'int8', Int8Array.of(1, -1)], [[1, 2], 'int64', BigInt64Array.of(1n, 2n)], [[1, 2], 'uint64', BigUint64Array.of(1n, 2n)],
    [[0.1], 'float32', Float32Array.of(0.1)], [[1, -2], 'float16', Uint16Array.of(0x3c00, 0xc000)], [[1], 'bfloat16', Uint16Array.of(0x3f80)],
    [[0, -0, 2, NaN], 'bool', Uint8Array.of(0, 0, 1, 1)], [[1, true], 'string', ['1', 'true']], [[1n << 60n], 'float64', Float64Array.of(2 ** 60)], [[-0], 'int32', Int32Array.of(0)],
  ]
  for (const [nested, dtype, data] of cases) assert.deepEqual(tensor(nested, undefined, dtype).data, data, dtype)
  assert.deepEqual(tensor(Int32Array.of(1, 2), undefined, 'float64').data, Float64Array.of(1, 2))
  assert.deepEqual(tensor(BigInt64Array.of(5n), undefined, 'int32').data, Int32Array.of(5))
})

test('TENSOR_VALUE: elements that a dtype cannot hold', () => {
  const bad: readonly (readonly [Nested, DType])[] = [
    [[300], 'uint8'], [[-1], 'uint8'], [[1.5], 'int32'], [[NaN], 'int16'], [[2 ** 31], 'int32'], [[Infinity], 'uint32'], [[1.5], 'int64'], [[2 ** 53], 'int64'], [[1n << 63n], 'int64'], [[-1n], 'uint64'],
    [[null], 'int32'], [[null], 'int64'], [[null], 'bool'], [[null], 'float16'], [['1'], 'float64'], [['a'], 'int64'],
  ]
  for (const [nested, dtype] of bad) assert.throws(() => tensor(nested, undefined, dtype), code('TENSOR_VALUE'), `${String(nested)} as ${dtype}`)
  assert.throws(() => tensor(Float64Array.of(0.5), undefined, 'int32'), code('TENSOR_VALUE'))
  assert.throws(() => tensor([1, 'a']), code('TENSOR_VALUE'))
})

test('TENSOR_VALUE: what JavaScript callers pass by mistake', () => {
  const rows: unknown[] = [[1, undefined], [1, {}], [new DataView(new ArrayBuffer(8))], [() => 1], [Symbol('x')]]
  for (const row of rows) assert.throws(() => tensor(row as Nested), code('TENSOR_VALUE'))
})

test('TENSOR_RAGGED: rows of different length or depth', () => {
  for (const ragged of [[[1, 2], [3]], [[1], [2, 3]], [[1], 2], [1, [2]], [[[1]], [[1, 2]]], [[], [1]]]) assert.throws(() => tensor(ragged), code('TENSOR_RAGGED'), JSON.stringify(ragged))
})

test('TENSOR_SIZE: data that does not fill the shape', () => {
  assert.throws(() => tensor(new Float32Array(5), [2, 3]), code('TENSOR_SIZE'))
  assert.throws(() => tensor([1, 2, 3], [2]), code('TENSOR_SIZE'))
  assert.throws(() => tensor(new Float32Array(0), []), code('TENSOR_SIZE'))
  assert.throws(() => tensor([1], [-1]), code('SHAPE_DIMENSION'))
})

test('isTensor and isNumericArray', () => {
  assert.ok(isTensor(tensor([1])))
  for (const other of [null, undefined, 1, [1], {}, { dtype: 'float99', shape: [], data: [] }, { dtype: 'int8', shape: 3, data: [] }, { dtype: 'toString', shape: [], data: [] }]) assert.ok(!isTensor(other))
  assert.ok(isNumericArray(new Int8Array(1)) && !isNumericArray(new DataView(new ArrayBuffer(1))) && !isNumericArray([1]))
})

test('a Float16Array is read as its bits', () => {
  // Node 20 has none: a Uint16Array that calls itself one stands in.
  class Float16 extends Uint16Array {
    override get [Symbol.toStringTag](): 'Uint16Array' {
      return 'Float16Array' as 'Uint16Array'
    }
  }
  const made = tensor(new Float16([0x3c00, 0xc000]))
  assert.deepEqual([made.dtype, made.shape, made.data], ['float16', [2], Uint16Array.of(0x3c00, 0xc000)])
})

test('nesting and flat data with a shape agree', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), fc.double(), (rows, columns, start) => {
    const nested = Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_unused, j) => start + i * columns + j))
    assert.deepEqual(tensor(nested), tensor(Float64Array.from(nested.flat()), [rows, columns]))
  }))
})
