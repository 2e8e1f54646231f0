import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../../src/graph/builder.ts'
import { tensor } from '../../src/index.ts'
import { readPack } from '../support/fixtures.ts'
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

test('makes up text from what real models know, and every input of several', async () => {
  for (const [pack, path, inputs] of [
    ['sklearn', 'onehot_string/model.pkl', ['x0', 'x1', 'x2']], ['sklearn', 'columntransformer_mixed_only/model.joblib', []], ['sklearn', 'tfidf_logreg/model.pkl', ['text']], ['onnx_ml', 'pipeline_mixed_strings/model.onnx', ['num', 'city']],
    ['xgboost', 'categorical_multi_mixed_json/model.json', ['X']], ['sklearn', 'logreg_multinomial/model.joblib', ['X']], ['networks', 'gru/model.onnx', []],
  ] as const) {
    const bytes = readPack(pack).get(path)
    if (bytes === undefined) throw new RangeError(`${pack} has no ${path}`)
    const name = path.replace('/', '-')
    const { code, out, err } = await run('bench', file(name, bytes), '--device', 'wasm', '--time', '5', '--batch', '7', '--json')
    assert.deepEqual({ code, err }, { code: 0, err: '' }, name)
    const [report] = JSON.parse(out).devices
    if (inputs.length > 0) {
      assert.deepEqual(report.inputs.map((input: { name: string }) => input.name), inputs)
      for (const { shape } of report.inputs) assert.equal(shape[0], 7)
    }
    assert.ok(report.rowsPerSecond > 0)
  }
})

test('takes sizes of open dimensions, and the batch that a model fixes', async () => {
  const b = graphBuilder()
  const x = b.input('x', { dtype: 'float32', shape: ['batch', 'length'] })
  b.output('y', b.add('Relu', [x]), { dtype: 'float32', shape: ['batch', 'length'] })
  const open = await saved('open.mle', b.build())
  const measured = async (...args: string[]): Promise<{ batch: number; inputs: readonly { shape: readonly number[] }[] }> => JSON.parse((await run('bench', ...args, '--device', 'cpu', '--time', '5', '--json')).out).devices[0]
  assert.deepEqual((await measured(open, '--dim', 'length=16', '--batch', '3')).inputs, [{ name: 'x', dtype: 'float64', shape: [3, 16] }])
  assert.deepEqual((await measured(open, '--batch', '3')).inputs[0].shape, [3, 1])
  assert.match((await run('bench', open, '--dim', 'width=16')).err, /^mle: CLI_INPUTS: the model has no dimension "width"/)
  assert.equal((await run('bench', open, '--dim', 'length')).code, 2)
  const fixed = graphBuilder()
  fixed.output('y', fixed.add('Relu', [fixed.input('x', { dtype: 'float32', shape: [2, 3] })]), { dtype: 'float32', shape: [2, 3] })
  assert.equal((await measured(await saved('fixed.mle', fixed.build()))).batch, 2)
})

test('says so where a model refuses what was made up', async () => {
  const b = graphBuilder()
  const x = b.input('x', { dtype: 'float32', shape: ['length'] })
  b.output('y', b.add('Reshape', [x, b.constant(tensor(BigInt64Array.of(2n, 2n)))]), { dtype: 'float32', shape: [2, 2] })
  const path = await saved('four.mle', b.build())
  assert.match((await run('bench', path, '--device', 'cpu', '--time', '5')).err, /^mle: CLI_INPUTS: the model refuses made-up inputs .*--dim\n$/)
  assert.equal((await run('bench', path, '--device', 'cpu', '--time', '5', '--dim', 'length=4')).code, 0)
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
