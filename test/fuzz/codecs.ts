// Fuzzes the decoders of chunks: mutated streams of the command-line tools and of the host. Where the host decodes brotli, both must agree.
import { readFileSync } from 'node:fs'
import { brotliCompressSync } from 'node:zlib'
import { MleError } from '../../src/error.ts'
import { decodeBrotli } from '../../src/format/codec/brotli.ts'
import { brotliDictionary } from '../../src/format/codec/brotli-dictionary.ts'
import { fillFromLz4Block } from '../../src/format/codec/lz4-block.ts'
import { encodeLz4Block } from '../../src/format/codec/lz4-encode.ts'
import { decodeZstd } from '../../src/format/codec/zstd.ts'
import { hostDecompress } from '../../src/platform/compress.ts'
import { sampleBytes } from '../fixtures/chunk_codecs/sample.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const SLOW_MS = 1000

interface Stream {
  readonly codec: 'lz4' | 'zstd' | 'brotli'
  readonly bytes: Uint8Array
  readonly rawBytes: number
}

function streams(): Stream[] {
  const sample = sampleBytes()
  const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../fixtures/chunk_codecs/${name}`, import.meta.url)))
  const parts = [sample.subarray(0, 300), sample.subarray(8192, 9000), sample]
  return [
    ...parts.flatMap((raw): Stream[] => [
      { codec: 'lz4', bytes: encodeLz4Block(raw) ?? raw, rawBytes: raw.length },
      { codec: 'brotli', bytes: new Uint8Array(brotliCompressSync(raw)), rawBytes: raw.length },
    ]),
    ...['sample.1.zst', 'sample.19.zst', 'sample.fast.zst'].map((name): Stream => ({ codec: 'zstd', bytes: fixture(name), rawBytes: sample.length })),
  ]
}

export const fuzz: Fuzzer = async (seconds, seed) => {
  const sources = streams()
  const dictionary = await brotliDictionary()
  let current = sources[0]
  const campaign = fuzzerOf({
    name: 'codecs',
    slowMs: SLOW_MS,
    make(random) {
      current = sources[random(sources.length)]
      return random(8) === 0 ? current.bytes : mutate(current.bytes, random)
    },
    read(bytes) {
      const out = new Uint8Array(current.rawBytes)
      if (current.codec === 'lz4') fillFromLz4Block(bytes, out)
      else if (current.codec === 'zstd') decodeZstd(bytes, out)
      else compareBrotli(bytes, out, dictionary)
    },
  })
  return campaign(seconds, seed)
}

/** Our decoder and the host's accept the same streams and give the same bytes. */
function compareBrotli(bytes: Uint8Array, out: Uint8Array, dictionary: Uint8Array): void {
  let theirs: Uint8Array | undefined
  let refused = false
  try {
    theirs = hostDecompress('brotli', bytes, out.length)
  } catch {
    refused = true
  }
  try {
    decodeBrotli(bytes, out, dictionary)
  } catch (error) {
    if (error instanceof MleError && !refused && theirs !== undefined) throw new Error('the host reads a stream that we refuse', { cause: error })
    throw error
  }
  if (refused) throw new Error('we read a stream that the host refuses')
  if (theirs !== undefined && Buffer.compare(theirs, out) !== 0) throw new Error('the host decodes other bytes')
}
