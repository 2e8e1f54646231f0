// Fuzzes verification and decryption: mutated files, most of them with their sums made right again. A file that verifies must be one that was
// signed, whatever happened to its other signatures; a file that decrypts must give the model that was sealed.
import { deepStrictEqual } from 'node:assert'
import { crc32 } from '../../src/platform/crc32.ts'
import { open, read, rootOf, write } from '../../src/format/index.ts'
import { encrypt, generateKeys, guardOf, sign, verifyFile } from '../../src/security/index.ts'
import { tinyGraph } from '../../conformance/malformed-files.ts'
import { resealed } from '../support/reseal.ts'
import { fuzzerOf, mutate, type Fuzzer } from './campaign.ts'

const SLOW_MS = 2000

/** The CRC of the signature block, where there is one. */
function blockResealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 64) return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const start = Math.ceil((64 + 48 * Math.min(view.getUint32(16, true), 64)) / 64) * 64
  const size = view.getUint32(20, true)
  if (size >= 64 && start + size <= bytes.length) view.setUint32(start, crc32(bytes.subarray(start + 4, start + size)), true)
  return bytes
}

export const fuzz: Fuzzer = async (seconds, seed) => {
  const [alice, bob] = [await generateKeys(), await generateKeys()]
  const plain = await write({ ...tinyGraph, metadata: { name: 'tiny', modelId: 'tiny', modelVersion: 2 } })
  const signed = await sign(await sign(plain, alice.privateKey), bob.privateKey, { notAfter: new Date('2100-01-01') })
  const root = rootOf(await open(plain))
  const key = new Uint8Array(32).fill(3)
  const { file: sealed } = await encrypt(plain, { keys: [key, new Uint8Array(32)] })
  const model = await read(plain)
  let sealing = false
  const campaign = fuzzerOf({
    name: 'trust',
    slowMs: SLOW_MS,
    make(random) {
      sealing = random(2) === 0
      const source = sealing ? sealed : signed
      if (random(30) === 0) return source.slice()
      const bytes = mutate(source, random)
      return random(4) === 0 ? bytes : blockResealed(resealed(bytes))
    },
    async read(bytes) {
      if (sealing) deepStrictEqual(await read(bytes, { guard: guardOf({ key }) }), model)
      else {
        await verifyFile(bytes, { signers: alice.publicKey, modelId: 'tiny' })
        deepStrictEqual(rootOf(await open(bytes)), root)
      }
    },
  })
  return campaign(seconds, seed)
}
