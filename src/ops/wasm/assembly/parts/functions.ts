// Functions of every lane of a vector: the operations of src/math in the same order, so the same bits. Those for float32 are of
// parts/single.ts, which have no branches; float64 lanes outside the ordinary range of a function take its scalar form.
import { exp, INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from '../../../../math/exp.ts'
import { expm1 } from '../../../../math/expm1.ts'
import { tanh } from '../../../../math/hyperbolic.ts'
import { log } from '../../../../math/log.ts'
import { log1p } from '../../../../math/log1p.ts'
import { constant, line, lineAnd, power, signed } from './polynomial.ts'
import { erfPair, expPair, logisticPair, tanhPair } from './single.ts'

// @ts-ignore: decorator
@inline
export function promoteHigh(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3))
}

// @ts-ignore: decorator
@inline
export function join(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5)
}

// @ts-ignore: decorator
@inline
export function expTail(r: v128): v128 {
  const z = f64x2.mul(r, r)
  let t = f64x2.add(line(2.755727359479943e-7, 2.510524515390137e-8, r), f64x2.mul(z, constant(2.091470706960736e-9)))
  t = lineAnd(2.480158732558584e-5, 2.755725533255441e-6, r, z, t)
  t = lineAnd(0.0013888888888883737, 0.00019841269874873975, r, z, t)
  t = lineAnd(0.04166666666666667, 0.00833333333332612, r, z, t)
  return lineAnd(0.5, 0.1666666666666667, r, z, t)
}

/** e^x for two float64. */
function expDouble(x: v128): v128 {
  const ordinary = f64x2.le(f64x2.abs(x), constant(708))
  if (!i64x2.all_true(ordinary)) return f64x2(exp(f64x2.extract_lane(x, 0)), exp(f64x2.extract_lane(x, 1)))
  const biased = f64x2.add(f64x2.mul(x, constant(INV_LN2)), constant(ROUND))
  const k = f64x2.sub(biased, constant(ROUND))
  const high = f64x2.sub(x, f64x2.mul(k, constant(LN2_HIGH)))
  const low = f64x2.mul(f64x2.neg(k), constant(LN2_LOW))
  const r = f64x2.add(high, low)
  const rest = f64x2.add(f64x2.sub(high, r), low)
  const s = f64x2.add(constant(1), r)
  const y = f64x2.add(s, f64x2.add(f64x2.sub(r, f64x2.sub(s, constant(1))), f64x2.add(rest, f64x2.mul(f64x2.mul(r, r), expTail(r)))))
  return f64x2.mul(y, power(biased))
}

export function expOf<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? expDouble(x) : join(expPair(f64x2.promote_low_f32x4(x)), expPair(promoteHigh(x)))
}

/** 1 / (1 + e^-x) for two float64; e^x where e^-x would overflow. */
function logisticDouble(x: v128): v128 {
  const y = f64x2.div(constant(1), f64x2.add(constant(1), expDouble(f64x2.neg(x))))
  const isFar = f64x2.lt(x, constant(-709))
  return v128.any_true(isFar) ? v128.bitselect(expDouble(x), y, isFar) : y
}

/** log(1 + f) + n ln 2 + correction, as logCore. */
// @ts-ignore: decorator
@inline
function logCore(f: v128, n: v128, correction: v128): v128 {
  const s = f64x2.div(f, f64x2.add(constant(2), f))
  const z = f64x2.mul(s, s)
  const w = f64x2.mul(z, z)
  const half = f64x2.mul(f64x2.mul(constant(0.5), f), f)
  const head = f64x2.mul(n, constant(LN2_HIGH))
  const t = f64x2.add(head, f)
  let p = f64x2.add(line(0.1818289243253687, 0.15331611722055008, z), f64x2.mul(w, constant(0.14617807153417325)))
  p = lineAnd(0.28571428626253836, 0.22222211089379496, z, w, p)
  p = lineAnd(0.666666666666667, 0.3999999999989889, z, w, p)
  const low = f64x2.add(f64x2.mul(s, f64x2.add(half, f64x2.mul(z, p))), f64x2.add(f64x2.mul(n, constant(LN2_LOW)), correction))
  return f64x2.add(t, f64x2.sub(f64x2.sub(f, f64x2.sub(t, head)), f64x2.sub(half, low)))
}

