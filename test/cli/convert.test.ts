import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { read } from '../../src/format/index.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import { at, file, run, saved, tableGraph } from './support.ts'

const table = await saved('table.mle', tableGraph())

test('writes the model anew, under the same name by default', async () => {
  const { code, out, err } = await run('convert', table, '-o', at('copy.mle'))
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  assert.match(out, /copy\.mle: .* kB \(from .*\), transform, predict, predict_proba\nnote: made by a test\n$/)
  assert.deepEqual((await read(at('copy.mle'))).outputs, (await read(table)).outputs)
  const old = await saved('old.bin', tableGraph())
  assert.equal((await run('convert', old)).code, 0)
  assert.ok(existsSync(at('old.mle')))
})

test('--method keeps what the methods need', async () => {
  const { code, out } = await run('convert', table, '-o', at('small.mle'), '--method', 'transform', '--method', 'cities')
  assert.equal(code, 0)
  assert.match(out, /, transform, predict\n/)
  const { outputs, metadata, nodes } = await read(at('small.mle'))
  assert.deepEqual(outputs.map(({ name }) => name), ['transformed', 'cities'])
  assert.deepEqual(metadata.methods?.map(({ name }) => name), ['transform', 'predict'])
  assert.equal(nodes.length, 2)
})

test('faults', async () => {
  const fault = async (...argv: string[]): Promise<string> => {
    const { code, err } = await run('convert', ...argv)
    return `${code} ${/^mle: ([A-Z_]+):/.exec(err)?.[1] ?? err}`
  }
  assert.equal(await fault(at('none.joblib')), '1 CLI_FILE')
  assert.equal(await fault(file('empty.joblib', '')), '1 IMPORT_FORMAT')
  assert.equal(await fault(table, '--method', 'fly'), '1 METHOD_UNKNOWN')
  assert.equal(await fault(file('cut.mle', Uint8Array.of(0x4d, 0x4c, 0x45, 0, 3, 0, 0, 0))), '1 FORMAT_TRUNCATED')
  assert.match(await fault(table, '--codec', 'zip'), /^2 mle: --codec takes none, lz4/)
  assert.match(await fault(), /^2 mle: IN is missing/)
})

test('--weights stores matrices in fewer bits and shows what that costs', async () => {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: ['batch', 64] })
  b.output('out', b.add('MatMul', [x, b.constant({ dtype: 'float32', shape: [64, 32], data: Float32Array.from({ length: 2048 }, (_, i) => Math.sin(i)) })]), { dtype: 'float32', shape: ['batch', 32] })
  const model = await saved('matrix.mle', b.build())
  const sample = file('sample.json', JSON.stringify([Array.from({ length: 64 }, (_, i) => i / 64)]))
  const { code, out, err } = await run('convert', model, '-o', at('int8.mle'), '--weights', 'int8', '--input', sample)
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  assert.match(out, /weights: 1 matrix, 8\.19 kB -> 2\.21 kB\nsize: source .* kB, \.mle before .* kB, now .* kB \(.* % of before, .* % of the source\)\noutput +largest error +mean error +largest value +changed\nout +0\.0\d+ .* 32 of 32\n$/)
  assert.equal((await run('run', at('int8.mle'), '--input', sample)).code, 0)
  assert.match((await run('convert', table, '-o', at('none.mle'), '--weights', 'fp16')).err, /^mle: WEIGHTS_NONE: /)
  assert.equal((await run('convert', model, '--weights', 'fp8')).code, 2)
  assert.equal((await run('convert', model, '-o', at('x.mle'), '--input', sample)).code, 2)
})
