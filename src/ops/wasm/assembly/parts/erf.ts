// erf and erfc of src/math/erf.ts for two float64 lanes: the same operations, so the same bits. Each lane reads the polynomial of its own range
// from a table in memory (src/ops/wasm/erf-table.ts), where those of lower degree begin with zeros, which change nothing.
import { INV_LN2, LN2_HIGH, LN2_LOW, ROUND } from '../../../../math/exp.ts'
import { erfc } from '../../../../math/erf.ts'
import { expTail, productTail } from './functions.ts'
import { constant, power, signed } from './polynomial.ts'

/** A row of the table: 17 coefficients, the highest power first, then what is added to the polynomial, in two pieces, and what is taken from its argument. */
const COEFFICIENTS: usize = 17
const HEAD: usize = COEFFICIENTS * 8
const TAIL: usize = HEAD + 8
const SHIFT: usize = TAIL + 8
const ROW_BYTES: i64 = SHIFT + 8

// @ts-ignore: decorator
@inline
function both(p: usize, q: usize, at: usize): v128 {
  return v128.load64_lane(q + at, v128.load64_zero(p + at), 1)
}

/** Where `isCentral`, erfTail(square); elsewhere erfcDore(x, 0, square, squareLow) of x from 0.5 to 26. */
// @ts-ignore: decorator
@inline
function central(x: v128, isCentral: v128, table: usize): v128 {
  const square = f64x2.mul(x, x)
  const one = constant(1)
  const isInverse = f64x2.ge(x, constant(2.25))
  const isFar = f64x2.ge(x, constant(4.5))
  // Masks are -1.
  const ranges = i64x2.sub(i64x2.sub(i64x2.sub(i64x2.splat(1), f64x2.ge(x, constant(1.25))), isInverse), isFar)
  const row = v128.andnot(ranges, isCentral)
  const p = table + <usize>(i64x2.extract_lane(row, 0) * ROW_BYTES)
  const q = table + <usize>(i64x2.extract_lane(row, 1) * ROW_BYTES)
  const top = v128.bitselect(square, v128.bitselect(one, x, isInverse), isCentral)
  const bottom = v128.bitselect(v128.bitselect(square, x, isFar), one, v128.andnot(isInverse, isCentral))
  const t = f64x2.sub(f64x2.div(top, bottom), both(p, q, SHIFT))
  let sum = both(p, q, 0)
  for (let at: usize = 8; at < HEAD; at += 8) sum = f64x2.add(both(p, q, at), f64x2.mul(t, sum))
  if (i64x2.all_true(isCentral)) return sum

  const head = both(p, q, HEAD)
  const tail = f64x2.add(both(p, q, TAIL), sum)
  const g = f64x2.add(head, tail)
  const gLow = f64x2.add(f64x2.sub(head, g), tail)
  const below = f64x2.neg(square)
  const biased = f64x2.add(f64x2.mul(below, constant(INV_LN2)), constant(ROUND))
  const k = f64x2.sub(biased, constant(ROUND))
  const high = f64x2.sub(below, f64x2.mul(k, constant(LN2_HIGH)))
  const low = f64x2.sub(f64x2.neg(productTail(x, x, square)), f64x2.mul(k, constant(LN2_LOW)))
  const r = f64x2.add(high, low)
  const s = f64x2.add(one, r)
  const sLow = f64x2.add(f64x2.sub(r, f64x2.sub(s, one)), f64x2.add(f64x2.add(f64x2.sub(high, r), low), f64x2.mul(f64x2.mul(r, r), expTail(r))))
  const a = f64x2.mul(s, g)
  const aLow = f64x2.add(productTail(s, g, a), f64x2.add(f64x2.mul(sLow, g), f64x2.mul(s, gLow)))
  const quotient = f64x2.div(a, x)
  const product = f64x2.mul(quotient, x)
  const divided = f64x2.add(quotient, f64x2.div(f64x2.add(f64x2.sub(f64x2.sub(a, product), productTail(quotient, x, product)), aLow), x))
  const y = f64x2.mul(v128.bitselect(divided, f64x2.add(a, aLow), isInverse), power(biased))
  return v128.bitselect(sum, y, isCentral)
}

/** Error function of two float64. */
export function erfLanes(x: v128, table: usize): v128 {
  // Past 6 the result is that of 6, which is 1.
  const ax = f64x2.pmin(f64x2.abs(x), constant(6))
  const isCentral = f64x2.lt(ax, constant(0.84375))
  const part = central(ax, isCentral, table)
  const scaled = f64x2.mul(constant(16), x)
  const small = f64x2.mul(constant(0.0625), f64x2.add(scaled, f64x2.mul(scaled, constant(0.1283791670955126))))
  const near = v128.bitselect(small, f64x2.add(x, f64x2.mul(x, part)), f64x2.lt(ax, constant(1e-8)))
  return v128.bitselect(near, signed(f64x2.sub(constant(1), part), x), isCentral)
}

/** 1 - erf(x) of two float64. */
export function erfcLanes(x: v128, table: usize): v128 {
  if (v128.any_true(f64x2.gt(x, constant(26)))) return f64x2(erfc(f64x2.extract_lane(x, 0)), erfc(f64x2.extract_lane(x, 1)))
  // Below -6 the result is that of -6, which is 2.
  const v = f64x2.pmax(x, constant(-6))
  const isCentral = v128.and(f64x2.lt(v, constant(0.5)), f64x2.gt(v, constant(-0.84375)))
  const part = central(f64x2.abs(v), isCentral, table)
  const t = f64x2.mul(v, part)
  const half = constant(0.5)
  const middle = v128.bitselect(f64x2.sub(constant(1), f64x2.add(v, t)), f64x2.sub(half, f64x2.add(f64x2.sub(v, half), t)), f64x2.lt(v, constant(0.25)))
  const tail = v128.bitselect(f64x2.sub(constant(2), part), part, f64x2.lt(v, constant(0)))
  return v128.bitselect(middle, tail, isCentral)
}
