// XGBoost's JSON and UBJSON documents (same tree of keys in both) -> XgbModel.
import { tableCategories } from './categories.ts'
import { child, count, numbers, optionalChild, optionalNumbers, text, type Numbers } from './fields.ts'
import { MAX_TREES, xgboostError, type XgbModel, type XgbTree } from './model.ts'
import type { Document } from './ubjson.ts'

/** base_score is "5E-1" up to 3.0 and "[5E-1]", one number an output, from 3.1 on. */
export function parseBaseScore(source: string): number[] {
  const inner = source.trim().replace(/^\[|\]$/g, '')
  const scores = inner.split(',').map((part) => Number(part.trim()))
  if (scores.length === 0 || scores.some((score) => Number.isNaN(score))) throw xgboostError('XGBOOST_FIELD', `base_score ${JSON.stringify(source.slice(0, 60))} is no number`)
  return scores.map(Math.fround)
}

/** Reads a parsed document; a pickled booster's `{ Model, Config }` is unwrapped. */
export function readDocument(root: Document): XgbModel {
  const document = optionalChild(root, 'Model') ?? root
  const learner = child(document, 'learner', 'the file')
  const parameters = child(learner, 'learner_model_param', 'learner')
  const objective = child(learner, 'objective', 'learner')
  const objectiveParameters = new Map<string, string>()
  if (objective instanceof Map) {
    for (const group of objective.values()) {
      if (group instanceof Map) for (const [key, value] of group) objectiveParameters.set(key, text(value as Document) ?? '')
    }
  }
  const attributes = new Map<string, string>()
  const attributeNode = optionalChild(learner, 'attributes')
  if (attributeNode instanceof Map) for (const [key, value] of attributeNode) attributes.set(key, text(value as Document) ?? '')

  const gradientBooster = child(learner, 'gradient_booster', 'learner')
  const booster = text(optionalChild(gradientBooster, 'name'))
  const version = optionalChild(document, 'version')
  const shared = {
    version: versionText(version),
    objective: text(optionalChild(objective, 'name')) ?? 'reg:squarederror',
    objectiveParameters,
    baseScore: parseBaseScore(text(optionalChild(parameters, 'base_score')) ?? '0.5'),
    classCount: count(parameters, 'num_class', 0, 'learner_model_param'),
    targetCount: count(parameters, 'num_target', 1, 'learner_model_param'),
    featureCount: count(parameters, 'num_feature', 0, 'learner_model_param'),
    attributes,
    featureNames: strings(optionalChild(learner, 'feature_names')),
    featureTypes: strings(optionalChild(learner, 'feature_types')),
    categories: tableCategories(learner),
  }
  if (booster === 'gblinear') {
    const model = child(gradientBooster, 'model', 'gradient_booster')
    return { ...shared, booster, parallelTrees: 1, trees: [], treeOutput: [], linearWeights: Float32Array.from(numbers(model, 'weights', 'gradient_booster.model')) }
  }
  if (booster !== 'gbtree' && booster !== 'dart') throw xgboostError('XGBOOST_BOOSTER', `booster ${JSON.stringify(booster ?? '')} is unknown, expected gbtree, dart or gblinear`)
  const treeBooster = booster === 'dart' ? child(gradientBooster, 'gbtree', 'gradient_booster') : gradientBooster
  const model = child(treeBooster, 'model', 'gradient_booster')
  const trees = child(model, 'trees', 'model')
  if (!Array.isArray(trees)) throw xgboostError('XGBOOST_FIELD', 'model.trees is no list')
  if (trees.length > MAX_TREES) throw xgboostError('XGBOOST_LIMIT', `${trees.length} trees, at most ${MAX_TREES} are read`)
  return {
    ...shared,
    booster,
    parallelTrees: Math.max(1, count(optionalChild(model, 'gbtree_model_param'), 'num_parallel_tree', 1, 'gbtree_model_param')),
    trees: trees.map((tree, index) => readTree(tree, `model.trees[${index}]`)),
    treeOutput: Array.from(numbers(model, 'tree_info', 'model')),
    treeWeights: booster === 'dart' ? Array.from(numbers(gradientBooster, 'weight_drop', 'gradient_booster'), Math.fround) : undefined,
  }
}

function versionText(version: Document | undefined): string {
  const parts: unknown[] = Array.isArray(version) ? version : ArrayBuffer.isView(version) ? Array.from(version as Uint8Array) : []
  return parts.length > 0 && parts.every((part) => typeof part === 'number') ? parts.join('.') : 'unknown'
}

