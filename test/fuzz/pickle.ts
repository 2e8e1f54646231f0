// Fuzzes the pickle reader and its decoders: mutated real files, and streams of random opcodes. Every input must end in a value or an MleError.
import { readFileSync } from 'node:fs'
import { MleError } from '../../src/error.ts'
import { isNdArray, isPyObject, isTuple, readJoblib, readPickle, type PickleLimits, type PyValue } from '../../src/import/pickle/index.ts'

export interface FuzzReport {
  readonly runs: number
  readonly values: number
  /** How often each error code came. */
  readonly codes: ReadonlyMap<string, number>
  readonly slowestMs: number
}

/** Small limits: what they allow must fit a small process. */
const LIMITS: Partial<PickleLimits> = { opcodes: 200_000, memo: 100_000, elements: 1_000_000, arrayBytes: 1 << 24, stringBytes: 1 << 22, decompressedBytes: 1 << 24, decompressionRatio: 100 }

/** One input may not take longer than this: all are below 100 KB. */
const SLOW_MS = 5000

/** Mulberry32: a small generator with a printable seed. */
function randomOf(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % bound
  }
}

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
function randomStream(random: (bound: number) => number): Uint8Array {
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

function mutate(source: Uint8Array, random: (bound: number) => number): Uint8Array {
  let bytes = source.slice()
  const edits = 1 + random(4)
  for (let i = 0; i < edits && bytes.length > 0; i++) {
    const at = random(bytes.length)
    const kind = random(7)
    if (kind === 0) bytes = bytes.slice(0, at)
    else if (kind === 1) bytes[at] ^= 1 << random(8)
    else if (kind === 2) bytes[at] = random(256)
    else if (kind === 3) bytes[at] = OPCODES[random(OPCODES.length)]
    else if (kind === 4) bytes.fill(random(2) * 255, at, at + 1 + random(8))
    else if (kind === 5) bytes.copyWithin(at, random(bytes.length), random(bytes.length))
    else bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(at + 1), at), bytes.subarray(at)])).subarray(0, 100_000)
  }
  return bytes
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

/** Runs for so many seconds from a seed; throws, naming the input in base64, for any other error than MleError and for an input that hangs. */
export async function fuzz(seconds: number, seed: number): Promise<FuzzReport> {
  const random = randomOf(seed)
  const sources = corpus()
  const codes = new Map<string, number>()
  const end = performance.now() + seconds * 1000
  let runs = 0
  let values = 0
  let slowestMs = 0
  const allow = (module: string): boolean => module === 'pkg'
  while (performance.now() < end) {
    const bytes = random(4) === 0 ? randomStream(random) : mutate(sources[random(sources.length)], random)
    const started = performance.now()
    runs++
    try {
      checkArrays(random(8) === 0 ? readPickle(bytes, { allow, limits: LIMITS }) : await readJoblib(bytes, { allow, limits: LIMITS }))
      values++
    } catch (error) {
      if (!(error instanceof MleError)) throw new Error(`pickle fuzz, seed ${seed}, run ${runs}: ${String(error)}\n${Buffer.from(bytes).toString('base64')}`, { cause: error })
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
    }
    const took = performance.now() - started
    slowestMs = Math.max(slowestMs, took)
    if (took > SLOW_MS) throw new Error(`pickle fuzz, seed ${seed}, run ${runs}: ${Math.round(took)} ms for ${bytes.length} bytes\n${Buffer.from(bytes).toString('base64')}`)
  }
  return { runs, values, codes, slowestMs }
}
