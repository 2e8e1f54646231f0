// The binary files beside some of the corpus' JSON models hold the same models.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { importCatboost, readCatboost } from '../../../src/import/catboost/index.ts'
import { importModel } from '../../../src/import/index.ts'
import { readPack } from '../../support/fixtures.ts'

const pack = readPack('catboost')
const models = [...pack.keys()].filter((path) => path.endsWith('.cbm'))

function fileOf(path: string): Uint8Array {
  const bytes = pack.get(path)
  assert.ok(bytes !== undefined, path)
  return bytes
}

test('there are binary models', () => assert.ok(models.length >= 5))

for (const path of models) {
  const binary = fileOf(path)
  describe(path, () => {
    test('gives the graph that the JSON file gives', async () => {
      const fromJson = await importModel(fileOf(path.replace('.cbm', '.json')))
      assert.deepEqual(await importModel(binary), fromJson)
    })

    test('is refused with a code when cut off at any byte', () => {
      for (let length = 4; length < binary.length; length += length < 400 ? 1 : 13) {
        assert.throws(() => importCatboost(binary.slice(0, length)), (error) => error instanceof MleError && /^(CATBOOST|FLATBUFFER)_/.test(error.code), `${length} bytes`)
      }
    })
  })
}

test('a length that lies is told', () => {
  const bytes = fileOf(models[0]).slice()
  new DataView(bytes.buffer).setUint32(4, 0x7fffffff, true)
  assert.throws(() => readCatboost(bytes), (error) => error instanceof MleError && error.code === 'CATBOOST_TRUNCATED')
})
