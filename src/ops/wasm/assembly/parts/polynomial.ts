// What polynomials and powers of two of two float64 lanes are made of.

// @ts-ignore: decorator
@inline
export function constant(x: f64): v128 {
  return f64x2.splat(x)
}

/** a + b x */
// @ts-ignore: decorator
@inline
export function line(a: f64, b: f64, x: v128): v128 {
  return f64x2.add(constant(a), f64x2.mul(constant(b), x))
}

/** a + b x + z rest */
// @ts-ignore: decorator
@inline
export function lineAnd(a: f64, b: f64, x: v128, z: v128, rest: v128): v128 {
  return f64x2.add(line(a, b, x), f64x2.mul(z, rest))
}

/** 2^k from the sum of k and ROUND, whose low bits are k. */
// @ts-ignore: decorator
@inline
export function power(biased: v128): v128 {
  return i64x2.shl(i64x2.add(biased, i64x2.splat(1023)), 52)
}

/** `value`, which is not negative, or has the sign of x already, with the sign of x. */
// @ts-ignore: decorator
@inline
export function signed(value: v128, x: v128): v128 {
  return v128.or(value, v128.and(x, i64x2.splat(0x8000000000000000)))
}
