// Packs a folder of cases into one file: `node --import tsx scripts/pack-fixtures.ts FOLDER NAME` writes test/fixtures/NAME.pack.
// The container (gzip of: u32 little-endian length of a JSON list of [path, bytes], that list, the files in order) is read by
// test/support/fixtures.ts.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const [folder, name] = process.argv.slice(2)
if (folder === undefined || name === undefined) {
  console.error('usage: pack-fixtures FOLDER NAME')
  process.exit(2)
}
const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => statSync(join(folder, path)).isFile())
  .sort()
const files = paths.map((path) => readFileSync(join(folder, path)))
const list = Buffer.from(JSON.stringify(paths.map((path, i) => [path, files[i].length])))
const head = Buffer.alloc(4)
head.writeUInt32LE(list.length)
const packed = gzipSync(Buffer.concat([head, list, ...files]), { level: 9 })
writeFileSync(`test/fixtures/${name}.pack`, packed)
console.log(`${name}.pack: ${paths.length} files, ${packed.length} bytes`)
