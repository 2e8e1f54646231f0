// Worker threads in every runtime, and in pages with and without shared memory: the bits of one thread, and words where there are none.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { after, test } from 'node:test'
import { build } from 'esbuild'
import { ISOLATED, pageTest, strictPolicy, type SiteOptions } from '../support/browser.ts'
import { runtimes } from '../support/runtimes.ts'
import type { ThreadsReports } from './workers-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'mle-threads-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const SHARED = { bundle: true, format: 'esm', target: 'es2022', logLevel: 'error' } as const
const [main, page, worker, pageWorker] = ['main.mjs', 'page.js', 'worker.mjs', 'page-worker.js'].map((name) => join(folder, name))
await build({ ...SHARED, entryPoints: ['test/runtimes/workers-main.ts'], outfile: main })
await build({ ...SHARED, entryPoints: ['src/worker.ts'], outfile: worker })
await build({ ...SHARED, platform: 'neutral', entryPoints: ['test/runtimes/workers-page.ts'], outfile: page })
await build({ ...SHARED, platform: 'neutral', entryPoints: ['src/worker.ts'], outfile: pageWorker })

/** Threads give what one thread gives, and leave the caller's free. */
function check({ alone, two, beside }: ThreadsReports, workers: number): void {
  assert.equal(alone.workers, 0)
  assert.equal(alone.ticks, 0)
  assert.deepEqual(two.hashes, alone.hashes)
  assert.deepEqual(beside.hashes, alone.hashes)
  assert.equal(two.workers, workers, two.why)
  assert.equal(beside.workers, 1, beside.why)
  assert.ok(beside.ticks > 0, 'the caller\'s thread was not free')
  assert.equal(beside.why, undefined)
}

let expected: ThreadsReports | undefined
for (const { name, command, missing } of runtimes()) {
  test(`${name}: threads`, { skip: missing !== undefined && process.env.CI !== 'true' ? missing : false }, () => {
    assert.equal(missing, undefined)
    const [program, ...args] = command
    const child = spawnSync(program, [...args, main, pathToFileURL(worker).href], { encoding: 'utf8', timeout: 60_000, env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' } })
    assert.equal(child.status, 0, child.stderr)
    const reports = JSON.parse(child.stdout) as ThreadsReports
    check(reports, 2)
    assert.equal(reports.two.why, undefined)
    expected ??= reports
    assert.deepEqual(reports.alone.hashes, expected.alone.hashes)
  })
}

const site = (headers: Readonly<Record<string, string>>): SiteOptions => ({
  files: { '/': { body: '<!doctype html><title>threads</title><script type="module" src="page.js"></script>', type: 'text/html' }, '/page.js': page, '/worker.js': pageWorker },
  headers,
})

for (const [name, headers, workers] of [['with', ISOLATED, 2], ['without', {}, 0], ['under a strict policy and with', { ...ISOLATED, ...strictPolicy(true) }, 2]] as const) {
  pageTest(`Chromium, ${name} cross-origin isolation: threads`, site(headers), async (tab, origin) => {
    await tab.waitForFunction('window.reportThreads !== undefined')
    const reports = (await tab.evaluate(`window.reportThreads(${JSON.stringify(`${origin}/worker.js`)})`)) as ThreadsReports
    check(reports, workers)
    if (workers === 0) assert.match(reports.two.why ?? '', /Cross-Origin-Opener-Policy/)
    else assert.equal(reports.two.why, undefined)
    if (expected !== undefined) assert.deepEqual(reports.alone.hashes, expected.alone.hashes)
  })
}

pageTest('Chromium: a threads\' module that is not there is named', site(ISOLATED), async (tab, origin) => {
  await tab.waitForFunction('window.reportThreads !== undefined')
  const { alone, two } = (await tab.evaluate(`window.reportThreads(${JSON.stringify(`${origin}/missing.js`)})`)) as ThreadsReports
  assert.equal(two.workers, 0)
  assert.match(two.why ?? '', /missing\.js/)
  assert.deepEqual(two.hashes, alone.hashes)
})
