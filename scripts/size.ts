// `npm run size`: gzipped bytes that a page downloads, against budgets. Run after `npm run build`.
import { existsSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { loadedBy } from './loaded.ts'

const KB = 1000

interface Budget {
  readonly what: string
  readonly entry: string
  readonly bytes: number
}

/** What each download may weigh, in gzipped bytes with everything that its import loads at once. */
const BUDGETS: readonly Budget[] = [
  { what: 'load and run classical models', entry: 'dist/index.js', bytes: 20 * KB },
]

let over = 0
for (const { what, entry, bytes } of BUDGETS) {
  if (!existsSync(entry)) throw new Error(`${entry} is missing; run npm run build first`)
  const { files } = loadedBy(entry)
  const total = files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).byteLength, 0)
  const verdict = total <= bytes ? 'ok' : 'OVER'
  if (total > bytes) over++
  console.log(`${verdict.padEnd(5)}${(total / KB).toFixed(1).padStart(7)} KB of ${(bytes / KB).toFixed(0).padStart(4)} KB  ${what}: ${files.join(' + ')}`)
}
process.exitCode = over > 0 ? 1 : 0
