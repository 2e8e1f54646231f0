import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { argPartition } from '../../../src/ops/cpu/introselect.ts'

function firstOf(values: readonly number[], k: number): number[] {
  const order = new Int32Array(values.length)
  argPartition(Float64Array.from(values), order, k)
  return Array.from(order.subarray(0, k))
}

const digits = (text: string): number[] => Array.from(text, Number)

// np.argpartition(values, k - 1)[:k] of numpy 1.24.
test('of equal values those come first that come first in numpy', () => {
  assert.deepEqual(firstOf(digits('212201002020'), 2), [4, 6])
  assert.deepEqual(firstOf(digits('011001120212'), 5), [3, 4, 8, 0, 10])
  assert.deepEqual(firstOf(digits('211211212021200020120212110012'), 7), [26, 9, 17, 15, 13, 14, 20])
  assert.deepEqual(firstOf(digits('0111011110111111000011010101101010100010'), 40), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 39, 38])
  assert.deepEqual(firstOf(digits('322033230002021231120120310010323301300210332012230303102301'), 21), [29, 23, 27, 20, 34, 37, 38, 41, 45, 12, 26, 3, 10, 8, 50, 58, 52, 9, 28, 55, 54])
  assert.deepEqual(firstOf(digits('40662308874868053402211717263680108774142175422123124012385543565110805330373732662703751673776645400153170834467607133335100228186761824518615188833708734706315103408385276526765160257552443081045354'), 60), [54, 104, 101, 100, 1, 106, 6, 194, 193, 191, 114, 116, 88, 122, 14, 84, 123, 181, 18, 82, 124, 21, 22, 179, 24, 125, 79, 126, 128, 73, 165, 31, 32, 33, 133, 69, 162, 161, 38, 159, 135, 41, 67, 156, 66, 65, 138, 47, 141, 143, 50, 99, 150, 53, 51, 55, 187, 19, 40, 45])
})

test('NaN comes last', () => {
  const values = [1, NaN, 0, NaN, 2, 1, 0, 0, NaN]
  assert.deepEqual(firstOf(values, 5), [7, 2, 6, 0, 5])
  assert.deepEqual(firstOf(values, 8), [5, 0, 2, 7, 6, 4, 3, 1])
})

// 1, 201, 3, 203, ..., 2, 4, 6, ..., 400: each median of three is nearly the smallest, so that medians of medians take over.
test('lists that mislead medians of three are cut as in numpy', () => {
  const half = 200
  const values = Array.from({ length: 2 * half }, (_, i) => (i >= half ? 2 * (i - half + 1) : i % 2 === 0 ? i + 1 : half + i))
  const sum = firstOf(values, half).reduce((hash, place) => (hash * 31 + place) % 1000003, 0)
  assert.equal(sum, 569528)
})

test('the first k are the k smallest', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 200 }), fc.nat(), (values, seed) => {
      const k = 1 + (seed % values.length)
      const found = firstOf(values, k)
      assert.equal(new Set(found).size, k)
      const byValue = (a: number, b: number): number => a - b
      assert.deepEqual(found.map((place) => values[place]).sort(byValue), [...values].sort(byValue).slice(0, k))
    }),
  )
})

test('estimates that are too close are compared as they are', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 100 }), fc.nat(), fc.nat(), (values, seed, noise) => {
      const k = 1 + (seed % values.length)
      const estimates = Float64Array.from(values, (value, i) => value + (((i * 7919 + noise) % 13) - 6) / 100)
      const order = new Int32Array(values.length)
      argPartition(estimates, order, k, { within: 0.13, isLess: (a, b) => values[a] < values[b] })
      assert.deepEqual(Array.from(order.subarray(0, k)), firstOf(values, k))
    }),
  )
})
