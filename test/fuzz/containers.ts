// Fuzzes the zip and safetensors readers: mutated real files. Every input must end in a value or an MleError.
import { openZip, readZipEntry } from '../../src/import/zip.ts'
import { readSafetensors } from '../../src/import/safetensors/index.ts'
import { readCases } from '../support/fixtures.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const cases = readCases('pytorch').filter(({ name }) => ['dtypes_state_dict', 'gru_state_dict', 'autoencoder_safetensors', 'lstm_safetensors'].includes(name))
const sources = cases.flatMap(({ description, bytes }) => [bytes(description.file), ...(description.file === 'model.pt' && description.inputs.length === 0 ? [bytes('model.safetensors')] : [])])

export const fuzz: Fuzzer = fuzzerOf({
  name: 'containers',
  slowMs: 5000,
  // Heads and tails are where the structure is.
  make: (random) => mutate(sources[random(sources.length)], random, [...'PK{}[]":,0123456789'].map((char) => char.charCodeAt(0))),
  async read(bytes) {
    if (bytes[0] === 0x50) {
      const archive = openZip(bytes, { totalBytes: 1 << 24 })
      for (const [name, { bytes: size }] of archive.entries) if ((await readZipEntry(archive, name)).length !== size) throw new Error(`${name} has another size than its entry says`)
    } else {
      for (const [name, { shape, data }] of readSafetensors(bytes).tensors) {
        if (data.length !== shape.reduce((product, dim) => product * dim, 1)) throw new Error(`${name} of [${shape.join(', ')}] holds ${data.length}`)
      }
    }
  },
})