/** balancedExponentOf two normal numbers, as 32-bit integers in the low half. */
// @ts-ignore: decorator
@inline
export function balancedExponents(x: v128): v128 {
  const high = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3fe6a09e)), 20)
  return v128.shuffle<i32>(high, high, 1, 3, 1, 3)
}

/** x 2^-exponent */
// @ts-ignore: decorator
@inline
export function scaledDown(x: v128, exponents: v128): v128 {
  return f64x2.mul(x, i64x2.shl(i64x2.sub(i64x2.splat(1023), i64x2.extend_low_i32x4_s(exponents)), 52))
}

// @ts-ignore: decorator
@inline
function fraction(x: v128, exponents: v128): v128 {
  return f64x2.sub(scaledDown(x, exponents), constant(1))
}

/** Natural logarithm of two float64. */
function logDouble(x: v128): v128 {
  // Past 1e300 the power of two that scales x down may be subnormal.
  const ordinary = v128.and(f64x2.ge(x, constant(2.2250738585072014e-308)), f64x2.le(x, constant(1e300)))
  if (!i64x2.all_true(ordinary)) return f64x2(log(f64x2.extract_lane(x, 0)), log(f64x2.extract_lane(x, 1)))
  const exponents = balancedExponents(x)
  return logCore(fraction(x, exponents), f64x2.convert_low_i32x4_s(exponents), constant(0))
}

/** log(1 + x) of two float64. */
export function log1pDouble(x: v128): v128 {
  const ordinary = v128.and(f64x2.gt(x, constant(-1)), f64x2.le(x, constant(1e300)))
  if (!i64x2.all_true(ordinary)) return f64x2(log1p(f64x2.extract_lane(x, 0)), log1p(f64x2.extract_lane(x, 1)))
  // Near 0 the exponent and what 1 + x loses are 0, and x is the fraction itself.
  const isNear = v128.and(f64x2.gt(x, constant(-0.29)), f64x2.lt(x, constant(0.41)))
  const u = f64x2.add(constant(1), x)
  const rest = v128.bitselect(f64x2.sub(constant(1), f64x2.sub(u, x)), f64x2.sub(x, f64x2.sub(u, constant(1))), f64x2.ge(x, constant(1)))
  const exponents = balancedExponents(u)
  const f = v128.bitselect(x, fraction(u, exponents), isNear)
  return signed(logCore(f, v128.andnot(f64x2.convert_low_i32x4_s(exponents), isNear), v128.andnot(f64x2.div(rest, u), isNear)), x)
}

/** log(1 + e^x) of two float64. */
export function softplusDouble(x: v128): v128 {
  const rest = log1pDouble(expDouble(f64x2.neg(f64x2.abs(x))))
  return v128.bitselect(f64x2.add(x, rest), rest, f64x2.gt(x, constant(0)))
}

/** e^x - 1 of two float64. */
export function expm1Double(x: v128): v128 {
  // Past 20 its summation changes; NaN passes through either.
  if (v128.any_true(f64x2.gt(x, constant(20)))) return f64x2(expm1(f64x2.extract_lane(x, 0)), expm1(f64x2.extract_lane(x, 1)))
  const v = f64x2.pmax(x, constant(-40))
  const biased = f64x2.add(f64x2.mul(v, constant(INV_LN2)), constant(ROUND))
  const k = f64x2.sub(biased, constant(ROUND))
  const high = f64x2.sub(v, f64x2.mul(k, constant(LN2_HIGH)))
  const low = f64x2.mul(f64x2.neg(k), constant(LN2_LOW))
  const r = f64x2.add(high, low)
  const n = power(biased)
  const head = f64x2.sub(n, constant(1))
  const body = f64x2.mul(n, r)
  const s = f64x2.add(head, body)
  const rest = f64x2.mul(n, f64x2.add(f64x2.add(f64x2.sub(high, r), low), f64x2.mul(f64x2.mul(r, r), expTail(r))))
  return signed(f64x2.add(s, f64x2.add(f64x2.sub(body, f64x2.sub(s, head)), rest)), x)
}

