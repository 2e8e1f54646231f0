import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ALIGNMENT } from '../../src/graph/arena.ts'
import { place, type Lifetime } from '../../src/graph/place.ts'

const lifetimes = fc.array(fc.record({ bytes: fc.oneof(fc.nat(300), fc.constantFrom(0, 1, 64, 65, 4096)), first: fc.nat(30), length: fc.nat(12) }), { maxLength: 40 })
  .map((drawn) => drawn.map(({ bytes, first, length }): Lifetime => ({ bytes, first, last: first + length })).sort((a, b) => a.first - b.first))

/** Both are alive at some step: a value is written while the inputs of that step are read. */
const meet = (a: Lifetime, b: Lifetime): boolean => a.first <= b.last && b.first <= a.last

test('values that live at the same time never share a byte', () => {
  fc.assert(fc.property(lifetimes, (all) => {
    const { offsets, totalBytes } = place(all)
    all.forEach((a, i) => {
      assert.equal(offsets[i] % ALIGNMENT, 0)
      assert.ok(offsets[i] >= 0 && offsets[i] + a.bytes <= totalBytes)
      all.slice(i + 1).forEach((b, j) => {
        const [from, to] = [offsets[i], offsets[i + 1 + j]]
        if (meet(a, b)) assert.ok(from + a.bytes <= to || to + b.bytes <= from || a.bytes === 0 || b.bytes === 0, `values ${i} and ${i + 1 + j} overlap at ${from} and ${to}`)
      })
    })
  }), { numRuns: 500 })
})

test('memory of dead values is used again', () => {
  const chain = Array.from({ length: 20 }, (_, i): Lifetime => ({ bytes: 1000, first: i, last: i + 1 }))
  assert.equal(place(chain).totalBytes, 2 * 1024)
  assert.equal(place([]).totalBytes, 0)
})

test('the region is no larger than all values one after the other, nor smaller than those that live at once', () => {
  fc.assert(fc.property(lifetimes, (all) => {
    const padded = (value: Lifetime): number => Math.ceil(value.bytes / ALIGNMENT) * ALIGNMENT
    const { totalBytes } = place(all)
    assert.ok(totalBytes <= all.reduce((sum, value) => sum + padded(value), 0))
    for (let step = 0; step <= 42; step++) {
      const live = all.filter((value) => value.first <= step && step <= value.last)
      assert.ok(totalBytes >= live.reduce((sum, value) => sum + value.bytes, 0))
    }
  }))
})
