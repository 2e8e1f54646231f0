// sin and cos of src/math/trig.ts for two lanes: the same operations, so the same bits. Lanes that need the far reduction take the scalar form.
import { ROUND } from '../../../../math/exp.ts'
import { cos, sin } from '../../../../math/trig.ts'
import { constant, line, lineAnd } from './polynomial.ts'

// @ts-ignore: decorator
@inline
function sinTail(z: v128): v128 {
  const w = f64x2.mul(z, z)
  let t = f64x2.add(line(-2.50521062259944e-8, 1.6058530596645953e-10, z), f64x2.mul(w, constant(-7.586636882825159e-13)))
  t = lineAnd(-0.0001984126984126504, 2.755731921932058e-6, z, w, t)
  return lineAnd(-0.16666666666666666, 0.008333333333333331, z, w, t)
}

// @ts-ignore: decorator
@inline
function cosTail(z: v128): v128 {
  const w = f64x2.mul(z, z)
  let t = f64x2.add(line(2.0876755787492604e-9, -1.1470460319209511e-11, z), f64x2.mul(w, constant(4.745838412531023e-14)))
  t = lineAnd(2.4801587301584632e-5, -2.755731922139249e-7, z, w, t)
  return lineAnd(0.041666666666666664, -0.0013888888888888887, z, w, t)
}

/** sin where `turn` is 0, cos where it is 1; lanes of the scalar form where an argument is huge, no number, or too close to a multiple of pi/2. */
// @ts-ignore: decorator
@inline
function circular(x: v128, turn: i32): v128 {
  const ax = f64x2.abs(x)
  const biased = f64x2.add(f64x2.mul(x, constant(0.6366197723675814)), constant(ROUND))
  const n = f64x2.sub(biased, constant(ROUND))
  const first = f64x2.sub(x, f64x2.mul(n, constant(1.5707963267341256)))
  const second = f64x2.mul(n, constant(6.077100506303966e-11))
  const r = f64x2.sub(first, second)
  const t = f64x2.sub(r, first)
  const rest = f64x2.sub(f64x2.add(f64x2.sub(first, f64x2.sub(r, t)), f64x2.sub(f64x2.neg(second), t)), f64x2.mul(n, constant(2.0222662487959506e-21)))
  const y = f64x2.add(r, rest)
  const isNear = v128.and(f64x2.lt(ax, constant(1647099)), v128.or(f64x2.le(ax, constant(0.7853981633974483)), f64x2.ge(f64x2.abs(y), constant(1e-9))))
  if (!i64x2.all_true(isNear)) {
    const a = f64x2.extract_lane(x, 0)
    const b = f64x2.extract_lane(x, 1)
    return turn == 0 ? f64x2(sin(a), sin(b)) : f64x2(cos(a), cos(b))
  }
  const yLow = f64x2.add(f64x2.sub(r, y), rest)
  const z = f64x2.mul(y, y)
  const half = f64x2.mul(constant(0.5), z)
  const one = f64x2.sub(constant(1), half)
  const sine = f64x2.add(y, f64x2.add(f64x2.mul(f64x2.mul(z, y), sinTail(z)), f64x2.mul(yLow, one)))
  const cosine = f64x2.add(one, f64x2.add(f64x2.sub(f64x2.sub(constant(1), one), half), f64x2.sub(f64x2.mul(f64x2.mul(z, z), cosTail(z)), f64x2.mul(y, yLow))))
  // The low bits of `biased` are those of n.
  const quadrant = i64x2.add(biased, i64x2.splat(turn))
  const isOdd = i64x2.neg(v128.and(quadrant, i64x2.splat(1)))
  const value = v128.bitselect(cosine, sine, isOdd)
  return v128.xor(value, i64x2.shl(v128.and(quadrant, i64x2.splat(2)), 62))
}

/** Sine of two float64. */
export function sinLanes(x: v128): v128 {
  return v128.bitselect(x, circular(x, 0), f64x2.lt(f64x2.abs(x), constant(7.45e-9)))
}

/** Cosine of two float64. */
export function cosLanes(x: v128): v128 {
  return circular(x, 1)
}
