// Every vector through this project's engine, by the judge that judges others.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runFiles } from '../../conformance/adapters/engine.ts'
import { entriesOf, indexText } from '../../conformance/make/files.ts'
import { judge, type Reply } from '../../conformance/runner/judge.ts'
import { faultText } from '../../conformance/runner/report.ts'
import { AREAS, readIndex, readTask } from '../../conformance/runner/vectors.ts'
import { bytesPerElement } from '../../src/tensor/dtype.ts'
import { readNpy } from '../../src/tensor/npy.ts'

/** The same outputs with the first element of each array far off: what the judge must see. */
function spoiled(reply: Reply): Reply {
  if (reply.kind !== 'outputs') return reply
  return { kind: 'outputs', files: new Map([...reply.files].map(([i, file]) => [i, file.format === 'npy' ? { format: 'npy', bytes: spoiledNpy(file.bytes) } : file])) }
}

function spoiledNpy(bytes: Uint8Array): Uint8Array {
  const { dtype, data } = readNpy(bytes)
  if (data.length === 0) return bytes
  const copy = bytes.slice()
  const at = copy.length - bytesPerElement(dtype) * data.length
  // The exponent of floats, the value of whole numbers and truth values.
  copy[at + (dtype.startsWith('float') ? bytesPerElement(dtype) - 1 : 0)] ^= dtype === 'bool' ? 1 : 0x41
  return copy
}

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
        const unseen: string[] = []
        for (const vector of own) {
          const task = readTask(root, vector)
          const reply = await runFiles({ ...task, integrity: task.integrity ?? 'crc32' }, device)
          const fault = judge(task, reply)
          if (fault !== undefined) faults.push(`${vector.path}: ${faultText(fault)}`)
          const hasNumbers = task.expected.some(({ file, shape }) => file.endsWith('.npy') && !shape?.includes(0))
          if (hasNumbers && judge(task, spoiled(reply)) === undefined) unseen.push(vector.path)
        }
        assert.deepEqual(faults, [])
        assert.deepEqual(unseen, [], 'vectors that pass with a wrong first element')
      })
    }
  })
}
