// The functions of src/math/single.ts for two lanes: the same operations, so the same bits.
import { INV_LN2, ROUND } from '../../../../math/exp.ts'
import { LARGEST_POWER, LARGEST_TAIL, LN2, SQRT_HALF } from '../../../../math/single.ts'
import { constant, line, lineAnd, power, signed } from './polynomial.ts'

// @ts-ignore: decorator
@inline
function tail(r: v128): v128 {
  const z = f64x2.mul(r, r)
  let t = line(2.48015873015873e-5, 2.7557319223985893e-6, r)
  t = lineAnd(0.001388888888888889, 0.0001984126984126984, r, z, t)
  t = lineAnd(0.041666666666666664, 0.008333333333333333, r, z, t)
  return lineAnd(0.5, 0.16666666666666666, r, z, t)
}

// @ts-ignore: decorator
@inline
function within(x: v128): v128 {
  return f64x2.pmin(f64x2.pmax(x, constant(-LARGEST_POWER)), constant(LARGEST_POWER))
}

// @ts-ignore: decorator
@inline
function growth(x: v128): v128 {
  const biased = f64x2.add(f64x2.mul(x, constant(INV_LN2)), constant(ROUND))
  const r = f64x2.sub(x, f64x2.mul(f64x2.sub(biased, constant(ROUND)), constant(LN2)))
  const n = power(biased)
  return f64x2.add(f64x2.mul(n, f64x2.add(r, f64x2.mul(f64x2.mul(r, r), tail(r)))), f64x2.sub(n, constant(1)))
}

// @ts-ignore: decorator
@inline
export function expPair(x: v128): v128 {
  const v = within(x)
  const biased = f64x2.add(f64x2.mul(v, constant(INV_LN2)), constant(ROUND))
  const r = f64x2.sub(v, f64x2.mul(f64x2.sub(biased, constant(ROUND)), constant(LN2)))
  const y = f64x2.add(constant(1), f64x2.add(r, f64x2.mul(f64x2.mul(r, r), tail(r))))
  return f64x2.mul(y, power(biased))
}

// @ts-ignore: decorator
@inline
export function expm1Pair(x: v128): v128 {
  return signed(growth(within(x)), x)
}

// @ts-ignore: decorator
@inline
export function logisticPair(x: v128): v128 {
  return f64x2.div(constant(1), f64x2.add(constant(1), expPair(f64x2.neg(x))))
}

// @ts-ignore: decorator
@inline
export function tanhPair(x: v128): v128 {
  // 2 min(|x|, 10); NaN stays.
  const p = growth(f64x2.pmin(f64x2.mul(constant(2), f64x2.abs(x)), constant(20)))
  return signed(f64x2.div(p, f64x2.add(p, constant(2))), x)
}

// @ts-ignore: decorator
@inline
export function softplusPair(x: v128): v128 {
  const y = expPair(f64x2.neg(f64x2.abs(x)))
  const s = f64x2.div(y, f64x2.add(constant(2), y))
  const z = f64x2.mul(s, s)
  const w = f64x2.mul(z, z)
  let t = f64x2.add(line(0.1825532801895845, 0.14445878007941576, z), f64x2.mul(w, constant(0.19066500229620378)))
  t = lineAnd(0.28571483063336206, 0.222193104506863, z, w, t)
  t = lineAnd(0.6666666666709848, 0.3999999961956039, z, w, t)
  return f64x2.add(f64x2.pmax(constant(0), x), f64x2.mul(s, f64x2.add(constant(2), f64x2.mul(z, t))))
}

// @ts-ignore: decorator
@inline
export function erfPair(x: v128): v128 {
  const v = f64x2.pmin(f64x2.pmax(x, constant(-4)), constant(4))
  const z = f64x2.mul(v, v)
  const w = f64x2.mul(z, z)
  let p = line(7.524064792001112e-7, 3.0046409785837724e-9, z)
  p = lineAnd(0.0005128523253980615, 2.176735925943697e-5, z, w, p)
  p = lineAnd(0.05810991077611172, 0.004959662753170086, z, w, p)
  p = lineAnd(1.1283791670866146, 0.20029368935474656, z, w, p)
  let q = line(4.515379694543968e-6, 7.328175383808296e-8, z)
  q = lineAnd(0.0017144870459945235, 0.0001114499333209345, z, w, q)
  q = lineAnd(0.121778235655981, 0.01771374401034683, z, w, q)
  q = lineAnd(1, 0.5108389934210548, z, w, q)
  return f64x2.div(f64x2.mul(v, p), q)
}

// @ts-ignore: decorator
@inline
export function normalCdfPair(x: v128): v128 {
  const v = f64x2.pmin(f64x2.mul(f64x2.abs(x), constant(SQRT_HALF)), constant(LARGEST_TAIL))
  const z = f64x2.mul(v, v)
  let p = lineAnd(0.09242187234664052, 0.016585825617934445, v, z, constant(0.0014126874846910197))
  p = lineAnd(0.6428504500770302, 0.3075054742799853, v, z, p)
  p = lineAnd(0.500000000000582, 0.8088523620546823, v, z, p)
  let q = line(0.058795259141782165, 0.005007846084076736, v)
  q = lineAnd(1.1194920951659397, 0.33012992834752247, v, z, q)
  q = lineAnd(3.3843247486661454, 2.439981438335635, v, z, q)
  q = lineAnd(1, 2.746083891405659, v, z, q)
  const h = f64x2.mul(f64x2.div(p, q), expPair(f64x2.neg(z)))
  return v128.bitselect(h, f64x2.sub(constant(1), h), f64x2.lt(x, constant(0)))
}
