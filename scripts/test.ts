// `npm test`: every test/**/*.test.ts, two files at a time, with Node's own summary last.
// `npm test -- pickle sklearn` runs the files whose path contains one of the words.
// A skipped or unfinished (todo) test fails the run, unless its reason is `needs ...`: something this machine does not have.
import { readdirSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { resolve } from 'node:path'
import { swiftShaderEnvironment } from '../test/support/swiftshader.ts'
import { installRuntimes, RUNTIMES_FOLDER } from './runtimes.ts'

const FILE_TIMEOUT_MS = 300_000

const words = process.argv.slice(2)
const files = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((name) => `test/${name.replaceAll('\\', '/')}`)
  .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules') && (words.length === 0 || words.some((word) => name.includes(word))))
  .sort()
if (files.length === 0) {
  console.error(`no test file matches ${words.join(' ')}`)
  process.exit(1)
}

if (files.some((name) => name.startsWith(RUNTIMES_FOLDER))) installRuntimes()

// A software GPU where the development dependencies have one; the loader reads these when a process starts.
const software = swiftShaderEnvironment()
Object.assign(process.env, software)

let failed = 0
const skipped: string[] = []
/** How test files ended that ended before their tests did: the reporter says only that they failed. */
const ended: string[] = []
// Test files inherit execArgv, hence the tsx loader that runs this script.
const stream = run({ files: files.map((name) => resolve(name)), concurrency: 2, timeout: FILE_TIMEOUT_MS })
  .on('test:fail', ({ name, details }) => {
    failed++
    const { exitCode, signal } = details.error as { exitCode?: number | null; signal?: string | null }
    if (exitCode !== undefined) ended.push(`${name} ended ${signal ? `by ${signal}` : `with exit code ${exitCode}`}`)
  })
  .on('test:pass', ({ name, file, skip, todo }) => {
    const reason = skip ?? todo
    // A machine of continuous integration that has the software GPU must run what needs one.
    const isAllowed = typeof reason === 'string' && reason.startsWith('needs ') && !(process.env.CI === 'true' && software !== undefined && /WebGPU|browser/.test(reason))
    if (reason !== undefined && !isAllowed) skipped.push(`${file ?? ''}: ${name}`)
  })
const reporter = stream.compose(new spec())
reporter.pipe(process.stdout, { end: false })
await finished(reporter)

for (const line of ended) console.error(line)
for (const line of skipped) console.error(`skipped, though this machine can run it, or without a reason of the form "needs ...": ${line}`)
process.exitCode = failed > 0 || skipped.length > 0 ? 1 : 0
