import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32, crc32Tables } from '../../src/platform/crc32.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

test('the check value of the CRC catalogue', () => {
  assert.equal(crc32(ascii('123456789')), 0xcbf43926)
  assert.equal(crc32Tables(ascii('123456789')), 0xcbf43926)
  assert.equal(crc32Tables(new Uint8Array(0)), 0)
})

test('the portable version equals the host and a bit-by-bit formula, at every length and alignment', () => {
  const formula = (bytes: Uint8Array): number => {
    let crc = ~0
    for (const byte of bytes) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
    }
    return ~crc >>> 0
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (bytes, skip) => {
    const part = bytes.subarray(Math.min(skip, bytes.length))
    assert.equal(crc32Tables(part), formula(part))
    assert.equal(crc32(part), formula(part))
  }))
  // Past 16 KiB sixteen bytes are taken at a step, and by all later calls.
  fc.assert(fc.property(fc.uint8Array({ minLength: 16384, maxLength: 16500 }), (bytes) => assert.equal(crc32Tables(bytes), formula(bytes))), { numRuns: 20 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.equal(crc32Tables(bytes), formula(bytes))))
})

test('a CRC continues from an earlier one', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, at) => {
    const cut = Math.min(at, bytes.length)
    const expected = crc32(bytes)
    assert.equal(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), expected)
    assert.equal(crc32Tables(bytes.subarray(cut), crc32Tables(bytes.subarray(0, cut))), expected)
  }))
})
