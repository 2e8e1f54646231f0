// What a boosted model says of its trees, kept as properties of the metadata: mle inspect shows it without reading weights.

/** One tree by node, as importers describe it to the encoder, and the gain of its splits where the file has it. */
export interface SummarizedTree {
  readonly left: ArrayLike<number>
  readonly right: ArrayLike<number>
  readonly feature: ArrayLike<number>
  readonly cover?: ArrayLike<number>
  readonly gain?: ArrayLike<number>
}

/** Features listed by importance. */
const LISTED = 30

/**
 * Properties of a model's trees: `trees.count`, `trees.leaves`, `trees.depths` (how many trees have each depth, as JSON), and as
 * JSON lists of [feature, sum over its splits], largest first: `trees.splits`, `trees.cover`, `trees.gain`.
 *
 * @param trees trees that the encoder has taken, so that their children are sound
 * @param nameOf the name under which a feature's splits are summed
 */
export function treeProperties(trees: readonly SummarizedTree[], nameOf: (feature: number) => string): [string, string][] {
  const depths = new Map<number, number>()
  const splits = new Map<string, number>()
  const covers = new Map<string, number>()
  const gains = new Map<string, number>()
  const add = <K>(to: Map<K, number>, key: K, value: number): void => void to.set(key, (to.get(key) ?? 0) + value)
  let leaves = 0
  for (const tree of trees) {
    let deepest = 0
    const pending: [node: number, depth: number][] = [[0, 0]]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [node, depth] = next
      if (tree.left[node] < 0) {
        leaves++
        deepest = Math.max(deepest, depth)
        continue
      }
      const feature = nameOf(tree.feature[node])
      add(splits, feature, 1)
      if (tree.cover !== undefined) add(covers, feature, tree.cover[node])
      if (tree.gain !== undefined) add(gains, feature, tree.gain[node])
      pending.push([tree.left[node], depth + 1], [tree.right[node], depth + 1])
    }
    add(depths, deepest, 1)
  }
  const properties: [string, string][] = [
    ['trees.count', String(trees.length)],
    ['trees.leaves', String(leaves)],
    ['trees.depths', JSON.stringify([...depths].sort(([a], [b]) => a - b))],
  ]
  for (const [name, sums] of [['splits', splits], ['cover', covers], ['gain', gains]] as const) {
    const known = [...sums].filter(([, sum]) => Number.isFinite(sum))
    if (known.every(([, sum]) => sum === 0)) continue
    const listed = known.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).slice(0, LISTED)
    properties.push([`trees.${name}`, JSON.stringify(listed.map(([feature, sum]) => [feature, Number(sum.toPrecision(6))]))])
  }
  return properties
}
