// Special values by C99 Annex F (F.9 and F.10) and IEEE 754, monotony at seams, exact cases and identities.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as m from '../../src/math/index.ts'
import { FUNCTIONS } from './reference.ts'

const INF = Infinity
const MIN = 5e-324
const MAX = 1.7976931348623157e308

// [function, arguments, result]: Object.is, so signs of zero count.
const CASES: readonly (readonly [string, readonly number[], number])[] = [
  ['exp', [0], 1], ['exp', [-0], 1], ['exp', [INF], INF], ['exp', [-INF], 0], ['exp', [709.782712893384], 1.7976931348622732e308], ['exp', [709.7827128933841], INF],
  ['exp', [-745.1332191019411], MIN], ['exp', [-745.1332191019412], 0], ['exp', [-746], 0], ['exp', [1], Math.E],
  ['exp2', [10], 1024], ['exp2', [1023], 2 ** 1023], ['exp2', [1024], INF], ['exp2', [-1074], MIN], ['exp2', [-1076], 0], ['exp2', [-INF], 0], ['exp2', [0.5], Math.SQRT2],
  ['expm1', [-0], -0], ['expm1', [0], 0], ['expm1', [INF], INF], ['expm1', [-INF], -1], ['expm1', [MIN], MIN], ['expm1', [710], INF],
  ['log', [1], 0], ['log', [0], -INF], ['log', [-0], -INF], ['log', [-1], NaN], ['log', [INF], INF], ['log', [MIN], -744.4400719213812], ['log', [MAX], 709.782712893384],
  ['log2', [1], 0], ['log2', [MIN], -1074], ['log2', [2 ** 1023], 1023], ['log2', [0], -INF], ['log2', [-1], NaN], ['log2', [INF], INF],
  ['log10', [1], 0], ['log10', [1e22], 22], ['log10', [1e-5], -5], ['log10', [0], -INF], ['log10', [-1], NaN], ['log10', [INF], INF],
  ['log1p', [0], 0], ['log1p', [-0], -0], ['log1p', [-1], -INF], ['log1p', [-1.1], NaN], ['log1p', [INF], INF], ['log1p', [MIN], MIN],
  ['pow', [NaN, 0], 1], ['pow', [NaN, -0], 1], ['pow', [1, NaN], 1], ['pow', [1, INF], 1], ['pow', [-1, INF], 1], ['pow', [-1, -INF], 1],
  ['pow', [0, 3], 0], ['pow', [-0, 3], -0], ['pow', [-0, 2], 0], ['pow', [-0, 2.5], 0], ['pow', [0, -3], INF], ['pow', [-0, -3], -INF], ['pow', [-0, -4], INF], ['pow', [-0, -0.5], INF], ['pow', [-0, 0.5], 0],
  ['pow', [0, INF], 0], ['pow', [0, -INF], INF], ['pow', [0.5, INF], 0], ['pow', [0.5, -INF], INF], ['pow', [2, INF], INF], ['pow', [2, -INF], 0], ['pow', [-2, INF], INF],
  ['pow', [INF, 2], INF], ['pow', [INF, -2], 0], ['pow', [-INF, 3], -INF], ['pow', [-INF, 4], INF], ['pow', [-INF, 0.5], INF], ['pow', [-INF, -3], -0], ['pow', [-INF, -4], 0],
  ['pow', [-8, 1 / 3], NaN], ['pow', [-2, 3], -8], ['pow', [-2, -3], -0.125], ['pow', [-1, 9007199254740993], 1], ['pow', [10, 22], 1e22], ['pow', [2, -1074], MIN], ['pow', [2, 1024], INF], ['pow', [-2, 1025], -INF],
  ['pow', [0.5, 1e30], 0], ['pow', [-3, -1001], -0], ['pow', [3, 5], 243], ['pow', [1 + 2 ** -52, 1e300], INF], ['pow', [2, NaN], NaN], ['pow', [NaN, 1], NaN],
  ['cbrt', [-0], -0], ['cbrt', [0], 0], ['cbrt', [-27], -3], ['cbrt', [1e300], 1e100], ['cbrt', [INF], INF], ['cbrt', [-INF], -INF], ['cbrt', [2 ** -1074], 2 ** -358],
  ['hypot', [3, 4], 5], ['hypot', [INF, NaN], INF], ['hypot', [NaN, -INF], INF], ['hypot', [NaN, 1], NaN], ['hypot', [-0, 0], 0], ['hypot', [3 * 2 ** 700, 4 * 2 ** 700], 5 * 2 ** 700], ['hypot', [MIN, 0], MIN], ['hypot', [MAX, MAX], INF], ['hypot', [3 * MIN, 4 * MIN], 5 * MIN],
  ['sin', [0], 0], ['sin', [-0], -0], ['sin', [INF], NaN], ['sin', [-INF], NaN], ['sin', [MIN], MIN], ['cos', [0], 1], ['cos', [INF], NaN], ['tan', [-0], -0], ['tan', [INF], NaN], ['tan', [MIN], MIN],
  // 2^1023 and the float64 next to a multiple of pi/2 among all (Kahan); true values by mpmath.
  ['sin', [2 ** 1023], 0.563127779850884], ['cos', [6381956970095103 * 2 ** 797], -4.687165924254628e-19], ['sin', [Math.PI], 1.2246467991473532e-16],
  ['asin', [-0], -0], ['asin', [1], Math.PI / 2], ['asin', [-1], -Math.PI / 2], ['asin', [1.1], NaN], ['acos', [1], 0], ['acos', [-1], Math.PI], ['acos', [0], Math.PI / 2], ['acos', [-1.1], NaN],
  ['atan', [-0], -0], ['atan', [INF], Math.PI / 2], ['atan', [-INF], -Math.PI / 2], ['atan', [1], Math.PI / 4],
  ['atan2', [0, 1], 0], ['atan2', [-0, 1], -0], ['atan2', [0, 0], 0], ['atan2', [-0, 0], -0], ['atan2', [0, -0], Math.PI], ['atan2', [-0, -0], -Math.PI], ['atan2', [0, -1], Math.PI], ['atan2', [-0, -1], -Math.PI],
  ['atan2', [1, 0], Math.PI / 2], ['atan2', [-1, -0], -Math.PI / 2], ['atan2', [INF, INF], Math.PI / 4], ['atan2', [INF, -INF], 3 * Math.PI / 4], ['atan2', [-INF, INF], -Math.PI / 4], ['atan2', [-INF, -INF], -3 * Math.PI / 4],
  ['atan2', [INF, 5], Math.PI / 2], ['atan2', [5, INF], 0], ['atan2', [-5, INF], -0], ['atan2', [5, -INF], Math.PI], ['atan2', [NaN, 1], NaN], ['atan2', [1, NaN], NaN], ['atan2', [MIN, MIN], Math.PI / 4], ['atan2', [MAX, MAX], Math.PI / 4], ['atan2', [MIN, MAX], 0],
  ['sinh', [-0], -0], ['sinh', [INF], INF], ['sinh', [-INF], -INF], ['sinh', [710.47586007394394], INF], ['sinh', [-711], -INF], ['sinh', [1000], INF], ['cosh', [0], 1], ['cosh', [-INF], INF], ['cosh', [710.47586007394394], INF], ['cosh', [711], INF], ['tanh', [-0], -0], ['tanh', [INF], 1], ['tanh', [-INF], -1], ['tanh', [25], 1], ['tanh', [MIN], MIN],
  ['asinh', [-0], -0], ['asinh', [INF], INF], ['asinh', [-INF], -INF], ['acosh', [1], 0], ['acosh', [0.9], NaN], ['acosh', [INF], INF], ['atanh', [-0], -0], ['atanh', [1], INF], ['atanh', [-1], -INF], ['atanh', [1.1], NaN],
  ['erf', [0], 0], ['erf', [-0], -0], ['erf', [INF], 1], ['erf', [-INF], -1], ['erf', [MIN], MIN], ['erfc', [0], 1], ['erfc', [INF], 0], ['erfc', [-INF], 2], ['erfc', [28], 0], ['normalCdf', [0], 0.5], ['normalCdf', [-INF], 0], ['normalCdf', [INF], 1], ['normalCdf', [-39], 0],
  ['normalQuantile', [0.5], 0], ['normalQuantile', [0], -INF], ['normalQuantile', [1], INF], ['normalQuantile', [-0.1], NaN], ['normalQuantile', [1.1], NaN], ['erfinv', [0], 0], ['erfinv', [-0], -0], ['erfinv', [1], INF], ['erfinv', [-1], -INF], ['erfinv', [2], NaN],
  ['gamma', [0], INF], ['gamma', [-0], -INF], ['gamma', [-1], NaN], ['gamma', [-INF], NaN], ['gamma', [INF], INF], ['gamma', [172], INF], ['gamma', [-200.5], -0], ['gamma', [-201.5], 0], ['gamma', [MIN], INF], ['gamma', [-MIN], -INF], ['gamma', [0.5], 1.772453850905516],
  ['lgamma', [1], 0], ['lgamma', [2], 0], ['lgamma', [0], INF], ['lgamma', [-3], INF], ['lgamma', [INF], INF], ['lgamma', [-INF], INF], ['lgamma', [MIN], 744.4400719213812],
  ['digamma', [0], -INF], ['digamma', [-0], INF], ['digamma', [-2], NaN], ['digamma', [INF], INF], ['digamma', [-INF], NaN], ['digamma', [1], -0.5772156649015329],
  ['logistic', [0], 0.5], ['logistic', [INF], 1], ['logistic', [-INF], 0], ['logistic', [-745.2], 0], ['logistic', [40], 1],
  ['logExpit', [INF], -0], ['logExpit', [-INF], -INF], ['logExpit', [-1000], -1000], ['softplus', [INF], INF], ['softplus', [-INF], 0], ['softplus', [1000], 1000], ['softplus', [0], Math.LN2],
  ['xlogy', [0, 0], 0], ['xlogy', [-0, -1], 0], ['xlogy', [0, NaN], NaN], ['xlogy', [0, INF], 0], ['xlogy', [1, 0], -INF], ['xlogy', [NaN, 1], NaN],
]

