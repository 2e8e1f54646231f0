// Boosters: the JSON trees of an XGBoost dump or of LightGBM's dump_model, or a CatBoost file, kept as raw bytes.
import { graphBuilder } from '../../graph/builder.ts'
import type { Graph, Method } from '../../graph/graph.ts'
import { exp } from '../../math/index.ts'
import { parseJson, type Json, type JsonObject } from '../json.ts'
import { lightgbmGraph } from '../lightgbm/index.ts'
import type { LgbModel, LgbTree } from '../lightgbm/text.ts'
import { lowerBooster } from '../xgboost/lower.ts'
import type { XgbTree } from '../xgboost/model.ts'
import { requireParameters } from './arrays.ts'
import { legacyError } from './error.ts'
import { numberParameter, type LegacyMetadata } from './metadata.ts'
import type { Lowered } from './rebuild.ts'
import type { LegacyTensor } from './records.ts'

/** The bytes of a booster's only parameter. */
export function payloadOf(op: string, parameters: readonly LegacyTensor[]): Uint8Array {
  requireParameters(op, parameters, [1])
  if (parameters[0].dtype !== 'bytes') throw legacyError('LEGACY_BOOSTER', `the parameter of ${op} is ${parameters[0].dtype}, expected raw bytes`)
  return parameters[0].data
}

function fail(what: string): Error {
  return legacyError('LEGACY_BOOSTER', what)
}

function objects(value: Json | undefined, what: string): JsonObject[] {
  if (!Array.isArray(value) || value.length === 0) throw fail(`${what} is no list of trees`)
  return value.map((one) => objectOf(one, what))
}

function objectOf(value: Json | undefined, what: string): JsonObject {
  if (!(value instanceof Map)) throw fail(`${what} holds something that is no tree`)
  return value
}

function numberOf(node: JsonObject, key: string): number {
  const value = node.get(key)
  if (typeof value !== 'number') throw fail(`a node has no number ${key}`)
  return value
}

// ---- XGBoost

/** Margins without base_score, which the dump does not hold. */
export function lowerXgboost(parameters: readonly LegacyTensor[], metadata: LegacyMetadata, declaredWidth: number): Lowered {
  const dumped = objects(parseJson(payloadOf('XGBoost', parameters), 'XGBoost trees'), 'the dump of XGBoost')
  const names = new Map<string, number>()
  collectNames(dumped, names)
  const areNumbers = [...names.keys()].every((name) => /^f\d{1,7}$/.test(name))
  if (areNumbers) for (const name of names.keys()) names.set(name, Number(name.slice(1)))
  let needed = 1
  for (const index of names.values()) needed = Math.max(needed, index + 1)
  if (areNumbers && declaredWidth > 0 && needed > declaredWidth) throw fail(`a tree splits by feature ${needed - 1}, but the input has ${declaredWidth} columns`)
  const featureCount = areNumbers ? Math.max(needed, declaredWidth) : names.size
  const trees = dumped.map((root) => xgboostTree(root, names))
  const rounds = numberParameter(metadata, 'num_trees')
  const outputs = rounds !== undefined && rounds > 0 && trees.length % rounds === 0 ? trees.length / rounds : 1
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float32', shape: ['batch', featureCount] })
  const lowered = lowerBooster(builder, {
    version: metadata.frameworkVersion ?? '', booster: 'gbtree', objective: 'reg:squarederror', objectiveParameters: new Map(), baseScore: [0],
    classCount: outputs > 1 ? outputs : 0, targetCount: 1, featureCount, parallelTrees: 1, trees, treeOutput: trees.map((_, i) => i % outputs),
    attributes: new Map(), featureNames: [], featureTypes: [],
  }, x)
  const margin = lowered.margin()
  const flat = outputs === 1 ? builder.add('Squeeze', [margin, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')]) : margin
  builder.output('margin_without_start', flat, { dtype: 'float32', shape: outputs === 1 ? ['batch'] : ['batch', outputs] })
  const methods: Method[] = [{ name: 'margin_without_start', outputs: ['margin_without_start'] }]
  const notes = ['predict is not available: the file holds the trees only; objective and base_score are lost. margin_without_start is the sum of the leaves, to which base_score (as a margin) must be added']
  if (outputs > 1) notes.push(`there are ${outputs} trees a round: they count as one for each class; with num_parallel_tree set, add the columns up`)
  if (!areNumbers) notes.push('the file names features but not their order: give rows as objects or a table with a header; the order of columns in plain arrays is that in which trees first use them')
  const columns = areNumbers ? undefined : [...names].map(([name, index]) => ({ name, input: 'X', index }))
  return { graph: builder.build({ framework: 'xgboost', frameworkVersion: metadata.frameworkVersion, estimator: 'Booster', methods, columns }), notes }
}

/** Names of features by first use; walks without recursion, for any depth that the parser let through. */
function collectNames(roots: readonly JsonObject[], names: Map<string, number>): void {
  const pending: JsonObject[] = [...roots].reverse()
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const split = node.get('split')
    if (typeof split === 'string') {
      if (!names.has(split)) names.set(split, names.size)
    } else if (!node.has('leaf')) throw fail('a node of XGBoost has neither split nor leaf')
    const children = node.get('children')
    if (Array.isArray(children)) for (let i = children.length - 1; i >= 0; i--) pending.push(objectOf(children[i], 'a node of XGBoost'))
  }
}

function xgboostTree(root: JsonObject, names: ReadonlyMap<string, number>): XgbTree {
  const left: number[] = []
  const right: number[] = []
  const feature: number[] = []
  const condition: number[] = []
  const defaultLeft: number[] = []
  const pending: { node: JsonObject; set: (index: number) => void }[] = [{ node: root, set: () => {} }]
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { node } = entry
    const index = left.length
    entry.set(index)
    left.push(-1)
    right.push(-1)
    feature.push(0)
    defaultLeft.push(0)
    if (node.has('leaf')) {
      condition.push(numberOf(node, 'leaf'))
      continue
    }
    condition.push(numberOf(node, 'split_condition'))
    feature[index] = names.get(String(node.get('split'))) ?? 0
    const yes = numberOf(node, 'yes')
    defaultLeft[index] = numberOf(node, 'missing') === yes ? 1 : 0
    const children = node.get('children')
    if (!Array.isArray(children) || children.length !== 2) throw fail('a split of XGBoost has not two children')
    for (const child of children) {
      const own = objectOf(child, 'a node of XGBoost')
      const isYes = numberOf(own, 'nodeid') === yes
      const side = isYes ? left : right
      pending.push({ node: own, set: (at) => (side[index] = at) })
    }
  }
  if (left.some((child, i) => child >= 0 !== right[i] >= 0)) throw fail('the children of a split of XGBoost do not have the ids that the split names')
  return {
    left: Int32Array.from(left), right: Int32Array.from(right), feature: Uint32Array.from(feature), condition: Float32Array.from(condition), defaultLeft: Uint8Array.from(defaultLeft),
    cover: new Float32Array(0), gain: new Float32Array(0),
  }
}

