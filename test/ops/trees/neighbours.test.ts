import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { below32, below64 } from '../../../src/ops/trees/neighbours.ts'

test('below64 is the largest smaller double', () => {
  assert.equal(below64(1), 1 - 2 ** -53)
  assert.equal(below64(2 ** -1022), 2 ** -1022 - Number.MIN_VALUE)
  assert.equal(below64(0), -Number.MIN_VALUE)
  assert.equal(below64(-0), -Number.MIN_VALUE)
  assert.equal(below64(Infinity), Number.MAX_VALUE)
  assert.equal(below64(-Number.MAX_VALUE), -Infinity)
  assert.equal(below64(-Infinity), -Infinity)
  assert.ok(Number.isNaN(below64(NaN)))
  assert.equal(below64(Number.MIN_VALUE), 0)
  fc.assert(
    fc.property(fc.double({ noNaN: true, min: -Number.MAX_VALUE, minExcluded: false }), (x) => {
      const y = below64(x)
      assert.ok(y < x)
      // Nothing lies between: the middle rounds to one of the two.
      if (Number.isFinite(y) && Number.isFinite(x)) assert.ok([x, y].includes(y / 2 + x / 2) || Math.abs(x) < 1e-300)
    }),
  )
})

test('below32 is the largest smaller float', () => {
  assert.equal(below32(1), 1 - 2 ** -24)
  assert.equal(below32(0), -(2 ** -149))
  assert.equal(below32(2 ** -149), 0)
  assert.equal(below32(Infinity), 3.4028234663852886e38)
  assert.equal(below32(-3.4028234663852886e38), -Infinity)
  assert.equal(below32(-Infinity), -Infinity)
  assert.ok(Number.isNaN(below32(NaN)))
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: Math.fround(-3.4e38), max: Math.fround(3.4e38) }), (x) => {
      const y = below32(x)
      assert.ok(y < x && Math.fround(y) === y)
      const middle = Math.fround((x + y) / 2)
      assert.ok(middle === x || middle === y)
    }),
  )
})
