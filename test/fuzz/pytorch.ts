// Fuzzes the reader of PyTorch files: mutated pickles inside archives that are whole, and the older form. Every input must end in tensors or an MleError.
import { openZip } from '../../src/import/zip.ts'
import { readTensors } from '../../src/import/index.ts'
import { readCases } from '../support/fixtures.ts'
import { zipArchive } from '../support/zip.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const LIMITS = { pickle: { opcodes: 100_000, memo: 50_000 }, zip: { totalBytes: 1 << 24 } }
const OPCODES = [...'().0QRbctuqhKMXe}]N'].map((char) => char.charCodeAt(0)).concat([0x80, 0x85, 0x86, 0x87, 0x88, 0x89])

const [dtypes, gru] = ['dtypes_state_dict', 'gru_state_dict'].map((name) => readCases('pytorch').find((one) => one.name === name))
const legacy = dtypes?.bytes('model_legacy.pth') ?? new Uint8Array(0)
const archives = [dtypes, gru].map((fixture) => {
  const bytes = fixture?.bytes('model.pt') ?? new Uint8Array(0)
  return [...openZip(bytes).entries.values()].map(({ name, dataOffset, bytes: size }): [string, Uint8Array] => [name, bytes.slice(dataOffset, dataOffset + size)])
})

export const fuzz: Fuzzer = fuzzerOf({
  name: 'pytorch',
  slowMs: 5000,
  make(random) {
    if (random(4) === 0) return mutate(legacy, random, OPCODES)
    const entries = archives[random(archives.length)]
    return zipArchive(entries.map(([name, content]): [string, Uint8Array] => [name, name.endsWith('data.pkl') ? mutate(content, random, OPCODES) : random(20) === 0 ? mutate(content, random) : content]))
  },
  async read(bytes) {
    const named = await readTensors(bytes, { fileName: 'model.pt', limits: LIMITS })
    for (const [name, { shape, data }] of named?.tensors ?? []) {
      if (data.length !== shape.reduce((product, dim) => product * dim, 1)) throw new Error(`${name} of [${shape.join(', ')}] holds ${data.length}`)
    }
  },
})
