// CatBoost's JSON document -> CbModel.
import type { Json, JsonObject } from '../json.ts'
import { parseJson } from '../json.ts'
import { readInfo } from './info.ts'
import {
  catboostError, CTR_TYPES, MAX_DEPTH, MAX_DIMENSION, MAX_TREES, splitsOf, symmetricTree,
  type CbCatFeature, type CbCtr, type CbElement, type CbFloatFeature, type CbModel, type CbSplit, type CbTable, type CbTree, type CtrType, type NanTreatment,
} from './model.ts'

function objectAt(value: Json | undefined, where: string): JsonObject {
  if (value instanceof Map) return value
  throw catboostError('CATBOOST_FIELD', `${where} is no object`)
}

/** A list; absent and null, which the library writes for empty ones, count as empty. */
function listAt(parent: JsonObject, key: string, where: string): readonly Json[] {
  const value = parent.get(key)
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw catboostError('CATBOOST_FIELD', `${where}.${key} is no list`)
}

function numbersAt(parent: JsonObject, key: string, where: string): Float64Array {
  const list = listAt(parent, key, where)
  const out = new Float64Array(list.length)
  list.forEach((value, i) => {
    if (typeof value !== 'number') throw catboostError('CATBOOST_FIELD', `${where}.${key}[${i}] is no number`)
    out[i] = value
  })
  return out
}

function numberAt(parent: JsonObject, key: string, where: string, fallback?: number): number {
  const value = parent.get(key) ?? fallback
  if (typeof value !== 'number') throw catboostError('CATBOOST_FIELD', `${where}.${key} is no number`)
  return value
}

function indexAt(parent: JsonObject, key: string, where: string): number {
  const value = numberAt(parent, key, where)
  if (!Number.isSafeInteger(value) || value < 0 || value > 0x7fffffff) throw catboostError('CATBOOST_FIELD', `${where}.${key} is ${value}, expected an index`)
  return value
}

function textAt(parent: JsonObject, key: string): string {
  const value = parent.get(key)
  return typeof value === 'string' ? value : ''
}

/** One-hot values are hashes as int32. */
function hashOf(value: number, where: string): number {
  if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff) throw catboostError('CATBOOST_FIELD', `${where} is ${value}, expected a 32-bit hash`)
  return value
}

/** Reads a parsed document; throws CATBOOST_*. */
export function readDocument(document: Json): CbModel {
  const root = objectAt(document, 'the file')
  const features = objectAt(root.get('features_info') ?? new Map<string, Json>(), 'features_info')
  for (const [key, what] of [['text_features', 'text'], ['embedding_features', 'embedding']]) {
    if (listAt(features, key, 'features_info').length > 0) throw catboostError('CATBOOST_FEATURE', `it has ${what} features, which are not supported; train without them`)
  }
  const floatFeatures = listAt(features, 'float_features', 'features_info').map((feature, i) => readFloat(objectAt(feature, `float_features[${i}]`), `float_features[${i}]`))
  const catFeatures = listAt(features, 'categorical_features', 'features_info').map((feature, i) => readCat(objectAt(feature, `categorical_features[${i}]`), `categorical_features[${i}]`))
  const ctrs = listAt(features, 'ctrs', 'features_info').map((ctr, i) => readCtr(objectAt(ctr, `ctrs[${i}]`), `ctrs[${i}]`))
  const splits = splitsOf(floatFeatures, catFeatures, ctrs)
  const { trees, dimension: found } = readTrees(root, splits)

  const scaleAndBias = listAt(root, 'scale_and_bias', 'the file')
  const [scale = 1, biasNode = []] = scaleAndBias
  const biasList = Array.isArray(biasNode) ? biasNode : [biasNode]
  if (typeof scale !== 'number' || biasList.some((value) => typeof value !== 'number')) throw catboostError('CATBOOST_FIELD', 'scale_and_bias is no number and list of numbers')
  const dimension = found ?? Math.max(1, biasList.length)
  if (biasList.length > 0 && biasList.length !== dimension && !(biasList.length === 1 && biasList[0] === 0)) {
    throw catboostError('CATBOOST_FIELD', `there are ${biasList.length} biases for ${dimension} values per leaf`)
  }
  const info = objectAt(root.get('model_info') ?? new Map<string, Json>(), 'model_info')
  return {
    ...readInfo(info, dimension, (text, key) => parseJson(new TextEncoder().encode(text), `CatBoost model_info.${key}`)),
    floatFeatures,
    catFeatures,
    ctrs,
    tables: readTables(root.get('ctr_data')),
    splits,
    trees,
    dimension,
    scale,
    bias: Array.from({ length: dimension }, (_, i) => Number(biasList[i] ?? 0)),
  }
}

