// The runner against small programs that behave and misbehave in every way that it must notice.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { batchExecutor } from '../../conformance/runner/batch.ts'
import { callFor, commandExecutor, splitCommand, type Executor } from '../../conformance/runner/command.ts'
import type { Reply } from '../../conformance/runner/judge.ts'
import { readIndex, type Task } from '../../conformance/runner/vectors.ts'

const folder = mkdtempSync(join(tmpdir(), 'runner-'))
after(() => rmSync(folder, { recursive: true }))
const root = fileURLToPath(new URL('../..', import.meta.url))
const LIMITS = { timeoutMs: 20_000, maxBytes: 0 }
const task: Task = { vector: { path: 'x', area: 'operators', features: [], operators: [], sha256: '' }, folder: '/v', model: '/v/m.mle', inputs: [{ name: 'X', file: '/v/X.npy' }], expected: [] }

let programs = 0
/** A command that runs this JavaScript. */
function program(code: string): string {
  const path = join(folder, `p${programs++}.mjs`)
  writeFileSync(path, code)
  return `'${process.execPath}' '${path}'`
}

async function replyOf(executor: Executor): Promise<Reply> {
  try {
    return await executor.run(task)
  } finally {
    executor.close()
  }
}

const WRITE = "import { mkdirSync, writeFileSync } from 'node:fs'; import { join } from 'node:path'\n"

test('commands are split at blanks; quotes hold words together', () => {
  assert.deepEqual(splitCommand(`a  'b c' --d="e 'f'"g`), ['a', 'b c', `--d=e 'f'g`])
  assert.throws(() => splitCommand(' '), TypeError)
})

test('a call has the arguments of mle run, or those of the placeholders', () => {
  assert.deepEqual(callFor(['prog'], task, '/out', []), ['prog', 'run', '/v/m.mle', '--input', 'X=/v/X.npy', '--outputs', '/out'])
  assert.deepEqual(callFor(['prog', '-m={model}', '{inputs}', '{outputs}', '{case}'], task, '/out', []), ['prog', '-m=/v/m.mle', '--input', 'X=/v/X.npy', '/out', '/v'])
  assert.deepEqual(callFor(['prog', '{model}'], { ...task, integrity: 'sha256' }, '/out', ['--hash']), ['prog', '/v/m.mle', '--hash'])
})

test('outputs are read after exit code 0', async () => {
  const reply = await replyOf(commandExecutor(program(`${WRITE}const dir = process.argv.at(-1); mkdirSync(dir); writeFileSync(join(dir, '0.npy'), 'zero'); writeFileSync(join(dir, '12.json'), '[]'); writeFileSync(join(dir, 'notes.txt'), '')`), LIMITS, []))
  assert.ok(reply.kind === 'outputs')
  assert.deepEqual([...reply.files].map(([index, { format, bytes }]) => [index, format, new TextDecoder().decode(bytes)]), [[0, 'npy', 'zero'], [12, 'json', '[]']])
})

test('exit code 1 with one line is a refusal', async () => {
  assert.deepEqual(await replyOf(commandExecutor(program("console.error('prog: FORMAT_MAGIC: no: really'); process.exitCode = 1"), LIMITS, [])), { kind: 'refused', code: 'FORMAT_MAGIC', message: 'no: really' })
})

const BROKEN: readonly (readonly [string, string, RegExp])[] = [
  ['more than one line', "console.error('prog: FORMAT_MAGIC: no\\nat x'); process.exitCode = 1", /needs one line .* got 2 lines/],
  ['no code', "console.error('Error: oh no'); process.exitCode = 1", /needs one line/],
  ['another exit code', "console.error('usage'); process.exitCode = 2", /^exit code 2: usage$/],
  ['a signal', "process.kill(process.pid, 'SIGTERM')", /^ended by SIGTERM$/],
]
for (const [what, code, why] of BROKEN) {
  test(`broken: ${what}`, async () => {
    const reply = await replyOf(commandExecutor(program(code), LIMITS, []))
    assert.ok(reply.kind === 'broken')
    assert.match(reply.why, why)
  })
}

