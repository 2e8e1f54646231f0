// Decision trees, forests, bags and boosted trees. A tree is five parameters: feature, threshold, value, left and right children.
import { graphBuilder } from '../../graph/builder.ts'
import { log } from '../../math/index.ts'
import { encodeTrees } from '../../ops/trees/encode.ts'
import type { NdArray, PyObject, PyValue } from '../pickle/index.ts'
import { addTreeEnsemble, addTreeLeaves } from '../trees.ts'
import { float64Of, int32Of, requireParameters, requireShape } from './arrays.ts'
import { legacyError } from './error.ts'
import { numberParameter, textParameter, type LegacyMetadata } from './metadata.ts'
import { float64Array, importRebuilt, int32Array, LABEL_NOTE, positions, pyObject, recordArray, settingsOf, type Lowered } from './rebuild.ts'
import type { LegacyTensor } from './records.ts'

/** One tree; values are [nodes, outputs, classes] row-major. */
export interface LegacyTree {
  readonly feature: Int32Array
  readonly threshold: Float64Array
  readonly values: Float64Array
  readonly left: Int32Array
  readonly right: Int32Array
  readonly outputs: number
  readonly classes: number
}

const PARAMETERS = 5

function readTree(parameters: readonly LegacyTensor[], index: number): LegacyTree {
  const [feature, threshold, value, left, right] = parameters
  const nodes = feature.shape[0] ?? 0
  const fits = [feature, threshold, left, right].every((one) => one.shape.length === 1 && one.shape[0] === nodes) && value.shape.length === 3 && value.shape[0] === nodes
  requireShape(fits, `tree ${index} has arrays of different lengths: ${parameters.map((one) => `[${one.shape.join(', ')}]`).join(', ')}`)
  return {
    feature: int32Of(feature, `feature of tree ${index}`),
    threshold: float64Of(threshold),
    values: float64Of(value),
    left: int32Of(left, `children of tree ${index}`),
    right: int32Of(right, `children of tree ${index}`),
    outputs: value.shape[1],
    classes: value.shape[2],
  }
}

/** The trees of a DecisionTree or TreeEnsemble node. Throws LEGACY_SHAPE, LEGACY_LOST, LEGACY_GRAPH. */
function readTrees(op: string, parameters: readonly LegacyTensor[], metadata: LegacyMetadata): LegacyTree[] {
  if (parameters.length === 0) {
    throw legacyError('LEGACY_LOST', `holds no trees of its ${metadata.modelType || 'ensemble'}: the exporter left out members that are not single trees, and the stages of gradient boosting`)
  }
  if (op === 'DecisionTree') requireParameters(op, parameters, [PARAMETERS])
  if (parameters.length % PARAMETERS !== 0) throw legacyError('LEGACY_GRAPH', `${op} has ${parameters.length} parameters, expected ${PARAMETERS} for each tree`)
  const trees = Array.from({ length: parameters.length / PARAMETERS }, (_, i) => readTree(parameters.slice(i * PARAMETERS, (i + 1) * PARAMETERS), i))
  const [{ outputs, classes }] = trees
  requireShape(trees.every((tree) => tree.outputs === outputs && tree.classes === classes), 'its trees have leaves of different sizes: which class a column of a tree stands for is lost')
  requireShape(outputs > 0 && classes > 0, 'its leaves are empty')
  return trees
}

/** Features that a tree needs at least. */
function featuresOf(tree: LegacyTree): number {
  let count = 1
  tree.feature.forEach((feature, node) => {
    if (tree.left[node] >= 0) count = Math.max(count, feature + 1)
  })
  return count
}

/** Values of every node divided by their sum: counts in old versions, fractions rounded to float32 in newer ones. */
function fractions({ values, classes }: LegacyTree): Float64Array {
  const out = values.slice()
  for (let start = 0; start < out.length; start += classes) {
    let sum = 0
    for (let k = start; k < start + classes; k++) sum += values[k]
    if (sum > 0) for (let k = start; k < start + classes; k++) out[k] = values[k] / sum
  }
  return out
}

/** classes_ of a tree: the root holds some of every class; where outputs have fewer classes than others, their last columns are empty. */
function classesOf({ values, outputs, classes }: LegacyTree): PyValue {
  const lists = Array.from({ length: outputs }, (_, o): NdArray => {
    let count = classes
    while (outputs > 1 && count > 1 && values[o * classes + count - 1] === 0) count--
    return positions(count)
  })
  return outputs === 1 ? lists[0] : lists
}

