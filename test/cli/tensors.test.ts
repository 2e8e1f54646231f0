// Weights of PyTorch at the command line: listed, run under an architecture, taken out one by one.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readNpy } from '../../src/tensor/npy.ts'
import { compareCase, readCases } from '../support/fixtures.ts'
import { at, file, run } from './support.ts'

const cases = new Map(readCases('pytorch').map((fixture) => [fixture.name, fixture]))

function fixtureOf(name: string): NonNullable<ReturnType<typeof cases.get>> {
  const found = cases.get(name)
  assert.ok(found !== undefined, name)
  return found
}

const dtypes = file('dtypes.pt', fixtureOf('dtypes_state_dict').bytes('model.pt'))
const lstm = fixtureOf('lstm_safetensors')
const weights = file('lstm.safetensors', lstm.bytes('model.safetensors'))
const architecture = file('lstm.json', lstm.bytes('arch.json'))
const input = file('lstm.npy', lstm.bytes('input_0.npy'))

test('inspect lists tensors', async () => {
  const { code, out } = await run('inspect', dtypes)
  assert.equal(code, 0)
  assert.match(out, /^dtypes\.pt, pytorch, 4\.58 kB\nf32 +float32 +\[4, 6\] +96 B\n/)
  assert.match(out, /\n17 tensors, 289 elements, 988 B; no computation: mle convert dtypes\.pt --architecture FILE\n$/)
  const report = JSON.parse((await run('inspect', weights, '--json')).out)
  assert.deepEqual([report.format, report.tensors[0], report.tensorBytes], ['safetensors', { name: 'r.weight_ih_l0', dtype: 'float32', shape: [48, 5], bytes: 960 }, 3804])
})

test('run and convert take an architecture', async () => {
  assert.equal((await run('run', weights, '--architecture', architecture, '--input', input, '--outputs', at('direct'))).code, 0)
  assert.equal((await run('convert', weights, '--architecture', architecture, '-o', at('lstm.mle'))).code, 0)
  assert.equal((await run('run', at('lstm.mle'), '--input', input, '--outputs', at('stored'))).code, 0)
  lstm.description.expected.forEach((expected, i) => {
    for (const folder of ['direct', 'stored']) compareCase(lstm, expected, readNpy(readFileSync(at(`${folder}/${i}.npy`))))
  })
  assert.match((await run('inspect', weights, '--architecture', architecture)).out, /\noperators 9: .*LSTM/)
})

test('weights without a computation give their tensors to run, and nothing to convert', async () => {
  assert.equal((await run('run', dtypes, '--method', 'bf16', '--output', at('bf16.npy'))).code, 0)
  assert.deepEqual(readNpy(readFileSync(at('bf16.npy'))).data, readNpy(fixtureOf('dtypes_state_dict').bytes('expected_bf16.npy')).data)
  const { code, err } = await run('convert', dtypes, '-o', at('no.mle'))
  assert.equal(code, 1)
  assert.match(err, /^mle: PYTORCH_ARCHITECTURE: .*torch\.onnx\.export/)
  assert.equal((await run('convert', dtypes, '--input-shape', 'x:3', '-o', at('no.mle'))).code, 2)
  assert.match((await run('convert', dtypes, '--architecture', at('missing.json'), '-o', at('no.mle'))).err, /^mle: CLI_FILE: /)
})
