import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createPublicKey, verify as verifyByNode } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { tinyGraph, wellFormedFile } from '../../conformance/malformed-files.ts'
import { MleError } from '../../src/error.ts'
import { open, rootOf, write } from '../../src/format/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load } from '../../src/index.ts'
import { attachSignature, generateKeys, keyIdOf, publicKeyBytes, sign, signingMessage, verifyFile, withoutSignatures, type TrustPolicy } from '../../src/security/index.ts'
import { decodeSignatures } from '../../src/security/signature-block.ts'
import { rejectsCode } from '../support/errors.ts'
import { resealed } from '../support/reseal.ts'

const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../fixtures/trust/${name}`, import.meta.url)))
const opensslPublic = new TextDecoder().decode(fixture('openssl.pub.pem'))
const opensslPrivate = new TextDecoder().decode(fixture('openssl.pem'))

const model: Graph = { ...tinyGraph, metadata: { name: 'tiny', modelId: 'fraud', modelVersion: 7 } }
const plain = await write(model)
const alice = await generateKeys()
const bob = await generateKeys()
const carol = await generateKeys()
const signed = await sign(plain, alice.privateKey)
const trustAlice: TrustPolicy = { signers: alice.publicKey }

test('a signed file verifies, loads and runs', async () => {
  const { signatures, metadata, root } = await verifyFile(signed, trustAlice)
  assert.deepEqual(signatures, [{ keyId: alice.keyId, notBefore: undefined, notAfter: undefined }])
  assert.equal(metadata?.modelId, 'fraud')
  assert.equal(root, Buffer.from(rootOf(await open(plain))).toString('hex'))
  const loaded = await load(signed, { verify: trustAlice })
  assert.deepEqual((await loaded.run({ x: [[1, 1]] })).y.data, Float32Array.of(2, 3))
})

test('flipping any single byte of a signed file makes verification fail', async () => {
  const twice = await sign(signed, bob.privateKey)
  const policy: TrustPolicy = { signers: [alice.publicKey, bob.publicKey], require: 'any' }
  await verifyFile(twice, policy)
  for (let at = 0; at < twice.length; at++) {
    for (const flip of [0xff, 1 << at % 8]) {
      const changed = twice.slice()
      changed[at] ^= flip
      await assert.rejects(verifyFile(changed, policy), (error) => error instanceof MleError, `byte ${at}`)
      if (at % 16 === 0) await assert.rejects(load(changed, { verify: policy }), (error) => error instanceof MleError, `byte ${at}`)
    }
  }
})

test('a change whose sums and hashes were made right again is refused too', async () => {
  for (const at of [signed.length - 61, signed.length - 1]) {
    const changed = signed.slice()
    changed[at] ^= 1
    await rejectsCode('TRUST_SIGNATURE', () => verifyFile(resealed(changed), trustAlice))
    await rejectsCode('TRUST_SIGNATURE', () => load(resealed(changed), { verify: trustAlice }))
  }
})

test('our signature is that of openssl, byte for byte, and fits its key', async () => {
  const file = wellFormedFile()
  const ours = await sign(file, opensslPrivate)
  const block = ours.subarray((await open(ours)).signature.offset, (await open(ours)).signature.offset + (await open(ours)).signature.byteLength)
  assert.deepEqual(decodeSignatures(block)[0].signature, fixture('openssl.sig'))
  assert.ok(verifyByNode(null, signingMessage(file, opensslPublic), createPublicKey(opensslPublic), fixture('openssl.sig')))
  assert.deepEqual(await attachSignature(file, opensslPublic, fixture('openssl.sig')), ours)
  await verifyFile(ours, { signers: opensslPublic })
  await rejectsCode('TRUST_SIGNATURE', () => attachSignature(plain, opensslPublic, fixture('openssl.sig')))
})

test('the command openssl verifies our signature', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mle-openssl-'))
  try {
    const message = signingMessage(plain, alice.publicKey)
    const { offset, byteLength } = (await open(signed)).signature
    writeFileSync(join(folder, 'message.bin'), message)
    writeFileSync(join(folder, 'signature.bin'), decodeSignatures(signed.subarray(offset, offset + byteLength))[0].signature)
    writeFileSync(join(folder, 'alice.pub.pem'), alice.publicKey)
    const out = execFileSync('openssl', ['pkeyutl', '-verify', '-pubin', '-inkey', 'alice.pub.pem', '-rawin', '-in', 'message.bin', '-sigfile', 'signature.bin'], { cwd: folder, encoding: 'utf8' })
    assert.match(out, /Verified Successfully/)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return t.skip('needs the command openssl')
    throw error
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('raw keys are those of PEM', async () => {
  const raw = publicKeyBytes(alice.publicKey)
  await verifyFile(signed, { signers: raw })
  assert.equal(keyIdOf(raw), alice.keyId)
  const seed = new Uint8Array(Buffer.from(alice.privateKey.split('\n')[1], 'base64').subarray(16))
  assert.deepEqual(await sign(plain, seed), signed)
})

test('unsigned, stripped and wrongly signed files', async () => {
  await rejectsCode('TRUST_UNSIGNED', () => verifyFile(plain, trustAlice))
  await rejectsCode('TRUST_UNSIGNED', () => load(withoutSignatures(signed), { verify: trustAlice }))
  assert.deepEqual(withoutSignatures(signed), plain)
  await rejectsCode('TRUST_SIGNER', () => verifyFile(signed, { signers: bob.publicKey }))
  // Alice's signature over another file.
  const other = await write({ ...model, metadata: { ...model.metadata, name: 'other' } })
  await rejectsCode('TRUST_SIGNATURE', () => verifyFile(grafted(other, signed), trustAlice))
})

/** The sections of one file under the signature block of another. */
function grafted(file: Uint8Array, from: Uint8Array): Uint8Array {
  const start = Math.ceil((64 + 48 * 4) / 64) * 64
  const size = new DataView(from.buffer, from.byteOffset).getUint32(20, true)
  const out = Uint8Array.of(...file.subarray(0, start), ...from.subarray(start, start + size), ...file.subarray(start))
  new DataView(out.buffer).setUint32(20, size, true)
  return resealed(out)
}

test('any and all of several signers', async () => {
  const twice = await sign(signed, bob.privateKey)
  const signers = [alice.publicKey, bob.publicKey]
  assert.equal((await verifyFile(twice, { signers, require: 'all' })).signatures.length, 2)
  assert.equal((await verifyFile(signed, { signers, require: 'any' })).signatures.length, 1)
  await rejectsCode('TRUST_SIGNER', () => verifyFile(signed, { signers, require: 'all' }))
  await rejectsCode('TRUST_SIGNER', () => verifyFile(twice, { signers: [...signers, carol.publicKey], require: 'all' }))
  await assert.rejects(verifyFile(twice, { signers }), TypeError)
  await assert.rejects(verifyFile(twice, { signers: [] }), TypeError)
  // Signing again with a key replaces its signature; the order of signing does not matter to others.
  assert.deepEqual(await sign(twice, bob.privateKey), twice)
})

test('signatures count within their time', async () => {
  const bounded = await sign(plain, alice.privateKey, { notBefore: new Date('2026-01-01'), notAfter: new Date('2027-01-01') })
  await verifyFile(bounded, { ...trustAlice, now: new Date('2026-06-01') })
  await rejectsCode('TRUST_EXPIRED', () => verifyFile(bounded, { ...trustAlice, now: new Date('2027-01-02') }))
  await rejectsCode('TRUST_EARLY', () => load(bounded, { verify: { ...trustAlice, now: Date.UTC(2025, 11, 31) } }))
  await assert.rejects(sign(plain, alice.privateKey, { notBefore: new Date(2000), notAfter: new Date(1000) }), RangeError)
})

test('rollback: another model and an older version are refused', async () => {
  await verifyFile(signed, { ...trustAlice, modelId: 'fraud', minVersion: 7 })
  await rejectsCode('TRUST_VERSION', () => verifyFile(signed, { ...trustAlice, modelId: 'fraud', minVersion: 8 }))
  await rejectsCode('TRUST_MODEL', () => load(signed, { verify: { ...trustAlice, modelId: 'churn' } }))
  await assert.rejects(verifyFile(signed, { ...trustAlice, minVersion: 7 }), TypeError)
  const unnamed = await sign(wellFormedFile(), alice.privateKey)
  await rejectsCode('TRUST_MODEL', () => verifyFile(unnamed, { ...trustAlice, modelId: 'fraud' }))
})

test('codecs, operators and size of a policy', async () => {
  const allowed: TrustPolicy = { ...trustAlice, codecs: ['none'], operators: ['ai.onnx.Add'], maxBytes: 4096 }
  await verifyFile(signed, allowed)
  await load(signed, { verify: { ...allowed, operators: ['Add', 'Gemm'] } })
  await rejectsCode('TRUST_OPERATOR', () => load(signed, { verify: { ...allowed, operators: ['Gemm'] } }))
  await rejectsCode('TRUST_CODEC', () => verifyFile(signed, { ...allowed, codecs: ['lz4'] }))
  await rejectsCode('TRUST_SIZE', () => load(signed, { verify: { ...allowed, maxBytes: 512 } }))
})

test('no way around: graphs in memory, foreign files and old versions', async () => {
  await rejectsCode('TRUST_SOURCE', () => load(model, { verify: trustAlice }))
  await rejectsCode('FORMAT_MAGIC', () => load(new TextEncoder().encode('{"learner": {}}'), { verify: trustAlice }))
  const old = signed.slice()
  new DataView(old.buffer).setUint32(4, 2, true)
  await rejectsCode('FORMAT_VERSION', () => load(old, { verify: trustAlice }))
})

test('bytes that change while they are loaded never pass for what was signed', async () => {
  const evil = await write({ ...model, initializers: new Map([['w', { dtype: 'float32', shape: [2], data: Float32Array.of(66, 66) }]]) })
  const start = signed.length - plain.length
  // The other file under the same signature, consistent in itself.
  const swapped = signed.slice()
  swapped.set(evil.subarray(256), 256 + start)
  swapped.set(evil.subarray(0, 256))
  new DataView(swapped.buffer).setUint32(20, start, true)
  const consistent = resealed(swapped)
  const { verify } = crypto.subtle
  for (const shared of [false, true]) {
    const bytes = shared ? new Uint8Array(new SharedArrayBuffer(signed.length)) : new Uint8Array(signed.length)
    bytes.set(signed)
    // The worst moment: right after the signature was found right.
    const changing = async (...given: Parameters<typeof verify>): Promise<boolean> => {
      const fits = await verify.apply(crypto.subtle, given)
      bytes.set(consistent)
      return fits
    }
    Object.defineProperty(crypto.subtle, 'verify', { configurable: true, value: changing })
    try {
      const result = await load(bytes, { verify: trustAlice }).then(async (loaded) => (await loaded.run({ x: [[0, 0]] })).y.data, (error: unknown) => error)
      assert.deepEqual(bytes, shared ? bytes : consistent)
      if (!(result instanceof MleError)) assert.deepEqual(result, Float32Array.of(1, 2))
    } finally {
      Object.defineProperty(crypto.subtle, 'verify', { configurable: true, value: verify })
    }
  }
})

test('no JSON is parsed before the signature was found right', async () => {
  const broken = await sign(plain, bob.privateKey)
  const parse = JSON.parse
  const seen: string[] = []
  JSON.parse = (text: string, ...rest: []): unknown => {
    seen.push(text)
    return parse(text, ...rest)
  }
  try {
    await rejectsCode('TRUST_SIGNER', () => load(broken, { verify: trustAlice }))
  } finally {
    JSON.parse = parse
  }
  // The statement of the signature itself.
  assert.deepEqual(seen, [JSON.stringify({ keyId: bob.keyId })])
})

test('a malformed signature of an unknown signer is an error', async () => {
  const twice = await sign(signed, bob.privateKey)
  const { offset } = await open(twice)
    .then(({ signature }) => signature)
  const { crc32 } = await import('../../src/platform/crc32.ts')
  const entry = Math.ceil((72 + JSON.stringify({ keyId: alice.keyId }).length) / 8) * 8
  for (const [at, value] of [[8 + entry, 2], [8 + entry + 5, 9], [8 + entry + 72, 0x20], [12, 1]]) {
    const changed = twice.slice()
    changed[offset + at] = value
    const block = changed.subarray(offset, offset + new DataView(changed.buffer).getUint32(20, true))
    new DataView(block.buffer, block.byteOffset).setUint32(0, crc32(block.subarray(4)), true)
    await rejectsCode('TRUST_BLOCK', () => verifyFile(changed, trustAlice))
  }
})

test('keys that prove nothing are refused before the engine sees them', async () => {
  const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
  const weak = [
    '01' + '00'.repeat(31), '01' + '00'.repeat(30) + '80', 'ec' + 'ff'.repeat(30) + '7f', 'ec' + 'ff'.repeat(31), '00'.repeat(32), '00'.repeat(31) + '80',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    // Not canonical: y is at least the size of the field.
    'ed' + 'ff'.repeat(30) + '7f', 'ee' + 'ff'.repeat(30) + '7f', 'ff'.repeat(32),
  ]
  for (const key of weak) await rejectsCode('TRUST_KEY', () => verifyFile(signed, { signers: hex(key) }), /small order|canonical/)
  await rejectsCode('TRUST_KEY', () => verifyFile(signed, { signers: new Uint8Array(31) }))
  await rejectsCode('TRUST_KEY', () => verifyFile(signed, { signers: alice.privateKey }), /PRIVATE KEY/)
  await rejectsCode('TRUST_KEY', () => sign(plain, alice.publicKey))
  await rejectsCode('TRUST_KEY', () => verifyFile(signed, { signers: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n' }))
  await rejectsCode('TRUST_KEY', () => verifyFile(signed, { signers: 'no key' }))
})

test('a signature with S beyond the order of the group is refused, though it would satisfy the equation', async () => {
  const { offset } = (await open(signed)).signature
  const order = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn
  const changed = signed.slice()
  const s = changed.subarray(offset + 16 + 32, offset + 16 + 64)
  let value = s.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + order
  for (let i = 0; i < 32; i++, value >>= 8n) s[i] = Number(value & 255n)
  const { crc32 } = await import('../../src/platform/crc32.ts')
  const block = changed.subarray(offset, offset + new DataView(changed.buffer).getUint32(20, true))
  new DataView(block.buffer, block.byteOffset).setUint32(0, crc32(block.subarray(4)), true)
  await rejectsCode('TRUST_SIGNATURE', () => verifyFile(changed, trustAlice))
})

test('where Ed25519 is missing the error says so', async () => {
  const importKey = crypto.subtle.importKey
  Object.defineProperty(crypto.subtle, 'importKey', { configurable: true, value: () => Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError')) })
  try {
    await rejectsCode('TRUST_UNSUPPORTED', () => verifyFile(signed, trustAlice), /Ed25519/)
  } finally {
    Object.defineProperty(crypto.subtle, 'importKey', { configurable: true, value: importKey })
  }
})

test('keys are in no message', async () => {
  const secret = alice.privateKey.split('\n')[1]
  for (const wrong of [alice.privateKey.replace('PRIVATE', 'SECRET'), alice.privateKey.replace(secret, `${secret}AAAA`)]) {
    await assert.rejects(sign(plain, wrong), (error) => error instanceof MleError && error.code === 'TRUST_KEY' && !error.message.includes(secret.slice(0, 20)))
  }
})