test('broken: a program that does not exist', async () => {
  const reply = await replyOf(commandExecutor(join(folder, 'nothing'), LIMITS, []))
  assert.match(reply.kind === 'broken' ? reply.why : '', /cannot be started/)
})

test('a program that hangs is ended', async () => {
  const reply = await replyOf(commandExecutor(program('setInterval(() => 0, 1000)'), { timeoutMs: 300, maxBytes: 0 }, []))
  assert.deepEqual(reply, { kind: 'broken', why: 'no answer within 0.3 s' })
})

test('a program that takes too much memory is ended', { skip: process.platform === 'linux' ? false : 'needs /proc' }, async () => {
  const reply = await replyOf(commandExecutor(program('const hold = Buffer.alloc(300e6, 1); setInterval(() => hold[0], 1000)'), { timeoutMs: 20_000, maxBytes: 200 * 2 ** 20 }, []))
  assert.match(reply.kind === 'broken' ? reply.why : '', /^uses \d+ MiB, allowed are 200$/)
})

const SERVER = (body: string): string => `${WRITE}import { createInterface } from 'node:readline'\nfor await (const line of createInterface({ input: process.stdin })) { const request = JSON.parse(line); ${body} }`

test('a server answers request after request', async () => {
  const executor = batchExecutor(program(SERVER("if (request.id === 2) console.log(JSON.stringify({ id: 2, ok: false, code: 'A_B', message: 'm' })); else { writeFileSync(join(request.outputs, '0.json'), line); console.log(JSON.stringify({ id: request.id, ok: true })) }")), LIMITS)
  const first = await executor.run(task)
  const second = await executor.run({ ...task, integrity: 'sha256' })
  const third = await executor.run({ ...task, integrity: 'sha256' })
  executor.close()
  assert.ok(first.kind === 'outputs' && third.kind === 'outputs')
  const request: Record<string, unknown> = JSON.parse(new TextDecoder().decode(first.files.get(0)?.bytes))
  assert.deepEqual({ ...request, outputs: '' }, { id: 1, model: '/v/m.mle', inputs: [{ name: 'X', file: '/v/X.npy' }], outputs: '', integrity: 'crc32' })
  assert.match(new TextDecoder().decode(third.files.get(0)?.bytes), /"integrity":"sha256"/)
  assert.deepEqual(second, { kind: 'refused', code: 'A_B', message: 'm' })
})

test('a server that hangs or dies is replaced', async () => {
  const hangs = batchExecutor(program(SERVER("if (request.id > 1) console.log(JSON.stringify({ id: request.id, ok: true }))")), { timeoutMs: 2000, maxBytes: 0 })
  assert.deepEqual(await hangs.run(task), { kind: 'broken', why: 'no answer within 2 s' })
  assert.equal((await hangs.run(task)).kind, 'outputs')
  hangs.close()
  const dies = batchExecutor(program(SERVER("if (request.id === 1) process.exit(3); console.log(JSON.stringify({ id: request.id, ok: true }))")), LIMITS)
  assert.deepEqual(await dies.run(task), { kind: 'broken', why: 'the process ended without an answer' })
  assert.equal((await dies.run(task)).kind, 'outputs')
  dies.close()
})

for (const [what, answer, why] of [
  ['no JSON', 'hello', /no JSON: hello/],
  ['another id', '{"id":7,"ok":true}', /has not the id 1/],
  ['neither', '{"id":1}', /neither/],
] as const) {
  test(`a server whose answer is wrong: ${what}`, async () => {
    const reply = await replyOf(batchExecutor(program(SERVER(`console.log('${answer}')`)), LIMITS))
    assert.match(reply.kind === 'broken' ? reply.why : '', why)
  })
}

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The command itself. */
function conformance(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', 'tsx', 'conformance/run.ts', ...args], { cwd: root }, (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }))
  })
}

