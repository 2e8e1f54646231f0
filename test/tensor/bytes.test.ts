import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { inflate } from '../../src/platform/inflate.ts'
import { plainBytes } from '../../src/tensor/bytes.ts'

test('a Buffer becomes a plain view of the same memory, whose slice copies', () => {
  const buffer = Buffer.from([1, 2, 3])
  const plain = plainBytes(buffer)
  assert.equal(Object.getPrototypeOf(plain), Uint8Array.prototype)
  plain[0] = 9
  assert.equal(buffer[0], 9)
  plain.slice()[1] = 9
  assert.equal(buffer[1], 2)
})

test('inflated bytes are plain whatever the host gives', async () => {
  const bytes = await inflate(deflateSync(Buffer.from([1, 2, 3])), 'zlib', 100)
  assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype)
  assert.deepEqual([...bytes], [1, 2, 3])
})
