// `npm run fuzz -- [--seconds N] [--seed N] [--blind] [NAME ...]`: a campaign for each fuzzer of test/fuzz (campaign.ts is what they share),
// guided by the engine's own counts of the code that runs; --blind goes without, ten times as many inputs a second.
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Fuzzer } from '../test/fuzz/campaign.ts'
import { startCoverage } from '../test/support/coverage.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, blind: { type: 'boolean' } } })
const seconds = Number(values.seconds)
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed)
const names = readdirSync('test/fuzz')
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== 'campaign.ts')
  .map((file) => file.slice(0, -3))
  .filter((name) => positionals.length === 0 || positionals.includes(name))
if (names.length === 0 || !(seconds > 0) || !Number.isInteger(seed)) {
  console.error(`usage: npm run fuzz -- [--seconds N] [--seed N] [NAME ...]; there is no fuzzer ${positionals.join(' ')}`)
  process.exit(2)
}
// Before the fuzzers and with them the sources are imported: code compiled earlier has no counts.
const coverage = values.blind === true ? undefined : startCoverage()
for (const name of names) {
  const { fuzz } = (await import(`../test/fuzz/${name}.ts`)) as { fuzz: Fuzzer }
  const { runs, values: read, codes, slowestMs, kept } = await fuzz(seconds, seed, coverage)
  const guided = coverage === undefined ? '' : `, ${kept} kept, ${coverage.total()} blocks reached`
  console.log(`${name}: seed ${seed}, ${runs} inputs, ${read} read, ${runs - read} refused with ${codes.size} codes, slowest ${slowestMs.toFixed(0)} ms${guided}`)
}
coverage?.stop()
