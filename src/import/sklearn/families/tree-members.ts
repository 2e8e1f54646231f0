// Ensembles whose members are all single decision trees: one mle.TreeEnsemble instead of an operator per member.
import type { ValueName } from '../../../graph/builder.ts'
import type { TreeDescription } from '../../../ops/trees/encode.ts'
import { isPyObject, type LabelArray, type PyObject, type PyValue } from '../../pickle/index.ts'
import { addTreeEnsemble, type TreeEnsembleOptions } from '../../trees.ts'
import type { Features } from '../features.ts'
import { classesOf } from '../labels.ts'
import { featureCount } from '../params.ts'
import type { SklearnContext } from '../types.ts'
import { leafProbabilities } from './forests.ts'
import { placesIn } from './members.ts'
import { describeTree, encodeSklearnTrees, readTree, treeRows, type SklearnTree } from './tree-structure.ts'

const CLASSIFIERS = new Set(['DecisionTreeClassifier', 'ExtraTreeClassifier'])
const REGRESSORS = new Set(['DecisionTreeRegressor', 'ExtraTreeRegressor'])

export interface TreeMember {
  readonly tree: SklearnTree
  /** Classifiers: probabilities of the ensemble's classes at each node, [nodes, classes]. */
  readonly probabilities: Float64Array
  /** Classifiers: position of the class that each node predicts. */
  readonly predicted: Int32Array
}

/** Member trees that classify into `classes` with one output each; undefined unless all members are such. */
export function classifierTrees(members: readonly PyValue[], classes: LabelArray): TreeMember[] | undefined {
  const out: TreeMember[] = []
  for (const member of members) {
    if (!isPyObject(member) || member.module.split('.')[0] !== 'sklearn' || !CLASSIFIERS.has(member.name)) return undefined
    const own = classesOf(member)
    const tree = readTree(member)
    if (own.length !== 1 || own[0].values.length !== tree.width) return undefined
    const places = placesIn(own[0], classes)
    if (places.includes(-1)) return undefined
    out.push({ tree, ...spread(leafProbabilities(tree, [tree.width], member), tree, places, classes.values.length) })
  }
  return out
}

function spread(own: Float64Array, tree: SklearnTree, places: readonly number[], count: number): Pick<TreeMember, 'probabilities' | 'predicted'> {
  const nodes = tree.left.length
  const probabilities = new Float64Array(nodes * count)
  const predicted = new Int32Array(nodes)
  for (let node = 0; node < nodes; node++) {
    let best = 0
    for (let k = 0; k < tree.width; k++) {
      const at = node * tree.width + k
      probabilities[node * count + places[k]] = own[at]
      if (tree.values[at] > tree.values[node * tree.width + best]) best = k
    }
    predicted[node] = places[best]
  }
  return { probabilities, predicted }
}

/** Member trees that predict one number each; undefined unless all members are such. */
export function regressorTrees(members: readonly PyValue[]): SklearnTree[] | undefined {
  const out: SklearnTree[] = []
  for (const member of members) {
    if (!isPyObject(member) || member.module.split('.')[0] !== 'sklearn' || !REGRESSORS.has(member.name)) return undefined
    const tree = readTree(member)
    if (tree.width !== 1) return undefined
    out.push(tree)
  }
  return out
}

/** A tree for the encoder, its features renumbered where it reads only some of the ensemble's. */
export function describeMember(tree: SklearnTree, values: Float64Array, columns: ArrayLike<number> | undefined): TreeDescription {
  return describeTree(columns === undefined ? tree : { ...tree, feature: tree.feature.map((f) => (f >= 0 ? columns[f] : f)) }, values)
}

/** Adds the trees over the ensemble's input; `width` numbers a leaf. */
export function addMembers(
  context: SklearnContext, estimator: PyObject, x: Features, trees: readonly TreeDescription[], width: number, options: TreeEnsembleOptions & { readonly treeTarget?: ArrayLike<number> },
): ValueName {
  const { treeTarget, ...rest } = options
  return addTreeEnsemble(context.builder, treeRows(context, x, featureCount(estimator) ?? x.width), encodeSklearnTrees(trees, width, treeTarget), rest)
}
