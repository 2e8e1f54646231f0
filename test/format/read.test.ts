import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { layOut, malformedFiles, tinyGraph, wellFormedFile } from '../../conformance/malformed-files.ts'
import { MleError } from '../../src/error.ts'
import { inspect, isMle, open, read, readBytes, rootOf, write, type Limits } from '../../src/format/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { crc32 } from '../../src/platform/crc32.ts'
import { hex, sha256 } from '../../src/platform/sha256.ts'
import { openSource } from '../../src/platform/source.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

const failsWith = (code: string) => (error: unknown): boolean => error instanceof MleError && error.code === code

const float32 = (length: number, start: number): Tensor => ({ dtype: 'float32', shape: [length], data: Float32Array.from({ length }, (_, i) => start + i) })

/** Tensors around the chunk size, small ones of several dtypes between them. */
const large: Graph = {
  inputs: [],
  outputs: [],
  nodes: [{ op: 'Use', domain: 'test', version: 1, inputs: ['big', 'small2', 'exact', 'bytes', 'small1', 'below'], outputs: [], attributes: new Map() }],
  initializers: new Map<string, Tensor>([
    ['small1', float32(3, 0)],
    ['big', float32(700_000, 1)],
    ['bytes', { dtype: 'uint8', shape: [5], data: Uint8Array.of(1, 2, 3, 4, 5) }],
    ['exact', float32(262_144, 2)],
    ['small2', float32(4, 5)],
    ['below', float32(262_143, 3)],
  ]),
  metadata: {},
}

const folder = mkdtempSync(join(tmpdir(), 'mle-read-'))
const path = join(folder, 'large.mle')
const requests: (string | undefined)[] = []
let content = new Uint8Array(0)
const server = createServer((request, response) => {
  requests.push(request.headers.range)
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  if (range === null) response.end(content)
  else {
    const end = Math.min(Number(range[2]) + 1, content.length)
    response.writeHead(206, { 'content-range': `bytes ${range[1]}-${end - 1}/${content.length}` }).end(content.subarray(Number(range[1]), end))
  }
})
let url = ''

