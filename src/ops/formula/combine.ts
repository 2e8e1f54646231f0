// The definitions of mle.Interpolate and mle.WeightedMedian.

/** The value at x on straight lines through (knots[i], values[i]); undefined beyond them. `magnitude` is the sum of the terms' sizes. */
export function interpolateFormula(x: number, knots: readonly number[], values: readonly number[]): { readonly value: number; readonly magnitude: number } | undefined {
  if (x < knots[0] || x > knots[knots.length - 1]) return undefined
  let j = 0
  while (j + 1 < knots.length && knots[j + 1] <= x) j++
  if (knots[j] === x || j + 1 === knots.length) return { value: values[j], magnitude: Math.abs(values[j]) }
  const step = ((values[j + 1] - values[j]) / (knots[j + 1] - knots[j])) * (x - knots[j])
  return { value: values[j] + step, magnitude: Math.abs(values[j]) + Math.abs(step) + Math.abs(values[j + 1]) }
}

/** The first element in ascending order at which the weights so far reach half of all. */
export function weightedMedianFormula(row: readonly number[], weights: readonly number[]): number {
  const order = row.map((_, i) => i).sort((a, b) => row[a] - row[b] || a - b)
  const total = order.reduce((sum, i) => sum + weights[i], 0)
  let sum = 0
  for (const i of order) {
    sum += weights[i]
    if (sum >= 0.5 * total) return row[i]
  }
  return row[order[0]]
}
