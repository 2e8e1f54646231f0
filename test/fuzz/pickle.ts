// Fuzzes the pickle reader and its decoders: mutated real files, and streams of random opcodes. Every input must end in a value or an MleError.
import { readFileSync } from 'node:fs'
import { isNdArray, isPyObject, isTuple, readJoblib, readPickle, type PickleLimits, type PyValue } from '../../src/import/pickle/index.ts'
import { fuzzerOf, mutate, type Fuzzer, type Random } from './campaign.ts'

/** Small limits: what they allow must fit a small process. */
const LIMITS: Partial<PickleLimits> = { opcodes: 200_000, memo: 100_000, elements: 1_000_000, arrayBytes: 1 << 24, stringBytes: 1 << 22, decompressedBytes: 1 << 24, decompressionRatio: 100 }

/** One input may not take longer than this: all are below 100 KB. */
const SLOW_MS = 5000

function corpus(): Uint8Array[] {
  const out: Uint8Array[] = []
  for (const name of ['numpy1.json', 'numpy2.json']) {
    const cases: Record<string, { pickle?: string; file?: string }> = JSON.parse(readFileSync(new URL(`../fixtures/pickle/${name}`, import.meta.url), 'utf8'))
    for (const one of Object.values(cases)) out.push(new Uint8Array(Buffer.from(one.pickle ?? one.file ?? '', 'base64')))
  }
  return out
}

const OPCODES = [...'().0' + '12BCFGIJKLMNPQRSTUVX]abcdeghijloprstu}'].map((one) => one.charCodeAt(0)).concat(Array.from({ length: 25 }, (_, i) => 0x80 + i))
const GLOBALS = [
  'numpy\ndtype', 'numpy\nndarray', 'numpy.core.multiarray\n_reconstruct', 'numpy.core.multiarray\nscalar', 'numpy.core.numeric\n_frombuffer', 'builtins\nset', 'builtins\nlist',
  'builtins\ndict', 'builtins\nbytearray', 'collections\nOrderedDict', '_codecs\nencode', 'copyreg\n_reconstructor', 'joblib.numpy_pickle\nNumpyArrayWrapper', 'pkg\nModel',
  'scipy.sparse\ncsr_matrix', 'os\nsystem', 'functools\npartial',
]

/** A stream of plausible opcodes with arguments. */
function randomStream(random: Random): Uint8Array {
  const out: number[] = []
  const length = 1 + random(60)
  for (let i = 0; i < length; i++) {
    const kind = random(10)
    if (kind < 2) out.push(0x63, ...Buffer.from(`${GLOBALS[random(GLOBALS.length)]}\n`))
    else if (kind < 3) out.push(0x4b, random(20))
    else if (kind < 4) out.push(0x8c, 2, ...Buffer.from(['f8', 'U2', 'O8', 'V8', 'C1', '<a'][random(6)].slice(0, 2)))
    else if (kind < 5) out.push([0x28, 0x29, 0x7d, 0x5d, 0x4e][random(5)])
    else {
      out.push(OPCODES[random(OPCODES.length)])
      if (random(2) === 0) out.push(random(4))
    }
  }
  out.push(0x2e)
  return Uint8Array.from(out)
}

/** Every array of a value holds as many elements as its shape says, whatever the file did to reach that. */
function checkArrays(root: PyValue): void {
  const seen = new Set<PyValue>()
  const queue: PyValue[] = [root]
  for (let value = queue.pop(); value !== undefined; value = queue.pop()) {
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (isNdArray(value)) {
      const size = value.shape.reduce((product, dim) => product * dim, 1)
      if (value.data.length !== size * (value.dtype === 'struct' ? value.itemBytes : 1)) throw new Error(`array of shape [${value.shape.join(', ')}] holds ${value.data.length}`)
      if (value.dtype === 'object') queue.push(...value.data)
    } else if (Array.isArray(value)) queue.push(...value)
    else if (isTuple(value)) queue.push(...value.items)
    else if (value instanceof Map) queue.push(...value.keys(), ...value.values())
    else if (isPyObject(value)) queue.push(...value.args, ...value.state.values(), value.rawState ?? null)
  }
}

const sources = corpus()
const allow = (module: string): boolean => module === 'pkg'

export const fuzz: Fuzzer = fuzzerOf({
  name: 'pickle',
  slowMs: SLOW_MS,
  make: (random) => (random(4) === 0 ? randomStream(random) : mutate(sources[random(sources.length)], random, OPCODES)),
  async read(bytes, random) {
    checkArrays(random(8) === 0 ? readPickle(bytes, { allow, limits: LIMITS }) : await readJoblib(bytes, { allow, limits: LIMITS }))
  },
})
