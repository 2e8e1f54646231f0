import assert from 'node:assert/strict'
import { test } from 'node:test'
import { file, plainGraph, run, saved, tableGraph } from './support.ts'

test('measures with made-up numbers on one device', async () => {
  const { code, out, err } = await run('bench', await saved('plain.mle', plainGraph()), '--device', 'cpu', '--time', '20', '--batch', '10', '--json')
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  const { devices, foreign } = JSON.parse(out)
  assert.equal(foreign, false)
  assert.equal(devices.length, 1)
  const [report] = devices
  assert.equal(report.device, 'cpu')
  assert.equal(report.batch, 10)
  for (const name of ['loadMs', 'firstRunMs', 'oneRowP50Us', 'oneRowP99Us', 'oneRowP999Us', 'sessionP50Us', 'sessionP99Us', 'sessionP999Us', 'rowsPerSecond']) assert.ok(report[name] > 0, name)
  assert.ok(report.memory.peak >= report.memory.io && report.memory.io > 0)
})

test('text needs real inputs, whose rows are repeated', async () => {
  const table = await saved('table.mle', tableGraph())
  assert.match((await run('bench', table, '--device', 'cpu')).err, /^mle: CLI_INPUTS: .*pass --input\n$/)
  const { code, out } = await run('bench', table, '--device', 'cpu', '--time', '20', '--batch', '5', '--input', file('r.csv', 'x,y,city\n1,2,Rome\n3,4,Oslo\n'))
  assert.equal(code, 0)
  assert.match(out, /5 rows at once: /)
})

test('wrong usage', async () => {
  assert.equal((await run('bench', 'x.mle', '--batch', '0')).code, 2)
  assert.equal((await run('bench', 'x.mle', '--time', 'long')).code, 2)
  assert.equal((await run('bench')).code, 2)
})
