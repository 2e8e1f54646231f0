import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../src/error.ts'
import { importModel } from '../../src/import/index.ts'

test('bytes of no known format are refused by their start', async () => {
  await assert.rejects(importModel(Uint8Array.of(1, 2, 3), { fileName: 'a.bin' }), (error) => error instanceof MleError && error.code === 'IMPORT_FORMAT' && error.message.includes('01 02 03'))
  await assert.rejects(importModel(new Uint8Array(0)), (error) => error instanceof MleError && error.code === 'IMPORT_FORMAT')
})

test('a pickle without an estimator is refused', async () => {
  // Protocol 2: the integer 7.
  const pickle = Uint8Array.of(0x80, 2, 0x4b, 7, 0x2e)
  await assert.rejects(importModel(pickle), (error) => error instanceof MleError && error.code === 'SKLEARN_VALUE')
})
