// determinism 'relaxed' in an engine with fused multiply-add: results within the schemas' bounds, by the builds that have it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { build } from 'esbuild'
import { runtimes } from '../support/runtimes.ts'
import type { RelaxedReport } from './relaxed-main.ts'

const folder = mkdtempSync(join(tmpdir(), 'mle-relaxed-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const program = join(folder, 'main.mjs')
await build({ entryPoints: ['test/runtimes/relaxed-main.ts'], bundle: true, format: 'esm', target: 'es2022', platform: 'node', outfile: program, logLevel: 'error' })

const node = runtimes().find(({ name }) => name === 'Node 24')
test('Node 24: relaxed layers and vectors stay within their bounds', { skip: node?.missing }, () => {
  assert.ok(node)
  const out = join(folder, 'report.json')
  execFileSync(node.command[0], [program, 'conformance', out], { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
  const report = JSON.parse(readFileSync(out, 'utf8')) as RelaxedReport
  assert.ok(report.hasRelaxedSimd)
  assert.deepEqual(report.faults, [])
  // Each of these has digits that only fused multiply-add gives: the relaxed builds computed them.
  assert.deepEqual(report.different, report.operators)
})
