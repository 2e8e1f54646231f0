// Fuzzes the importer of .mle files of versions 1 and 2: mutated samples of every layout, and samples whose counts, ids, offsets and
// sizes lie. What is read must also run.
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { isTensorType } from '../../src/ops/types.ts'
import { readPack } from '../support/fixtures.ts'
import { fuzzerOf, mutate, type Fuzzer, type Random } from './campaign.ts'

const SLOW_MS = 3000
const MAX_SOURCE_BYTES = 40_000
const LIMITS = { pickle: { opcodes: 200_000, memo: 100_000, elements: 1_000_000, arrayBytes: 1 << 24, stringBytes: 1 << 22 } }
const TOKENS = [...'{}[]",:0123456789-.eE'].map((one) => one.charCodeAt(0)).concat(0, 1, 2, 3, 16, 26, 27, 28, 0x7f, 0x80, 0xff)
const WORDS = [0, 1, 2, 3, 5, 8, 15, 16, 17, 255, 65535, 65536, 0x7fffffff, 0x80000000, 0xffffffff]

/** Overwrites words: of the header half of the time, else of what follows the metadata. */
function lie(source: Uint8Array, random: Random): Uint8Array {
  const bytes = source.slice()
  const view = new DataView(bytes.buffer)
  const graphAt = bytes.length > 40 ? Math.min(view.getUint32(view.getUint32(4, true) === 1 ? 24 : 32, true) + (bytes[8] === 64 ? 16 : 0), bytes.length - 4) : 0
  for (let i = 1 + random(3); i > 0; i--) {
    const at = random(2) === 0 ? 4 * random(36) : graphAt + 4 * random(250)
    if (at + 4 > bytes.length) continue
    const kind = random(3)
    view.setUint32(at, kind === 0 ? WORDS[random(WORDS.length)] : kind === 1 ? random(40) : view.getUint32(at, true) + random(5) - 2, true)
  }
  return bytes
}

export const fuzz: Fuzzer = (seconds, seed, coverage) => {
  const sources = [...readPack('legacy_mle').values()].filter((bytes) => bytes.length <= MAX_SOURCE_BYTES)
  const campaign = fuzzerOf({
    name: 'mle-legacy',
    slowMs: SLOW_MS,
    make: (random) => (random(2) === 0 ? mutate : lie)(sources[random(sources.length)], random, TOKENS),
    async read(bytes) {
      const graph = await importModel(bytes, { limits: LIMITS })
      const model = await load(graph, { device: 'cpu' })
      const { type } = graph.inputs[0]
      const width = isTensorType(type) ? type.shape?.[1] : undefined
      if (typeof width === 'number' && width <= 1000) await model.run({ [graph.inputs[0].name]: [Array.from({ length: width }, (_, i) => i - 2)] })
      model.dispose()
    },
  })
  return campaign(seconds, seed, coverage)
}
