import assert from 'node:assert/strict'
import { createDecipheriv, createHmac, hkdfSync, pbkdf2Sync } from 'node:crypto'
import { test } from 'node:test'
import { tinyGraph } from '../../conformance/malformed-files.ts'
import { MleError } from '../../src/error.ts'
import { inspect, open, read, write } from '../../src/format/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load } from '../../src/index.ts'
import { decrypt, encrypt, generateKeys, guardOf, sign, verifyFile, type Unlocking } from '../../src/security/index.ts'
import { rejectsCode } from '../support/errors.ts'
import { resealed } from '../support/reseal.ts'

const large = Float32Array.from({ length: 600_000 }, (_, i) => (i % 1000) / 8)
/** y = x + w, and a tensor of three chunks, so that there are pieces to move. */
const model: Graph = {
  ...tinyGraph,
  nodes: [...tinyGraph.nodes, { op: 'Identity', domain: 'ai.onnx', version: 16, inputs: ['big'], outputs: ['z'], attributes: new Map() }],
  outputs: [...tinyGraph.outputs, { name: 'z', type: { dtype: 'float32', shape: [600_000] } }],
  initializers: new Map([['big', { dtype: 'float32', shape: [600_000], data: large }], ...tinyGraph.initializers]),
  metadata: { name: 'tiny', modelId: 'secret', modelVersion: 2 },
}
const key = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
const otherKey = new Uint8Array(32).fill(9)
const iterations = 100_000
const plain = await write(model)
const { file: sealed } = await encrypt(plain, { keys: [key] })
const guarded = (unlocking: Unlocking): { guard: ReturnType<typeof guardOf> } => ({ guard: guardOf(unlocking) })

test('an encrypted file reads with its key, runs, and decrypts to the same bytes', async () => {
  assert.deepEqual(await read(sealed, guarded({ key })), model)
  assert.deepEqual(await read(new Blob([sealed]), { ...guarded({ key }), integrity: 'sha256' }), model)
  const loaded = await load(sealed, { key })
  assert.deepEqual((await loaded.run({ x: [[1, 1]] }, ['y'])).y.data, Float32Array.of(2, 3))
  assert.deepEqual(await decrypt(sealed, { key }), plain)
  assert.equal((await inspect(sealed, guarded({ key }))).metadata.modelId, 'secret')
})

test('nothing of the content is left readable', async () => {
  const text = Buffer.from(sealed).toString('latin1')
  assert.ok(!text.includes('secret') && !text.includes('ai.onnx') && !text.includes('float32'))
  const { file: again } = await encrypt(plain, { keys: [key] })
  const weights = (bytes: Uint8Array): Uint8Array => bytes.subarray(bytes.length - 1000)
  assert.notDeepEqual(weights(again), weights(sealed))
})

test('compressed weights are compressed, then sealed', async () => {
  for (const codec of ['lz4', 'brotli'] as const) {
    const packed = await write(model, { codec })
    const { file } = await encrypt(packed, { keys: [key] })
    assert.ok(file.length < plain.length / 4)
    assert.deepEqual(await read(file, guarded({ key })), model)
    assert.deepEqual(await decrypt(file, { key }), packed)
  }
})

test('parts: what is not sealed stays readable', async () => {
  const { file } = await encrypt(plain, { keys: [key], parts: ['weights'] })
  assert.ok(Buffer.from(file).toString('latin1').includes('"modelId":"secret"'))
  assert.deepEqual(await read(file, guarded({ key })), model)
  assert.deepEqual(await decrypt(file, { key }), plain)
  await rejectsCode('FORMAT_ENCRYPTED', () => load(file))
  await assert.rejects(encrypt(plain, { keys: [key], parts: [] }), TypeError)
})

