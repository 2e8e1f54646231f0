import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { MleError } from '../../src/error.ts'
import { openSource, type SourceInput, type SourceOptions } from '../../src/platform/source.ts'

const content = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31) & 255)
const folder = mkdtempSync(join(tmpdir(), 'mle-source-'))
const path = join(folder, 'a b.bin')
const requests: (string | undefined)[] = []
const server = createServer((request, response) => {
  requests.push(request.headers.range)
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  if (request.url === '/missing') response.writeHead(404).end()
  else if (range !== null && request.url === '/ranges') {
    const end = Math.min(Number(range[2]) + 1, content.length)
    response.writeHead(206, { 'content-range': `bytes ${range[1]}-${end - 1}/${content.length}` }).end(content.subarray(Number(range[1]), end))
  } else response.end(content)
})
let origin = ''

before(async () => {
  writeFileSync(path, content)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  origin = `http://127.0.0.1:${address.port}`
})
after(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const failsWith = (code: string) => (error: unknown): boolean => error instanceof MleError && error.code === code

async function check(input: SourceInput, options?: SourceOptions): Promise<void> {
  const source = await openSource(input, options)
  assert.equal(source.byteLength, content.length)
  assert.deepEqual(await source.read(5, 1000), content.slice(5, 1005))
  const target = new Uint8Array(content.length - 7)
  await source.readInto(7, target)
  assert.ok(Buffer.from(target.buffer).equals(content.subarray(7)))
  await assert.rejects(source.read(content.length - 1, 2), failsWith('SOURCE_RANGE'))
  await assert.rejects(source.read(-1, 2), failsWith('SOURCE_RANGE'))
  await assert.rejects(source.readInto(0.5, new Uint8Array(1)), failsWith('SOURCE_RANGE'))
  await source.close()
}

test('reads every kind of input', async () => {
  await check(content)
  await check(content.slice().buffer)
  await check(path)
  await check(pathToFileURL(path))
  await check(pathToFileURL(path).href)
  await check(new Blob([content]))
  await check(new Response(content))
  await check(`${origin}/plain`)
  await check(new URL(`${origin}/plain`))
  await check(new Request(`${origin}/plain`))
  await check(`${origin}/plain`, { ranges: true })
  await check(`${origin}/plain`, { maxBytes: content.length })
})

test('fetches only the ranges that are read when asked to', async () => {
  requests.length = 0
  const source = await openSource(`${origin}/ranges`, { ranges: true })
  assert.deepEqual(await source.read(0, 100), content.slice(0, 100))
  assert.deepEqual(await source.read(2_000_000, 10), content.slice(2_000_000, 2_000_010))
  assert.deepEqual(requests, ['bytes=0-65535', 'bytes=2000000-2000009'])
  await check(`${origin}/ranges`, { ranges: true })
})

test('a source knows its name', async () => {
  assert.equal((await openSource(path)).name, path)
  assert.equal((await openSource(`${origin}/plain`)).name, `${origin}/plain`)
  assert.equal((await openSource(content)).name, undefined)
})

test('SOURCE_NOT_FOUND', async () => {
  await assert.rejects(openSource(join(folder, 'none')), failsWith('SOURCE_NOT_FOUND'))
})

test('SOURCE_READ for a directory and for a file that shrinks', async () => {
  await assert.rejects(openSource(folder), failsWith('SOURCE_READ'))
  const shrinking = join(folder, 'shrinking')
  writeFileSync(shrinking, content)
  const source = await openSource(shrinking)
  truncateSync(shrinking, 10)
  await assert.rejects(source.read(0, 100), failsWith('SOURCE_READ'))
  await source.close()
})

test('SOURCE_HTTP', async () => {
  await assert.rejects(openSource(`${origin}/missing`), failsWith('SOURCE_HTTP'))
  await assert.rejects(openSource('http://127.0.0.1:1/'), failsWith('SOURCE_HTTP'))
})

test('SOURCE_LIMIT for every kind of input, before the content is read', async () => {
  const options = { maxBytes: content.length - 1 }
  for (const input of [content, path, new Blob([content]), new Response(content), `${origin}/plain`]) {
    await assert.rejects(openSource(input, options), failsWith('SOURCE_LIMIT'))
  }
  await assert.rejects(openSource(`${origin}/ranges`, { ...options, ranges: true }), failsWith('SOURCE_LIMIT'))
})

test('anything else is a caller mistake', async () => {
  const wrong: unknown = 5
  await assert.rejects(openSource(wrong as SourceInput), TypeError)
})
