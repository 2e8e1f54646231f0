// True values by mpmath with 40 digits, and identities.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { besselK } from '../../src/math/bessel.ts'
import { exp } from '../../src/math/index.ts'

const VALUES: readonly (readonly [nu: number, x: number, value: number])[] = [
  [0, 0.01, 4.721244730161095], [0, 1, 0.42102443824070834], [0, 2, 0.11389387274953344], [0, 2.5, 0.06234755320036619], [0, 300, 3.7236948548891435e-132],
  [0.1, 1e-10, 50.4830925179491], [0.1, 1.7, 0.16589033700075329], [0.25, 30, 2.1346641833090355e-14], [0.49, 0.5, 1.06871635662818], [1, 1, 0.6019072301972346],
  [1.1, 3, 0.04138961589598589], [1.5, 2, 0.17990665795209218], [2.5, 0.2, 208.79852992166118], [7.75, 4, 4.032282070754701], [20.2, 1, 1.3112271617299993e23],
]

const close = (got: number, want: number, bound: number): void => assert.ok(Math.abs(got - want) <= bound * Math.abs(want), `${got}, expected ${want}`)

test('besselK has the true values, for orders of either sign', () => {
  for (const [nu, x, value] of VALUES) {
    close(besselK(nu, x), value, 1e-14)
    assert.equal(besselK(-nu, x), besselK(nu, x))
  }
})

test('order 1/2 is elementary', () => {
  fc.assert(fc.property(fc.double({ min: 1e-6, max: 600, noNaN: true }), (x) => close(besselK(0.5, x), Math.sqrt(Math.PI / (2 * x)) * exp(-x), 2e-14)))
})

test('three orders in a row fit the recurrence, across the seam at 2 too', () => {
  const nu = fc.double({ min: 0, max: 8, noNaN: true })
  fc.assert(fc.property(nu, fc.double({ min: 0.01, max: 20, noNaN: true }), (order, x) => close(besselK(order + 2, x), besselK(order, x) + ((2 * (order + 1)) / x) * besselK(order + 1, x), 1e-12)))
})

test('besselK falls', () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 5, noNaN: true }), fc.double({ min: 0.001, max: 50, noNaN: true }), (nu, x) => assert.ok(besselK(nu, x * 1.001) < besselK(nu, x))))
})

test('besselK outside its domain', () => {
  assert.equal(besselK(1, 0), Infinity)
  for (const [nu, x] of [[1, -1], [1, NaN], [NaN, 1], [1001, 1]]) assert.ok(Number.isNaN(besselK(nu, x)))
  assert.equal(besselK(1, 800), 0)
})
