// Sessions make no garbage: a million rows, no collection.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

/** A byte a run, for what the engine does besides; one number in an object would be twelve. */
const MAX_GROWTH_BYTES = 1_000_000

test('a million single rows make no garbage', () => {
  // Code is compiled where it runs and no collection comes of idleness: a busy machine must not decide.
  const program = fileURLToPath(new URL('./support/million-rows.ts', import.meta.url))
  const child = spawnSync(process.execPath, ['--expose-gc', '--no-concurrent-recompilation', '--no-memory-reducer', '--import', 'tsx', program], { encoding: 'utf8', timeout: 120_000 })
  assert.equal(child.status, 0, child.stderr)
  const results = child.stdout.trim().split('\n').map((line) => JSON.parse(line) as { name: string; device: string; growth: number; collections: number })
  assert.equal(results.length, 6)
  for (const { name, device, growth, collections } of results) {
    assert.equal(collections, 0, `${name} on ${device}: ${collections} garbage collections`)
    assert.ok(growth < MAX_GROWTH_BYTES, `${name} on ${device}: the heap has grown by ${growth} bytes`)
  }
})
