// Compressed files: every codec by the host or by our own decoders, and the command-line tools over the stored chunks.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { brotliDecompressSync, zstdCompressSync } from '../../support/zlib.ts'
import { inspect, read, readBytes, write } from '../../../src/format/index.ts'
import { encodeLz4Block } from '../../../src/format/codec/lz4-encode.ts'
import type { Graph } from '../../../src/graph/graph.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { rejectsCode, throwsCode } from '../../support/errors.ts'

function graphOf(tensors: Readonly<Record<string, Tensor>>): Graph {
  return {
    inputs: [{ name: 'x', type: { dtype: 'float32', shape: ['batch', 2] } }],
    outputs: [{ name: 'y', type: { dtype: 'float32', shape: ['batch', 2] } }],
    nodes: [{ op: 'Identity', domain: 'ai.onnx', version: 16, inputs: ['x'], outputs: ['y'], attributes: new Map() }],
    initializers: new Map(Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1))),
    metadata: { name: 'codecs' },
  }
}

const graph = graphOf({
  curve: { dtype: 'float32', shape: [300, 1024], data: Float32Array.from({ length: 307200 }, (_, i) => Math.fround((i % 4096) / 512 - 4)) },
  doubles: { dtype: 'float64', shape: [1000], data: Float64Array.from({ length: 1000 }, (_, i) => i / 8) },
  ids: { dtype: 'int64', shape: [500], data: BigInt64Array.from({ length: 500 }, (_, i) => BigInt(i)) },
  names: { dtype: 'string', shape: [200], data: Array.from({ length: 200 }, (_, i) => `name ${i % 10}`) },
  noise: { dtype: 'uint8', shape: [64], data: Uint8Array.from({ length: 64 }, (_, i) => (i * 97 + (i * i * 31)) & 255) },
})

const plain = await write(graph)

for (const codec of ['lz4', 'brotli'] as const) {
  test(`${codec}: the same graph from memory, a blob and with all hashes, in fewer bytes`, async () => {
    const bytes = await write(graph, { codec })
    assert.ok(bytes.length < plain.length / 4, `${bytes.length} of ${plain.length}`)
    for (const source of [bytes, new Blob([bytes])]) {
      for (const integrity of ['crc32', 'sha256'] as const) assert.deepEqual(await read(source, { integrity }), graph)
    }
    const { compressed, chunks } = await inspect(bytes)
    assert.ok(compressed)
    // What does not compress is stored as it is.
    assert.deepEqual(new Set(chunks.map((chunk) => chunk.codec)), new Set([codec, 'none']))
    assert.deepEqual(bytes, await write(graph, { codec }))
  })
}

test('weights land in memory that the caller gives', async () => {
  const bytes = await write(graph, { codec: 'lz4' })
  let memory = new Uint8Array(0)
  await read(bytes, { allocate: (length) => (memory = new Uint8Array(length + 64).subarray(64)) })
  assert.ok(memory.some((byte) => byte !== 0))
})

test('readBytes takes no compressed file', async () => {
  const bytes = await write(graph, { codec: 'lz4' })
  throwsCode('FORMAT_CODEC', () => readBytes(bytes), /read\(\)/)
})

test('a model that does not compress is written plain', async () => {
  const small = graphOf({ noise: graph.initializers.get('noise') as Tensor })
  assert.deepEqual(await write(small, { codec: 'lz4' }), await write(small))
})

test('zstd is written where the host can, else refused by code', async () => {
  if (zstdCompressSync === undefined) await rejectsCode('FORMAT_CODEC_WRITE', () => write(graph, { codec: 'zstd' }), /lz4/)
  else assert.deepEqual(await read(await write(graph, { codec: 'zstd' })), graph)
})

/** Stored bytes of the chunks with the codec, as a user would cut them from the file. */
async function storedChunks(bytes: Uint8Array, codec: string): Promise<{ stored: Uint8Array; rawBytes: number }[]> {
  const { sections, chunks } = await inspect(bytes)
  let at = sections.find(({ name }) => name === 'weights')?.offset ?? NaN
  const out: { stored: Uint8Array; rawBytes: number }[] = []
  for (const chunk of chunks) {
    if (chunk.codec === codec) out.push({ stored: bytes.subarray(at, at + chunk.storedBytes), rawBytes: chunk.rawBytes })
    at += chunk.storedBytes
  }
  return out
}

test('node:zlib reads the stored bytes of brotli chunks', async () => {
  for (const { stored, rawBytes } of await storedChunks(await write(graph, { codec: 'brotli' }), 'brotli')) assert.equal(brotliDecompressSync(stored).length, rawBytes)
})

function tool(command: string, args: readonly string[], input: Uint8Array): Uint8Array | undefined {
  try {
    return new Uint8Array(execFileSync(command, [...args], { input, maxBuffer: 1 << 26, stdio: ['pipe', 'pipe', 'ignore'] }))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

test('the command brotli reads our chunks', async (t) => {
  for (const { stored, rawBytes } of await storedChunks(await write(graph, { codec: 'brotli' }), 'brotli')) {
    const raw = tool('brotli', ['-d', '-c'], stored)
    if (raw === undefined) return t.skip('needs the command brotli')
    assert.equal(raw.length, rawBytes)
  }
})

test('the command lz4 reads our blocks, wrapped in its legacy frame', (t) => {
  const raw = new TextEncoder().encode('the same words again and again, '.repeat(500))
  const block = encodeLz4Block(raw) ?? new Uint8Array(0)
  const frame = new Uint8Array(8 + block.length)
  new DataView(frame.buffer).setUint32(0, 0x184c2102, true)
  new DataView(frame.buffer).setUint32(4, block.length, true)
  frame.set(block, 8)
  const back = tool('lz4', ['-d', '-c'], frame)
  if (back === undefined) return t.skip('needs the command lz4')
  assert.deepEqual(back, raw)
})
