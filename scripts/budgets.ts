// Gzipped bytes that a page downloads, against budgets.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { loadedBy } from './loaded.ts'

const KB = 1000

interface Budget {
  readonly what: string
  readonly entry: string
  /** What is imported besides, when a model needs it. */
  readonly besides?: readonly string[]
  /** More fails the check. Lower it when the code becomes smaller. */
  readonly limit: number
  /** What it should weigh. */
  readonly goal: number
}

/** Gzipped bytes of an entry with everything that importing it loads. */
const BUDGETS: readonly Budget[] = [
  { what: 'load and run linear models', entry: 'dist/index.js', limit: 50.7 * KB, goal: 20 * KB },
  { what: 'load and run support vector machines', entry: 'dist/index.js', besides: ['dist/packs-distance.js', 'dist/functions.js'], limit: 63.9 * KB, goal: 40 * KB },
  { what: 'load and run forests, with their WebAssembly', entry: 'dist/index.js', besides: ['dist/packs-trees.js', 'dist/wasm.js', 'dist/wasm-trees.js'], limit: 86.6 * KB, goal: 35 * KB },
  { what: 'read and write .mle files', entry: 'dist/format.js', limit: 26 * KB, goal: 25 * KB },
  { what: 'import foreign models', entry: 'dist/import.js', limit: 40.4 * KB, goal: 40 * KB },
  { what: 'sign, verify and encrypt', entry: 'dist/security.js', limit: 32 * KB, goal: 35 * KB },
  { what: 'work with tensors on a GPU', entry: 'dist/webgpu.js', limit: 22 * KB, goal: 40 * KB },
  { what: 'export models to ONNX', entry: 'dist/export.js', besides: ['dist/export-onnx.js'], limit: 17.5 * KB, goal: 12 * KB },
  { what: 'everything in one file for a page', entry: 'dist/mle.browser.js', limit: 718 * KB, goal: 200 * KB },
]

/** A pack of operators, fetched by the models that need it: its own file. */
const PACK_LIMIT = 10 * KB
const PACK_GOAL = 8 * KB
/** Packs that hold much, with limits of their own. */
const LARGE_PACKS: ReadonlyMap<string, number> = new Map([['nn', 18 * KB]])

/** A family of wasm kernels with its module, fetched by the models that need it: its own file. */
const FAMILY_LIMIT = 16 * KB
const FAMILY_GOAL = 8 * KB
/** Trees have layouts for batches, single rows and any rows. */
const LARGE_FAMILIES: ReadonlyMap<string, number> = new Map([['trees', 21.5 * KB]])

/** Prints what each entry, pack and family of kernels of a built package weighs, and returns how many are over their limits. */
export function checkBudgets(folder: string): number {
  const named = (pattern: RegExp): string[] => readdirSync(join(folder, 'dist')).filter((name) => pattern.test(name)).sort()
  let over = 0
  const report = (what: string, files: readonly string[], limit: number, goal: number): void => {
    const total = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 9 }).byteLength, 0)
    const verdict = total > limit ? 'OVER LIMIT' : total > goal ? 'above goal' : 'ok'
    if (total > limit) over++
    console.log(`${verdict.padEnd(10)} ${(total / KB).toFixed(1).padStart(6)} KB (limit ${limit / KB}, goal ${goal / KB})  ${what}: ${files.join(' + ')}`)
  }
  for (const { what, entry, besides = [], limit, goal } of BUDGETS) {
    if (!existsSync(join(folder, entry))) throw new Error(`${entry} is missing; run npm run build first`)
    report(what, [...loadedBy(entry, folder).files, ...besides], limit, goal)
  }
  for (const file of named(/^packs-.*\.js$/)) {
    const name = file.slice(6, -3)
    report(`operators of the pack ${name}`, [`dist/${file}`], LARGE_PACKS.get(name) ?? PACK_LIMIT, PACK_GOAL)
  }
  for (const file of named(/^wasm-.*\.js$/)) {
    const name = file.slice(5, -3)
    report(`kernels of the wasm family ${name}`, [`dist/${file}`], LARGE_FAMILIES.get(name) ?? FAMILY_LIMIT, FAMILY_GOAL)
  }
  return over
}
