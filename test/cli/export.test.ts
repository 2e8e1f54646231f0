import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { importModel } from '../../src/import/index.ts'
import { readPack } from '../support/fixtures.ts'
import { at, file, plainGraph, run, saved, tableGraph } from './support.ts'

const table = await saved('table.mle', tableGraph())

test('writes an ONNX file from which the model comes back with its methods and columns', async () => {
  const { code, out, err } = await run('export', table, '-o', at('table.onnx'))
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  assert.match(out, /table\.onnx: .* \(from .*\), opset 21, transformed, counts, flags, cities\n$/)
  const { metadata, outputs } = await importModel(new Uint8Array(readFileSync(at('table.onnx'))))
  assert.deepEqual(metadata, tableGraph().metadata)
  assert.deepEqual(outputs.map(({ name, sourceDtype }) => [name, sourceDtype]), [['transformed', undefined], ['counts', 'int64'], ['flags', 'bool'], ['cities', undefined]])
  const old = await saved('named.bin', plainGraph())
  assert.equal((await run('export', old)).code, 0)
  assert.ok(existsSync(at('named.onnx')))
})

test('takes foreign files, and says what is left out and what is computed otherwise', async () => {
  const model = readPack('boosting').get('contribs_binary/model.json')
  assert.ok(model !== undefined)
  const path = file('boosted.json', model)
  const { code, out } = await run('export', path, '-o', at('boosted.onnx'))
  assert.equal(code, 0)
  assert.match(out, /note: output contributions is left out: node \d+ "TreeShap" of domain mle has no form in ONNX/)
  const narrow = await run('export', path, '-o', at('small.onnx'), '--method', 'margin', '--precision', 'float32', '--opset', '18')
  assert.match(narrow.out, /opset 18, margin\n/)
})

test('faults', async () => {
  const fault = async (...argv: string[]): Promise<string> => {
    const { code, err } = await run('export', ...argv)
    return `${code} ${/^mle: ([A-Z_]+):/.exec(err)?.[1] ?? err}`
  }
  const model = readPack('boosting').get('contribs_binary/model.json')
  assert.ok(model !== undefined)
  assert.equal(await fault(file('b.json', model), '--method', 'contributions'), '1 ONNX_EXPORT_OPERATOR')
  assert.equal(await fault(table, '--method', 'fly'), '1 METHOD_UNKNOWN')
  assert.match(await fault(table, '--opset', '12'), /^2 mle: --opset takes 18 to 28/)
  assert.match(await fault(table, '--precision', 'float16'), /^2 mle: --precision takes float32/)
  assert.match(await fault(file('x.onnx', 'y')), /^2 mle: .*x\.onnx would be written over/)
})
