// Functions of every lane of a vector: the operations of src/math in the same order, so the same bits. Those for float32 are of
// src/math/single.ts, which has no branches; float64 lanes outside the ordinary range of `exp` take its scalar form.
import { erf } from '../../../../math/erf.ts'
import { exp, INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from '../../../../math/exp.ts'
import { tanh } from '../../../../math/hyperbolic.ts'
import { log } from '../../../../math/log.ts'
import { LN2 } from '../../../../math/single.ts'

// @ts-ignore: decorator
@inline
function constant(x: f64): v128 {
  return f64x2.splat(x)
}

/** a + b x */
// @ts-ignore: decorator
@inline
function line(a: f64, b: f64, x: v128): v128 {
  return f64x2.add(constant(a), f64x2.mul(constant(b), x))
}

/** 2^k from the sum of k and ROUND, whose low bits are k. */
// @ts-ignore: decorator
@inline
function power(biased: v128): v128 {
  return i64x2.shl(i64x2.add(biased, i64x2.splat(1023)), 52)
}

// @ts-ignore: decorator
@inline
function tail(r: v128): v128 {
  const z = f64x2.mul(r, r)
  let t = line(2.48015873015873e-5, 2.7557319223985893e-6, r)
  t = f64x2.add(line(0.001388888888888889, 0.0001984126984126984, r), f64x2.mul(z, t))
  t = f64x2.add(line(0.041666666666666664, 0.008333333333333333, r), f64x2.mul(z, t))
  return f64x2.add(line(0.5, 0.16666666666666666, r), f64x2.mul(z, t))
}

/** expSingle of two lanes. */
// @ts-ignore: decorator
@inline
function expPair(x: v128): v128 {
  const v = f64x2.pmin(f64x2.pmax(x, constant(-150)), constant(129))
  const biased = f64x2.add(f64x2.mul(v, constant(INV_LN2)), constant(ROUND))
  const r = f64x2.sub(v, f64x2.mul(f64x2.sub(biased, constant(ROUND)), constant(LN2)))
  const y = f64x2.add(constant(1), f64x2.add(r, f64x2.mul(f64x2.mul(r, r), tail(r))))
  return f64x2.mul(y, power(biased))
}

// @ts-ignore: decorator
@inline
function logisticPair(x: v128): v128 {
  return f64x2.div(constant(1), f64x2.add(constant(1), expPair(f64x2.neg(x))))
}

// @ts-ignore: decorator
@inline
function tanhPair(x: v128): v128 {
  // 2 min(|x|, 10); NaN stays.
  const v = f64x2.pmin(f64x2.mul(constant(2), f64x2.abs(x)), constant(20))
  const biased = f64x2.add(f64x2.mul(v, constant(INV_LN2)), constant(ROUND))
  const r = f64x2.sub(v, f64x2.mul(f64x2.sub(biased, constant(ROUND)), constant(LN2)))
  const n = power(biased)
  const p = f64x2.add(f64x2.mul(n, f64x2.add(r, f64x2.mul(f64x2.mul(r, r), tail(r)))), f64x2.sub(n, constant(1)))
  const t = f64x2.div(p, f64x2.add(p, constant(2)))
  return v128.or(t, v128.and(x, i64x2.splat(0x8000000000000000)))
}

// @ts-ignore: decorator
@inline
function erfPair(x: v128): v128 {
  const v = f64x2.pmin(f64x2.pmax(x, constant(-4)), constant(4))
  const z = f64x2.mul(v, v)
  const w = f64x2.mul(z, z)
  let p = line(7.524064792001112e-7, 3.0046409785837724e-9, z)
  p = f64x2.add(line(0.0005128523253980615, 2.176735925943697e-5, z), f64x2.mul(w, p))
  p = f64x2.add(line(0.05810991077611172, 0.004959662753170086, z), f64x2.mul(w, p))
  p = f64x2.add(line(1.1283791670866146, 0.20029368935474656, z), f64x2.mul(w, p))
  let q = line(4.515379694543968e-6, 7.328175383808296e-8, z)
  q = f64x2.add(line(0.0017144870459945235, 0.0001114499333209345, z), f64x2.mul(w, q))
  q = f64x2.add(line(0.121778235655981, 0.01771374401034683, z), f64x2.mul(w, q))
  q = f64x2.add(line(1, 0.5108389934210548, z), f64x2.mul(w, q))
  return f64x2.div(f64x2.mul(v, p), q)
}

// @ts-ignore: decorator
@inline
function promoteHigh(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3))
}

// @ts-ignore: decorator
@inline
function join(low: v128, high: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 1, 4, 5)
}

