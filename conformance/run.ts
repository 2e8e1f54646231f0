#!/usr/bin/env node
// The command `mle-conformance`: judges a runtime in any language by the vectors beside this file. Exit code 0: all passed or
// skipped; 1: failures; 2: wrong usage.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { batchExecutor } from './runner/batch.ts'
import { commandExecutor, splitCommand, type Executor } from './runner/command.ts'
import { judge, type Reply } from './runner/judge.ts'
import { countsByArea, faultText, markdownOf, skipsOf, tableOf, type Outcome } from './runner/report.ts'
import { AREAS, hashOf, readIndex, readTask, type Vector } from './runner/vectors.ts'

const HELP = `mle-conformance --command 'PROGRAM ARGS' [options]

Runs a program over the conformance vectors and judges what it gives.

  --command TEXT     the program under test. It is called for each vector as
                       TEXT run MODEL --input NAME=FILE ... --outputs DIR
                     or as TEXT says, where it has placeholders: {model}, {inputs} (--input NAME=FILE for each),
                     {outputs} and {case} (the folder with case.json)
                     Exit code 0 and DIR/0.npy, DIR/1.npy, ... (.json for texts), or exit code 1 and one line
                     "NAME: CODE: message" on standard error
  --batch            start TEXT once and talk to it in JSON lines; conformance/README.md has the protocol
  --area NAMES       ${AREAS.join(', ')}; several with commas
  --filter TEXT      only vectors whose path contains TEXT
  --without NAMES    skip vectors that need one of these features or operators, such as float16,strings,mle.TreeEnsemble
  --any-code         bad files must be refused, with whatever code
  --codes FILE       JSON object from the program's codes to those of the vectors
  --sha256=ARGS      arguments that make the program check hashes; without them (and without --batch) vectors
                     that only a hash can find are skipped
  --timeout SECONDS  for each vector; default 5
  --max-memory MIB   end a program that uses more (on Linux)
  --jobs N           processes at a time; default: the processor's cores
  --show N           failures to show; default 10
  --json FILE        every outcome as JSON
  --report FILE      counts, and failures by operator, as Markdown
  --list             print the paths of the chosen vectors and end
  --vectors DIR      the folder with index.json; default: the one of this package, else ./conformance
`

const OPTIONS = {
  command: { type: 'string' }, batch: { type: 'boolean' }, area: { type: 'string' }, filter: { type: 'string' }, without: { type: 'string' },
  'any-code': { type: 'boolean' }, codes: { type: 'string' }, sha256: { type: 'string' }, timeout: { type: 'string' }, 'max-memory': { type: 'string' }, jobs: { type: 'string' },
  show: { type: 'string' }, json: { type: 'string' }, report: { type: 'string' }, list: { type: 'boolean' }, vectors: { type: 'string' }, help: { type: 'boolean' }, version: { type: 'boolean' },
} as const

/** The code by which a runtime says that it lacks something, instead of naming it by --without. */
const UNSUPPORTED = 'UNSUPPORTED'

class UsageError extends Error {}

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text)
  if (!(value > 0 && value < 1e9)) throw new UsageError(`--${name} takes a number above 0, got ${text}`)
  return value
}

function names(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((name) => name.trim()).filter((name) => name !== '')
}

/** The vectors' names of a program's own error codes. */
function codeMap(path: string | undefined): ReadonlyMap<string, string> {
  if (path === undefined) return new Map()
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
  if (typeof value !== 'object' || value === null || Object.values(value).some((code) => typeof code !== 'string')) throw new UsageError(`${path} is no JSON object of texts`)
  return new Map(Object.entries(value as Record<string, string>))
}

function vectorsFolder(given: string | undefined): string {
  if (given !== undefined) return given
  const candidates = [fileURLToPath(new URL('.', import.meta.url)), fileURLToPath(new URL('../conformance', import.meta.url)), 'conformance']
  const found = candidates.find((folder) => existsSync(`${folder}/index.json`))
  if (found === undefined) throw new UsageError('no vectors found: they are in the folder conformance/ of the repository; --vectors DIR names it')
  return found
}

function choose(vectors: readonly Vector[], areas: readonly string[], filter: string): Vector[] {
  const unknown = areas.find((name) => !AREAS.some((area) => area === name))
  if (unknown !== undefined) throw new UsageError(`there is no area ${unknown}; areas are ${AREAS.join(', ')}`)
  return vectors.filter(({ area, path }) => (areas.length === 0 || areas.includes(area)) && path.includes(filter))
}

