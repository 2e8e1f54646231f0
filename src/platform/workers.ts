// Threads: worker_threads where the host has it (Node, Deno, Bun), else Web Workers. A thread runs a module file; no code is made from text.

/** A thread as its owner sees it. */
export interface Thread {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
  /** Keeps the process alive, or no longer; a new thread does. */
  hold(isHeld: boolean): void
  /** Resolves once it has ended, where the host says when. */
  terminate(): Promise<unknown>
}

export interface ThreadEvents {
  readonly message: (message: unknown) => void
  /** The thread has ended, or its module could not be loaded; nothing comes after this. */
  readonly failed: (reason: string) => void
}

interface NodeWorker {
  on(event: string, listener: (value: never) => void): void
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void
  ref(): void
  unref(): void
  terminate(): Promise<number>
}

interface NodePort {
  on(event: 'message', listener: (message: unknown) => void): void
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void
}

interface NodeThreads {
  readonly Worker: new (url: URL, options: { execArgv?: readonly string[] }) => NodeWorker
  readonly parentPort: NodePort | null
}

interface WebPort {
  postMessage(message: unknown, options?: { transfer: ArrayBuffer[] }): void
  onmessage: ((event: { readonly data: unknown }) => void) | null
}

interface HostProcess {
  readonly getBuiltinModule?: (name: string) => unknown
  readonly execArgv?: readonly string[]
}

function hostProcess(): HostProcess | undefined {
  const host: { readonly process?: HostProcess } = globalThis
  return host.process
}

function nodeThreads(): NodeThreads | undefined {
  const found = hostProcess()?.getBuiltinModule?.('worker_threads')
  return typeof found === 'object' && found !== null && 'Worker' in found ? (found as NodeThreads) : undefined
}

/** Why threads cannot share memory; undefined where they can. Browsers allow it on pages that are isolated from other origins. */
export function whyNoSharedMemory(): string | undefined {
  const host: { readonly crossOriginIsolated?: boolean } = globalThis
  if (host.crossOriginIsolated === false) return 'this page is not isolated from other origins: serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
  return typeof SharedArrayBuffer === 'function' ? undefined : 'this host has no SharedArrayBuffer'
}

/** Options that load modules differently, which a thread needs as well; others (`--eval`, `--input-type`) would stop it. */
const LOADER_OPTION = /^--(import|require|loader|experimental-loader|conditions)(=|$)|^-[rC]$/

function loaderOptions(all: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < all.length; i++) {
    if (!LOADER_OPTION.test(all[i])) continue
    kept.push(all[i])
    if (!all[i].includes('=') && i + 1 < all.length) kept.push(all[++i])
  }
  return kept
}

/** Starts the module at `url`; undefined where the host has no threads. */
export function startThread(url: URL, events: ThreadEvents): Thread | undefined {
  let hasEnded = false
  const failed = (reason: string): void => {
    if (!hasEnded) events.failed(reason)
    hasEnded = true
  }
  const threads = nodeThreads()
  if (threads !== undefined) {
    const worker = new threads.Worker(url, { execArgv: loaderOptions(hostProcess()?.execArgv ?? []) })
    worker.on('message', events.message as (value: never) => void)
    worker.on('error', (error: unknown) => failed(error instanceof Error ? error.message : String(error)))
    worker.on('exit', (code: unknown) => failed(`it ended with code ${String(code)}`))
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
      terminate() {
        hasEnded = true
        return worker.terminate()
      },
    }
  }
  if (typeof Worker !== 'function') return undefined
  const worker = new Worker(url, { type: 'module' })
  worker.onmessage = (event) => events.message(event.data)
  worker.onerror = (event) => {
    event.preventDefault()
    failed(event.message || 'its module could not be loaded')
  }
  return {
    post: (message, transfer = []) => worker.postMessage(message, { transfer: [...transfer] }),
    hold() {},
    terminate() {
      hasEnded = true
      worker.terminate()
      return Promise.resolve()
    },
  }
}

/** In a thread: answers its owner's messages. */
export function answerOwner(answer: (message: unknown, reply: (message: unknown, transfer?: readonly ArrayBuffer[]) => void) => void): void {
  const port = nodeThreads()?.parentPort
  if (port) {
    port.on('message', (message) => answer(message, (reply, transfer) => port.postMessage(reply, transfer)))
    return
  }
  const scope = globalThis as unknown as WebPort
  // A page that imports this module by mistake keeps its own messages.
  if (typeof scope.postMessage !== 'function' || 'document' in globalThis) return
  scope.onmessage = (event) => answer(event.data, (reply, transfer = []) => scope.postMessage(reply, { transfer: [...transfer] }))
}
