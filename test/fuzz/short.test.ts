// The short form of `npm run fuzz`: two seconds each from a fixed seed, so that a change is judged by the same inputs as the one before it;
// campaigns draw their seeds.
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { Fuzzer } from './campaign.ts'

const SECONDS = 2
const SEED = 1

for (const file of readdirSync(new URL('.', import.meta.url))) {
  if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === 'campaign.ts') continue
  test(`${file.slice(0, -3)}: every input ends in a value or an MleError`, async (t) => {
    const { fuzz } = (await import(`./${file}`)) as { fuzz: Fuzzer }
    const { runs, values, codes } = await fuzz(SECONDS, SEED)
    t.diagnostic(`seed ${SEED}: ${runs} inputs, ${values} read, ${codes.size} error codes`)
    // A fuzzer that reads nothing or refuses nothing has lost its corpus.
    assert.ok(values > 0 && codes.size > 0, `seed ${SEED}: ${values} read, ${codes.size} codes in ${runs} inputs`)
  })
}
