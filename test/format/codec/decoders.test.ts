import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { brotliCompressSync, constants } from 'node:zlib'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { decodeBrotli, NeedsDictionary } from '../../../src/format/codec/brotli.ts'
import { brotliDictionary } from '../../../src/format/codec/brotli-dictionary.ts'
import { decodeChunk } from '../../../src/format/codec/decode.ts'
import { decodeLz4Block, fillFromLz4Block } from '../../../src/format/codec/lz4-block.ts'
import { encodeLz4Block } from '../../../src/format/codec/lz4-encode.ts'
import { shuffle, unshuffle } from '../../../src/format/codec/shuffle.ts'
import { xxh64Low } from '../../../src/format/codec/xxh64.ts'
import { decodeZstd, zstdFrameBytes } from '../../../src/format/codec/zstd.ts'
import { hostDecompress } from '../../../src/platform/compress.ts'
import { sampleBytes } from '../../fixtures/chunk_codecs/sample.ts'
import { throwsCode } from '../../support/errors.ts'

const sample = sampleBytes()
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../fixtures/chunk_codecs/${name}`, import.meta.url)))
const dictionary = await brotliDictionary()

function fromZstd(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  decodeZstd(bytes, out)
  return out
}

function fromBrotli(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  decodeBrotli(bytes, out, dictionary)
  return out
}

for (const name of ['sample.1.zst', 'sample.3.zst', 'sample.19.zst', 'sample.fast.zst', 'sample.stdin.zst']) {
  test(`${name}, which the command zstd wrote`, () => assert.deepEqual(fromZstd(fixture(name), sample.length), sample))
}

for (const name of ['sample.1.br', 'sample.5.br', 'sample.11.br', 'sample.w16.br']) {
  test(`${name}, which the command brotli wrote`, () => {
    assert.deepEqual(fromBrotli(fixture(name), sample.length), sample)
    assert.deepEqual(new Uint8Array(hostDecompress('brotli', fixture(name), sample.length) ?? []), sample)
  })
}

test('sample.lz4, which the command lz4 wrote: the block within its frame', () => {
  const frame = fixture('sample.lz4')
  // Magic, flags, block descriptor, header checksum; one block with its size; the end mark.
  const flags = frame[4]
  const start = 7 + ((flags & 8) === 0 ? 0 : 8)
  const size = new DataView(frame.buffer).getUint32(start, true)
  const out = new Uint8Array(sample.length)
  fillFromLz4Block(frame.subarray(start + 4, start + 4 + size), out)
  assert.deepEqual(out, sample)
})

test('what a decoder does not consume or fill exactly is refused', () => {
  const cases: readonly (readonly [string, (bytes: Uint8Array, size: number) => unknown])[] = [['sample.3.zst', fromZstd], ['sample.fast.zst', fromZstd], ['sample.5.br', fromBrotli]]
  for (const [name, decode] of cases) {
    const bytes = fixture(name)
    throwsCode('CODEC_DATA', () => decode(Uint8Array.of(...bytes, 0), sample.length))
    throwsCode('CODEC_DATA', () => decode(Uint8Array.of(...bytes, ...bytes), sample.length))
    throwsCode('CODEC_DATA', () => decode(bytes.subarray(0, -1), sample.length))
    throwsCode('CODEC_DATA', () => decode(bytes, sample.length + 1))
    throwsCode('CODEC_DATA', () => decode(bytes, sample.length - 1))
  }
})

test('the checksum of a zstd frame counts', () => {
  const bytes = fixture('sample.3.zst')
  bytes[bytes.length - 1] ^= 1
  throwsCode('CODEC_DATA', () => fromZstd(bytes, sample.length), /checksum/)
})

test('the end of the first frame is found without decoding', () => {
  for (const name of ['sample.3.zst', 'sample.fast.zst']) {
    const frame = fixture(name)
    assert.equal(zstdFrameBytes(Uint8Array.of(...frame, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0), sample.length), frame.length)
  }
})

test('xxh64 of short and long inputs', () => {
  // From the specification: XXH64 of nothing is EF46DB3751D8E999.
  assert.equal(xxh64Low(new Uint8Array(0)), 0x51d8e999)
  // `xxhsum -H1` of the letter a: D24EC4F1A98C6E5B.
  assert.equal(xxh64Low(Uint8Array.of(97)), 0xa98c6e5b)
})

test('a word of the dictionary is asked for only when a stream refers to one', () => {
  const text = new TextEncoder().encode('government information')
  const bytes = new Uint8Array(brotliCompressSync(text))
  assert.throws(() => decodeBrotli(bytes, new Uint8Array(text.length)), NeedsDictionary)
  assert.deepEqual(fromBrotli(bytes, text.length), text)
})

const contents = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc.array(fc.constantFrom(0, 1, 2, 250), { maxLength: 5000 }).map((bytes) => Uint8Array.from(bytes)),
  fc.tuple(fc.string({ maxLength: 20 }), fc.integer({ min: 1, max: 300 })).map(([text, times]) => new TextEncoder().encode(text.repeat(times))),
)

test('brotli at every quality and window: the decoder gives what was encoded', () => {
  fc.assert(fc.property(contents, fc.integer({ min: 0, max: 11 }), fc.integer({ min: 10, max: 24 }), fc.integer({ min: 0, max: 2 }), (raw, quality, window, mode) => {
    const bytes = brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: window, [constants.BROTLI_PARAM_MODE]: mode } })
    assert.deepEqual(fromBrotli(new Uint8Array(bytes), raw.length), raw)
  }), { numRuns: 150 })
})

test('lz4: the decoder gives what the encoder got, which is always shorter', () => {
  fc.assert(fc.property(contents, (raw) => {
    const block = encodeLz4Block(raw)
    if (block === undefined) return
    assert.ok(block.length < raw.length)
    const out = new Uint8Array(raw.length)
    assert.equal(decodeLz4Block(block, out, 0, out.length), raw.length)
    assert.deepEqual(out, raw)
  }), { numRuns: 300 })
})

test('the lz4 encoder gives these bytes on every engine', () => {
  assert.equal(Buffer.from(encodeLz4Block(new Uint8Array(100)) ?? []).toString('hex'), '1f0001004b500000000000')
  assert.equal(encodeLz4Block(Uint8Array.from({ length: 64 }, (_, i) => i)), undefined)
})

test('shuffle is undone by unshuffle', () => {
  fc.assert(fc.property(fc.constantFrom(2, 4, 8), fc.uint8Array({ minLength: 8, maxLength: 256 }), (elementBytes, bytes) => {
    const raw = bytes.subarray(0, bytes.length - (bytes.length % elementBytes))
    const out = new Uint8Array(raw.length)
    unshuffle(shuffle(raw, elementBytes), elementBytes, out)
    assert.deepEqual(out, raw)
  }))
  assert.deepEqual(shuffle(Uint8Array.of(1, 2, 3, 4), 2), Uint8Array.of(1, 3, 2, 4))
})

test('a chunk that cannot be decoded says which', async () => {
  await assert.rejects(decodeChunk({ codec: 2, filter: 0, elementBytes: 1 }, Uint8Array.of(1, 2, 3), new Uint8Array(64), { index: 7, offset: 4096 }), (error) =>
    error instanceof MleError && error.code === 'FORMAT_DECODE' && error.offset === 4096 && /chunk 7/.test(error.message))
})
