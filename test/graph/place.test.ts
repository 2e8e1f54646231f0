import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ALIGNMENT, alignUp } from '../../src/graph/arena.ts'
import { place, type Lifetime } from '../../src/graph/place.ts'

const lifetimes = fc
  .array(fc.record({ bytes: fc.integer({ min: 0, max: 5000 }), first: fc.nat(40), length: fc.nat(20) }), { maxLength: 60 })
  .map((items) => items.map(({ bytes, first, length }): Lifetime => ({ bytes, first, last: first + length })).sort((a, b) => a.first - b.first))

test('no two live values overlap, offsets are aligned and inside the region', () => {
  fc.assert(
    fc.property(lifetimes, (values) => {
      const { offsets, totalBytes } = place(values)
      values.forEach((a, i) => {
        assert.equal(offsets[i] % ALIGNMENT, 0)
        assert.ok(offsets[i] + alignUp(a.bytes) <= totalBytes)
        for (let j = 0; j < i; j++) {
          const b = values[j]
          const meetInTime = a.first <= b.last && b.first <= a.last
          const meetInSpace = a.bytes > 0 && b.bytes > 0 && offsets[i] < offsets[j] + b.bytes && offsets[j] < offsets[i] + a.bytes
          assert.ok(!(meetInTime && meetInSpace), `values ${j} and ${i} overlap`)
        }
      })
    }),
  )
})

test('memory is reused: never more than all values, never less than what is live at once', () => {
  fc.assert(
    fc.property(lifetimes, (values) => {
      const { totalBytes } = place(values)
      const peak = Math.max(0, ...values.map(({ first }) => values.reduce((sum, one) => sum + (one.first <= first && first <= one.last ? alignUp(one.bytes) : 0), 0)))
      assert.ok(totalBytes >= peak)
      assert.ok(totalBytes <= values.reduce((sum, one) => sum + alignUp(one.bytes), 0))
    }),
  )
})

test('a chain of equal values lives in two places', () => {
  const chain = Array.from({ length: 50 }, (_, i): Lifetime => ({ bytes: 640, first: i, last: i + 1 }))
  assert.equal(place(chain).totalBytes, 2 * 640)
})
