import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { updatedPage } from '../../scripts/format-example.ts'

test('the example in docs/format.md is a real file', async () => {
  assert.equal(readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8'), await updatedPage(), 'run: node --import tsx scripts/format-example.ts')
})
