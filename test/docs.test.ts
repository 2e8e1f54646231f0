// The pages made from the sources are current. If this fails: npm run docs, and commit what it wrote.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { errorsPage, raisedCodes } from '../scripts/errors.ts'
import { operatorProse, operatorsPage } from '../scripts/operators.ts'
import { findImporter } from '../src/import/sklearn/registry.ts'
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

test('docs/scikit-learn.md lists the estimators that have an importer, and no others', () => {
  const page = readFileSync('docs/scikit-learn.md', 'utf8')
  const [, known = '', refused = ''] = /## Estimators\n(.*?)\nEvery other class(.*?)\n## Methods/s.exec(page) ?? []
  const names = (text: string): string[] => text.split('\n').flatMap((line) => (line.split('|')[2] ?? '').match(/[A-Z][A-Za-z0-9]{2,}/g) ?? []).filter((name) => name !== 'Booster')
  const listed = names(known)
  assert.ok(listed.length > 180)
  assert.deepEqual(listed.filter((name, i) => listed.indexOf(name) !== i), [], 'twice')
  const roots = ['sklearn', 'xgboost', 'lightgbm', 'catboost']
  assert.deepEqual(listed.filter((name) => roots.every((root) => findImporter(`${root}.module`, name) === undefined)), [], 'without importer')
  const folder = 'src/import/sklearn/families'
  const own = readdirSync(folder).flatMap((file) => Array.from(readFileSync(`${folder}/${file}`, 'utf8').matchAll(/names: \[([^\]]*)\]/g), ([, list]) => list.match(/\w+/g) ?? [])).flat()
  assert.deepEqual([...new Set(own)].filter((name) => !name.startsWith('_') && name !== 'Booster' && !listed.includes(name)), [], 'not listed')
  const outside = refused.split('\n').flatMap((line) => ((line.split('|')[1] ?? '').match(/\b[A-Z][A-Za-z]+\b/g) ?? []).slice(0, /DummyClassifier/.test(line) ? 0 : undefined))
  assert.ok(outside.includes('TSNE'))
  assert.deepEqual(outside.filter((name) => findImporter('sklearn.module', name) !== undefined), [], 'refused, but has an importer')
})
