// TFLite files that are refused, each with a code of its own; and what no published runtime was asked about.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importModel } from '../../../src/import/index.ts'
import { importTflite, operatorNames } from '../../../src/import/tflite/index.ts'
import { load } from '../../../src/index.ts'
import { throwsCode } from '../../support/errors.ts'
import { tfliteModel, type TestModel } from './writer.ts'

const ADD = 0
const CAST = 53
const CONV = 3
const SLICE = 65
const WHILE = 119

const adding: TestModel = { tensors: [{ shape: [2] }, { shape: [2], data: Float32Array.of(1, 2) }, { shape: [2] }], inputs: [0], outputs: [2], operators: [{ code: ADD, inputs: [0, 1], outputs: [2] }] }

test('a small model', async () => {
  const model = await load(await importModel(tfliteModel(adding)))
  const results = await model.run({ t0: Float32Array.of(10, 20) })
  assert.deepEqual([...results.t2.data], [11, 22])
})

test('names of a signature; a batch that varies', async () => {
  const model = await load(importTflite(tfliteModel({ ...adding, tensors: [{ shape: [1, 2], signature: [-1, 2], name: 'x' }, adding.tensors[1], { shape: [1, 2], name: 'y' }] })))
  assert.deepEqual(model.inputs[0].shape, ['batch', 2])
  const results = await model.run({ x: { dtype: 'float32', shape: [3, 2], data: new Float32Array(6) } })
  assert.deepEqual(results.y.shape, [3, 2])
})

test('SLICE', async () => {
  const model = await load(importTflite(tfliteModel({
    tensors: [{ shape: [3, 4] }, { shape: [2], dtype: 'int32', data: Int32Array.of(1, 0) }, { shape: [2], dtype: 'int32', data: Int32Array.of(-1, 2) }, { shape: [2, 2] }],
    inputs: [0], outputs: [3], operators: [{ code: SLICE, inputs: [0, 1, 2], outputs: [3] }],
  })))
  const results = await model.run({ t0: Float32Array.from({ length: 12 }, (_, i) => i) })
  assert.deepEqual([results.t3.shape, [...results.t3.data]], [[2, 2], [4, 5, 8, 9]])
})

test('weights in int8 are read as floats', async () => {
  const model = await load(importTflite(tfliteModel({ ...adding, tensors: [{ shape: [2] }, { shape: [2], dtype: 'int8', data: Int8Array.of(-4, 3), scale: 0.5 }, { shape: [2] }] })))
  assert.deepEqual([...(await model.run({ t0: new Float32Array(2) })).t2.data], [-2, 1.5])
})

const REFUSED: readonly (readonly [string, Partial<TestModel>])[] = [
  ['TFLITE_VERSION', { version: 2 }],
  ['TFLITE_GRAPH', { outputs: [7] }],
  ['TFLITE_GRAPH', { operators: [{ code: ADD, inputs: [0, 9], outputs: [2] }] }],
  ['TFLITE_GRAPH', { operators: [] }],
  ['TFLITE_OPERATOR', { operators: [{ code: WHILE, inputs: [0, 1], outputs: [2] }] }],
  ['TFLITE_OPERATOR', { operators: [{ code: 32, custom: 'MyOperator', inputs: [0, 1], outputs: [2] }] }],
  ['TFLITE_QUANTIZED', { tensors: [{ shape: [2], dtype: 'int8', scale: [0.5, 0.25] }, ...adding.tensors.slice(1)] }],
  ['TFLITE_QUANTIZED', { tensors: [{ shape: [2], dtype: 'int32', scale: 0.5 }, ...adding.tensors.slice(1)] }],
  ['TFLITE_TENSOR', { tensors: [{ shape: [2] }, { shape: [3], data: Float32Array.of(1, 2) }, { shape: [2] }] }],
  ['TFLITE_UNSUPPORTED', { tensors: [{ shape: [1, 4, 4, 1] }, { shape: [1, 2, 2, 1] }, { shape: [1, 3, 3, 1] }], inputs: [0, 1], operators: [{ code: CONV, inputs: [0, 1], outputs: [2] }] }],
]

for (const [code, change] of REFUSED) {
  test(`${code}: ${Object.keys(change).join()}`, () => {
    throwsCode(code, () => importTflite(tfliteModel({ ...adding, ...change })))
  })
}

test('TFLITE_DTYPE', () => {
  const bytes = tfliteModel({ ...adding, operators: [{ code: CAST, inputs: [0], outputs: [2] }] })
  // The type of the first tensor becomes a resource.
  const other = tfliteModel({ ...adding, tensors: [{ shape: [2], dtype: 'int32' }, ...adding.tensors.slice(1)], operators: [{ code: CAST, inputs: [0], outputs: [2] }] })
  const at = bytes.findIndex((byte, i) => byte !== other[i])
  other[at] = 13
  throwsCode('TFLITE_DTYPE', () => importTflite(other), /resource/)
})

test('every operator of the list has a name of TFLite', () => {
  assert.ok(operatorNames().length > 85, String(operatorNames().length))
  assert.equal(new Set(operatorNames()).size, operatorNames().length)
})

test('TFLITE_GRAPH: a range of a thousand million numbers', () => {
  const RANGE = 96
  const number = (value: number): { shape: number[]; dtype: 'int32'; data: Int32Array } => ({ shape: [], dtype: 'int32', data: Int32Array.of(value) })
  throwsCode('TFLITE_GRAPH', () => importTflite(tfliteModel({
    tensors: [number(0), number(1e9), number(1), { shape: [1e9], dtype: 'int32' }], inputs: [], outputs: [3], operators: [{ code: RANGE, inputs: [0, 1, 2], outputs: [3] }],
  })), /1000000000 numbers/)
})

test('TFLITE_GRAPH: an axis far outside of the value', () => {
  const GATHER = 36
  throwsCode('TFLITE_GRAPH', () => importTflite(tfliteModel({
    tensors: [{ shape: [2, 2] }, { shape: [2], dtype: 'int32', data: Int32Array.of(0, 1) }, { shape: [2, 2] }],
    inputs: [0], outputs: [2], operators: [{ code: GATHER, inputs: [0, 1], outputs: [2], options: { 0: { i32: 805_306_369 }, 1: { i32: 1 } } }],
  })), /axis/)
})

test('TFLITE_GRAPH: blocks that do not divide an image', () => {
  throwsCode('TFLITE_GRAPH', () => importTflite(tfliteModel({
    tensors: [{ shape: [1, 5, 5, 1] }, { shape: [2], dtype: 'int32', data: Int32Array.of(2, 2) }, { shape: [2, 2], dtype: 'int32', data: new Int32Array(4) }, { shape: [4, 2, 2, 1] }],
    inputs: [0], outputs: [3], operators: [{ code: 38, inputs: [0, 1, 2], outputs: [3] }],
  })))
})
