import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { malformedFiles, tinyGraph, wellFormedFile } from '../../conformance/malformed-files.ts'
import { MleError } from '../../src/error.ts'
import { inspect } from '../../src/format/inspect.ts'
import { readBytes } from '../../src/format/read-bytes.ts'
import { read } from '../../src/format/read.ts'
import { write } from '../../src/format/write.ts'

interface Expected {
  readonly file: string
  readonly code: string
  readonly integrity?: 'sha256'
  readonly why: string
}

const folder = new URL('../../conformance/malformed/', import.meta.url)
const expected: readonly Expected[] = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8'))

const failsWith = (code: string) => (error: unknown): boolean => {
  assert.ok(error instanceof MleError, String(error))
  assert.equal(error.code, code, error.message)
  return true
}

test('the file they depart from is what write gives', async () => {
  assert.deepEqual(wellFormedFile(), await write(tinyGraph))
  assert.deepEqual(readBytes(wellFormedFile(), { integrity: 'sha256' }), tinyGraph)
})

for (const { file, code, integrity, why } of expected) {
  test(`${file}: ${why}`, async () => {
    const bytes = new Uint8Array(readFileSync(new URL(file, folder)))
    const compressed = code !== 'FORMAT_TRUNCATED' && code !== 'FORMAT_FEATURE' && (bytes[8] & 2) !== 0
    if (compressed) await assert.rejects(read(bytes, { integrity }), failsWith(code))
    else assert.throws(() => readBytes(bytes, { integrity }), failsWith(code))
    // A source that is not in memory takes another way to the same checks.
    await assert.rejects(read(new Blob([bytes]), { integrity }), failsWith(code))
    if (integrity === 'sha256') await read(bytes)
    // inspect and read agree on everything but the weights and the codecs.
    const weightsOnly = ['crc-weights', 'chunks-swapped', 'padding-tensor', 'bool', 'element-beyond', 'strings-first', 'strings-falling', 'strings-last', 'strings-utf8']
    if (integrity === undefined && code !== 'FORMAT_DECODE' && !weightsOnly.includes(file.replace('.mle', ''))) await assert.rejects(inspect(bytes), failsWith(code))
  })
}

test('the files are those that make-malformed.ts makes', () => {
  const made = malformedFiles()
  assert.deepEqual(expected, made.map(({ name, code, integrity, why }) => (integrity === undefined ? { file: `${name}.mle`, code, why } : { file: `${name}.mle`, code, integrity, why })))
  for (const { name, bytes } of made) assert.deepEqual(new Uint8Array(readFileSync(new URL(`${name}.mle`, folder))), new Uint8Array(bytes), name)
  assert.equal(readdirSync(folder).filter((name) => name.endsWith('.mle')).length, made.length)
})

test('every code of docs/format.md has a file, but for those of writing', () => {
  const documented = [...readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8').matchAll(/^\| (FORMAT_\w+) \|/gm)].map((match) => match[1])
  const covered = new Set(expected.map(({ code }) => code))
  assert.deepEqual(documented.filter((code) => !covered.has(code)), ['FORMAT_CODEC_WRITE', 'FORMAT_WRITE'])
  assert.deepEqual([...covered].filter((code) => !documented.includes(code)), [])
})

test('every code that the sources throw is documented', () => {
  const documented = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8')
  const sources = new URL('../../src/format/', import.meta.url)
  for (const name of readdirSync(sources).filter((entry) => entry.endsWith('.ts'))) {
    for (const [, code] of readFileSync(new URL(name, sources), 'utf8').matchAll(/MleError\(\s*'(\w+)'/g)) if (code.startsWith('FORMAT_')) assert.ok(documented.includes(`| ${code} |`), `${code} in ${name}`)
  }
})
