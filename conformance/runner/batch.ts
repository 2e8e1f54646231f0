// One process for all vectors: JSON lines on its standard input and output.
// -> {"id":1,"model":"/a/model.mle","inputs":[{"name":"X","file":"/a/X.npy"}],"outputs":"/tmp/1","integrity":"crc32"}
// <- {"id":1,"ok":true}  or  {"id":1,"ok":false,"code":"FORMAT_MAGIC","message":"..."}
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { readOutputs, splitCommand, watch, type Executor, type ProcessLimits } from './command.ts'
import type { Reply } from './judge.ts'
import type { Task } from './vectors.ts'

export interface BatchRequest {
  readonly id: number
  readonly model: string
  readonly inputs: readonly { readonly name: string; readonly file: string }[]
  /** An empty folder for 0.npy, 1.npy, ... */
  readonly outputs: string
  readonly integrity: 'crc32' | 'sha256'
  /** Of signed files: the policy.json to load with. */
  readonly policy?: string
  /** Of sealed files: the file of the key. */
  readonly key?: string
}

export type BatchReply =
  | { readonly id: number; readonly ok: true }
  | { readonly id: number; readonly ok: false; readonly code: string; readonly message?: string }

interface Server {
  readonly child: ChildProcess
  /** The next line, or undefined at the end of the process. */
  next(): Promise<string | undefined>
}

function start(words: readonly string[]): Server {
  const [program, ...args] = words
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: string[] = []
  const waiting: ((line: string | undefined) => void)[] = []
  let ended = false
  const end = (): void => {
    ended = true
    for (const resolve of waiting.splice(0)) resolve(undefined)
  }
  child.on('error', end)
  // A process that dies while it is written to shows in `end`.
  child.stdin?.on('error', () => undefined)
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('close', end).on('line', (line) => {
      const resolve = waiting.shift()
      if (resolve === undefined) lines.push(line)
      else resolve(line)
    })
  }
  return {
    child,
    next: () => {
      const line = lines.shift()
      return line !== undefined || ended ? Promise.resolve(line) : new Promise((resolve) => waiting.push(resolve))
    },
  }
}

/** A server that hangs, dies or takes too much memory is ended, its task fails, and a fresh one takes the next. */
export function batchExecutor(command: string, limits: ProcessLimits): Executor {
  const words = splitCommand(command)
  const folder = mkdtempSync(join(tmpdir(), 'mle-conformance-'))
  let server: Server | undefined
  let id = 0
  return {
    async run(task) {
      server ??= start(words)
      const outputs = join(folder, String(++id))
      mkdirSync(outputs)
      const stop = watch(server.child, limits)
      server.child.stdin?.write(`${JSON.stringify(requestFor(task, id, outputs))}\n`)
      const line = await server.next()
      const killed = stop()
      if (line === undefined || killed !== undefined) {
        server.child.kill('SIGKILL')
        server = undefined
        return { kind: 'broken', why: killed ?? 'the process ended without an answer' }
      }
      const reply = parseReply(line, id)
      if (reply !== undefined) return reply
      const files = readOutputs(outputs)
      rmSync(outputs, { recursive: true, force: true })
      return { kind: 'outputs', files }
    },
    close() {
      server?.child.stdin?.end()
      server?.child.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function requestFor({ model, inputs, integrity, policy, key }: Task, id: number, outputs: string): BatchRequest {
  return { id, model, inputs, outputs, integrity: integrity ?? 'crc32', policy, key }
}

/** A refusal or a breach of the protocol; undefined for success. */
function parseReply(line: string, id: number): Reply | undefined {
  let reply: Partial<Record<'id' | 'ok' | 'code' | 'message', unknown>> | null
  try {
    reply = JSON.parse(line) as typeof reply
  } catch {
    return { kind: 'broken', why: `the answer is no JSON: ${line.slice(0, 200)}` }
  }
  if (reply?.id !== id) return { kind: 'broken', why: `the answer has not the id ${id}: ${line.slice(0, 200)}` }
  if (reply.ok === true) return undefined
  if (reply.ok !== false || typeof reply.code !== 'string') return { kind: 'broken', why: `the answer is neither {"ok":true} nor {"ok":false,"code":...}: ${line.slice(0, 200)}` }
  return { kind: 'refused', code: reply.code, message: typeof reply.message === 'string' ? reply.message : '' }
}
