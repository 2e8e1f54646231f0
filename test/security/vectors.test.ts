import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { trustFiles } from '../../conformance/trust-files.ts'
import { load } from '../../src/index.ts'
import { verifyFile, type TrustPolicy } from '../../src/security/index.ts'
import { rejectsCode } from '../support/errors.ts'

interface Expected {
  readonly file: string
  readonly with: 'policy' | 'key'
  readonly code: string | null
  readonly why: string
}

const folder = new URL('../../conformance/trust/', import.meta.url)
const text = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, folder)))
const expected: readonly Expected[] = JSON.parse(text('expected.json'))
const stated: { readonly signers: readonly string[]; readonly modelId: string; readonly minVersion: number; readonly now: string } = JSON.parse(text('policy.json'))
const policy: TrustPolicy = { ...stated, signers: stated.signers.map(text), now: new Date(stated.now) }
const key = bytesOf('key.bin')

for (const { file, with: given, code, why } of expected) {
  test(`${file}: ${why}`, async () => {
    const bytes = bytesOf(file)
    for (const source of [bytes, new Blob([new Uint8Array(bytes)])]) {
      const read = (): Promise<unknown> => load(source, given === 'policy' ? { verify: policy } : { key })
      if (code === null) await read()
      else await rejectsCode(code, read)
    }
    if (given === 'key') return
    if (code === null) await verifyFile(bytes, policy)
    else await rejectsCode(code, () => verifyFile(bytes, policy))
  })
}

test('the files are those that make-trust.ts makes', async () => {
  const made = await trustFiles()
  assert.deepEqual(expected, made.map(({ name, code, why, with: given }) => ({ file: `${name}.mle`, with: given, code, why })))
  for (const { name, bytes } of made) assert.deepEqual(bytesOf(`${name}.mle`), new Uint8Array(bytes), name)
  assert.equal(readdirSync(folder).filter((name) => name.endsWith('.mle')).length, made.length)
})
