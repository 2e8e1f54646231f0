// Tensors of few bits, and what a checkpoint in parts tells.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeSafetensors } from '../../../src/export/safetensors.ts'
import { importModel, readTensors } from '../../../src/import/index.ts'
import { load } from '../../../src/index.ts'
import { readSafetensors } from '../../../src/import/safetensors/index.ts'
import type { Tensor } from '../../../src/tensor/index.ts'
import { rejectsCode, throwsCode } from '../../support/errors.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A file of one tensor, written out here. */
function fileOf(dtype: string, data: readonly number[]): Uint8Array {
  const header = text(`{"x":{"dtype":"${dtype}","shape":[${data.length}],"data_offsets":[0,${data.length}]}}`)
  const bytes = new Uint8Array(8 + header.length + data.length)
  new DataView(bytes.buffer).setUint32(0, header.length, true)
  bytes.set(header, 8)
  bytes.set(data, 8 + header.length)
  return bytes
}

test('floats of 8 bits are read, run and written', async () => {
  // 1, -2, 448: the largest of E4M3; 1, -2, 57344: the largest of E5M2.
  for (const [code, dtype, bits] of [['F8_E4M3', 'float8e4m3fn', [0x38, 0xc0, 0x7e]], ['F8_E5M2', 'float8e5m2', [0x3c, 0xc0, 0x7b]], ['F8_E8M0', 'float8e8m0', [0x7f, 0x80, 0x7e]]] as const) {
    const bytes = fileOf(code, bits)
    const expected: Tensor = { dtype, shape: [3], data: Uint8Array.from(bits) }
    assert.deepEqual(readSafetensors(bytes).tensors.get('x'), expected)
    assert.deepEqual((await readTensors(bytes))?.tensors.get('x'), expected)
    assert.deepEqual(readSafetensors(writeSafetensors(new Map([['x', expected]]))).tensors.get('x'), expected)
    const model = await load(await importModel(bytes, { fileName: 'x.safetensors', weightsOnly: true }))
    assert.deepEqual((await model.run({})).x, expected)
    model.dispose()
  }
  throwsCode('SAFETENSORS_DTYPE', () => readSafetensors(fileOf('F4', [1])))
})

test('SAFETENSORS_INDEX: the index of a checkpoint in parts', async () => {
  const index = text('{\n  "metadata": { "total_size": 8 },\n  "weight_map": { "x": "model-00001-of-00002.safetensors" }\n}')
  await rejectsCode('SAFETENSORS_INDEX', () => importModel(index, { fileName: 'model.safetensors.index.json' }))
  await rejectsCode('SAFETENSORS_INDEX', () => importModel(index))
})
