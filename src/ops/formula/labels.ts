// The definition of mle.LabelLookup.

/** classes at positions. */
export function labelLookupFormula<T>(index: readonly (number | boolean)[], classes: readonly T[]): T[] {
  return index.map((position) => {
    const label = classes[Number(position)]
    if (label === undefined) throw new RangeError(`no class at position ${position}`)
    return label
  })
}
