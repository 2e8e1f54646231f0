// Files of torch 1.13: state dicts and safetensors under their architecture files (arch.json beside them), scripts as they are; and every tensor of a file of all dtypes.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { InputValue } from '../../../src/feed.ts'
import { readBytes, write } from '../../../src/format/index.ts'
import { importModel, readTensors } from '../../../src/import/index.ts'
import { load } from '../../../src/index.ts'
import { bfloatToFloat, halfToFloat, readNpy, type Tensor } from '../../../src/tensor/index.ts'
import { compareCase, inputOf, readCases, readPack, type FixtureCase } from '../../support/fixtures.ts'

const files = readPack('pytorch')
const cases = readCases('pytorch')
let passed = 0

/** Numbers as numpy shows them: half precision widened. */
function widened({ dtype, data }: Tensor): (number | bigint | string | null)[] {
  const convert = dtype === 'float16' ? halfToFloat : dtype === 'bfloat16' ? bfloatToFloat : undefined
  return Array.from({ length: data.length }, (_, i) => (convert === undefined ? data[i] : convert(Number(data[i]))))
}

async function checkTensors(fixture: FixtureCase): Promise<void> {
  const { expected } = fixture.description
  let compared = 0
  for (const file of ['model.pt', 'model_legacy.pth', 'model.safetensors']) {
    const named = await readTensors(fixture.bytes(file), { fileName: file })
    assert.ok(named !== undefined, file)
    for (const { name = '', file: wanted, shape } of expected) {
      const tensor = named.tensors.get(name)
      if (tensor === undefined) {
        assert.equal(`${file} ${name}`, 'model.safetensors i16')
        continue
      }
      assert.deepEqual(widened(tensor), widened(readNpy(fixture.bytes(wanted))), `${file} ${name}`)
      // numpy keeps a scalar as [1].
      assert.deepEqual(tensor.shape, name === 'scalar' ? [] : shape, `${file} ${name}: shape`)
      compared++
    }
  }
  assert.equal(compared, 3 * expected.length - 1)
}

for (const fixture of cases) {
  test(fixture.name, async () => {
    const { file, inputs, expected } = fixture.description
    if (inputs.length === 0) await checkTensors(fixture)
    else {
      const text = files.get(`${fixture.name}/arch.json`)
      const graph = await importModel(fixture.bytes(file), { fileName: file, architecture: text === undefined ? undefined : new TextDecoder().decode(text) })
      const feeds = Object.fromEntries(inputs.map((input, i): [string, InputValue] => [graph.inputs[i].name, inputOf(fixture, input)]))
      const direct = await load(graph)
      const stored = await load(readBytes(await write(graph)))
      const results = await direct.run(feeds)
      expected.forEach((one, i) => compareCase(fixture, one, results[graph.outputs[one.output_index ?? i].name]))
      assert.deepEqual(await stored.run(feeds), results, `${fixture.name} after a round trip`)
      direct.dispose()
      stored.dispose()
    }
    passed++
  })
}

after(() => {
  console.log(`pytorch: ${passed} of ${cases.length} public cases pass`)
  assert.equal(cases.length, 23)
})
