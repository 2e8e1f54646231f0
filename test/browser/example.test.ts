// examples/browser/index.html as a user uses it: a model and a CSV in, predictions, times and places out. MLE_SCREENSHOTS=FOLDER keeps pictures.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { readCases } from '../support/fixtures.ts'
import { pageTest, type SiteOptions } from '../support/browser.ts'

async function site(): Promise<SiteOptions> {
  if (!existsSync('dist/mle.browser.js')) await build({ entryPoints: ['src/browser.ts'], outfile: '.cache/mle.browser.js', bundle: true, minify: true, format: 'esm', target: 'es2022', platform: 'neutral', logLevel: 'silent' })
  return {
    files: {
      '/': { body: '<!doctype html><title>files</title>', type: 'text/html' },
      '/examples/browser/': { body: readFileSync('examples/browser/index.html'), type: 'text/html' },
      '/dist/mle.browser.js': resolve(existsSync('dist/mle.browser.js') ? 'dist/mle.browser.js' : '.cache/mle.browser.js'),
    },
  }
}

interface Shown {
  readonly first: string
  readonly places: string
}

/** What the page shows after a run. */
async function runOn(page: Page, device: string, used: string = device): Promise<Shown> {
  await page.waitForSelector('#run:not([disabled])')
  await page.selectOption('#device', device)
  await page.click('#run')
  await page.waitForFunction(`document.getElementById('status').textContent === 'done on ${used}' || !document.getElementById('error').hidden`)
  assert.equal(await page.textContent('#error'), '')
  assert.match((await page.textContent('#time')) ?? '', /ms for \d+ rows/)
  const folder = process.env.MLE_SCREENSHOTS
  if (folder !== undefined) await page.screenshot({ path: join(folder, `example-${device}.png`), fullPage: true })
  return { first: (await page.textContent('#table td:nth-child(2)')) ?? '', places: (await page.textContent('#places')) ?? '' }
}

pageTest('the example page predicts with a pipeline of scikit-learn, and with a network on webgpu', site, async (page, origin) => {
  await page.goto(`${origin}/examples/browser/`)
  await page.waitForFunction('window.isReady === true')
  await page.setInputFiles('#modelFile', 'examples/demo/model.joblib')
  await page.setInputFiles('#tableFile', 'examples/demo/input.csv')
  const expected = JSON.parse(readFileSync('examples/demo/expected_predict.json', 'utf8')) as readonly string[]
  assert.equal((await runOn(page, 'cpu')).first, expected[0])

  const [mlp] = readCases('networks').filter(({ name }) => name === 'mlp')
  const { shape } = mlp.description.inputs[0]
  await page.setInputFiles('#modelFile', { name: 'mlp.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(mlp.bytes(mlp.description.file)) })
  const cells = Array.from({ length: shape[1] }, (_, i) => (i % 7) / 7 - 0.5)
  await page.setInputFiles('#tableFile', { name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from([cells.map((_, i) => `x${i}`), ...Array.from({ length: shape[0] }, () => cells)].map((row) => row.join()).join('\n')) })
  const [cpu, webgpu] = [await runOn(page, 'cpu'), await runOn(page, 'webgpu')]
  assert.ok(Math.abs(Number(cpu.first) - Number(webgpu.first)) < 1e-3, `${cpu.first} against ${webgpu.first}`)
  assert.match(webgpu.places, /GPU, \d+ dispatches/)
  assert.match((await runOn(page, 'auto', 'cpu')).places, /^cpuall \d+ operators; webgpu was not taken: the work is too small: /)
})