const same = (a: number, b: number): boolean => Object.is(a, b)

test('special values', () => {
  const wrong = CASES.flatMap(([name, x, expected]) => {
    const got = FUNCTIONS.get(name)?.(...x) ?? NaN
    return same(got, expected) ? [] : [`${name}(${x.map((v) => (Object.is(v, -0) ? '-0' : v)).join(', ')}) is ${Object.is(got, -0) ? '-0' : got}, expected ${Object.is(expected, -0) ? '-0' : expected}`]
  })
  assert.deepEqual(wrong, [])
})

test('NaN in, NaN out', () => {
  for (const [name, f] of FUNCTIONS) assert.ok(Number.isNaN(f(NaN, 0.5)), name)
})

test('exact cases are exact', () => {
  for (let k = -1074; k <= 1023; k++) {
    assert.equal(m.exp2(k), 2 ** k)
    assert.equal(m.log2(2 ** k), k)
    assert.equal(m.pow(2, k), 2 ** k)
  }
  for (let k = 0; k <= 22; k++) {
    const power = Number(10n ** BigInt(k))
    assert.equal(m.log10(power), k)
    assert.equal(m.pow(10, k), power)
  }
  for (let n = 1; n <= 200; n++) {
    assert.equal(m.cbrt(n * n * n), n)
    for (let e = 3; n > 1 && n ** e < 2 ** 53; e++) assert.equal(m.pow(n, e), n ** e, `${n}^${e}`)
  }
  let factorial = 1n
  for (let n = 1n; n <= 22n; n++) {
    assert.equal(m.gamma(Number(n)), Number(factorial))
    factorial *= n
  }
})

