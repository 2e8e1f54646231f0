// ml-random-forest (ml.js): the trees of our graph in its JSON form. It averages, so that a sum of trees is its mean times their number.
import type { Graph } from '../../src/graph/graph.ts'
import { text } from '../../src/ops/attributes.ts'
import { FEATURE_MASK, nodeWords } from '../../src/ops/trees/layout.ts'
import { plainLeafIndex, plainNodes, type LeafNumbers } from '../../src/ops/trees/stored.ts'
import { mlForest } from '../peers.ts'
import type { Subject } from '../measure.ts'

interface MlNode {
  readonly distribution?: number
  readonly splitValue?: number
  readonly splitColumn?: number
  readonly left?: MlNode
  readonly right?: MlNode
}

/** For ensembles with one value a leaf, without missing values and categories. */
export async function mlForestSubject(graph: Graph, rows: Float32Array, count: number): Promise<Subject> {
  const { RandomForestRegression } = await mlForest()
  const node = graph.nodes.find(({ op }) => op === 'TreeEnsemble')
  const [nodes, leafIndex, roots, values] = (node?.inputs.slice(1, 5) ?? []).map((name) => graph.initializers.get(name)?.data)
  const base = graph.initializers.get(node?.inputs[7] ?? '')?.data[0] ?? 0
  if (node === undefined || !(nodes instanceof Uint8Array) || !(roots instanceof Uint32Array) || !(values instanceof Float64Array)) throw new Error('no plain ensemble')
  const plain = plainNodes(text(node.attributes, 'layout', ''), nodes, roots)
  const leafOf = plainLeafIndex(plain, leafIndex as LeafNumbers | undefined)
  const { thresholds, words } = nodeWords(plain.nodes)
  const read = (index: number): MlNode => {
    const left = words[4 * index + 3]
    if (left === index) return { distribution: values[leafOf[index]] }
    // Ours goes right for x > threshold; ml-cart goes left for x < value, so the value is the next number up.
    return { splitColumn: words[4 * index + 2] & FEATURE_MASK, splitValue: nextUp(thresholds[2 * index]), left: read(left), right: read(left + 1) }
  }
  const features = rows.length / count
  const everyFeature = Array.from({ length: features }, (_, i) => i)
  const trees = [...roots]
  const model = RandomForestRegression.load({
    name: 'RFRegression',
    baseModel: {
      indexes: trees.map(() => everyFeature), n: features, replacement: false, maxFeatures: features, nEstimators: trees.length, treeOptions: {}, isClassifier: false, seed: 1, useSampleBagging: false,
      estimators: trees.map((root) => ({ name: 'DTRegression', options: { kind: 'regression' }, root: read(root) })),
    },
    selectionMethod: 'mean',
  })
  const matrix = Array.from({ length: count }, (_, r) => Array.from(rows.subarray(r * features, (r + 1) * features)))
  return {
    engine: 'ml-random-forest',
    run: () => model.predict(matrix),
    values: () => model.predict(matrix).map((mean) => mean * trees.length + Number(base)),
  }
}

function nextUp(value: number): number {
  const bits = new BigInt64Array(new Float64Array([value === 0 ? 0 : value]).buffer)
  bits[0] += value < 0 ? -1n : 1n
  return new Float64Array(bits.buffer)[0]
}
