// Decision trees and forests of them: probabilities and values are means over trees, in tree order.
import type { ValueName } from '../../../graph/builder.ts'
import { log } from '../../../math/index.ts'
import type { EncodedTrees } from '../../../ops/trees/encode.ts'
import { asInt32, asList, asObject, attribute, expectNumericArray, type PyObject, type PyValue } from '../../pickle/index.ts'
import { addTreeEnsemble, addTreeLeaves } from '../../trees.ts'
import { argMax, float64Constant, gatherColumns, matrixResult, once, squeeze, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { featureCount, isSince, numberSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { describeTree, encodeSklearnTrees, normalizedValues, readTree, shapMethod, shapResult, treeRows, treeSummary, type SklearnTree } from './tree-structure.ts'

/** The estimators of a forest, or a single tree itself. */
function members(estimator: PyObject): readonly PyObject[] {
  if (!estimator.state.has('estimators_')) return [estimator]
  return asList(attribute(estimator, 'estimators_'), `${estimator.name}.estimators_`).map((one, i) => asObject(one, `${estimator.name}.estimators_[${i}]`))
}

/** apply: the leaf that each tree sends a row to. */
function leafMethod(context: SklearnContext, x: Features, estimator: PyObject, encoded: () => EncodedTrees): NonNullable<Methods['extra']> {
  const result = once((): Result => {
    const value = addTreeLeaves(context.builder, treeRows(context, x, featureCount(estimator)), encoded())
    const count = encoded().roots.shape[0]
    return { value, dtype: 'int32', shape: ['batch', count], sourceDtype: 'int64' }
  })
  return new Map([['apply', { output: 'leaf', result: () => (estimator.state.has('estimators_') ? result() : { ...result(), value: squeeze(context, result().value), shape: ['batch'] }) }]])
}

const classifier: EstimatorImporter = (context, estimator, x) => {
  const classes = classesOf(estimator)
  const counts = classes.map((one) => one.values.length)
  const trees = once(() => members(estimator).map((member) => readTree(member)))
  const encoded = once(() => encodeSklearnTrees(trees().map((tree) => describeTree(tree, leafProbabilities(tree, counts, estimator))), trees()[0].width))
  const all = once(() => addTreeEnsemble(context.builder, treeRows(context, x, featureCount(estimator)), encoded(), { outputs: trees()[0].width, aggregate: 'mean' }))
  const probabilities = once((): readonly Result[] => {
    const { maxClasses } = trees()[0]
    if (counts.length === 1 && counts[0] === trees()[0].width) return [matrixResult(all(), counts[0])]
    return counts.map((count, output) => matrixResult(gatherColumns(context, all(), Array.from({ length: count }, (_, k) => output * maxClasses + k)), count))
  })
  const leaves = leafMethod(context, x, estimator, encoded)
  return {
    ...classifierMethods(context, classes, once(() => probabilities().map((one) => argMax(context, one.value)))),
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
    extra: counts.length === 1 ? new Map([...leaves, ...explained(context, x, estimator, trees, encoded)]) : leaves,
    properties: () => (encoded(), treeSummary(trees(), x)),
  }
}

/** What features add to the mean over trees. */
function explained(context: SklearnContext, x: Features, estimator: PyObject, trees: () => readonly SklearnTree[], encoded: () => EncodedTrees): NonNullable<Methods['extra']> {
  const features = featureCount(estimator)
  return shapMethod(() => shapResult(context, treeRows(context, x, features), encoded(), { outputs: trees()[0].width, aggregate: 'mean' }, features))
}

/** From 1.3 on nodes hold fractions, which are used as they are; before, counts that are divided by their sum. */
export function leafProbabilities(tree: SklearnTree, classCounts: readonly number[], estimator: PyObject): Float64Array {
  return isSince(estimator, 1, 3, tree.missingGoToLeft !== undefined) ? tree.values : normalizedValues(tree, classCounts)
}

const regressor: EstimatorImporter = (context, estimator, x) => {
  const trees = once(() => members(estimator).map((member) => readTree(member)))
  const encoded = once(() => encodeSklearnTrees(trees().map((tree) => describeTree(tree)), trees()[0].width))
  return {
    predict: once(() => {
      const { width } = trees()[0]
      const value = addTreeEnsemble(context.builder, treeRows(context, x, featureCount(estimator)), encoded(), { outputs: width, aggregate: 'mean' })
      return width === 1 ? { value: squeeze(context, value), dtype: 'float64', shape: ['batch'] } : matrixResult(value, width)
    }),
    extra: new Map([...leafMethod(context, x, estimator, encoded), ...explained(context, x, estimator, trees, encoded)]),
    properties: () => (encoded(), treeSummary(trees(), x)),
  }
}

// RandomTreesEmbedding: one column for each leaf of each tree, in the order of leaf numbers.
const embedding: EstimatorImporter = (context, estimator, x) => ({
  transform: once(() => {
    let width = 0
    const trees = members(estimator).map((member) => readTree(member))
    const leavesOf = trees.map((tree) => tree.left.reduce((total, left) => total + (left < 0 ? 1 : 0), 0))
    const total = leavesOf.reduce((sum, count) => sum + count, 0)
    const descriptions = trees.map((tree) => {
      const values = new Float64Array(tree.left.length * total)
      tree.left.forEach((left, node) => {
        if (left < 0) values[node * total + width++] = 1
      })
      return describeTree(tree, values)
    })
    const value = addTreeEnsemble(context.builder, treeRows(context, x, featureCount(estimator)), encodeSklearnTrees(descriptions, total), { outputs: total })
    return matrixFeatures(context, value, total)
  }),
})

/** Average path length of an unsuccessful search in a binary search tree of n nodes (Liu, Ting and Zhou 2008, equation 1). */
function averagePathLength(n: number): number {
  if (n <= 1) return 0
  if (n <= 2) return 1
  return 2 * (log(n - 1) + EULER_GAMMA) - (2 * (n - 1)) / n
}

const EULER_GAMMA = 0.5772156649015329

// IsolationForest: score = -2^(-mean depth / average path length of a sample), decision = score - offset_.
const isolation: EstimatorImporter = (context, estimator, x): Methods => {
  const scores = once((): Result => {
    const { builder } = context
    const trees = members(estimator).map((member) => readTree(member))
    const chosen = asList(attribute(estimator, 'estimators_features_'), `${estimator.name}.estimators_features_`)
    const descriptions = trees.map((tree, t) => {
      const features = indicesOf(chosen[t], `${estimator.name}.estimators_features_[${t}]`)
      return { ...describeTree({ ...tree, feature: tree.feature.map((f) => (f >= 0 ? features[f] : f)) }, pathLengths(tree)) }
    })
    const rows = treeRows(context, x, featureCount(estimator))
    const depth = squeeze(context, addTreeEnsemble(builder, rows, encodeSklearnTrees(descriptions, 1), { outputs: 1 }))
    const samples = numberSetting(estimator, '_max_samples', numberSetting(estimator, 'max_samples_', 256))
    const denominator = trees.length * averagePathLength(samples)
    const exponent = denominator === 0 ? float64Constant(context, [1], []) : builder.add('Div', [depth, float64Constant(context, [denominator], [])])
    const power = builder.add('Pow', [float64Constant(context, [2], []), builder.add('Neg', [exponent])])
    return { value: builder.add('Neg', [power]), dtype: 'float64', shape: ['batch'] }
  })
  const decision = once((): Result => ({ ...scores(), value: withScalar(context, 'Sub', scores().value, numberSetting(estimator, 'offset_', -0.5)) }))
  return {
    scoreSamples: scores,
    decisionFunction: decision,
    predict: () => {
      const outlier = withScalar(context, 'Less', decision().value, 0)
      return { value: context.builder.add('Where', [outlier, label(context, -1), label(context, 1)]), dtype: 'int32', shape: ['batch'], sourceDtype: 'int64' }
    },
  }
}

function label(context: SklearnContext, value: number): ValueName {
  return context.builder.constant({ dtype: 'int32', shape: [], data: Int32Array.of(value) }, 'label')
}

/** At each leaf: nodes on the path to it, plus the average path below it in an unbuilt subtree, minus one. */
function pathLengths(tree: SklearnTree): Float64Array {
  const out = new Float64Array(tree.left.length)
  const depth = new Float64Array(tree.left.length)
  depth[0] = 1
  for (let node = 0; node < tree.left.length; node++) {
    if (tree.left[node] >= 0) {
      depth[tree.left[node]] = depth[node] + 1
      depth[tree.right[node]] = depth[node] + 1
    } else out[node] = depth[node] + averagePathLength(tree.sampleCount[node]) - 1
  }
  return out
}

function indicesOf(value: PyValue, where: string): Int32Array {
  return asInt32(expectNumericArray(value, where), where)
}

export const forests: readonly EstimatorEntry[] = [
  { names: ['DecisionTreeClassifier', 'ExtraTreeClassifier', 'RandomForestClassifier', 'ExtraTreesClassifier'], kind: 'classifier', importer: classifier },
  { names: ['DecisionTreeRegressor', 'ExtraTreeRegressor', 'RandomForestRegressor', 'ExtraTreesRegressor'], kind: 'regressor', importer: regressor },
  { names: ['RandomTreesEmbedding'], kind: 'transformer', importer: embedding },
  { names: ['IsolationForest'], kind: 'outlier', importer: isolation },
]
