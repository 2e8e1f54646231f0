// Loading over HTTP: while bytes arrive, and by ranges, from servers that do what they should and from others.
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { read, write } from '../../src/format/index.ts'
import { crc32 } from '../../src/platform/crc32.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load } from '../../src/index.ts'
import { generateKeys, sign } from '../../src/security/index.ts'
import { rejectsCode } from '../support/errors.ts'

/** Two outputs, each with weights of its own of 2 MiB, and a few small tensors. */
const MIB = 1048576
const big = (start: number): Float32Array => Float32Array.from({ length: MIB / 2 }, (_, i) => ((i + start) % 4096) / 16)
const model: Graph = {
  inputs: [{ name: 'x', type: { dtype: 'float32', shape: [1] } }],
  outputs: [{ name: 'left', type: { dtype: 'float32', shape: [MIB / 2] } }, { name: 'right', type: { dtype: 'float32', shape: [MIB / 2] } }, { name: 'small', type: { dtype: 'float32', shape: [2] } }],
  nodes: ['left', 'right', 'small'].map((name) => ({ op: 'Add', domain: 'ai.onnx', version: 14, inputs: ['x', `w_${name}`], outputs: [name], attributes: new Map() })),
  initializers: new Map([
    ['w_left', { dtype: 'float32', shape: [MIB / 2], data: big(0) }],
    ['w_right', { dtype: 'float32', shape: [MIB / 2], data: big(1) }],
    ['w_small', { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }],
  ]),
  metadata: { name: 'parts', methods: [{ name: 'transform', outputs: ['left'] }, { name: 'predict', outputs: ['small'] }] },
}
const plain = await write(model)
const packed = await write(model, { codec: 'lz4' })
const keys = await generateKeys()
const signed = await sign(plain, keys.privateKey)

interface Behaviour {
  readonly file?: Uint8Array
  readonly etag?: string
  /** Answers a range request; the default does it right. */
  readonly answer?: (response: ServerResponse, from: number, to: number, count: number, request: IncomingMessage) => void
  readonly ignoresRanges?: boolean
}

let behaviour: Behaviour = {}
let asked: { from: number; to: number; ifRange: string | undefined }[] = []
let origin = ''

const server = createServer((request, response) => {
  const { file = plain, etag = '"one"', answer, ignoresRanges } = behaviour
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  if (range === null || ignoresRanges === true) {
    response.writeHead(200, { 'content-length': file.length, etag }).end(file)
    return
  }
  const [from, to] = [Number(range[1]), Math.min(Number(range[2]), file.length - 1)]
  asked.push({ from, to, ifRange: request.headers['if-range']?.toString() })
  if (answer !== undefined) answer(response, from, to, asked.length, request)
  else partial(response, file, from, to, { etag })
})