function readFloat(feature: JsonObject, where: string): CbFloatFeature {
  const treatment = textAt(feature, 'nan_value_treatment') || 'AsIs'
  const nan: NanTreatment | undefined = treatment === 'AsIs' || treatment === 'AsFalse' || treatment === 'AsTrue' ? treatment : undefined
  if (nan === undefined) throw catboostError('CATBOOST_FIELD', `${where}.nan_value_treatment is ${JSON.stringify(treatment)}, expected AsIs, AsFalse or AsTrue`)
  const index = indexAt(feature, 'feature_index', where)
  return {
    index,
    flatIndex: feature.has('flat_feature_index') ? indexAt(feature, 'flat_feature_index', where) : index,
    name: textAt(feature, 'feature_name') || textAt(feature, 'feature_id'),
    borders: Float32Array.from(numbersAt(feature, 'borders', where)),
    // The library replaces missing values only where it met some.
    nan: feature.get('has_nans') === true ? nan : 'AsIs',
  }
}

function readCat(feature: JsonObject, where: string): CbCatFeature {
  const index = indexAt(feature, 'feature_index', where)
  return {
    index,
    flatIndex: feature.has('flat_feature_index') ? indexAt(feature, 'flat_feature_index', where) : index,
    name: textAt(feature, 'feature_name') || textAt(feature, 'feature_id'),
    oneHot: Int32Array.from(numbersAt(feature, 'values', where), (value) => hashOf(value, `a value of ${where}`)),
  }
}

function readCtr(ctr: JsonObject, where: string): CbCtr {
  return {
    type: ctrType(textAt(ctr, 'ctr_type'), where),
    elements: readElements(listAt(ctr, 'elements', where), where),
    targetBorder: indexAt(ctr, 'target_border_idx', where),
    priorNumerator: numberAt(ctr, 'prior_numerator', where),
    // The library's own spelling.
    priorDenominator: numberAt(ctr, 'prior_denomerator', where),
    shift: numberAt(ctr, 'shift', where),
    scale: numberAt(ctr, 'scale', where),
    borders: Float32Array.from(numbersAt(ctr, 'borders', where)),
  }
}

function ctrType(name: string, where: string): CtrType {
  const type = CTR_TYPES.find((one) => one === name)
  if (type === undefined) throw catboostError('CATBOOST_CTR', `${where} has type ${JSON.stringify(name)}, expected ${CTR_TYPES.join(', ')}`)
  return type
}

function readElements(list: readonly Json[], where: string): CbElement[] {
  return list.map((value, i): CbElement => {
    const place = `${where}.elements[${i}]`
    const element = objectAt(value, place)
    switch (element.get('combination_element')) {
      case 'cat_feature_value':
        return { kind: 'category', feature: indexAt(element, 'cat_feature_index', place) }
      case 'float_feature':
        return { kind: 'float', feature: indexAt(element, 'float_feature_index', place), border: Math.fround(numberAt(element, 'border', place)) }
      case 'cat_feature_exact_value':
        return { kind: 'oneHot', feature: indexAt(element, 'cat_feature_index', place), value: hashOf(numberAt(element, 'value', place), place) }
      default:
        throw catboostError('CATBOOST_CTR', `${place} is no category, float split or category test`)
    }
  })
}

/** ctr_data: tables keyed by a JSON text of type and combination. */
function readTables(node: Json | undefined): CbTable[] {
  if (node === undefined || node === null) return []
  return Array.from(objectAt(node, 'ctr_data'), ([key, value]): CbTable => {
    const where = `ctr_data[${JSON.stringify(key.slice(0, 80))}]`
    const base = objectAt(parseJson(new TextEncoder().encode(key), `CatBoost ${where}`), where)
    const table = objectAt(value, where)
    const map = listAt(table, 'hash_map', where)
    const step = numberAt(table, 'hash_stride', where)
    if (!Number.isInteger(step) || step < 2 || map.length % step !== 0) throw catboostError('CATBOOST_CTR', `${where}: hash_stride ${step} does not divide the ${map.length} entries of hash_map`)
    const entries = map.length / step
    const hashes = new Uint32Array(2 * entries)
    const counts = new Float64Array(entries * (step - 1))
    for (let entry = 0; entry < entries; entry++) {
      writeHash(map[entry * step], hashes, 2 * entry, where)
      for (let j = 1; j < step; j++) {
        const count = map[entry * step + j]
        if (typeof count !== 'number') throw catboostError('CATBOOST_CTR', `${where}: entry ${entry} of hash_map has a count that is no number`)
        counts[entry * (step - 1) + j - 1] = count
      }
    }
    return {
      type: ctrType(textAt(base, 'type'), where),
      elements: readElements(listAt(base, 'identifier', where), where),
      hashes,
      counts,
      stride: step - 1,
      denominator: numberAt(table, 'counter_denominator', where, 0),
    }
  })
}

/** Hashes are decimal text of 64 bits. */
function writeHash(value: Json, hashes: Uint32Array, at: number, where: string): void {
  if (typeof value !== 'string' || !/^[0-9]{1,20}$/.test(value)) throw catboostError('CATBOOST_CTR', `${where}: a hash is no decimal text`)
  const hash = BigInt(value)
  if (hash >= 1n << 64n) throw catboostError('CATBOOST_CTR', `${where}: hash ${value} has more than 64 bits`)
  hashes[at] = Number(hash & 0xffffffffn)
  hashes[at + 1] = Number(hash >> 32n)
}

