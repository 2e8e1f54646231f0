// What rounding throws away: the exact errors of one sum and one product (Knuth 1969; Dekker 1971). No operand may
// exceed about 2^995, or the split overflows.

/** The upper 26 bits of x. */
export function high26(x: number): number {
  const t = 134217729 * x
  return t - (t - x)
}

/** a + b - sum, exactly, where sum is a + b rounded. */
export function sumTail(a: number, b: number, sum: number): number {
  const t = sum - a
  return a - (sum - t) + (b - t)
}

/** a * b - product, exactly, where product is a * b rounded. */
export function productTail(a: number, b: number, product: number): number {
  const ah = high26(a)
  const al = a - ah
  const bh = high26(b)
  const bl = b - bh
  return ah * bh - product + ah * bl + al * bh + al * bl
}
