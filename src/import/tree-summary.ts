// What a model says of its trees, kept as properties of the metadata: mle inspect shows it without reading weights.
import type { Graph, Node } from '../graph/graph.ts'
import { text } from '../ops/attributes.ts'
import { FEATURE_MASK, nodeWords } from '../ops/trees/layout.ts'
import { plainNodes } from '../ops/trees/stored.ts'
import type { Tensor } from '../tensor/tensor.ts'

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

/** A graph whose ensembles of trees are summed up in its metadata: by its importer, or else here, from the nodes alone. */
export function withTreeSummary(graph: Graph): Graph {
  const { metadata, nodes } = graph
  const { properties = [] } = metadata
  if (properties.some(([key]) => key === 'trees.count')) return graph
  const trees: SummarizedTree[] = []
  // Features of different ensembles are told apart by name only: what one reads may be another matrix.
  const names: string[] = []
  for (const node of nodes) {
    if (node.op !== 'TreeEnsemble' || node.domain !== 'mle') continue
    const own = treesOf(text(node.attributes, 'layout', ''), graph.initializers.get(node.inputs[1]), graph.initializers.get(node.inputs[3]))
    const nameOf = featureNames(graph, node)
    const first = names.length
    let width = 0
    for (const tree of own) for (const feature of tree.feature) width = Math.max(width, feature + 1)
    for (let feature = 0; feature < width; feature++) names.push(nameOf(feature))
    trees.push(...own.map((tree) => ({ ...tree, feature: tree.feature.map((feature) => feature + first) })))
  }
  if (trees.length === 0) return graph
  return { ...graph, metadata: { ...metadata, properties: [...properties, ...treeProperties(trees, (feature) => names[feature])] } }
}

interface PlainTree extends SummarizedTree {
  readonly feature: number[]
}

/** Trees of an ensemble as the encoder wrote it; none where a graph computes them. */
function treesOf(layout: string, nodes: Tensor | undefined, roots: Tensor | undefined): PlainTree[] {
  if (!(nodes?.data instanceof Uint8Array) || !(roots?.data instanceof Uint32Array)) return []
  const { words } = nodeWords(plainNodes(layout, nodes.data, roots.data).nodes)
  const total = words.length / 4
  const starts = roots.data
  return Array.from(starts, (start, t): PlainTree => {
    const count = (starts[t + 1] ?? total) - start
    const left: number[] = []
    const feature: number[] = []
    for (let node = 0; node < count; node++) {
      const child = words[4 * (start + node) + 3] - start
      left.push(child === node ? -1 : child)
      feature.push(child === node ? 0 : words[4 * (start + node) + 2] & FEATURE_MASK)
    }
    return { left, right: left.map((child) => child + 1), feature }
  })
}

/** Column names where an ensemble reads the model's own input, numbers elsewhere. */
function featureNames({ nodes, inputs, metadata }: Graph, ensemble: Node): (feature: number) => string {
  let source = ensemble.inputs[0]
  for (let cast = nodes.find((node) => node.op === 'Cast' && node.outputs[0] === source); cast !== undefined; cast = nodes.find((node) => node.op === 'Cast' && node.outputs[0] === source)) source = cast.inputs[0]
  const isInput = inputs.some((info) => info.name === source)
  const byIndex = new Map((metadata.columns ?? []).filter((column) => isInput && column.input === source).map((column) => [column.index, column.name]))
  return (feature) => byIndex.get(feature) ?? `f${feature}`
}