/** A decision tree estimator as the pickle reader describes one. */
function treeEstimator(name: string, tree: LegacyTree, width: number, settings: readonly [string, PyValue][]): PyObject {
  const count = tree.left.length
  const isClassifier = !name.endsWith('Regressor')
  const nodes = recordArray([
    ['left_child', tree.left], ['right_child', tree.right], ['feature', tree.feature], ['n_node_samples', new Int32Array(count)],
    ['threshold', tree.threshold], ['impurity', new Float64Array(count)], ['weighted_n_node_samples', new Float64Array(count)],
  ])
  const values = float64Array(isClassifier ? fractions(tree) : tree.values, [count, tree.outputs, tree.classes])
  const state: [string, PyValue][] = [...settings, ['tree_', pyObject('Tree', [['nodes', nodes], ['values', values]])], ['n_features_in_', width]]
  if (isClassifier) state.push(['classes_', classesOf(tree)])
  return pyObject(name, state)
}

/** Estimators of op DecisionTree and TreeEnsemble by class name. */
export function lowerTrees(op: string, parameters: readonly LegacyTensor[], metadata: LegacyMetadata, declaredWidth: number): Lowered {
  const name = metadata.modelType
  const trees = readTrees(op, parameters, metadata)
  const needed = Math.max(...trees.map(featuresOf))
  requireShape(declaredWidth === 0 || needed <= declaredWidth, `its trees split by feature ${needed - 1}, but its input has ${declaredWidth} columns`)
  const width = Math.max(needed, declaredWidth)
  const isClassifier = name.endsWith('Classifier')
  if (!isClassifier && !name.endsWith('Regressor')) {
    throw legacyError('LEGACY_LOST', `does not say what its trees make: its class is ${JSON.stringify(name)}, expected one that ends in Classifier or Regressor`)
  }
  requireShape(isClassifier || trees[0].classes === 1, `its trees hold ${trees[0].classes} classes, but ${name} has none`)
  if (name.startsWith('GradientBoosting')) return lowerBoosting(trees, metadata, width)
  const notes = isClassifier ? [LABEL_NOTE] : []
  const version = settingsOf(metadata).filter(([key]) => key === '_sklearn_version')
  const memberName = isClassifier ? 'DecisionTreeClassifier' : 'DecisionTreeRegressor'
  if (op === 'DecisionTree') {
    const [tree] = trees
    const estimator = treeEstimator(memberName, tree, width, [])
    return importRebuilt(metadata, [...estimator.state], notes)
  }
  const fitted: [string, PyValue][] = [['estimators_', trees.map((tree) => treeEstimator(memberName, tree, width, version))], ['n_features_in_', width]]
  if (isClassifier) fitted.push(['classes_', classesOf(trees[0])], ['n_classes_', trees[0].classes])
  if (name.startsWith('AdaBoost')) return importRebuilt(metadata, [...fitted, ['estimator_weights_', float64Array(adaBoostWeights(trees, metadata))]], notes)
  const declared = numberParameter(metadata, 'n_estimators')
  if (declared !== undefined && declared !== trees.length) {
    throw legacyError('LEGACY_LOST', `holds ${trees.length} of ${declared} trees; the exporter left out the others`, { expected: declared, actual: trees.length })
  }
  if (name.startsWith('Bagging')) {
    checkBag(metadata, width)
    const columns = int32Array(Int32Array.from({ length: width }, (_, i) => i))
    fitted.push(['estimators_features_', trees.map(() => columns)])
  }
  return importRebuilt(metadata, fitted, notes)
}

/** Members of a bag that read some columns only read columns that the file does not name. */
function checkBag(metadata: LegacyMetadata, width: number): void {
  const maximum = numberParameter(metadata, 'max_features') ?? 1
  const readsAll = metadata.parameters.get('max_features') === undefined || (metadata.isWrittenAsFloat('max_features') ? maximum === 1 : maximum === width)
  if (metadata.parameters.get('bootstrap_features') === true || !readsAll) {
    throw legacyError('LEGACY_LOST', `the trees of ${metadata.modelType} read some of the columns each (max_features, bootstrap_features), and the file does not say which`)
  }
}

/**
 * Weights of a boosted classifier's members. The file does not keep them, but SAMME computes them from the share of training weight that a
 * tree gets wrong, and that follows from the values of its nodes. SAMME.R has weights of 1.
 */