// @ts-ignore: decorator
@inline
function high26(x: v128): v128 {
  const t = f64x2.mul(constant(134217729), x)
  return f64x2.sub(t, f64x2.sub(t, x))
}

/** a b - product, exactly. */
// @ts-ignore: decorator
@inline
export function productTail(a: v128, b: v128, product: v128): v128 {
  const ah = high26(a)
  const al = f64x2.sub(a, ah)
  const bh = high26(b)
  const bl = f64x2.sub(b, bh)
  return f64x2.add(f64x2.add(f64x2.add(f64x2.sub(f64x2.mul(ah, bh), product), f64x2.mul(ah, bl)), f64x2.mul(al, bh)), f64x2.mul(al, bl))
}

/** Hyperbolic tangent of two float64. */
function tanhDouble(x: v128): v128 {
  const ax = f64x2.abs(x)
  const ordinary = v128.and(f64x2.lt(ax, constant(19.1)), f64x2.ge(ax, constant(1e-8)))
  if (!i64x2.all_true(ordinary)) return f64x2(tanh(f64x2.extract_lane(x, 0)), tanh(f64x2.extract_lane(x, 1)))
  const v = f64x2.mul(constant(2), ax)
  const biased = f64x2.add(f64x2.mul(v, constant(INV_LN2)), constant(ROUND))
  const k = f64x2.sub(biased, constant(ROUND))
  const high = f64x2.sub(v, f64x2.mul(k, constant(LN2_HIGH)))
  const low = f64x2.mul(f64x2.neg(k), constant(LN2_LOW))
  const r = f64x2.add(high, low)
  const n = power(biased)
  const head = f64x2.sub(n, constant(1))
  const body = f64x2.mul(n, r)
  const s = f64x2.add(head, body)
  const rest = f64x2.add(f64x2.add(f64x2.sub(high, r), low), f64x2.mul(f64x2.mul(r, r), expTail(r)))
  const sLow = f64x2.add(f64x2.sub(body, f64x2.sub(s, head)), f64x2.mul(n, rest))
  const p = f64x2.add(s, sLow)
  const pLow = f64x2.add(f64x2.sub(s, p), sLow)
  const d = f64x2.add(constant(2), p)
  const inverse = f64x2.div(constant(1), d)
  const q = f64x2.mul(p, inverse)
  const product = f64x2.mul(q, d)
  // What rounding took from 2 + p.
  const t = f64x2.sub(d, constant(2))
  const dLow = f64x2.add(f64x2.sub(constant(2), f64x2.sub(d, t)), f64x2.sub(p, t))
  const correction = f64x2.add(f64x2.sub(f64x2.sub(p, product), productTail(q, d, product)), f64x2.sub(pLow, f64x2.mul(q, f64x2.add(dLow, pLow))))
  return v128.or(f64x2.add(q, f64x2.mul(correction, inverse)), v128.and(x, i64x2.splat(0x8000000000000000)))
}

export function logisticOf<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? logisticDouble(x) : join(logisticPair(f64x2.promote_low_f32x4(x)), logisticPair(promoteHigh(x)))
}

export function logOf<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? logDouble(x) : join(logDouble(f64x2.promote_low_f32x4(x)), logDouble(promoteHigh(x)))
}

export function tanhOf<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? tanhDouble(x) : join(tanhPair(f64x2.promote_low_f32x4(x)), tanhPair(promoteHigh(x)))
}

/** Error function of four float32. */
export function erfSingles(x: v128): v128 {
  return join(erfPair(f64x2.promote_low_f32x4(x)), erfPair(promoteHigh(x)))
}
