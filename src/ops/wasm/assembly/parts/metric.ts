// What one feature adds to a distance, for each kind of distances of src/ops/distances.ts that is a sum of terms or the largest of them.

export const SQUARES: i32 = 0
export const MAGNITUDES: i32 = 1
export const LARGEST: i32 = 2
/** The product, of |x|^2 - 2 x y + |y|^2. */
export const EXPANDED: i32 = 3
export const CANBERRA: i32 = 4
/** Features that differ; divided by their number in the end. */
export const HAMMING: i32 = 5
export const CHI_SQUARED: i32 = 6

// @ts-ignore: decorator
@inline
export function term(kind: i32, sum: v128, x: v128, y: v128): v128 {
  if (kind == EXPANDED) return f64x2.add(sum, f64x2.mul(x, y))
  if (kind == HAMMING) return f64x2.add(sum, v128.and(f64x2.ne(x, y), f64x2.splat(1)))
  const d = f64x2.sub(x, y)
  if (kind == SQUARES) return f64x2.add(sum, f64x2.mul(d, d))
  if (kind == LARGEST) return f64x2.max(sum, f64x2.abs(d))
  if (kind == MAGNITUDES) return f64x2.add(sum, f64x2.abs(d))
  const bottom = kind == CANBERRA ? f64x2.add(f64x2.abs(x), f64x2.abs(y)) : f64x2.add(x, y)
  const share = f64x2.div(kind == CANBERRA ? f64x2.abs(d) : f64x2.mul(d, d), bottom)
  return f64x2.add(sum, v128.andnot(share, f64x2.eq(bottom, f64x2.splat(0))))
}

/** A distance from the sum of n terms. */
// @ts-ignore: decorator
@inline
export function finished(kind: i32, sum: v128, n: usize): v128 {
  return kind == HAMMING ? f64x2.div(sum, f64x2.splat(<f64>n)) : sum
}
