// A small model on cpu whose large batches move to WebAssembly: the same bits, so nobody can tell but by the time. Starting WebAssembly
// costs some milliseconds, which a small model that predicts row by row never spends; one that computes batch after batch gets them back.
import { MleError } from './error.ts'
import type { Model } from './model.ts'
import type { Session, SessionOptions, SessionTensor } from './session.ts'

/** From this many rows on, a run counts as a large batch. */
export const LARGE_ROWS = 32
/** What the start of WebAssembly costs, about: after as many milliseconds of large batches on cpu it is started. */
const START_MS = 4

export class Promotion {
  readonly #open: () => Promise<Model>
  #spentMs = 0
  #state: 'waiting' | 'open' | 'closed' = 'waiting'
  #model: Model | undefined

  /** @param open makes the same model on wasm; where that fails, cpu goes on */
  constructor(open: () => Promise<Model>) {
    this.#open = open
  }

  /** The model for large batches, once it is there. */
  get model(): Model | undefined {
    return this.#model
  }

  /** Counts a large batch that cpu has computed. */
  spent(ms: number): void {
    this.#spentMs += ms
    if (this.#state !== 'waiting' || this.#spentMs < START_MS) return
    this.#state = 'open'
    this.#open().then(
      (model) => (this.#state === 'closed' ? model.dispose() : (this.#model = model)),
      () => undefined,
    )
  }

  dispose(): void {
    this.#state = 'closed'
    this.#model?.dispose()
    this.#model = undefined
  }
}

/** What wasm gives, or cpu where wasm's memory is full. */
export function whileThereIsRoom<T>(onWasm: () => T, onCpu: () => T): T {
  try {
    return onWasm()
  } catch (error) {
    if (!(error instanceof MleError) || error.code !== 'MEMORY_LIMIT') throw error
    return onCpu()
  }
}

/** A session of large batches that goes on on wasm once that is there. Callers hold on to its inputs and outputs, so those stay where they are and are copied. */
export function promotedSession(session: Session, promotion: Promotion, options: SessionOptions): Session {
  const { inputs, outputs } = session
  const names = [Object.keys(inputs), Object.keys(outputs)]
  /** The session itself where wasm has no room for it. */
  let large: Session | undefined
  return {
    inputs,
    outputs,
    run() {
      const { model } = promotion
      if (model !== undefined) large ??= whileThereIsRoom(() => model.session(options), () => session)
      if (large === undefined || large === session) {
        const start = performance.now()
        session.run()
        promotion.spent(performance.now() - start)
        return
      }
      for (const name of names[0]) copy(inputs[name], large.inputs[name])
      large.run()
      for (const name of names[1]) copy(large.outputs[name], outputs[name])
    },
    dispose() {
      session.dispose()
      large?.dispose()
      large ??= session
    },
  }
}

function copy({ data: from }: SessionTensor, { data: to }: SessionTensor): void {
  if (Array.isArray(to)) for (let i = 0; i < to.length; i++) to[i] = from[i] as string | null
  else (to as Float64Array).set(from as Float64Array)
}
