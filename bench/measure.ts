// Engines side by side: rounds in which each is timed in turn, so that a busy moment of the machine hits all of them.
import { mitata } from './peers.ts'

/** One engine doing one workload. */
export interface Subject {
  readonly engine: string
  /** One call, timed here with mitata. */
  readonly run?: () => unknown
  /** Times itself in another process: median microseconds of about `ms` milliseconds of calls. */
  readonly measure?: (ms: number) => Promise<number>
  /** What it computes, to be compared with the others before anything is timed. */
  readonly values: () => Promise<ArrayLike<number>> | ArrayLike<number>
}

export interface Result {
  readonly engine: string
  /** Median over rounds of the round's median, microseconds per call. */
  readonly us: number
  /** Half the distance between the slowest and the fastest round, in percent of the median. */
  readonly spread: number
}

export interface Effort {
  readonly rounds: number
  /** For each engine in each round. */
  readonly ms: number
}

/**
 * Times every subject after all agree with the first within `tolerance` (relative to the largest magnitude).
 *
 * @throws Error that names the engine that disagrees
 */
export async function compare(subjects: readonly Subject[], effort: Effort, tolerance = 1e-4): Promise<Result[]> {
  await agree(subjects, tolerance)
  const times = subjects.map((): number[] => [])
  for (let round = 0; round < effort.rounds; round++) {
    // Each round begins with another engine.
    for (let i = 0; i < subjects.length; i++) {
      const at = (i + round) % subjects.length
      times[at].push(await timeOf(subjects[at], effort.ms))
    }
  }
  return subjects.map(({ engine }, i) => {
    const us = median(times[i])
    return { engine, us, spread: (50 * (Math.max(...times[i]) - Math.min(...times[i]))) / us }
  })
}

async function timeOf({ run, measure }: Subject, ms: number): Promise<number> {
  if (measure !== undefined) return measure(ms)
  if (run === undefined) throw new Error('a subject needs run or measure')
  const stats = await (await mitata()).measure(run, { min_cpu_time: ms * 1e6, min_samples: 3, batch_samples: 256, gc: false })
  return stats.p50 / 1000
}

async function agree(subjects: readonly Subject[], tolerance: number): Promise<void> {
  const [first, ...others] = subjects
  const expected = await first.values()
  let largest = 0
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]))
  if (!(largest > 0)) throw new Error(`${first.engine} computed nothing but zeros`)
  for (const { engine, values } of others) {
    const actual = await values()
    if (actual.length !== expected.length) throw new Error(`${engine} gives ${actual.length} numbers, ${first.engine} ${expected.length}`)
    for (let i = 0; i < expected.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= tolerance * largest)) throw new Error(`${engine} gives ${actual[i]} at ${i}, ${first.engine} ${expected[i]}`)
    }
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >>> 1]
}
