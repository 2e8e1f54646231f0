// LightGBM: the list of trees of dump_model(). The objective is not among them, but often follows from their weights.
import type { Graph } from '../../graph/graph.ts'
import { exp } from '../../math/index.ts'
import { parseJson, type Json, type JsonObject } from '../json.ts'
import { lightgbmGraph } from '../lightgbm/index.ts'
import type { LgbModel, LgbTree } from '../lightgbm/text.ts'
import { boosterError, numberOf, objectOf, objects, payloadOf } from './boosters.ts'
import type { LegacyMetadata } from './metadata.ts'
import type { Lowered } from './rebuild.ts'
import type { LegacyTensor } from './records.ts'

const CATEGORICAL = 1
const DEFAULT_LEFT = 2
const MISSING: ReadonlyMap<string, number> = new Map([['None', 0], ['Zero', 4], ['NaN', 8]])

/** The booster; its objective is not in the file but often follows from the weights of the first trees. */
export function lowerLightgbm(parameters: readonly LegacyTensor[], metadata: LegacyMetadata, declaredWidth: number): Lowered {
  const dumped = objects(parseJson(payloadOf('LightGBM', parameters), 'LightGBM trees'), 'the dump of LightGBM')
  const roots = dumped.map((tree) => objectOf(tree.get('tree_structure'), 'the dump of LightGBM'))
  const trees = roots.map(lightgbmTree)
  let needed = 1
  for (const tree of trees) for (const feature of tree.splitFeature) needed = Math.max(needed, feature + 1)
  if (declaredWidth > 0 && needed > declaredWidth) throw boosterError(`a tree splits by feature ${needed - 1}, but the input has ${declaredWidth} columns`)
  const { objective, perIteration, note } = guessObjective(roots)
  const model: LgbModel = {
    version: metadata.frameworkVersion ?? 'unknown', classCount: perIteration, treesPerIteration: perIteration, featureCount: Math.max(needed, declaredWidth),
    objective, averageOutput: false, featureNames: [], featureInfos: [], trees,
  }
  return { graph: withoutPredict(lightgbmGraph(model), objective.length === 0), notes: [note] }
}

/** Of a model whose objective is not known only raw scores and leaves are kept. */
function withoutPredict(graph: Graph, isUnknown: boolean): Graph {
  if (!isUnknown) return graph
  const methods = graph.metadata.methods?.filter(({ name }) => name !== 'predict')
  return { ...graph, outputs: graph.outputs.filter(({ name }) => name !== 'value'), metadata: { ...graph.metadata, estimator: 'Booster', methods } }
}

interface Guess {
  readonly objective: readonly string[]
  readonly perIteration: number
  readonly note: string
}

/** Weights are sums of second derivatives; printed with 6 digits. */
const SAME_WEIGHT = 1e-3

/**
 * The objective from the roots of the first trees, whose value is the score that training started from, whose weight is the sum of the
 * second derivatives there and whose count is the number of rows: 1 a row for squared and absolute errors, p (1 - p) for log loss, and
 * a multiple of it, the same for each class, for the softmax.
 */
function guessObjective(roots: readonly JsonObject[]): Guess {
  const known = roots.map((root) => {
    const [value, weight, count] = ['internal_value', 'internal_weight', 'internal_count'].map((key) => root.get(key))
    return typeof value === 'number' && typeof weight === 'number' && typeof count === 'number' && count > 0 ? { value, share: weight / count } : undefined
  })
  const first = known[0]
  const near = (a: number, b: number): boolean => Math.abs(a - b) <= SAME_WEIGHT * Math.abs(b)
  if (first !== undefined) {
    if (known.every((one) => one === undefined || near(one.share, 1))) {
      const note = 'the objective is not in the file; every row weighs 1 in the trees, so that it is one whose prediction is the sum of the leaves'
      return { objective: ['regression'], perIteration: 1, note }
    }
    const p = 1 / (1 + exp(-first.value))
    if (near(first.share, p * (1 - p))) {
      const note = 'the objective is not in the file; the weights of the first tree are those of log loss, so that predictions are probabilities of the second class'
      return { objective: ['binary', 'sigmoid:1'], perIteration: 1, note }
    }
    for (let classes = 2; classes <= roots.length; classes++) {
      if (roots.length % classes !== 0) continue
      const starts = known.slice(0, classes).map((one) => (one === undefined ? NaN : one.share / (exp(one.value) * (1 - exp(one.value)))))
      const total = known.slice(0, classes).reduce((sum, one) => sum + exp(one?.value ?? NaN), 0)
      if (near(total, 1) && starts.every((ratio) => near(ratio, starts[0]) && ratio > 0.99 && ratio < 2.01)) {
        const note = `the objective is not in the file; the first ${classes} trees start from the frequencies of ${classes} classes, so that predictions are their probabilities`
        return { objective: ['multiclass', `num_class:${classes}`], perIteration: classes, note }
      }
    }
  }
  return {
    objective: [],
    perIteration: 1,
    note: 'predict is not available: the objective is not in the file and does not follow from its trees. margin is the sum of the leaves of all trees, the raw score of a model with one tree a round',
  }
}