// Seams: where one formula hands over to the next. Neighbouring arguments may not step backwards by more than the error bound.
const SEAMS: readonly (readonly [string, number, number])[] = [
  ['exp', 0.34657359027997264, 1], ['exp', -708.4, 1], ['expm1', 40, 1], ['expm1', -40, 1], ['expm1', 21.1, 1], ['log', Math.SQRT2, 1], ['log', 2 ** -1022, 1], ['log1p', 0.41, 1], ['log1p', -0.29, 1], ['tanh', 19.1, 1], ['tanh', 0.17, 1],
  ['sinh', 1, 1], ['sinh', 22, 1], ['cosh', 22, 1], ['asinh', 2 ** 28, 1], ['acosh', 2 ** 28, 1], ['asin', 0.5, 1], ['acos', -0.5, -1], ['acos', 0.5, -1], ['atan', 0.4375, 1], ['atan', 0.6875, 1], ['atan', 1.1875, 1], ['atan', 2.4375, 1],
  ['erf', 0.84375, 1], ['erf', 2.25, 1], ['erf', 4.5, 1], ['erfc', 0.25, -1], ['erfc', 0.5, -1], ['erfc', 1.25, -1], ['erfc', 2.25, -1], ['erfc', 4.5, -1], ['normalCdf', -1.193, 1], ['normalQuantile', 0.075, 1], ['normalQuantile', 0.25, 1], ['erfinv', 0.85, 1],
  ['sin', Math.PI / 4, 1], ['cos', Math.PI / 4, -1], ['tan', Math.PI / 4, 1], ['lgamma', 3, 1], ['lgamma', 8, 1], ['digamma', 2, 1], ['digamma', 8, 1], ['gamma', 2.5, 1], ['logistic', -709, 1], ['softplus', 0, 1],
]

