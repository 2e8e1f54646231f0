/** The nearest integer, ties to even; the sign of zeros stays. */
export function roundEven(x: number): number {
  // Numbers past 2^52 are integers; below it the nearest one by addition keeps the sign of zeros.
  if (!(Math.abs(x) < 4503599627370496)) return x
  return x < 0 || Object.is(x, -0) ? x - 4503599627370496 + 4503599627370496 || -0 : x + 4503599627370496 - 4503599627370496
}
