import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { decodeLz4Block } from '../../../src/format/codec/lz4-block.ts'
import { decodeBzip2 } from '../../../src/import/codec/bzip2.ts'
import { crc64 } from '../../../src/import/codec/crc64.ts'
import { decodeLz4Frames } from '../../../src/import/codec/lz4-frame.ts'
import { decodeLzmaFile } from '../../../src/import/codec/lzma.ts'
import { decodeXz } from '../../../src/import/codec/xz.ts'
import { xxh32 } from '../../../src/import/codec/xxh32.ts'
import { inflate, inflateStream, inflateSync } from '../../../src/platform/inflate.ts'

interface Fixtures {
  data: string
  mixed: string
  cases: Record<string, { bytes: string; expected: string }>
}

const fixtures: Fixtures = JSON.parse(readFileSync(new URL('../../fixtures/codec/codec.json', import.meta.url), 'utf8'))
const data = new Uint8Array(Buffer.from(fixtures.data, 'base64'))
const small = new Uint8Array(Buffer.from('mle'))
const PLAIN = new Map<string, Uint8Array>([
  ['data', data],
  ['data12', new Uint8Array(Buffer.concat(Array.from({ length: 12 }, () => data)))],
  ['data+small', new Uint8Array(Buffer.concat([data, small]))],
  ['mixed', new Uint8Array(Buffer.from(fixtures.mixed, 'base64'))],
  ['empty', new Uint8Array(0)],
])
const CASES = Object.entries(fixtures.cases).map(([name, one]) => ({ name, bytes: new Uint8Array(Buffer.from(one.bytes, 'base64')), expected: one.expected }))
const LIMIT = 1 << 24

function decode(name: string, bytes: Uint8Array, limit: number): Uint8Array | undefined {
  if (name === 'zlib' || name === 'gzip') return inflateSync(bytes, name, limit)
  if (name.startsWith('bzip2')) return decodeBzip2(bytes, limit)
  if (name.startsWith('lzma')) return decodeLzmaFile(bytes, limit)
  if (name.startsWith('xz')) return decodeXz(bytes, limit)
  return decodeLz4Frames(bytes, limit)
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof MleError, String(error))
    return error.code
  }
  return 'no error'
}

function caseOf(name: string): Uint8Array {
  const found = CASES.find((one) => one.name === name)
  assert.ok(found, name)
  return found.bytes
}

test('decodes what the libraries wrote', () => {
  for (const { name, bytes, expected } of CASES) {
    if (expected === 'refused') continue
    assert.deepEqual(Buffer.from(decode(name, bytes, LIMIT) ?? []).equals(PLAIN.get(expected) ?? new Uint8Array(1)), true, name)
  }
})

test('zlib and gzip decode through DecompressionStream too', async () => {
  for (const name of ['zlib', 'gzip'] as const) {
    assert.deepEqual(await inflateStream(caseOf(name), name, LIMIT), data)
    assert.deepEqual(new Uint8Array(await inflate(caseOf(name), name, LIMIT)), data)
    await assert.rejects(inflateStream(caseOf(name), name, data.length - 1), { code: 'CODEC_LIMIT' })
    await assert.rejects(inflateStream(caseOf(name).subarray(0, 100), name, LIMIT), { code: 'CODEC_DATA' })
  }
})

test('the limit is exact: the size passes, one byte less does not', () => {
  for (const { name, bytes, expected } of CASES) {
    const size = PLAIN.get(expected)?.length ?? 0
    if (expected === 'refused' || size === 0) continue
    assert.equal(decode(name, bytes, size)?.length, size, name)
    assert.equal(codeOf(() => decode(name, bytes, size - 1)), 'CODEC_LIMIT', name)
    assert.equal(codeOf(() => decode(name, bytes, 100)), 'CODEC_LIMIT', name)
  }
})

test('every truncation is an error', () => {
  for (const { name, bytes } of CASES) {
    if (name.includes('two_')) continue
    for (const cut of [1, 2, 5, 9, Math.floor(bytes.length / 2), bytes.length - 1]) {
      if (cut < bytes.length) assert.match(codeOf(() => decode(name, bytes.subarray(0, bytes.length - cut), LIMIT)), /^CODEC_(DATA|CHECKSUM|UNSUPPORTED)$/, `${name} without its last ${cut}`)
    }
  }
})

