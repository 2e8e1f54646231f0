// Every vector through this project's engine, by the judge that judges others.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runFiles } from '../../conformance/adapters/engine.ts'
import { entriesOf, indexText } from '../../conformance/make/files.ts'
import { judge } from '../../conformance/runner/judge.ts'
import { faultText } from '../../conformance/runner/report.ts'
import { AREAS, readIndex, readTask } from '../../conformance/runner/vectors.ts'

const root = fileURLToPath(new URL('../../conformance/', import.meta.url))
const vectors = readIndex(root)

test('index.json lists what is there, with its hashes', () => {
  assert.equal(readFileSync(join(root, 'index.json'), 'utf8'), indexText(AREAS.flatMap((area) => entriesOf(root, area))))
})

for (const device of ['cpu', 'wasm'] as const) {
  describe(device, () => {
    for (const area of AREAS) {
      const own = vectors.filter((vector) => vector.area === area)
      if (own.length === 0) continue
      test(`${own.length} vectors of ${area}`, async () => {
        const faults: string[] = []
        for (const vector of own) {
          const task = readTask(root, vector)
          const fault = judge(task, await runFiles({ model: task.model, inputs: task.inputs, integrity: task.integrity ?? 'crc32' }, device))
          if (fault !== undefined) faults.push(`${vector.path}: ${faultText(fault)}`)
        }
        assert.deepEqual(faults, [])
      })
    }
  })
}