test('no step backwards at the seams', () => {
  const wrong: string[] = []
  for (const [name, seam, direction] of SEAMS) {
    const f = FUNCTIONS.get(name)
    assert.ok(f !== undefined)
    const step = Math.abs(seam || 1) * 2 ** -40
    for (let i = -8; i < 8; i++) {
      const [a, b] = [f(seam + i * step), f(seam + (i + 1) * step)]
      if (direction * (b - a) < 0) wrong.push(`${name} at ${seam + i * step}: ${a}, ${b}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('odd and even symmetries hold to the bit', () => {
  const any = fc.double({ noNaN: true })
  fc.assert(fc.property(any, (x) => {
    for (const name of ['sin', 'tan', 'asin', 'atan', 'sinh', 'tanh', 'asinh', 'atanh', 'erf', 'erfinv', 'cbrt']) {
      const f = FUNCTIONS.get(name)
      assert.ok(f !== undefined && same(f(-x), -f(x)), `${name}(${x})`)
    }
    assert.ok(same(m.cos(-x), m.cos(x)) && same(m.cosh(-x), m.cosh(x)), `${x}`)
  }), { numRuns: 2000 })
})

test('close to the engine on arguments of every size', () => {
  // The engine's own functions are within a few ulp: this catches a branch that the reference points miss.
  const close = (a: number, b: number): boolean => same(a, b) || Math.abs(a - b) <= Math.abs(b) * 1e-14 + 1e-320
  const any = fc.double({ noNaN: true, noDefaultInfinity: true })
  const unary = ['exp', 'expm1', 'log', 'log2', 'log10', 'log1p', 'cbrt', 'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh'] as const
  fc.assert(fc.property(any, fc.double({ min: -30, max: 30, noNaN: true }), (x, y) => {
    for (const name of unary) {
      const f = FUNCTIONS.get(name)
      assert.ok(f !== undefined && close(f(x), Math[name](x)), `${name}(${x})`)
      assert.ok(close(f(y), Math[name](y)), `${name}(${y})`)
    }
    // V8's own pow is off by hundreds of ulp for large results.
    if (Math.abs(y * Math.log(Math.abs(x))) < 600) assert.ok(Math.abs(m.pow(x, y) - x ** y) <= 1e-12 * Math.abs(x ** y) + 1e-320 || Number.isNaN(x ** y), `pow(${x}, ${y})`)
    assert.ok(close(m.atan2(x, y), Math.atan2(x, y)), `atan2(${x}, ${y})`)
    assert.ok(close(m.hypot(x, y), Math.hypot(x, y)), `hypot(${x}, ${y})`)
  }), { numRuns: 5000 })
})

test('lgamma and digamma of negative arguments', () => {
  // True values by mpmath.
  assert.ok(Math.abs(m.lgamma(-0.5) - 1.2655121234846454) < 1e-15)
  assert.ok(Math.abs(m.lgamma(-10.25) + 14.20399790093109) < 1e-13)
  assert.ok(Math.abs(m.digamma(-0.5) - 0.03648997397857652) < 1e-15)
  assert.ok(Math.abs(m.digamma(-10.25) - 5.516858419886273) < 1e-13)
})

test('the quantile inverts the distribution function', () => {
  fc.assert(fc.property(fc.double({ min: -8, max: 8, noNaN: true }), (x) => {
    const p = m.normalCdf(-Math.abs(x))
    // Conditioning: an ulp of p moves x by p / (density * x) ulps.
    assert.ok(Math.abs(m.normalQuantile(p) + Math.abs(x)) <= 4e-16 * (1 + Math.abs(x)), `${x}`)
  }))
})
