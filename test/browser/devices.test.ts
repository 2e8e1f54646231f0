// The built bundle in headless Chromium: real models on cpu, WebAssembly and WebGPU, under several policies. `npm run build` makes the bundle;
// without it one is made here.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { write } from '../../src/format/index.ts'
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { inputOf, readCases, readPack } from '../support/fixtures.ts'
import { ISOLATED, pageTest, strictPolicy, type SiteOptions } from '../support/browser.ts'

const NETWORKS = ['mlp', 'lenet', 'transformer_encoder', 'lstm']
const RUN = `import { load } from './mle.browser.js'
window.runModel = async ({ name, device, inputs }) => {
  const model = await load('./' + name + '.mle', { device })
  const typed = Object.fromEntries(Object.entries(inputs).map(([key, { dtype, shape, data }]) => [key, { dtype, shape, data: dtype === 'float32' ? Float32Array.from(data) : dtype === 'int64' ? BigInt64Array.from(data, BigInt) : Int32Array.from(data) }]))
  const results = await model.run(typed)
  const places = model.placement({ inputs: typed })
  const used = model.device.name
  model.dispose()
  return { used, places: places.map(({ place, dispatches }) => [place, dispatches]), outputs: Object.fromEntries(Object.entries(results).map(([key, { shape, data }]) => [key, { shape, data: Array.from(data, Number) }])) }
}
try {
  new Function('return 1')()
} catch {
  window.isTextCodeRefused = true
}
window.isReady = true`

interface Sent {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: readonly (number | string)[]
}

interface Result {
  readonly used: string
  readonly places: readonly (readonly [string, number | undefined])[]
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>
}

let made: Promise<{ readonly files: SiteOptions['files']; readonly inputs: ReadonlyMap<string, Record<string, Sent>>; readonly expected: ReadonlyMap<string, Result['outputs']> }> | undefined

async function bundle(): Promise<string> {
  if (existsSync('dist/mle.browser.js')) return resolve('dist/mle.browser.js')
  await build({ entryPoints: ['src/browser.ts'], outfile: '.cache/mle.browser.js', bundle: true, minify: true, format: 'esm', target: 'es2022', platform: 'neutral', logLevel: 'silent' })
  return resolve('.cache/mle.browser.js')
}

/** Networks as .mle files with their inputs, and what cpu computes in Node. */
async function makeModels(): Promise<NonNullable<Awaited<typeof made>>> {
  const pack = readPack('networks')
  const files: Record<string, SiteOptions['files'][string]> = {
    '/': { body: '<!doctype html><title>mle</title><script type="module" src="/run.js"></script>', type: 'text/html' },
    '/run.js': { body: RUN, type: 'text/javascript' },
    '/mle.browser.js': await bundle(),
  }
  const inputs = new Map<string, Record<string, Sent>>()
  const expected = new Map<string, Result['outputs']>()
  for (const fixture of readCases('networks').filter(({ name }) => NETWORKS.includes(name))) {
    const bytes = pack.get(posix.join(fixture.name, fixture.description.file))
    assert.ok(bytes)
    const graph = await importModel(bytes, { fileName: 'model.onnx' })
    files[`/${fixture.name}.mle`] = { body: await write(graph), type: 'application/octet-stream' }
    const sent: Record<string, Sent> = {}
    fixture.description.inputs.forEach((input, i) => {
      const value = inputOf(fixture, input) as { dtype: string; shape: readonly number[]; data: ArrayLike<number | bigint> }
      sent[input.name ?? graph.inputs[i].name] = { dtype: value.dtype, shape: value.shape, data: Array.from(value.data, (item) => (typeof item === 'bigint' ? String(item) : item)) }
    })
    inputs.set(fixture.name, sent)
    const model = await load(graph, { device: 'cpu' })
    const feeds = Object.fromEntries(fixture.description.inputs.map((input, i) => [input.name ?? graph.inputs[i].name, inputOf(fixture, input)]))
    const results = await model.run(feeds as Parameters<typeof model.run>[0])
    expected.set(fixture.name, Object.fromEntries(Object.entries(results).map(([key, { shape, data }]) => [key, { shape, data: Array.from(data as ArrayLike<number>, Number) }])))
  }
  return { files, inputs, expected }
}

const site = (headers: Readonly<Record<string, string>>) => async (): Promise<SiteOptions> => ({ files: (await (made ??= makeModels())).files, headers })

async function runInPage(page: Page, name: string, device: string): Promise<Result> {
  const { inputs } = await (made ??= makeModels())
  await page.waitForFunction('window.isReady === true')
  return page.evaluate(({ name: model, device: on, inputs: given }) => (globalThis as unknown as { runModel: (options: object) => Promise<Result> }).runModel({ name: model, device: on, inputs: given }), { name, device, inputs: inputs.get(name) })
}

/** Each network on a device: exactly what cpu gives in Node, or within the tolerance of networks on a GPU. */
async function check(page: Page, device: string, used: string = device): Promise<void> {
  const { expected } = await (made ??= makeModels())
  for (const name of NETWORKS) {
    const result = await runInPage(page, name, device)
    assert.equal(result.used, used)
    for (const [key, wanted] of Object.entries(expected.get(name) ?? {})) {
      assert.deepEqual(result.outputs[key].shape, wanted.shape)
      if (device !== 'webgpu') assert.deepEqual(result.outputs[key].data, wanted.data, `${name} ${key} on ${device}`)
      else wanted.data.forEach((value, i) => assert.ok(Math.abs(result.outputs[key].data[i] - value) <= 1e-3 * (1 + Math.abs(value)), `${name} ${key}[${i}] is ${result.outputs[key].data[i]}, expected ${value}`))
    }
    if (device === 'webgpu') assert.ok(result.places.some(([place]) => place === 'device'), `${name} has no step on the GPU`)
  }
}

pageTest('a plain page: cpu, wasm and webgpu', site({}), async (page) => {
  assert.equal(await page.evaluate('crossOriginIsolated'), false)
  for (const device of ['cpu', 'wasm', 'webgpu']) await check(page, device)
})

pageTest('a page with cross-origin isolation', site(ISOLATED), async (page) => {
  assert.equal(await page.evaluate('crossOriginIsolated'), true)
  for (const device of ['cpu', 'wasm', 'webgpu']) await check(page, device)
})

pageTest('a strict policy without unsafe-eval', site({ ...strictPolicy(true), ...ISOLATED }), async (page) => {
  await page.waitForFunction('window.isReady === true')
  assert.equal(await page.evaluate('window.isTextCodeRefused'), true)
  for (const device of ['cpu', 'wasm', 'webgpu']) await check(page, device)
})

pageTest('a policy that forbids WebAssembly: everything else still runs', site(strictPolicy(false)), async (page) => {
  await check(page, 'cpu')
  await check(page, 'webgpu')
  await check(page, 'auto', 'cpu')
})
