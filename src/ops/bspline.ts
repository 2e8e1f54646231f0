// B-spline bases by the recurrence of Cox and de Boor (C. de Boor, A Practical Guide to Splines, chapter X).

/** The knot interval that holds x, the first or last one for x outside: its polynomial goes on there. */
function intervalOf(knots: ArrayLike<number>, offset: number, count: number, degree: number, x: number): number {
  let interval = degree
  const last = count - degree - 2
  while (interval < last && x >= knots[offset + interval + 1]) interval++
  return interval
}

/**
 * Values at x of the degree + 1 bases that are not zero, into `values`.
 *
 * @param scratch at least 2 (degree + 1) numbers
 * @returns position of the first of them
 */
export function bsplineValues(knots: ArrayLike<number>, offset: number, count: number, degree: number, x: number, values: Float64Array, scratch: Float64Array): number {
  const interval = intervalOf(knots, offset, count, degree, x)
  const right = degree + 1
  values[0] = 1
  for (let j = 1; j <= degree; j++) {
    scratch[j] = x - knots[offset + interval + 1 - j]
    scratch[right + j] = knots[offset + interval + j] - x
    let saved = 0
    for (let r = 0; r < j; r++) {
      const part = values[r] / (scratch[right + r + 1] + scratch[j - r])
      values[r] = saved + scratch[right + r + 1] * part
      saved = scratch[j - r] * part
    }
    values[j] = saved
  }
  return interval - degree
}

/** All bases at x, [columns]; more bases than columns wrap around, as in a periodic spline. */
export function bsplineBasis(knots: Float64Array, degree: number, x: number, columns: number): Float64Array {
  const values = new Float64Array(degree + 1)
  const first = bsplineValues(knots, 0, knots.length, degree, x, values, new Float64Array(2 * degree + 3))
  const out = new Float64Array(columns)
  values.forEach((value, j) => (out[(first + j) % columns] += value))
  return out
}

/** Derivatives of all bases at x: degree (B[i, degree - 1] / (t[i + degree] - t[i]) - B[i + 1, degree - 1] / (t[i + degree + 1] - t[i + 1])). */
export function bsplineSlopes(knots: Float64Array, degree: number, x: number, columns: number): Float64Array {
  const out = new Float64Array(columns)
  if (degree === 0) return out
  const lower = new Float64Array(degree)
  // The interval of the full degree, found again in the knots without their first and last one.
  const inner = knots.subarray(1, knots.length - 1)
  const first = bsplineValues(inner, 0, inner.length, degree - 1, x, lower, new Float64Array(2 * degree + 1)) + 1
  const of = (i: number): number => lower[i - first] ?? 0
  for (let i = 0; i < knots.length - degree - 1; i++) {
    const a = of(i) === 0 ? 0 : of(i) / (knots[i + degree] - knots[i])
    const b = of(i + 1) === 0 ? 0 : of(i + 1) / (knots[i + degree + 1] - knots[i + 1])
    out[i % columns] += degree * (a - b)
  }
  return out
}
