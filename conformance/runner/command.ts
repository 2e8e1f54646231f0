// One process for each vector: `PROGRAM run MODEL --input NAME=FILE ... --outputs DIR`, or the caller's own words.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OutputFile, Reply } from './judge.ts'
import type { Task } from './vectors.ts'

export interface Executor {
  run(task: Task): Promise<Reply>
  close(): void
}

export interface ProcessLimits {
  readonly timeoutMs: number
  /** Resident bytes; 0: none. */
  readonly maxBytes: number
}

const STDERR_BYTES = 65_536
const POLL_MS = 20

/** The words of a command line; single and double quotes hold words together. No shell is involved. */
export function splitCommand(command: string): string[] {
  const words: string[] = []
  for (const [, plain] of command.matchAll(/((?:[^\s"']|"[^"]*"|'[^']*')+)/g)) words.push(plain.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'))
  if (words.length === 0) throw new TypeError('the command is empty')
  return words
}

/** Words of the call for one task: placeholders filled in, or the arguments of `mle run` after the command. */
export function callFor(words: readonly string[], task: Task, outputs: string, sha256Words: readonly string[]): string[] {
  const inputs = task.inputs.flatMap(({ name, file }) => ['--input', `${name}=${file}`])
  const extra = task.integrity === 'sha256' ? sha256Words : []
  if (!words.some((word) => /\{(model|inputs|outputs|case)\}/.test(word))) return [...words, 'run', task.model, ...inputs, '--outputs', outputs, ...extra]
  const filled = words.flatMap((word) => (word === '{inputs}' ? inputs : [fill(word, task, outputs)]))
  return [...filled, ...extra]
}

function fill(word: string, task: Task, outputs: string): string {
  return word.replaceAll('{model}', () => task.model).replaceAll('{outputs}', () => outputs).replaceAll('{case}', () => task.folder)
}

export function commandExecutor(command: string, limits: ProcessLimits, sha256Words: readonly string[]): Executor {
  const words = splitCommand(command)
  const folder = mkdtempSync(join(tmpdir(), 'mle-conformance-'))
  let calls = 0
  return {
    async run(task) {
      const outputs = join(folder, String(calls++))
      const [program, ...args] = callFor(words, task, outputs, sha256Words)
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
      const reply = await outcome(child, limits)
      if (reply !== undefined) return reply
      const files = readOutputs(outputs)
      rmSync(outputs, { recursive: true, force: true })
      return { kind: 'outputs', files }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** DIR/0.npy, DIR/1.npy, ...; .json for texts and sequences. */
export function readOutputs(folder: string): ReadonlyMap<number, OutputFile> {
  const files = new Map<number, OutputFile>()
  if (!existsSync(folder)) return files
  for (const name of readdirSync(folder)) {
    const [, index, format] = /^(\d{1,4})\.(npy|json)$/.exec(name) ?? []
    if (index !== undefined) files.set(Number(index), { format: format === 'npy' ? 'npy' : 'json', bytes: readFileSync(join(folder, name)) })
  }
  return files
}

/** Waits for the end of a process; undefined when it ended with exit code 0. */
function outcome(child: ChildProcess, limits: ProcessLimits): Promise<Reply | undefined> {
  return new Promise((resolve) => {
    let stderr = ''
    const stop = watch(child, limits)
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < STDERR_BYTES) stderr += text
    })
    child.on('error', (error) => {
      stop()
      resolve({ kind: 'broken', why: `the program cannot be started: ${error.message}` })
    })
    child.on('close', (code, signal) => {
      const killed = stop()
      if (killed !== undefined) resolve({ kind: 'broken', why: killed })
      else if (code === 0) resolve(undefined)
      else if (code === 1) resolve(refusal(stderr))
      else resolve({ kind: 'broken', why: code === null ? `ended by ${signal ?? 'a signal'}` : `exit code ${code}: ${firstLine(stderr)}` })
    })
  })
}

/** Ends a process that takes too long or too much memory; the returned function stops watching and says why it was ended. */
export function watch(child: ChildProcess, { timeoutMs, maxBytes }: ProcessLimits): () => string | undefined {
  let why: string | undefined
  const end = (reason: string): void => {
    why ??= reason
    child.kill('SIGKILL')
  }
  const timer = setTimeout(() => end(`no answer within ${timeoutMs / 1000} s`), timeoutMs)
  const poll = maxBytes === 0 ? undefined : setInterval(() => {
    const bytes = residentBytes(child.pid)
    if (bytes > maxBytes) end(`uses ${Math.round(bytes / 2 ** 20)} MiB, allowed are ${Math.round(maxBytes / 2 ** 20)}`)
  }, POLL_MS)
  return () => {
    clearTimeout(timer)
    clearInterval(poll)
    return why
  }
}

/** Peak resident memory of a process, where the platform tells (Linux); 0 elsewhere. */
function residentBytes(pid: number | undefined): number {
  try {
    const [, kib] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kib ?? 0) * 1024
  } catch {
    return 0
  }
}

/** Exit code 1 promises one line `NAME: CODE: message`. */
function refusal(stderr: string): Reply {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  const [, code, message] = /^[^:]*: ([A-Z][A-Z0-9_]*): (.*)$/.exec(lines[0] ?? '') ?? []
  if (code === undefined || lines.length !== 1) return { kind: 'broken', why: `exit code 1 needs one line "NAME: CODE: message" on standard error, got ${lines.length} lines: ${firstLine(stderr)}` }
  return { kind: 'refused', code, message }
}

function firstLine(text: string): string {
  return (text.trim().split('\n')[0] ?? '').slice(0, 200)
}