function adaBoostWeights(trees: readonly LegacyTree[], metadata: LegacyMetadata): Float64Array {
  if (metadata.modelType.endsWith('Regressor')) {
    if (trees.length === 1) return Float64Array.of(1)
    throw legacyError('LEGACY_LOST', `${metadata.modelType} takes the weighted median of its trees, and the file does not keep their weights`)
  }
  if (textParameter(metadata, 'algorithm') === 'SAMME.R') return new Float64Array(trees.length).fill(1)
  const rate = numberParameter(metadata, 'learning_rate') ?? 1
  return Float64Array.from(trees, (tree) => {
    const error = trainingError(tree)
    if (error === undefined) {
      throw legacyError('LEGACY_LOST', `the weights of the members of ${metadata.modelType} are not in the file and do not follow from the values of their nodes`)
    }
    return error <= 0 ? 1 : rate * (log((1 - error) / error) + log(tree.classes - 1))
  })
}

/** Shares of classes nearer than this are the same after rounding to float32. */
const SAME_SHARES = 1e-12

/** The share of training weight in leaves that predict another class; undefined where children have the same shares and other errors. */
function trainingError(tree: LegacyTree): number | undefined {
  const { left, right, classes } = tree
  const count = left.length
  const shares = fractions(tree)
  // Children come after their parents in scikit-learn's order, so one pass from the end meets them first.
  const errors = new Float64Array(count)
  for (let node = count - 1; node >= 0; node--) {
    if (left[node] < 0) {
      let largest = 0
      for (let k = 0; k < classes; k++) largest = Math.max(largest, shares[node * classes + k])
      errors[node] = 1 - largest
      continue
    }
    const [a, b] = [left[node], right[node]]
    if (!(a > node && b > node && a < count && b < count)) return undefined
    // shares[node] = t shares[a] + (1 - t) shares[b], by least squares.
    let top = 0
    let bottom = 0
    for (let k = 0; k < classes; k++) {
      const difference = shares[a * classes + k] - shares[b * classes + k]
      top += (shares[node * classes + k] - shares[b * classes + k]) * difference
      bottom += difference * difference
    }
    if (bottom < SAME_SHARES) {
      if (Math.abs(errors[a] - errors[b]) > 1e-6) return undefined
      errors[node] = errors[a]
    } else errors[node] = (top / bottom) * errors[a] + (1 - top / bottom) * errors[b]
  }
  return errors[0]
}

/** Gradient boosting without its starting value: sums of trees, which rank rows of one output as the model does. */
function lowerBoosting(trees: readonly LegacyTree[], metadata: LegacyMetadata, width: number): Lowered {
  const rate = numberParameter(metadata, 'learning_rate')
  if (rate === undefined) throw legacyError('LEGACY_LOST', `the learning rate of ${metadata.modelType} is not in the file`)
  const rounds = numberParameter(metadata, 'n_estimators')
  const outputs = rounds !== undefined && trees.length % rounds === 0 ? trees.length / rounds : 1
  requireShape(trees[0].outputs === 1 && trees[0].classes === 1, 'the leaves of boosted trees hold more than one number')
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float64', shape: ['batch', width] })
  const rows = builder.add('Cast', [x], { to: 'float32' })
  const encoded = encodeTrees(
    trees.map((tree) => ({ left: tree.left, right: tree.right, feature: tree.feature, threshold: tree.threshold, values: tree.values.map((value) => rate * value), missingRight: true })),
    { width: 1, comparison: 'le', precision: 'float64', rows: 'float32', treeTarget: outputs > 1 ? trees.map((_, i) => i % outputs) : undefined },
  )
  const sum = addTreeEnsemble(builder, rows, encoded, { outputs })
  const flat = outputs === 1 ? builder.add('Squeeze', [sum, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')]) : sum
  builder.output('margin_without_start', flat, { dtype: 'float64', shape: outputs === 1 ? ['batch'] : ['batch', outputs] })
  builder.output('leaf', addTreeLeaves(builder, rows, encoded), { dtype: 'int32', shape: ['batch', trees.length] }, 'int64')
  const graph = builder.build({
    framework: 'scikit-learn',
    ...(metadata.frameworkVersion === undefined ? {} : { frameworkVersion: metadata.frameworkVersion }),
    estimator: metadata.modelType,
    methods: [{ name: 'margin_without_start', outputs: ['margin_without_start'] }, { name: 'apply', outputs: ['leaf'] }],
  })
  const start = outputs === 1 ? 'it differs from the raw prediction by one constant, so it ranks rows as the model does' : 'each column differs from the raw prediction by a constant of its own'
  return {
    graph,
    notes: [
      `predict is not available: ${metadata.modelType} starts from a value fitted to the training targets (init_), which the file does not keep`,
      `margin_without_start is learning_rate times the sum of the trees; ${start}`,
    ],
  }
}
