// The pages made from the sources are current. If this fails: npm run docs, and commit what it wrote.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorsPage, raisedCodes } from '../scripts/errors.ts'
import { operatorProse, operatorsPage } from '../scripts/operators.ts'
import { allSchemas } from '../src/ops/registry.ts'

function current(path: string, text: string): void {
  // A message of its own: the difference of two long pages says nothing.
  assert.ok(readFileSync(path, 'utf8') === text, `${path} is not current; run npm run docs`)
}

test('docs/errors.md lists what the sources raise', () => {
  assert.ok(raisedCodes().size > 50)
  current('docs/errors.md', errorsPage())
})

test('every error code has a message', () => {
  const silent = [...raisedCodes()].filter(([, { messages }]) => messages.size === 0).map(([code, { files }]) => `${code} in ${[...files].join(', ')}`)
  assert.deepEqual(silent, [])
})

test('docs/operators.md lists the schemas', async () => {
  current('docs/operators.md', await operatorsPage())
})

test('every operator says what it does', () => {
  const schemas = allSchemas()
  const prose = operatorProse(schemas)
  assert.deepEqual([...schemas.keys()].filter((key) => (prose.get(key)?.summary ?? '') === ''), [])
})