function readTrees(root: JsonObject, splits: readonly CbSplit[]): { trees: CbTree[]; dimension: number | undefined } {
  const isSymmetric = root.has('oblivious_trees')
  const list = listAt(root, isSymmetric ? 'oblivious_trees' : 'trees', 'the file')
  if (!isSymmetric && !root.has('trees')) throw catboostError('CATBOOST_FIELD', 'the file has neither oblivious_trees nor trees')
  if (list.length > MAX_TREES) throw catboostError('CATBOOST_LIMIT', `${list.length} trees, at most ${MAX_TREES} are read`)
  const byContent = new Map(splits.map((split, i) => [keyOf(split), i]))
  const splitOf = (node: Json, where: string): number => {
    const split = objectAt(node, where)
    const index = split.get('split_index')
    const type = textAt(split, 'split_type')
    let found: number | undefined
    if (typeof index === 'number') found = index
    else if (type === 'FloatFeature') found = byContent.get(`float ${numberAt(split, 'float_feature_index', where)} ${Math.fround(numberAt(split, 'border', where))}`)
    else if (type === 'OneHotFeature') found = byContent.get(`oneHot ${numberAt(split, 'cat_feature_index', where)} ${numberAt(split, 'value', where)}`)
    const kind = type === 'FloatFeature' ? 'float' : type === 'OneHotFeature' ? 'oneHot' : type === 'OnlineCtr' ? 'ctr' : undefined
    if (found === undefined || !Number.isInteger(found) || splits[found] === undefined || splits[found].kind !== (kind ?? splits[found].kind)) {
      throw catboostError('CATBOOST_SPLIT', `${where} names split ${index ?? ''} of type ${JSON.stringify(type)}, which features_info does not have`)
    }
    return found
  }
  let dimension: number | undefined
  const agree = (own: number, where: string): number => {
    if (!Number.isInteger(own) || own < 1 || own > MAX_DIMENSION || own !== (dimension ?? own)) {
      throw catboostError('CATBOOST_TREE', `${where} has ${own} values per leaf, expected ${dimension ?? `1 to ${MAX_DIMENSION}`}`)
    }
    return (dimension = own)
  }
  const trees = list.map((node, t): CbTree => {
    const where = isSymmetric ? `oblivious_trees[${t}]` : `trees[${t}]`
    const tree = objectAt(node, where)
    if (!isSymmetric) return readGeneral(tree, where, splitOf, agree)
    const levels = listAt(tree, 'splits', where)
    if (levels.length > MAX_DEPTH) throw catboostError('CATBOOST_LIMIT', `${where} has depth ${levels.length}, at most ${MAX_DEPTH} is read`)
    const leaves = 1 << levels.length
    const values = numbersAt(tree, 'leaf_values', where)
    const own = agree(values.length / leaves, where)
    const weights = numbersAt(tree, 'leaf_weights', where)
    if (weights.length !== 0 && weights.length !== leaves) throw catboostError('CATBOOST_TREE', `${where} has ${weights.length} leaf weights for ${leaves} leaves`)
    return symmetricTree(levels.map((level, i) => splitOf(level, `${where}.splits[${i}]`)), values, own, weights.length === 0 ? undefined : weights)
  })
  return { trees, dimension }
}

function keyOf(split: CbSplit): string {
  switch (split.kind) {
    case 'float':
      return `float ${split.feature} ${split.border}`
    case 'oneHot':
      return `oneHot ${split.feature} ${split.value}`
    case 'ctr':
      return `ctr ${split.ctr} ${split.border}`
  }
}

/** Nested nodes: { split, left, right } or { value, weight }. The JSON reader has bounded their depth. */
function readGeneral(root: JsonObject, where: string, splitOf: (node: Json, where: string) => number, agree: (own: number, where: string) => number): CbTree {
  const left: number[] = []
  const right: number[] = []
  const split: number[] = []
  const values: { readonly node: number; readonly vector: readonly number[] }[] = []
  const weights: number[] = []
  let dimension = 1
  let hasWeights = true
  const visit = (node: JsonObject): number => {
    const at = left.length
    left.push(-1)
    right.push(-1)
    split.push(0)
    weights.push(0)
    const value = node.get('value')
    if (value !== undefined) {
      const vector = Array.isArray(value) ? value : [value]
      if (vector.length === 0 || !vector.every((one) => typeof one === 'number')) throw catboostError('CATBOOST_TREE', `${where} has a leaf whose value is no number`)
      dimension = agree(vector.length, where)
      values.push({ node: at, vector })
      const weight = node.get('weight')
      if (typeof weight === 'number') weights[at] = weight
      else hasWeights = false
      return at
    }
    split[at] = splitOf(node.get('split') ?? null, `a split of ${where}`)
    left[at] = visit(objectAt(node.get('left'), `a left child of ${where}`))
    right[at] = visit(objectAt(node.get('right'), `a right child of ${where}`))
    return at
  }
  visit(root)
  const all = new Float64Array(left.length * dimension)
  for (const { node, vector } of values) all.set(vector, node * dimension)
  return { left: Int32Array.from(left), right: Int32Array.from(right), split: Int32Array.from(split), values: all, weights: hasWeights ? Float64Array.from(weights) : undefined }
}
