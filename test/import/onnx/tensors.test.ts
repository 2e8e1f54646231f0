// Tensors in the encodings that ONNX allows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTensor, type TensorProto } from '../../../src/import/onnx/proto.ts'
import { tensorOf } from '../../../src/import/onnx/tensors.ts'
import { messageOf } from '../../../src/import/protobuf.ts'

const EMPTY = readTensor(messageOf(new Uint8Array(0)))
const proto = (dataType: number, dims: readonly number[], more: Partial<TensorProto>): TensorProto => ({ ...EMPTY, dataType, dims: dims.map(BigInt), ...more })
const data = (one: TensorProto): number[] => Array.from(tensorOf(one, undefined).data as ArrayLike<number>, Number)

test('elements of 4 and 2 bits share bytes, the first in the lowest bits', () => {
  const raw = Uint8Array.of(0x21, 0xf8, 0x07)
  assert.deepEqual(data(proto(21, [5], { raw })), [1, 2, 8, 15, 7])
  assert.deepEqual(data(proto(22, [5], { raw })), [1, 2, -8, -1, 7])
  assert.deepEqual(data(proto(23, [5], { raw })), [1, 2, 8, 15, 7])
  assert.deepEqual(data(proto(25, [5], { raw: Uint8Array.of(0b11100100, 1) })), [0, 1, 2, 3, 1])
  assert.deepEqual(data(proto(26, [5], { raw: Uint8Array.of(0b11100100, 1) })), [0, 1, -2, -1, 1])
  assert.deepEqual(data(proto(22, [3], { int32s: [0x21n, 0xf8n] })), [1, 2, -8])
  assert.throws(() => tensorOf(proto(22, [5], { raw: Uint8Array.of(1, 2) }), undefined), { code: 'ONNX_TENSOR' })
  assert.throws(() => tensorOf(proto(21, [5], { int32s: [1n] }), undefined), { code: 'ONNX_TENSOR' })
})

test('floats of 8 bits are kept as their bits', () => {
  assert.deepEqual(data(proto(17, [2], { raw: Uint8Array.of(0x38, 0xb8) })), [0x38, 0xb8])
  assert.deepEqual(data(proto(19, [2], { int32s: [0x3cn, 0xbcn] })), [0x3c, 0xbc])
  assert.equal(tensorOf(proto(24, [1], { raw: Uint8Array.of(127) }), undefined).dtype, 'float8e8m0')
  assert.throws(() => tensorOf(proto(14, [1], { raw: new Uint8Array(8) }), undefined), { code: 'ONNX_DTYPE' })
})

test('sparse tensors get their zeros', () => {
  const values: Partial<TensorProto> = { floats: [5, 7] }
  const places = (dims: readonly number[], ...list: number[]): TensorProto => proto(7, dims, { int64s: list.map(BigInt) })
  assert.deepEqual(data(proto(1, [2, 3], { ...values, indices: places([2], 1, 5) })), [0, 5, 0, 0, 0, 7])
  assert.deepEqual(data(proto(1, [2, 3], { ...values, indices: places([2, 2], 0, 2, 1, 0) })), [0, 0, 5, 7, 0, 0])
  for (const wrong of [places([2], 1, 6), places([2], -1, 0), places([2, 2], 0, 3, 0, 0), places([2, 3], 0, 0, 0, 0, 0, 0)]) {
    assert.throws(() => tensorOf(proto(1, [2, 3], { ...values, indices: wrong }), undefined), { code: 'ONNX_SPARSE' })
  }
  assert.throws(() => tensorOf(proto(1, [1_000_000, 1_000_000], { ...values, indices: places([2], 0, 1) }), undefined), { code: 'ONNX_SPARSE' })
})
