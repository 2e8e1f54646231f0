import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest, partsOf, realMath, withRealMath } from '../../conformance/make/real.ts'
import { readReference } from '../math/reference.ts'

const FUNCTIONS: ReadonlyMap<string, (...x: number[]) => number> = new Map(Object.entries(realMath))

for (const { name, arity, x, nearest: truth } of readReference()) {
  const f = FUNCTIONS.get(name)
  if (f === undefined) continue
  test(`${name} is the nearest double to mpmath's value`, () => {
    truth.forEach((value, i) => {
      const at = Array.from(x.subarray(i * arity, (i + 1) * arity))
      assert.equal(f(...at), value, `${name}(${at.join(', ')})`)
    })
  })
}

test('every function has stored true values', () => {
  const known = new Set(readReference().map(({ name }) => name))
  assert.deepEqual([...FUNCTIONS.keys()].filter((name) => !known.has(name)), [])
})

test('zeros, infinities, NaN and what lies outside a domain', () => {
  const cases: readonly (readonly [number, number])[] = [
    [realMath.exp(-Infinity), 0], [realMath.exp(Infinity), Infinity], [realMath.log(-0), -Infinity], [realMath.log(-1), NaN], [realMath.log1p(-1), -Infinity], [realMath.log1p(-0), -0],
    [realMath.expm1(-Infinity), -1], [realMath.sin(-0), -0], [realMath.sin(Infinity), NaN], [realMath.cos(0), 1], [realMath.tan(NaN), NaN], [realMath.asin(2), NaN], [realMath.acos(1), 0],
    [realMath.atan(-Infinity), -Math.PI / 2], [realMath.sinh(-Infinity), -Infinity], [realMath.cosh(-Infinity), Infinity], [realMath.tanh(Infinity), 1], [realMath.asinh(-0), -0], [realMath.acosh(0.5), NaN],
    [realMath.atanh(-1), -Infinity], [realMath.pow(-0, -3), -Infinity], [realMath.pow(-0, -2), Infinity], [realMath.pow(-Infinity, 3), -Infinity], [realMath.pow(-8, 1 / 3), NaN], [realMath.pow(NaN, 0), 1],
    [realMath.pow(1, NaN), 1], [realMath.pow(-1, Infinity), 1], [realMath.pow(0.5, -Infinity), Infinity], [realMath.pow(10, -5), 1e-5], [realMath.pow(3, 34), 16677181699666569],
  ]
  cases.forEach(([got, wanted], i) => assert.ok(Object.is(got, wanted), `case ${i} is ${got}, expected ${wanted}`))
})

test('doubles come apart and together again; halves go to even', () => {
  for (const x of [1, -1, 0.1, 2 ** -1074, -(2 ** -1022), Number.MAX_VALUE, 123456789]) {
    const { mantissa, exponent } = partsOf(x)
    assert.equal(nearest(mantissa, exponent), x)
  }
  assert.equal(nearest(2n ** 53n + 1n, 0), 2 ** 53)
  assert.equal(nearest(2n ** 53n + 3n, 0), 2 ** 53 + 4)
  assert.equal(nearest(3n, -1075), 2 ** -1073)
  assert.equal(nearest(1n, -1075), 0)
  assert.equal(nearest(1n, 1024), Infinity)
  assert.equal(nearest(16777217n, 0, 24), 16777216)
})

test('formulas run with these functions, and only then', () => {
  const before = Math.exp
  assert.equal(withRealMath(() => Math.pow(10, -5)), 1e-5)
  assert.throws(() => withRealMath(() => Math.cbrt(8)), /Math\.cbrt/)
  assert.equal(Math.exp, before)
  assert.equal(Math.cbrt(8), 2)
})
