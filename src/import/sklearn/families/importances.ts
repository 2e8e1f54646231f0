// How much each feature matters to a fitted estimator: what SelectFromModel compares with its threshold. Linear models store it as
// coefficients; trees give it as the impurity that their splits remove.
import { pow } from '../../../math/index.ts'
import {
  arrayAttribute, asFloat64, asInt32, asList, attribute, expectStruct, isNdArray, isPyObject, optionalAttribute, placeOf, structField, type NumericNdArray, type PyObject, type PyValue,
} from '../../pickle/index.ts'
import { numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import { denseAttribute } from './coefficients.ts'

/** Scores as SelectFromModel takes them: absolute coefficients, or their norm over outputs. */
export function importances(selector: PyObject, inner: PyObject): number[] {
  const getter = optionalAttribute(selector, 'importance_getter') ?? 'auto'
  if (typeof getter !== 'string') throw unsupportedSetting(selector, 'importance_getter', ['auto', 'coef_', 'feature_importances_', 'a path to an attribute'])
  const found = getter === 'auto' ? automatic(inner) : byPath(selector, inner, getter)
  if (found.shape.length < 2) return Array.from(found.values, Math.abs)
  return columnNorms(found.values, found.shape[0], found.shape[1], normOrder(selector))
}

interface Scores {
  readonly values: Float64Array
  readonly shape: readonly number[]
}

const scoresOf = (array: NumericNdArray): Scores => ({ values: asFloat64(array), shape: array.shape })

function automatic(inner: PyObject): Scores {
  if (inner.state.has('_coef_')) return scoresOf(denseAttribute(inner, '_coef_'))
  if (inner.state.has('coef_')) return scoresOf(denseAttribute(inner, 'coef_'))
  if (inner.name === 'SVC' || inner.name === 'NuSVC' || inner.name === 'SVR' || inner.name === 'NuSVR') return linearSupportVectors(inner)
  return vector(featureImportances(inner))
}

const vector = (values: Float64Array): Scores => ({ values, shape: [values.length] })

function byPath(selector: PyObject, inner: PyObject, path: string): Scores {
  const names = path.split('.')
  let object = inner
  for (const name of names.slice(0, -1)) {
    const steps = name === 'named_steps' ? undefined : object.state.get(name)
    const next: PyValue | undefined = steps ?? stepOf(object, name)
    if (name === 'named_steps') continue
    if (!isPyObject(next)) throw unsupportedSetting(selector, 'importance_getter')
    object = next
  }
  const last = names.at(-1)
  if (last === 'coef_') return automatic(object)
  if (last === 'feature_importances_') return vector(featureImportances(object))
  throw unsupportedSetting(selector, 'importance_getter')
}

function stepOf(pipeline: PyObject, name: string): PyValue | undefined {
  const steps = pipeline.state.get('steps')
  if (!Array.isArray(steps)) return undefined
  for (const step of steps) {
    const [own, estimator] = asList(step, 'steps')
    if (own === name) return estimator
  }
  return undefined
}

/** coef_ of a linear-kernel SVC is computed, not stored: dual coefficients times support vectors, for two classes or regression. */
function linearSupportVectors(inner: PyObject): Scores {
  const dual = denseAttribute(inner, inner.state.has('_dual_coef_') ? '_dual_coef_' : 'dual_coef_')
  if (inner.state.get('kernel') !== 'linear' || dual.shape[0] !== 1) throw unsupported(inner, 'importances of a multi-class or non-linear support vector machine are not computed')
  const vectors = denseAttribute(inner, 'support_vectors_')
  const [count, nFeatures] = vectors.shape
  const weights = asFloat64(dual)
  const data = asFloat64(vectors)
  const values = new Float64Array(nFeatures)
  for (let i = 0; i < count; i++) for (let f = 0; f < nFeatures; f++) values[f] += weights[i] * data[i * nFeatures + f]
  return { values, shape: [1, nFeatures] }
}

function normOrder(selector: PyObject): number {
  const order = selector.state.get('norm_order')
  if (order === undefined) return 1
  if (typeof order !== 'number') throw unsupportedSetting(selector, 'norm_order', ['numbers'])
  return order
}

function columnNorms(values: Float64Array, rows: number, columns: number, order: number): number[] {
  return Array.from({ length: columns }, (_, c) => {
    const column = Array.from({ length: rows }, (_row, r) => Math.abs(values[r * columns + c]))
    if (order === Infinity) return Math.max(...column)
    if (order === -Infinity) return Math.min(...column)
    if (order === 0) return column.filter((one) => one !== 0).length
    if (order === 1) return column.reduce((sum, one) => sum + one, 0)
    if (order === 2) return Math.sqrt(column.reduce((sum, one) => sum + one * one, 0))
    return pow(column.reduce((sum, one) => sum + pow(one, order), 0), 1 / order)
  })
}

/** feature_importances_ of trees and their ensembles, which scikit-learn computes when asked. */
function featureImportances(estimator: PyObject): Float64Array {
  const stored = optionalAttribute(estimator, 'feature_importances_')
  if (isNdArray(stored)) return asFloat64(arrayAttribute(estimator, 'feature_importances_', 1))
  if (estimator.state.has('tree_')) return treeImportances(estimator, true)
  if (estimator.name === 'RandomForestClassifier' || estimator.name === 'RandomForestRegressor' || estimator.name === 'ExtraTreesClassifier' || estimator.name === 'ExtraTreesRegressor') {
    return averaged(estimator, treesOf(estimator).map((tree) => treeImportances(tree, true)))
  }
  if (estimator.name === 'GradientBoostingClassifier' || estimator.name === 'GradientBoostingRegressor') {
    return averaged(estimator, treesOf(estimator).map((tree) => treeImportances(tree, false)))
  }
  if (estimator.name === 'AdaBoostClassifier' || estimator.name === 'AdaBoostRegressor') return boosted(estimator)
  throw unsupported(estimator, 'feature importances of this estimator are not computed')
}

/** The fitted trees with more than one node, in order. */
function treesOf(estimator: PyObject): PyObject[] {
  const where = placeOf(estimator, 'estimators_')
  const value = attribute(estimator, 'estimators_')
  const items = isNdArray(value) && value.dtype === 'object' ? value.data : asList(value, where)
  return items.filter(isPyObject).filter((tree) => nodeCount(tree) > 1)
}

function nodeCount(tree: PyObject): number {
  return expectStruct(structureOf(tree).state.get('nodes'), placeOf(tree, 'tree_')).shape[0]
}

function structureOf(tree: PyObject): PyObject {
  const structure = attribute(tree, 'tree_')
  if (!isPyObject(structure)) throw unsupported(tree, 'tree_ is no tree')
  return structure
}

function averaged(ensemble: PyObject, all: readonly Float64Array[]): Float64Array {
  if (all.length === 0) return new Float64Array(numberSetting(ensemble, 'n_features_in_', 0))
  const sum = new Float64Array(all[0].length)
  for (const one of all) one.forEach((value, f) => (sum[f] += value))
  const means = sum.map((value) => value / all.length)
  const total = means.reduce((a, b) => a + b, 0)
  return means.map((value) => value / total)
}

function boosted(estimator: PyObject): Float64Array {
  const weights = asFloat64(arrayAttribute(estimator, 'estimator_weights_', 1))
  const inner = asList(attribute(estimator, 'estimators_'), placeOf(estimator, 'estimators_')).filter(isPyObject)
  const norm = weights.reduce((a, b) => a + b, 0)
  let sum: Float64Array | undefined
  inner.forEach((one, i) => {
    const own = featureImportances(one)
    sum ??= new Float64Array(own.length)
    for (let f = 0; f < own.length; f++) sum[f] += weights[i] * own[f]
  })
  if (sum === undefined) throw unsupported(estimator, 'has no estimators')
  return sum.map((value) => value / norm)
}

// Weighted impurity of a node less that of its children, added to the feature it splits on.
function treeImportances(tree: PyObject, normalize: boolean): Float64Array {
  const structure = structureOf(tree)
  const where = placeOf(tree, 'tree_')
  const nodes = expectStruct(structure.state.get('nodes'), where)
  const left = asInt32(structField(nodes, 'left_child', where), where)
  const right = asInt32(structField(nodes, 'right_child', where), where)
  const feature = asInt32(structField(nodes, 'feature', where), where)
  const impurity = asFloat64(structField(nodes, 'impurity', where))
  const weight = asFloat64(structField(nodes, 'weighted_n_node_samples', where))
  const nFeatures = numberSetting(tree, 'n_features_in_', numberSetting(tree, 'n_features_', Number(structure.args[0])))
  const out = new Float64Array(nFeatures)
  for (let i = 0; i < left.length; i++) {
    if (left[i] < 0) continue
    out[feature[i]] += weight[i] * impurity[i] - weight[left[i]] * impurity[left[i]] - weight[right[i]] * impurity[right[i]]
  }
  for (let f = 0; f < nFeatures; f++) out[f] /= weight[0]
  const total = out.reduce((a, b) => a + b, 0)
  return normalize && total > 0 ? out.map((value) => value / total) : out
}
