// Real networks in ONNX: import, run on the inputs of the case, compare with what the framework that made them computed; and the same bits
// again after a round trip through a .mle file.
import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { after, test } from 'node:test'
import type { InputValue } from '../../src/feed.ts'
import { readBytes, write } from '../../src/format/index.ts'
import { importModel } from '../../src/import/index.ts'
import { load, MleError, type Model } from '../../src/index.ts'
import { compareCase, inputOf, readCases, readPack, type FixtureCase } from '../support/fixtures.ts'

/** Cases that do not run today: case -> code. A case that starts to pass must leave the list. */
const REFUSED: ReadonlyMap<string, string> = new Map([])

const files = readPack('networks')
let passed = 0

async function runCase(fixture: FixtureCase): Promise<void> {
  const { file, inputs, expected } = fixture.description
  // Some cases share a model.
  const bytes = files.get(posix.join(fixture.name, file))
  assert.ok(bytes !== undefined, `${fixture.name} has no ${file}`)
  const graph = await importModel(bytes, { fileName: 'model.onnx' })
  const feeds = Object.fromEntries(inputs.map((input, i): [string, InputValue] => [input.name ?? graph.inputs[i].name, inputOf(fixture, input)]))
  const direct = await load(graph)
  const stored = await load(readBytes(await write(graph)))
  const results = await direct.run(feeds)
  expected.forEach((one, i) => compareCase(fixture, one, results[outputName(direct, one.name, one.output_index ?? i)]))
  assert.deepEqual(await stored.run(feeds), results, `${fixture.name} after a round trip`)
  direct.dispose()
  stored.dispose()
}

function outputName(model: Model, name: string | undefined, index: number): string {
  return name !== undefined && model.outputs.some((output) => output.name === name) ? name : model.outputs[index].name
}

for (const fixture of readCases('networks')) {
  const code = REFUSED.get(fixture.name)
  test(fixture.name, async () => {
    if (code === undefined) {
      await runCase(fixture)
      passed++
    } else await assert.rejects(runCase(fixture), (error) => error instanceof MleError && error.code === code, `${fixture.name} is expected to be refused with ${code}`)
  })
}

after(() => console.log(`networks: ${passed} cases pass, ${REFUSED.size} are refused`))
