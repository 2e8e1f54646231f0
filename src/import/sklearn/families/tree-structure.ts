// scikit-learn's Tree (sklearn.tree._tree.Tree) as a plain description: node records of 56 bytes up to 1.2 and 64 later.
import { MleError } from '../../../error.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { encodeTrees, type EncodedTrees, type TreeDescription } from '../../../ops/trees/encode.ts'
import { asFloat64, asInt32, asObject, attribute, expectNumericArray, expectStruct, hasField, structField, type PyObject, type PyValue } from '../../pickle/index.ts'
import { treeProperties } from '../../tree-summary.ts'
import { addTreeShap, flattenOutput, type TreeShapOptions } from '../../trees.ts'
import { castTo } from '../emit.ts'
import type { Features } from '../features.ts'
import type { Methods, Result, SklearnContext } from '../types.ts'

/** A fitted tree: structure, and what stands at each node. */
export interface SklearnTree {
  readonly left: Int32Array
  readonly right: Int32Array
  readonly feature: Int32Array
  readonly threshold: Float64Array
  /** Absent before 1.3, whose trees know no missing values. */
  readonly missingGoToLeft: Int32Array | undefined
  /** [nodes, outputs * maxClasses]: counts of classes up to 1.2, fractions later; values of regressors. */
  readonly values: Float64Array
  /** Numbers per node. */
  readonly width: number
  readonly maxClasses: number
  readonly sampleCount: Int32Array
  readonly impurity: Float64Array
  readonly weightedCount: Float64Array
}

/** The `tree_` of a decision tree estimator. */
export function readTree(estimator: PyObject): SklearnTree {
  return readTreeObject(attribute(estimator, 'tree_'), `${estimator.name}.tree_`)
}

export function readTreeObject(value: PyValue, where: string): SklearnTree {
  const tree = asObject(value, where)
  const nodes = expectStruct(attribute(tree, 'nodes'), `${where}.nodes`)
  const values = expectNumericArray(attribute(tree, 'values'), `${where}.values`)
  const column = (name: string): Int32Array => asInt32(structField(nodes, name, where), `${where}.${name}`)
  const float = (name: string): Float64Array => asFloat64(structField(nodes, name, where))
  const count = nodes.shape[0]
  if (values.shape.length !== 3 || values.shape[0] < count) {
    throw new MleError('SKLEARN_SHAPE', `${where}.values has shape [${values.shape.join(', ')}], expected [${count}, outputs, classes]`, { section: where })
  }
  return {
    left: column('left_child'),
    right: column('right_child'),
    feature: column('feature'),
    threshold: float('threshold'),
    missingGoToLeft: hasField(nodes, 'missing_go_to_left') ? column('missing_go_to_left') : undefined,
    values: asFloat64(values),
    width: values.shape[1] * values.shape[2],
    maxClasses: values.shape[2],
    sampleCount: column('n_node_samples'),
    impurity: float('impurity'),
    weightedCount: float('weighted_n_node_samples'),
  }
}

/** A tree for the encoder, with leaf vectors of its own or given ones. */
export function describeTree(tree: SklearnTree, values: ArrayLike<number> = tree.values): TreeDescription {
  const { missingGoToLeft } = tree
  return {
    left: tree.left,
    right: tree.right,
    feature: tree.feature,
    threshold: tree.threshold,
    values,
    cover: tree.weightedCount,
    // Trees before 1.3 refuse NaN in Python; here it goes right, as a comparison that fails.
    missingRight: missingGoToLeft === undefined ? true : Array.from(missingGoToLeft, (left) => left === 0),
  }
}

/**
 * Encodes trees of an estimator. Rows are cast to float32 first, thresholds stay float64: that is how scikit-learn compares.
 */
export function encodeSklearnTrees(descriptions: readonly TreeDescription[], width: number, treeTarget?: ArrayLike<number>): EncodedTrees {
  return encodeTrees(descriptions, { width, comparison: 'le', precision: 'float64', rows: 'float32', treeTarget })
}

/** Decision trees as mle inspect sums them up: gain is the decrease of impurity that each split brings, times the rows that it splits. */
export function treeSummary(trees: readonly SklearnTree[], x: Features): [string, string][] {
  const summarized = trees.map((tree) => {
    const { left, right, impurity, weightedCount } = tree
    const gain = Float64Array.from(left, (child, node) => {
      if (child < 0) return 0
      const other = right[node]
      return weightedCount[node] * impurity[node] - weightedCount[child] * impurity[child] - weightedCount[other] * impurity[other]
    })
    return { ...tree, cover: weightedCount, gain }
  })
  return treeProperties(summarized, featureNamer(x))
}

/** Names of columns where training knew some. */
export function featureNamer({ names }: Features): (feature: number) => string {
  return (feature) => names?.[feature] ?? `f${feature}`
}

/** The method `contributions`: exact SHAP values [batch, features + 1], or [batch, outputs, features + 1]; the last column is the expectation. */
export function shapMethod(result: () => Result): NonNullable<Methods['extra']> {
  return new Map([['contributions', { output: 'contributions', result }]])
}

/** What `features` columns of X and the expectation add to the values of trees. */
export function shapResult(context: SklearnContext, rows: ValueName, encoded: EncodedTrees, options: TreeShapOptions, features: number | undefined): Result {
  const { outputs } = options
  const columns = features === undefined ? null : features + 1
  const value = addTreeShap(context.builder, rows, encoded, options)
  return { value: outputs === 1 ? flattenOutput(context.builder, value) : value, dtype: 'float64', shape: outputs === 1 ? ['batch', columns] : ['batch', outputs, columns] }
}

const float32Rows = new WeakMap<Features, ValueName>()

/** X as trees read it, float32 [batch, features]; cast once for all trees of a model that read the same features. */
export function treeRows(context: SklearnContext, x: Features, width: number | undefined): ValueName {
  let rows = float32Rows.get(x)
  if (rows === undefined) float32Rows.set(x, (rows = castTo(context, x.numbers(width), 'float32')))
  return rows
}

/** Class counts or fractions of every node as probabilities: each output's numbers divided by their sum. */
export function normalizedValues(tree: SklearnTree, classCounts: readonly number[]): Float64Array {
  const { values, width, maxClasses } = tree
  const out = values.slice()
  for (let node = 0; node < values.length / width; node++) {
    classCounts.forEach((classes, output) => {
      const start = node * width + output * maxClasses
      const sum = pairwiseSum(values, start, classes)
      if (sum !== 0) for (let k = start; k < start + classes; k++) out[k] = values[k] / sum
    })
  }
  return out
}

/** numpy's sum of a contiguous row: in order below 8 numbers, then 8 partial sums (numpy's pairwise summation up to 128). */
function pairwiseSum(values: Float64Array, start: number, count: number): number {
  if (count < 8) {
    let sum = 0
    for (let i = 0; i < count; i++) sum += values[start + i]
    return sum
  }
  if (count > 128) {
    const half = (count >>> 1) - ((count >>> 1) % 8)
    return pairwiseSum(values, start, half) + pairwiseSum(values, start + half, count - half)
  }
  const partial = Array.from(values.subarray(start, start + 8))
  let i = 8
  for (; i < count - (count % 8); i += 8) for (let j = 0; j < 8; j++) partial[j] += values[start + i + j]
  let sum = partial[0] + partial[1] + (partial[2] + partial[3]) + (partial[4] + partial[5] + (partial[6] + partial[7]))
  for (; i < count; i++) sum += values[start + i]
  return sum
}
