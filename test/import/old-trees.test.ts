// Files of before the layout splits/1: conformance/models has them, and the importers make the same models in the new one.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { read } from '../../src/format/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { load, type Tensor } from '../../src/index.ts'
import { text } from '../../src/ops/attributes.ts'
import { NODE_LAYOUT, STORED_LAYOUT } from '../../src/ops/trees/layout.ts'
import { inputOf, readCases } from '../support/fixtures.ts'

const models = fileURLToPath(new URL('../../conformance/models/', import.meta.url))

/** Contributions of forests were means when the file was written, and are sums now. */
const CHANGED: ReadonlySet<string> = new Set(['leaves_rf_iris contributions'])

const layoutsOf = ({ nodes }: Graph): Set<string> => new Set(nodes.filter(({ op, domain }) => domain === 'mle' && op.startsWith('Tree')).map(({ attributes }) => text(attributes, 'layout', '')))
const bitsOf = (tensor: Tensor): unknown => (ArrayBuffer.isView(tensor.data) ? Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength).toString('hex') : tensor.data)

for (const [pack, framework, least] of [['xgboost', 'xgboost', 15], ['boosting', 'xgboost', 3], ['lightgbm', 'lightgbm', 3], ['catboost', 'catboost', 3], ['sklearn', 'scikit-learn', 15]] as const) {
  test(`files of ${pack} with trees by node give what the same models give in fewer bytes, on cpu and wasm`, async () => {
    let count = 0
    for (const fixture of readCases(pack)) {
      const path = join(models, framework, fixture.name, 'model.mle')
      if (!existsSync(path)) continue
      const bytes = readFileSync(path)
      const before = await read(bytes)
      // What importers have learned since is no matter of layouts.
      const { expected: judged }: { expected: { name: string }[] } = JSON.parse(readFileSync(join(models, framework, fixture.name, 'case.json'), 'utf8'))
      const layouts = layoutsOf(before)
      if (layouts.size === 0) continue
      assert.deepEqual([...layouts], [NODE_LAYOUT], `${path} is to stay as it was written`)
      const after = await importModel(fixture.bytes(fixture.description.file), { fileName: fixture.description.file })
      assert.deepEqual([...layoutsOf(after)], [STORED_LAYOUT])
      if (after.inputs.length !== 1) continue
      const both = ['leaf', 'contributions'].filter((name) => !CHANGED.has(`${fixture.name} ${name}`) && [before, after].every(({ outputs }) => outputs.some((output) => output.name === name)))
      const outputs = new Set([...judged.map(({ name }) => name), ...both])
      const feeds = { [after.inputs[0].name]: inputOf(fixture, fixture.description.inputs[0]) }
      for (const device of ['cpu', 'wasm'] as const) {
        const [old, now] = [await load(bytes, { device }), await load(after, { device })]
        const [expected, actual] = [await old.run(feeds, [...outputs]), await now.run(feeds, [...outputs])]
        for (const name of outputs) assert.deepEqual(bitsOf(actual[name] as Tensor), bitsOf(expected[name] as Tensor), `${fixture.name}: ${name} on ${device}`)
        old.dispose()
        now.dispose()
      }
      count++
    }
    assert.ok(count >= least, `${count} models`)
  })
}
