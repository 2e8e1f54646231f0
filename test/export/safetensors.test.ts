import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeSafetensors } from '../../src/export/safetensors.ts'
import { readTensors } from '../../src/import/index.ts'
import { readSafetensors } from '../../src/import/safetensors/index.ts'
import { tensor, type Tensor } from '../../src/tensor/index.ts'
import { throwsCode } from '../support/errors.ts'
import { readCases } from '../support/fixtures.ts'

/** A file with this header, and as many bytes of data. */
function fileOf(header: string | object, dataBytes = 0, length?: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const out = new Uint8Array(8 + json.length + dataBytes)
  new DataView(out.buffer).setBigUint64(0, BigInt(length ?? json.length), true)
  out.set(json, 8)
  return out
}
const entry = (begin: number, end: number, shape: readonly number[] = [1], dtype = 'F32'): object => ({ dtype, shape, data_offsets: [begin, end] })

test('a written file reads back, and as the reference implementation lays it out', async () => {
  const tensors = new Map<string, Tensor>([
    ['b', tensor(Float32Array.of(1, 2, 3), [3])],
    ['flags', tensor([true, false], undefined, 'bool')],
    ['half', { dtype: 'float16', shape: [1], data: Uint16Array.of(0x3c00) }],
    ['count', { dtype: 'int64', shape: [], data: BigInt64Array.of(-5n) }],
    ['none', tensor(new Float64Array(0), [0, 3])],
  ])
  const bytes = writeSafetensors(tensors, new Map([['format', 'pt']]))
  const back = readSafetensors(bytes)
  assert.deepEqual([...back.metadata], [['format', 'pt']])
  assert.equal(new DataView(bytes.buffer).getUint32(0, true) % 8, 0, 'the header is padded to 8 bytes')
  for (const [name, one] of tensors) assert.deepEqual(back.tensors.get(name), one)
  assert.equal((await readTensors(bytes))?.format, 'safetensors')
  // Tensors of the wide dtypes come first, so that each is aligned.
  assert.deepEqual([...back.tensors.keys()], ['count', 'none', 'b', 'half', 'flags'])
})

test('tensors of a PyTorch file survive as safetensors', async () => {
  const [fixture] = readCases('pytorch').filter(({ name }) => name === 'dtypes_state_dict')
  const named = await readTensors(fixture.bytes('model.pt'), { fileName: 'model.pt' })
  assert.ok(named !== undefined)
  const back = readSafetensors(writeSafetensors(named.tensors))
  assert.equal(back.tensors.size, 17)
  for (const [name, one] of named.tensors) assert.deepEqual(back.tensors.get(name), one, name)
})

test('what cannot be written', () => {
  throwsCode('SAFETENSORS_WRITE', () => writeSafetensors(new Map([['s', { dtype: 'string', shape: [1], data: ['x'] }]])))
  throwsCode('SAFETENSORS_WRITE', () => writeSafetensors(new Map([['__metadata__', tensor(Float32Array.of(1))]])))
  throwsCode('SAFETENSORS_WRITE', () => writeSafetensors(new Map([['w', { dtype: 'float32', shape: [2], data: Float32Array.of(1) }]])))
})

test('files that are damaged or hide something are refused', () => {
  assert.equal(readSafetensors(fileOf({ a: entry(0, 4), b: entry(4, 8) }, 8)).tensors.size, 2)
  throwsCode('SAFETENSORS_HEADER', () => readSafetensors(new Uint8Array(4)))
  throwsCode('SAFETENSORS_HEADER', () => readSafetensors(fileOf({}, 0, 1000)))
  throwsCode('SAFETENSORS_HEADER', () => readSafetensors(fileOf('[]')))
  throwsCode('SAFETENSORS_HEADER', () => readSafetensors(fileOf({ __metadata__: { a: 1 } })))
  throwsCode('JSON_DUPLICATE', () => readSafetensors(fileOf(`{"a":${JSON.stringify(entry(0, 4))},"a":${JSON.stringify(entry(0, 4))}}`, 4)))
  throwsCode('JSON_SYNTAX', () => readSafetensors(fileOf('{"a":')))
  throwsCode('SAFETENSORS_DTYPE', () => readSafetensors(fileOf({ a: entry(0, 4, [1], 'C64') }, 4)))
  throwsCode('SAFETENSORS_TENSOR', () => readSafetensors(fileOf({ a: entry(0, 8) }, 8)))
  throwsCode('SAFETENSORS_TENSOR', () => readSafetensors(fileOf({ a: entry(0, 4, [-1]) }, 4)))
  throwsCode('SAFETENSORS_TENSOR', () => readSafetensors(fileOf({ a: { ...entry(0, 4), more: 1 } }, 4)))
  throwsCode('SAFETENSORS_TENSOR', () => readSafetensors(Uint8Array.of(...fileOf({ a: entry(0, 1, [1], 'BOOL') }), 7)))
  throwsCode('SHAPE_TOO_LARGE', () => readSafetensors(fileOf({ a: entry(0, 4, [2 ** 40, 2 ** 40]) }, 4)))
  throwsCode('SAFETENSORS_OFFSETS', () => readSafetensors(fileOf({ a: entry(0, 4) }, 2)))
  throwsCode('SAFETENSORS_OFFSETS', () => readSafetensors(fileOf({ a: entry(0, 4), b: entry(2, 6) }, 6)))
  throwsCode('SAFETENSORS_OFFSETS', () => readSafetensors(fileOf({ a: entry(0, 4), b: entry(8, 12) }, 12)))
  throwsCode('SAFETENSORS_OFFSETS', () => readSafetensors(fileOf({ a: entry(0, 4) }, 5)))
})
