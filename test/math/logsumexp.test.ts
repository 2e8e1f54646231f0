import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exp, log, logsumexp } from '../../src/math/index.ts'

const of = (...x: number[]): number => logsumexp(Float64Array.from(x), 0, x.length, 1)

test('logsumexp of known values', () => {
  assert.equal(of(0, 0), Math.LN2)
  assert.equal(of(3), 3)
  // The digits of scipy 1.10.
  assert.equal(of(1, 2, 3), 3.4076059644443806)
  assert.equal(of(0.1, -5, 2.25), 2.3608204818235445)
  assert.equal(of(1000, 1000), 1000.6931471805599)
  assert.equal(of(-1000, -1000.5), -999.5259230158199)
})

test('logsumexp of infinities, NaN and nothing', () => {
  assert.equal(of(), -Infinity)
  assert.equal(of(-Infinity, -Infinity), -Infinity)
  assert.equal(of(-Infinity, 2), 2)
  assert.equal(of(Infinity, 1), Infinity)
  assert.equal(of(Infinity, -Infinity), Infinity)
  assert.ok(Number.isNaN(of(1, NaN)))
  assert.ok(Number.isNaN(of(Infinity, NaN)))
})

test('logsumexp reads its own range only, in order', () => {
  const x = Float64Array.from([9, 1, 9, 2, 9, 3, 9])
  assert.equal(logsumexp(x, 1, 3, 2), of(1, 2, 3))
  assert.equal(logsumexp(x, 0, 2, 5), log(exp(0) + exp(3 - 9)) + 9)
  assert.equal(logsumexp(x, 3, 0, 1), -Infinity)
})