test('several recipients: keys and passphrases', async () => {
  const { file } = await encrypt(plain, { keys: [otherKey, key], passphrases: ['für alle'], iterations })
  for (const unlocking of [{ key }, { key: otherKey }, { passphrase: 'für alle' }, { passphrase: 'für alle'.normalize('NFD') }]) {
    assert.deepEqual(await read(file, guarded(unlocking)), model)
  }
  await rejectsCode('ENCRYPTION_KEY', () => read(file, guarded({ passphrase: 'fur alle' })))
  assert.equal((await load(file, { passphrase: 'für alle' })).metadata.name, 'tiny')
})

test('wrong and missing keys; no key is in any message', async () => {
  await rejectsCode('FORMAT_ENCRYPTED', () => load(sealed))
  await assert.rejects(load(sealed, { key: otherKey }), (error) => error instanceof MleError && error.code === 'ENCRYPTION_KEY' && !/0909|9,9/.test(error.message))
  await rejectsCode('ENCRYPTION_KEY', () => load(sealed, { passphrase: 'guess' }))
  await assert.rejects(load(sealed, { key: new Uint8Array(16) }), RangeError)
  await rejectsCode('ENCRYPTION_NONE', () => load(plain, { key }))
  await rejectsCode('ENCRYPTION_NONE', () => decrypt(plain, { key }))
  await rejectsCode('ENCRYPTION_TWICE', () => encrypt(sealed, { keys: [key] }))
})

test('iterations are bounded both ways, by the writer and the reader', async () => {
  await assert.rejects(encrypt(plain, { passphrases: ['a'], iterations: 99_999 }), RangeError)
  await assert.rejects(encrypt(plain, { passphrases: ['a', 'b'], iterations: 5_000_001 }), RangeError)
  await assert.rejects(encrypt(plain, {}), RangeError)
  await assert.rejects(encrypt(plain, { passphrases: [''] }), RangeError)
  const { file } = await encrypt(plain, { passphrases: ['a'], iterations })
  const { offset } = await section(file, 'encryption')
  for (const wrong of [99_999, 10_000_001, 0, 0xffffffff]) {
    const started = performance.now()
    await rejectsCode('ENCRYPTION_HEADER', () => load(edited(file, (view) => view.setUint32(offset + 80 + 4, wrong, true)), { passphrase: 'a' }), /iterations/)
    assert.ok(performance.now() - started < 5000)
  }
})

async function section(bytes: Uint8Array, name: string): Promise<{ offset: number; byteLength: number }> {
  const found = (await open(bytes)).sections.find((one) => one.name === name)
  assert.ok(found)
  return found
}

/** A changed copy whose sums and hashes are right again. */
function edited(bytes: Uint8Array, change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice()
  change(new DataView(copy.buffer), copy)
  return resealed(copy)
}

function offsetOf(view: DataView, kind: number): { offset: number; length: number } {
  const count = view.getUint32(16, true)
  let offset = Math.ceil((64 + 48 * count) / 64) * 64 + view.getUint32(20, true)
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(64 + 48 * i + 8, true)
    if (view.getUint32(64 + 48 * i, true) === kind) return { offset, length }
    offset += Math.ceil(length / 64) * 64
  }
  throw new Error(`no section ${kind}`)
}

test('a header of other recipients, parts, salt or version', async () => {
  const { offset } = await section(sealed, 'encryption')
  for (const [at, value] of [[0, 2], [4, 2], [4, 0], [8, 0], [8, 8], [12, 1], [80, 3], [84, 1], [88, 1]]) {
    await rejectsCode('ENCRYPTION_HEADER', () => load(edited(sealed, (view) => view.setUint32(offset + at, value, true)), { key }))
  }
  // The sealed parts, the salt and the commitment itself are committed to; a recipient's salt and wrapped key open nothing when changed.
  for (const at of [16, 47, 48, 79]) await rejectsCode('ENCRYPTION_COMMITMENT', () => load(edited(sealed, (_, bytes) => void (bytes[offset + at] ^= 1)), { key }))
  for (const at of [96, 128, 175]) await rejectsCode('ENCRYPTION_KEY', () => load(edited(sealed, (_, bytes) => void (bytes[offset + at] ^= 1)), { key }))
  const { file } = await encrypt(plain, { keys: [key], parts: ['graph', 'weights'] })
  await rejectsCode('ENCRYPTION_COMMITMENT', () => load(edited(file, (view) => view.setUint32(offset + 8, 4, true)), { key }))
})

