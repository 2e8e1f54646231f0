// Old .mle files given to the command: foreign files, whatever their name says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { read } from '../../src/format/index.ts'
import { readPack } from '../support/fixtures.ts'
import { at, file, run } from './support.ts'

const samples = readPack('legacy_mle')

function sample(name: string, path: string): string {
  const bytes = samples.get(path)
  assert.ok(bytes !== undefined, path)
  return file(name, bytes)
}

test('inspect says what an old file lacks', async () => {
  const { code, out } = await run('inspect', sample('svc.mle', 'g3/SVC_c3.mle'))
  assert.equal(code, 0)
  assert.match(out, /scikit-learn 1\.6\.1, SVC/)
  assert.match(out, /notes +the file does not keep class labels[\s\S]*gamma='scale'/)
  const refused = await run('inspect', sample('dbscan.mle', 'g2/DBSCAN.mle'))
  assert.equal(refused.code, 1)
  assert.match(refused.err, /^mle: LEGACY_LOST: .*labels of its training rows/)
})

test('convert writes version 3 and prints the notes, but not over the old file', async () => {
  const old = sample('ridge.mle', 'g1/Ridge.mle')
  const { code, err } = await run('convert', old)
  assert.equal(code, 2)
  assert.match(err, /would be written over; name the result with -o/)
  assert.equal((await run('convert', old, '-o', at('new.mle'))).code, 0)
  assert.deepEqual((await read(at('new.mle'))).outputs.map(({ name }) => name), ['value'])
  const boosted = await run('convert', sample('gb.mle', 'g3/GradientBoostingRegressor_noshape.mle'), '-o', at('gb3.mle'))
  assert.match(boosted.out, /note: predict is not available/)
  assert.match((await run('inspect', at('gb3.mle'))).out, /predict is not available/)
})

test('run predicts with old files of every kind that holds a model', async () => {
  const rows = file('rows.json', '[[0.1, 0.2, -0.3, 0.4, 0.5]]')
  for (const path of ['g1/LinearRegression.mle', 'g2/LinearRegression.mle', 'g3/LinearRegression.mle', 'pkl24/lr.mle']) {
    const { code, out } = await run('run', sample('model.mle', path), '--input', rows, '--output', '-')
    assert.equal(code, 0, path)
    assert.match(out, /^\[\s*-?[\d.]+\s*\]\s*$/, path)
  }
})
