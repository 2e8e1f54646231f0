// Elementary functions of doubles, rounded to the nearest double: computed with integers of 400 bits and more after the point, so that
// the vectors do not depend on any engine's or this project's own mathematics.

/** Bits after the point. */
const P = 400n
const ONE = 1n << P
/** For reducing angles up to 2^1024. */
const WIDE = 1600n

const absolute = (a: bigint): bigint => (a < 0n ? -a : a)
const bitLength = (a: bigint): number => (a === 0n ? 0 : a.toString(16).length * 4 - 4 + (32 - Math.clz32(parseInt(a.toString(16)[0], 16))))
/** a * 2^shift, towards minus infinity. */
const shifted = (a: bigint, shift: number): bigint => (shift >= 0 ? a << BigInt(shift) : a >> BigInt(-shift))

/** A finite double as mantissa * 2^exponent. */
export function partsOf(x: number): { readonly mantissa: bigint; readonly exponent: number } {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, x)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 2047n)
  const fraction = bits & ((1n << 52n) - 1n)
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n)
  return { mantissa: bits >> 63n === 1n ? -mantissa : mantissa, exponent: Math.max(biased, 1) - 1075 }
}

/** value * 2^exponent as the nearest number of `bits` bits whose smallest exponent is `least`, ties to even. */
export function nearest(value: bigint, exponent: number, bits: number = 53, least: number = -1074): number {
  const size = absolute(value)
  if (size === 0n) return 0
  const drop = Math.max(bitLength(size) - bits, least - exponent, 0)
  const kept = size >> BigInt(drop)
  const rest = size - (kept << BigInt(drop))
  const half = drop === 0 ? 0n : 1n << BigInt(drop - 1)
  const up = drop > 0 && (rest > half || (rest === half && (kept & 1n) === 1n))
  const rounded = Number(up ? kept + 1n : kept)
  // Two steps: 2^1074 is beyond the largest double.
  const scale = exponent + drop
  const first = Math.max(-1000, Math.min(1000, scale))
  const result = rounded * powerOfTwo(first) * powerOfTwo(scale - first)
  return value < 0n ? -result : result
}

function powerOfTwo(exponent: number): number {
  if (exponent > 1023) return Infinity
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, exponent < -1022 ? 1n << BigInt(exponent + 1074) : BigInt(exponent + 1023) << 52n)
  return view.getFloat64(0)
}

/** A double with P bits after the point; what lies below is lost, so tiny arguments go another way. */
function fixed(x: number, point: bigint = P): bigint {
  const { mantissa, exponent } = partsOf(x)
  return shifted(mantissa, exponent + Number(point))
}

const real = (value: bigint): number => nearest(value, -Number(P))
const times = (a: bigint, b: bigint): bigint => (a * b) >> P
const over = (a: bigint, b: bigint): bigint => (a << P) / b

