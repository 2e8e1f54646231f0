// conformance/hostile/ is what hostile-files.ts makes; what must be said of each file is judged in vectors.test.ts.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { hostileFiles } from '../../conformance/hostile-files.ts'

const folder = new URL('../../conformance/hostile/', import.meta.url)

test('the files are those that make-malformed.ts makes', () => {
  const made = hostileFiles()
  assert.deepEqual(JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')), JSON.parse(JSON.stringify(made.map(({ bytes: _, ...entry }) => entry))))
  for (const { file, bytes } of made) assert.deepEqual(new Uint8Array(readFileSync(new URL(file, folder))), new Uint8Array(bytes), file)
  assert.deepEqual(readdirSync(folder).filter((name) => name !== 'expected.json').sort(), made.map(({ file }) => file).sort())
})

test('no file names another twice, and each rule has a reason', () => {
  const made = hostileFiles()
  assert.equal(new Set(made.map(({ file }) => file)).size, made.length)
  assert.equal(new Set(made.map(({ why, format }) => `${format} ${why}`)).size, made.length)
})