function strings(value: Document | undefined): string[] {
  return Array.isArray(value) ? value.map((item) => text(item) ?? '') : []
}

function readTree(tree: Document, where: string): XgbTree {
  const left = Int32Array.from(numbers(tree, 'left_children', where))
  const nodes = left.length
  const sized = (key: string): Numbers => {
    const list = numbers(tree, key, where)
    if (list.length !== nodes) throw xgboostError('XGBOOST_TREE', `${where}.${key} has ${list.length} entries for ${nodes} nodes`)
    return list
  }
  const parameters = optionalChild(tree, 'tree_param')
  const vectorSize = count(parameters, 'size_leaf_vector', 1, where)
  const baseWeights = optionalNumbers(tree, 'base_weights', where)
  const splitType = optionalNumbers(tree, 'split_type', where)
  const leafWeights = optionalNumbers(tree, 'leaf_weights', where)
  const right = Int32Array.from(sized('right_children'))
  let leafVectors: XgbTree['leafVectors']
  if (vectorSize > 1 && leafWeights !== undefined && leafWeights.length > 0) leafVectors = { size: vectorSize, values: vectorsOfLeaves(left, right, leafWeights, vectorSize, where) }
  else if (vectorSize > 1 && baseWeights !== undefined) {
    leafVectors = { size: vectorSize, values: Float32Array.from(baseWeights) }
    if (leafVectors.values.length !== nodes * vectorSize) throw xgboostError('XGBOOST_TREE', `${where}.base_weights has ${baseWeights.length} entries for ${nodes} nodes of ${vectorSize} outputs`)
  }
  return {
    left,
    right,
    feature: Uint32Array.from(sized('split_indices')),
    condition: Float32Array.from(sized('split_conditions')),
    defaultLeft: Uint8Array.from(sized('default_left')),
    categories: splitType !== undefined && Array.from(splitType).some((type) => type === 1) ? readCategories(tree, where) : undefined,
    leafVectors,
    cover: Float32Array.from(optionalNumbers(tree, 'sum_hessian', where) ?? []),
    gain: Float32Array.from(optionalNumbers(tree, 'loss_changes', where) ?? []),
  }
}

/** From 3.1 on the vectors of leaves stand apart from those of inner nodes, and a leaf's right child is the number of its vector. */
function vectorsOfLeaves(left: Int32Array, right: Int32Array, leafWeights: Numbers, size: number, where: string): Float32Array {
  // Every vector is one leaf's: a count that is not the leaves' would make nodes x size values of nothing.
  const leaves = left.reduce((total, child) => total + (child === -1 ? 1 : 0), 0)
  if (leafWeights.length !== leaves * size) throw xgboostError('XGBOOST_TREE', `${where}.leaf_weights has ${leafWeights.length} entries for ${leaves} leaves of ${size} outputs`)
  const values = new Float32Array(left.length * size)
  for (let node = 0; node < left.length; node++) {
    if (left[node] !== -1) continue
    const leaf = right[node]
    if (!(leaf >= 0 && leaf < leaves)) throw xgboostError('XGBOOST_TREE', `${where}: leaf ${node} has vector ${leaf}, but there are ${leaves}`)
    for (let k = 0; k < size; k++) values[node * size + k] = leafWeights[leaf * size + k]
  }
  return values
}

/** categories is one flat list; categories_nodes names the nodes, segments and sizes cut the list. */
function readCategories(tree: Document, where: string): Map<number, Int32Array> {
  const flat = numbers(tree, 'categories', where)
  const nodes = numbers(tree, 'categories_nodes', where)
  const segments = numbers(tree, 'categories_segments', where)
  const sizes = numbers(tree, 'categories_sizes', where)
  const sets = new Map<number, Int32Array>()
  // Sets share nothing, so that a short list cannot stand for a long one many times over.
  let total = 0
  for (let i = 0; i < nodes.length; i++) {
    const start = segments[i]
    const end = start + sizes[i]
    total += sizes[i]
    if (!(start >= 0 && end >= start && end <= flat.length && total <= flat.length)) throw xgboostError('XGBOOST_TREE', `${where}.categories_segments[${i}] lies outside categories`)
    sets.set(nodes[i], Int32Array.from({ length: end - start }, (_, k) => flat[start + k]))
  }
  return sets
}