test('key commitment: two recipients cannot be given different file keys', async () => {
  const { file: one } = await encrypt(plain, { keys: [key, otherKey] })
  const { file: two } = await encrypt(plain, { keys: [key, otherKey] })
  const { offset } = await section(one, 'encryption')
  // The second recipient of `one` becomes that of `two`, whose wrapped key is right for it: another file key.
  const mixed = edited(one, (_, bytes) => bytes.set(two.subarray(offset + 176, offset + 272), offset + 176))
  await rejectsCode('ENCRYPTION_COMMITMENT', () => load(mixed, { key: otherKey }))
  await rejectsCode('ENCRYPTION_COMMITMENT', () => load(mixed, { key }))
})

interface Move {
  readonly name: string
  readonly change: (bytes: Uint8Array, weights: { offset: number; length: number }, table: { offset: number; length: number }) => void
}

/** Chunks 1 and 2 are stored in as many bytes: full pieces of the large tensor. */
const PIECE = 1048576 + 16
const FIRST = 64 + 16
const MOVES: readonly Move[] = [
  {
    name: 'reordered: two pieces change places',
    change: (bytes, { offset }) => {
      const one = bytes.slice(offset + FIRST, offset + FIRST + PIECE)
      bytes.copyWithin(offset + FIRST, offset + FIRST + PIECE, offset + FIRST + 2 * PIECE)
      bytes.set(one, offset + FIRST + PIECE)
    },
  },
  { name: 'duplicated: one piece stands in the place of another', change: (bytes, { offset }) => void bytes.copyWithin(offset + FIRST + PIECE, offset + FIRST, offset + FIRST + PIECE) },
  { name: 'changed: one bit of a ciphertext', change: (bytes, { offset }) => void (bytes[offset + FIRST + 5] ^= 4) },
  { name: 'changed: one bit of a tag', change: (bytes, { offset }) => void (bytes[offset + FIRST - 1] ^= 4) },
  { name: 'changed codec of a chunk', change: (bytes, _, { offset }) => {
    bytes[offset] = 1
    bytes[8] |= 2
    new DataView(bytes.buffer).setUint32(offset + 8, 63 + 16, true)
  } },
]

for (const { name, change } of MOVES) {
  test(name, async () => {
    const moved = edited(sealed, (view, bytes) => change(bytes, offsetOf(view, 0x50), offsetOf(view, 0x40)))
    await assert.rejects(load(moved, { key }), (error) => error instanceof MleError && ['ENCRYPTION_DATA', 'FORMAT_CHUNK'].includes(error.code))
  })
}

test('spliced: pieces of another file with the same key', async () => {
  const { file: other } = await encrypt(plain, { keys: [key] })
  const spliced = edited(sealed, (view, bytes) => {
    const { offset, length } = offsetOf(view, 0x50)
    bytes.set(other.subarray(offset, offset + length), offset)
  })
  await rejectsCode('ENCRYPTION_DATA', () => load(spliced, { key }))
})

