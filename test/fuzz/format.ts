// Fuzzes the .mle reader, inspect and load: mutated files, half of them with their checksums made right again, so that what lies
// behind the checks is reached.
import { inspect, isMle, read, readBytes, write } from '../../src/format/index.ts'
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { readCases } from '../support/fixtures.ts'
import { resealed } from '../support/reseal.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const SLOW_MS = 2000
const CASES = ['logreg_multinomial', 'dt_classifier', 'pipe_columntransformer_mixed', 'hgb_classifier_categorical']

async function corpus(): Promise<Uint8Array[]> {
  const files: Uint8Array[] = []
  for (const one of readCases('sklearn')) {
    if (!CASES.includes(one.name)) continue
    const graph = await importModel(one.bytes(one.description.file))
    for (const codec of ['none', 'lz4', 'brotli'] as const) files.push(await write(graph, { codec }))
  }
  return files
}

export const fuzz: Fuzzer = async (seconds, seed, coverage) => {
  const sources = await corpus()
  const campaign = fuzzerOf({
    name: 'format',
    slowMs: SLOW_MS,
    make(random) {
      const bytes = mutate(sources[random(sources.length)], random)
      return random(2) === 0 ? bytes : resealed(bytes)
    },
    async read(bytes, random) {
      if (random(4) === 0) await inspect(bytes)
      else if (random(3) === 0) readBytes(bytes, { integrity: 'sha256' })
      else if (random(2) === 0) await read(bytes, { outputs: ['probabilities'] })
      else (await load(bytes, { device: 'cpu' })).dispose()
      if (!isMle(bytes)) throw new Error('a file that isMle denies was read')
    },
  })
  return campaign(seconds, seed, coverage)
}
