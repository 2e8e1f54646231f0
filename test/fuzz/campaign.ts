// What every fuzzer shares: a seeded generator, mutations of real files, and a loop that accepts two ends only, a value or an MleError.
import { MleError } from '../../src/error.ts'
import type { Coverage } from '../support/coverage.ts'

export interface FuzzReport {
  readonly runs: number
  readonly values: number
  /** How often each error code came. */
  readonly codes: ReadonlyMap<string, number>
  readonly slowestMs: number
  /** Inputs that reached new code and were mutated further; 0 without coverage. */
  readonly kept: number
}

/** A number in [0, bound). */
export type Random = (bound: number) => number

/**
 * Runs for so many seconds from a seed. Throws, naming the input in base64, for any other error than MleError and for an input that hangs.
 * With coverage, inputs that reach code which none before did are kept and mutated further.
 */
export type Fuzzer = (seconds: number, seed: number, coverage?: Coverage) => Promise<FuzzReport>

export interface Campaign {
  readonly name: string
  /** The next input. */
  readonly make: (random: Random) => Uint8Array
  /** Reads it; its result must be right if there is one, so that asserting inside counts as a finding. */
  readonly read: (bytes: Uint8Array, random: Random) => unknown
  /** One input may not take longer than this. */
  readonly slowMs: number
  /** Bytes that mean something to the format. */
  readonly tokens?: readonly number[]
}

/** Mulberry32: a small generator with a printable seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % bound
  }
}

const MAX_BYTES = 100_000

/** A few edits: cut, flip, overwrite, fill, copy and insert; `tokens` are bytes that mean something to the format. */
export function mutate(source: Uint8Array, random: Random, tokens: readonly number[] = [0, 1, 0x7f, 0x80, 0xff]): Uint8Array {
  let bytes = source.slice()
  const edits = 1 + random(4)
  for (let i = 0; i < edits && bytes.length > 0; i++) {
    const at = random(bytes.length)
    const kind = random(7)
    if (kind === 0) bytes = bytes.slice(0, at)
    else if (kind === 1) bytes[at] ^= 1 << random(8)
    else if (kind === 2) bytes[at] = random(256)
    else if (kind === 3) bytes[at] = tokens[random(tokens.length)]
    else if (kind === 4) bytes.fill(random(2) * 255, at, at + 1 + random(8))
    else if (kind === 5) bytes.copyWithin(at, random(bytes.length), random(bytes.length))
    else bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(random(at + 1), at), bytes.subarray(at)])).subarray(0, MAX_BYTES)
  }
  return bytes
}

export function fuzzerOf({ name, make, read, slowMs, tokens }: Campaign): Fuzzer {
  return async (seconds, seed, coverage) => {
    const random = randomOf(seed)
    const codes = new Map<string, number>()
    const end = performance.now() + seconds * 1000
    let runs = 0
    let values = 0
    let slowestMs = 0
    const kept: Uint8Array[] = []
    coverage?.fresh()
    while (performance.now() < end) {
      const bytes = kept.length > 0 && random(2) === 0 ? mutate(kept[random(kept.length)], random, tokens) : make(random)
      const where = (): string => `${name} fuzz, seed ${seed}, run ${runs}`
      const started = process.cpuUsage()
      runs++
      try {
        await read(bytes, random)
        values++
      } catch (error) {
        if (!(error instanceof MleError)) throw new Error(`${where()}: ${String(error)}\n${Buffer.from(bytes).toString('base64')}`, { cause: error })
        codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
      }
      // The processor's time, not the clock's: the machine may have other work.
      const { user, system } = process.cpuUsage(started)
      const took = (user + system) / 1000
      if (coverage !== undefined && coverage.fresh() > 0) kept.push(bytes)
      slowestMs = Math.max(slowestMs, took)
      if (took > slowMs) throw new Error(`${where()}: ${Math.round(took)} ms for ${bytes.length} bytes\n${Buffer.from(bytes).toString('base64')}`)
    }
    return { runs, values, codes, slowestMs, kept: kept.length }
  }
}
