// sin and cos of src/math/trig.ts for four lanes: the same operations, so the same bits. Lanes that need the far reduction take the scalar form.
import { ROUND } from '../../../../math/exp.ts'
import { cos, sin } from '../../../../math/trig.ts'
import { constant, line, lineAnd } from './polynomial.ts'

// @ts-ignore: decorator
@inline
function sinTail(z: v128, w: v128): v128 {
  let t = f64x2.add(line(-2.50521062259944e-8, 1.6058530596645953e-10, z), f64x2.mul(w, constant(-7.586636882825159e-13)))
  t = lineAnd(-0.0001984126984126504, 2.755731921932058e-6, z, w, t)
  return lineAnd(-0.16666666666666666, 0.008333333333333331, z, w, t)
}

// @ts-ignore: decorator
@inline
function cosTail(z: v128, w: v128): v128 {
  let t = f64x2.add(line(2.0876755787492604e-9, -1.1470460319209511e-11, z), f64x2.mul(w, constant(4.745838412531023e-14)))
  t = lineAnd(2.4801587301584632e-5, -2.755731922139249e-7, z, w, t)
  return lineAnd(0.041666666666666664, -0.0013888888888888887, z, w, t)
}

/** The nearest multiple of pi/2, plus ROUND, whose low bits are its number. */
// @ts-ignore: decorator
@inline
function turnsOf(x: v128): v128 {
  return f64x2.add(f64x2.mul(x, constant(0.6366197723675814)), constant(ROUND))
}

/** Lanes that are huge or too close to a multiple of pi/2, y away from it. No number is neither, and comes out as none. */
// @ts-ignore: decorator
@inline
function isFar(x: v128, y: v128): v128 {
  const ax = f64x2.abs(x)
  return v128.or(f64x2.ge(ax, constant(1647099)), v128.and(f64x2.gt(ax, constant(0.7853981633974483)), f64x2.lt(f64x2.abs(y), constant(1e-9))))
}

/** What n times pi/2 leaves of x - n times its first two pieces, which is r, and `rest` behind it. */
// @ts-ignore: decorator
@inline
function restOf(n: v128, first: v128, second: v128, r: v128): v128 {
  const t = f64x2.sub(r, first)
  return f64x2.sub(f64x2.sub(f64x2.sub(first, f64x2.sub(r, t)), f64x2.add(second, t)), f64x2.mul(n, constant(2.0222662487959506e-21)))
}

/** The function at y + yLow from the quadrant that `biased` says. */
// @ts-ignore: decorator
@inline
function evaluate(biased: v128, y: v128, yLow: v128, turn: i32): v128 {
  const z = f64x2.mul(y, y)
  const w = f64x2.mul(z, z)
  const half = f64x2.mul(constant(0.5), z)
  const one = f64x2.sub(constant(1), half)
  const sine = f64x2.add(y, f64x2.add(f64x2.mul(f64x2.mul(z, y), sinTail(z, w)), f64x2.mul(yLow, one)))
  const cosine = f64x2.add(one, f64x2.add(f64x2.sub(f64x2.sub(constant(1), one), half), f64x2.sub(f64x2.mul(w, cosTail(z, w)), f64x2.mul(y, yLow))))
  const quadrant = turn == 0 ? biased : i64x2.add(biased, i64x2.splat(turn))
  const isOdd = i64x2.neg(v128.and(quadrant, i64x2.splat(1)))
  const value = v128.xor(sine, v128.and(v128.xor(sine, cosine), isOdd))
  return v128.xor(value, i64x2.shl(v128.and(quadrant, i64x2.splat(2)), 62))
}

// @ts-ignore: decorator
@inline
function circularOf(x: f64, turn: i32): f64 {
  return turn == 0 ? sin(x) : cos(x)
}

/** sin where `turn` is 0, cos where it is 1, of two vectors, which hide each other's latencies; lanes of the scalar form where one is far. */
// @ts-ignore: decorator
@inline
function circular(x: v128, u: v128, turn: i32, to: usize): void {
  const biased = turnsOf(x)
  const uBiased = turnsOf(u)
  const n = f64x2.sub(biased, constant(ROUND))
  const m = f64x2.sub(uBiased, constant(ROUND))
  const first = f64x2.sub(x, f64x2.mul(n, constant(1.5707963267341256)))
  const uFirst = f64x2.sub(u, f64x2.mul(m, constant(1.5707963267341256)))
  const second = f64x2.mul(n, constant(6.077100506303966e-11))
  const uSecond = f64x2.mul(m, constant(6.077100506303966e-11))
  const r = f64x2.sub(first, second)
  const s = f64x2.sub(uFirst, uSecond)
  const rest = restOf(n, first, second, r)
  const uRest = restOf(m, uFirst, uSecond, s)
  const y = f64x2.add(r, rest)
  const v = f64x2.add(s, uRest)
  if (v128.any_true(v128.or(isFar(x, y), isFar(u, v)))) {
    v128.store(to, f64x2(circularOf(f64x2.extract_lane(x, 0), turn), circularOf(f64x2.extract_lane(x, 1), turn)))
    v128.store(to, f64x2(circularOf(f64x2.extract_lane(u, 0), turn), circularOf(f64x2.extract_lane(u, 1), turn)), 16)
    return
  }
  const value = evaluate(biased, y, f64x2.add(f64x2.sub(r, y), rest), turn)
  const uValue = evaluate(uBiased, v, f64x2.add(f64x2.sub(s, v), uRest), turn)
  // Of numbers so small the sine is they.
  v128.store(to, turn == 0 ? v128.bitselect(x, value, f64x2.lt(f64x2.abs(x), constant(7.45e-9))) : value)
  v128.store(to, turn == 0 ? v128.bitselect(u, uValue, f64x2.lt(f64x2.abs(u), constant(7.45e-9))) : uValue, 16)
}

/** Sines of four float64 -> to. */
export function sinFour(x: v128, u: v128, to: usize): void {
  circular(x, u, 0, to)
}

/** Cosines of four float64 -> to. */
export function cosFour(x: v128, u: v128, to: usize): void {
  circular(x, u, 1, to)
}
