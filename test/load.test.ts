import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { write } from '../src/format/index.ts'
import { graphBuilder } from '../src/graph/builder.ts'
import { load, MleError } from '../src/index.ts'

async function identityFile(): Promise<Uint8Array> {
  const b = graphBuilder()
  const type = { dtype: 'float64', shape: ['batch', 2] } as const
  b.output('Y', b.add('Identity', [b.input('X', type)]), type)
  return write(b.build({ name: 'identity' }))
}

test('every kind of source loads the same model', async () => {
  const bytes = await identityFile()
  const folder = await mkdtemp(join(tmpdir(), 'mle-load-'))
  try {
    const path = join(folder, 'identity.mle')
    await writeFile(path, bytes)
    const buffer = new Uint8Array(bytes).buffer
    for (const source of [bytes, buffer, new Blob([buffer]), new Response(buffer), path, pathToFileURL(path), pathToFileURL(path).href]) {
      const model = await load(source)
      assert.equal(model.metadata.name, 'identity')
      assert.deepEqual((await model.run({ X: [[1, 2]] })).Y.data, Float64Array.of(1, 2))
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a damaged file is refused whatever the level of integrity', async () => {
  const bytes = await identityFile()
  bytes[bytes.length - 1] ^= 1
  for (const integrity of ['crc32', 'sha256'] as const) {
    await assert.rejects(load(bytes, { integrity }), (error) => error instanceof MleError && error.code.startsWith('FORMAT_'))
  }
})

test('bytes of another format are refused', async () => {
  await assert.rejects(load(new TextEncoder().encode('{"learner": {}}')), (error) => error instanceof MleError && error.code === 'FORMAT_MAGIC')
})