function partial(response: ServerResponse, file: Uint8Array, from: number, to: number, headers: Record<string, string> = { etag: '"one"' }): void {
  response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${file.length}`, ...headers }).end(file.subarray(from, to + 1))
}

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  origin = `http://127.0.0.1:${address.port}/model.mle`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

function serve(next: Behaviour): string {
  behaviour = next
  asked = []
  return origin
}

test('a large file is read while it arrives, with progress, whole or compressed or signed', async () => {
  for (const file of [plain, packed, signed]) {
    const url = serve({ file, ignoresRanges: true })
    const seen: [number, number][] = []
    const graph = await read(url, { integrity: 'sha256', onProgress: (done, total) => seen.push([done, total]) })
    assert.deepEqual(graph, model)
    assert.ok(seen.length >= 5 && seen.every(([done, total], i) => done > (seen[i - 1]?.[0] ?? 0) && done <= total))
    assert.equal(seen[seen.length - 1][0], seen[0][1])
  }
  const loaded = await load(serve({ file: signed, ignoresRanges: true }), { verify: { signers: keys.publicKey } })
  assert.deepEqual((await loaded.run({ x: [1] }, ['small'])).small.data, Float32Array.of(2, 3))
})

test('a wrong chunk ends the download at once', async () => {
  const file = plain.slice()
  const weights = file.length - 4 * MIB - 64
  file[weights + 100] ^= 1
  let closed = false
  // The server sends the first wrong chunk and then nothing more: who waits for the end would hang.
  const slow = createServer((_, response) => {
    response.on('close', () => (closed = true))
    response.writeHead(200, { 'content-length': file.length })
    response.write(file.subarray(0, weights + 2 * MIB))
  })
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
  const address = slow.address()
  assert.ok(typeof address === 'object' && address !== null)
  try {
    await rejectsCode('FORMAT_CRC32', () => load(`http://127.0.0.1:${address.port}/`))
    for (let i = 0; i < 100 && !closed; i++) await new Promise((resolve) => setTimeout(resolve, 10))
    assert.ok(closed, 'the connection was given up')
  } finally {
    slow.closeAllConnections()
    slow.close()
  }
})

test('a download that breaks off or says the wrong length', async () => {
  const cut = createServer((_, response) => {
    response.writeHead(200, { 'content-length': plain.length })
    response.write(plain.subarray(0, 2 * MIB), () => response.destroy())
  })
  await new Promise<void>((resolve) => cut.listen(0, '127.0.0.1', resolve))
  const address = cut.address()
  assert.ok(typeof address === 'object' && address !== null)
  try {
    await rejectsCode('SOURCE_READ', () => load(`http://127.0.0.1:${address.port}/`), /broke|ended/)
  } finally {
    cut.closeAllConnections()
    cut.close()
  }
  const longer = (extra: number): Response => new Response(new Blob([plain, new Uint8Array(extra)]), { headers: { 'content-length': String(plain.length) } })
  await rejectsCode('SOURCE_READ', () => read(longer(1)), /more bytes/)
  assert.deepEqual(await read(longer(0)), model)
})

test('outputs: only the ranges that they need are asked for', async () => {
  for (const file of [plain, packed]) {
    const graph = await read(serve({ file }), { outputs: ['right', 'small'] })
    assert.deepEqual([...graph.initializers.keys()], ['w_right', 'w_small'])
    assert.deepEqual(graph.initializers.get('w_right'), model.initializers.get('w_right'))
    assert.deepEqual(graph.initializers.get('w_small'), model.initializers.get('w_small'))
    assert.deepEqual(graph.metadata.methods, [{ name: 'predict', outputs: ['small'] }])
    const bytes = asked.reduce((sum, { from, to }) => sum + to + 1 - from, 0)
    assert.ok(bytes < file.length * 0.6 + 70_000, `${bytes} of ${file.length}`)
    // One request for the head, one for each run of chunks; a strong ETag makes all of one file.
    assert.ok(asked.length <= 3, `${asked.length} requests`)
    assert.ok(asked.slice(1).every(({ ifRange }) => ifRange === '"one"'))
  }
  const loaded = await load(serve({}), { outputs: ['left'] })
  assert.deepEqual((await loaded.run({ x: [1] })).left.data[5], Math.fround(5 / 16) + 1)
  assert.deepEqual(loaded.outputs.map(({ name }) => name), ['left'])
  await rejectsCode('METHOD_UNKNOWN', () => load(serve({}), { outputs: ['middle'] }))
})

test('outputs of a file, of bytes, and of a signed file', async () => {
  for (const source of [plain, new Blob([packed])]) assert.deepEqual([...(await read(source, { outputs: ['left'] })).initializers.keys()], ['w_left'])
  const loaded = await load(serve({ file: signed }), { outputs: ['small'], verify: { signers: keys.publicKey } })
  assert.deepEqual((await loaded.run({ x: [1] })).small.data, Float32Array.of(2, 3))
})

test('a server without ranges sends everything, and that will do', async () => {
  const graph = await read(serve({ ignoresRanges: true }), { outputs: ['small'] })
  assert.deepEqual([...graph.initializers.keys()], ['w_small'])
})

test('a weak ETag is not sent back; hashes decide', async () => {
  const graph = await read(serve({ etag: 'W/"one"' }), { outputs: ['small', 'right'] })
  assert.equal(graph.initializers.size, 2)
  assert.ok(asked.every(({ ifRange }) => ifRange === undefined))
})

const outputs = ['right']

test('a file that changes meanwhile', async () => {
  const other = plain.slice()
  // 200 with the new file, as If-Range asks for.
  await rejectsCode('SOURCE_CHANGED', () => read(serve({
    answer: (response, from, to, count) => (count === 1 ? partial(response, plain, from, to) : void response.writeHead(200, { etag: '"two"' }).end(other)),
  }), { outputs }))
  await rejectsCode('SOURCE_CHANGED', () => read(serve({ answer: (response, from, to, count) => partial(response, plain, from, to, { etag: `"${count}"` }) }), { outputs }))
  await rejectsCode('SOURCE_CHANGED', () => read(serve({
    answer: (response, from, to, count) => (count === 1 ? partial(response, plain, from, to) : void response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${plain.length + 64}` }).end(plain.subarray(from, to + 1))),
  }), { outputs }))
  await rejectsCode('SOURCE_CHANGED', () => read(serve({ answer: (response, from, to, count) => (count === 1 ? partial(response, plain, from, to) : void response.writeHead(416).end()) }), { outputs }))
})

test('a 200 of the same file for a range is cut to the range', async () => {
  const graph = await read(serve({ answer: (response, from, to, count) => (count === 1 ? partial(response, plain, from, to) : void response.writeHead(200, { etag: '"one"' }).end(plain)) }), { outputs })
  assert.deepEqual(graph.initializers.get('w_right'), model.initializers.get('w_right'))
})

/** Right for the first request, then as given. */
const later = (answer: (response: ServerResponse, from: number, to: number) => void): Behaviour => ({
  answer: (response, from, to, count) => (count === 1 ? partial(response, plain, from, to) : answer(response, from, to)),
})

const WRONG: readonly (readonly [name: string, code: string, behaviour: Behaviour])[] = [
  ['another range', 'SOURCE_HTTP', later((response, from, to) => partial(response, plain, from + 64, to + 64))],
  ['a shorter range', 'SOURCE_HTTP', later((response, from, to) => partial(response, plain, from, to - 1))],
  ['no Content-Range', 'SOURCE_HTTP', later((response, from, to) => void response.writeHead(206).end(plain.subarray(from, to + 1)))],
  ['Content-Encoding gzip', 'SOURCE_HTTP', later((response, from, to) => partial(response, plain, from, to, { 'content-encoding': 'gzip' }))],
  ['several ranges in parts', 'SOURCE_HTTP', later((response, from, to) => void response.writeHead(206, { 'content-type': 'multipart/byteranges; boundary=x' }).end(plain.subarray(from, to + 1)))],
  ['fewer bytes than it says', 'SOURCE_READ', later((response, from, to) => void response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${plain.length}` }).end(plain.subarray(from, to - 10)))],
  ['more bytes than it says', 'SOURCE_READ', later((response, from, to) => void response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${plain.length}` }).end(Buffer.concat([plain.subarray(from, to + 1), Buffer.alloc(100)])))],
  ['a fault of its own', 'SOURCE_HTTP', later((response) => void response.writeHead(500).end('no'))],
  ['not found', 'SOURCE_HTTP', { answer: (response) => void response.writeHead(404).end('no') }],
  ['a first range without the size of the file', 'SOURCE_HTTP', { answer: (response, from, to) => void response.writeHead(206, { 'content-range': `bytes ${from}-${to}/*` }).end(plain.subarray(from, to + 1)) }],
  ['a first range in gzip', 'SOURCE_HTTP', { answer: (response, from, to) => partial(response, plain, from, to, { 'content-encoding': 'gzip' }) }],
]

for (const [name, code, wrongBehaviour] of WRONG) {
  test(`a server that answers with ${name}`, async () => {
    await rejectsCode(code, () => read(serve(wrongBehaviour), { outputs }))
  })
}

test('bytes changed so that their CRC stays: SHA-256 finds it', async () => {
  const file = plain.slice()
  // The CRC's own polynomial, added to the data, leaves every CRC as it was.
  const polynomial = '100000100110000010001110110110111'
  const at = file.length - MIB
  for (let bit = 0; bit < polynomial.length; bit++) if (polynomial[bit] === '1') file[at + (bit >> 3)] ^= 1 << (bit & 7)
  assert.equal(crc32(file.subarray(at - 64)), crc32(plain.subarray(at - 64)))
  await rejectsCode('FORMAT_SHA256', () => read(serve({ file }), { outputs }))
  assert.ok(await read(serve({ file, ignoresRanges: true })))
})

test('a limit of bytes is checked before they are fetched', async () => {
  await rejectsCode('SOURCE_LIMIT', () => read(serve({}), { outputs, limits: { maxBytes: MIB } }))
  await rejectsCode('SOURCE_LIMIT', () => read(serve({ ignoresRanges: true }), { limits: { maxBytes: MIB } }))
})
