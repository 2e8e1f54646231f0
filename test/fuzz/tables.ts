// Fuzzes the readers of the command's input files: npy and CSV.
import { readCsv } from '../../src/cli/csv.ts'
import { readNpy, writeNpy } from '../../src/tensor/npy.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const SLOW_MS = 2000
const NPY = [
  writeNpy(tensor([[1, 2.5], [NaN, -0]])),
  writeNpy(tensor(['a', 'ünï', ''])),
  writeNpy(tensor(new BigInt64Array(3), [3, 1])),
  writeNpy(tensor(new Uint8Array(0), [0, 7])),
]
const CSV = [new TextEncoder().encode('a,b,"c ""d"""\n1,,x\n"2\n3",4,"é, f"\n')]

export const fuzz: Fuzzer = fuzzerOf({
  name: 'tables',
  slowMs: SLOW_MS,
  make(random) {
    const sources = random(2) === 0 ? NPY : CSV
    return mutate(sources[random(sources.length)], random, [...',"\n\r{}\'()<>|0123456789'].map((one) => one.charCodeAt(0)))
  },
  read(bytes) {
    if (bytes[0] === 0x93) {
      const { shape, data } = readNpy(bytes)
      const size = shape.reduce((product, dim) => product * dim, 1)
      if (data.length !== size) throw new Error(`npy of shape [${shape.join(', ')}] holds ${data.length}`)
    } else readCsv(new TextDecoder().decode(bytes))
  },
})
