// The short form of `npm run fuzz`: two seconds each, from a seed that is printed.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { Fuzzer } from './campaign.ts'

const SECONDS = 2

for (const file of readdirSync(new URL('.', import.meta.url))) {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === 'campaign.ts') continue
  test(`${file.slice(0, -3)}: every input ends in a value or an MleError`, async (t) => {
    const { fuzz } = (await import(`./${file}`)) as { fuzz: Fuzzer }
    const seed = Math.floor(Math.random() * 2 ** 32)
    const { runs, values, codes } = await fuzz(SECONDS, seed)
    t.diagnostic(`seed ${seed}: ${runs} inputs, ${values} read, ${codes.size} error codes`)
    // A fuzzer that reads nothing or refuses nothing has lost its corpus.
    assert.ok(values > 0 && codes.size > 0, `seed ${seed}: ${values} read, ${codes.size} codes in ${runs} inputs`)
  })
}
