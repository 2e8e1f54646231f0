// Every conformance vector in every runtime, on cpu and wasm: the same bits of every output, and the same refusals.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { build } from 'esbuild'
import { readIndex, readTask } from '../../conformance/runner/vectors.ts'
import { readInputs } from '../../src/cli/inputs.ts'
import type { InputValue } from '../../src/feed.ts'
import { read } from '../../src/format/read.ts'
import { isTensor, type Tensor } from '../../src/tensor/tensor.ts'
import { pageTest } from '../support/browser.ts'
import { runtimes } from '../support/runtimes.ts'
import type { Hashes, Packed, PackedVector } from './program.ts'

const DEVICES = ['cpu', 'wasm'] as const
const RUN_MS = 240_000

const folder = mkdtempSync(join(tmpdir(), 'mle-bits-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const vectorsFile = join(folder, 'vectors.json')
const program = join(folder, 'main.mjs')
const vectors = await packVectors()
writeFileSync(vectorsFile, JSON.stringify(vectors))
const page = join(folder, 'page.js')
await build({ entryPoints: ['test/runtimes/page.ts'], bundle: true, format: 'esm', target: 'es2022', platform: 'neutral', outfile: page, logLevel: 'error' })
await build({ entryPoints: ['test/runtimes/main.ts'], bundle: true, format: 'esm', target: 'es2022', outfile: program, logLevel: 'error' })

async function packVectors(): Promise<PackedVector[]> {
  const packed: PackedVector[] = []
  for (const vector of readIndex('conformance')) {
    // Importers and keys are other matters.
    if (vector.area === 'hostile' || vector.area === 'trust') continue
    const { model, inputs, integrity } = readTask('conformance', vector)
    const bytes = readFileSync(model)
    const values: [string, Packed][] = []
    if (inputs.length > 0) {
      const graph = await read(new Uint8Array(bytes)).catch(() => undefined)
      const record = graph === undefined ? {} : await readInputs(graph, inputs.map(({ name, file }) => `${name}=${file}`))
      for (const [name, value] of Object.entries(record)) values.push([name, packedValue(value)])
    }
    packed.push({ path: vector.path, model: bytes.toString('base64'), inputs: values, integrity })
  }
  return packed
}

function packedValue(value: InputValue): Packed {
  if (isTensor(value)) return packedTensor(value)
  if (value instanceof Map) return { map: [...value].map(([key, item]) => [key, packedValue(item as InputValue)]) }
  if (Array.isArray(value) && value.some((item) => isTensor(item) || item instanceof Map)) return { list: value.map((item) => packedValue(item as InputValue)) }
  return { plain: value }
}

function packedTensor({ dtype, shape, data }: Tensor): Packed {
  if (!ArrayBuffer.isView(data)) return { texts: data, shape }
  return { dtype, shape, base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') }
}

function hashesIn(name: string, command: readonly string[], device: string): Promise<Hashes> {
  const out = join(folder, `${name}-${device}.json`.replaceAll(' ', '-'))
  const [file, ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args, program, vectorsFile, device, out], { stdio: ['ignore', 'inherit', 'pipe'], timeout: RUN_MS, env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' } })
    let errors = ''
    child.stderr.on('data', (chunk) => void (errors += String(chunk)))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(readFileSync(out, 'utf8')) as Hashes)
      else reject(new Error(`${name} on ${device} ended with ${code ?? signal}: ${errors.slice(0, 2000)}`))
    })
  })
}

const [reference, ...others] = runtimes()
const expected = new Map<string, Map<string, string>>()

/** Differing vectors, with both hashes. */
function compare(what: string, got: Hashes, wanted: ReadonlyMap<string, string>): void {
  assert.equal(got.length, wanted.size, what)
  const different = got.filter(([path, hash]) => wanted.get(path) !== hash)
  assert.deepEqual(different.map(([path, hash]) => `${path}: ${hash}, ${reference.name} has ${wanted.get(path)}`), [], what)
}

for (const device of DEVICES) {
  test(`${reference.name}, ${device}: ${vectors.length} vectors`, async () => {
    const own = await hashesIn(reference.name, reference.command, device)
    expected.set(device, new Map(own))
    const failed = own.filter(([, hash]) => hash.startsWith('failed'))
    assert.deepEqual(failed, [])
    // wasm has cpu's bits.
    if (device !== 'cpu') compare(`${device} against cpu`, own, expected.get('cpu') ?? new Map())
  })
}
for (const { name, command, missing } of others) {
  for (const device of DEVICES) {
    test(`${name}, ${device}: the same bits`, { skip: missing !== undefined && process.env.CI !== 'true' ? missing : false }, async () => {
      assert.equal(missing, undefined)
      compare(`${name}, ${device}`, await hashesIn(name, command, device), expected.get(device) ?? new Map())
    })
  }
}

const expectedIn = (device: string): ReadonlyMap<string, string> => expected.get(device) ?? new Map()
for (const device of DEVICES) {
  pageTest(
    `Chromium, ${device}: the same bits`,
    {
      files: {
        '/': { body: '<!doctype html><title>bits</title><script type="module" src="page.js"></script>', type: 'text/html' },
        '/page.js': page,
        '/vectors.json': vectorsFile,
      },
    },
    async (tab) => {
      await tab.waitForFunction('window.hashVectors !== undefined')
      const got = await tab.evaluate(`fetch('vectors.json').then((answer) => answer.json()).then((vectors) => window.hashVectors(vectors, ${JSON.stringify(device)}))`)
      compare(`Chromium, ${device}`, got as Hashes, expectedIn(device))
    },
  )
}