// @ts-ignore: decorator
@inline
function expTail(r: v128): v128 {
  const z = f64x2.mul(r, r)
  let t = f64x2.add(line(2.755727359479943e-7, 2.510524515390137e-8, r), f64x2.mul(z, constant(2.091470706960736e-9)))
  t = f64x2.add(line(2.480158732558584e-5, 2.755725533255441e-6, r), f64x2.mul(z, t))
  t = f64x2.add(line(0.0013888888888883737, 0.00019841269874873975, r), f64x2.mul(z, t))
  t = f64x2.add(line(0.04166666666666667, 0.00833333333332612, r), f64x2.mul(z, t))
  return f64x2.add(line(0.5, 0.1666666666666667, r), f64x2.mul(z, t))
}

/** e^x for two float64. */
function exp64(x: v128): v128 {
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
  return sizeof<T>() == 8 ? exp64(x) : join(expPair(f64x2.promote_low_f32x4(x)), expPair(promoteHigh(x)))
}

/** 1 / (1 + e^-x) for two float64; e^x where e^-x would overflow. */
function logistic64(x: v128): v128 {
  const y = f64x2.div(constant(1), f64x2.add(constant(1), exp64(f64x2.neg(x))))
  const isFar = f64x2.lt(x, constant(-709))
  return v128.any_true(isFar) ? v128.bitselect(exp64(x), y, isFar) : y
}

/** Natural logarithm of two float64. */
function log64(x: v128): v128 {
  // Past 1e300 the power of two that scales x down may be subnormal.
  const ordinary = v128.and(f64x2.ge(x, constant(2.2250738585072014e-308)), f64x2.le(x, constant(1e300)))
  if (!i64x2.all_true(ordinary)) return f64x2(log(f64x2.extract_lane(x, 0)), log(f64x2.extract_lane(x, 1)))
  const high = i32x4.shr_s(i32x4.sub(x, i32x4.splat(0x3fe6a09e)), 20)
  const exponents = v128.shuffle<i32>(high, high, 1, 3, 1, 3)
  const n = f64x2.convert_low_i32x4_s(exponents)
  const down = i64x2.shl(i64x2.sub(i64x2.splat(1023), i64x2.extend_low_i32x4_s(exponents)), 52)
  const f = f64x2.sub(f64x2.mul(x, down), constant(1))
  const s = f64x2.div(f, f64x2.add(constant(2), f))
  const z = f64x2.mul(s, s)
  const w = f64x2.mul(z, z)
  const half = f64x2.mul(f64x2.mul(constant(0.5), f), f)
  const head = f64x2.mul(n, constant(LN2_HIGH))
  const t = f64x2.add(head, f)
  let p = f64x2.add(line(0.1818289243253687, 0.15331611722055008, z), f64x2.mul(w, constant(0.14617807153417325)))
  p = f64x2.add(line(0.28571428626253836, 0.22222211089379496, z), f64x2.mul(w, p))
  p = f64x2.add(line(0.666666666666667, 0.3999999999989889, z), f64x2.mul(w, p))
  const low = f64x2.add(f64x2.mul(s, f64x2.add(half, f64x2.mul(z, p))), f64x2.mul(n, constant(LN2_LOW)))
  return f64x2.add(t, f64x2.sub(f64x2.sub(f, f64x2.sub(t, head)), f64x2.sub(half, low)))
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
function productTail(a: v128, b: v128, product: v128): v128 {
  const ah = high26(a)
  const al = f64x2.sub(a, ah)
  const bh = high26(b)
  const bl = f64x2.sub(b, bh)
  return f64x2.add(f64x2.add(f64x2.add(f64x2.sub(f64x2.mul(ah, bh), product), f64x2.mul(ah, bl)), f64x2.mul(al, bh)), f64x2.mul(al, bl))
}

/** Hyperbolic tangent of two float64. */
function tanh64(x: v128): v128 {
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
  return sizeof<T>() == 8 ? logistic64(x) : join(logisticPair(f64x2.promote_low_f32x4(x)), logisticPair(promoteHigh(x)))
}

export function logOf<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? log64(x) : join(log64(f64x2.promote_low_f32x4(x)), log64(promoteHigh(x)))
}

export function tanhOf<T>(x: v128): v128 {
  return sizeof<T>() == 8 ? tanh64(x) : join(tanhPair(f64x2.promote_low_f32x4(x)), tanhPair(promoteHigh(x)))
}

export function erfOf<T>(x: v128): v128 {
  if (sizeof<T>() == 8) return f64x2(erf(f64x2.extract_lane(x, 0)), erf(f64x2.extract_lane(x, 1)))
  return join(erfPair(f64x2.promote_low_f32x4(x)), erfPair(promoteHigh(x)))
}
