import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { hex, sha256, sha256Portable } from '../../src/platform/sha256.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

test('the examples of FIPS 180-4', () => {
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  assert.equal(hex(sha256(ascii('abc'))), expected)
  assert.equal(hex(sha256Portable(ascii('abc'))), expected)
  assert.equal(hex(sha256Portable(new Uint8Array(0))), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  assert.equal(hex(sha256Portable(new Uint8Array(1_000_000).fill(97))), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0')
})

test('the portable version equals the host at every length around a block', () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255)
    const expected = createHash('sha256').update(bytes).digest('hex')
    assert.equal(hex(sha256Portable(bytes)), expected)
    assert.equal(hex(sha256(bytes)), expected)
  }
})

test('parts hash as their concatenation', () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
    assert.equal(hex(sha256(a, b)), hex(sha256(Uint8Array.of(...a, ...b))))
  }))
})