test('moved across sections: a sealed graph of the same length does not pass for the metadata', async () => {
  // Metadata and graph of one length need not exist: a piece that is moved with its length fails by its key and its additional data.
  const header = await section(sealed, 'encryption')
  const graph = await section(sealed, 'graph')
  const opener = await guardOf({ key }).unlock?.(sealed.slice(header.offset, header.offset + header.byteLength))
  assert.ok(opener)
  const stored = sealed.slice(graph.offset, graph.offset + graph.byteLength)
  const piece = { kind: 0x30, index: 0, count: 1, codec: 0, filter: 0, rawBytes: stored.length - 16 }
  assert.match(new TextDecoder().decode(await opener.open(piece, stored)), /^\{"inputs"/)
  for (const wrong of [{ kind: 0x20 }, { kind: 0x50 }, { index: 1, count: 2 }, { count: 2 }, { codec: 1 }, { filter: 1 }, { rawBytes: stored.length }]) {
    await rejectsCode('ENCRYPTION_DATA', () => opener.open({ ...piece, ...wrong }, stored))
  }
})

test('cut: a last piece that is left out', async () => {
  // The reader's own count of chunks follows from the graph, which is sealed; a shorter table does not fit it.
  const cut = resealed(withoutLastChunk(sealed))
  await assert.rejects(load(cut, { key }), (error) => error instanceof MleError && ['FORMAT_CHUNK', 'ENCRYPTION_DATA'].includes(error.code))
})

function withoutLastChunk(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.slice().buffer)
  const table = offsetOf(view, 0x40)
  const weights = offsetOf(view, 0x50)
  const last = view.getUint32(table.offset + table.length - 96 + 8, true)
  const count = view.getUint32(16, true)
  const edit = new Uint8Array(bytes)
  const out = new DataView(edit.buffer)
  out.setUint32(64 + 48 * (count - 2) + 8, table.length - 96, true)
  out.setUint32(64 + 48 * (count - 1) + 8, weights.length - last, true)
  const head = edit.subarray(0, table.offset)
  const pad = (part: Uint8Array): Uint8Array => {
    const padded = new Uint8Array(Math.ceil(part.length / 64) * 64)
    padded.set(part)
    return padded
  }
  return new Uint8Array(Buffer.concat([head, pad(edit.slice(table.offset, table.offset + table.length - 96)), pad(edit.slice(weights.offset, weights.offset + weights.length - last))]))
}

test('encrypting drops signatures and says so; the encrypted file is signed anew and verified without a key', async () => {
  const { privateKey, publicKey } = await generateKeys()
  const { file, droppedSignatures } = await encrypt(await sign(plain, privateKey), { keys: [key] })
  assert.equal(droppedSignatures, 1)
  await rejectsCode('TRUST_UNSIGNED', () => load(file, { key, verify: { signers: publicKey } }))
  const signed = await sign(file, privateKey)
  assert.equal((await verifyFile(signed, { signers: publicKey })).metadata, undefined)
  await rejectsCode('TRUST_SEALED', () => verifyFile(signed, { signers: publicKey, modelId: 'secret' }))
  assert.equal((await verifyFile(signed, { signers: publicKey, modelId: 'secret', minVersion: 2, operators: ['Add', 'Identity'] }, { key })).metadata?.name, 'tiny')
  await load(signed, { key, verify: { signers: publicKey, modelId: 'secret' } })
  await rejectsCode('TRUST_VERSION', () => load(signed, { key, verify: { signers: publicKey, modelId: 'secret', minVersion: 3 } }))
})

