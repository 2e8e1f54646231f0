// The families of networks in other sizes and settings (test/fixtures/pytorch/make.py): each as a traced script, as a scripted one, as a state dict with
// the Python source of its classes for an architecture, and as a pickled module where its layers are torch.nn's.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { InputValue } from '../../../src/feed.ts'
import { importModel } from '../../../src/import/index.ts'
import { load } from '../../../src/index.ts'
import { compareCase, inputOf, readCases, readPack } from '../../support/fixtures.ts'

const files = readPack('pytorch_more')
let passed = 0
let total = 0

for (const fixture of readCases('pytorch_more')) {
  const forms = ['model.py', 'traced.pt', 'scripted.pt', 'whole.pt', 'whole_legacy.pt'].filter((form) => files.has(`${fixture.name}/${form}`))
  for (const form of forms) {
    total++
    test(`${fixture.name}, ${form}`, async () => {
      const { inputs, expected } = fixture.description
      const isSource = form === 'model.py'
      const graph = await importModel(fixture.bytes(isSource ? 'model.pt' : form), { fileName: 'model.pt', architecture: isSource ? new TextDecoder().decode(fixture.bytes(form)) : undefined })
      assert.equal(graph.outputs.length, expected.length)
      const model = await load(graph)
      const results = await model.run(Object.fromEntries(inputs.map((input, i): [string, InputValue] => [graph.inputs[i].name, inputOf(fixture, input)])))
      expected.forEach((one, i) => compareCase(fixture, one, results[graph.outputs[i].name]))
      model.dispose()
      passed++
    })
  }
}

after(() => {
  console.log(`pytorch families: ${passed} of ${total} pass`)
  assert.ok(total >= 86)
})
