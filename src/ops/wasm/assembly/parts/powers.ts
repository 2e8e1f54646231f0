// pow of src/math/pow.ts for two lanes: the same operations in the same order, so the same bits.
import { INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from '../../../../math/exp.ts'
import { pow } from '../../../../math/pow.ts'
import { balancedExponents, expTail, join, productTail, promoteHigh, scaledDown } from './functions.ts'
import { constant, power } from './polynomial.ts'

// @ts-ignore: decorator
@inline
function sumTail(a: v128, b: v128, sum: v128): v128 {
  const t = f64x2.sub(sum, a)
  return f64x2.add(f64x2.sub(a, f64x2.sub(sum, t)), f64x2.sub(b, t))
}

// @ts-ignore: decorator
@inline
function step(a: f64, z: v128, rest: v128): v128 {
  return f64x2.add(constant(a), f64x2.mul(z, rest))
}

// @ts-ignore: decorator
@inline
function atanhTail4(z: v128): v128 {
  let p = step(0.05228097555200746, z, constant(0.0538181075750563))
  p = step(0.05883409510814777, z, p)
  p = step(0.06666648198981917, z, p)
  p = step(0.07692307881454075, z, p)
  p = step(0.09090909089822495, z, p)
  p = step(0.11111111111114234, z, p)
  p = step(0.14285714285714282, z, p)
  return step(0.2, z, p)
}

/** Powers that pow rounds correctly. */
// @ts-ignore: decorator
@inline
function isExact(y: v128): v128 {
  const ay = f64x2.abs(y)
  return v128.or(v128.or(f64x2.eq(ay, constant(1)), f64x2.eq(y, constant(2))), f64x2.eq(y, constant(0.5)))
}

/** x to the power y; lanes take the scalar form where the size of one is not ordinary, or that of its power. */
export function powLanes(base: v128, y: v128): v128 {
  const x = f64x2.abs(base)
  const isOrdinary = v128.and(v128.and(f64x2.ge(x, constant(2.2250738585072014e-308)), f64x2.le(x, constant(1e300))), v128.andnot(f64x2.le(f64x2.abs(y), constant(1e20)), isExact(y)))
  const exponents = balancedExponents(x)
  const k = f64x2.convert_low_i32x4_s(exponents)
  const m = scaledDown(x, exponents)
  const f = f64x2.sub(m, constant(1))
  const g = f64x2.add(m, constant(1))
  const gLow = sumTail(m, constant(1), g)
  const s = f64x2.div(f, g)
  const sg = f64x2.mul(s, g)
  const sLow = f64x2.div(f64x2.sub(f64x2.sub(f64x2.sub(f, sg), productTail(s, g, sg)), f64x2.mul(s, gLow)), g)
  const z = f64x2.mul(s, s)
  const zLow = f64x2.add(productTail(s, s, z), f64x2.mul(f64x2.mul(constant(2), s), sLow))
  const third = f64x2.mul(z, constant(0.3333333333333333))
  const thirdLow = f64x2.add(
    f64x2.add(f64x2.add(productTail(z, constant(0.3333333333333333), third), f64x2.mul(z, constant(1.850371707708594e-17))), f64x2.mul(zLow, constant(0.3333333333333333))),
    f64x2.mul(f64x2.mul(z, z), atanhTail4(z)),
  )
  const bracket = f64x2.add(constant(1), third)
  const bracketLow = f64x2.add(f64x2.sub(third, f64x2.sub(bracket, constant(1))), thirdLow)
  const product = f64x2.mul(s, bracket)
  const productLow = f64x2.add(f64x2.add(productTail(s, bracket, product), f64x2.mul(s, bracketLow)), f64x2.mul(sLow, bracket))
  const head = f64x2.mul(k, constant(LN2_HIGH))
  const body = f64x2.mul(constant(2), product)
  const sum = f64x2.add(head, body)
  const sumLow = f64x2.add(f64x2.add(sumTail(head, body, sum), f64x2.mul(constant(2), productLow)), f64x2.mul(k, constant(LN2_LOW)))
  const logHigh = f64x2.add(sum, sumLow)
  const logLow = f64x2.add(f64x2.sub(sum, logHigh), sumLow)
  const t = f64x2.mul(y, logHigh)
  if (!i64x2.all_true(v128.and(isOrdinary, f64x2.le(f64x2.abs(t), constant(708))))) {
    return f64x2(pow(f64x2.extract_lane(base, 0), f64x2.extract_lane(y, 0)), pow(f64x2.extract_lane(base, 1), f64x2.extract_lane(y, 1)))
  }
  const tLow = f64x2.add(productTail(y, logHigh, t), f64x2.mul(y, logLow))
  const biased = f64x2.add(f64x2.mul(t, constant(INV_LN2)), constant(ROUND))
  const n = f64x2.sub(biased, constant(ROUND))
  const high = f64x2.sub(t, f64x2.mul(n, constant(LN2_HIGH)))
  const low = f64x2.sub(tLow, f64x2.mul(n, constant(LN2_LOW)))
  const r = f64x2.add(high, low)
  const rest = f64x2.add(f64x2.sub(high, r), low)
  const one = f64x2.add(constant(1), r)
  const value = f64x2.add(one, f64x2.add(f64x2.sub(r, f64x2.sub(one, constant(1))), f64x2.add(rest, f64x2.mul(f64x2.mul(r, r), expTail(r)))))
  const result = f64x2.mul(value, power(biased))
  // A number below 0 has powers that are integers only, of its sign where they are odd.
  const isInteger = f64x2.eq(f64x2.floor(y), y)
  const half = f64x2.mul(constant(0.5), y)
  const sign = v128.and(base, constant(-0.0))
  const signed = v128.xor(result, v128.and(sign, v128.and(isInteger, f64x2.ne(f64x2.floor(half), half))))
  return v128.bitselect(constant(NaN), signed, v128.andnot(f64x2.lt(base, constant(0)), isInteger))
}

/** Every lane of a vector of float32 or float64 to the power y. */
export function powersOf<T>(x: v128, y: v128): v128 {
  return sizeof<T>() == 8 ? powLanes(x, y) : join(powLanes(f64x2.promote_low_f32x4(x), y), powLanes(promoteHigh(x), y))
}
