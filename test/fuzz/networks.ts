// Fuzzes the importers of networks: mutated HDF5, .keras, TensorFlow.js and TFLite files, imported and planned.
import { importModel } from '../../src/import/index.ts'
import { load } from '../../src/index.ts'
import { readCases, readPack } from '../support/fixtures.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const SLOW_MS = 5000
const PACKS = ['keras', 'keras_more', 'keras3', 'tflite']
const MAX_SOURCE_BYTES = 40_000
/** Bytes that mean something to JSON and to HDF5. */
const TOKENS = [...'{}[]",:0123456789-.eE\n \u0000'].map((one) => one.charCodeAt(0)).concat(0x01, 0x02, 0x03, 0x10, 0x7f, 0x80, 0xff)

export const fuzz: Fuzzer = (seconds, seed) => {
  const sources = PACKS.flatMap((pack) => {
    const files = readPack(pack)
    return readCases(pack).map((one) => ({ bytes: one.bytes(one.description.file), beside: (name: string): Uint8Array | undefined => files.get(`${one.name}/${name}`) }))
  }).filter(({ bytes }) => bytes.length <= MAX_SOURCE_BYTES)
  let beside: (name: string) => Uint8Array | undefined = () => undefined
  const campaign = fuzzerOf({
    name: 'networks',
    slowMs: SLOW_MS,
    make(random) {
      const source = sources[random(sources.length)]
      ;({ beside } = source)
      return mutate(source.bytes, random, TOKENS)
    },
    async read(bytes) {
      ;(await load(await importModel(bytes, { externalData: beside }), { device: 'cpu' })).dispose()
    },
  })
  return campaign(seconds, seed)
}