test('checksums catch a changed byte', () => {
  // The stored checksum itself: the last bytes of the stream, or those before its trailer.
  const changed = (name: string, fromEnd: number): Uint8Array => {
    const copy = caseOf(name).slice()
    copy[copy.length - fromEnd] ^= 1
    return copy
  }
  assert.equal(codeOf(() => decodeLz4Frames(changed('lz4_linked_64k', 1), LIMIT)), 'CODEC_CHECKSUM')
  assert.equal(codeOf(() => decodeBzip2(changed('bzip2', 3), LIMIT)), 'CODEC_CHECKSUM')
  assert.equal(codeOf(() => decodeXz(changed('xz', 12), LIMIT)), 'CODEC_CHECKSUM')
  for (const name of ['xz', 'xz_crc32', 'xz_sha256', 'bzip2', 'lz4_linked_64k']) {
    const copy = caseOf(name).slice()
    copy[Math.floor(copy.length / 2)] ^= 16
    assert.match(codeOf(() => decode(name, copy, LIMIT)), /^CODEC_/, name)
  }
})

test('what is not supported is refused by name', () => {
  assert.equal(codeOf(() => decodeXz(caseOf('xz_delta'), LIMIT)), 'CODEC_UNSUPPORTED')
  const dictionary = caseOf('lz4').slice()
  dictionary[4] |= 1
  assert.equal(codeOf(() => decodeLz4Frames(dictionary, LIMIT)), 'CODEC_UNSUPPORTED')
  const wide = caseOf('lzma').slice()
  wide[0] = 8 + 9 * 4
  assert.equal(codeOf(() => decodeLzmaFile(wide, LIMIT)), 'CODEC_UNSUPPORTED')
})

test('bytes after the end are refused', () => {
  for (const name of ['zlib', 'lzma', 'bzip2', 'xz', 'lz4']) {
    const longer = Uint8Array.from([...caseOf(name), 1, 2, 3, 4, 5, 6, 7, 8])
    assert.match(codeOf(() => decode(name, longer, LIMIT)), /^CODEC_(TRAILING|DATA)$/, name)
  }
  assert.equal(codeOf(() => inflateSync(Uint8Array.from([...caseOf('zlib'), 0]), 'zlib', LIMIT)), 'CODEC_TRAILING')
})

test('lz4 blocks never reach outside their window', () => {
  const out = new Uint8Array(64)
  const block = (...bytes: number[]): string => codeOf(() => decodeLz4Block(Uint8Array.from(bytes), out, 0, out.length))
  assert.equal(block(0x10, 65), 'no error')
  assert.equal(block(), 'CODEC_DATA')
  assert.equal(block(0x20, 65), 'CODEC_DATA')
  assert.equal(block(0x10, 65, 2, 0, 0), 'CODEC_DATA')
  assert.equal(block(0x10, 65, 0, 0, 0), 'CODEC_DATA')
  assert.equal(block(0x10, 65, 1), 'CODEC_DATA')
  assert.equal(block(0x1f, 65, 1, 0, 255, 0, 0), 'CODEC_DATA')
  assert.equal(block(0xf0, 255, 255), 'CODEC_DATA')
  assert.equal(decodeLz4Block(Uint8Array.of(0x10, 65, 1, 0, 0x10, 66), out, 0, 64), 6)
  assert.deepEqual([...out.subarray(0, 6)], [65, 65, 65, 65, 65, 66])
})

test('published check values', () => {
  const text = new TextEncoder().encode('123456789')
  assert.equal(xxh32(new Uint8Array(0)), 0x02cc5d05)
  assert.equal(xxh32(text), 0x937bad67)
  assert.deepEqual(crc64(text), [0xdf1939fa, 0x995dc9bb])
})

test('damaged data ends in a value or an MleError, and never past the limit', () => {
  fc.assert(fc.property(fc.nat(CASES.length - 1), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat(3000), (which, edits, cut) => {
    const { name, bytes } = CASES[which]
    const copy = bytes.slice(0, bytes.length - (cut > 2500 ? cut % bytes.length : 0))
    for (const [at, value] of edits) copy[at % Math.max(1, copy.length)] = value
    try {
      assert.ok((decode(name, copy, 200_000)?.length ?? 0) <= 200_000)
    } catch (error) {
      if (!(error instanceof MleError)) throw error
    }
  }), { numRuns: 600 })
})
