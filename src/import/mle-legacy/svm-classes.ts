// How many support vectors each class has. The file does not say, but vectors stand class by class, and the coefficients of a
// vector of class c are <= 0 against the classes before c and >= 0 against those after it; for each pair they sum to 0.

/** Steps of the search where zeros leave the bounds open; real models need a few thousand. */
const MAX_STEPS = 50_000_000

/**
 * Support vectors by class from coefficients [classes - 1, vectors]; undefined where they do not follow.
 */
export function countsByClass(coefficients: Float64Array, classes: number, vectors: number): Int32Array | undefined {
  // The classes that signs allow for a vector.
  const lowest = new Int32Array(vectors)
  const highest = new Int32Array(vectors).fill(classes - 1)
  for (let row = 0; row < classes - 1; row++) {
    for (let v = 0; v < vectors; v++) {
      const value = coefficients[row * vectors + v]
      if (value < 0) lowest[v] = Math.max(lowest[v], row + 1)
      else if (value > 0) highest[v] = Math.min(highest[v], row)
    }
  }
  const fits = (v: number, c: number): boolean => lowest[v] <= c && c <= highest[v]
  // starts[c]: first vector of class c. Depth first over classes; only zeros leave more than one choice.
  const starts = new Int32Array(classes + 1)
  let best: Int32Array | undefined
  let bestResidual = Infinity
  let steps = 0
  const place = (c: number): void => {
    const isLast = c === classes - 1
    for (let end = starts[c]; end < vectors && fits(end, c); ) {
      if (++steps > MAX_STEPS) return
      end++
      if (isLast ? end < vectors : end === vectors || !fits(end, c + 1)) continue
      starts[c + 1] = end
      if (!isLast) {
        place(c + 1)
        continue
      }
      const residual = largestPairSum(coefficients, classes, vectors, starts)
      steps += classes * vectors
      if (residual < bestResidual) {
        bestResidual = residual
        best = starts.slice()
      }
    }
  }
  place(0)
  const scale = coefficients.reduce((sum, one) => sum + Math.abs(one), 0)
  if (best === undefined || !(bestResidual <= 1e-3 * scale)) return undefined
  const found = best
  return Int32Array.from({ length: classes }, (_, c) => found[c + 1] - found[c])
}

/** The largest |sum| over pairs of classes of the coefficients that separate them. */
function largestPairSum(coefficients: Float64Array, classes: number, vectors: number, starts: Int32Array): number {
  let largest = 0
  for (let a = 0; a < classes; a++) {
    for (let b = a + 1; b < classes; b++) {
      let sum = 0
      for (let v = starts[a]; v < starts[a + 1]; v++) sum += coefficients[(b - 1) * vectors + v]
      for (let v = starts[b]; v < starts[b + 1]; v++) sum += coefficients[a * vectors + v]
      largest = Math.max(largest, Math.abs(sum))
    }
  }
  return largest
}
