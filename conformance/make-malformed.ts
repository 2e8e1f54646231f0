// Writes conformance/malformed/, one small file for each rule of docs/format.md, and conformance/hostile/, files of other formats that
// attack or lie; and the lists of what readers must say.
// Run: node --import tsx conformance/make-malformed.ts
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostileFiles } from './hostile-files.ts'
import { malformedFiles } from './malformed-files.ts'

interface Listed {
  readonly file: string
  readonly bytes: Uint8Array
  /** What expected.json says of it. */
  readonly entry: object
}

function writeFolder(name: string, files: readonly Listed[]): void {
  const folder = new URL(`./${name}/`, import.meta.url)
  mkdirSync(folder, { recursive: true })
  for (const old of readdirSync(folder)) if (!/\.(json|md|npy)$/.test(old) || old.startsWith('xgboost-')) rmSync(new URL(old, folder))
  for (const { file, bytes } of files) writeFileSync(new URL(file, folder), bytes)
  writeFileSync(new URL('expected.json', folder), `[\n${files.map(({ entry }) => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`)
  console.log(`${files.length} files in ${name}`)
}

writeFolder('malformed', malformedFiles().map(({ name, bytes, code, integrity, why }) => ({ file: `${name}.mle`, bytes, entry: { file: `${name}.mle`, code, integrity, why } })))
writeFolder('hostile', hostileFiles().map(({ bytes, ...entry }) => ({ file: entry.file, bytes, entry })))