/** One tree in the arrays of LightGBM's text format: inner nodes and leaves numbered apart, child ~leaf. */
function lightgbmTree(root: JsonObject): LgbTree {
  const splitFeature: number[] = []
  const threshold: number[] = []
  const decisionType: number[] = []
  const leftChild: number[] = []
  const rightChild: number[] = []
  const leafValue: number[] = []
  const boundaries: number[] = [0]
  const words: number[] = []
  const pending: { node: JsonObject; set: (index: number) => void }[] = [{ node: root, set: () => {} }]
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { node } = entry
    if (!node.has('split_feature')) {
      leafValue.push(numberOf(node, 'leaf_value'))
      entry.set(~(leafValue.length - 1))
      continue
    }
    const index = splitFeature.length
    entry.set(index)
    const feature = numberOf(node, 'split_feature')
    if (!Number.isSafeInteger(feature) || feature < 0) throw boosterError(`a split of LightGBM names feature ${feature}`)
    splitFeature.push(feature)
    const missing = MISSING.get(String(node.get('missing_type') ?? 'None'))
    const decision = node.get('decision_type')
    if (missing === undefined || (decision !== '<=' && decision !== '==')) {
      throw boosterError(`a split of LightGBM has decision_type ${JSON.stringify(decision ?? '')} and missing_type ${JSON.stringify(node.get('missing_type') ?? '')}`)
    }
    decisionType.push((decision === '==' ? CATEGORICAL : 0) | (node.get('default_left') === true ? DEFAULT_LEFT : 0) | missing)
    if (decision === '==') {
      threshold.push(boundaries.length - 1)
      for (const word of categoryWords(node.get('threshold'))) words.push(word)
      boundaries.push(words.length)
    } else threshold.push(numberOf(node, 'threshold'))
    leftChild.push(0)
    rightChild.push(0)
    pending.push({ node: objectOf(node.get('right_child'), 'a split of LightGBM'), set: (at) => (rightChild[index] = at) })
    pending.push({ node: objectOf(node.get('left_child'), 'a split of LightGBM'), set: (at) => (leftChild[index] = at) })
  }
  const none = new Float64Array(0)
  return {
    leafCount: leafValue.length, splitFeature: Int32Array.from(splitFeature), threshold: Float64Array.from(threshold), decisionType: Uint8Array.from(decisionType),
    leftChild: Int32Array.from(leftChild), rightChild: Int32Array.from(rightChild), leafValue: Float64Array.from(leafValue),
    splitGain: none, leafCover: none, internalCover: none, categoryBoundaries: Int32Array.from(boundaries), categoryThreshold: Uint32Array.from(words),
  }
}

/** Far more categories than a model of that time could hold in a file of JSON. */
const MAX_CATEGORY = 1 << 20

/** '0||3||4' as a bit field. */
function categoryWords(text: Json | undefined): Uint32Array {
  const members = (typeof text === 'string' ? text : '').split('||').map(Number)
  if (members.some((one) => !Number.isInteger(one) || one < 0 || one > MAX_CATEGORY)) {
    throw boosterError(`a split of LightGBM has categories ${JSON.stringify(text ?? '')}`)
  }
  const words = new Uint32Array(Math.floor(members.reduce((max, one) => Math.max(max, one), 0) / 32) + 1)
  for (const member of members) words[Math.floor(member / 32)] |= 1 << (member % 32)
  return words
}
