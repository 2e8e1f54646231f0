import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MleError } from '../../src/error.ts'
import { readInt64 } from '../../src/tensor/exact-int64.ts'
import { readInt64Nearest, writeInt64 } from '../../src/tensor/int64.ts'

/** The words of one integer at index 1, so that index 0 read by mistake shows. */
function words(value: bigint): Int32Array {
  return new Int32Array(BigInt64Array.of(7n, value).buffer)
}

test('readInt64 returns every integer within 2^53 exactly', () => {
  for (const value of [0n, 1n, -1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n - 1n, 2n ** 32n, -(2n ** 32n), -(2n ** 32n) - 1n, 2n ** 53n - 1n, -(2n ** 53n)]) {
    assert.equal(readInt64(words(value), 1), Number(value))
    assert.ok(!Object.is(readInt64(words(value), 1), -0))
  }
})

test('INT64_RANGE: readInt64 refuses what a Number cannot hold', () => {
  for (const value of [2n ** 53n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.throws(() => readInt64(words(value), 1), (error: unknown) => (error as MleError).code === 'INT64_RANGE')
  }
})

test('readInt64Nearest rounds as Number(bigint) does', () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => assert.equal(readInt64Nearest(words(value), 1), Number(value))))
  for (const value of [2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]) assert.equal(readInt64Nearest(words(value), 1), Number(value))
})

test('writeInt64 stores what readInt64 and BigInt64Array read', () => {
  const data = new BigInt64Array(3)
  const view = new Int32Array(data.buffer)
  const check = (value: number): void => {
    writeInt64(view, 1, value)
    assert.deepEqual([...data], [0n, BigInt(value), 0n], `${value}`)
    assert.equal(readInt64Nearest(view, 1), value + 0)
  }
  for (const value of [0, -0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, 2 ** 53, -(2 ** 53)]) check(value)
  fc.assert(fc.property(fc.maxSafeInteger(), check))
})
