// Which blocks of src/ have run, as the engine itself counts them: what guides fuzzing campaigns to inputs that reach new code.
import { Session } from 'node:inspector'

interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

interface Script {
  readonly url: string
  readonly functions: readonly { readonly ranges: readonly Range[] }[]
}

export interface Coverage {
  /** Blocks that ran since the last call and never before. */
  readonly fresh: () => number
  /** Blocks that ran so far. */
  readonly total: () => number
  readonly stop: () => void
}

/** Starts counting; one at a time in a process. */
export function startCoverage(): Coverage {
  const session = new Session()
  session.connect()
  const post = (method: string, parameters: object = {}): unknown => {
    let answer: unknown
    session.post(method, parameters, (error, result) => {
      if (error !== null) throw new Error(error.message)
      answer = result
    })
    return answer
  }
  post('Profiler.enable')
  post('Profiler.startPreciseCoverage', { callCount: false, detailed: true })
  const seen = new Set<string>()
  return {
    fresh() {
      const before = seen.size
      const { result } = post('Profiler.takePreciseCoverage') as { readonly result: readonly Script[] }
      for (const { url, functions } of result) {
        const name = /\/src\/(.*)$/.exec(url)?.[1]
        if (name === undefined) continue
        for (const { ranges } of functions) for (const { startOffset, endOffset, count } of ranges) if (count > 0) seen.add(`${name}:${startOffset}-${endOffset}`)
      }
      return seen.size - before
    },
    total: () => seen.size,
    stop() {
      post('Profiler.stopPreciseCoverage')
      session.disconnect()
    },
  }
}
