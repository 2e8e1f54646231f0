// The built bundle in headless Chromium: real models on cpu, WebAssembly and WebGPU, under several policies; and every network of the pack on WebGPU.
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { ISOLATED, pageTest, strictPolicy, type SiteOptions } from '../support/browser.ts'
import { largestDifference, networkSite, runInPage, type NetworkSite, type PageResult } from '../support/network-page.ts'

/** Small ones that between them use most kinds of layers. */
const FEW = ['mlp', 'lenet', 'transformer_encoder', 'lstm']
const TOLERANCE = 1e-3
/** Networks that run on the GPU wholly today. */
const LEAST_WHOLLY = 28

let made: Promise<NetworkSite> | undefined
const whole = (): Promise<NetworkSite> => (made ??= networkSite())
const site = (headers: Readonly<Record<string, string>>) => async (): Promise<SiteOptions> => ({ files: (await whole()).files, headers })

/** A few networks on a device: exactly what cpu gives in Node, or within the tolerance of networks on a GPU. */
async function check(page: Page, device: string, used: string = device): Promise<void> {
  const { networks } = await whole()
  for (const network of networks.filter(({ name }) => FEW.includes(name))) {
    const result = await runInPage(page, network, device)
    assert.equal(result.used, used)
    for (const [key, wanted] of Object.entries(await network.onCpu())) {
      if (device !== 'webgpu') assert.deepEqual(result.outputs[key], wanted, `${network.name} ${key} on ${device}`)
      else assert.ok(largestDifference(result.outputs[key], { dtype: 'float32', shape: [...wanted.shape], data: Float32Array.from(wanted.data) }) <= TOLERANCE, `${network.name} ${key}`)
    }
    if (device === 'webgpu') assert.ok(result.placed.some(({ place }) => place === 'device'), `${network.name} has no step on the GPU`)
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

pageTest('every network of the pack on webgpu is within 1e-3 of PyTorch', site({}), async (page, _origin, t) => {
  const { networks } = await whole()
  const wrong: string[] = []
  let onDevice = 0
  for (const network of networks) {
    let result: PageResult
    try {
      result = await runInPage(page, network, 'webgpu', { precision: 'float32' })
    } catch (error) {
      wrong.push(`${network.name}: ${String(error)}`)
      continue
    }
    if (result.placed.every(({ place }) => place === 'device')) onDevice++
    for (const { output, tensor } of network.expected) {
      const difference = largestDifference(result.outputs[output], tensor)
      if (!(difference <= TOLERANCE)) wrong.push(`${network.name} ${output}: off by ${difference}`)
    }
    if (!result.placed.some(({ place }) => place === 'device')) wrong.push(`${network.name} has no step on the GPU`)
  }
  t.diagnostic(`${networks.length - new Set(wrong.map((line) => line.split(/[ :]/)[0])).size} of ${networks.length} networks right on webgpu in Chromium; ${onDevice} wholly on the GPU`)
  assert.deepEqual(wrong, [])
  assert.ok(onDevice >= LEAST_WHOLLY, `only ${onDevice} networks run on the GPU wholly`)
})
