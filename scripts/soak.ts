// `npm run soak -- [--loads N]`: loads, runs and disposes of a small and a large model over and over; fails if memory keeps growing.
import { parseArgs } from 'node:util'
import { write } from '../src/format/index.ts'
import { importModel } from '../src/import/index.ts'
import { load } from '../src/index.ts'
import { readCases } from '../test/support/fixtures.ts'

const { values } = parseArgs({ options: { loads: { type: 'string', default: '100000' } } })
const loads = Number(values.loads)
if (!Number.isInteger(loads) || loads < 1000) {
  console.error('usage: npm run soak -- [--loads N], N at least 1000')
  process.exit(2)
}
const cases = readCases('sklearn')
const files: Uint8Array[] = []
for (const name of ['logreg_multinomial', 'rf_classifier']) {
  const one = cases.find((fixture) => fixture.name === name)
  if (one !== undefined) files.push(await write(await importModel(one.bytes(one.description.file))))
}

/** Growth after warm-up that counts as a leak: fewer bytes than one small model per hundred loads. */
const MAX_GROWTH_BYTES = 48 * 2 ** 20
let settled = 0
for (let i = 0; i < loads; i++) {
  const model = await load(files[i % files.length], { device: i % 4 < 2 ? 'cpu' : 'wasm' })
  const width = Number(model.inputs[0].shape[1])
  model.runSync({ X: new Float64Array(width * 3) })
  const session = model.session({ batch: 1 })
  session.run()
  session.dispose()
  model.dispose()
  if (i === Math.floor(loads / 5)) settled = process.memoryUsage.rss()
  if ((i + 1) % Math.ceil(loads / 10) === 0) console.log(`${i + 1} loads, ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB resident`)
}
const growth = process.memoryUsage.rss() - settled
console.log(`growth since load ${Math.floor(loads / 5)}: ${(growth / 2 ** 20).toFixed(1)} MiB, at most ${MAX_GROWTH_BYTES / 2 ** 20} allowed`)
process.exitCode = growth > MAX_GROWTH_BYTES ? 1 : 0