function squareRoot(a: bigint): bigint {
  // Of a number with P bits after the point, by Newton's iteration from above.
  const target = a << P
  if (target === 0n) return 0n
  let root = 1n << BigInt(Math.ceil(bitLength(target) / 2) + 1)
  for (;;) {
    const next = (root + target / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

/** 2 (z + z^3 / 3 + z^5 / 5 + ...), z of `point` bits. */
function doubleAtanh(z: bigint, point: bigint = P): bigint {
  const square = (z * z) >> point
  let term = z
  let sum = z
  for (let n = 3n; term !== 0n && term !== -1n; n += 2n) {
    term = (term * square) >> point
    sum += term / n
  }
  return 2n * sum
}

const LN2 = doubleAtanh(ONE / 3n)

/** arctan of 1 / n with `point` bits. */
function arctanInverse(n: bigint, point: bigint): bigint {
  let term = (1n << point) / n
  let sum = term
  for (let k = 3n, sign = -1n; term !== 0n; k += 2n, sign = -sign) {
    term /= n * n
    sum += (sign * term) / k
  }
  return sum
}

/** Machin 1706. */
const PI_WIDE = 4n * (4n * arctanInverse(5n, WIDE) - arctanInverse(239n, WIDE))
const PI = PI_WIDE >> (WIDE - P)

/** e^x with P bits after the point, for x of P bits. */
function expFixed(x: bigint): bigint {
  const count = (x + LN2 / 2n) / LN2 - (x < -LN2 / 2n ? 1n : 0n)
  const rest = x - count * LN2
  let term = ONE
  let sum = ONE
  for (let n = 1n; term !== 0n && term !== -1n; n++) {
    term = times(term, rest) / n
    sum += term
  }
  return shifted(sum, Number(count))
}

/** As expFixed, for results far below 1: relative precision is kept by an exponent of two. */
function expParts(x: bigint): { readonly value: bigint; readonly exponent: number } {
  const count = Number(x / LN2)
  return { value: expFixed(x - BigInt(count) * LN2), exponent: count - Number(P) }
}

/** ln of a positive number with P bits after the point. */
function logFixed(a: bigint): bigint {
  let power = bitLength(a) - 1 - Number(P)
  // Between 3/4 and 3/2, so that nothing cancels near 1.
  let m = shifted(a, -power)
  if (2n * m > 3n * ONE) {
    power++
    m >>= 1n
  }
  return BigInt(power) * LN2 + doubleAtanh(over(m - ONE, m + ONE))
}

function logOf(x: number): bigint {
  const { mantissa, exponent } = partsOf(x)
  const size = bitLength(mantissa)
  return logFixed(mantissa << (P - BigInt(size) + 1n)) + BigInt(exponent + size - 1) * LN2
}

function sinFixed(r: bigint): bigint {
  const square = times(r, r)
  let term = r
  let sum = r
  for (let n = 2n; term !== 0n && term !== -1n; n += 2n) {
    term = -times(term, square) / (n * (n + 1n))
    sum += term
  }
  return sum
}

function cosFixed(r: bigint): bigint {
  const square = times(r, r)
  let term = ONE
  let sum = ONE
  for (let n = 1n; term !== 0n && term !== -1n; n += 2n) {
    term = -times(term, square) / (n * (n + 1n))
    sum += term
  }
  return sum
}

/** The angle less a multiple of pi / 2, and that multiple modulo 4. */
function quarter(x: number): { readonly rest: bigint; readonly turn: number } {
  const half = PI_WIDE / 2n
  const angle = fixed(x, WIDE)
  const count = (2n * angle + half) / (2n * half) - (2n * angle + half < 0n ? 1n : 0n)
  return { rest: (angle - count * half) >> (WIDE - P), turn: Number(((count % 4n) + 4n) % 4n) }
}

function sinCos(x: number): readonly [sin: bigint, cos: bigint] {
  const { rest, turn } = quarter(x)
  const [s, c] = [sinFixed(rest), cosFixed(rest)]
  return turn === 0 ? [s, c] : turn === 1 ? [c, -s] : turn === 2 ? [-s, -c] : [-c, s]
}

function atanFixed(a: bigint): bigint {
  if (a < 0n) return -atanFixed(-a)
  if (a > ONE) return PI / 2n - atanFixed(over(ONE, a))
  // Halve the angle three times: the series then gains 8 bits a term.
  let z = a
  for (let i = 0; i < 3; i++) z = over(z, ONE + squareRoot(ONE + times(z, z)))
  const square = times(z, z)
  let term = z
  let sum = z
  for (let n = 3n; term !== 0n && term !== -1n; n += 2n) {
    term = -times(term, square)
    sum += term / n
  }
  return 8n * sum
}

/** Below this, x is the nearest double to every odd function here with slope 1 at 0. */
const TINY = 2 ** -28
const odd = (f: (x: number) => number, tiny: number = TINY) => (x: number): number => (Math.abs(x) < tiny || Number.isNaN(x) ? x : f(x))
/** The same for functions whose next term is x^2 / 2. */
const TINIER = 2 ** -56
const inside = (f: (x: number) => number) => odd((x) => (Math.abs(x) > 1 ? NaN : f(x)))
const finite = (f: (x: number) => number) => odd((x) => (Number.isFinite(x) ? f(x) : NaN))

function exp(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > 710) return Infinity
  if (x < -746) return 0
  const { value, exponent } = expParts(fixed(x))
  return nearest(value, exponent)
}

function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return NaN
  return x === 0 ? -Infinity : x === Infinity ? x : real(logOf(x))
}

function pow(x: number, y: number): number {
  if (y === 0 || x === 1) return 1
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN
  const size = Math.abs(x)
  const isOdd = Number.isInteger(y) && Math.abs(y) <= 2 ** 53 && y % 2 !== 0
  const signed = (value: number): number => ((x < 0 || Object.is(x, -0)) && isOdd ? -value : value)
  if (Math.abs(y) === Infinity) return size === 1 ? 1 : size > 1 === y > 0 ? Infinity : 0
  if (size === 0 || size === Infinity) return signed((size === 0) === y > 0 ? 0 : Infinity)
  if (x < 0 && !Number.isInteger(y)) return NaN
  const { mantissa, exponent } = partsOf(y)
  const power = shifted(logOf(size) * mantissa, exponent)
  if (power > 710n * ONE) return signed(Infinity)
  if (power < -746n * ONE) return signed(0)
  const { value, exponent: scale } = expParts(power)
  return signed(nearest(value, scale))
}

/** Functions by their names in Math. */
export const realMath: Pick<Math, 'exp' | 'log' | 'pow' | 'expm1' | 'log1p' | 'sin' | 'cos' | 'tan' | 'asin' | 'acos' | 'atan' | 'sinh' | 'cosh' | 'tanh' | 'asinh' | 'acosh' | 'atanh'> = {
  exp,
  log,
  pow,
  expm1: odd((x) => (x > 710 ? Infinity : x < -100 ? -1 : real(expFixed(fixed(x)) - ONE)), TINIER),
  log1p: odd((x) => (x < -1 ? NaN : x === -1 ? -Infinity : x === Infinity ? x : real(logFixed(ONE + fixed(x)))), TINIER),
  sin: finite((x) => real(sinCos(x)[0])),
  cos: (x: number): number => (Number.isFinite(x) ? (Math.abs(x) < TINY ? 1 : real(sinCos(x)[1])) : NaN),
  tan: finite((x) => real(over(...sinCos(x)))),
  asin: inside((x) => real(Math.abs(x) === 1 ? (BigInt(x) * PI) / 2n : atanFixed(over(fixed(x), squareRoot(ONE - times(fixed(x), fixed(x))))))),
  acos: (x: number): number => (!(Math.abs(x) <= 1) ? NaN : x === -1 ? real(PI) : real(2n * atanFixed(squareRoot(over(ONE - fixed(x), ONE + fixed(x)))))),
  atan: odd((x) => (Number.isFinite(x) ? real(atanFixed(fixed(x))) : Math.sign(x) * real(PI / 2n))),
  sinh: odd((x) => (Math.abs(x) > 711 ? Math.sign(x) * Infinity : nearest(expFixed(fixed(x)) - expFixed(fixed(-x)), -Number(P) - 1))),
  cosh: (x: number): number => (Number.isNaN(x) ? x : Math.abs(x) > 711 ? Infinity : nearest(expFixed(fixed(x)) + expFixed(fixed(-x)), -Number(P) - 1)),
  tanh: odd((x) => (Math.abs(x) > 22 ? Math.sign(x) : real(over(expFixed(fixed(2 * x)) - ONE, expFixed(fixed(2 * x)) + ONE)))),
  asinh: odd((x) => (Number.isFinite(x) ? Math.sign(x) * real(logFixed(fixed(Math.abs(x)) + squareRoot(ONE + times(fixed(x), fixed(x))))) : x)),
  acosh: (x: number): number => (!(x >= 1) ? NaN : x === Infinity ? x : real(logFixed(fixed(x) + squareRoot(times(fixed(x), fixed(x)) - ONE)))),
  atanh: inside((x) => (Math.abs(x) === 1 ? x * Infinity : real(logFixed(over(ONE + fixed(x), ONE - fixed(x))) >> 1n))),
}

/** Functions that formulas do not use, and may not: nobody has computed them here. */
const FORBIDDEN = ['cbrt', 'hypot', 'log2', 'log10', 'atan2', 'random'] as const

/** Runs f while Math's functions are those above, so that formulas written with Math give the same bits on every engine. */
export function withRealMath<R>(f: () => R): R {
  const replaced: Record<string, unknown> = { ...realMath }
  for (const name of FORBIDDEN) {
    replaced[name] = () => {
      throw new TypeError(`a formula uses Math.${name}, which differs between engines`)
    }
  }
  const before = Object.fromEntries(Object.getOwnPropertyNames(Math).map((name) => [name, Reflect.get(Math, name)] as const).filter(([name]) => name in replaced))
  Object.assign(Math, replaced)
  try {
    return f()
  } finally {
    Object.assign(Math, before)
  }
}
