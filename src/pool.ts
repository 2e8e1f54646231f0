// A model's worker threads, seen from its owner: starts them, shares rows out, gives errors back with their codes.
import { MleError } from './error.ts'
import type { Feed } from './feed.ts'
import type { DeviceName } from './graph/device.ts'
import type { Graph } from './graph/graph.ts'
import type { RunLimits } from './graph/run-limits.ts'
import { shareWeights, type SharedGraph } from './graph/shared-weights.ts'
import type { View } from './ops/kernel.ts'
import { startThread, whyNoSharedMemory, type Thread } from './platform/workers.ts'
import { bytesPerElement, viewData, viewKernelData, type DType } from './tensor/dtype.ts'
import type { Tensor } from './tensor/tensor.ts'
import { IS_ABORTED, type Job, type Reply, type RowsArray, type RowsJob, type RunJob, type Start } from './worker-messages.ts'

export interface PoolOptions {
  readonly device: DeviceName
  readonly determinism?: 'strict' | 'relaxed'
  readonly limits?: RunLimits
  /** The module that threads run, where it is not beside this one. */
  readonly url?: string | URL
}

/** A pool before its threads are started, while the caller's own device is made. */
export interface PreparedPool {
  /** Constants in shared memory; without it each thread has a copy and no rows are shared out. */
  readonly shared?: SharedGraph
  open(options: PoolOptions): Promise<Pool | WhyNone>
}

/** Why a model has no threads. */
export type WhyNone = string

/** Words in its place where rows are to be shared out and the host cannot. */
export function preparePool(graph: Graph, threads: number, takesAll: boolean): PreparedPool | WhyNone {
  if (threads === 0) return 'no threads were asked for'
  const missing = whyNoSharedMemory()
  const shared = missing === undefined ? shareWeights(graph, threads + 1) : undefined
  if (shared === undefined && !takesAll) return missing ?? `no memory could be shared by ${threads + 1} threads`
  return { shared, open: (options) => openPool(graph, threads, takesAll, shared, options) }
}

/** What one run shares out. */
export interface RowsRequest {
  readonly rows: number
  readonly blockRows: number
  readonly inputs: readonly { readonly name: string; readonly dtype: DType; readonly feed: Feed }[]
  readonly outputs: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }[]
  readonly signal?: AbortSignal
}

export interface Pool {
  /** Threads that are alive. */
  readonly size: number
  /** True when all runs go to the thread, so that the caller's stays free. */
  readonly takesAll: boolean
  runRows(request: RowsRequest): Promise<Map<string, Tensor>>
  /** One whole run; a signal that fires ends the thread and starts another one. */
  run(inputs: Readonly<Record<string, Tensor>>, outputs: readonly string[], signal?: AbortSignal): Promise<Readonly<Record<string, Tensor>>>
  dispose(): void
}

/** Shared memory that runs leave behind for the next: fresh pages cost more than what is copied into them. */
interface SpareMemory {
  take(byteLength: number): SharedArrayBuffer
  /** Only when no thread uses it any more. */
  give(buffers: readonly SharedArrayBuffer[]): void
}

/** What is kept at the most. */
const SPARE_BYTES = 64 * 2 ** 20

function spareMemory(): SpareMemory {
  let spare: SharedArrayBuffer[] = []
  return {
    take(byteLength) {
      const at = spare.findIndex((buffer) => buffer.byteLength >= byteLength && buffer.byteLength <= 2 * byteLength)
      return at < 0 ? new SharedArrayBuffer(byteLength) : spare.splice(at, 1)[0]
    },
    give(buffers) {
      let room = SPARE_BYTES
      spare = [...buffers, ...spare].filter(({ byteLength }) => byteLength > 0 && (room -= byteLength) >= 0)
    },
  }
}

interface Waiting {
  readonly job: Job
  readonly resolve: (reply: Extract<Reply, { kind: 'done' }>) => void
  readonly reject: (error: Error) => void
}

/** A thread and what it has been asked. */
interface Member {
  readonly thread: Thread
  readonly waiting: Map<number, Waiting>
}

const START_ID = -1

/** The thread's module: beside this file, which is one of the built package or of the sources. */
function workerUrl(): URL {
  return import.meta.url.endsWith('.ts') ? new URL('./worker.ts', import.meta.url) : new URL('./worker.js', import.meta.url)
}