// Another implementation, from docs/format.md alone: node:crypto and no code of the project.
function openByHand(bytes: Uint8Array, secretOf: (kind: number, iterations: number, salt: Buffer) => Buffer | undefined): { metadata: string; weights: Buffer } {
  const file = Buffer.from(bytes)
  const count = file.readUInt32LE(16)
  const sections = new Map<number, Buffer>()
  let at = Math.ceil((64 + 48 * count) / 64) * 64 + file.readUInt32LE(20)
  for (let i = 0; i < count; i++) {
    const length = Number(file.readBigUInt64LE(64 + 48 * i + 8))
    sections.set(file.readUInt32LE(64 + 48 * i), file.subarray(at, at + length))
    at += Math.ceil(length / 64) * 64
  }
  const part = (kind: number): Buffer => sections.get(kind) ?? assert.fail(`section ${kind}`)
  const header = part(0x10)
  const salt = header.subarray(16, 48)
  const gcm = (gcmKey: Buffer, nonce: Buffer, additional: Buffer, stored: Buffer): Buffer => {
    const cipher = createDecipheriv('aes-256-gcm', gcmKey, nonce).setAAD(additional).setAuthTag(stored.subarray(stored.length - 16))
    return Buffer.concat([cipher.update(stored.subarray(0, -16)), cipher.final()])
  }
  const hkdf = (secret: Buffer, its: Buffer, info: Buffer): Buffer => Buffer.from(hkdfSync('sha256', secret, its, info, 32))
  let fileKey: Buffer = Buffer.alloc(0)
  for (let i = 0; i < header.readUInt32LE(4); i++) {
    const recipient = header.subarray(80 + 96 * i, 176 + 96 * i)
    const secret = secretOf(recipient.readUInt32LE(0), recipient.readUInt32LE(4), recipient.subarray(16, 48))
    if (secret !== undefined) fileKey = gcm(hkdf(secret, recipient.subarray(16, 48), Buffer.from('mle3-wrap')), Buffer.alloc(12), recipient.subarray(0, 48), recipient.subarray(48))
  }
  const u32 = (value: number): Buffer => {
    const out = Buffer.alloc(4)
    out.writeUInt32LE(value)
    return out
  }
  const sectionKey = (kind: number): Buffer => hkdf(fileKey, salt, Buffer.concat([Buffer.from('mle3'), u32(kind)]))
  const committed = Buffer.from(header)
  committed.fill(0, 48, 80)
  assert.deepEqual(createHmac('sha256', sectionKey(0x10)).update(committed).digest(), header.subarray(48, 80))
  const piece = (kind: number, index: number, of: number, codec: number, filter: number, rawBytes: number, stored: Buffer): Buffer => {
    const nonce = Buffer.alloc(12)
    nonce.writeUInt32LE(index)
    nonce[11] = index === of - 1 ? 1 : 0
    const additional = Buffer.alloc(30)
    additional.writeUInt32LE(kind, 0)
    additional.writeUInt32LE(index, 4)
    additional.writeUInt32LE(of, 12)
    additional[20] = codec
    additional[21] = filter
    additional.writeUInt32LE(rawBytes, 22)
    return gcm(sectionKey(kind), nonce, additional, stored)
  }
  const json = part(0x20)
  const table = part(0x40)
  const weights: Buffer[] = []
  for (let i = 0, from = 0; i < table.length / 96; i++) {
    const entry = table.subarray(96 * i, 96 * i + 96)
    const stored = entry.readUInt32LE(8)
    weights.push(piece(0x50, i, table.length / 96, entry[0], entry[1], entry.readUInt32LE(16), part(0x50).subarray(from, from + stored)))
    from += stored
  }
  return { metadata: piece(0x20, 0, 1, 0, 0, json.length - 16, json).toString('utf8'), weights: Buffer.concat(weights) }
}

test('node:crypto opens our files by the documented construction', async () => {
  const weights = (await open(plain)).sections.find(({ name }) => name === 'weights')
  assert.ok(weights)
  const expected = Buffer.from(plain.subarray(weights.offset, weights.offset + weights.byteLength))
  const byKey = openByHand(sealed, (kind) => (kind === 1 ? Buffer.from(key) : undefined))
  assert.equal(byKey.metadata, '{"name":"tiny","modelId":"secret","modelVersion":2}')
  assert.ok(byKey.weights.equals(expected))
  const { file } = await encrypt(plain, { passphrases: ['geheim'], iterations })
  const byPassphrase = openByHand(file, (kind, rounds, salt) => (kind === 2 ? pbkdf2Sync('geheim', salt, rounds, 32, 'sha256') : undefined))
  assert.ok(byPassphrase.weights.equals(expected))
})
