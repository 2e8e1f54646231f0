// A page that loads the bundle and runs the networks of the pack, as .mle files served beside it. `npm run build` makes the bundle; without it one
// is made here.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { posix, resolve } from 'node:path'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { write } from '../../src/format/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { readNpy } from '../../src/tensor/npy.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import type { SiteOptions } from './browser.ts'
import { inputOf, readCases, readPack, type FixtureCase } from './fixtures.ts'

const RUN = `import { load } from './mle.browser.js'
const arrays = { float32: Float32Array, int64: BigInt64Array, int32: Int32Array, bool: Uint8Array, float64: Float64Array }
window.runModel = async ({ name, device, inputs, options }) => {
  const model = await load('./' + name + '.mle', { device, ...options })
  const typed = Object.fromEntries(Object.entries(inputs).map(([key, { dtype, shape, data }]) => [key, { dtype, shape, data: dtype === 'int64' ? BigInt64Array.from(data, BigInt) : arrays[dtype].from(data) }]))
  const results = await model.run(typed)
  const placed = model.placement({ inputs: typed })
  const used = model.device.name
  model.dispose()
  return { used, placed, outputs: Object.fromEntries(Object.entries(results).map(([key, { shape, data }]) => [key, { shape, data: Array.from(data, Number) }])) }
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

export interface PageResult {
  readonly used: string
  readonly placed: readonly { readonly place: 'device' | 'host'; readonly steps: readonly { readonly node: string; readonly reason?: string }[] }[]
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>
}

/** A network as the page runs it. */
export interface PageNetwork {
  readonly name: string
  readonly inputs: Readonly<Record<string, Sent>>
  /** What PyTorch computed. */
  readonly expected: readonly { readonly output: string; readonly tensor: Tensor }[]
  /** What cpu computes in Node. */
  readonly onCpu: () => Promise<PageResult['outputs']>
}

export interface NetworkSite {
  readonly files: SiteOptions['files']
  readonly networks: readonly PageNetwork[]
}

async function bundle(): Promise<string> {
  if (existsSync('dist/mle.browser.js')) return resolve('dist/mle.browser.js')
  await build({ entryPoints: ['src/browser.ts'], outfile: '.cache/mle.browser.js', bundle: true, minify: true, format: 'esm', target: 'es2022', platform: 'neutral', logLevel: 'silent' })
  return resolve('.cache/mle.browser.js')
}

/** The page, the bundle, and networks of the pack that `accepts` takes. */
export async function networkSite(accepts: (name: string) => boolean = () => true): Promise<NetworkSite> {
  const pack = readPack('networks')
  const files: Record<string, SiteOptions['files'][string]> = {
    '/': { body: '<!doctype html><title>mle</title><script type="module" src="/run.js"></script>', type: 'text/html' },
    '/run.js': { body: RUN, type: 'text/javascript' },
    '/mle.browser.js': await bundle(),
  }
  const networks: PageNetwork[] = []
  for (const fixture of readCases('networks').filter(({ name }) => accepts(name))) {
    const bytes = pack.get(posix.join(fixture.name, fixture.description.file))
    assert.ok(bytes)
    const graph = await importModel(bytes, { fileName: 'model.onnx' })
    files[`/${fixture.name}.mle`] = { body: await write(graph), type: 'application/octet-stream' }
    networks.push(networkOf(fixture, graph))
  }
  return { files, networks }
}

function networkOf(fixture: FixtureCase, graph: Graph): PageNetwork {
  const { inputs, expected } = fixture.description
  const feeds = Object.fromEntries(inputs.map((input, i) => [input.name ?? graph.inputs[i].name, inputOf(fixture, input) as Tensor]))
  return {
    name: fixture.name,
    inputs: Object.fromEntries(Object.entries(feeds).map(([key, { dtype, shape, data }]) => [key, { dtype, shape, data: Array.from(data as ArrayLike<number | bigint>, (item) => (typeof item === 'bigint' ? String(item) : item)) }])),
    expected: expected.map(({ name, file, output_index: index }, i) => {
      const output = graph.outputs.some((info) => info.name === name) ? name : undefined
      return { output: output ?? graph.outputs[index ?? i].name, tensor: readNpy(fixture.bytes(file)) }
    }),
    async onCpu() {
      const model = await load(graph, { device: 'cpu' })
      const results = await model.run(feeds)
      return Object.fromEntries(Object.entries(results).map(([key, value]) => {
        const { shape, data } = value as Tensor
        return [key, { shape, data: Array.from(data as ArrayLike<number>, Number) }]
      }))
    },
  }
}

export async function runInPage(page: Page, { name, inputs }: PageNetwork, device: string, options: Readonly<Record<string, unknown>> = {}): Promise<PageResult> {
  await page.waitForFunction('window.isReady === true')
  return page.evaluate((given) => (globalThis as unknown as { runModel: (options: object) => Promise<PageResult> }).runModel(given), { name, device, inputs, options })
}

/** The largest |got - wanted| over 1 + |wanted|; infinite where shapes differ or only one is NaN. */
export function largestDifference(got: { readonly shape: readonly number[]; readonly data: ArrayLike<number | bigint> }, wanted: Tensor): number {
  if (got.shape.join() !== wanted.shape.join()) return Infinity
  let worst = 0
  for (let i = 0; i < wanted.data.length; i++) {
    const [value, expected] = [Number(got.data[i]), Number(wanted.data[i])]
    if (Object.is(value, expected)) continue
    const off = Math.abs(value - expected) / (1 + Math.abs(expected))
    worst = Math.max(worst, off === off ? off : Infinity)
  }
  return worst
}
