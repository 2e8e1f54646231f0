// The definition of mle.LinearLeaves.

export interface FormulaLeaf {
  readonly constant: number
  /** What the leaf gives where a feature is missing. */
  readonly value: number
  readonly terms: readonly (readonly [feature: number, coefficient: number])[]
}

/** y [outputs] of one row, which reached `leaves[t]` of `trees[t]`. */
export function linearLeavesFormula(x: readonly number[], leaves: readonly number[], trees: readonly (readonly FormulaLeaf[])[], outputs: number): number[] {
  const y = new Array<number>(outputs).fill(0)
  trees.forEach((tree, t) => {
    const { constant, value, terms } = tree[leaves[t]]
    const isMissing = terms.some(([feature]) => Number.isNaN(x[feature]))
    y[t % outputs] += isMissing ? value : terms.reduce((sum, [feature, coefficient]) => sum + coefficient * x[feature], constant)
  })
  return y
}
