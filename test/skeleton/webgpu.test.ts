// WebGPU on Dawn: cases of webgpu-worker.ts, run in a process whose environment names a software driver.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { swiftShaderEnvironment } from '../support/swiftshader.ts'

interface Line {
  readonly name?: string
  readonly error?: string
  /** Why there is no adapter. */
  readonly adapter?: string
}

test('webgpu', async (t) => {
  const software = swiftShaderEnvironment()
  const worker = new URL('./webgpu-worker.ts', import.meta.url)
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', worker.pathname], { env: { ...process.env, ...software }, encoding: 'utf8', timeout: 120_000 })
  const lines = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Line)
  const missing = lines.find((line) => line.adapter !== undefined)
  if (missing !== undefined) {
    assert.equal(software, undefined, `no adapter, though this machine can run the software driver: ${missing.adapter}\n${stderr}`)
    t.skip(`needs a WebGPU adapter: ${missing.adapter}`)
    return
  }
  assert.equal(status, 0, stderr)
  assert.ok(lines.length > 0, stderr)
  for (const { name, error } of lines) await t.test(name ?? '', () => assert.equal(error, undefined))
})