/**
 * Starts threads and gives them the model.
 *
 * @returns words where the host has no threads or they cannot load their module
 * @throws MleError what loading the model in a thread throws
 */
async function openPool(graph: Graph, threads: number, takesAll: boolean, shared: SharedGraph | undefined, { device, determinism, limits, url }: PoolOptions): Promise<Pool | WhyNone> {
  const members = new Set<Member>()
  const starting: Promise<WhyNone | undefined>[] = []
  const starts: Start[] = []
  const module = url === undefined ? workerUrl() : new URL(url, import.meta.url)
  for (let i = 0; i < threads; i++) {
    const start: Start = shared === undefined ? { kind: 'start', device, determinism, limits, graph } : { kind: 'start', device, determinism, limits, graph: { ...graph, initializers: new Map() }, shared: { part: shared.parts[i + 1], constants: shared.constants } }
    starts.push(start)
    const started = startMember(module, start, members)
    if (started === undefined) return 'this host has no threads'
    starting.push(started)
  }
  let isDisposed = false
  /** Until the thread is there that takes the place of one that was ended. */
  let replacing: Promise<void> | undefined
  const dispose = (): void => {
    isDisposed = true
    for (const { thread, waiting } of members) {
      void thread.terminate()
      for (const { reject } of waiting.values()) reject(disposed())
    }
    members.clear()
  }
  /** Ends the only thread, which computes a run that nobody wants any more; what waits for it goes to another one. */
  const replace = async (member: Member): Promise<void> => {
    const { thread, waiting } = member
    members.delete(member)
    // It computes in memory that the next one has: it must have ended.
    await thread.terminate()
    const why = isDisposed ? undefined : await startMember(module, starts[0], members)?.catch(String)
    const [next] = members
    for (const { job, resolve, reject } of waiting.values()) {
      if (isDisposed) reject(disposed())
      else if (next === undefined) reject(crashed(why ?? 'it ended before it was ready'))
      else ask(next, job).then(resolve, reject)
    }
  }
  try {
    const failed = (await Promise.all(starting)).find((why) => why !== undefined)
    if (failed !== undefined) {
      dispose()
      return `a thread with the module ${module.href} ended before it was ready: ${failed}`
    }
  } catch (error) {
    dispose()
    throw error
  }
  let nextId = 0
  const spare = spareMemory()
  return {
    get size() {
      return replacing === undefined ? members.size : 1
    },
    takesAll,
    async runRows(request) {
      const { job, results } = rowsJob(nextId++, request, spare)
      const stop = (): void => void Atomics.store(new Int32Array(job.control), IS_ABORTED, 1)
      request.signal?.addEventListener('abort', stop)
      try {
        const replies = await Promise.all([...members].map((member) => ask(member, job)))
        if (request.signal?.aborted) throw new MleError('RUN_ABORTED', 'the run was aborted between blocks of rows', { cause: request.signal.reason })
        const tensors = collect(results, replies)
        spare.give([...job.inputs, ...results].flatMap(({ buffer }) => buffer ?? []))
        return tensors
      } catch (error) {
        stop()
        throw error
      } finally {
        request.signal?.removeEventListener('abort', stop)
      }
    },
    async run(inputs, outputs, signal) {
      await replacing
      const [member] = members
      if (isDisposed) throw disposed()
      if (member === undefined) throw crashed('it has ended before')
      const job: RunJob = { kind: 'run', id: nextId++, inputs, outputs }
      const answered = ask(member, job)
      const stop = (): void => {
        const [current = member] = members
        const { waiting } = current
        const own = waiting.get(job.id)
        const isRunning = waiting.keys().next().value === job.id
        waiting.delete(job.id)
        own?.reject(new MleError('RUN_ABORTED', 'the run was aborted', { cause: signal?.reason }))
        if (own !== undefined && isRunning && replacing === undefined) replacing = replace(current).finally(() => (replacing = undefined))
      }
      signal?.addEventListener('abort', stop)
      if (signal?.aborted) stop()
      try {
        return (await answered).outputs ?? {}
      } finally {
        signal?.removeEventListener('abort', stop)
      }
    },
    dispose,
  }
}

function disposed(): MleError {
  return new MleError('MODEL_DISPOSED', 'the model was disposed while it ran')
}

