// Signatures and encryption in headless Chromium: the vectors of conformance/trust give the codes that they give elsewhere.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { build } from 'esbuild'
import { readIndex, readTask } from '../../conformance/runner/vectors.ts'
import { pageTest, type SiteOptions } from '../support/browser.ts'

const folder = mkdtempSync(join(tmpdir(), 'mle-trust-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const PAGE = `import { load } from './src/index.ts'
const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer())
window.codeOf = async (file, policy, signers) => {
  const trust = policy === null ? { key: await bytes('/key.bin') } : { verify: { ...policy, signers, now: new Date(policy.now) } }
  try {
    ;(await load(await bytes('/' + file), trust)).dispose()
    return null
  } catch (error) {
    return error.code ?? String(error)
  }
}`

const tasks = readIndex('conformance').filter(({ area }) => area === 'trust').map((vector) => readTask('conformance', vector))

async function site(): Promise<SiteOptions> {
  const page = join(folder, 'page.js')
  await build({ stdin: { contents: PAGE, resolveDir: process.cwd(), loader: 'js' }, bundle: true, format: 'esm', target: 'es2022', platform: 'neutral', outfile: page, logLevel: 'error' })
  const files = Object.fromEntries(tasks.map(({ model }) => [`/${model.split(/[\\/]/).at(-1)}`, model]))
  return { files: { '/': { body: '<!doctype html><title>trust</title><script type="module" src="page.js"></script>', type: 'text/html' }, '/page.js': page, '/key.bin': 'conformance/trust/key.bin', ...files } }
}

pageTest('Chromium: every signed and sealed file ends as it does elsewhere', site, async (page) => {
  await page.waitForFunction('window.codeOf !== undefined')
  const policy = JSON.parse(readFileSync('conformance/trust/policy.json', 'utf8')) as { signers: string[] }
  const signers = policy.signers.map((name) => readFileSync(`conformance/trust/${name}`, 'utf8'))
  const got: [string, unknown][] = []
  for (const { vector, model, key } of tasks) {
    const file = model.split(/[\\/]/).at(-1)
    got.push([vector.path, await page.evaluate(`window.codeOf(${JSON.stringify(file)}, ${JSON.stringify(key === undefined ? policy : null)}, ${JSON.stringify(signers)})`)])
  }
  assert.ok(got.some(([, code]) => code === null) && got.length > 40)
  assert.deepEqual(got, tasks.map(({ vector, error }) => [vector.path, error ?? null]))
})
