// The definitions of mle.SvmDecision, mle.PairVotes, mle.PairScores and mle.PairCoupling, one row at a time.

/** Pairs (a, b), a < b, in order. */
export function pairsOf(classes: number): [number, number][] {
  const pairs: [number, number][] = []
  for (let a = 0; a < classes; a++) for (let b = a + 1; b < classes; b++) pairs.push([a, b])
  return pairs
}

/** d [pairs] from kernels k [vectors], coefficients [classes - 1][vectors], the class of each vector. */
export function svmDecisionFormula(k: readonly number[], coefficients: readonly (readonly number[])[], intercepts: readonly number[], classOf: readonly number[]): number[] {
  return pairsOf(coefficients.length + 1).map(([a, b], pair) => {
    const terms = k.map((value, v) => (classOf[v] === a ? coefficients[b - 1][v] * value : classOf[v] === b ? coefficients[a][v] * value : 0))
    return terms.reduce((sum, term) => sum + term, 0) + intercepts[pair]
  })
}

export function pairVotesFormula(d: readonly number[], classes: number): number[] {
  const pairs = pairsOf(classes)
  return Array.from({ length: classes }, (_, c) => pairs.filter(([a, b], i) => (d[i] > 0 ? a : b) === c).length)
}

export function pairScoresFormula(second: readonly boolean[], confidence: readonly number[], classes: number): number[] {
  const pairs = pairsOf(classes)
  return Array.from({ length: classes }, (_, c) => {
    const votes = pairs.filter(([a, b], i) => (second[i] ? b : a) === c).length
    const sum = pairs.reduce((total, [a, b], i) => total + (b === c ? confidence[i] : a === c ? -confidence[i] : 0), 0)
    return votes + sum / (3 * (Math.abs(sum) + 1))
  })
}

/** What p [classes] must make small: sum over pairs of (r(b, a) p(a) - r(a, b) p(b))^2, with r [classes][classes]. */
export function couplingLoss(r: readonly (readonly number[])[], p: readonly number[]): number {
  return pairsOf(p.length).reduce((sum, [a, b]) => sum + (r[b][a] * p[a] - r[a][b] * p[b]) * (r[b][a] * p[a] - r[a][b] * p[b]), 0)
}