/** Runs tasks in `jobs` lanes; outcomes come back in the order of the vectors. */
async function runAll(vectors: readonly Vector[], jobs: number, one: (vector: Vector) => Promise<Outcome>): Promise<Outcome[]> {
  const outcomes = new Array<Outcome>(vectors.length)
  let next = 0
  const lane = async (): Promise<void> => {
    for (let i = next++; i < vectors.length; i = next++) outcomes[i] = await one(vectors[i])
  }
  await Promise.all(Array.from({ length: jobs }, lane))
  return outcomes
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: OPTIONS, strict: true })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  if (values.version) {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
    console.log(version)
    return 0
  }
  const root = vectorsFolder(values.vectors)
  const vectors = choose(readIndex(root), names(values.area), values.filter ?? '')
  if (values.list) {
    for (const { path } of vectors) console.log(path)
    return 0
  }
  if (values.command === undefined) throw new UsageError('--command is missing')
  const { batch = false, 'any-code': anyCode = false } = values
  const timeoutMs = 1000 * positive('timeout', values.timeout, 5)
  const maxBytes = values['max-memory'] === undefined ? 0 : 2 ** 20 * positive('max-memory', values['max-memory'], 0)
  if (maxBytes > 0 && process.platform !== 'linux') console.error('--max-memory is not offered on this platform and is ignored')
  const without = new Set(names(values.without))
  const sha256 = values.sha256 === undefined ? undefined : splitCommand(values.sha256)
  const codes = codeMap(values.codes)
  const limits = { timeoutMs, maxBytes }
  const executor: Executor = batch ? batchExecutor(values.command, limits) : commandExecutor(values.command, limits, sha256 ?? [])
  const one = async (vector: Vector): Promise<Outcome> => {
    const lacks = [...vector.features, ...vector.operators].find((name) => without.has(name))
    if (lacks !== undefined) return { vector, status: 'skipped', reason: `needs ${lacks}` }
    if (vector.features.includes('sha256') && !batch && sha256 === undefined) return { vector, status: 'skipped', reason: 'needs hashes to be checked (--sha256)' }
    if (hashOf(root, vector.path) !== vector.sha256) return { vector, status: 'failed', fault: { what: 'the files of this vector are not those of index.json' } }
    const task = readTask(root, vector)
    if ((task.policy !== undefined || task.key !== undefined) && !batch) return { vector, status: 'skipped', reason: 'needs a policy or a key, which only --batch passes on' }
    const reply = renamed(await executor.run(task), codes)
    if (task.error === undefined && reply.kind === 'refused' && reply.code === UNSUPPORTED) return { vector, status: 'skipped', reason: reply.message.split(':')[0] }
    const fault = judge(task, reply, { anyCode })
    return fault === undefined ? { vector, status: 'passed' } : { vector, status: 'failed', fault }
  }
  const started = performance.now()
  let outcomes: Outcome[]
  try {
    outcomes = await runAll(vectors, batch ? 1 : Math.floor(positive('jobs', values.jobs, availableParallelism())), one)
  } finally {
    executor.close()
  }
  report(outcomes, Math.floor(positive('show', values.show, 10)), (performance.now() - started) / 1000)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ counts: countsByArea(outcomes), outcomes: outcomes.map(plain) }, undefined, 1)}\n`)
  if (values.report !== undefined) writeFileSync(values.report, markdownOf(outcomes, values.command))
  if (outcomes.every(({ status }) => status === 'skipped')) throw new UsageError('no vector was run')
  return outcomes.some(({ status }) => status === 'failed') ? 1 : 0
}

function renamed(reply: Reply, codes: ReadonlyMap<string, string>): Reply {
  return reply.kind === 'refused' ? { ...reply, code: codes.get(reply.code) ?? reply.code } : reply
}

function plain(outcome: Outcome): object {
  const { vector, ...rest } = outcome
  return { path: vector.path, area: vector.area, ...rest }
}

function report(outcomes: readonly Outcome[], show: number, seconds: number): void {
  const failed = outcomes.filter((outcome) => outcome.status === 'failed')
  for (const { vector, fault } of failed.slice(0, show)) console.log(`FAILED ${vector.path}\n       ${faultText(fault)}`)
  if (failed.length > show) console.log(`... ${failed.length - show} more failures; --json FILE has all`)
  for (const line of skipsOf(outcomes)) console.log(line)
  console.log(`${tableOf(outcomes)}\n${seconds.toFixed(1)} s`)
}

try {
  process.exitCode = await main()
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
  console.error(`mle-conformance: ${error instanceof Error ? error.message : String(error)}${isUsage ? '; see mle-conformance --help' : ''}`)
  process.exitCode = isUsage ? 2 : 1
}