// ---- LightGBM

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
  if (declaredWidth > 0 && needed > declaredWidth) throw fail(`a tree splits by feature ${needed - 1}, but the input has ${declaredWidth} columns`)
  const { objective, perIteration, note } = guessObjective(roots)
  const model: LgbModel = {
    version: metadata.frameworkVersion ?? 'unknown', classCount: perIteration, treesPerIteration: perIteration, featureCount: Math.max(needed, declaredWidth), objective, averageOutput: false, featureNames: [], trees,
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
      return { objective: ['regression'], perIteration: 1, note: 'the objective is not in the file; every row weighs 1 in the trees, so that it is one whose prediction is the sum of the leaves' }
    }
    const p = 1 / (1 + exp(-first.value))
    if (near(first.share, p * (1 - p))) {
      return { objective: ['binary', 'sigmoid:1'], perIteration: 1, note: 'the objective is not in the file; the weights of the first tree are those of log loss, so that predictions are probabilities of the second class' }
    }
    for (let classes = 2; classes <= roots.length; classes++) {
      if (roots.length % classes !== 0) continue
      const starts = known.slice(0, classes).map((one) => (one === undefined ? NaN : one.share / (exp(one.value) * (1 - exp(one.value)))))
      const total = known.slice(0, classes).reduce((sum, one) => sum + exp(one?.value ?? NaN), 0)
      if (near(total, 1) && starts.every((ratio) => near(ratio, starts[0]) && ratio > 0.99 && ratio < 2.01)) {
        return { objective: ['multiclass', `num_class:${classes}`], perIteration: classes, note: `the objective is not in the file; the first ${classes} trees start from the frequencies of ${classes} classes, so that predictions are their probabilities` }
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
    if (!Number.isSafeInteger(feature) || feature < 0) throw fail(`a split of LightGBM names feature ${feature}`)
    splitFeature.push(feature)
    const missing = MISSING.get(String(node.get('missing_type') ?? 'None'))
    const decision = node.get('decision_type')
    if (missing === undefined || (decision !== '<=' && decision !== '==')) throw fail(`a split of LightGBM has decision_type ${JSON.stringify(decision ?? '')} and missing_type ${JSON.stringify(node.get('missing_type') ?? '')}`)
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
  if (members.some((one) => !Number.isInteger(one) || one < 0 || one > MAX_CATEGORY)) throw fail(`a split of LightGBM has categories ${JSON.stringify(text ?? '')}`)
  const words = new Uint32Array(Math.floor(members.reduce((max, one) => Math.max(max, one), 0) / 32) + 1)
  for (const member of members) words[Math.floor(member / 32)] |= 1 << (member % 32)
  return words
}
