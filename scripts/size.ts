// `npm run size`: gzipped bytes that a page downloads, against budgets. Run after `npm run build`.
import { existsSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { loadedBy } from './loaded.ts'

const KB = 1000

interface Budget {
  readonly what: string
  readonly entry: string
  /** More fails the check. Lower it when the code becomes smaller. */
  readonly limit: number
  /** What it should weigh. */
  readonly goal: number
}

/** Gzipped bytes of an entry with everything that importing it loads. */
const BUDGETS: readonly Budget[] = [
  { what: 'load and run classical models', entry: 'dist/index.js', limit: 100 * KB, goal: 20 * KB },
  { what: 'read and write .mle files', entry: 'dist/format.js', limit: 100 * KB, goal: 25 * KB },
  { what: 'import foreign models', entry: 'dist/import.js', limit: 160 * KB, goal: 100 * KB },
  { what: 'everything in one file for a page', entry: 'dist/mle.browser.js', limit: 260 * KB, goal: 200 * KB },
]

let over = 0
for (const { what, entry, limit, goal } of BUDGETS) {
  if (!existsSync(entry)) throw new Error(`${entry} is missing; run npm run build first`)
  const { files } = loadedBy(entry)
  const total = files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).byteLength, 0)
  const verdict = total > limit ? 'OVER LIMIT' : total > goal ? 'above goal' : 'ok'
  if (total > limit) over++
  console.log(`${verdict.padEnd(10)} ${(total / KB).toFixed(1).padStart(6)} KB (limit ${limit / KB}, goal ${goal / KB})  ${what}: ${files.join(' + ')}`)
}
process.exitCode = over > 0 ? 1 : 0