function crashed(reason: string): MleError {
  return new MleError('WORKER_CRASHED', `a worker thread of the model has ended (${reason}); the model goes on with the threads that are left, on the caller's if there are none`)
}

/** Resolves to words when the thread ends before it is ready, as it does where its module cannot be loaded. */
function startMember(url: URL, start: Start, members: Set<Member>): Promise<WhyNone | undefined> | undefined {
  const waiting = new Map<number, Waiting>()
  let settle: (why?: WhyNone) => void = () => undefined
  let refuse: (error: Error) => void = () => undefined
  const started = new Promise<WhyNone | undefined>((resolve, reject) => {
    settle = resolve
    refuse = reject
  })
  const thread = startThread(url, {
    message(message) {
      const reply = message as Reply
      if (reply.kind === 'ready') settle()
      else if (reply.id === START_ID) refuse(errorOf(reply))
      else {
        const asked = waiting.get(reply.id)
        waiting.delete(reply.id)
        if (reply.kind === 'done') asked?.resolve(reply)
        else asked?.reject(errorOf(reply))
      }
      if (waiting.size === 0) member?.thread.hold(false)
    },
    failed(reason) {
      settle(reason)
      if (member !== undefined) members.delete(member)
      for (const { reject } of waiting.values()) reject(crashed(reason))
      waiting.clear()
    },
  })
  const member: Member | undefined = thread === undefined ? undefined : { thread, waiting }
  if (member === undefined) return undefined
  members.add(member)
  member.thread.post(start)
  return started
}

function ask({ thread, waiting }: Member, job: Job): Promise<Extract<Reply, { kind: 'done' }>> {
  return new Promise((resolve, reject) => {
    waiting.set(job.id, { job, resolve, reject })
    // A thread keeps the process alive only while somebody waits for it.
    thread.hold(true)
    thread.post(job)
  })
}

function errorOf(reply: Reply): Error {
  if (reply.kind !== 'error') return new Error('unexpected answer of a worker thread')
  const { name, message, code, detail } = reply
  if (code !== undefined) return new MleError(code, message, detail)
  return name === 'TypeError' ? new TypeError(message) : name === 'RangeError' ? new RangeError(message) : new Error(message)
}

function rowsJob(id: number, { rows, blockRows, inputs, outputs }: RowsRequest, spare: SpareMemory): { job: RowsJob; results: readonly RowsArray[] } {
  const filled = inputs.map(({ name, dtype, feed }): RowsArray => {
    const { shape } = feed
    const size = shape.reduce((product, dim) => product * dim, 1)
    if (dtype === 'string') {
      const strings = new Array<string | null>(size)
      feed.fill({ dtype, shape, size, data: strings as View['data'] }, 0, rows)
      return { name, dtype, shape, strings }
    }
    const buffer = spare.take(size * bytesPerElement(dtype))
    feed.fill({ dtype, shape, size, data: viewKernelData(dtype, buffer, 0, size) }, 0, rows)
    return { name, dtype, shape, buffer }
  })
  const results = outputs.map(({ name, dtype, shape }): RowsArray => {
    const size = shape.reduce((product, dim) => product * dim, 1)
    return dtype === 'string' ? { name, dtype, shape } : { name, dtype, shape, buffer: spare.take(size * bytesPerElement(dtype)) }
  })
  return { job: { kind: 'rows', id, rows, blockRows, outputs: outputs.map(({ name }) => name), control: new SharedArrayBuffer(8), inputs: filled, results }, results }
}

/** Results in memory of the caller's own. */
function collect(results: readonly RowsArray[], replies: readonly Extract<Reply, { kind: 'done' }>[]): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const { name, dtype, shape, buffer } of results) {
    const size = shape.reduce((product, dim) => product * dim, 1)
    if (buffer !== undefined) {
      tensors.set(name, { dtype, shape, data: viewData(dtype, buffer, 0, size).slice() })
      continue
    }
    const strings = new Array<string>(size)
    const width = shape[0] === 0 ? 0 : size / shape[0]
    for (const { text = [] } of replies) for (const part of text) if (part.name === name) part.strings.forEach((value, i) => (strings[part.first * width + i] = value as string))
    tensors.set(name, { dtype, shape, data: strings })
  }
  return tensors
}