test('this project through the real command', async () => {
  const report = join(folder, 'report.json')
  const { code, out } = await conformance('--command', `${process.execPath} --import tsx src/cli/main.ts`, '--sha256=--integrity sha256', '--filter', 'malformed/sha256-', '--timeout', '60', '--jobs', '2', '--json', report)
  assert.equal(code, 0, out)
  const count = readIndex(join(root, 'conformance')).filter(({ path }) => path.startsWith('malformed/sha256-')).length
  assert.match(out, new RegExp(`malformed +${count} +0 +0\n`))
  const { counts, outcomes } = JSON.parse(readFileSync(report, 'utf8')) as { counts: object[]; outcomes: object[] }
  assert.deepEqual(counts[0], { area: 'malformed', passed: count, failed: 0, skipped: 0 })
  assert.deepEqual(outcomes[0], { path: 'malformed/sha256-section.mle', area: 'malformed', status: 'passed' })
})

test('failures and skips are counted and shown, and decide the exit code', async () => {
  const accepts = program('')
  const failing = await conformance('--command', accepts, '--filter', 'malformed/magic-', '--timeout', '60')
  assert.equal(failing.code, 1)
  assert.match(failing.out, /^FAILED malformed\/magic-other\.mle\n +accepted, but must be refused with FORMAT_MAGIC$/m)
  assert.match(failing.out, /malformed +0 +2 +0\n/)
  const refusing = program("console.error('p: OWN: no'); process.exitCode = 1")
  const skipping = await conformance('--command', refusing, '--filter', 'version-', '--any-code', '--without', 'only-version-3', '--timeout', '60')
  assert.equal(skipping.code, 0, skipping.out)
  assert.match(skipping.out, /^2 skipped: needs only-version-3$/m)
  const codes = join(folder, 'codes.json')
  writeFileSync(codes, '{"OWN":"FORMAT_MAGIC"}')
  assert.equal((await conformance('--command', refusing, '--filter', 'malformed/magic-', '--codes', codes, '--timeout', '60')).code, 0)
})

test('what a program says it lacks is skipped; the report names the first failure of each kind', async () => {
  const lacking = program("console.error('p: UNSUPPORTED: no bits: at all'); process.exitCode = 1")
  const file = join(folder, 'report.md')
  const skipping = await conformance('--command', lacking, '--filter', 'operators/Abs/', '--timeout', '60', '--report', file)
  assert.equal(skipping.code, 2, skipping.out)
  assert.match(readFileSync(file, 'utf8'), /^\| operators \| 0 \| 0 \| \d+ \|$/m)
  assert.match(readFileSync(file, 'utf8'), /^- \d+ skipped: no bits$/m)
  // It may lack what a vector needs, but must refuse bad files by their codes.
  assert.equal((await conformance('--command', lacking, '--filter', 'malformed/magic-other', '--timeout', '60')).code, 1)
  const failing = program("console.error('p: OWN: at element 5'); process.exitCode = 1")
  assert.equal((await conformance('--command', failing, '--filter', 'operators/Abs/', '--timeout', '60', '--report', file)).code, 1)
  assert.match(readFileSync(file, 'utf8'), /^\| Abs \| \d+ \| \w+: refused with OWN: at element 5 \|$/m)
})

test('wrong usage ends with 2; a run of nothing is no success', async () => {
  for (const args of [[], ['--area', 'x', '--command', 'x'], ['--nonsense'], ['--command', 'x', '--timeout', '0'], ['--command', 'x', '--filter', 'no such vector']]) {
    const { code, err } = await conformance(...args)
    assert.equal(code, 2, args.join(' '))
    assert.match(err, /^mle-conformance: .*--help\n$/, args.join(' '))
  }
  assert.match((await conformance('--list', '--filter', 'magic-other')).out, /^malformed\/magic-other\.mle\n$/)
})
