import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readCases } from '../support/fixtures.ts'
import { at, file, plainGraph, run, saved, tableGraph } from './support.ts'

const table = await saved('table.mle', tableGraph())

test('shows what a file holds', async () => {
  const { code, out, err } = await run('inspect', table)
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  const lines = out.split('\n')
  assert.match(lines[0], /^file {6}table\.mle, mle 3, /)
  for (const line of [
    'model     test 1, Passer',
    'inputs    numbers  float64 [batch, 2]',
    '          city  string [batch, 1]',
    'outputs   transformed  float64 [batch, 2]',
    '          counts  float64 [batch, 2] (int64 in the training library)',
    'methods   transform -> transformed',
    'columns   y, city, x',
    'operators 4: Identity x4',
    'notes     made by a test',
  ]) assert.ok(lines.includes(line), `${line}\n\n${out}`)
})

test('the same as JSON', async () => {
  const { code, out } = await run('inspect', table, '--json')
  assert.equal(code, 0)
  const report = JSON.parse(out)
  assert.equal(report.format, 'mle 3')
  assert.equal(report.estimator, 'Passer')
  assert.deepEqual(report.inputs.map((info: { name: string }) => info.name), ['numbers', 'city'])
  assert.deepEqual(report.operators.map(({ op, count }: { op: string; count: number }) => [op, count]), [['Identity', 4]])
  assert.equal(report.signed, false)
  assert.match(report.root, /^[0-9a-f]{64}$/)
})

test('a model that says nothing of itself', async () => {
  const { out } = await run('inspect', await saved('plain.mle', plainGraph()))
  assert.doesNotMatch(out, /^(model|columns|notes|classes)/m)
})

test('faults', async () => {
  assert.match((await run('inspect', at('none.mle'))).err, /^mle: CLI_FILE: /)
  assert.equal((await run('inspect', file('text.txt', 'hello'))).code, 1)
  assert.equal((await run('inspect')).code, 2)
})

test('a boosted model shows its trees and what they split by, from a foreign file and from .mle', async () => {
  const found = readCases('xgboost').find(({ name }) => name === 'feature_names_json')
  assert.ok(found !== undefined)
  const foreign = file('booster.json', found.bytes(found.description.file))
  const shown = (out: string): string[] => out.split('\n').filter((line) => /^(trees|by )/.test(line))
  const { out } = await run('inspect', foreign)
  assert.match(shown(out)[0], /^trees {5}10, depth 4; 105 leaves$/)
  assert.match(shown(out)[1], /^by gain {3}col 6 é 238\.626, /)
  assert.equal(shown(out).length, 4)
  assert.equal((await run('convert', foreign, '-o', at('booster.mle'))).code, 0)
  assert.deepEqual(shown((await run('inspect', at('booster.mle'))).out), shown(out))
})

test('--optimized counts what the passes found', async () => {
  const fixture = readCases('sklearn').find(({ name }) => name === 'gb_regressor_init_linear')
  assert.ok(fixture !== undefined)
  const path = file('boosted.joblib', fixture.bytes(fixture.description.file))
  const { out } = await run('inspect', path, '--optimized')
  assert.match(out, /\noptimizer \d+ nodes before; .*remove-no-ops \d+/)
  const report = JSON.parse((await run('inspect', path, '--json', '--optimized', '--determinism', 'relaxed')).out)
  assert.ok(report.nodes < report.nodesBefore)
  assert.ok(report.passes.some(({ pass, edits }: { pass: string; edits: number }) => pass === 'remove-no-ops' && edits > 0))
  assert.match((await run('inspect', table, '--optimized')).out, /\noptimizer 4 nodes before; nothing to do/)
  assert.equal((await run('inspect', table, '--determinism', 'relaxed')).code, 2)
})

test('what a run of one row needs', async () => {
  const path = await saved('plain.mle', plainGraph())
  assert.match((await run('inspect', path)).out, /^memory +for one row: .* weights, .* activations, .* inputs and outputs; .* at most$/m)
  const { memory } = JSON.parse((await run('inspect', path, '--json')).out)
  assert.ok(memory.io > 0 && memory.peak >= memory.io + memory.activations)
})
