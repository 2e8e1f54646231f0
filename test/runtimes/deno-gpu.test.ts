// Deno has WebGPU of its own, with another compiler of shaders than Chromium's and Dawn's: the same networks there.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { build } from 'esbuild'
import { write } from '../../src/format/index.ts'
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { inputOf, readCases } from '../support/fixtures.ts'
import { runtimes } from '../support/runtimes.ts'

const NETWORKS = ['mlp', 'lenet', 'transformer_encoder', 'lstm', 'gru', 'cnn1d']
const folder = mkdtempSync(join(tmpdir(), 'mle-deno-'))
after(() => rmSync(folder, { recursive: true, force: true }))

interface Plain {
  readonly shape: readonly number[]
  readonly data: readonly number[]
}
type Outputs = Readonly<Record<string, Plain>>

const deno = runtimes().find(({ name }) => name === 'Deno')

test('networks on the WebGPU of Deno', { skip: deno?.missing }, async (t) => {
  const cases: object[] = []
  const expected = new Map<string, Outputs>()
  for (const fixture of readCases('networks').filter(({ name }) => NETWORKS.includes(name))) {
    const graph = await importModel(fixture.bytes(fixture.description.file), { fileName: 'model.onnx' })
    const feeds = Object.fromEntries(fixture.description.inputs.map((input, i) => [input.name ?? graph.inputs[i].name, inputOf(fixture, input) as { dtype: string; shape: readonly number[]; data: ArrayLike<number | bigint> }]))
    const results = await (await load(graph, { device: 'cpu' })).run(feeds as Parameters<Awaited<ReturnType<typeof load>>['run']>[0])
    expected.set(fixture.name, Object.fromEntries(Object.entries(results).map(([key, { shape, data }]) => [key, { shape, data: Array.from(data as ArrayLike<number>, Number) }])))
    const inputs = Object.fromEntries(Object.entries(feeds).map(([key, { dtype, shape, data }]) => [key, { dtype, shape, data: Array.from(data, (item) => (typeof item === 'bigint' ? String(item) : item)) }]))
    cases.push({ name: fixture.name, model: Buffer.from(await write(graph)).toString('base64'), inputs })
  }
  const [program, input, output] = ['program.mjs', 'cases.json', 'results.json'].map((name) => join(folder, name))
  writeFileSync(input, JSON.stringify(cases))
  await build({ entryPoints: ['test/runtimes/gpu-program.ts'], bundle: true, format: 'esm', target: 'es2022', platform: 'neutral', outfile: program, logLevel: 'error' })
  const [file, ...args] = deno?.command ?? []
  const { status, stderr } = spawnSync(file, [...args, program, input, output], { encoding: 'utf8', timeout: 120_000, env: { ...process.env, NO_COLOR: '1' } })
  assert.equal(status, 0, stderr.slice(0, 3000))
  const { missing, results } = JSON.parse(readFileSync(output, 'utf8')) as { missing?: string; results: Record<string, { outputs: Outputs; read: Outputs; places: readonly string[] }> }
  if (missing !== undefined) {
    t.skip(`needs a WebGPU adapter that Deno finds: ${missing}`)
    return
  }
  let values = 0
  for (const [name, outputs] of expected) {
    assert.ok(results[name].places.includes('device'), `${name} has no step on the GPU`)
    assert.deepEqual(results[name].read, results[name].outputs, `${name}: what stays is what is read back`)
    for (const [key, { shape, data }] of Object.entries(outputs)) {
      assert.deepEqual(results[name].outputs[key].shape, shape)
      data.forEach((value, i) => assert.ok(Math.abs(results[name].outputs[key].data[i] - value) <= 1e-3 * (1 + Math.abs(value)), `${name} ${key}[${i}] is ${results[name].outputs[key].data[i]}, expected ${value}`))
      values += data.length
    }
  }
  t.diagnostic(`${expected.size} networks, ${values} numbers`)
})
