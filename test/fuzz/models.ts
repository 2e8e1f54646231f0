// Fuzzes importModel and what follows it: mutated model files of every packed group, imported and planned.
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { readCases } from '../support/fixtures.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const SLOW_MS = 5000
const PACKS = ['sklearn', 'xgboost', 'lightgbm']
const MAX_SOURCE_BYTES = 60_000
/** Small limits: what they allow must fit a small process. */
const LIMITS = { pickle: { opcodes: 200_000, memo: 100_000, elements: 1_000_000, arrayBytes: 1 << 24, stringBytes: 1 << 22, decompressedBytes: 1 << 24, decompressionRatio: 100 } }
/** Bytes that mean something to JSON, UBJSON and text models. */
const TOKENS = [...'{}[]",:0123456789-.eE=\n \u0000SZTFiUIlLdD#$'].map((one) => one.charCodeAt(0)).concat(0x80, 0xff)

export const fuzz: Fuzzer = (seconds, seed, coverage) => {
  const sources = PACKS.flatMap((pack) => readCases(pack).map((one) => one.bytes(one.description.file))).filter((bytes) => bytes.length <= MAX_SOURCE_BYTES)
  const campaign = fuzzerOf({
    name: 'models',
    slowMs: SLOW_MS,
    make: (random) => mutate(sources[random(sources.length)], random, TOKENS),
    async read(bytes) {
      ;(await load(await importModel(bytes, { limits: LIMITS }), { device: 'cpu' })).dispose()
    },
  })
  return campaign(seconds, seed, coverage)
}
