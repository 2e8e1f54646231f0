// Writes conformance/malformed/: one small file for each rule of docs/format.md, and the list of what readers must say.
// Run: node --import tsx conformance/make-malformed.ts
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { malformedFiles } from './malformed-files.ts'

const folder = new URL('./malformed/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const old of readdirSync(folder)) if (old.endsWith('.mle')) rmSync(new URL(old, folder))
const files = malformedFiles()
for (const { name, bytes } of files) writeFileSync(new URL(`${name}.mle`, folder), bytes)
const list = files.map(({ name, code, integrity, why }) => ({ file: `${name}.mle`, code, integrity, why }))
writeFileSync(new URL('expected.json', folder), `[\n${list.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]\n`)
console.log(`${files.length} files`)
