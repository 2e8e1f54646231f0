// Files that Keras, TensorFlow.js and TFLite wrote, with the outputs recorded for them; and the same bits after a round trip through a .mle file.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { InputValue } from '../../../src/feed.ts'
import { readBytes, write } from '../../../src/format/index.ts'
import { importModel } from '../../../src/import/index.ts'
import { load } from '../../../src/index.ts'
import { compareCase, inputOf, readCases, readPack, type FixtureCase } from '../../support/fixtures.ts'

let passed = 0

async function runCase(pack: string, files: ReadonlyMap<string, Uint8Array>, fixture: FixtureCase): Promise<void> {
  const { file, inputs, expected } = fixture.description
  const graph = await importModel(fixture.bytes(file), { fileName: file, externalData: (name) => files.get(`${fixture.name}/${name}`) })
  const feeds = Object.fromEntries(inputs.map((input, i): [string, InputValue] => [graph.inputs.find((one) => one.name === input.name)?.name ?? graph.inputs[i].name, inputOf(fixture, input)]))
  const direct = await load(graph)
  const stored = await load(readBytes(await write(graph)))
  const results = await direct.run(feeds)
  expected.forEach((one, i) => compareCase(fixture, one, results[direct.outputs[one.output_index ?? i].name]))
  assert.deepEqual(await stored.run(feeds), results, `${pack}/${fixture.name} after a round trip`)
  direct.dispose()
  stored.dispose()
}

for (const pack of ['keras', 'keras_more', 'keras3', 'tflite']) {
  const files = readPack(pack)
  for (const fixture of readCases(pack)) {
    test(`${pack}: ${fixture.name}`, async () => {
      await runCase(pack, files, fixture)
      passed++
    })
  }
}

after(() => console.log(`keras, tensorflow.js, tflite: ${passed} cases pass`))