before(async () => {
  content = await write(large)
  writeFileSync(path, content)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  url = `http://127.0.0.1:${address.port}/large.mle`
})
after(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

test('reads from everything that load takes', async () => {
  const inputs = [path, pathToFileURL(path), url, new URL(url), new Request(url), new Response(content), new Blob([content]), content, content.slice().buffer]
  for (const input of inputs) {
    assert.deepEqual(await read(input), large)
    assert.deepEqual(await read(input instanceof Response ? new Response(content) : input, { integrity: 'sha256' }), large)
  }
})

test('from a path the weights go straight into the memory given for them', async () => {
  const memory = new Uint8Array(new ArrayBuffer(8_000_000), 4096)
  const asked: number[] = []
  const graph = await read(path, {
    allocate: (byteLength) => {
      asked.push(byteLength)
      return memory.subarray(0, byteLength)
    },
  })
  assert.deepEqual(graph, large)
  assert.deepEqual(asked, [(await inspect(path)).weightBytes])
  for (const { data } of graph.initializers.values()) assert.ok(ArrayBuffer.isView(data) && data.buffer === memory.buffer && data.byteOffset % 64 === 0)
})

test('bytes in memory are viewed, not copied', () => {
  for (const { data } of readBytes(content).initializers.values()) assert.ok(ArrayBuffer.isView(data) && data.buffer === content.buffer)
})

test('nothing is allocated for a file that is wrong before its weights', async () => {
  const allocate = (): Uint8Array => assert.fail('allocated')
  const weightsOnly = /^(crc-weights|chunks-swapped|padding-tensor|bool|element-.*|strings-.*|sha256-.*)$/
  for (const { name, bytes, integrity, code } of malformedFiles()) {
    if (weightsOnly.test(name) || code === 'FORMAT_DECODE') continue
    assert.throws(() => readBytes(bytes, { allocate, integrity }), MleError, name)
    await assert.rejects(read(new Blob([new Uint8Array(bytes)]), { allocate, integrity }), MleError, name)
  }
})

test('wrong memory and wrong options are caller mistakes', async () => {
  assert.throws(() => readBytes(content, { allocate: (size) => new Uint8Array(size - 1) }), RangeError)
  assert.throws(() => readBytes(content, { allocate: (size) => new Uint8Array(size + 1).subarray(1) }), RangeError)
  const wrong: unknown = 'md5'
  assert.throws(() => readBytes(content, { integrity: wrong as 'crc32' }), TypeError)
  await assert.rejects(read(path, { limits: { maxBytes: -1 } }), RangeError)
})

test('tensors lie by size, dtype and first use; chunks follow from them', async () => {
  const { tensors, chunks, weightBytes } = await inspect(content)
  assert.deepEqual(tensors.map(({ names }) => names[0]), ['small2', 'small1', 'below', 'bytes', 'big', 'exact'])
  const mebibyte = 1_048_576
  assert.deepEqual(chunks.map(({ rawBytes }) => rawBytes), [128, mebibyte, 64, mebibyte, mebibyte, 2_800_000 - 2 * mebibyte, mebibyte])
  assert.equal(chunks.reduce((sum, { rawBytes }) => sum + rawBytes, 0), weightBytes)
  for (const { offset } of tensors) assert.equal(offset % 64, 0)
})

test('damage names the chunk', async () => {
  const { sections, chunks } = await inspect(content)
  const bytes = content.slice()
  bytes[sections[3].offset + chunks[0].storedBytes + 5] ^= 1
  assert.throws(() => readBytes(bytes), (error) => error instanceof MleError && error.code === 'FORMAT_CRC32' && error.section === 'weights' && /chunk 1/.test(error.message) && error.offset === sections[3].offset + 128)
})

test('equal tensors are stored once and read as one', async () => {
  const graph: Graph = { ...large, nodes: [], initializers: new Map([['a', float32(1000, 7)], ['b', float32(1000, 7)], ['c', { ...float32(1000, 7), shape: [10, 100] }]]) }
  const bytes = await write(graph)
  const { tensors } = await inspect(bytes)
  assert.deepEqual(tensors.map(({ names }) => names), [['a', 'b'], ['c']])
  const again = readBytes(bytes)
  assert.deepEqual(again, graph)
  assert.equal(again.initializers.get('a'), again.initializers.get('b'))
})

test('long lists that share a tensor share their memory', async () => {
  const value = Array.from({ length: 1000 }, (_, i) => i)
  const node = { op: 'Use', domain: 'test', version: 1, inputs: [], outputs: [] }
  const graph: Graph = { ...large, initializers: new Map(), nodes: [0, 1].map(() => ({ ...node, attributes: new Map([['axes', { kind: 'ints' as const, value }]]) })) }
  const again = readBytes(await write(graph))
  assert.deepEqual(again, graph)
  assert.equal(again.nodes[0].attributes.get('axes')?.value, again.nodes[1].attributes.get('axes')?.value)
})

test('inspect reads no weights: not from a path, not over http', async () => {
  const damaged = content.slice()
  damaged.fill(0xff, damaged.length - 1_000_000)
  const damagedPath = join(folder, 'damaged.mle')
  writeFileSync(damagedPath, damaged)
  assert.deepEqual(await inspect(damagedPath), await inspect(content))
  await assert.rejects(read(damagedPath), failsWith('FORMAT_CRC32'))
  requests.length = 0
  assert.deepEqual(await inspect(url), await inspect(content))
  assert.deepEqual(requests, ['bytes=0-65535'])
})

test('inspect tells what is in a file', async () => {
  const description = await inspect(wellFormedFile())
  assert.equal(description.version, 3)
  assert.equal(description.byteLength, wellFormedFile().length)
  assert.deepEqual([description.signed, description.encrypted, description.compressed], [false, false, false])
  assert.deepEqual(description.metadata, { name: 'tiny' })
  assert.deepEqual(description.inputs, tinyGraph.inputs)
  assert.deepEqual(description.outputs, tinyGraph.outputs)
  assert.deepEqual(description.operators, [{ op: 'Add', domain: 'ai.onnx', version: 14, count: 1 }])
  assert.deepEqual([description.nodeCount, description.subgraphCount, description.weightBytes], [1, 0, 64])
  assert.deepEqual(description.tensors, [{ names: ['w'], dtype: 'float32', shape: [2], offset: 0, byteLength: 8 }])
  assert.deepEqual(description.sections.map(({ name }) => name), ['metadata', 'graph', 'chunks', 'weights'])
})

/** The sections of a file as `layOut` takes them. */
async function sectionsOf(bytes: Uint8Array): Promise<{ kind: number; bytes: Uint8Array }[]> {
  return (await open(bytes)).sections.map(({ kind, offset, byteLength }) => ({ kind, bytes: bytes.subarray(offset, offset + byteLength) }))
}

test('unknown optional sections are skipped, wherever they stand', async () => {
  const known = await sectionsOf(wellFormedFile())
  const note = new TextEncoder().encode('a note')
  for (let at = 0; at <= known.length; at++) {
    const kind = 0x80000000 + (at === 0 ? 1 : known[at - 1].kind + 1)
    const bytes = layOut([...known.slice(0, at), { kind, bytes: note }, ...known.slice(at)])
    assert.deepEqual(readBytes(bytes), tinyGraph)
    assert.deepEqual(readBytes(bytes, { integrity: 'sha256' }), tinyGraph)
    assert.deepEqual(await read(new Blob([new Uint8Array(bytes)]), { integrity: 'sha256' }), tinyGraph)
    const { sections } = await open(bytes)
    assert.equal(sections[at].name, 'unknown')
    bytes[sections[at].offset] ^= 1
    assert.deepEqual(readBytes(bytes), tinyGraph)
    assert.throws(() => readBytes(bytes, { integrity: 'sha256' }), failsWith('FORMAT_CRC32'))
  }
})

test('a long unknown section is not read', async () => {
  const known = await sectionsOf(wellFormedFile())
  const bytes = layOut([...known, { kind: 0x80000060, bytes: new Uint8Array(1_000_001).fill(1) }])
  const source = await openSource(new Blob([new Uint8Array(bytes)]))
  assert.equal((await open(source)).sections.length, 5)
  assert.deepEqual(await read(new Blob([new Uint8Array(bytes)])), tinyGraph)
})

test('a signature block changes neither the root nor the graph', async () => {
  const block = new Uint8Array(192).fill(9)
  new DataView(block.buffer).setUint32(0, crc32(block.subarray(4)), true)
  const unsigned = wellFormedFile()
  const signed = layOut(await sectionsOf(unsigned), 0, block)
  assert.deepEqual(readBytes(signed, { integrity: 'sha256' }), tinyGraph)
  assert.deepEqual(await read(new Blob([new Uint8Array(signed)])), tinyGraph)
  assert.equal(hex(rootOf(await open(signed))), hex(rootOf(await open(unsigned))))
  assert.equal((await inspect(signed)).signed, true)
})

test('the root is what docs/format.md says', async () => {
  const bytes = wellFormedFile()
  const prefix = bytes.slice(0, 64 + 4 * 48)
  prefix.fill(0, 20, 28)
  assert.equal(hex(rootOf(await open(bytes))), hex(sha256(new TextEncoder().encode('mle3-root\0'), prefix)))
})

test('the root depends on every byte of every section', async () => {
  const roots = new Set<string>()
  const known = await sectionsOf(wellFormedFile())
  roots.add(hex(rootOf(await open(layOut(known)))))
  known.forEach(({ bytes }, i) => {
    const other = bytes.slice()
    other[0] ^= 1
    known[i] = { kind: known[i].kind, bytes: other }
  })
  roots.add(hex(rootOf(await open(layOut(known)))))
  assert.equal(roots.size, 2)
})

test('isMle knows a file by its magic', () => {
  assert.equal(isMle(content), true)
  assert.equal(isMle(new Uint8Array(0)), false)
  assert.equal(isMle(Uint8Array.of(0x4d, 0x4c, 0x45, 1)), false)
})

test('each limit is enforced', async () => {
  const inner: Graph = { inputs: [], outputs: [], nodes: [], initializers: new Map(), metadata: {} }
  const graph: Graph = {
    ...tinyGraph,
    nodes: [...tinyGraph.nodes, { op: 'If', domain: 'ai.onnx', version: 1, inputs: [], outputs: [], attributes: new Map([['body', { kind: 'graph', value: inner }]]) }],
  }
  const bytes = await write(graph)
  const within: Partial<Limits> = { maxBytes: bytes.length, maxJsonBytes: 1000, maxJsonValues: 200, maxDepth: 7, maxSubgraphDepth: 1, maxSections: 4, maxSignatureBytes: 0, maxTensors: 1, maxNodes: 2, maxRank: 1 }
  assert.deepEqual(readBytes(bytes, { limits: within }), graph)
  const below: Partial<Limits>[] = [
    { maxBytes: bytes.length - 1 }, { maxJsonBytes: 100 }, { maxJsonValues: 10 }, { maxDepth: 4 }, { maxSubgraphDepth: 0 }, { maxSections: 3 }, { maxTensors: 0 }, { maxNodes: 1 }, { maxRank: 0 },
  ]
  for (const limits of below) {
    assert.throws(() => readBytes(bytes, { limits }), failsWith('FORMAT_LIMIT'), JSON.stringify(limits))
    await assert.rejects(read(new Blob([bytes]), { limits }), (error) => failsWith('FORMAT_LIMIT')(error) || failsWith('SOURCE_LIMIT')(error), JSON.stringify(limits))
  }
  const signed = layOut(await sectionsOf(bytes), 0, new Uint8Array(128))
  assert.throws(() => readBytes(signed, { limits: { maxSignatureBytes: 64 } }), failsWith('FORMAT_LIMIT'))
})
