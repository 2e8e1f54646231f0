// The ONNX project's backend tests (the part that is packed) through importModel and load. Plain tests have inputs and outputs that are tensors of
// float, int, bool or string; the others sequences, optionals, or floats and integers of few bits. A test that does not pass stands in
// backend-failing.json with the code of its error; one that starts to pass must leave the list.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { importModel } from '../../../src/import/index.ts'
import type { TypeProto } from '../../../src/import/onnx/proto.ts'
import { load } from '../../../src/index.ts'
import { assertClose, FAILING, failureOf, onnxCases, type OnnxCase } from '../../support/onnx-suite.ts'

/** TensorProto.DataType of bfloat16 and of what has 8 bits or less and is no int8, uint8 or bool. */
const FEW_BITS: ReadonlySet<number> = new Set([16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26])

async function runCase({ name, model: bytes, feeds, expected }: OnnxCase): Promise<void> {
  const model = await load(await importModel(bytes, { fileName: 'model.onnx' }), { device: 'cpu' })
  const results = await model.run(feeds(new Set(model.inputs.map((info) => info.name))))
  for (const [output, want] of expected()) assertClose(results[output], want, `${name} ${output}`)
  model.dispose()
}

function isPlain({ graph }: OnnxCase): boolean {
  const plain = (type: TypeProto | undefined): boolean => type?.kind === 'tensor' && !FEW_BITS.has(type.dataType)
  return [...graph.inputs, ...graph.outputs].every(({ type }) => plain(type))
}

const cases = onnxCases()
const groups: ReadonlyMap<string, readonly OnnxCase[]> = new Map([['plain', cases.filter(isPlain)], ['other', cases.filter((one) => !isPlain(one))]])
const passed = new Map<string, number>()

for (const [group, own] of groups) {
  test(`${own.length} ${group} tests`, async () => {
    const wrong: string[] = []
    for (const one of own) {
      const expected = FAILING.get(one.name)
      try {
        await runCase(one)
        passed.set(group, (passed.get(group) ?? 0) + 1)
        if (expected !== undefined) wrong.push(`${one.name} passes now: take it off the list`)
      } catch (error) {
        const code = failureOf(error)
        if (code !== expected) wrong.push(`${one.name}: ${code}, ${expected === undefined ? 'expected to pass' : `expected ${expected}`} (${error instanceof Error ? error.message.split('\n')[0] : ''})`)
      }
    }
    if (process.env.BACKEND_LIST !== undefined) console.log(wrong.join('\n'))
    assert.deepEqual(wrong, [])
  })
}

after(() => {
  for (const [group, own] of groups) console.log(`ONNX backend suite, ${group} tests: ${passed.get(group) ?? 0} of ${own.length} pass`)
})
